/** Raw sockets: whole datagrams of one protocol, copies for everyone who wants one, "protocol unreachable" for none. */
import { describe, expect, test } from "vitest";
import type { DatagramError, RawOptions, RawSocket } from "../../src/index.js";
import { codeOf, Host, PEER, US } from "./recording-driver.js";
import { data, icmp, ipv4, udp } from "./wire.js";

interface Heard {
  bytes: number[];
  from: string;
  to: string;
  ifindex: number;
}

function listen(host: Host, options: RawOptions): { socket: RawSocket; heard: Heard[] } {
  const heard: Heard[] = [];
  const socket = host.stack.openRaw({
    ...options,
    onmessage: (bytes, { address, destination, ifindex }) =>
      heard.push({ bytes: [...bytes], from: address, to: destination, ifindex }),
  });
  return { socket, heard };
}

describe("a raw socket hears", () => {
  test("the datagrams of its protocol, header first, and nothing else", async () => {
    const host = await Host.create();
    const { heard } = listen(host, { protocol: 253 });
    const datagram = ipv4({ proto: 253, tos: 0x20, ttl: 9 }, data(11));
    const { counters, drops } = await host.changes(() => host.rxIp({ proto: 253, tos: 0x20, ttl: 9 }, data(11)));
    expect(heard).toEqual([{ bytes: [...datagram], from: PEER, to: US, ifindex: 2 }]);
    expect(counters).toEqual({ IP_IN_RECEIVES: 1, IP_IN_DELIVERS: 1, RAW_IN_DATAGRAMS: 1 });
    expect(drops).toEqual({});
    expect(await host.drops(() => host.rxIp({ proto: 254 }, data(11)))).toEqual({ IP_PROTOCOL: 1 });
    expect(heard).toHaveLength(1);
  });

  test("what is for the address it is bound to, from the peer it is connected to, by its interface", async () => {
    const host = await Host.create();
    const second = host.join({ address: "10.0.0.1/8" });
    const bound = listen(host, { protocol: 253, address: US });
    const other = listen(host, { protocol: 253, address: "10.0.0.1" });
    const scoped = listen(host, { protocol: 253, ifindex: second.nif.index });
    const connected = listen(host, { protocol: 253 });
    connected.socket.connect("192.168.1.9");
    host.rxIp({ proto: 253 }, data(1));
    host.rxIp({ proto: 253, src: "192.168.1.9" }, data(2));
    host.rxIp({ proto: 253, dst: "10.0.0.1" }, data(3));
    const sizes = (heard: Heard[]) => heard.map(({ bytes }) => bytes.length - 20);
    expect(sizes(bound.heard)).toEqual([1, 2]);
    expect(sizes(other.heard)).toEqual([3]);
    expect(sizes(scoped.heard)).toEqual([]);
    expect(sizes(connected.heard)).toEqual([2]);
    connected.socket.disconnect();
    host.rxIp({ proto: 253 }, data(4));
    expect(sizes(connected.heard)).toEqual([2, 4]);
  });

  test("each its own copy: RFC 1122 §3.2.2.1 protocol unreachable only when nobody took it", async () => {
    const host = await Host.create();
    const all = [1, 2, 3].map(() => listen(host, { protocol: 253 }));
    const { counters } = await host.changes(() => host.rxIp({ proto: 253 }, data(30)));
    expect(counters).toMatchObject({ RAW_IN_DATAGRAMS: 3 });
    for (const { heard } of all) expect(heard).toHaveLength(1);
    expect(host.take()).toEqual([]);
    for (const { socket } of all) socket.close();
    expect(await host.drops(() => host.rxIp({ proto: 253 }, data(30)))).toEqual({ IP_PROTOCOL: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 2, good: true });
  });

  test("what UDP and ICMP hear too, who get it all the same", async () => {
    const host = await Host.create();
    const taps = [17, 1].map((protocol) => listen(host, { protocol }).heard);
    const seen: number[] = [];
    const socket = await host.stack.udp.bind({ port: 1000 });
    socket.onmessage = (bytes) => seen.push(bytes.length);
    host.rxUdp({}, data(5));
    host.rxIcmp({ type: 8 }, data(6));
    expect(taps[0]?.map(({ bytes }) => bytes)).toEqual([[...ipv4({}, udp({}, data(5)))]]);
    expect(taps[1]?.map(({ bytes }) => bytes)).toEqual([[...ipv4({ proto: 1 }, icmp({ type: 8 }, data(6)))]]);
    expect(seen).toEqual([5]);
    expect(host.one().ip?.icmp).toMatchObject({ type: 0 });
  });

  test("ICMP that the stack itself has no use for: replies to timestamp requests, unknown types (RFC 1122 §3.2.2, §3.2.2.8)", async () => {
    const host = await Host.create();
    const { heard } = listen(host, { protocol: 1 });
    const asks = host.stack.openRaw({ protocol: 1 });
    asks.trySend(icmp({ type: 13, rest: 0x00090001 }, [0, 0, 3, 232, ...data(8)]), PEER);
    host.run();
    expect(host.one().ip).toMatchObject({ src: US, dst: PEER, icmp: { type: 13, rest: 0x00090001, good: true } });
    const messages = [14, 16, 18, 9, 41, 255].map((type) => icmp({ type, rest: 0x00090001 }, data(12)));
    for (const message of messages) host.rxIp({ proto: 1 }, message);
    expect(heard.map(({ bytes }) => bytes)).toEqual(messages.map((message) => [...ipv4({ proto: 1 }, message)]));
    expect(host.take()).toEqual([]);
  });

  test("as much as its queue holds; what is more is dropped and counted, for each socket by itself", async () => {
    const host = await Host.create();
    const short = host.stack.openRaw({ protocol: 253, queue: 1 });
    const long = host.stack.openRaw({ protocol: 253 });
    const drops = await host.drops(() => {
      for (let i = 1; i <= 3; i++) host.rxIp({ proto: 253 }, data(i));
    });
    expect(drops).toEqual({ SOCK_QUEUE_FULL: 2 });
    expect((await short.receive()).size).toBe(21);
    const sizes = [await long.receive(), await long.receive(), await long.receive()].map(({ size }) => size);
    expect(sizes).toEqual([21, 22, 23]);
  });

  test("copies end with the buffers of sockets, and are counted", async () => {
    const host = await Host.create({ smallBuffers: 64 });
    const many = Array.from({ length: 20 }, () => host.stack.openRaw({ protocol: 253 }));
    const { held, quota } = host.stack.memory().small;
    const { counters, drops } = await host.changes(() => host.rxIp({ proto: 253 }, data(10)));
    const got = host.stack.memory().small.held.socket - held.socket;
    expect(got).toBe(quota.socket);
    expect(counters).toMatchObject({ RAW_IN_DATAGRAMS: got });
    expect((drops.SOCK_COPY ?? 0) + (drops.SOCK_QUOTA ?? 0)).toBe(many.length - got);
    expect(drops.SOCK_COPY).toBeGreaterThan(0);
  });
});

