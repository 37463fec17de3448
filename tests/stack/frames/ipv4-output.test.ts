/** IPv4 output: RFC 791 §3.1, RFC 1122 §3.2.1, §3.3.1, §3.3.4.3 and §3.3.6. */
import { describe, expect, test } from "vitest";
import { codeOf, Host, OUR_MAC, PEER, PEER_MAC, US } from "../recording-driver.js";
import { ARP_REPLY, data } from "../wire.js";

async function sender(options: Parameters<typeof Host.create>[0] = {}) {
  const host = await Host.create(options);
  const socket = await host.stack.udp.bind({ port: 5000 });
  const send = (address = PEER, bytes: Uint8Array = data(4)) => {
    socket.trySend(bytes, { address, port: 9 });
    host.run();
    return host.one();
  };
  const error = (address = PEER, bytes: Uint8Array = data(4)) => {
    const code = codeOf(() => socket.trySend(bytes, { address, port: 9 }));
    host.run();
    return code;
  };
  return { host, socket, send, error };
}

describe("the header", () => {
  test("as it goes out", async () => {
    const { send } = await sender();
    const frame = send();
    expect(frame).toMatchObject({ dst: PEER_MAC, src: OUR_MAC, type: 0x0800 });
    expect(frame.ip).toMatchObject({ src: US, dst: PEER, ttl: 64, tos: 0, proto: 17, totalLen: 32 });
    // RFC 1191 §3: DF, as long as nothing says that it would not get through.
    expect(frame.ip?.flagsOffset).toBe(0x4000);
    expect(frame.ip?.good).toBe(true);
  });

  test("TTL and TOS as the socket has them, else the stack's default", async () => {
    const { host, socket, send } = await sender();
    socket.setTTL(7);
    socket.setTOS(0x10);
    const marked = send();
    expect(marked.ip).toMatchObject({ ttl: 7, tos: 0x10, good: true });
    // No link here knows of TOS: the frame is as any other (RFC 1122 §3.2.1.6).
    expect(marked).toMatchObject({ dst: PEER_MAC, src: OUR_MAC, type: 0x0800 });
    socket.setTTL(0);
    socket.setTOS(0);
    host.stack.switches.set("IP_DEFAULT_TTL", 200);
    expect(send().ip).toMatchObject({ ttl: 200, tos: 0 });
    expect(codeOf(() => socket.setTTL(256))).toBe("EINVAL");
    expect(codeOf(() => host.stack.switches.set("IP_DEFAULT_TTL", 0))).toBe("EINVAL");
  });

  test("multicast goes one hop unless the socket says otherwise; none of TTL 0 is put on a wire", async () => {
    const { host, socket, send } = await sender();
    expect(send("224.0.0.1").ip?.ttl).toBe(1);
    socket.setMulticastTTL(9);
    expect(send("224.0.0.1").ip?.ttl).toBe(9);
    socket.setMulticastTTL(0);
    socket.trySend("x", { address: "224.0.0.1", port: 9 });
    host.run();
    expect(host.take()).toEqual([]);
  });

  test("the id counts up for a destination, over all sockets and protocols", async () => {
    const { host, send } = await sender();
    const first = send().ip?.id as number;
    expect(send().ip?.id).toBe((first + 1) & 0xffff);
    host.rxIcmp({});
    expect(host.one().ip?.id).toBe((first + 2) & 0xffff);
    for (let i = 0; i < 70_000; i++) {
      host.rxIcmp({});
      if (i % 64 === 63) host.take();
    }
    host.take();
    const last = send().ip?.id as number;
    expect(last).toBe((first + 3 + 70_000) & 0xffff);
  });

  test("DF as the socket says", async () => {
    const { socket, send } = await sender();
    socket.setDontFragment(true);
    expect(send().ip?.flagsOffset).toBe(0x4000);
    socket.setDontFragment(false);
    expect(send().ip?.flagsOffset).toBe(0);
  });

  test("with DF a datagram over the MTU fails with EMSGSIZE and leaves nothing behind", async () => {
    const { host, socket, send, error } = await sender();
    socket.setDontFragment(true);
    expect(send(PEER, data(1472)).ip?.totalLen).toBe(1500);
    expect(error(PEER, data(1473))).toBe("EMSGSIZE");
    host.nif.mtu = 576;
    expect(error(PEER, data(549))).toBe("EMSGSIZE");
    expect(send(PEER, data(548)).ip?.totalLen).toBe(576);
    expect(host.stack.statistics().drops.OUT_TOO_LONG).toBe(0);
  });
});

