/** UDP: RFC 768, RFC 1122 §4.1.3. */
import { describe, expect, test } from "vitest";
import { codeOf, Host, OUR_MAC, PEER, US } from "../recording-driver.js";
import { BROADCAST_MAC, checksum, data, fromHex, ip4, join, udp } from "../wire.js";

async function listener() {
  const host = await Host.create();
  const socket = await host.stack.udp.bind({ port: 1000, broadcast: true });
  const heard: Uint8Array[] = [];
  socket.onmessage = (bytes) => heard.push(bytes.slice());
  return { host, socket, heard };
}

describe("input", () => {
  test("a datagram, its payload to the byte, of any length", async () => {
    const { host, heard } = await listener();
    for (const length of [0, 1, 2, 3, 63, 64, 65, 1471, 1472]) {
      host.rxUdp({}, data(length));
      expect(heard.pop()).toEqual(data(length));
    }
  });

  test("short ones, at every length", async () => {
    const { host } = await listener();
    for (let length = 0; length < 8; length++) {
      expect(await host.drops(() => host.rxIp({}, udp({}).slice(0, length)))).toEqual({ UDP_SHORT: 1 });
    }
  });

  test("a Length below 8 or beyond what IP carried", async () => {
    const { host } = await listener();
    for (const length of [0, 7, 13, 65535]) {
      expect(await host.drops(() => host.rxUdp({ length }, data(4)))).toEqual({ UDP_LENGTH: 1 });
    }
  });

  test("a Length below what IP carried ends the datagram there", async () => {
    const { host, heard } = await listener();
    const datagram = join(udp({}, [1, 2, 3]), [9, 9, 9, 9, 9]);
    host.rxIp({}, datagram);
    expect(heard).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  test("a bad checksum, by any bit of header, payload or addresses, is dropped silently", async () => {
    const { host, heard } = await listener();
    const good = udp({}, data(6));
    for (let bit = 0; bit < good.length * 8; bit++) {
      // A Length that is wrong has a reason of its own.
      if (bit >> 4 === 2) continue;
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (128 >> (bit & 7));
      expect(await host.drops(() => host.rxIp({}, bad))).toEqual({ UDP_CHECKSUM: 1 });
    }
    expect(await host.drops(() => host.rxUdp({ src: "192.168.1.3" }))).toEqual({ UDP_CHECKSUM: 1 });
    expect(await host.drops(() => host.rxUdp({ dst: "192.168.1.3" }))).toEqual({ UDP_CHECKSUM: 1 });
    expect(heard).toEqual([]);
    expect(host.take()).toEqual([]);
  });

  test("a checksum of zero says that there is none; one that computes to zero comes as ffff", async () => {
    const { host, heard } = await listener();
    host.rxUdp({ checksum: 0 }, data(5));
    expect(heard.pop()).toEqual(data(5));
    const payload = zeroSum();
    const datagram = udp({}, payload);
    expect([datagram[6], datagram[7]]).toEqual([0xff, 0xff]);
    host.rxIp({}, datagram);
    expect(heard.pop()).toEqual(payload);
  });

  test("destination port 0 is nobody's; source port 0 says only that no answer is wanted", async () => {
    const { host, heard } = await listener();
    expect(await host.drops(() => host.rxUdp({ dstPort: 0 }))).toEqual({ UDP_PORT_ZERO: 1 });
    host.rxUdp({ srcPort: 0 });
    expect(heard).toHaveLength(1);
    expect(host.take()).toEqual([]);
  });

  test("no listener: port unreachable for what was for us alone, silence for a group", async () => {
    const { host } = await listener();
    expect(await host.drops(() => host.rxUdp({ dstPort: 1001 }))).toEqual({ UDP_NO_PORT: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 3 });
    expect(
      await host.drops(() => host.rxUdp({ dstPort: 1001 }, [], { dst: "255.255.255.255" }, BROADCAST_MAC)),
    ).toEqual({
      UDP_GROUP_NO_PORT: 1,
    });
    expect(host.take()).toEqual([]);
  });

  test("the most specific socket: connected, then bound to the address, then to the port alone", async () => {
    const host = await Host.create();
    const any = await host.stack.udp.bind({ port: 1000 });
    const heard: string[] = [];
    any.onmessage = () => heard.push("any");
    host.rxUdp({});
    any.close();
    const bound = await host.stack.udp.bind({ port: 1000, address: US });
    bound.onmessage = () => heard.push("bound");
    const connected = await host.stack.udp.bind({ address: "127.0.0.1", port: 1000 });
    connected.onmessage = () => heard.push("lo");
    host.rxUdp({});
    bound.connect({ address: PEER, port: 2000 });
    host.rxUdp({});
    expect(heard).toEqual(["any", "bound", "bound"]);
    // Connected: nobody else is heard.
    expect(await host.drops(() => host.rxUdp({ srcPort: 2001 }))).toEqual({ UDP_NO_PORT: 1 });
    expect(await host.drops(() => host.rxUdp({}, [], { src: "192.168.1.3" }))).toMatchObject({ UDP_NO_PORT: 1 });
  });

  test("a full queue, a full quota, and what waits at close: dropped and counted", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000, queue: 2 });
    const flood = (frames: number) => {
      for (let i = 0; i < frames; i++) host.rxUdp({});
    };
    expect(await host.drops(() => flood(5))).toEqual({ SOCK_QUEUE_FULL: 3 });
    expect(await host.drops(() => socket.close())).toEqual({ SOCK_CLOSED: 2 });
    const wide = await host.stack.udp.bind({ port: 1000, queue: 65536 });
    const { quota } = host.stack.memory().small;
    expect(await host.drops(() => flood(quota.socket + 3))).toEqual({ SOCK_QUOTA: 3 });
    expect(await host.drops(() => wide.close())).toEqual({ SOCK_CLOSED: quota.socket });
  });
});

