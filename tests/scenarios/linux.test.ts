/** The scenarios that Linux played, held beside what it put on the wire: the same datagrams in the same order. */
import { describe, expect, test } from "vitest";
import { LINUX } from "../fixtures/linux-wire.js";
import { World } from "./world.js";

describe("two routers on a point-to-point link, as between Linux hosts", () => {
  test("ping, traceroute, and fragments that cross both routers unassembled", async () => {
    const world = await World.create("two-routers");
    await world.say("h1 ping -c 3 -i 0.2 h2\nh1 traceroute -q 1 h2\nh1 ping -c 1 -s 3000 h2");
    expect(world.facts("lan1")).toEqual(LINUX.basicH1);
    expect(world.facts("p2p")).toEqual(LINUX.basicP2p);
  });

  test("scenario 7: a destination nobody has goes to and fro until its TTL is used up, and the router there says so", async () => {
    const world = await World.create("two-routers");
    const lines = await world.say("h1 ping -c 2 -i 0.3 172.30.0.9\nh1 ping -c 1 -t 5 172.30.0.9");
    expect(world.facts("lan1")).toEqual(LINUX.loopH1);
    expect(world.facts("p2p")).toEqual(LINUX.loopP2p);
    expect(lines.filter((line) => line.startsWith("From"))).toEqual([
      "From 10.0.0.2 icmp_seq=1 Time to live exceeded",
      "From 10.0.0.2 icmp_seq=2 Time to live exceeded",
      "From 192.168.239.1 icmp_seq=1 Time to live exceeded",
    ]);
  });

  test("scenario 7: fragmentation needed, told in 576 bytes; then what is longer goes in fragments that fit", async () => {
    const world = await World.create("two-routers");
    // There only r1's end had the small MTU, and its tun device took longer packets all the same. Here an interface takes
    // no frame longer than its own MTU: r2 has it too, and the reply comes in fragments.
    for (const router of ["r1", "r2"]) world.stack(router).interface("ppp0").mtu = 600;
    const reply = (ttl: number) =>
      ["at 0+ len 596", "at 576+ len 596", "at 1152 len 76"].map(
        (part) => `192.168.100.5 > 192.168.239.10 ttl ${ttl} ${part} proto 1`,
      );
    const lines = await world.say("h1 ping -c 2 -i 0.3 -M do -s 1200 h2\nh1 ping -c 1 -s 1200 h2");
    expect(world.facts("lan1")).toEqual([...LINUX.fragneededH1.slice(0, 5), ...reply(62)]);
    expect(world.facts("p2p")).toEqual([...LINUX.fragneededP2p.slice(0, 3), ...reply(63)]);
    expect(lines.filter((line) => /^From|local error|bytes from/.test(line))).toEqual([
      "From 192.168.239.1 icmp_seq=1 Frag needed and DF set (mtu = 600)",
      "ping: local error: message too long, mtu=600",
      expect.stringMatching(/^1208 bytes from h2 /),
    ]);
  });

  test("scenario 10: record route and timestamps, there and back", async () => {
    const world = await World.create("two-routers");
    const lines = await world.say("h1 ping -R -c 1 h2\nh1 ping -T tsandaddr -c 1 h2");
    // RFC 1812 §4.2.2.2: a router enters the address by which the datagram leaves, r1 10.0.0.1 and r2 192.168.100.1. Linux
    // does so in a recorded route, and into a timestamp enters that by which it came, 192.168.239.1 and 10.0.0.2.
    const byDeparture = (line: string) =>
      line.startsWith("192.168.239.10 >")
        ? line.replace("c0a8ef0at,c0a8ef01t", "c0a8ef0at,0a000001t")
        : line.replace("c0a8ef01t,0a000002t", "0a000001t,c0a86401t");
    expect(world.facts("lan1")).toEqual(LINUX.optionsH1.map(byDeparture));
    expect(world.facts("p2p")).toEqual(LINUX.optionsP2p.map(byDeparture));
    expect(lines.filter((line) => line.includes("\t") || line.startsWith("Unrec"))).toEqual([
      "RR: \t192.168.239.10",
      "\t10.0.0.1",
      "\t192.168.100.1",
      "\t192.168.100.5",
      "\t192.168.100.5",
      "\t10.0.0.2",
      "\t192.168.239.1",
      "\t192.168.239.10",
      expect.stringMatching(/^TS: \t192\.168\.239\.10\t\d+ absolute$/),
      expect.stringMatching(/^\t10\.0\.0\.1\t\d$/),
      expect.stringMatching(/^\t192\.168\.100\.1\t\d$/),
      expect.stringMatching(/^\t192\.168\.100\.5\t\d$/),
      "Unrecorded hops: 3",
    ]);
  });
});

describe("scenario 8: a better router on the same network, as between Linux hosts", () => {
  const TOPOLOGY = {
    links: { lan: { delay: "10us" }, world: { delay: "20us" } },
    hosts: {
      h: {
        interfaces: { e0: { link: "lan", address: "192.168.239.10/24" } },
        routes: ["default via 192.168.239.1"],
      },
      target: {
        interfaces: { e0: { link: "world", address: "192.168.100.5/24" } },
        routes: ["default via 192.168.100.1"],
      },
    },
    routers: {
      r1: {
        interfaces: { e0: { link: "lan", address: "192.168.239.1/24" } },
        routes: ["192.168.100.0/24 via 192.168.239.2"],
      },
      r2: {
        interfaces: {
          e0: { link: "lan", address: "192.168.239.2/24" },
          e1: { link: "world", address: "192.168.100.1/24" },
        },
      },
    },
  };
  const LINES = "h ping -i 0.32 -c 5 192.168.100.5\nwait 1s\nh nc -u -w 1 192.168.100.5 9 <<< x";

  test("followed: the next datagram goes straight, where Linux' second one still went by the first router", async () => {
    const world = await World.create(TOPOLOGY);
    const lines = await world.say(LINES);
    const [first, redirect, , reply, second, again, twice, ...rest] = LINUX.redirectAccepted;
    expect([second, again]).toEqual([first, redirect]);
    expect(twice).toMatch(/ttl 63 /);
    expect(world.facts("lan")).toEqual([...LINUX.redirectAccepted.slice(0, 4), second, ...rest]);
    expect(reply).toBe(rest[0]);
    expect(lines.filter((line) => line.startsWith("From"))).toEqual([
      "From 192.168.239.1: icmp_seq=1 Redirect Host(New nexthop: 192.168.239.2)",
    ]);
    expect(world.stack("h").routes.get("192.168.100.5").nextHop).toBe("192.168.239.2");
  });

  test("ignored: the router says it less and less often, as Linux does", async () => {
    const world = await World.create(TOPOLOGY);
    await world.say("h sysctl net.ipv4.conf.all.accept_redirects=0");
    const lines = await world.say(LINES);
    expect(world.facts("lan")).toEqual(LINUX.redirectIgnored);
    expect(lines.filter((line) => line.startsWith("From"))).toEqual(
      [1, 2, 3, 4].map((n) => `From 192.168.239.1: icmp_seq=${n} Redirect Host(New nexthop: 192.168.239.2)`),
    );
  });
});
