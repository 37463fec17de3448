/** Which way a datagram goes: RFC 1122 §3.3.1; equal cost, dead gateways, sockets bound to an interface. */
import { describe, expect, test } from "vitest";
import { codeOf, Host, PEER, PEER_MAC } from "../recording-driver.js";
import { data } from "../wire.js";

const THIRD = "192.168.1.3";
const THIRD_MAC = "02:00:00:00:01:03";
const FOURTH = "192.168.1.4";
const FOURTH_MAC = "02:00:00:00:01:04";

/** Three gateways whose default routes cost the same. */
async function threeWays() {
  const host = await Host.create();
  host.stack.neighbours.add(host.nif, THIRD, THIRD_MAC);
  host.stack.neighbours.add(host.nif, FOURTH, FOURTH_MAC);
  for (const gateway of [PEER, THIRD, FOURTH]) host.stack.routes.add({ destination: "default", gateway });
  return host;
}

describe("equal cost", () => {
  test("destinations are spread over the gateways, and each keeps its own", async () => {
    const host = await threeWays();
    const socket = await host.stack.udp.bind();
    const ways = new Map<string, string>();
    const shares = new Map<string, number>();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 300; i++) {
        const address = `203.0.${i >> 7}.${i & 127}`;
        socket.trySend("x", { address, port: 9 });
        host.run();
        const to = host.one().dst;
        expect(ways.get(address) ?? to).toBe(to);
        ways.set(address, to);
        if (round === 0) shares.set(to, (shares.get(to) ?? 0) + 1);
      }
    }
    expect([...shares.keys()].sort()).toEqual([PEER_MAC, THIRD_MAC, FOURTH_MAC].sort());
    for (const share of shares.values()) expect(share).toBeGreaterThan(60);
  });

  test("connected sockets to one destination are spread, too, by their ports", async () => {
    const host = await threeWays();
    const shares = new Map<string, number>();
    for (let i = 0; i < 90; i++) {
      const socket = await host.stack.udp.connect({ address: "203.0.113.1", port: 9 }, { port: 10_000 + i });
      const to = new Set<string>();
      for (let k = 0; k < 3; k++) {
        socket.trySend("x");
        host.run();
        to.add(host.one().dst);
        // A change of the table elsewhere makes the path be found anew, and it is the same one.
        host.stack.routes.add({ destination: "198.51.0.0/24", gateway: PEER });
        host.stack.routes.delete({ destination: "198.51.0.0/24" });
      }
      expect(to.size).toBe(1);
      const [way] = [...to] as [string];
      shares.set(way, (shares.get(way) ?? 0) + 1);
      socket.close();
    }
    expect(shares.size).toBe(3);
    for (const share of shares.values()) expect(share).toBeGreaterThan(12);
  });
});

