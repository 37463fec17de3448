/**
 * What RFC 9293 asks of TCP towards IP and its addresses, and of the numbers and ports that it draws (RFC 6528, RFC 6056):
 * whole datagrams are looked at here, the peer is played.
 */
import { describe, expect, test } from "vitest";
import { CALL_OPTIONS } from "../../assembly/abi/call.js";
import { E_ADDRNOTAVAIL } from "../../assembly/abi/errno.js";
import { IFSW_ACCEPT_SOURCE_ROUTE } from "../../assembly/abi/netif.js";
import type { Stack } from "../../src/index.js";
import { failure } from "./failure.js";
import { Host, OUR_MAC, PEER, PEER_MAC, US } from "./recording-driver.js";
import { text } from "./tcp-pair.js";
import { ACK, type ReadTcp, RST, readTcp, SYN, type TcpFields, tcp } from "./tcp-wire.js";
import { type Ipv4Fields, ip4, type ReadIpv4 } from "./wire.js";

const PORT = 40000;
const bytes = (address: string) => address.split(".").map(Number);

/** What was sent, datagram and segment. */
function sent(host: Host, driver = host.driver): { ip: ReadIpv4; segment: ReadTcp }[] {
  return host.take(driver).map(({ ip }) => ({ ip: ip as ReadIpv4, segment: readTcp(ip as ReadIpv4) }));
}

/** The peer, or somebody else, sends a segment. */
function says(host: Host, fields: TcpFields, ip: Ipv4Fields = {}, payload: ArrayLike<number> = []): void {
  const ends = { src: ip.src ?? PEER, dst: ip.dst ?? US };
  host.rxIp({ proto: 6, ...ip }, tcp({ ...ends, ...fields }, payload));
}

/** Begins to open a connection to `address`; the answer of the call. */
function connect(host: Host, handle: number, address: string, localPort = 0): number {
  const { core } = host.stack;
  core.putPeer(0, localPort);
  if (localPort !== 0) expect(core.exports.sock_bind(handle)).toBe(0);
  core.putPeer(ip4(address), PORT);
  host.stack.poll(host.clock.now());
  const answer = core.exports.sock_connect(handle);
  host.stack.work();
  host.run();
  return answer;
}

/** The SYN with which a connection to `address` is opened; it is given up at once. */
function opening(host: Host, address = PEER, localPort = 0): { ip: ReadIpv4; segment: ReadTcp } {
  const { exports } = host.stack.core;
  const handle = exports.sock_open(6);
  expect(connect(host, handle, address, localPort)).toBe(0);
  exports.sock_abort(handle);
  return sent(host)[0] as { ip: ReadIpv4; segment: ReadTcp };
}

/** IP options of a socket. */
function setOptions(stack: Stack, handle: number, options: readonly number[]): number {
  stack.core.u8.set(options, stack.core.call + CALL_OPTIONS);
  return stack.core.exports.sock_options(handle, options.length);
}

