/** A router whose next hop does not answer any more: RFC 1122 §3.3.1.2 to §3.3.1.5, for what it forwards. */
import { describe, expect, test } from "vitest";
import { SimLink, type Stack, VirtualClock } from "../../src/index.js";
import { boot } from "./harness.js";

const HOST = "10.1.0.2";
const WAYS = ["10.2.0.11", "10.2.0.12"] as const;
const ENDS = Array.from({ length: 24 }, (_, i) => `10.3.0.${101 + i}`);

/** A host behind a router; between that and the ends two gateways, which the router knows by routes of these metrics. */
async function world(metrics: readonly [number, number]) {
  const clock = new VirtualClock();
  const [near, middle, far] = [1, 2, 3].map((seed) => new SimLink({ clock, seed, delayUs: 100 })) as [
    SimLink,
    SimLink,
    SimLink,
  ];
  const host = await boot({ clock, name: "host" });
  host.addInterface(near.nic(), { address: `${HOST}/24` });
  host.routes.add({ destination: "default", gateway: "10.1.0.1" });
  const router = await boot({ clock, name: "router" });
  router.addInterface(near.nic(), { address: "10.1.0.1/24" });
  router.addInterface(middle.nic(), { address: "10.2.0.1/24" });
  const plugs = [];
  const gateways: Stack[] = [];
  for (const [i, gateway] of WAYS.entries()) {
    const stack = await boot({ clock, name: gateway });
    const nic = middle.nic();
    plugs.push(nic);
    stack.addInterface(nic, { address: `${gateway}/24` });
    stack.addInterface(far.nic(), { address: `10.3.0.${i + 1}/24` });
    stack.routes.add({ destination: "default", gateway: "10.2.0.1" });
    router.routes.add({ destination: "10.3.0.0/24", gateway, metric: metrics[i] as number });
    gateways.push(stack);
  }
  for (const stack of [router, ...gateways]) stack.switches.set("IP_FORWARD", 1);
  const end = await boot({ clock, name: "end", addresses: 32 });
  const nif = end.addInterface(far.nic(), { address: `${ENDS[0]}/24` });
  for (const address of ENDS.slice(1)) nif.addAddress(`${address}/24`);
  // Answers always come by the second gateway.
  end.routes.add({ destination: "default", gateway: "10.3.0.2" });
  const passed = () => gateways.map((stack) => stack.statistics().counters.IP_FORW_DATAGRAMS) as [number, number];
  /** How many requests each gateway has forwarded while `act` ran; the answers are the second one's. */
  const share = async (act: () => Promise<number>) => {
    const before = passed();
    const answers = await act();
    const after = passed();
    return { answers, requests: [after[0] - before[0], after[1] - before[1] - answers] };
  };
  /** Asks each end once, all at one time: how many answer. */
  const round = () =>
    share(async () => {
      let answers = 0;
      const asked = ENDS.map((address) =>
        host.ping(address, { timeoutUs: 900_000 }).then(
          () => answers++,
          () => {},
        ),
      );
      await clock.advance(1_000_000);
      await Promise.all(asked);
      return answers;
    });
  return { clock, host, router, plug: plugs[0] as (typeof plugs)[0], round };
}

describe("a router's next hop that has died", () => {
  test("is passed over for another of a higher metric, and used again when it speaks up", async () => {
    const { clock, router, plug, round } = await world([10, 20]);
    await round();
    expect(await round()).toEqual({ answers: 24, requests: [24, 0] });
    plug.unplug();
    for (let i = 0; i < 45; i++) await round();
    expect(await round()).toEqual({ answers: 24, requests: [0, 24] });
    // Nobody asks for it meanwhile (RFC 1122 §3.3.1.4); after its entry has gone it is asked for, and is there.
    const asked = () => router.statistics().counters.ARP_OUT_REQUESTS;
    const before = asked();
    await round();
    expect(asked()).toBe(before);
    plug.plug();
    await clock.advance(61_000_000);
    await round();
    expect(await round()).toEqual({ answers: 24, requests: [24, 0] });
  });

  test("is passed over for another of equal cost: its flows alone move, and come back", async () => {
    const { clock, plug, round } = await world([0, 0]);
    await round();
    const both = await round();
    expect(both.answers).toBe(24);
    expect(both.requests[0]).toBeGreaterThan(4);
    expect(both.requests[1]).toBeGreaterThan(4);
    plug.unplug();
    for (let i = 0; i < 45; i++) await round();
    expect(await round()).toEqual({ answers: 24, requests: [0, 24] });
    plug.plug();
    await clock.advance(61_000_000);
    await round();
    expect(await round()).toEqual(both);
  });
});
