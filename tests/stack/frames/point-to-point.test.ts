/** Point-to-point links: raw IP, both ends named or none, networks of two (RFC 3021). */
import { describe, expect, test } from "vitest";
import { SimLink, VirtualClock } from "../../../src/index.js";
import { ifconfig } from "../../../src/tools/ifconfig.js";
import { boot } from "../harness.js";
import { codeOf, Host, US } from "../recording-driver.js";
import { data } from "../wire.js";

/** Two stacks on one raw IP link, without addresses. */
async function line() {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, medium: "ip", delayUs: 1000 });
  const ends = [];
  for (let i = 0; i < 2; i++) {
    const stack = await boot({ clock });
    ends.push({ stack, nif: stack.addInterface(link.nic()) });
  }
  const [a, b] = ends as [(typeof ends)[0], (typeof ends)[0]];
  const ping = async (address: string) => {
    const answer = a.stack.ping(address).then(
      (reply) => reply.address,
      (error: { code: string }) => error.code,
    );
    await clock.advance(10_000_000);
    return answer;
  };
  return { a, b, ping };
}

describe("addresses of a point-to-point link", () => {
  test("a /32 with the far end's address leads to that, and to nothing else", async () => {
    const { a, b, ping } = await line();
    a.nif.addAddress("10.0.0.1/32", { peer: "10.9.0.2" });
    b.nif.addAddress("10.9.0.2/32", { peer: "10.0.0.1" });
    expect(a.nif.addresses).toEqual([
      { address: "10.0.0.1", prefixLength: 32, netmask: "255.255.255.255", peer: "10.9.0.2" },
    ]);
    expect(await ping("10.9.0.2")).toBe("10.9.0.2");
    expect(await ping("10.9.0.3")).toBe("ENETUNREACH");
    expect(ifconfig(a.stack, { name: "ppp0" })).toContain("inet addr:10.0.0.1  P-t-P:10.9.0.2  Mask:255.255.255.255");
    const routes = () => a.stack.routes.list().map(({ destination, dev }) => `${destination} ${dev}`);
    expect(routes()).toEqual(["10.0.0.1/32 lo", "10.9.0.2/32 ppp0", "127.0.0.0/8 lo", "127.0.0.1/32 lo"]);
    a.nif.removeAddress("10.0.0.1");
    expect(routes()).toEqual(["127.0.0.0/8 lo", "127.0.0.1/32 lo"]);
  });

  test("a far end that is none: itself, a group, loopback, nowhere, an own address, or with a network", async () => {
    const { a } = await line();
    a.nif.addAddress("10.5.5.5/32");
    const code = (prefix: string, peer: string) => codeOf(() => a.nif.addAddress(prefix, { peer }));
    for (const peer of ["10.0.0.1", "224.0.0.1", "255.255.255.255", "127.0.0.1", "0.0.0.0", "10.5.5.5"]) {
      expect([peer, code("10.0.0.1/32", peer)]).toEqual([peer, "EINVAL"]);
    }
    expect(code("10.0.0.1/30", "10.0.0.2")).toBe("EINVAL");
    expect(codeOf(() => a.stack.interface("lo").addAddress("10.0.0.1/32", { peer: "10.0.0.2" }))).toBe("EINVAL");
    expect(a.nif.addresses.map(({ address }) => address)).toEqual(["10.5.5.5"]);
  });

  test.each([
    ["/30", "10.0.0.1/30", "10.0.0.2/30", "10.0.0.2"],
    ["/31, both of whose addresses are hosts (RFC 3021 §2.1)", "10.0.0.0/31", "10.0.0.1/31", "10.0.0.1"],
    ["/24", "202.56.112.11/24", "202.56.112.12/24", "202.56.112.12"],
  ])("%s", async (_what, one, other, address) => {
    const { a, b, ping } = await line();
    a.nif.addAddress(one);
    b.nif.addAddress(other);
    expect(await ping(address)).toBe(address);
  });

  test("unnumbered: each end borrows the address of another of its links, and is reached by a route", async () => {
    const { a, b, ping } = await line();
    const clock = a.stack.clock;
    a.stack.addInterface(new SimLink({ clock }).nic(), { address: "192.168.1.1/24" });
    b.stack.addInterface(new SimLink({ clock }).nic(), { address: "192.168.2.1/24" });
    a.stack.routes.add({ destination: "192.168.2.0/24", dev: "ppp0" });
    b.stack.routes.add({ destination: "192.168.1.0/24", dev: "ppp0" });
    expect(await ping("192.168.2.1")).toBe("192.168.2.1");
    expect(a.stack.routes.get("192.168.2.7")).toMatchObject({ dev: "ppp0", source: "192.168.1.1" });
  });

  test("an address that is being probed is not lent", async () => {
    const { a } = await line();
    const nif = a.stack.addInterface(new SimLink({ clock: a.stack.clock }).nic());
    a.stack.routes.add({ destination: "192.168.2.0/24", dev: "ppp0" });
    const usable = nif.addAddress("192.168.1.1/24", { probe: true });
    expect(codeOf(() => a.stack.routes.get("192.168.2.7"))).toBe("EADDRNOTAVAIL");
    (a.stack.clock as VirtualClock).advanceSync(10_000_000);
    await usable;
    expect(a.stack.routes.get("192.168.2.7").source).toBe("192.168.1.1");
  });
});

