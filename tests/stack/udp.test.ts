/** UDP sockets: datagrams, ports, connections; POSIX's meaning, Linux's errors. */
import { describe, expect, test } from "vitest";
import type { Stack, StackError, UdpSocket, VirtualClock } from "../../src/index.js";
import { failure } from "./failure.js";
import { boot } from "./harness.js";
import { codeOf, Host, PEER, US } from "./recording-driver.js";
import { data, ipv4, join, type ReadIpv4 } from "./wire.js";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const run = (stack: Stack, us = 10) => (stack.clock as VirtualClock).advance(us);

describe("datagrams", () => {
  test("send, receive, onmessage, async iteration; whence, whither and how", async () => {
    const host = await Host.create();
    const { stack } = host;
    const socket = await stack.udp.bind({ port: 1000 });
    expect(socket.address).toEqual({ address: "0.0.0.0", port: 1000 });
    expect(socket.remoteAddress).toBeUndefined();
    const received = socket.receive();
    host.run(77);
    const timeUs = stack.clock.now();
    host.rxUdp({ srcPort: 2345, dstPort: 1000 }, data(33), { ttl: 17, tos: 0x28 });
    expect(await received).toEqual({
      address: PEER,
      port: 2345,
      family: "IPv4",
      size: 33,
      destination: US,
      ifindex: 2,
      ttl: 17,
      tos: 0x28,
      timeUs,
      data: data(33),
    });
    const heard: string[] = [];
    socket.onmessage = (bytes, info) => void heard.push(`${text(bytes)} ${info.size} ${info.port}`);
    for (const word of ["one", "", "three"]) host.rxUdp({ dstPort: 1000 }, new TextEncoder().encode(word));
    expect(heard).toEqual(["one 3 2000", " 0 2000", "three 5 2000"]);
    socket.onmessage = undefined;
    for (let i = 0; i < 3; i++) host.rxUdp({ dstPort: 1000 }, [i]);
    const read: number[] = [];
    for await (const datagram of socket) {
      read.push(datagram.data[0] as number);
      if (read.length === 3) socket.close();
    }
    expect(read).toEqual([0, 1, 2]);
  });

  test("setting onmessage delivers what waits already; readers are served in their order", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    const readers = [socket.receive(), socket.receive(), socket.receive()];
    for (let i = 0; i < 5; i++) host.rxUdp({ dstPort: 1000 }, [i]);
    expect((await Promise.all(readers)).map((d) => d.data[0])).toEqual([0, 1, 2]);
    const heard: number[] = [];
    socket.onmessage = (bytes) => void heard.push(bytes[0] as number);
    expect(heard).toEqual([3, 4]);
  });

  test("closing, or taking onmessage away, in the callback", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    let heard = 0;
    socket.onmessage = () => {
      heard++;
      socket.onmessage = undefined;
    };
    for (let i = 0; i < 3; i++) host.driver.port.receive(frameTo(1000, [i]));
    host.run();
    expect(heard).toBe(1);
    socket.onmessage = () => {
      heard++;
      socket.close();
    };
    expect(heard).toBe(2);
    expect(socket.closed).toBe(true);
    expect(host.stack.statistics().drops.SOCK_CLOSED).toBe(1);
  });

  test("TTL, TOS and Don't Fragment go as they are set", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind();
    const send = (): ReadIpv4 => {
      socket.trySend("x", { address: PEER, port: 9 });
      host.run();
      return host.one().ip as ReadIpv4;
    };
    expect(send()).toMatchObject({ ttl: 64, tos: 0, flagsOffset: 0x4000 });
    socket.setTTL(3);
    socket.setTOS(0xb8);
    socket.setDontFragment(false);
    expect(send()).toMatchObject({ ttl: 3, tos: 0xb8, flagsOffset: 0 });
    socket.setTTL(0);
    host.stack.switches.set("IP_DEFAULT_TTL", 99);
    expect(send()).toMatchObject({ ttl: 99 });
  });

  test("every length from 0 to the largest over lo, and EMSGSIZE beyond", async () => {
    const stack = await boot();
    const socket = await stack.udp.bind();
    const port = socket.address.port;
    for (const size of [0, 1, 1892, 1920, 1921, 2048, 20_000, 65_506, 65_507]) {
      const sent = data(size);
      expect(socket.trySend(sent, { port })).toBe(true);
      const received = socket.receive();
      await run(stack);
      const datagram = await received;
      expect(datagram.size).toBe(size);
      expect(Buffer.compare(datagram.data, sent)).toBe(0);
    }
    for (const size of [65_508, 65_536, 70_000, 2 ** 20]) {
      expect(codeOf(() => socket.trySend(new Uint8Array(size), { port }))).toBe("EMSGSIZE");
    }
    const host = await Host.create();
    const out = await host.stack.udp.bind();
    out.setDontFragment(true);
    expect(out.trySend(data(1472), { address: PEER, port: 9 })).toBe(true);
    expect(codeOf(() => out.trySend(data(1473), { address: PEER, port: 9 }))).toBe("EMSGSIZE");
    host.run();
    expect(host.take()).toHaveLength(1);
  });

  test("the queue is bounded; what is over it is dropped and counted", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000, queue: 3 });
    const drops = await host.drops(() => {
      for (let i = 0; i < 5; i++) host.rxUdp({ dstPort: 1000 }, [i]);
    });
    expect(drops).toEqual({ SOCK_QUEUE_FULL: 2 });
    socket.setQueue(4);
    host.rxUdp({ dstPort: 1000 }, [5]);
    const heard: number[] = [];
    socket.onmessage = (bytes) => void heard.push(bytes[0] as number);
    expect(heard).toEqual([0, 1, 2, 5]);
  });

  test("broadcast needs permission", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind();
    for (const address of ["255.255.255.255", "192.168.1.255"]) {
      socket.setBroadcast(false);
      expect(codeOf(() => socket.trySend("x", { address, port: 9 }))).toBe("EACCES");
      expect(codeOf(() => socket.connect({ address, port: 9 }))).toBe("EACCES");
      socket.setBroadcast(true);
      expect(socket.trySend("x", { address, port: 9 })).toBe(true);
      host.run();
      expect(host.one()).toMatchObject({ dst: "ff:ff:ff:ff:ff:ff", ip: { dst: address } });
    }
    expect((await host.stack.udp.bind({ broadcast: true })).trySend("x", { address: "255.255.255.255", port: 9 })).toBe(
      true,
    );
    host.run();
    host.take();
  });
});