describe("a raw socket sends", () => {
  test("its payload behind the stack's header, as its options say", async () => {
    const host = await Host.create();
    const socket = host.stack.openRaw({ protocol: 253, ttl: 7, tos: 0x10, dontFragment: true });
    const { counters } = await host.changes(() => socket.trySend(data(9), PEER));
    expect(counters).toEqual({ IP_OUT_REQUESTS: 1, RAW_OUT_DATAGRAMS: 1 });
    const { ip } = host.one();
    expect(ip).toMatchObject({ src: US, dst: PEER, proto: 253, ttl: 7, tos: 0x10, flagsOffset: 0x4000, good: true });
    expect([...(ip?.payload ?? [])]).toEqual([...data(9)]);
  });

  test("to its peer once connected; to nobody before, to broadcasts only with permission", async () => {
    const host = await Host.create();
    const socket = host.stack.openRaw({ protocol: 253 });
    expect(codeOf(() => socket.trySend(data(1)))).toBe("EDESTADDRREQ");
    expect(codeOf(() => socket.trySend(data(1), "255.255.255.255"))).toBe("EACCES");
    expect(codeOf(() => socket.trySend(data(1), "10.9.9.9"))).toBe("ENETUNREACH");
    socket.connect(PEER);
    socket.trySend(data(3));
    host.run();
    expect(host.one().ip).toMatchObject({ dst: PEER, proto: 253 });
    socket.close();
    expect(codeOf(() => socket.trySend(data(1)))).toBe("EBADF");
  });

  test("and hears of errors: RFC 1122 §3.2.2.1, from its queue", async () => {
    const host = await Host.create();
    const socket = host.stack.openRaw({ protocol: 253 });
    const told: unknown[] = [];
    socket.onerror = (error) => told.push(error);
    socket.trySend(data(20), PEER);
    host.run();
    const sent = host.one();
    const quote = sent.frame.slice(14, 14 + 28);
    expect(await host.drops(() => host.rxIcmp({ type: 3, code: 2, rest: 0 }, quote))).toEqual({});
    expect(told).toEqual([
      {
        address: PEER,
        port: 0,
        code: "ENOPROTOOPT",
        reporter: PEER,
        icmpType: 3,
        icmpCode: 2,
        icmpRest: 0,
      } satisfies DatagramError,
    ]);
    socket.close();
    expect(await host.drops(() => host.rxIcmp({ type: 3, code: 2, rest: 0 }, quote))).toEqual({
      ICMP_ERROR_UNMATCHED: 1,
    });
  });
});