describe("numbers that are drawn", () => {
  test("initial sequence numbers of one connection follow a clock of four microseconds (RFC 9293 MUST-8)", async () => {
    const host = await Host.create();
    const first = opening(host, PEER, 5000).segment.seq;
    for (const us of [4, 400, 1_000_000, 3_600_000_000]) {
      const before = opening(host, PEER, 5000).segment.seq;
      host.run(us);
      host.take();
      expect((opening(host, PEER, 5000).segment.seq - before) >>> 0).toBe((us / 4) >>> 0);
    }
    expect((opening(host, PEER, 5000).segment.seq - first) >>> 0).toBe(900_250_101);
  });

  test("those of other connections, and of other hosts, tell nothing of it (RFC 6528 §3)", async () => {
    const host = await Host.create();
    const numbers = Array.from({ length: 512 }, (_, i) => opening(host, PEER, 5000 + i).segment.seq);
    expect(new Set(numbers).size).toBe(numbers.length);
    // Every bit is set in half of them, and changes from one port to the next half of the time: 256 +- 5 sigma.
    for (let bit = 0; bit < 32; bit++) {
      const ones = numbers.filter((seq) => (seq >>> bit) & 1).length;
      const flips = numbers.filter((seq, i) => i > 0 && (((numbers[i - 1] as number) ^ seq) >>> bit) & 1).length;
      expect(Math.abs(ones - 256), `bit ${bit}`).toBeLessThan(57);
      expect(Math.abs(flips - 256), `bit ${bit}`).toBeLessThan(57);
    }
    const other = await Host.create();
    const theirs = numbers.map((_, i) => opening(other, PEER, 5000 + i).segment.seq);
    const distances = theirs.map((seq, i) => (seq - (numbers[i] as number)) >>> 0);
    expect(new Set(distances).size).toBe(distances.length);
  });

  test("ports are drawn from all of the range, in an order that is no order (RFC 6056 §3)", async () => {
    const host = await Host.create();
    const ports = Array.from({ length: 1024 }, () => opening(host).segment.srcPort);
    const [first, last] = ["IP_PORT_FIRST", "IP_PORT_LAST"].map((name) => host.stack.switches.get(name as never));
    const range = (last as number) - (first as number) + 1;
    const eighths = Array(8).fill(0) as number[];
    for (const port of ports) {
      const place = Math.floor(((port - (first as number)) * 8) / range);
      eighths[place] = (eighths[place] ?? 0) + 1;
    }
    // 128 each, +- 5 sigma; and the next is above the one before half of the time.
    for (const count of eighths) expect(Math.abs(count - 128)).toBeLessThan(53);
    const rises = ports.filter((port, i) => i > 0 && port > (ports[i - 1] as number)).length;
    expect(Math.abs(rises - 512)).toBeLessThan(80);
    expect(new Set(ports).size).toBeGreaterThan(950);
  });

  test("a port that a connection to the peer has is not drawn for another, and one is drawn where there is one (RFC 6056 §3)", async () => {
    const host = await Host.create();
    const { exports } = host.stack.core;
    host.stack.switches.set("IP_PORT_FIRST", 50000);
    host.stack.switches.set("IP_PORT_LAST", 50003);
    const handles = Array.from({ length: 5 }, () => exports.sock_open(6));
    const answers = handles.map((handle) => connect(host, handle, PEER));
    expect(answers).toEqual([0, 0, 0, 0, -E_ADDRNOTAVAIL]);
    expect(
      sent(host)
        .map(({ segment }) => segment.srcPort)
        .sort(),
    ).toEqual([50000, 50001, 50002, 50003]);
    for (const handle of handles) exports.sock_abort(handle);
  });
});

