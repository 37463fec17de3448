/** Groups on sockets: RFC 1112 §6 and §7, RFC 3376 §3; who hears what, filters, bounds, sharing a port. */
import { describe, expect, test } from "vitest";
import type { UdpOptions, UdpSocket } from "../../src/index.js";
import { codeOf, Host, PEER, US } from "./recording-driver.js";
import { BROADCAST_MAC, data, ether, ipv4, udp } from "./wire.js";

const GROUP = "239.1.2.3";
const GROUP_MAC = "01:00:5e:01:02:03";

interface Listener {
  socket: UdpSocket;
  heard: string[];
}

async function listen(host: Host, options: UdpOptions = {}): Promise<Listener> {
  const heard: string[] = [];
  const socket = await host.stack.udp.bind({ port: 1000, reuseAddr: true, ...options });
  socket.onmessage = (bytes, { address, destination }) => heard.push(`${address}>${destination} ${bytes.length}`);
  return { socket, heard };
}

/** A datagram to the group as it comes by the wire. */
function rx(
  host: Host,
  length: number,
  fields: { src?: string; dst?: string; mac?: string } = {},
  driver = host.driver,
) {
  const { src = PEER, dst = GROUP, mac = GROUP_MAC } = fields;
  return host.rx(ether({ dst: mac }, ipv4({ src, dst, ttl: 1 }, udp({ src, dst }, data(length)))), driver);
}

