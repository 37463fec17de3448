/** Scenario 2: ping your own address, with the link and without. */
import { expect, test } from "vitest";
import { run } from "../../src/tools/command.js";
import { Host, PEER, US } from "../stack/recording-driver.js";

/** What `ping -c 1` of the address says, its first line of an answer or of an error, in virtual time. */
async function ping(host: Host, address: string): Promise<string> {
  const lines: string[] = [];
  const say = (text: string) => lines.push(...text.split("\n"));
  const context = { stack: host.stack, out: say, err: say, signal: new AbortController().signal };
  const over = run(`ping -c 1 ${address}`, context);
  await host.clock.advance(15_000_000);
  await over;
  return lines.find((line) => /bytes from|nreach/.test(line)) ?? lines.join("\n");
}

test("scenario 2: with the link up the own address is answered through lo: its counters move, the NIC's do not", async () => {
  const host = await Host.create();
  const before = host.nif.counters;
  expect(await ping(host, US)).toMatch(/^64 bytes from 192\.168\.1\.1: icmp_seq=1 ttl=64 time=/);
  expect(host.nif.counters).toEqual(before);
  expect(host.lo.counters).toMatchObject({ rxPackets: 2, txPackets: 2 });
});

test("scenario 2: with the carrier gone it still answers, as on Linux", async () => {
  const host = await Host.create();
  host.driver.port.carrier(false);
  expect(await ping(host, US)).toMatch(/^64 bytes from/);
});

test("scenario 2: where own addresses follow the link, it is unreachable without carrier, and 127.x.x.x still answers", async () => {
  const host = await Host.create();
  host.stack.switches.set("ADDR_FOLLOWS_CARRIER", 1);
  // A default route by another link must not catch it.
  const { driver } = host.join({ address: "10.0.0.1/8" });
  host.stack.routes.add({ destination: "default", gateway: "10.0.0.254" });
  host.driver.port.carrier(false);
  expect(await ping(host, US)).toMatch(/nreachable|No route to host/);
  expect(() => host.stack.routes.get(US)).toThrow(expect.objectContaining({ code: "EHOSTUNREACH" }));
  expect(host.take(driver)).toEqual([]);
  for (const address of ["127.0.0.1", "127.1.2.3"]) expect(await ping(host, address)).toMatch(/^64 bytes from 127/);
  // Its neighbours are reached by the other way, or not at all.
  expect(host.stack.routes.get(PEER).nextHop).toBe("10.0.0.254");
  host.driver.port.carrier(true);
  expect(await ping(host, US)).toMatch(/^64 bytes from/);
  expect(host.stack.routes.get(PEER).nextHop).toBe(PEER);
});
