/** Scenario 3: two routers on a serial link, and where A's datagrams to its own address go. */
import { expect, test } from "vitest";
import { SimLink, VirtualClock } from "../../src/index.js";
import { traceroute } from "../../src/tools/traceroute.js";
import { boot } from "../stack/harness.js";

const A = "202.56.112.11";
const B = "202.56.112.12";
const DELAY_US = 10_000;

/** A and B, each 10 ms from the other. B is a router; A's own address has no route through lo. */
async function serial() {
  const clock = new VirtualClock();
  const crossed: string[] = [];
  const link = new SimLink({ clock, medium: "ip", delayUs: DELAY_US, seed: 1 });
  link.onFrame = (frame, info) => {
    if (info.event === "sent") crossed.push(`${"AB"[info.end]} ${frame[9] === 1 ? `icmp ${frame[20]}` : "other"}`);
  };
  const a = await boot({ clock, name: "a" });
  const b = await boot({ clock, name: "b" });
  const ppp = a.addInterface(link.nic(), { address: `${A}/24` });
  b.addInterface(link.nic(), { address: `${B}/24` });
  for (const stack of [a, b]) stack.switches.set("IP_FORWARD", 1);
  ppp.switches.set("LOCAL_ROUTE", 0);
  const during = async <T>(work: Promise<T>): Promise<T> => {
    const settled = work.catch(() => {});
    await clock.advance(20_000_000);
    await settled;
    return work;
  };
  const trace = async (address: string) => {
    const abort = new AbortController();
    return (await during(traceroute(a, address, () => {}, { icmp: true, probes: 1 }, abort.signal))).hops;
  };
  return { a, b, ppp, crossed, during, trace };
}

test("scenario 3: without a loopback route A's ping of its own address crosses to B and comes back", async () => {
  const { a, b, crossed, during } = await serial();
  const toB = await during(a.ping(B));
  expect(toB).toMatchObject({ address: B, timeUs: 2 * DELAY_US });
  crossed.length = 0;
  const toItself = await during(a.ping(A));
  // Request and reply each go to B and come back: twice the way to B.
  expect(toItself).toMatchObject({ address: A, timeUs: 4 * DELAY_US });
  expect(crossed).toEqual(["A icmp 8", "B icmp 8", "A icmp 0", "B icmp 0"]);
  expect(b.statistics().counters.IP_FORW_DATAGRAMS).toBe(2);
  // Out by the link it came by, and no redirect: there is nobody else on a point-to-point link.
  expect(b.statistics().counters.ICMP_OUT_REDIRECTS).toBe(0);
  expect(a.interface("lo").counters.rxPackets).toBe(0);
});

test("scenario 3: traceroute from A to its own address shows B, then A", async () => {
  const { trace } = await serial();
  expect(await trace(B)).toEqual([B]);
  expect(await trace(A)).toEqual([B, A]);
});

test("scenario 3: with the host route to 127.0.0.1 it stays inside", async () => {
  const { a, crossed, during, trace } = await serial();
  a.routes.add({ destination: `${A}/32`, gateway: "127.0.0.1" });
  expect(await during(a.ping(A))).toMatchObject({ address: A, timeUs: 0 });
  expect(await trace(A)).toEqual([A]);
  expect(crossed).toEqual([]);
  a.routes.delete({ destination: `${A}/32` });
  expect(await during(a.ping(A))).toMatchObject({ timeUs: 4 * DELAY_US });
});

test("scenario 3: the same by the switch; and 61.175.201.54/32 127.0.0.1", async () => {
  const { a, ppp, crossed, during } = await serial();
  ppp.switches.set("LOCAL_ROUTE", 1);
  expect(await during(a.ping(A))).toMatchObject({ timeUs: 0 });
  ppp.addAddress("61.175.201.54/32");
  ppp.switches.set("LOCAL_ROUTE", 0);
  a.routes.add({ destination: "61.175.201.54/32", gateway: "127.0.0.1" });
  expect(await during(a.ping("61.175.201.54"))).toMatchObject({ timeUs: 0 });
  expect(crossed).toEqual([]);
  expect(await during(a.ping(A))).toMatchObject({ timeUs: 4 * DELAY_US });
});