describe("membership", () => {
  test("opens the Ethernet filter and IP input to the group, on that interface, until it is left", async () => {
    const host = await Host.create();
    const second = host.join({ address: "10.0.0.1/8" });
    const { socket, heard } = await listen(host);
    expect(await host.drops(() => rx(host, 1))).toEqual({ ETHER_NOT_FOR_US: 1 });
    socket.addMembership(GROUP);
    expect(await host.drops(() => rx(host, 2))).toEqual({});
    expect(await host.drops(() => rx(host, 3, { src: "10.0.0.2" }, second.driver))).toEqual({ ETHER_NOT_FOR_US: 1 });
    // Another group with the same Ethernet address: RFC 1112 §6.4, 32 groups share one.
    expect(await host.drops(() => rx(host, 4, { dst: "238.129.2.3" }))).toEqual({ IP_GROUP: 1 });
    socket.dropMembership(GROUP);
    expect(await host.drops(() => rx(host, 5))).toEqual({ ETHER_NOT_FOR_US: 1 });
    expect(heard).toEqual([`${PEER}>${GROUP} 2`]);
  });

  test("is of the interface that is named: by number, name, an own address, else as routes say", async () => {
    const host = await Host.create();
    const second = host.join({ address: "10.0.0.1/8" });
    const { socket, heard } = await listen(host);
    socket.addMembership(GROUP, second.nif.name);
    expect(codeOf(() => socket.addMembership(GROUP, second.nif.index))).toBe("EADDRINUSE");
    socket.dropMembership(GROUP, second.nif.name);
    socket.addMembership(GROUP, "10.0.0.1");
    rx(host, 1);
    rx(host, 2, { src: "10.0.0.2" }, second.driver);
    socket.addMembership(GROUP, host.nif.index);
    rx(host, 3);
    expect(heard).toEqual([`10.0.0.2>${GROUP} 2`, `${PEER}>${GROUP} 3`]);
    socket.dropMembership(GROUP, second.nif.index);
    expect(codeOf(() => socket.dropMembership(GROUP, second.nif.index))).toBe("EADDRNOTAVAIL");
    socket.dropMembership(GROUP);
    host.stack.routes.add({ destination: "224.0.0.0/4", dev: second.nif.name });
    socket.addMembership(GROUP);
    rx(host, 4, { src: "10.0.0.2" }, second.driver);
    expect(await host.drops(() => rx(host, 5))).toEqual({ ETHER_NOT_FOR_US: 1 });
    expect(heard.slice(2)).toEqual([`10.0.0.2>${GROUP} 4`]);
  });

  test("fails by name: no group, no interface, twice, never joined", async () => {
    const host = await Host.create();
    const { socket } = await listen(host);
    expect(codeOf(() => socket.addMembership("10.1.1.1"))).toBe("EINVAL");
    expect(codeOf(() => socket.addMembership("255.255.255.255"))).toBe("EINVAL");
    expect(codeOf(() => socket.addMembership(GROUP, 9))).toBe("ENODEV");
    expect(codeOf(() => socket.addMembership(GROUP, "10.1.1.1"))).toBe("ENODEV");
    expect(codeOf(() => socket.addMembership(GROUP, host.lo.index))).toBe("ENODEV");
    expect(codeOf(() => socket.addMembership(GROUP, "eth9"))).toBe("ENODEV");
    expect(codeOf(() => socket.setMulticastInterface("eth9"))).toBe("ENODEV");
    expect(() => socket.addMembership("everyone")).toThrow(TypeError);
    expect(() => socket.addMembership(GROUP, "10.1")).toThrow(/^interface: "10.1" is not/);
    expect(() => socket.addMembership(GROUP, -1)).toThrow(/^interface: -1 is not/);
    expect(codeOf(() => socket.dropMembership(GROUP))).toBe("EADDRNOTAVAIL");
    socket.addMembership(GROUP);
    expect(codeOf(() => socket.addMembership(GROUP))).toBe("EADDRINUSE");
    const bare = await Host.create({ address: null });
    const other = await listen(bare);
    expect(codeOf(() => other.socket.addMembership(GROUP))).toBe("ENODEV");
    other.socket.addMembership(GROUP, bare.nif.index);
  });

  test("is bounded: by socket, and by the boot option", async () => {
    const host = await Host.create({ memberships: 24 });
    const { socket } = await listen(host);
    for (let i = 0; i < 20; i++) socket.addMembership(`239.0.0.${i + 1}`);
    expect(codeOf(() => socket.addMembership("239.0.0.100"))).toBe("ENOBUFS");
    host.stack.switches.set("IGMP_MAX_MEMBERSHIPS", 21);
    socket.addMembership("239.0.0.100");
    const other = await listen(host);
    for (let i = 0; i < 3; i++) other.socket.addMembership(`239.0.1.${i + 1}`);
    expect(codeOf(() => other.socket.addMembership("239.0.1.100"))).toBe("ENOBUFS");
    socket.close();
    // What was left is not heard, and its records serve others.
    for (let i = 0; i < 17; i++) other.socket.addMembership(`239.0.2.${i + 1}`);
    rx(host, 7, { dst: "239.0.2.17", mac: "01:00:5e:00:02:11" });
    expect(other.heard).toEqual([`${PEER}>239.0.2.17 7`]);
    expect(await host.drops(() => rx(host, 8, { dst: "239.0.0.1", mac: "01:00:5e:00:00:01" }))).toEqual({
      IP_GROUP: 1,
    });
    const none = await Host.create({ memberships: 0 });
    const { socket: last } = await listen(none);
    expect(codeOf(() => last.addMembership(GROUP))).toBe("ENOBUFS");
  });

  test("ends with the socket", async () => {
    const host = await Host.create();
    const { socket } = await listen(host);
    socket.addMembership(GROUP);
    socket.close();
    expect(await host.drops(() => rx(host, 1))).toEqual({ ETHER_NOT_FOR_US: 1 });
    expect(codeOf(() => socket.addMembership(GROUP))).toBe("EBADF");
  });
});

