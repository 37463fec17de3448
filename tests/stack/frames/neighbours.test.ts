/** The neighbour cache: RFC 1122 §2.3.2.1, §2.3.2.2 and §2.4, states as RFC 4861 §7.3.2 has them. */
import { describe, expect, test } from "vitest";
import { E_NOBUFS } from "../../../assembly/abi/errno.js";
import type { UdpSocket } from "../../../src/index.js";
import { Host, OUR_MAC, PEER, PEER_MAC } from "../recording-driver.js";
import { ARP_REPLY, ARP_REQUEST, BROADCAST_MAC } from "../wire.js";

const S = 1_000_000;

async function hostWithSocket(
  options: Parameters<typeof Host.create>[0] = {},
): Promise<{ host: Host; socket: UdpSocket }> {
  const host = await Host.create({ peer: false, ...options });
  return { host, socket: await host.stack.udp.bind({ port: 5000 }) };
}

function send(host: Host, socket: UdpSocket, text: string, address = PEER): void {
  socket.trySend(text, { address, port: 9 });
  host.run();
}

const texts = (host: Host) =>
  host
    .take()
    .filter((frame) => frame.ip?.udp)
    .map((frame) => new TextDecoder().decode(frame.ip?.udp?.data));
const stateOf = (host: Host, address = PEER) =>
  host.stack.neighbours.list().find((entry) => entry.address === address)?.state;
const answer = (host: Host, spa = PEER, sha = PEER_MAC) =>
  host.rxArp({ op: ARP_REPLY, spa, sha, tha: OUR_MAC }, OUR_MAC);

