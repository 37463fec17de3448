/** Scenario 9: broadcasts, the network itself, and a class B network cut by masks. */
import { expect, test } from "vitest";
import { codeOf, Host, US } from "../stack/recording-driver.js";
import { BROADCAST_MAC, data, udp } from "../stack/wire.js";
import { World } from "./world.js";

/** Is there an echo request to the address on the link? */
const asked = (world: World, link: string, dst: string) =>
  world.take(link).some(({ ip }) => ip?.dst === dst && ip.icmp?.type === 8);

test("scenario 9: 255.255.255.255 is never forwarded, whatever is switched on", async () => {
  const world = await World.create("09-special-addresses");
  await world.say("r1 sysctl net.ipv4.conf.all.bc_forwarding=1");
  world.forget();
  const lines = await world.say("h1 ping -c 2 -W 1 -b 255.255.255.255");
  expect(lines.filter((line) => line.startsWith("64 bytes")).length).toBeGreaterThan(0);
  expect(asked(world, "net1", "255.255.255.255")).toBe(true);
  for (const link of ["net13", "net252"]) expect(asked(world, link, "255.255.255.255")).toBe(false);
  expect(world.stack("r1").statistics().counters.IP_FORW_DATAGRAMS).toBe(0);
});

test("scenario 9: host part all ones: everyone on that network, and through a router only where it may (RFC 2644)", async () => {
  const world = await World.create("09-special-addresses");
  const answers = async () =>
    (await world.say("h1 ping -c 1 -W 1 -b 140.252.13.63")).filter((line) => line.startsWith("64 bytes"));
  expect(await answers()).toEqual([]);
  expect(asked(world, "net13", "140.252.13.63")).toBe(false);
  await world.say("r1 sysctl net.ipv4.conf.all.bc_forwarding=1");
  expect(await answers()).toEqual([expect.stringMatching(/^64 bytes from 140\.252\.13\.34: icmp_seq=1 ttl=63 /)]);
  const [frame] = world.take("net13").filter(({ ip }) => ip?.dst === "140.252.13.63");
  expect(frame).toMatchObject({ dst: BROADCAST_MAC, ip: { src: "140.252.1.10", ttl: 63 } });
  // Only the network that it names hears it.
  expect(asked(world, "net252", "140.252.13.63")).toBe(false);
});

test("scenario 9: host part all zeros is the network itself: nobody's address", async () => {
  const host = await Host.create();
  expect(codeOf(() => host.nif.addAddress("10.1.2.0/24"))).toBe("EINVAL");
  // RFC 1122 §3.3.6: the older form of a broadcast; heard as one, not answered, not spoken to without leave.
  const socket = await host.stack.udp.bind({ port: 1000 });
  const dst = "192.168.1.0";
  host.rxUdp({ dst }, data(3), { dst }, BROADCAST_MAC);
  expect(await socket.receive()).toMatchObject({ destination: dst });
  expect(await host.drops(() => host.rxUdp({ dst, dstPort: 9 }, data(3), { dst }, BROADCAST_MAC))).toEqual({
    UDP_GROUP_NO_PORT: 1,
  });
  expect(codeOf(() => socket.trySend("x", { address: dst, port: 9 }))).toBe("EACCES");
  expect(host.take()).toEqual([]);
  socket.close();
});

test("scenario 9: a class B network cut into /24 and /27: the mask says who is near", async () => {
  const world = await World.create("09-special-addresses");
  const { routes } = world.stack("r1");
  expect(routes.get("140.252.1.10").dev).toBe("eth0");
  // .13.34 and .13.66 are alike in 24 bits, and on two networks.
  expect(routes.get("140.252.13.34").dev).toBe("eth1");
  expect(routes.get("140.252.13.66").dev).toBe("eth2");
  expect(codeOf(() => routes.get("140.252.13.99"))).toBe("ENETUNREACH");
  const { interfaces } = world.stack("r1");
  expect(interfaces.slice(1).map(({ addresses }) => [addresses[0]?.netmask, addresses[0]?.broadcast])).toEqual([
    ["255.255.255.0", "140.252.1.255"],
    ["255.255.255.224", "140.252.13.63"],
    ["255.255.255.224", "140.252.13.95"],
  ]);
  const lines = await world.say("h1 ping -c 1 140.252.13.34\nh1 ping -c 1 140.252.13.66\nh2 ping -c 1 140.252.13.66");
  expect(lines.filter((line) => / ttl=63 /.test(line))).toHaveLength(3);
});

test("scenario 9: a broadcast is a host's own to send only where it says so", async () => {
  const host = await Host.create();
  const socket = await host.stack.udp.bind();
  for (const address of ["255.255.255.255", "192.168.1.255"]) {
    expect(codeOf(() => socket.trySend("x", { address, port: 9 }))).toBe("EACCES");
  }
  // Nor does anybody speak as one.
  expect(await host.drops(() => host.rxIp({ src: "192.168.1.255" }, udp({ src: "192.168.1.255" })))).toEqual({
    IP_SOURCE: 1,
  });
  expect(host.stack.routes.get(US).dev).toBe("lo");
});