const frameTo = (port: number, payload: number[]) => {
  const length = 8 + payload.length;
  const ip = ipv4({ proto: 17 }, join([7, 208, port >> 8, port & 255, 0, length, 0, 0], payload));
  return join([2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2, 8, 0], ip);
};

describe("ports", () => {
  test("EADDRINUSE where addresses overlap, and only there", async () => {
    const host = await Host.create();
    const { udp } = host.stack;
    const a = await udp.bind({ address: "127.0.0.1", port: 7000 });
    const b = await udp.bind({ address: US, port: 7000 });
    expect(await failure(udp.bind({ port: 7000 }))).toBe("EADDRINUSE");
    expect(await failure(udp.bind({ address: US, port: 7000 }))).toBe("EADDRINUSE");
    a.close();
    expect(await failure(udp.bind({ port: 7000 }))).toBe("EADDRINUSE");
    b.close();
    const all = await udp.bind({ port: 7000 });
    expect(await failure(udp.bind({ address: "127.0.0.5", port: 7000 }))).toBe("EADDRINUSE");
    all.close();
    // An echo identifier is no UDP port.
    const echo = host.stack.openEcho();
    await udp.bind({ port: echo.identifier });
    const error = await udp.bind({ address: "9.9.9.9" }).catch((e: unknown) => e as StackError);
    expect(error).toMatchObject({ code: "EADDRNOTAVAIL", syscall: "bind", address: "9.9.9.9", port: 0, errno: -99 });
  });

  test("the port goes to the most specific socket: connected, then by address, then any", async () => {
    const host = await Host.create();
    const { udp } = host.stack;
    const heard: string[] = [];
    const listen = (socket: UdpSocket, name: string) => {
      socket.onmessage = () => void heard.push(name);
      return socket;
    };
    const mine = listen(await udp.bind({ address: US, port: 1000 }), "by address");
    host.join({ address: "10.0.0.1/24" });
    const other = listen(await udp.bind({ address: "10.0.0.1", port: 1000 }), "other");
    host.rxUdp({}, [1]);
    mine.close();
    // The weak host model: an own address is ours on any interface.
    host.rxUdp({ dst: "10.0.0.1" }, [1], { dst: "10.0.0.1" });
    other.close();
    const any = listen(await udp.bind({ port: 1000 }), "any");
    host.rxUdp({}, [1]);
    any.connect({ address: PEER, port: 2000 });
    host.rxUdp({ srcPort: 2000 }, [1]);
    const drops = await host.drops(() => {
      host.rxUdp({ srcPort: 2001 }, [1]);
      host.rxUdp({ srcPort: 2000, src: "192.168.1.3" }, [1], { src: "192.168.1.3" });
    });
    expect(drops).toEqual({ UDP_NO_PORT: 2 });
    expect(heard).toEqual(["by address", "other", "any", "any"]);
    host.take();
  });

  test("those drawn are of the range, unlike one another's neighbours, and never one in use", async () => {
    const stack = await boot();
    stack.switches.set("IP_PORT_FIRST", 40_000);
    stack.switches.set("IP_PORT_LAST", 40_999);
    const sockets = await Promise.all(Array.from({ length: 400 }, () => stack.udp.bind()));
    const ports = sockets.map((socket) => socket.address.port);
    expect(new Set(ports).size).toBe(400);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(40_000);
    expect(Math.max(...ports)).toBeLessThanOrEqual(40_999);
    const neighbours = ports.filter((port, i) => i > 0 && Math.abs(port - (ports[i - 1] as number)) <= 2).length;
    expect(neighbours).toBeLessThan(20);
    // Halves of the range, each about as often.
    const low = ports.filter((port) => port < 40_500).length;
    expect(low).toBeGreaterThan(150);
    expect(low).toBeLessThan(250);
  });

  test("when all are taken that is an error; the next one freed is found", async () => {
    const stack = await boot();
    stack.switches.set("IP_PORT_FIRST", 50_000);
    stack.switches.set("IP_PORT_LAST", 50_099);
    const sockets = await Promise.all(Array.from({ length: 100 }, () => stack.udp.bind()));
    expect(await failure(stack.udp.bind())).toBe("EADDRINUSE");
    expect(codeOf(() => stack.openEcho())).toBe("none");
    sockets[37]?.close();
    expect((await stack.udp.bind()).address.port).toBe(sockets[37] === undefined ? 0 : 50_000 + portOf(sockets, 37));
    // The failed bind has left nothing behind.
    const named = await stack.udp.bind({ port: 60_000 });
    expect(named.address.port).toBe(60_000);
  });
});