describe("what is sent to a group is heard", () => {
  test("by every member that listens on the port, each its own copy; not by who has not joined (RFC 3376 §3.1)", async () => {
    const host = await Host.create();
    const members = [await listen(host), await listen(host), await listen(host, { address: GROUP })];
    const others = [await listen(host), await listen(host, { address: US }), await listen(host, { port: 1001 })];
    for (const { socket } of members) socket.addMembership(GROUP);
    const { counters, drops } = await host.changes(() => rx(host, 9));
    expect(counters).toMatchObject({ UDP_IN_DATAGRAMS: 3 });
    expect(drops).toEqual({});
    for (const { heard } of members) expect(heard).toEqual([`${PEER}>${GROUP} 9`]);
    for (const { heard } of others) expect(heard).toEqual([]);
    for (const { socket } of members) socket.close();
    const joined = await listen(host, { port: 1001 });
    joined.socket.addMembership(GROUP);
    expect(await host.drops(() => rx(host, 9))).toEqual({ UDP_GROUP_NO_PORT: 1 });
  });

  test("by everyone, if it is all-hosts or a broadcast, who is bound to no other address", async () => {
    const host = await Host.create();
    const all = [await listen(host), await listen(host)];
    const own = await listen(host, { address: US });
    rx(host, 1, { dst: "224.0.0.1", mac: "01:00:5e:00:00:01" });
    rx(host, 2, { dst: "192.168.1.255", mac: BROADCAST_MAC });
    for (const { heard } of all) expect(heard).toEqual([`${PEER}>224.0.0.1 1`, `${PEER}>192.168.1.255 2`]);
    expect(own.heard).toEqual([]);
  });

  test("by connected members from their peer, by bound ones by their interface", async () => {
    const host = await Host.create();
    const second = host.join({ address: "10.0.0.1/8" });
    const scoped = await listen(host);
    scoped.socket.bindToInterface(second.nif.index);
    scoped.socket.addMembership(GROUP);
    const any = await listen(host);
    any.socket.addMembership(GROUP, host.nif.index);
    any.socket.addMembership(GROUP, second.nif.index);
    rx(host, 1);
    rx(host, 2, { src: "10.0.0.2" }, second.driver);
    expect(scoped.heard).toEqual([`10.0.0.2>${GROUP} 2`]);
    expect(any.heard).toEqual([`${PEER}>${GROUP} 1`, `10.0.0.2>${GROUP} 2`]);
  });

  test("with room for some only, by those; the rest is counted", async () => {
    const host = await Host.create();
    const slow = await host.stack.udp.bind({ port: 1000, reuseAddr: true, queue: 1 });
    slow.addMembership(GROUP);
    const { socket, heard } = await listen(host);
    socket.addMembership(GROUP);
    expect(await host.drops(() => [1, 2, 3].map((length) => rx(host, length)))).toEqual({ SOCK_QUEUE_FULL: 2 });
    expect(heard).toHaveLength(3);
    expect((await slow.receive()).data).toEqual(data(1));
  });
});