describe("where to", () => {
  test("by mask: on the link to the host itself, elsewhere to the gateway; the most specific route wins", async () => {
    const { host, send, error } = await sender();
    expect(error("8.8.8.8")).toBe("ENETUNREACH");
    host.stack.routes.add({ destination: "default", gateway: PEER });
    expect(send("8.8.8.8")).toMatchObject({ dst: PEER_MAC, ip: { dst: "8.8.8.8", src: US } });
    const next = host.join({ address: "10.0.0.1/8" });
    host.stack.neighbours.add(next.nif, "10.0.0.9", "02:00:00:00:02:09");
    host.stack.routes.add({ destination: "8.8.0.0/16", gateway: "10.0.0.9" });
    const { socket } = { socket: await host.stack.udp.bind() };
    socket.trySend("x", { address: "8.8.8.8", port: 9 });
    host.run();
    expect(host.one(next.driver)).toMatchObject({ dst: "02:00:00:00:02:09", ip: { src: "10.0.0.1", dst: "8.8.8.8" } });
    expect(host.take()).toEqual([]);
  });

  test("several default gateways: the lowest metric, and the next one when that is taken away", async () => {
    const { host, send } = await sender();
    host.stack.neighbours.add(host.nif, "192.168.1.3", "02:00:00:00:01:03");
    host.stack.routes.add({ destination: "default", gateway: "192.168.1.3", metric: 20 });
    host.stack.routes.add({ destination: "default", gateway: PEER, metric: 10 });
    expect(send("8.8.8.8").dst).toBe(PEER_MAC);
    host.stack.routes.delete({ destination: "default", gateway: PEER });
    expect(send("8.8.8.8").dst).toBe("02:00:00:00:01:03");
  });

  test("a rejecting route is host unreachable", async () => {
    const { host, error } = await sender();
    host.stack.routes.add({ destination: "203.0.113.0/24", dev: "lo", reject: true });
    expect(error("203.0.113.7")).toBe("EHOSTUNREACH");
  });

  test("without a gateway the connected network works", async () => {
    const { host, send } = await sender();
    expect(host.stack.routes.list().some((route) => route.gateway !== undefined)).toBe(false);
    expect(send().dst).toBe(PEER_MAC);
  });

  test("addresses that are nobody's: 0/8 and class E", async () => {
    const { host, error } = await sender();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    for (const address of ["0.0.0.9", "0.255.255.255", "240.0.0.1", "255.255.255.254"]) {
      expect(error(address)).toBe("ENETUNREACH");
    }
    expect(host.take()).toEqual([]);
  });

  test("127/8 never goes on a wire: not by a default route, nor by a socket bound to the interface", async () => {
    const { host, socket } = await sender();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    const other = await host.stack.udp.bind();
    other.bindToInterface(2);
    const far = () =>
      host.take().filter((frame) => frame.arp?.tpa.startsWith("127.") || frame.ip?.dst.startsWith("127."));
    for (const address of ["127.0.0.1", "127.9.9.9", "127.255.255.255"]) {
      codeOf(() => other.trySend("x", { address, port: 9 }));
      host.run();
      expect(far()).toEqual([]);
    }
    host.lo.removeAddress("127.0.0.1");
    for (const address of ["127.0.0.1", "127.9.9.9"]) {
      expect(codeOf(() => socket.trySend("x", { address, port: 9 }))).toBe("ENETUNREACH");
      host.run();
      expect(host.take()).toEqual([]);
    }
    host.lo.addAddress("127.0.0.1/8");
  });

  test("127/8 is never a source on a wire", async () => {
    const { host } = await sender();
    const bound = await host.stack.udp.bind({ address: "127.0.0.1", broadcast: true });
    for (const address of [PEER, "192.168.1.255", "255.255.255.255", "224.0.0.1"]) {
      codeOf(() => bound.trySend("x", { address, port: 9 }));
      host.run();
      for (const frame of host.take()) expect(frame.ip?.src).not.toMatch(/^127\./);
    }
    expect(codeOf(() => bound.trySend("x", { address: PEER, port: 9 }))).toBe("EINVAL");
  });

  test("a socket bound to an interface speaks there as if all were on its link, and hears only there", async () => {
    const { host } = await sender();
    const next = host.join({ address: "10.0.0.1/8" });
    const bound = await host.stack.udp.bind({ port: 1000 });
    bound.bindToInterface(next.nif.index);
    bound.trySend("x", { address: PEER, port: 9 });
    host.run();
    expect(host.take()).toEqual([]);
    expect(host.one(next.driver)).toMatchObject({ arp: { tpa: PEER, spa: "10.0.0.1" } });
    expect(await host.drops(() => host.rxUdp({}))).toEqual({ UDP_NO_PORT: 1 });
  });

  test("own addresses go through lo even for a socket bound to an interface", async () => {
    const { host } = await sender();
    const bound = await host.stack.udp.bind({ port: 1000 });
    let heard = 0;
    bound.onmessage = () => heard++;
    const from = await host.stack.udp.bind();
    from.bindToInterface(host.nif.index);
    from.trySend("x", { address: US, port: 1000 });
    host.run();
    expect(host.take()).toEqual([]);
    expect(heard).toBe(1);
  });
});