describe("addresses", () => {
  test("a SYN has the source that routes say, and a connection keeps the address that it began with (MUST-44, MUST-45)", async () => {
    const host = await Host.create();
    host.nif.addAddress("192.168.7.1/24");
    host.stack.neighbours.add(host.nif, "192.168.7.2", PEER_MAC);
    host.run();
    host.take();
    expect(opening(host).ip).toMatchObject({ src: US, dst: PEER });
    expect(opening(host, "192.168.7.2").ip).toMatchObject({ src: "192.168.7.1" });
    // Spoken to by the other address, it answers from that, though routes prefer the first.
    const server = await host.stack.tcp.listen({ port: 80 });
    const ends = { dst: "192.168.7.1" };
    says(host, { flags: SYN, seq: 7, win: 1000 }, ends);
    const [synAck] = sent(host);
    expect(synAck?.ip).toMatchObject({ src: "192.168.7.1", dst: PEER });
    says(host, { seq: 8, ack: (synAck?.segment.seq as number) + 1 }, ends);
    const socket = await server.accept();
    expect(socket.address.address).toBe("192.168.7.1");
    await socket.write("from there");
    host.run();
    expect(sent(host)[0]?.ip).toMatchObject({ src: "192.168.7.1", dst: PEER });
  });

  test("nobody connects to a broadcast or a group, nor from an address that is not ours (MUST-46)", async () => {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    for (const address of ["255.255.255.255", "192.168.1.255", "192.168.1.0", "224.0.0.1", "239.1.2.3", "240.0.0.1"]) {
      expect(await failure(host.stack.tcp.connect({ address, port: 80 })), address).toMatch(
        /^E(NETUNREACH|ACCES|INVAL)$/,
      );
    }
    for (const localAddress of ["10.9.9.9", "192.168.1.255", "224.0.0.1"]) {
      const opened = host.stack.tcp.connect({ address: PEER, port: 80, localAddress });
      expect(await failure(opened), localAddress).toBe("EADDRNOTAVAIL");
    }
    host.run();
    expect(sent(host)).toEqual([]);
  });

  test("segments to and from broadcasts and groups are dropped without a word (MUST-57, MUST-63)", async () => {
    const host = await Host.create();
    await host.stack.tcp.listen({ port: 80 });
    const GROUP_MAC = "01:00:5e:00:00:01";
    for (const flags of [SYN, ACK, SYN | ACK, RST]) {
      for (const [dst, mac] of [
        ["192.168.1.255", "ff:ff:ff:ff:ff:ff"],
        ["255.255.255.255", "ff:ff:ff:ff:ff:ff"],
        ["224.0.0.1", GROUP_MAC],
        [US, "ff:ff:ff:ff:ff:ff"],
        [US, GROUP_MAC],
      ] as const) {
        const drops = await host.drops(() => host.rxIp({ proto: 6, dst }, tcp({ flags, dst }), mac));
        expect(Object.values(drops), `${flags} to ${dst}`).toEqual([1]);
      }
      for (const src of ["192.168.1.255", "255.255.255.255", "224.0.0.1", "127.0.0.1", "0.0.0.0", US]) {
        const drops = await host.drops(() => says(host, { flags }, { src }));
        expect(Object.values(drops), `${flags} from ${src}`).toEqual([1]);
      }
    }
    expect(host.take()).toEqual([]);
    expect(host.stack.sockets()).toHaveLength(1);
  });
});

/** A connection that the peer opens with these IP options, and what answered its SYN. */
async function accepted(host: Host, ip: Ipv4Fields = {}, listening: { ttl?: number; tos?: number } = {}) {
  const server = await host.stack.tcp.listen({ port: 80, ...listening });
  says(host, { flags: SYN, seq: 7, options: [{ kind: "mss", mss: 1460 }] }, ip);
  const [synAck] = sent(host);
  says(host, { seq: 8, ack: (synAck?.segment.seq as number) + 1 }, ip);
  return { server, socket: await server.accept(), synAck, iss: (synAck?.segment.seq as number) + 1 };
}