describe("with its own header (headerIncluded)", () => {
  async function start() {
    const host = await Host.create();
    return { host, socket: host.stack.openRaw({ protocol: 253, headerIncluded: true, ttl: 9, tos: 9 }) };
  }

  test("sends it as it is; total length and checksum are right, source and identification filled in", async () => {
    const { host, socket } = await start();
    const fields = { src: "0.0.0.0", dst: PEER, proto: 99, ttl: 3, tos: 0x10, id: 0, totalLen: 1, checksum: 1 };
    const { counters } = await host.changes(() => socket.trySend(ipv4(fields, data(9)), PEER));
    expect(counters).toEqual({ IP_OUT_REQUESTS: 1, RAW_OUT_DATAGRAMS: 1 });
    const first = host.one().ip;
    expect(first).toMatchObject({ src: US, dst: PEER, proto: 99, ttl: 3, tos: 0x10, totalLen: 29, good: true });
    expect([...(first?.payload ?? [])]).toEqual([...data(9)]);
    socket.trySend(ipv4(fields, data(9)), PEER);
    host.run();
    expect(host.one().ip?.id).toBe(((first?.id ?? 0) + 1) & 0xffff);
    socket.trySend(ipv4({ ...fields, id: 77, src: "192.168.1.77", flagsOffset: 0x4000 }, data(9)), PEER);
    host.run();
    expect(host.one().ip).toMatchObject({ src: "192.168.1.77", id: 77, flagsOffset: 0x4000, good: true });
  });

  test("with options in it", async () => {
    const { host, socket } = await start();
    socket.trySend(ipv4({ dst: PEER, proto: 253, options: [0x94, 4, 0, 0] }, data(5)), PEER);
    host.run();
    const { frame } = host.one();
    const want = ipv4({ src: PEER, dst: PEER, proto: 253, options: [0x94, 4, 0, 0] }, data(5));
    expect([...frame.slice(14, 14 + want.length)]).toEqual([...want]);
  });

  test("goes where it is sent, whatever the header says", async () => {
    const { host, socket } = await start();
    socket.connect(PEER);
    socket.trySend(ipv4({ src: US, dst: "10.9.9.9", proto: 253 }));
    host.run();
    expect(host.one()).toMatchObject({ dst: "02:00:00:00:01:02", ip: { dst: "10.9.9.9" } });
  });

  test("is refused if it is none, or longer than the link takes", async () => {
    const { host, socket } = await start();
    const good = { src: US, dst: PEER };
    const bad = [
      data(19),
      ipv4({ ...good, version: 6 }),
      ipv4({ ...good, ihl: 4 }),
      ipv4({ ...good, ihl: 6 }),
      ipv4({ ...good, ttl: 0 }),
      ipv4({ ...good, src: "127.0.0.1" }),
    ];
    for (const datagram of bad) expect(codeOf(() => socket.trySend(datagram, PEER))).toBe("EINVAL");
    expect(codeOf(() => socket.trySend(ipv4(good, data(1481)), PEER))).toBe("EMSGSIZE");
    host.run();
    expect(host.take()).toEqual([]);
    socket.trySend(ipv4(good, data(1480)), PEER);
    host.run();
    expect(host.one().ip?.totalLen).toBe(1500);
    host.driver.busy = true;
    let sent = 0;
    while (socket.trySend(ipv4(good), PEER)) sent++;
    expect(sent).toBeGreaterThan(0);
    host.driver.free();
    host.run();
    expect(host.take()).toHaveLength(sent);
    expect(socket.trySend(ipv4(good), PEER)).toBe(true);
  });
});

