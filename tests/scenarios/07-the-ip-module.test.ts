/** Scenario 7: the IP module: what comes in, what goes on, and what is said where it does not. */
import { describe, expect, test } from "vitest";
import { Host, OUR_MAC, PEER, PEER_MAC, US } from "../stack/recording-driver.js";
import { BROADCAST_MAC, data, icmp, ip4, ipv4, join, read, udp } from "../stack/wire.js";
import { World } from "./world.js";

const FAR = "10.0.0.2";
const FAR_MAC = "02:00:00:00:02:02";
const LSRR = 0x83;
const SSRR = 0x89;

/** eth0 192.168.1.1/24 with the peer, eth1 10.0.0.1/24 with FAR. */
async function twoNetworks(options: { forward?: boolean; sourceRoute?: boolean; mtu?: number } = {}) {
  const { forward = true, sourceRoute = true, mtu = 1500 } = options;
  const host = await Host.create();
  const { driver, nif } = host.join({ address: "10.0.0.1/24", mtu });
  host.stack.neighbours.add(nif, FAR, FAR_MAC);
  host.stack.switches.set("IP_FORWARD", forward ? 1 : 0);
  for (const each of host.stack.interfaces) each.switches.set("ACCEPT_SOURCE_ROUTE", sourceRoute ? 1 : 0);
  return { host, driver, nif };
}

const address = (text: string) => [24, 16, 8, 0].map((shift) => (ip4(text) >>> shift) & 255);
/** A source route to those hops in order, none of them behind it yet, and the padding. */
const route = (type: number, ...hops: string[]) => join([type, 3 + 4 * hops.length, 4], ...hops.map(address), [0]);

describe("scenario 7: input", () => {
  test("the header's checksum is verified, before anything else", async () => {
    const { host, driver } = await twoNetworks();
    for (const dst of [US, FAR]) {
      expect(await host.drops(() => host.rxIp({ dst, checksum: 1, ttl: 1 }, udp({ dst })))).toEqual({ IP_CHECKSUM: 1 });
    }
    expect(host.take().concat(host.take(driver))).toEqual([]);
  });

  test.each([
    ["an own address", US, OUR_MAC],
    ["the address of another interface", "10.0.0.1", OUR_MAC],
    ["the limited broadcast", "255.255.255.255", BROADCAST_MAC],
    ["the network's broadcast", "192.168.1.255", BROADCAST_MAC],
  ])("%s: up, by the protocol", async (_, dst, mac) => {
    const { host } = await twoNetworks();
    const socket = await host.stack.udp.bind({ port: 1000 });
    host.rxUdp({ dstPort: 1000, dst }, data(3), { dst }, mac);
    expect(await socket.receive()).toMatchObject({ address: PEER, destination: dst, size: 3 });
    const { counters } = await host.changes(() => host.rxIp({ proto: 1, dst: US }, icmp({ type: 0, rest: 1 })));
    expect(counters).toMatchObject({ ICMP_IN_ECHO_REPS: 1 });
    expect(await host.drops(() => host.rxIp({ proto: 200, dst: US }))).toEqual({ IP_PROTOCOL: 1 });
  });

  test("what is not for us, and what has a source route to go on, goes to forwarding", async () => {
    const { host, driver } = await twoNetworks();
    host.rxIp({ dst: FAR, proto: 17 }, udp({ dst: FAR }));
    expect(host.one(driver)).toMatchObject({ dst: FAR_MAC, ip: { dst: FAR, src: PEER } });
    // For us by its destination, for FAR by its source route; our side of departure is recorded.
    host.rxIp({ dst: US, proto: 17, options: route(LSRR, FAR) }, udp({ dst: FAR }));
    const { ip } = host.one(driver);
    expect(ip).toMatchObject({ dst: FAR, src: PEER, good: true, udp: { good: true } });
    expect([...(ip?.options ?? [])]).toEqual([LSRR, 7, 8, ...address("10.0.0.1"), 0]);
  });
});