describe("the source address", () => {
  test("the interface's primary in the next hop's subnet", async () => {
    const { host, send } = await sender();
    host.nif.addAddress("192.168.1.77/24");
    host.nif.addAddress("10.1.0.1/16");
    host.stack.neighbours.add(host.nif, "10.1.2.3", PEER_MAC);
    host.run();
    host.take();
    expect(send(PEER).ip?.src).toBe(US);
    expect(send("10.1.2.3").ip?.src).toBe("10.1.0.1");
    host.stack.routes.add({ destination: "172.16.0.0/12", gateway: "10.1.2.3" });
    expect(send("172.16.0.1").ip?.src).toBe("10.1.0.1");
    host.stack.routes.add({ destination: "172.32.0.0/12", gateway: "10.1.2.3", source: "192.168.1.77" });
    expect(send("172.32.0.1").ip?.src).toBe("192.168.1.77");
  });

  test("the socket's own, when it is bound to one", async () => {
    const { host } = await sender();
    host.nif.addAddress("192.168.1.77/24");
    host.run();
    host.take();
    const bound = await host.stack.udp.bind({ address: "192.168.1.77" });
    bound.trySend("x", { address: PEER, port: 9 });
    host.run();
    expect(host.one().ip?.src).toBe("192.168.1.77");
    expect(codeOf(() => host.stack.core.exports.sock_open(99))).toBe("none");
    await expect(host.stack.udp.bind({ address: "192.168.1.3" })).rejects.toMatchObject({ code: "EADDRNOTAVAIL" });
  });

  test("never one that is not ours, nor a broadcast: a socket bound to a broadcast address speaks as the host", async () => {
    const { host } = await sender();
    for (const address of ["192.168.1.255", "255.255.255.255", "224.0.0.1"]) {
      const bound = await host.stack.udp.bind({ address, port: 6000 });
      bound.trySend("x", { address: PEER, port: 9 });
      host.run();
      expect(host.one().ip?.src).toBe(US);
      bound.close();
    }
    const bound = await host.stack.udp.bind({ address: US, port: 6000 });
    host.nif.removeAddress(US);
    host.nif.addAddress("192.168.1.50/24");
    host.run();
    host.take();
    bound.trySend("x", { address: PEER, port: 9 });
    host.run();
    expect(host.one().ip?.src).toBe("192.168.1.50");
  });

  test("an interface without an address borrows another's", async () => {
    const { host, socket } = await sender();
    const link = host.join({ medium: "ip" });
    host.stack.routes.add({ destination: "10.9.0.0/16", dev: link.nif.name });
    socket.trySend("x", { address: "10.9.1.1", port: 9 });
    host.run();
    expect(link.driver.sent).toHaveLength(1);
    expect((link.driver.sent[0] as Uint8Array).slice(12, 16)).toEqual(Uint8Array.of(192, 168, 1, 1));
  });

  test("no source at all: EADDRNOTAVAIL", async () => {
    const host = await Host.create({ address: null });
    const socket = await host.stack.udp.bind({ broadcast: true });
    expect(codeOf(() => socket.trySend("x", { address: "255.255.255.255", port: 67 }))).toBe("EADDRNOTAVAIL");
    expect(codeOf(() => socket.trySend("x", { address: PEER, port: 67 }))).toBe("ENETUNREACH");
  });
});