/** Two bytes with which the checksum of a datagram from the peer to port 1000 computes to zero. */
function zeroSum(from = PEER, to = US, srcPort = 2000, dstPort = 1000): Uint8Array {
  const be = (value: number, bytes: number) =>
    Array.from({ length: bytes }, (_, i) => (value >>> (8 * (bytes - 1 - i))) & 255);
  const head = [
    ...be(ip4(from), 4),
    ...be(ip4(to), 4),
    0,
    17,
    0,
    10,
    ...be(srcPort, 2),
    ...be(dstPort, 2),
    0,
    10,
    0,
    0,
  ];
  const rest = checksum(head);
  return Uint8Array.of(rest >>> 8, rest & 255);
}

describe("output", () => {
  test("header and checksum, of any length", async () => {
    const { host, socket } = await listener();
    for (const length of [0, 1, 2, 3, 64, 1471, 1472]) {
      socket.trySend(data(length), { address: PEER, port: 9 });
      host.run();
      const sent = host.one().ip?.udp;
      expect(sent).toMatchObject({ srcPort: 1000, dstPort: 9, length: 8 + length, good: true, data: data(length) });
    }
  });

  test("a checksum that computes to zero is sent as ffff", async () => {
    const { host, socket } = await listener();
    socket.trySend(zeroSum(US, PEER, 1000, 9), { address: PEER, port: 9 });
    host.run();
    expect(host.one().ip?.udp).toMatchObject({ checksum: 0xffff, good: true });
  });

  test("port 0 is no destination", async () => {
    const { host, socket } = await listener();
    expect(() => socket.trySend("x", { address: PEER, port: 0 })).toThrow(RangeError);
    const { exports } = host.stack.core;
    exports.sock_window(socket.handle, 1);
    host.stack.core.putPeer(ip4(PEER), 0);
    expect(exports.sock_send(socket.handle, 1, 1)).toBe(-22);
  });

  test("a socket connected anew takes the new path's source", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.connect({ address: "127.0.0.1", port: 9 });
    expect(socket.address.address).toBe("127.0.0.1");
    // Sending past the connection: 127.0.0.1 was never asked for, and must not show on a wire.
    socket.trySend("x", { address: PEER, port: 9 });
    host.run();
    expect(host.one().ip?.src).toBe(US);
    socket.connect({ address: PEER, port: 9 });
    expect(socket.address.address).toBe(US);
    socket.trySend("x");
    host.run();
    expect(host.one().ip).toMatchObject({ src: US, dst: PEER });
    const bound = await host.stack.udp.bind({ address: "127.0.0.1" });
    expect(codeOf(() => bound.connect({ address: PEER, port: 9 }))).toBe("EINVAL");
  });

  test("a real TFTP request passes, both checksums verified (97 bytes, UDP checksum ac40)", async () => {
    const host = await Host.create({ address: "192.168.0.1/24", peer: false });
    const socket = await host.stack.udp.bind({ port: 69 });
    const frame = fromHex(
      "00055d67d0b100055d6158a80800450000539325000080" +
        "1125ecc0a80037c0a8000105d40045003fac400001633a5c71776572712e717765006e6574617363696900626c6b73697a650035313200" +
        "74696d656f757400313000" +
        "7473697a65003000",
    );
    expect(frame.length).toBe(97);
    frame.set([2, 0, 0, 0, 1, 1]);
    expect(OUR_MAC).toBe("02:00:00:00:01:01");
    expect(await host.drops(() => host.rx(frame))).toEqual({});
    const request = await socket.receive();
    expect(request).toMatchObject({ address: "192.168.0.55", port: 1492, size: 55, ttl: 128 });
    expect(new TextDecoder().decode(request.data.slice(2)).split("\0")).toEqual([
      "c:\\qwerq.qwe",
      "netascii",
      "blksize",
      "512",
      "timeout",
      "10",
      "tsize",
      "0",
      "",
    ]);
  });
});
