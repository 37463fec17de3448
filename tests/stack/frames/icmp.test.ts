/** ICMP: RFC 792, RFC 1122 §3.2.2; what is quoted and how often, RFC 1812 §4.3.2.3 and §4.3.2.8. */
import { describe, expect, test } from "vitest";
import { Host, OUR_MAC, PEER, PEER_MAC, US } from "../recording-driver.js";
import { BROADCAST_MAC, data, ether, type Ipv4Fields, icmp, ipv4, readIpv4, udp } from "../wire.js";

describe("echo", () => {
  test("is answered with the same data, identifier, sequence number and TOS, from the address that was asked", async () => {
    const host = await Host.create();
    for (const length of [0, 1, 56, 1472]) {
      host.rxIcmp({ rest: 0xbeef0102 }, data(length), { tos: 0x58, ttl: 3 });
      const reply = host.one();
      expect(reply.dst).toBe(PEER_MAC);
      expect(reply.ip).toMatchObject({ src: US, dst: PEER, tos: 0x58, ttl: 64, good: true, flagsOffset: 0 });
      expect(reply.ip?.icmp).toEqual({ type: 0, code: 0, rest: 0xbeef0102, good: true, data: data(length) });
    }
  });

  test("in place: no buffer but the request's own is taken", async () => {
    const host = await Host.create();
    const { free } = host.stack.memory().small;
    host.driver.busy = true;
    host.rxIcmp({}, data(100));
    // Held for the driver, and one more posted in its stead.
    expect(host.stack.memory().small.free).toBe(free - 1);
    expect(host.stack.memory().small.held.tx).toBe(1);
    host.driver.free();
    host.run();
    expect(host.stack.memory().small.free).toBe(free);
  });

  test("to a broadcast or multicast address it is not answered, unless a switch says so", async () => {
    const host = await Host.create();
    const asks: [string, string][] = [
      ["255.255.255.255", BROADCAST_MAC],
      ["192.168.1.255", BROADCAST_MAC],
      ["192.168.1.0", BROADCAST_MAC],
      ["224.0.0.1", "01:00:5e:00:00:01"],
    ];
    for (const [dst, mac] of asks) {
      expect(await host.drops(() => host.rxIcmp({}, [], { dst }, mac))).toEqual({ ICMP_ECHO_GROUP: 1 });
    }
    expect(host.take()).toEqual([]);
    host.stack.switches.set("ICMP_ECHO_BROADCASTS", 1);
    for (const [dst, mac] of asks) {
      host.rxIcmp({}, [], { dst }, mac);
      expect(host.one().ip).toMatchObject({ src: US, dst: PEER });
    }
  });

  test("any code is answered in kind", async () => {
    const host = await Host.create();
    host.rxIcmp({ code: 7 }, data(3));
    expect(host.one().ip?.icmp).toMatchObject({ type: 0, code: 7, good: true });
  });

  test("a reply goes to the socket that asked, and to no other", async () => {
    const host = await Host.create();
    const socket = host.stack.openEcho();
    const other = host.stack.openEcho();
    socket.request(PEER, 5, data(9));
    host.run();
    const request = host.one().ip?.icmp;
    expect(request).toMatchObject({ type: 8, code: 0, good: true, data: data(9) });
    expect((request?.rest ?? 0) >>> 16).toBe(socket.identifier);
    expect((request?.rest ?? 0) & 0xffff).toBe(5);
    const { counters } = await host.changes(() => host.rxIcmp({ type: 0, rest: request?.rest ?? 0 }, data(9)));
    expect(counters.ICMP_IN_ECHO_REPS).toBe(1);
    const reply = await socket.receive();
    expect(reply).toMatchObject({ address: PEER, destination: US, ifindex: 2 });
    expect(reply.data.slice(8)).toEqual(data(9));
    expect(await host.drops(() => host.rxIcmp({ type: 0, rest: 0x00010001 }))).toEqual({ ICMP_REPLY_UNWANTED: 1 });
    const theirs = other.identifier * 65536;
    await host.changes(() => host.rxIcmp({ type: 0, rest: theirs }));
    expect((await other.receive()).size).toBe(8);
  });

  test("TTL, TOS and DF of a request are the socket's", async () => {
    const host = await Host.create();
    const socket = host.stack.openEcho({ ttl: 3, tos: 0x10, dontFragment: true });
    socket.request(PEER, 1, data(0));
    host.run();
    expect(host.one().ip).toMatchObject({ ttl: 3, tos: 0x10, flagsOffset: 0x4000 });
  });
});