describe("resolution", () => {
  test("the first packet waits, a request goes to all; the answer lets it go", async () => {
    const { host, socket } = await hostWithSocket();
    send(host, socket, "one");
    expect(host.one()).toMatchObject({
      dst: BROADCAST_MAC,
      src: OUR_MAC,
      arp: { op: ARP_REQUEST, sha: OUR_MAC, spa: "192.168.1.1", tha: "00:00:00:00:00:00", tpa: PEER },
    });
    expect(stateOf(host)).toBe("incomplete");
    expect(host.stack.memory().small.held.neighbour).toBe(1);
    answer(host);
    expect(host.take()).toMatchObject([{ dst: PEER_MAC, ip: { dst: PEER } }]);
    expect(stateOf(host)).toBe("reachable");
    expect(host.stack.memory().small.held.neighbour).toBe(0);
  });

  test("a request from the one we wait for is as good as its answer", async () => {
    const { host, socket } = await hostWithSocket();
    send(host, socket, "one");
    host.take();
    host.rxArp({});
    const frames = host.take();
    expect(frames.map((frame) => frame.arp?.op ?? "udp").sort()).toEqual([ARP_REPLY, "udp"]);
  });

  test("the request names the address of ours in the target's subnet", async () => {
    const { host, socket } = await hostWithSocket();
    host.nif.addAddress("10.1.0.1/16");
    host.run();
    host.take();
    send(host, socket, "x", "10.1.2.3");
    expect(host.one().arp).toMatchObject({ spa: "10.1.0.1", tpa: "10.1.2.3" });
  });

  test("at most one request a second goes to a destination, however many packets want it", async () => {
    const { host, socket } = await hostWithSocket();
    const asked: number[] = [];
    for (let i = 0; i < 1000; i++) {
      socket.trySend("flood", { address: PEER, port: 9 });
      host.run(9_973);
      for (let k = 0; k < host.driver.sent.length; k++) asked.push(host.driver.sentAtUs[k] as number);
      for (const frame of host.take()) expect(frame.arp?.tpa).toBe(PEER);
    }
    expect(asked.length).toBeGreaterThanOrEqual(9);
    expect(asked.length).toBeLessThanOrEqual(11);
    for (let k = 1; k < asked.length; k++) {
      expect((asked[k] as number) - (asked[k - 1] as number)).toBeGreaterThanOrEqual(S);
    }
    socket.close();
  });

  test("three requests without answer, then the sender of what waited is told: host unreachable", async () => {
    const { host, socket } = await hostWithSocket();
    const start = host.clock.now();
    send(host, socket, "lost");
    const { counters, drops } = await host.changes(() => host.run(10 * S));
    expect(host.driver.sentAtUs.map((at) => at - start)).toEqual([0, S, 2 * S]);
    expect(host.take().every((frame) => frame.dst === BROADCAST_MAC && frame.arp?.op === ARP_REQUEST)).toBe(true);
    expect(counters).toMatchObject({ NEIGH_FAILED: 1, ICMP_OUT_DEST_UNREACHS: 1, ICMP_IN_ERRORS_MATCHED: 1 });
    expect(drops).toEqual({ NEIGH_FAILED: 1 });
    expect(stateOf(host)).toBe("failed");
    expect(socket.nextError()).toEqual({
      address: PEER,
      port: 9,
      code: "EHOSTUNREACH",
      reporter: "192.168.1.1",
      icmpType: 3,
      icmpCode: 1,
      icmpRest: 0,
    });
  });

  test("an entry that is missing or unresolved is no destination unreachable by itself (RFC 1122 §2.4)", async () => {
    const { host, socket } = await hostWithSocket();
    send(host, socket, "early");
    expect(socket.nextError()).toBeUndefined();
    host.run(2.9 * S);
    expect(socket.nextError()).toBeUndefined();
    answer(host);
    expect(texts(host)).toEqual(["early"]);
    host.run(10 * S);
    expect(socket.nextError()).toBeUndefined();
  });

  test("after a failure the next packet asks anew", async () => {
    const { host, socket } = await hostWithSocket();
    send(host, socket, "lost");
    host.run(5 * S);
    host.take();
    send(host, socket, "again");
    expect(host.one().arp?.tpa).toBe(PEER);
    answer(host);
    expect(texts(host)).toEqual(["again"]);
  });

  test("as many packets wait as the switch says, the latest ones", async () => {
    const { host, socket } = await hostWithSocket();
    host.stack.switches.set("NEIGH_QUEUE", 3);
    const drops = await host.drops(() => {
      for (const text of ["1", "2", "3", "4", "5"]) send(host, socket, text);
    });
    expect(drops).toEqual({ NEIGH_QUEUE_FULL: 2 });
    expect(host.stack.memory().small.held.neighbour).toBe(3);
    answer(host);
    expect(texts(host)).toEqual(["3", "4", "5"]);
  });

  test("a queue of one keeps the latest packet", async () => {
    const { host, socket } = await hostWithSocket();
    host.stack.switches.set("NEIGH_QUEUE", 1);
    for (const text of ["1", "2", "3"]) send(host, socket, text);
    answer(host);
    expect(texts(host)).toEqual(["3"]);
  });

  test("all neighbours' queues together stay within their quota", async () => {
    const { host, socket } = await hostWithSocket();
    const quota = host.stack.memory().small.quota.neighbour;
    for (let i = 0; i < 3 * quota; i++) {
      try {
        socket.trySend("x", { address: `192.168.1.${2 + (i % 200)}`, port: 9 });
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOBUFS" });
      }
      host.run();
      expect(host.stack.memory().small.held.neighbour).toBeLessThanOrEqual(quota);
      expect(host.stack.memory().small.held.stack).toBe(0);
      if (host.driver.sent.length > 100) host.take();
    }
    socket.close();
  });

  test("a large buffer in hand never waits in a neighbour's queue on nobody's books", async () => {
    // Through the exports: a window of a large buffer, and then a short message in it.
    const { host } = await hostWithSocket();
    const { exports } = host.stack.core;
    const handle = exports.sock_open(17);
    const push = (window: number) => {
      expect(exports.sock_window(handle, window)).toBeGreaterThan(0);
      host.stack.core.putPeer(0xc0a80102, 9);
      const result = exports.sock_send(handle, 10, 1);
      host.run();
      expect(host.stack.memory().large.held).toEqual({
        stack: 0,
        rx: 0,
        tx: 0,
        socket: 0,
        neighbour: 0,
        reassembly: 0,
      });
      return result;
    };
    expect(push(10)).toBe(0);
    expect(push(5000)).toBe(-E_NOBUFS);
    expect(push(10)).toBe(0);
    expect(host.stack.memory().small.held.neighbour).toBe(1);
    exports.sock_close(handle);
  });

  test("on an interface that is down nobody is asked for and nothing waits: ENETDOWN", async () => {
    const { host } = await hostWithSocket();
    const bound = await host.stack.udp.bind();
    bound.bindToInterface(2);
    host.nif.down();
    const { counters, drops } = await host.changes(() => {
      expect(() => bound.trySend("x", { address: PEER, port: 9 })).toThrow("ENETDOWN");
    });
    expect(drops).toEqual({ OUT_IF_DOWN: 1 });
    expect(counters.ARP_OUT_REQUESTS).toBeUndefined();
    expect(host.stack.neighbours.list()).toEqual([]);
  });

  test("a neighbour that never answers is one entry, and a full table of them refuses the next", async () => {
    const { host, socket } = await hostWithSocket({ neighbours: 4 });
    for (let i = 2; i < 6; i++) send(host, socket, "x", `192.168.1.${i}`);
    const drops = await host.drops(() => {
      expect(() => socket.trySend("x", { address: "192.168.1.99", port: 9 })).toThrow("ENOBUFS");
    });
    expect(drops).toEqual({ NEIGH_TABLE_FULL: 1 });
    // Resolved ones give way.
    answer(host, "192.168.1.2");
    send(host, socket, "y", "192.168.1.99");
    expect(stateOf(host, "192.168.1.99")).toBe("incomplete");
    expect(stateOf(host, "192.168.1.2")).toBeUndefined();
  });
});