describe("scenario 7: forwarding", () => {
  test("is off by default: dropped, and nothing said", async () => {
    const host = await Host.create();
    const { driver } = host.join({ address: "10.0.0.1/24" });
    expect(host.stack.switches.get("IP_FORWARD")).toBe(0);
    const { drops } = await host.changes(() => host.rxIp({ dst: FAR, ttl: 1 }, udp({ dst: FAR })));
    expect(drops).toEqual({ IP_NOT_FORWARDING: 1 });
    expect(host.take().concat(host.take(driver))).toEqual([]);
  });

  test.each([0, 1])("TTL %d is used up: dropped, time exceeded sent", async (ttl) => {
    const { host, driver } = await twoNetworks();
    const datagram = { dst: FAR, ttl, id: 77 };
    expect(await host.drops(() => host.rxIp(datagram, udp({ dst: FAR }, data(40))))).toEqual({ FWD_TTL: 1 });
    const error = host.one();
    expect(error).toMatchObject({ dst: PEER_MAC, ip: { src: US, dst: PEER, tos: 0xc0, ttl: 64 } });
    expect(error.ip?.icmp).toMatchObject({ type: 11, code: 0, rest: 0, good: true });
    expect(error.ip?.icmp?.data).toEqual(ipv4(datagram, udp({ dst: FAR }, data(40))));
    expect(host.take(driver)).toEqual([]);
  });

  test.each([0, 1])("TTL %d never hinders what is for this host", async (ttl) => {
    const { host } = await twoNetworks();
    const socket = await host.stack.udp.bind({ port: 1000 });
    expect(await host.drops(() => host.rxUdp({}, data(3), { ttl }))).toEqual({});
    expect(await socket.receive()).toMatchObject({ ttl, size: 3 });
    expect(host.take()).toEqual([]);
  });

  test("a strict source route whose next address is not on a network of ours: source route failed", async () => {
    const { host, driver } = await twoNetworks();
    host.stack.routes.add({ destination: "172.16.0.0/16", gateway: FAR });
    const options = route(SSRR, "172.16.0.1");
    expect(await host.drops(() => host.rxIp({ options, dst: US }, udp({})))).toEqual({ IP_SOURCE_ROUTE_FAILED: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 5 });
    // A loose one may go by other routers.
    host.rxIp({ options: route(LSRR, "172.16.0.1"), dst: US }, udp({}));
    expect(host.one(driver)).toMatchObject({ dst: FAR_MAC, ip: { dst: "172.16.0.1" } });
    expect(host.take()).toEqual([]);
  });

  test("a strict source route that reaches a router it does not name: source route failed", async () => {
    const { host, driver } = await twoNetworks();
    const options = route(SSRR, "172.16.0.1");
    expect(await host.drops(() => host.rxIp({ options, dst: FAR }, udp({})))).toEqual({ IP_SOURCE_ROUTE_FAILED: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 5 });
    // A loose one passes.
    host.rxIp({ options: route(LSRR, "172.16.0.1"), dst: FAR }, udp({}));
    expect(host.one(driver).ip).toMatchObject({ dst: FAR, ttl: 63 });
  });

  test("a router that accepts none refuses them all with the same words (RFC 7126 §4.3)", async () => {
    const { host } = await twoNetworks({ sourceRoute: false });
    const options = route(LSRR, FAR);
    expect(await host.drops(() => host.rxIp({ options, dst: US }, udp({})))).toEqual({ IP_SOURCE_ROUTE: 1 });
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 5 });
  });

  test("a better first hop on the sender's network: a redirect, and the datagram goes on; TTL less one, options done", async () => {
    const { host } = await twoNetworks();
    host.stack.routes.add({ destination: "172.16.0.0/16", gateway: "192.168.1.3" });
    host.stack.neighbours.add(host.nif, "192.168.1.3", "02:00:00:00:01:03");
    const record = join([7, 11, 4], new Uint8Array(9));
    host.rxIp({ dst: "172.16.0.1", ttl: 9, options: record }, udp({ dst: "172.16.0.1" }));
    const [redirect, forwarded, ...more] = host.take();
    expect(more).toEqual([]);
    expect(redirect).toMatchObject({ dst: PEER_MAC, ip: { icmp: { type: 5, code: 1, rest: ip4("192.168.1.3") } } });
    expect(forwarded).toMatchObject({ dst: "02:00:00:00:01:03", ip: { ttl: 8, good: true } });
    expect([...(forwarded?.ip?.options ?? [])]).toEqual([7, 11, 8, ...address(US), 0, 0, 0, 0, 0]);
  });

  test("what is too long for the way on goes in fragments, or not at all", async () => {
    const { host, driver } = await twoNetworks({ mtu: 576 });
    host.rxIp({ dst: FAR, proto: 17, id: 9 }, udp({ dst: FAR }, data(1000)));
    const pieces = host.take(driver).map(({ ip }) => [ip?.id, ip?.flagsOffset, ip?.totalLen, ip?.ttl, ip?.good]);
    expect(pieces).toEqual([
      [9, 0x2000, 572, 63, true],
      [9, 69, 476, 63, true],
    ]);
    expect(await host.drops(() => host.rxIp({ dst: FAR, flagsOffset: 0x4000 }, udp({ dst: FAR }, data(1000))))).toEqual(
      {
        FWD_NEED_FRAGMENT: 1,
      },
    );
    expect(host.one().ip?.icmp).toMatchObject({ type: 3, code: 4, rest: 576 });
    expect(host.take(driver)).toEqual([]);
  });
});

test("scenario 7: the same between hosts: off, on, TTL, no way, too long, source routes", async () => {
  const world = await World.create("07-forwarding");
  const heard = async (line: string) =>
    (await world.say(line))
      .filter((each) => /bytes from|^From|local error|!S/.test(each))
      .map((each) => each.replace(/ time=.*| +[\d.]+ ms/g, ""));
  expect(await heard("h1 ping -c 1 -W 1 h2")).toEqual([]);
  await world.say("r1 sysctl net.ipv4.ip_forward=1");
  expect(await heard("h1 ping -c 1 h2")).toEqual(["64 bytes from h2 (10.2.0.2): icmp_seq=1 ttl=63"]);
  expect(await heard("h1 ping -c 1 -t 1 h2")).toEqual(["From 10.1.0.1 icmp_seq=1 Time to live exceeded"]);
  expect(await heard("h1 ping -c 1 -t 1 r1")).toEqual(["64 bytes from r1 (10.1.0.1): icmp_seq=1 ttl=64"]);
  expect(await heard("h1 ping -c 1 172.16.0.1")).toEqual(["From 10.1.0.1 icmp_seq=1 Destination Net Unreachable"]);
  expect(await heard("h1 ping -c 1 -M do -s 1000 h2")).toEqual([
    "From 10.1.0.1 icmp_seq=1 Frag needed and DF set (mtu = 600)",
  ]);
  expect(await heard("h1 ping -c 1 -M dont -s 1000 h2")).toEqual(["1008 bytes from h2 (10.2.0.2): icmp_seq=1 ttl=63"]);
  expect(await heard("h1 traceroute -n -q 1 -g r1 h2")).toEqual([" 1  10.1.0.1 !S"]);
  expect(read(world.take("lan1").at(-1)?.frame ?? data(0)).ip?.icmp).toMatchObject({ type: 3, code: 5 });
});