describe("input checks", () => {
  test("short messages, at every length", async () => {
    const host = await Host.create();
    for (let length = 0; length < 8; length++) {
      expect(await host.drops(() => host.rxIp({ proto: 1 }, icmp({}).slice(0, length)))).toEqual({ ICMP_SHORT: 1 });
    }
  });

  test("a bad checksum, by any bit", async () => {
    const host = await Host.create();
    const good = icmp({}, data(5));
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (128 >> (bit & 7));
      expect(await host.drops(() => host.rxIp({ proto: 1 }, bad))).toEqual({ ICMP_CHECKSUM: 1 });
    }
    expect(host.take()).toEqual([]);
  });

  test("types that are not handled are discarded silently (RFC 1122 §3.2.2)", async () => {
    const host = await Host.create();
    for (const type of [1, 2, 6, 7, 9, 10, 19, 30, 40, 255]) {
      expect(await host.drops(() => host.rxIcmp({ type }, data(40)))).toEqual({ ICMP_TYPE: 1 });
    }
    expect(host.take()).toEqual([]);
  });
});

describe("the other messages", () => {
  /** The message's rest and times: identifier and sequence number, of origin, receipt and transmission. */
  const times = [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];

  test("a timestamp request is answered with the time of day (RFC 792, RFC 1122 §3.2.2.8)", async () => {
    const host = await Host.create({ dayMs: 86_399_000 });
    host.run(3_500_000);
    const { counters } = await host.changes(() => host.rxIcmp({ type: 13, rest: 0xbeef0001 }, times, { tos: 0x48 }));
    expect(counters).toMatchObject({ ICMP_IN_TIMESTAMPS: 1, ICMP_OUT_TIMESTAMP_REPS: 1, ICMP_OUT_MSGS: 1 });
    const reply = host.one();
    expect(reply.ip).toMatchObject({ src: US, dst: PEER, tos: 0x48, good: true });
    expect(reply.ip?.icmp).toMatchObject({ type: 14, code: 0, rest: 0xbeef0001, good: true });
    // Past midnight: the day begins anew.
    const time = [0, 0, 2500 >> 8, 2500 & 255];
    expect([...(reply.ip?.icmp?.data ?? [])]).toEqual([0, 0, 0, 7, ...time, ...time]);
  });

  test("where the time of day is not known, the high-order bit says so (RFC 792)", async () => {
    const host = await Host.create();
    host.run(1_000_000);
    host.rxIcmp({ type: 13 }, times);
    expect([...(host.one().ip?.icmp?.data.slice(4, 8) ?? [])]).toEqual([0x80, 0, 1000 >> 8, 1000 & 255]);
  });

  test("a timestamp request that is cut short, or that went to a group, is not answered", async () => {
    const host = await Host.create();
    expect(await host.drops(() => host.rxIcmp({ type: 13 }, times.slice(1)))).toEqual({ ICMP_SHORT: 1 });
    const all = () => host.rxIcmp({ type: 13 }, times, { dst: "192.168.1.255" }, BROADCAST_MAC);
    expect(await host.drops(all)).toEqual({ ICMP_ECHO_GROUP: 1 });
    expect(host.take()).toEqual([]);
  });

  test("a timestamp reply that nobody asked for is dropped", async () => {
    const host = await Host.create();
    const { counters, drops } = await host.changes(() => host.rxIcmp({ type: 14 }, times));
    expect(counters.ICMP_IN_TIMESTAMP_REPS).toBe(1);
    expect(drops).toEqual({ ICMP_REPLY_UNWANTED: 1 });
  });

  test("source quench is ignored (RFC 6633), information and mask messages too (RFC 6918)", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 5000 });
    socket.trySend("x", { address: PEER, port: 77 });
    host.run();
    const quote = host.one().frame.slice(14);
    for (const type of [4, 15, 16, 17, 18]) {
      expect(await host.drops(() => host.rxIcmp({ type }, quote))).toEqual({ ICMP_DEPRECATED: 1 });
    }
    expect(host.take()).toEqual([]);
    expect(socket.nextError()).toBeUndefined();
    expect(host.stack.statistics().counters.ICMP_IN_SRC_QUENCHS).toBe(1);
  });

  test("no echo at all, by a switch", async () => {
    const host = await Host.create();
    host.stack.switches.set("ICMP_ECHO_IGNORE_ALL", 1);
    expect(await host.drops(() => host.rxIcmp({}))).toEqual({ ICMP_ECHO_GROUP: 1 });
    host.stack.switches.set("ICMP_ECHO_IGNORE_ALL", 0);
    host.rxIcmp({});
    expect(host.one().ip?.icmp?.type).toBe(0);
  });
});