/** The one port of the range that no other socket has. */
function portOf(sockets: UdpSocket[], closed: number): number {
  const held = new Set(sockets.filter((_, i) => i !== closed).map((socket) => socket.address.port));
  for (let i = 0; i < 100; i++) if (!held.has(50_000 + i)) return i;
  return -1;
}

describe("connect", () => {
  test("filters, gives a source address, may be repeated and dissolved", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    socket.connect({ address: PEER, port: 2000 });
    expect(socket.address).toEqual({ address: US, port: 1000 });
    expect(socket.remoteAddress).toEqual({ address: PEER, port: 2000 });
    expect(socket.trySend("x")).toBe(true);
    expect(socket.trySend("elsewhere", { address: "192.168.1.3", port: 5 })).toBe(true);
    host.run();
    expect(host.take()[0]?.ip).toMatchObject({ src: US, dst: PEER, udp: { srcPort: 1000, dstPort: 2000 } });
    socket.connect({ address: "127.0.0.1", port: 3000 });
    expect(socket.address.address).toBe("127.0.0.1");
    socket.disconnect();
    expect(socket.address).toEqual({ address: "0.0.0.0", port: 1000 });
    expect(socket.remoteAddress).toBeUndefined();
    expect(codeOf(() => socket.disconnect())).toBe("ENOTCONN");
    expect(codeOf(() => socket.trySend("x"))).toBe("EDESTADDRREQ");
    let heard = 0;
    socket.onmessage = () => void heard++;
    host.rxUdp({ srcPort: 4444 }, [1]);
    expect(heard).toBe(1);
  });

  test("a failed connect leaves the socket as it was", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.connect({ address: PEER, port: 2000 });
    const port = socket.address.port;
    expect(codeOf(() => socket.connect({ address: "8.8.8.8", port: 53 }))).toBe("ENETUNREACH");
    expect(socket.remoteAddress).toEqual({ address: PEER, port: 2000 });
    expect(socket.address).toEqual({ address: US, port });
    expect(socket.trySend("x")).toBe(true);
    host.run();
    expect(host.one().ip?.dst).toBe(PEER);
    expect(await failure(host.stack.udp.connect({ address: "8.8.8.8", port: 53 }))).toBe("ENETUNREACH");
  });
});