describe("with its own header, and what is known of the path", () => {
  const FAR = "203.0.113.9";
  /** A raw socket whose datagrams a router beyond the gateway takes up to 1,000 bytes of. */
  async function start() {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    const socket = host.stack.openRaw({ protocol: 253, headerIncluded: true });
    const datagram = (total: number, flagsOffset: number) =>
      ipv4({ src: US, dst: FAR, proto: 253, id: 5, flagsOffset }, data(total - 20));
    const quote = datagram(1400, 0x4000).subarray(0, 548);
    expect(await host.drops(() => host.rxIcmp({ type: 3, code: 4, rest: 1000 }, quote))).toEqual({});
    return { host, socket, datagram };
  }

  test("with DF what is longer than the path takes is refused and counted; without, it goes in fragments", async () => {
    const { host, socket, datagram } = await start();
    const { counters, drops } = await host.changes(() => {
      expect(codeOf(() => socket.trySend(datagram(1001, 0x4000), FAR))).toBe("EMSGSIZE");
    });
    expect(drops).toEqual({ OUT_TOO_LONG: 1 });
    expect(counters).toEqual({ IP_OUT_REQUESTS: 1, RAW_OUT_DATAGRAMS: 1, IP_FRAG_FAILS: 1 });
    expect(host.take()).toEqual([]);
    socket.trySend(datagram(1000, 0x4000), FAR);
    socket.trySend(datagram(1001, 0), FAR);
    host.run();
    expect(host.take().map((frame) => [frame.ip?.totalLen, frame.ip?.flagsOffset])).toEqual([
      [1000, 0x4000],
      [996, 0x2000],
      [25, 122],
    ]);
  });

  test("a probe goes whole", async () => {
    const { host, socket, datagram } = await start();
    socket.setPathMtuDiscovery("probe");
    socket.trySend(datagram(1500, 0x4000), FAR);
    host.run();
    expect(host.one().ip).toMatchObject({ totalLen: 1500, flagsOffset: 0x4000, good: true });
  });
});

describe("opening a raw socket", () => {
  test("asks for a protocol from 1 to 255, known options, an own address", async () => {
    const host = await Host.create();
    for (const protocol of [0, 256, 1.5, Number.NaN]) {
      expect(() => host.stack.openRaw({ protocol })).toThrow(RangeError);
    }
    expect(() => host.stack.openRaw({ protocol: 1, proto: 2 } as never)).toThrow(TypeError);
    expect(codeOf(() => host.stack.openRaw({ protocol: 1, address: "10.1.1.1" }))).toBe("EADDRNOTAVAIL");
    expect(codeOf(() => host.stack.openRaw({ protocol: 1, ifindex: 9 }))).toBe("ENODEV");
    const { exports } = host.stack.core;
    for (const protocol of [0, 2, 0x100, 0x200, 0x201]) expect(exports.sock_open(protocol)).toBe(-93);
  });

  test("a third-party protocol runs over it between two sockets of one host", async () => {
    const host = await Host.create();
    const server = host.stack.openRaw({ protocol: 253 });
    server.onmessage = (bytes, { address }) => {
      const request = bytes.slice(((bytes[0] as number) & 15) * 4);
      if (request[0] === 1) server.trySend(Uint8Array.of(2, ...request.slice(1).reverse()), address);
    };
    const client = host.stack.openRaw({ protocol: 253, address: "127.0.0.1" });
    client.connect("127.0.0.1");
    const replies: number[][] = [];
    client.onmessage = (bytes) => {
      if (bytes[20] === 2) replies.push([...bytes.slice(20)]);
    };
    client.trySend(Uint8Array.of(1, 5, 6, 7));
    host.run();
    expect(replies).toEqual([[2, 7, 6, 5]]);
  });
});