describe("errors that we send", () => {
  test("port unreachable: TOS of the offender and precedence 6 (RFC 1812 §4.3.2.5), default TTL, from the address that was asked, quoting what came", async () => {
    const host = await Host.create();
    host.join({ address: "10.0.0.1/8" });
    const offender = ipv4({ tos: 0x48, ttl: 9, id: 0x1234, dst: "10.0.0.1" }, udp({ dst: "10.0.0.1" }, data(33)));
    const { drops, counters } = await host.changes(() => host.rx(ether({ dst: OUR_MAC }, offender)));
    const error = host.one();
    expect(error.dst).toBe(PEER_MAC);
    expect(error.ip).toMatchObject({ src: "10.0.0.1", dst: PEER, tos: 0xc8, ttl: 64, good: true });
    expect(error.ip?.icmp).toEqual({ type: 3, code: 3, rest: 0, good: true, data: offender });
    expect(drops).toEqual({ UDP_NO_PORT: 1 });
    expect(counters).toMatchObject({ ICMP_OUT_MSGS: 1, ICMP_OUT_DEST_UNREACHS: 1 });
  });

  test("protocol unreachable", async () => {
    const host = await Host.create();
    const offender = ipv4({ proto: 99 }, data(20));
    host.rx(ether({ dst: OUR_MAC }, offender));
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 2, rest: 0, good: true, data: offender });
  });

  test("576 bytes at most, and no padding of the frame", async () => {
    const host = await Host.create();
    const long = ipv4({}, udp({}, data(1400)));
    host.rx(ether({ dst: OUR_MAC }, long));
    expect(host.one().ip).toMatchObject({ totalLen: 576, icmp: { data: long.slice(0, 548) } });
    const short = ipv4({}, udp({}));
    host.rx(new Uint8Array([...ether({ dst: OUR_MAC }, short), ...new Uint8Array(18).fill(0xee)]));
    expect(host.one().ip?.icmp?.data).toEqual(short);
  });

  test("never about an ICMP error", async () => {
    const host = await Host.create();
    // One of ours failed to resolve: what it carried was an error, so nobody is told.
    host.stack.routes.add({ destination: "10.0.0.0/8", dev: "eth0" });
    const { counters, drops } = await host.changes(() => {
      host.rxUdp({}, [], { src: "10.0.0.9" });
      host.run(4_000_000);
    });
    expect(counters.ICMP_OUT_MSGS).toBe(1);
    expect(drops).toEqual({ UDP_NO_PORT: 1, NEIGH_FAILED: 1, ICMP_ERROR_FORBIDDEN: 1 });
    expect(host.take().filter((frame) => frame.ip)).toEqual([]);
  });

  test("but about an echo request or reply of ours that found no neighbour", async () => {
    const host = await Host.create();
    const socket = host.stack.openEcho();
    socket.request("192.168.1.9", 3, data(1));
    host.run(4_000_000);
    expect(socket.nextError()).toMatchObject({
      code: "EHOSTUNREACH",
      address: "192.168.1.9",
      icmpType: 3,
      icmpCode: 1,
    });
  });

  test("never about a broadcast or multicast, of IP or of the link", async () => {
    const host = await Host.create();
    for (const [dst, mac] of [
      ["255.255.255.255", BROADCAST_MAC],
      ["192.168.1.255", BROADCAST_MAC],
      ["192.168.1.255", OUR_MAC],
      ["224.0.0.1", "01:00:5e:00:00:01"],
    ] as const) {
      expect(await host.drops(() => host.rxUdp({}, [], { dst }, mac))).toEqual({ UDP_GROUP_NO_PORT: 1 });
      expect(await host.drops(() => host.rxIp({ proto: 99, dst }, data(9), mac))).toEqual({
        IP_PROTOCOL: 1,
        ICMP_ERROR_FORBIDDEN: 1,
      });
    }
    expect(await host.drops(() => host.rxUdp({}, [], {}, BROADCAST_MAC))).toEqual({ IP_LINK_BROADCAST: 1 });
    expect(host.take()).toEqual([]);
  });

  test("never about a fragment, nor to a source that is no single host's", async () => {
    const host = await Host.create();
    const cases: Ipv4Fields[] = [
      { flagsOffset: 0x0010 },
      { flagsOffset: 0x2000 },
      { src: "0.0.0.0" },
      { src: "255.255.255.255" },
      { src: "192.168.1.255" },
      { src: "192.168.1.0" },
      { src: "224.0.0.9" },
      { src: "240.0.0.9" },
      { src: "127.0.0.1" },
      { src: US },
    ];
    for (const ip of cases) {
      host.rxUdp({}, [], ip);
      host.rxIp({ proto: 99, ...ip }, data(9));
      expect(host.take(), JSON.stringify(ip)).toEqual([]);
    }
  });

  test("50 at once and 1,000 a second, whatever comes", async () => {
    const host = await Host.create();
    host.stack.switches.set("ICMP_HOST_RATE", 1000000);
    host.stack.switches.set("ICMP_HOST_BURST", 1000000);
    const flood = (frames: number) => {
      for (let i = 0; i < frames; i++) host.rxUdp({});
    };
    const drops = await host.drops(() => flood(100));
    expect(host.take()).toHaveLength(50);
    expect(drops).toEqual({ UDP_NO_PORT: 100, ICMP_ERROR_RATE: 50 });
    host.run(10_000);
    flood(100);
    expect(host.take()).toHaveLength(10);
    let sent = 0;
    for (let ms = 0; ms < 1000; ms++) {
      host.run(1000);
      flood(3);
      sent += host.take().length;
    }
    expect(sent).toBeGreaterThanOrEqual(999);
    expect(sent).toBeLessThanOrEqual(1001);
    host.run(1_000_000_000);
    flood(100);
    expect(host.take()).toHaveLength(50);
  });

  test("20 at once and 100 a second to one destination, without loss to the others", async () => {
    const host = await Host.create();
    const drops = await host.drops(() => {
      for (let i = 0; i < 60; i++) host.rxUdp({});
    });
    expect(host.take()).toHaveLength(20);
    expect(drops).toEqual({ UDP_NO_PORT: 60, ICMP_ERROR_HOST_RATE: 40 });
    host.stack.neighbours.add(host.nif, "192.168.1.3", "02:00:00:00:01:03");
    for (let i = 0; i < 30; i++) host.rxUdp({}, [], { src: "192.168.1.3" });
    expect(host.take()).toHaveLength(20);
    let sent = 0;
    for (let ms = 0; ms < 1000; ms += 5) {
      host.run(5000);
      host.rxUdp({});
      sent += host.take().length;
    }
    expect(sent).toBe(100);
    // Echo replies are not limited (RFC 1812 §4.3.2.8 is about errors).
    for (let i = 0; i < 200; i++) host.rxIcmp({});
    expect(host.take()).toHaveLength(200);
  });

  test("the rate is a switch; 0 sends none once the burst is spent", async () => {
    const host = await Host.create();
    host.stack.switches.set("ICMP_RATE", 0);
    host.stack.switches.set("ICMP_BURST", 1);
    host.run(5_000_000);
    for (let i = 0; i < 9; i++) host.rxUdp({});
    expect(host.take()).toHaveLength(1);
    host.run(5_000_000);
    host.rxUdp({});
    expect(host.take()).toEqual([]);
  });
});

