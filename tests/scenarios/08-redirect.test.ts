/** Scenario 8: a router knows a better one on the same network, and says so. linux.test.ts holds it beside Linux. */
import { expect, test } from "vitest";
import { data, ip4, readIpv4 } from "../stack/wire.js";
import { World } from "./world.js";

const H1 = "192.168.239.136";
const R1 = "192.168.239.145";
const R2 = "192.168.239.2";
const FAR = "202.10.1.2";

/** Echo requests of h1 on its network, by the station that they go to. */
function requestsOf(world: World, macs: ReadonlyMap<string, string>): (string | undefined)[] {
  return world
    .take("lan")
    .filter(({ src, ip }) => macs.get(src) === "h1" && ip?.icmp?.type === 8)
    .map(({ dst }) => macs.get(dst));
}

async function scene() {
  const world = await World.create("08-redirect");
  const macs = new Map(["h1", "r1", "r2"].map((name) => [world.stack(name).interface("eth0").mac ?? "", name]));
  return { world, macs };
}

test("scenario 8: the router forwards the packet and sends type 5 code 1 naming the better one", async () => {
  const { world, macs } = await scene();
  await world.say(`h1 ping -c 1 ${FAR}`);
  const frames = world.take("lan");
  const request = frames.find(({ src, ip }) => macs.get(src) === "h1" && ip?.icmp?.type === 8);
  const redirect = frames.find(({ ip }) => ip?.icmp?.type === 5);
  const forwarded = frames.find(({ src, ip }) => macs.get(src) === "r1" && ip?.icmp?.type === 8);
  expect(macs.get(request?.dst ?? "")).toBe("r1");
  expect(redirect).toMatchObject({ ip: { src: R1, dst: H1, ttl: 64, icmp: { code: 1, rest: ip4(R2), good: true } } });
  expect(macs.get(forwarded?.dst ?? "")).toBe("r2");
  expect(forwarded?.ip).toMatchObject({ src: H1, dst: FAR, ttl: 63 });
  // The offending header, plus 64 bits of its data at least.
  const quoted = redirect?.ip?.icmp?.data ?? data(0);
  expect(quoted.length).toBeGreaterThanOrEqual(28);
  expect(readIpv4(quoted)).toMatchObject({ src: H1, dst: FAR, id: request?.ip?.id, good: true });
  expect(quoted.slice(20, 28)).toEqual(request?.ip?.payload.slice(0, 8));
});

test("scenario 8: the host updates its route cache and sends the next one straight; ping shows the redirect", async () => {
  const { world, macs } = await scene();
  const lines = await world.say(`h1 ping -c 3 ${FAR}`);
  expect(lines.slice(1, 5)).toEqual([
    "From 192.168.239.145: icmp_seq=1 Redirect Host(New nexthop: 192.168.239.2)",
    expect.stringMatching(/^64 bytes from 202\.10\.1\.2: icmp_seq=1 ttl=63 /),
    expect.stringMatching(/^64 bytes from 202\.10\.1\.2: icmp_seq=2 ttl=63 /),
    expect.stringMatching(/^64 bytes from 202\.10\.1\.2: icmp_seq=3 ttl=63 /),
  ]);
  expect(requestsOf(world, macs)).toEqual(["r1", "r2", "r2"]);
  expect(world.stack("h1").routes.get(FAR).nextHop).toBe(R2);
  expect(await world.say("h1 route -n")).toContain(
    "202.10.1.2      192.168.239.2   255.255.255.255 UGHD  0      0        0 eth0",
  );
  // It is for that one host: another one is found anew.
  await world.say("h1 ping -c 2 202.10.1.3");
  expect(requestsOf(world, macs)).toEqual(["r1", "r2"]);
  // And for a while: then the table's own router is asked again.
  await world.say(`wait 360s\nh1 ping -c 1 ${FAR}`);
  expect(requestsOf(world, macs)).toEqual(["r1"]);
});

test("scenario 8: accept_redirects off: the host hears, and goes on by its router", async () => {
  const { world, macs } = await scene();
  await world.say("h1 sysctl net.ipv4.conf.all.accept_redirects=0");
  const lines = await world.say(`h1 ping -c 2 ${FAR}`);
  expect(lines.filter((line) => line.startsWith("From"))).toHaveLength(2);
  expect(requestsOf(world, macs)).toEqual(["r1", "r1"]);
  expect((await world.say("h1 route -n")).some((line) => line.startsWith(FAR))).toBe(false);
});

test("scenario 8: send_redirects off: the router forwards, and says nothing", async () => {
  const { world, macs } = await scene();
  await world.say("r1 sysctl net.ipv4.conf.all.send_redirects=0");
  const lines = await world.say(`h1 ping -c 2 ${FAR}`);
  expect(lines.filter((line) => line.startsWith("From"))).toEqual([]);
  expect(lines.filter((line) => line.startsWith("64 bytes"))).toHaveLength(2);
  expect(world.stack("r1").statistics().counters.ICMP_OUT_REDIRECTS).toBe(0);
  expect(requestsOf(world, macs)).toEqual(["r1", "r1"]);
});