test("on Ethernet too: a /31 has no broadcast (RFC 3021 §2.2), a /32 with a far end resolves it", async () => {
  const host = await Host.create({ address: null });
  host.nif.addAddress("10.0.0.0/31");
  expect(host.nif.addresses).toEqual([{ address: "10.0.0.0", prefixLength: 31, netmask: "255.255.255.254" }]);
  host.nif.addAddress(`${US}/32`, { peer: "192.168.1.2" });
  host.run();
  host.take();
  const socket = await host.stack.udp.bind();
  socket.trySend("x", { address: "10.0.0.1", port: 9 });
  socket.trySend("x", { address: "192.168.1.2", port: 9 });
  host.run();
  expect(host.take().map((frame) => [frame.arp?.spa, frame.arp?.tpa])).toEqual([
    ["10.0.0.0", "10.0.0.1"],
    [US, "192.168.1.2"],
  ]);
});

test("a group across a line (RFC 1112 §6): joined there, heard there, and by the sender's own members", async () => {
  const { a, b } = await line();
  a.nif.addAddress("10.0.0.1/30");
  b.nif.addAddress("10.0.0.2/30");
  const clock = a.stack.clock as VirtualClock;
  const heard: string[] = [];
  const listen = async ({ stack, nif }: typeof a, name: string) => {
    const socket = await stack.udp.bind({ port: 1000 });
    socket.onmessage = (bytes, { address, destination, ttl }) =>
      heard.push(`${name} ${address}>${destination} ttl ${ttl} ${bytes.length}`);
    socket.addMembership("239.1.2.3", nif.index);
    return socket;
  };
  await listen(a, "a");
  const far = await listen(b, "b");
  await clock.advance(1_000_000);
  const sender = await a.stack.udp.bind();
  sender.setMulticastInterface(a.nif.index);
  const to = { address: "239.1.2.3", port: 1000 };
  sender.trySend(data(5), to);
  await clock.advance(10_000);
  expect(heard.splice(0).sort()).toEqual(["a 10.0.0.1>239.1.2.3 ttl 1 5", "b 10.0.0.1>239.1.2.3 ttl 1 5"]);
  sender.setMulticastLoopback(false);
  sender.setMulticastTTL(7);
  sender.trySend(data(6), to);
  // More than the line takes at once goes in fragments.
  sender.trySend(data(3000), to);
  await clock.advance(10_000);
  expect(heard.splice(0)).toEqual(["b 10.0.0.1>239.1.2.3 ttl 7 6", "b 10.0.0.1>239.1.2.3 ttl 7 3000"]);
  far.dropMembership("239.1.2.3", b.nif.index);
  const drops = b.stack.statistics().drops.IP_GROUP;
  sender.trySend(data(7), to);
  await clock.advance(10_000);
  expect(heard).toEqual([]);
  expect(b.stack.statistics().drops.IP_GROUP - drops).toBe(1);
});
