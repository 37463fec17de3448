/** Addresses that are probed before they are used, and defended then: RFC 5227 §2.1, §2.3, §2.4. */
import { describe, expect, test } from "vitest";
import { type AddressConflict, SimLink, type StackError, VirtualClock } from "../../../src/index.js";
import { boot } from "../harness.js";
import { codeOf, Host, OUR_MAC, PEER, PEER_MAC, US } from "../recording-driver.js";
import { ARP_REPLY, ARP_REQUEST, BROADCAST_MAC, ZERO_MAC } from "../wire.js";

const SECOND = 1_000_000;

/** "usable", or the code of the error, once the promise has settled. */
function outcome(promise: Promise<void>): { is: string } {
  const result = { is: "pending" };
  promise.then(
    () => {
      result.is = "usable";
    },
    (error: StackError) => {
      result.is = error.code;
    },
  );
  return result;
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A host without address, which begins to probe for US. */
async function probing() {
  const host = await Host.create({ address: null });
  const result = outcome(host.nif.addAddress(`${US}/24`, { probe: true }));
  const go = async (us: number) => {
    host.run(us);
    await settle();
  };
  return { host, result, go };
}

/** A host whose probed address is usable, and announced. */
async function defending() {
  const all = await probing();
  await all.go(20 * SECOND);
  expect(all.result.is).toBe("usable");
  all.host.take();
  return all;
}

const routes = (host: Host) => host.stack.routes.list().filter(({ destination }) => !destination.startsWith("127"));

describe("probing (RFC 5227 §2.1.1)", () => {
  test("three probes from 0.0.0.0, one to two seconds apart, the first within a second; then it is used and announced twice", async () => {
    const { host, result, go } = await probing();
    const { counters } = await host.changes(() => go(20 * SECOND));
    expect(counters).toEqual({ ARP_OUT_PROBES: 3, ARP_OUT_ANNOUNCES: 2 });
    expect(result.is).toBe("usable");
    const at = [...host.driver.sentAtUs];
    const frames = host.take();
    const packet = { op: ARP_REQUEST, sha: OUR_MAC, tha: ZERO_MAC, tpa: US };
    expect(frames.map((frame) => frame.dst)).toEqual(Array(5).fill(BROADCAST_MAC));
    expect(frames.slice(0, 3).map((frame) => frame.arp)).toEqual(Array(3).fill({ ...packet, spa: "0.0.0.0" }));
    expect(frames.slice(3).map((frame) => frame.arp)).toEqual(Array(2).fill({ ...packet, spa: US }));
    const [one = 0, two = 0, three = 0, used = 0, again = 0] = at;
    expect(one).toBeLessThan(SECOND);
    for (const apart of [two - one, three - two]) {
      expect(apart).toBeGreaterThanOrEqual(SECOND);
      expect(apart).toBeLessThan(2 * SECOND);
    }
    // ANNOUNCE_WAIT, ANNOUNCE_INTERVAL.
    expect([used - three, again - used]).toEqual([2 * SECOND, 2 * SECOND]);
  });

  test("the waits differ from host to host", async () => {
    const first = async () => {
      const { host, go } = await probing();
      await go(3 * SECOND);
      return host.driver.sentAtUs[0];
    };
    expect(new Set([await first(), await first(), await first()]).size).toBe(3);
  });

  test("until then it is no source, is not answered for, has no route and receives nothing", async () => {
    const { host, result, go } = await probing();
    await go(2 * SECOND);
    host.take();
    expect(host.nif.addresses).toMatchObject([{ address: US, state: "probing" }]);
    expect(routes(host)).toEqual([]);
    expect(await host.drops(() => host.rxArp({}))).toEqual({ ARP_NOT_FOR_US: 1 });
    expect(await host.drops(() => host.rxUdp({}, []))).toEqual({ IP_NOT_FORWARDING: 1 });
    expect(host.take()).toEqual([]);
    const socket = await host.stack.udp.bind({ broadcast: true });
    expect(codeOf(() => socket.trySend("x", { address: "255.255.255.255", port: 67 }))).toBe("EADDRNOTAVAIL");
    await expect(host.stack.udp.bind({ address: US })).rejects.toMatchObject({ code: "EADDRNOTAVAIL" });
    expect(codeOf(() => host.nif.addAddress(`${US}/24`))).toBe("EEXIST");
    await go(20 * SECOND);
    expect(result.is).toBe("usable");
    host.take();
    expect(host.nif.addresses).toEqual([
      { address: US, prefixLength: 24, netmask: "255.255.255.0", broadcast: "192.168.1.255" },
    ]);
    expect(routes(host).map(({ destination, dev }) => `${destination} ${dev}`)).toEqual([
      "192.168.1.0/24 eth0",
      `${US}/32 lo`,
    ]);
    host.rxArp({});
    expect(host.one().arp).toMatchObject({ op: ARP_REPLY, spa: US });
  });

  test.each([
    ["a reply of a station that has it", { op: ARP_REPLY, spa: US, tpa: "0.0.0.0" }],
    ["a request of a station that has it", { spa: US, tpa: PEER }],
    ["an announcement", { spa: US, tpa: US }],
    ["a probe of a station that wants it too", { spa: "0.0.0.0", tpa: US }],
  ])("%s: EADDRINUSE, and it is not assigned", async (_what, packet) => {
    const { host, result, go } = await probing();
    await go(1.5 * SECOND);
    host.take();
    const { counters, drops } = await host.changes(() => host.rxArp({ sha: PEER_MAC, ...packet }));
    await settle();
    expect(counters).toEqual({ ARP_IN_CONFLICTS: 1 });
    expect(drops).toEqual({ ARP_CONFLICT: 1 });
    expect(result.is).toBe("EADDRINUSE");
    expect(host.nif.addresses).toEqual([]);
    await go(20 * SECOND);
    expect(host.take()).toEqual([]);
    // It may be tried again at once.
    const again = outcome(host.nif.addAddress(`${US}/24`, { probe: true }));
    await go(20 * SECOND);
    expect(again.is).toBe("usable");
  });

  test("a conflict counts until the wait after the last probe is over", async () => {
    const { host, result, go } = await probing();
    while (host.driver.sent.length < 3) await go(SECOND / 10);
    await go(1.8 * SECOND);
    expect(result.is).toBe("pending");
    host.rxArp({ op: ARP_REPLY, spa: US });
    await settle();
    expect(result.is).toBe("EADDRINUSE");
  });

  test("no conflict: its own probe come back, a probe for another address, somebody's question for it", async () => {
    const { host, result, go } = await probing();
    await go(1.5 * SECOND);
    host.rxArp({ sha: OUR_MAC, spa: "0.0.0.0", tpa: US });
    host.rxArp({ spa: "0.0.0.0", tpa: PEER });
    host.rxArp({ spa: PEER, tpa: US });
    await go(20 * SECOND);
    expect(result.is).toBe("usable");
  });

  test("without a link it waits; every time the link comes it is probed anew", async () => {
    const host = await Host.create({ address: null });
    host.nif.down();
    const result = outcome(host.nif.addAddress(`${US}/24`, { probe: true }));
    const go = async (us: number) => {
      host.run(us);
      await settle();
    };
    await go(60 * SECOND);
    expect([host.take(), result.is]).toEqual([[], "pending"]);
    host.nif.up();
    await go(20 * SECOND);
    expect([host.take().length, result.is]).toEqual([5, "usable"]);
    host.driver.port.carrier(false);
    await go(SECOND);
    expect(host.nif.addresses).toMatchObject([{ address: US }]);
    host.driver.port.carrier(true);
    await go(0);
    expect(host.nif.addresses).toMatchObject([{ address: US, state: "probing" }]);
    expect(routes(host)).toEqual([]);
    await go(20 * SECOND);
    expect(host.take().map((frame) => frame.arp?.spa)).toEqual(["0.0.0.0", "0.0.0.0", "0.0.0.0", US, US]);
    expect(host.nif.addresses[0]?.state).toBeUndefined();
  });

  test("where there is no ARP there is nothing to probe: usable at once", async () => {
    const host = await Host.create({ address: null });
    const { nif, driver } = host.join({ medium: "ip" });
    await nif.addAddress("10.0.0.1/30", { probe: true });
    expect(driver.sent).toEqual([]);
    expect(nif.addresses[0]?.state).toBeUndefined();
  });

  test("taken away, or the stack closed or restored, the promise settles", async () => {
    const { host, result, go } = await probing();
    await go(SECOND);
    host.nif.removeAddress(US);
    await settle();
    expect(result.is).toBe("EADDRNOTAVAIL");
    await go(20 * SECOND);
    const clock = new VirtualClock();
    const stack = await boot({ clock });
    const nic = new SimLink({ clock }).nic();
    const nif = stack.addInterface(nic);
    const snapshot = stack.snapshot();
    const restored = outcome(nif.addAddress(`${US}/24`, { probe: true }));
    stack.restore(snapshot);
    await settle();
    expect(restored.is).toBe("ERR_STACK_RESTORED");
    const closed = outcome(nif.addAddress(`${US}/24`, { probe: true }));
    stack.close();
    await settle();
    expect(closed.is).toBe("EBADF");
  });

  test("of two stacks that want one address at once, not both have it", async () => {
    const clock = new VirtualClock();
    const link = new SimLink({ clock, delayUs: 100, seed: 7 });
    const results = [];
    for (let i = 0; i < 2; i++) {
      const stack = await boot({ clock });
      const nif = stack.addInterface(link.nic());
      results.push(outcome(nif.addAddress(`${US}/24`, { probe: true })));
    }
    await clock.advance(30 * SECOND);
    await settle();
    expect(results.filter(({ is }) => is === "usable").length).toBeLessThan(2);
    expect(results.some(({ is }) => is === "EADDRINUSE")).toBe(true);
  });
});

describe("defence (RFC 5227 §2.4)", () => {
  test("an address that was probed is announced once against another who uses it, and told of", async () => {
    const { host } = await defending();
    const told: AddressConflict[] = [];
    host.nif.onconflict = (conflict) => told.push(conflict);
    const { counters, drops } = await host.changes(() => host.rxArp({ spa: US, tpa: PEER }));
    expect(counters).toEqual({ ARP_IN_CONFLICTS: 1, ARP_OUT_ANNOUNCES: 1 });
    expect(drops).toEqual({ ARP_CONFLICT: 1 });
    expect(host.one()).toMatchObject({ dst: BROADCAST_MAC, arp: { spa: US, tpa: US, sha: OUR_MAC } });
    expect(told).toEqual([{ address: US, mac: PEER_MAC, lost: false }]);
  });

  test("a second conflict within ten seconds, and it is given up with its routes", async () => {
    const { host, go } = await defending();
    const told: AddressConflict[] = [];
    host.nif.onconflict = (conflict) => told.push(conflict);
    host.rxArp({ spa: US, tpa: PEER });
    await go(9.9 * SECOND);
    host.take();
    host.rxArp({ spa: US, tpa: PEER });
    expect(host.take()).toEqual([]);
    expect(told.at(-1)).toEqual({ address: US, mac: PEER_MAC, lost: true });
    expect(host.nif.addresses).toMatchObject([{ address: US, state: "conflict" }]);
    expect(routes(host)).toEqual([]);
    // It is the other's now: a neighbour as any.
    expect(await host.drops(() => host.rxArp({ spa: US, tpa: "192.168.1.77" }))).toEqual({ ARP_NOT_FOR_US: 1 });
    host.nif.removeAddress(US);
    expect(host.nif.addresses).toEqual([]);
  });

  test("a second conflict after ten seconds is defended against again", async () => {
    const { host, go } = await defending();
    for (let i = 0; i < 5; i++) {
      host.rxArp({ spa: US, tpa: PEER });
      expect(host.one().arp).toMatchObject({ spa: US, tpa: US });
      await go(10 * SECOND);
    }
    expect(host.nif.addresses[0]?.state).toBeUndefined();
  });

  test("an address that the host set without probing is kept, silently: the conflict is counted and told of", async () => {
    const host = await Host.create();
    const told: AddressConflict[] = [];
    host.nif.onconflict = (conflict) => told.push(conflict);
    for (let i = 0; i < 3; i++) {
      const { counters, drops } = await host.changes(() => host.rxArp({ op: ARP_REPLY, spa: US }));
      expect([counters, drops]).toEqual([{ ARP_IN_CONFLICTS: 1 }, { ARP_CONFLICT: 1 }]);
    }
    expect(host.take()).toEqual([]);
    expect(told).toEqual(Array(3).fill({ address: US, mac: PEER_MAC, lost: false }));
    expect(host.nif.addresses[0]?.state).toBeUndefined();
  });

  test("our own announcement come back, and an address of another of our links, are no conflicts", async () => {
    const { host } = await defending();
    host.join({ address: "10.0.0.1/8" });
    for (const packet of [
      { sha: OUR_MAC, spa: US, tpa: US },
      { sha: "02:00:00:00:02:01", spa: US, tpa: US },
      { spa: "10.0.0.1", tpa: US },
    ]) {
      const { counters, drops } = await host.changes(() => host.rxArp(packet));
      expect([counters, drops]).toEqual([{}, { ARP_SOURCE: 1 }]);
    }
    expect(host.take()).toEqual([]);
  });
});