describe("a failure whose report needs a neighbour itself", () => {
  test("may take over the failed one's record, and waits there like any packet", async () => {
    const { host } = await hostWithSocket({ neighbours: 1 });
    host.nif.addAddress("192.168.1.77/24");
    const socket = await host.stack.udp.bind({ address: "192.168.1.77" });
    send(host, socket, "x", "192.168.1.9");
    // The sender's address goes away: the report is for a stranger on the link now.
    host.nif.removeAddress("192.168.1.77");
    const { drops } = await host.changes(() => host.run(3 * S));
    expect(drops).toEqual({ NEIGH_FAILED: 1 });
    expect(stateOf(host, "192.168.1.77")).toBe("incomplete");
    host.take();
    answer(host, "192.168.1.77");
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 1 });
  });
});

describe("ageing", () => {
  async function resolved(): Promise<{ host: Host; socket: UdpSocket }> {
    const world = await hostWithSocket();
    send(world.host, world.socket, "first");
    answer(world.host);
    world.host.take();
    expect(stateOf(world.host)).toBe("reachable");
    return world;
  }

  test("reachable, then stale without news; a stale one still carries packets, then is probed by unicast", async () => {
    const { host, socket } = await resolved();
    host.run(30 * S - 1);
    expect(stateOf(host)).toBe("reachable");
    host.run(1);
    expect(stateOf(host)).toBe("stale");
    send(host, socket, "second");
    expect(texts(host)).toEqual(["second"]);
    expect(stateOf(host)).toBe("delay");
    host.run(5 * S);
    expect(stateOf(host)).toBe("probe");
    expect(host.one()).toMatchObject({ dst: PEER_MAC, arp: { op: ARP_REQUEST, tpa: PEER } });
    // Packets go on to the address that is known while it is in question.
    send(host, socket, "third");
    expect(texts(host)).toEqual(["third"]);
    answer(host);
    expect(stateOf(host)).toBe("reachable");
    host.run(S);
    expect(host.take()).toEqual([]);
  });

  test("an answer during the delay spares the probe", async () => {
    const { host, socket } = await resolved();
    host.run(30 * S);
    send(host, socket, "x");
    host.take();
    answer(host);
    host.run(6 * S);
    expect(stateOf(host)).toBe("reachable");
    expect(host.take()).toEqual([]);
  });

  test("three unicast probes without answer, a second apart, and the entry has failed; then it is forgotten", async () => {
    const { host, socket } = await resolved();
    host.run(30 * S);
    send(host, socket, "x");
    host.take();
    const start = host.clock.now();
    host.run(9 * S);
    expect(host.driver.sentAtUs.map((at) => at - start)).toEqual([5 * S, 6 * S, 7 * S]);
    expect(host.take().map((frame) => frame.dst)).toEqual([PEER_MAC, PEER_MAC, PEER_MAC]);
    expect(stateOf(host)).toBe("failed");
    host.run(60 * S);
    expect(stateOf(host)).toBeUndefined();
  });

  test("a failed neighbour is asked for by broadcast again: it may have moved", async () => {
    const { host, socket } = await resolved();
    host.run(30 * S);
    send(host, socket, "x");
    host.run(9 * S);
    host.take();
    send(host, socket, "y");
    expect(host.one()).toMatchObject({ dst: BROADCAST_MAC });
    answer(host, PEER, "02:00:00:00:01:99");
    expect(host.one()).toMatchObject({ dst: "02:00:00:00:01:99", ip: { dst: PEER } });
  });

  test("out-of-date entries are flushed: unused for the stale time, gone", async () => {
    const { host } = await resolved();
    host.run(30 * S + 60 * S - 1);
    expect(stateOf(host)).toBe("stale");
    host.run(1);
    expect(stateOf(host)).toBeUndefined();
    expect(host.take()).toEqual([]);
  });

  test("a host that only receives forgets as well", async () => {
    const { host } = await hostWithSocket();
    host.rxArp({});
    expect(stateOf(host)).toBe("stale");
    host.run(60 * S);
    expect(stateOf(host)).toBeUndefined();
  });

  test("the timeouts are configurable", async () => {
    const { host, socket } = await hostWithSocket();
    host.stack.switches.set("NEIGH_REACHABLE_MS", 2000);
    host.stack.switches.set("NEIGH_STALE_MS", 3000);
    send(host, socket, "x");
    answer(host);
    host.run(2 * S);
    expect(stateOf(host)).toBe("stale");
    host.run(3 * S);
    expect(stateOf(host)).toBeUndefined();
    expect(() => host.stack.switches.set("NEIGH_RETRANS_MS", 999)).toThrow("EINVAL");
  });

  test("the switches cannot be set so that a destination is asked for more than once a second", async () => {
    const { host, socket } = await hostWithSocket();
    for (const name of ["NEIGH_REACHABLE_MS", "NEIGH_STALE_MS", "NEIGH_DELAY_MS", "NEIGH_RETRANS_MS"] as const) {
      for (const value of [1, 10, 100, 1000]) {
        try {
          host.stack.switches.set(name, value);
          break;
        } catch (error) {
          expect(error).toMatchObject({ code: "EINVAL" });
        }
      }
    }
    const asked: number[] = [];
    for (let i = 0; i < 2000; i++) {
      send(host, socket, "x");
      host.driver.sent.forEach((frame, k) => {
        if (frame[12] === 8 && frame[13] === 6) asked.push(host.driver.sentAtUs[k] as number);
      });
      if (host.take().some((frame) => frame.arp?.op === ARP_REQUEST) && i % 3 !== 0) answer(host);
      host.run(7_001);
    }
    expect(asked.length).toBeGreaterThan(2);
    for (let k = 1; k < asked.length; k++) {
      expect((asked[k] as number) - (asked[k - 1] as number)).toBeGreaterThanOrEqual(S);
    }
  });
});

describe("flushes", () => {
  test("the carrier takes with it what was learned, and what waited", async () => {
    const { host, socket } = await hostWithSocket();
    send(host, socket, "x");
    host.rxArp({ spa: "192.168.1.7", sha: "02:00:00:00:01:07" });
    host.stack.neighbours.add(host.nif, "192.168.1.8", "02:00:00:00:01:08");
    expect(host.stack.neighbours.list()).toHaveLength(3);
    expect(await host.drops(() => host.driver.port.carrier(false))).toEqual({ NEIGH_FLUSHED: 1 });
    expect(host.stack.neighbours.list().map((entry) => entry.state)).toEqual(["permanent"]);
    expect(socket.nextError()).toBeUndefined();
  });

  test("so does taking the interface down; deleting one entry drops what waited for it", async () => {
    const { host, socket } = await hostWithSocket();
    send(host, socket, "x");
    expect(await host.drops(() => host.nif.down())).toEqual({ NEIGH_FLUSHED: 1 });
    host.nif.up();
    send(host, socket, "y");
    expect(await host.drops(() => host.stack.neighbours.delete(host.nif, PEER))).toEqual({ NEIGH_FLUSHED: 1 });
    expect(host.stack.neighbours.list()).toEqual([]);
  });
});