describe("errors that we receive", () => {
  /** An unconnected socket that has sent to the peer, and the datagram as it went out. */
  async function sent() {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 5000 });
    socket.trySend(data(100), { address: PEER, port: 77 });
    host.run();
    const datagram = host.one().frame.slice(14);
    const error = (type: number, code: number, quote: ArrayLike<number> = datagram, rest = 0) =>
      host.drops(() => host.rxIcmp({ type, code, rest }, quote, { src: "192.168.1.9" }));
    return { host, socket, datagram, error };
  }

  test("reach the socket whose datagram they quote, with code, reporter and destination", async () => {
    const { socket, datagram, error } = await sent();
    const cases: [number, number, string][] = [
      [3, 0, "ENETUNREACH"],
      [3, 1, "EHOSTUNREACH"],
      [3, 2, "ENOPROTOOPT"],
      [3, 3, "ECONNREFUSED"],
      [3, 4, "EMSGSIZE"],
      [3, 5, "EOPNOTSUPP"],
      [3, 6, "ENETUNREACH"],
      [3, 7, "EHOSTDOWN"],
      [3, 8, "ENONET"],
      [3, 9, "ENETUNREACH"],
      [3, 10, "EHOSTUNREACH"],
      [3, 11, "ENETUNREACH"],
      [3, 12, "EHOSTUNREACH"],
      [3, 13, "EHOSTUNREACH"],
      [3, 14, "EHOSTUNREACH"],
      [3, 15, "EHOSTUNREACH"],
      [11, 0, "EHOSTUNREACH"],
      [11, 1, "EHOSTUNREACH"],
      [12, 0, "EPROTO"],
    ];
    for (const [type, code, name] of cases) {
      // 8 bytes behind the header are enough, more do no harm.
      expect(await error(type, code, datagram.slice(0, 28))).toEqual({});
      expect(socket.nextError()).toEqual({
        address: PEER,
        port: 77,
        code: name,
        reporter: "192.168.1.9",
        icmpType: type,
        icmpCode: code,
        icmpRest: 0,
      });
      expect(await error(type, code)).toEqual({});
      expect(socket.nextError()?.code).toBe(name);
    }
  });

  test("an error is a hint: the socket goes on", async () => {
    const { host, socket, error } = await sent();
    await error(3, 1);
    expect(socket.trySend("x", { address: PEER, port: 77 })).toBe(true);
    host.run();
    expect(host.one().ip?.dst).toBe(PEER);
    expect(host.stack.routes.get(PEER).dev).toBe("eth0");
  });

  test("a connected socket gets it on its next call, once", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.connect({ address: PEER, port: 77 });
    socket.trySend("x");
    host.run();
    const datagram = host.one().frame.slice(14);
    host.rxIcmp({ type: 3, code: 3 }, datagram);
    expect(() => socket.trySend("x")).toThrow(expect.objectContaining({ code: "ECONNREFUSED" }));
    expect(socket.trySend("x")).toBe(true);
    host.run();
    host.rxIcmp({ type: 3, code: 1 }, datagram);
    await expect(socket.receive()).rejects.toMatchObject({ code: "EHOSTUNREACH" });
  });

  test("what quotes too little to know is dropped", async () => {
    const { datagram, error } = await sent();
    for (let length = 0; length < 28; length++) {
      expect(await error(3, 3, datagram.slice(0, length))).toEqual({ ICMP_QUOTE_SHORT: 1 });
    }
    const ipv6 = datagram.slice();
    ipv6[0] = 0x65;
    expect(await error(3, 3, ipv6)).toEqual({ ICMP_QUOTE_SHORT: 1 });
    const longer = datagram.slice(0, 30);
    longer[0] = 0x4f;
    expect(await error(3, 3, longer)).toEqual({ ICMP_QUOTE_SHORT: 1 });
  });

  test("what quotes a datagram that is not ours, or a later fragment, is dropped", async () => {
    const { error } = await sent();
    const ends = { srcPort: 5000, dstPort: 77 };
    const foreign = ipv4({ src: "192.168.1.8", dst: PEER }, udp(ends));
    expect(await error(3, 3, foreign)).toEqual({ ICMP_QUOTE_FOREIGN: 1 });
    const fragment = ipv4({ src: US, dst: PEER, flagsOffset: 0x0010 }, udp(ends));
    expect(await error(3, 3, fragment)).toEqual({ ICMP_QUOTE_FOREIGN: 1 });
  });

  test("what matches no socket is dropped: port, protocol, the type of the quoted ICMP message", async () => {
    const { error } = await sent();
    const quotes = [
      ipv4({ src: US, dst: PEER }, udp({ srcPort: 5001, dstPort: 77 })),
      ipv4({ src: US, dst: PEER, proto: 6 }, data(20)),
      ipv4({ src: US, dst: PEER, proto: 1 }, icmp({ type: 0 })),
      ipv4({ src: US, dst: PEER, proto: 1 }, icmp({ type: 3 }, data(28))),
      ipv4({ src: US, dst: PEER, proto: 1 }, icmp({ type: 8, rest: 1 })),
    ];
    for (const quote of quotes) expect(await error(3, 3, quote)).toEqual({ ICMP_ERROR_UNMATCHED: 1 });
  });

  test("a socket's errors are bounded: the latest stay", async () => {
    const { host, socket, datagram } = await sent();
    for (let i = 0; i < 20; i++) host.rxIcmp({ type: 3, code: 1, rest: i }, datagram);
    const rests: number[] = [];
    for (let e = socket.nextError(); e !== undefined; e = socket.nextError()) rests.push(e.icmpRest);
    expect(rests).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
  });

  test("a quoted header that a router has changed still matches: TTL and checksum differ", async () => {
    const { socket, datagram, error } = await sent();
    const changed = datagram.slice();
    changed[8] = 1;
    changed[10] = 0;
    expect(readIpv4(changed).good).toBe(false);
    expect(await error(11, 0, changed)).toEqual({});
    expect(socket.nextError()?.code).toBe("EHOSTUNREACH");
  });
});