describe("source filters (RFC 3376 §3)", () => {
  const A = "192.168.1.10";
  const B = "192.168.1.11";

  test("block and unblock: a member hears all but these", async () => {
    const host = await Host.create();
    const { socket, heard } = await listen(host);
    expect(codeOf(() => socket.blockSource(A, GROUP))).toBe("EADDRNOTAVAIL");
    socket.addMembership(GROUP);
    socket.blockSource(A, GROUP);
    expect(codeOf(() => socket.blockSource(A, GROUP))).toBe("EADDRNOTAVAIL");
    expect(await host.drops(() => rx(host, 1, { src: A }))).toEqual({ SOCK_FILTERED: 1 });
    rx(host, 2, { src: B });
    socket.unblockSource(A, GROUP);
    expect(codeOf(() => socket.unblockSource(A, GROUP))).toBe("EADDRNOTAVAIL");
    rx(host, 3, { src: A });
    expect(heard).toEqual([`${B}>${GROUP} 2`, `${A}>${GROUP} 3`]);
    expect(codeOf(() => socket.addSourceSpecificMembership(A, GROUP))).toBe("EINVAL");
    expect(codeOf(() => socket.dropSourceSpecificMembership(A, GROUP))).toBe("EINVAL");
  });

  test("source-specific: a member hears only these, and leaves with the last", async () => {
    const host = await Host.create();
    const { socket, heard } = await listen(host);
    socket.addSourceSpecificMembership(A, GROUP);
    socket.addSourceSpecificMembership(B, GROUP);
    expect(codeOf(() => socket.addSourceSpecificMembership(B, GROUP))).toBe("EADDRNOTAVAIL");
    expect(codeOf(() => socket.blockSource(A, GROUP))).toBe("EINVAL");
    expect(codeOf(() => socket.addMembership(GROUP))).toBe("EADDRINUSE");
    expect(await host.drops(() => rx(host, 1))).toEqual({ SOCK_FILTERED: 1 });
    rx(host, 2, { src: A });
    socket.dropSourceSpecificMembership(A, GROUP);
    expect(codeOf(() => socket.dropSourceSpecificMembership(A, GROUP))).toBe("EADDRNOTAVAIL");
    expect(await host.drops(() => rx(host, 3, { src: A }))).toEqual({ SOCK_FILTERED: 1 });
    rx(host, 4, { src: B });
    socket.dropSourceSpecificMembership(B, GROUP);
    expect(await host.drops(() => rx(host, 5, { src: B }))).toEqual({ ETHER_NOT_FOR_US: 1 });
    expect(heard).toEqual([`${A}>${GROUP} 2`, `${B}>${GROUP} 4`]);
    for (const source of ["0.0.0.0", "224.0.0.1", "255.255.255.255"]) {
      expect(codeOf(() => socket.addSourceSpecificMembership(source, GROUP))).toBe("EINVAL");
    }
  });

  test("each socket has its own, whatever the others hear", async () => {
    const host = await Host.create();
    const [one, two] = [await listen(host), await listen(host)];
    one.socket.addSourceSpecificMembership(A, GROUP);
    two.socket.addMembership(GROUP);
    two.socket.blockSource(A, GROUP);
    rx(host, 1, { src: A });
    rx(host, 2, { src: B });
    expect(one.heard).toEqual([`${A}>${GROUP} 1`]);
    expect(two.heard).toEqual([`${B}>${GROUP} 2`]);
  });

  test("hold a bounded number of sources", async () => {
    const host = await Host.create();
    const { socket, heard } = await listen(host);
    for (let i = 1; i <= 8; i++) socket.addSourceSpecificMembership(`192.168.1.${i + 20}`, GROUP);
    expect(codeOf(() => socket.addSourceSpecificMembership("192.168.1.99", GROUP))).toBe("ENOBUFS");
    const other = await listen(host);
    other.socket.addSourceSpecificMembership("192.168.1.99", GROUP);
    rx(host, 1, { src: "192.168.1.99" });
    rx(host, 2, { src: "192.168.1.28" });
    expect([heard, other.heard]).toEqual([[`192.168.1.28>${GROUP} 2`], [`192.168.1.99>${GROUP} 1`]]);
  });
});