describe("when it cannot go", () => {
  test("no carrier: dropped and counted as the carrier's", async () => {
    const { host, socket } = await sender();
    host.stack.switches.set("ROUTES_FOLLOW_CARRIER", 0);
    host.driver.port.carrier(false);
    expect(await host.drops(() => socket.trySend("x", { address: PEER, port: 9 }))).toEqual({ OUT_NO_CARRIER: 1 });
    expect(host.nif.counters).toMatchObject({ txCarrier: 1, txErrors: 1 });
  });

  test("the interface is down: its networks are gone with it, and come back", async () => {
    const { host, send, error } = await sender();
    host.nif.down();
    expect(error()).toBe("ENETUNREACH");
    host.nif.up();
    host.run();
    host.take();
    expect(send().dst).toBe(PEER_MAC);
  });

  test("a full ring: the sender waits, and is told when there is room", async () => {
    const { host, socket } = await sender({ ringSlots: 4 });
    host.driver.busy = true;
    for (let i = 0; i < 4; i++) expect(socket.trySend("x", { address: PEER, port: 9 })).toBe(true);
    expect(socket.trySend("x", { address: PEER, port: 9 })).toBe(false);
    // A reply does not wait.
    expect(await host.drops(() => host.rxIcmp({}))).toEqual({ OUT_RING_FULL: 1 });
    host.driver.free();
    host.run();
    expect(host.take()).toHaveLength(4);
    expect(socket.trySend("x", { address: PEER, port: 9 })).toBe(true);
  });

  test("a reply longer than the MTU it must leave by goes in fragments", async () => {
    const { host } = await sender();
    const next = host.join({ address: "10.0.0.1/8", mtu: 576 });
    host.stack.neighbours.add(next.nif, "10.0.0.9", PEER_MAC);
    expect(await host.drops(() => host.rxIcmp({}, data(1000), { src: "10.0.0.9" }))).toEqual({});
    expect(host.take(next.driver).map(({ ip }) => [ip?.good, ip?.flagsOffset, ip?.totalLen])).toEqual([
      [true, 0x2000, 572],
      [true, 69, 476],
    ]);
  });

  test("a reply to where there is no route is dropped and counted", async () => {
    const { host } = await sender();
    expect(await host.drops(() => host.rxIcmp({}, [], { src: "8.8.8.8" }))).toEqual({ OUT_NO_ROUTE: 1 });
    expect(await host.drops(() => host.rxUdp({ dstPort: 7 }, [], { src: "8.8.8.8" }))).toEqual({
      OUT_NO_ROUTE: 1,
      UDP_NO_PORT: 1,
    });
  });

  test("an answer from the next hop is not needed twice: a request is answered while we wait for another", async () => {
    const { host, socket } = await sender({ peer: false });
    socket.trySend("x", { address: "192.168.1.9", port: 9 });
    host.rxArp({ op: ARP_REPLY }, OUR_MAC);
    host.rxIcmp({});
    const frames = host.take();
    expect(frames.map((frame) => frame.ip?.dst ?? frame.arp?.tpa)).toEqual(["192.168.1.9", PEER]);
  });
});