describe("what goes to IP", () => {
  test("TTL and differentiated services are as the socket has them, also while it is connected (MUST-48, MUST-49, SHLD-21)", async () => {
    const host = await Host.create();
    const { socket, synAck } = await accepted(host, {}, { ttl: 7, tos: 0xb8 });
    expect(synAck?.ip).toMatchObject({ ttl: 7, tos: 0xb8 });
    await socket.write("first");
    host.run();
    expect(sent(host).map(({ ip }) => ip)).toMatchObject([{ ttl: 7, tos: 0xb8 }]);
    const { exports } = host.stack.core;
    expect(exports.sock_set(socket.handle, 1, 33)).toBe(0);
    expect(exports.sock_set(socket.handle, 2, 0x28)).toBe(0);
    host.run(1_000_000);
    expect(sent(host).map(({ ip }) => ip)).toMatchObject([{ ttl: 33, tos: 0x28 }]);
    // The stack's own default for who says nothing.
    host.stack.switches.set("IP_DEFAULT_TTL", 99);
    expect(opening(host).ip).toMatchObject({ ttl: 99, tos: 0 });
  });

  test("IP options that TCP knows nothing of are ignored (MUST-50)", async () => {
    const host = await Host.create();
    const { socket, synAck } = await accepted(host, { options: [0x5e, 4, 1, 2, 148, 4, 0, 0] });
    expect([...(synAck?.ip.options ?? [0])]).toEqual([]);
    says(host, { seq: 8, ack: (synAck?.segment.seq as number) + 1 }, { options: [0x5e, 4, 1, 2] }, [104, 105]);
    expect(text(await socket.read())).toBe("hi");
  });

  test("IP options of segments are as the socket has them; a route of its own comes before the peer's (MUST-51, MUST-52)", async () => {
    const host = await Host.create();
    const { stack } = host;
    stack.core.exports.netif_set(0, IFSW_ACCEPT_SOURCE_ROUTE, 1);
    const server = await stack.tcp.listen({ port: 80 });
    // By the peer to 203.0.113.9; the time and the route are noted on the way.
    const route = [131, 7, 4, ...bytes(PEER)];
    const noted = [7, 7, 4, 0, 0, 0, 0, 68, 8, 5, 0, 0, 0, 0, 0];
    expect(setOptions(stack, server.handle, [...route, ...noted])).toBe(0);
    const came = { src: "203.0.113.9", options: [131, 7, 8, ...bytes("203.0.113.1"), 0] };
    says(host, { flags: SYN, seq: 7, options: [{ kind: "mss", mss: 1460 }] }, came);
    const synAck = host.one().ip as ReadIpv4;
    expect(synAck).toMatchObject({ dst: PEER, good: true });
    const options = [...synAck.options];
    expect(options.slice(0, 7)).toEqual([131, 7, 4, ...bytes("203.0.113.9")]);
    expect(options.slice(7, 14)).toEqual([7, 7, 8, ...bytes(US)]);
    expect(options.slice(14, 17)).toEqual([68, 8, 9]);
  });

  test("a source route by which the SYN came leads back, in every segment (MUST-53)", async () => {
    const host = await Host.create();
    host.stack.core.exports.netif_set(0, IFSW_ACCEPT_SOURCE_ROUTE, 1);
    // From 203.0.113.9 by 203.0.113.1, which came to us from our neighbour.
    const came = { src: "203.0.113.9", options: [131, 11, 12, ...bytes("203.0.113.1"), ...bytes(PEER), 0] };
    const server = await host.stack.tcp.listen({ port: 80 });
    says(host, { flags: SYN, seq: 7, options: [{ kind: "mss", mss: 1460 }] }, came);
    const back = [131, 11, 4, ...bytes("203.0.113.1"), ...bytes("203.0.113.9")];
    const synAck = host.one().ip as ReadIpv4;
    expect(synAck).toMatchObject({ dst: PEER, good: true });
    expect([...synAck.options].slice(0, 11)).toEqual(back);
    const seq = synAck.payload.slice(4, 8).reduce((number, byte) => number * 256 + byte, 0);
    says(host, { seq: 8, ack: seq + 1 }, came);
    const socket = await server.accept();
    await socket.write(new Uint8Array(3000));
    host.run();
    const data = host.take();
    // Full segments leave room for the route.
    expect(data.map(({ ip }) => ip?.totalLen)).toEqual([1500, 1500, 20 + 12 + 20 + 3000 - 2 * 1448]);
    for (const { ip } of data) {
      expect(ip?.dst).toBe(PEER);
      expect([...(ip as ReadIpv4).options].slice(0, 11)).toEqual(back);
    }
    // Another route in a later segment does not change it (SHLD-24).
    says(
      host,
      { seq: 8, ack: seq + 1 },
      { src: "203.0.113.9", options: [131, 7, 8, ...bytes("203.0.113.7"), 0] },
      [1, 2],
    );
    host.run(40_000);
    expect([...(host.one().ip as ReadIpv4).options].slice(0, 11)).toEqual(back);
  });

  test("IP is told of silence at R1: another gateway serves (MUST-20)", async () => {
    const host = await Host.create({ peer: false });
    const other = host.join({ address: "192.168.2.1/24" });
    host.stack.neighbours.add(other.nif, "192.168.2.2", PEER_MAC);
    host.stack.routes.add({ destination: "203.0.113.0/24", gateway: PEER, metric: 10 });
    host.stack.routes.add({ destination: "203.0.113.0/24", gateway: "192.168.2.2", metric: 20 });
    // The first gateway is known, and then is gone.
    const handle = host.stack.core.exports.sock_open(6);
    expect(connect(host, handle, "203.0.113.9")).toBe(0);
    host.rxArp({ op: 2, sha: PEER_MAC, spa: PEER, tpa: US }, OUR_MAC);
    const goes = () =>
      [host.take(), host.take(other.driver)].map((frames) => frames.filter(({ ip }) => ip?.proto === 6).length);
    expect(goes()).toEqual([1, 0]);
    host.run(6_999_999);
    expect(goes(), "two retransmissions").toEqual([2, 0]);
    host.run(1);
    expect(goes(), "the third: R1").toEqual([1, 0]);
    host.run(24_000_000);
    expect(goes(), "the gateway is asked whether it is there, and is not").toEqual([1, 1]);
    host.stack.core.exports.sock_abort(handle);
  });

  test("the application is told of silence at R1, and the connection goes on (SHLD-9)", async () => {
    const host = await Host.create();
    const { socket, iss } = await accepted(host);
    const told: unknown[] = [];
    socket.onsofterror = (error) => void told.push(error);
    await socket.write("is anybody there?");
    await host.clock.advance(6_999_999);
    expect(told).toEqual([]);
    await host.clock.advance(1);
    expect(told).toMatchObject([{ code: "ETIMEDOUT", address: PEER, port: PORT, reporter: "0.0.0.0" }]);
    expect(socket.state).toBe("ESTABLISHED");
    says(host, { seq: 8, ack: iss + 17 });
    await host.clock.advance(1e6);
    expect(socket.info().bytesAcked).toBe(17);
    expect(socket.nextError()).toBeUndefined();
  });

  test("a way that is gone is waited for no longer than R2, by who holds the connection or by nobody (MUST-20)", async () => {
    const host = await Host.create();
    const { socket, server } = await accepted(host);
    const other = { srcPort: PORT + 1 };
    says(host, { ...other, flags: SYN, seq: 7 });
    says(host, { ...other, seq: 8, ack: (sent(host)[0]?.segment.seq as number) + 1 });
    const orphan = await server.accept();
    host.nif.down();
    await socket.write("no way");
    orphan.close();
    await host.clock.advance(299e6);
    expect(socket.state).toBe("ESTABLISHED");
    expect(host.stack.sockets()).toHaveLength(3);
    await host.clock.advance(2e6);
    expect(socket.state).toBe("CLOSE");
    await expect(socket.closed).rejects.toMatchObject({ code: "ENETUNREACH" });
    expect(host.stack.sockets()).toHaveLength(1);
    host.nif.up();
  });

  test("when the way is there again what waited goes (MUST-20)", async () => {
    const host = await Host.create();
    const { socket, iss } = await accepted(host);
    host.nif.down();
    await socket.write("in the end");
    await host.clock.advance(100e6);
    host.nif.up();
    host.stack.neighbours.add(host.nif, PEER, PEER_MAC);
    host.take();
    const went = async (us: number) => {
      await host.clock.advance(us);
      return host.take().filter(({ ip }) => ip?.proto === 6);
    };
    let seconds = 0;
    let first: ReadTcp | undefined;
    while (first === undefined && seconds++ < 60) first = (await went(1e6)).map(({ ip }) => readTcp(ip as ReadIpv4))[0];
    expect(text((first as ReadTcp).data)).toBe("in the end");
    // Nothing of it was lost so far: its timeout is not one that was doubled.
    expect(await went(1e6)).toHaveLength(1);
    says(host, { seq: 8, ack: iss + 10 });
    expect(socket.info().bytesAcked).toBe(10);
  });
});