describe("own multicasts", () => {
  test("come back to members here, as received where they left, unless the sender does not want that", async () => {
    const host = await Host.create();
    const { socket, heard } = await listen(host);
    const { counters } = await host.changes(() => socket.trySend("x", { address: GROUP, port: 1000 }));
    expect(counters.IP_LOOP_COPIES).toBeUndefined();
    socket.addMembership(GROUP);
    socket.trySend("xy", { address: GROUP, port: 1000 });
    host.run();
    expect(heard).toEqual([`${US}>${GROUP} 2`]);
    socket.setMulticastLoopback(false);
    socket.trySend("xyz", { address: GROUP, port: 1000 });
    host.run();
    expect(heard).toHaveLength(1);
    const frames = host.take().filter(({ ip }) => ip?.proto === 17);
    expect(frames.map(({ dst, ip }) => [dst, ip?.dst, ip?.ttl])).toEqual(Array(3).fill([GROUP_MAC, GROUP, 1]));
  });

  test("leave by the interface and with the TTL that the socket says; TTL 0 stays here (RFC 1112 §6.1)", async () => {
    const host = await Host.create();
    const second = host.join({ address: "10.0.0.1/8" });
    const { socket, heard } = await listen(host);
    socket.addMembership(GROUP, second.nif.index);
    socket.setMulticastInterface("10.0.0.1");
    socket.setMulticastTTL(5);
    host.take(second.driver);
    socket.trySend("x", { address: GROUP, port: 1000 });
    host.run();
    expect(host.one(second.driver).ip).toMatchObject({ src: "10.0.0.1", dst: GROUP, ttl: 5 });
    expect(heard).toEqual([`10.0.0.1>${GROUP} 1`]);
    socket.setMulticastInterface(host.nif.name);
    host.take();
    socket.trySend("elsewhere", { address: GROUP, port: 1000 });
    host.run();
    expect(host.one().ip).toMatchObject({ src: US, dst: GROUP });
    socket.setMulticastInterface(second.nif.name);
    socket.setMulticastTTL(0);
    socket.trySend("xy", { address: GROUP, port: 1000 });
    host.run();
    expect(host.take(second.driver)).toEqual([]);
    expect(heard).toHaveLength(2);
    socket.setMulticastInterface(0);
    socket.setMulticastTTL(1);
    host.take();
    socket.trySend("xyz", { address: GROUP, port: 1000 });
    host.run();
    expect(host.one().ip).toMatchObject({ src: US, dst: GROUP });
    expect(codeOf(() => socket.setMulticastInterface(9))).toBe("ENODEV");
  });
});

describe("sharing a port (reuseAddr)", () => {
  test("needs both to say so; what is for this host alone goes to the one bound last", async () => {
    const host = await Host.create();
    const first = await listen(host);
    await expect(host.stack.udp.bind({ port: 1000 })).rejects.toMatchObject({ code: "EADDRINUSE" });
    const last = await listen(host);
    host.rxUdp({}, data(4));
    expect([first.heard, last.heard]).toEqual([[], [`${PEER}>${US} 4`]]);
    last.socket.close();
    host.rxUdp({}, data(5));
    expect(first.heard).toEqual([`${PEER}>${US} 5`]);
    const alone = await host.stack.udp.bind({ port: 1001 });
    await expect(host.stack.udp.bind({ port: 1001, reuseAddr: true })).rejects.toMatchObject({ code: "EADDRINUSE" });
    alone.close();
  });

  test("a port that nobody named is never shared", async () => {
    const host = await Host.create();
    host.stack.switches.set("IP_PORT_LAST", 32770);
    const ports = new Set<number>();
    for (let i = 0; i < 3; i++) ports.add((await host.stack.udp.bind({ reuseAddr: true })).address.port);
    expect(ports.size).toBe(3);
    await expect(host.stack.udp.bind({ reuseAddr: true })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

test("a raw socket hears the groups that it has joined", async () => {
  const host = await Host.create();
  const GROUP_5 = ether({ dst: "01:00:5e:00:00:05" }, ipv4({ dst: "224.0.0.5", proto: 89, ttl: 1 }, data(24)));
  const [member, other] = [host.stack.openRaw({ protocol: 89 }), host.stack.openRaw({ protocol: 89 })];
  member.addMembership("224.0.0.5");
  const heard: number[] = [];
  member.onmessage = (bytes) => heard.push(bytes.length);
  other.onmessage = () => heard.push(-1);
  host.rx(GROUP_5);
  expect(heard).toEqual([44]);
  member.dropMembership("224.0.0.5");
  expect(await host.drops(() => host.rx(GROUP_5))).toEqual({ ETHER_NOT_FOR_US: 1 });
});