describe("a gateway that does not answer", () => {
  async function twoGateways() {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: THIRD, metric: 10 });
    host.stack.routes.add({ destination: "default", gateway: PEER, metric: 20 });
    const socket = await host.stack.udp.connect({ address: "203.0.113.1", port: 9 });
    const other = await host.stack.udp.bind();
    const send = (unconnected = false) => {
      const args = unconnected ? [other, { address: "203.0.113.1", port: 9 }] : [socket, undefined];
      const code = codeOf(() => (args[0] as typeof socket).trySend("x", args[1] as { port: number } | undefined));
      host.run();
      return code === "none" ? host.take().map((frame) => frame.arp?.tpa ?? frame.dst) : code;
    };
    return { host, send };
  }

  test("is passed over for another of a higher metric, and tried again when its entry has gone", async () => {
    const { host, send } = await twoGateways();
    expect(send()).toEqual([THIRD]);
    host.run(3_100_000);
    expect(host.take().map((frame) => frame.arp?.tpa)).toEqual([THIRD, THIRD]);
    // The sender has been told once, of what waited.
    expect(send()).toBe("EHOSTUNREACH");
    expect(send()).toEqual([PEER_MAC]);
    expect(send(true)).toEqual([PEER_MAC]);
    // No probes meanwhile.
    host.run(30_000_000);
    expect(host.take()).toEqual([]);
    expect(send()).toEqual([PEER_MAC]);
    // Its entry expires: it is asked for again, and now is there.
    host.run(40_000_000);
    expect(send()).toEqual([THIRD]);
    host.rxArp({ op: 2, spa: THIRD, sha: THIRD_MAC });
    expect(host.take().map((frame) => frame.dst)).toEqual([THIRD_MAC]);
    expect(send(true)).toEqual([THIRD_MAC]);
  });

  test("is passed over for one of equal cost", async () => {
    const host = await Host.create();
    for (const gateway of [PEER, THIRD]) host.stack.routes.add({ destination: "default", gateway });
    const socket = await host.stack.udp.bind();
    const send = (address: string) => {
      socket.trySend("x", { address, port: 9 });
      host.run();
      return host.take().map((frame) => frame.arp?.tpa ?? frame.dst);
    };
    const addresses = Array.from({ length: 32 }, (_, i) => `203.0.113.${i}`);
    const dead = addresses.filter((address) => send(address)[0] !== PEER_MAC);
    expect(dead.length).toBeGreaterThan(4);
    expect(dead.length).toBeLessThan(28);
    host.run(4_000_000);
    host.take();
    for (const address of addresses) expect(send(address)).toEqual([PEER_MAC]);
  });

  test("that speaks up is used at once", async () => {
    const { host, send } = await twoGateways();
    send();
    host.run(3_100_000);
    host.take();
    send();
    expect(send()).toEqual([PEER_MAC]);
    host.rxArp({ op: 1, spa: THIRD, sha: THIRD_MAC, tpa: "192.168.1.1" });
    host.take();
    expect(send()).toEqual([THIRD_MAC]);
  });

  test("is used all the same where there is no other: what can be done is to ask again", async () => {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: THIRD });
    const socket = await host.stack.udp.bind();
    const send = () => {
      socket.trySend("x", { address: "203.0.113.1", port: 9 });
      host.run();
      return host.take().map((frame) => frame.arp?.tpa);
    };
    expect(send()).toEqual([THIRD]);
    host.run(4_000_000);
    host.take();
    expect(send()).toEqual([THIRD]);
  });
});

describe("a socket bound to an interface", () => {
  test("goes by the routes of that interface, be there a better one elsewhere; without any as if on the link", async () => {
    const host = await Host.create();
    const next = host.join({ address: "10.0.0.1/8" });
    host.stack.neighbours.add(next.nif, "10.0.0.9", "02:00:00:00:02:09");
    host.stack.routes.add({ destination: "203.0.113.0/24", gateway: PEER });
    host.stack.routes.add({ destination: "default", gateway: "10.0.0.9" });
    const socket = await host.stack.udp.bind();
    const send = (address: string, driver = next.driver) => {
      socket.trySend("x", { address, port: 9 });
      host.run();
      const frame = host.one(driver);
      return frame.arp?.tpa ?? frame.dst;
    };
    expect(send("203.0.113.1", host.driver)).toBe(PEER_MAC);
    socket.bindToInterface(next.nif.index);
    expect(send("203.0.113.1")).toBe("02:00:00:00:02:09");
    host.stack.routes.delete({ destination: "default" });
    expect(send("203.0.113.1")).toBe("203.0.113.1");
    expect(host.take()).toEqual([]);
  });
});

describe("identification (RFC 6864, RFC 7739)", () => {
  test("counts up for each destination, from a start that another's says nothing of", async () => {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    const socket = await host.stack.udp.bind();
    const id = (address: string) => {
      socket.trySend(data(1), { address, port: 9 });
      host.run();
      return host.one().ip?.id as number;
    };
    const starts = Array.from({ length: 64 }, (_, i) => id(`203.0.113.${i}`));
    expect(new Set(starts).size).toBeGreaterThan(50);
    expect(starts.filter((start, i) => start === (((starts[i - 1] ?? -5) + 1) & 0xffff)).length).toBeLessThan(4);
    const near = starts.filter((start) => start < 0x4000).length;
    expect(near).toBeGreaterThan(4);
    expect(near).toBeLessThan(32);
    const first = id("198.51.100.1");
    id("198.51.100.2");
    for (let i = 1; i < 100; i++) expect(id("198.51.100.1")).toBe((first + i) & 0xffff);
  });
});
describe("refusals", () => {
  test("unreachable, prohibited, blackhole: as on Linux", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind();
    for (const [type, code] of [
      ["unreachable", "EHOSTUNREACH"],
      ["prohibit", "EACCES"],
      ["blackhole", "EINVAL"],
    ] as const) {
      host.stack.routes.add({ destination: "203.0.113.0/24", type });
      expect(codeOf(() => socket.trySend("x", { address: "203.0.113.1", port: 9 }))).toBe(code);
      host.stack.routes.delete({ destination: "203.0.113.0/24" });
    }
  });
});
