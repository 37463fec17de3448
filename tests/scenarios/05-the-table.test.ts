/** Scenario 5: a host on two networks, its table, and its screens. */
import { expect, test } from "vitest";
import { World } from "./world.js";

const MAC = "00:0c:29:c2:8d:7e";

test("scenario 5: 192.168.56.3 is reached by eth1 directly, 202.10.1.2 by eth0 and 192.168.10.1", async () => {
  const world = await World.create("05-the-table");
  const { routes } = world.stack("sun");
  expect(routes.get("192.168.56.3")).toMatchObject({ dev: "eth1", nextHop: "192.168.56.3", source: "192.168.56.136" });
  expect(routes.get("202.10.1.2")).toMatchObject({ dev: "eth0", nextHop: "192.168.10.1", source: "192.168.10.223" });
  expect(routes.get("127.1.2.3")).toMatchObject({ dev: "lo" });
  const lines = await world.say("sun ping -c 1 192.168.56.3\nsun ping -c 1 202.10.1.2");
  expect(lines.filter((line) => line.startsWith("64 bytes"))).toEqual([
    expect.stringMatching(/^64 bytes from 192\.168\.56\.3: icmp_seq=1 ttl=64 /),
    expect.stringMatching(/^64 bytes from 202\.10\.1\.2: icmp_seq=1 ttl=63 /),
  ]);
  // On the wire: each by its own network, the distant one in a frame to the router.
  const asked = (link: string) =>
    world
      .take(link)
      .filter(({ arp, ip }) => (arp?.op === 1 && arp.spa !== arp.tpa) || ip?.icmp?.type === 8)
      .map(({ arp, ip }) => arp?.tpa ?? `echo to ${ip?.dst}`);
  expect(asked("lan56")).toEqual(["192.168.56.3", "echo to 192.168.56.3"]);
  expect(asked("lan10")).toEqual(["192.168.10.1", "echo to 202.10.1.2"]);
});

test("scenario 5: ifconfig prints the classic form, to the letter", async () => {
  const world = await World.create({
    links: { lan: {}, other: {} },
    hosts: {
      sun: {
        interfaces: {
          eth0: { link: "lan", address: "192.168.10.223/24", mac: MAC },
          eth1: { link: "other", address: "192.168.56.136/24" },
        },
      },
    },
  });
  // Ten ARP requests of 42 bytes have left and nothing came: one announces the address, nine found nobody.
  await world.say("sun ping -c 3 -i 4 192.168.10.1");
  expect(await world.say("sun ifconfig eth0")).toEqual([
    "eth0      Link encap:Ethernet  HWaddr 00:0C:29:C2:8D:7E",
    "          inet addr:192.168.10.223  Bcast:192.168.10.255  Mask:255.255.255.0",
    "          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1",
    "          RX packets:0 errors:0 dropped:0 overruns:0 frame:0",
    "          TX packets:10 errors:0 dropped:0 overruns:0 carrier:0",
    "          collisions:0 txqueuelen:100",
    "          RX bytes:0 (0.0 b)  TX bytes:420 (420.0 b)",
  ]);
  const all = await world.say("sun ifconfig");
  expect(all.filter((line) => /^\w/.test(line)).map((line) => line.slice(0, 34))).toEqual([
    "eth0      Link encap:Ethernet  HWa",
    "eth1      Link encap:Ethernet  HWa",
    "lo        Link encap:Local Loopbac",
  ]);
  expect(all.join("\n")).toContain("UP LOOPBACK RUNNING  MTU:65536  Metric:1");
  expect(all.join("\n")).not.toContain("Interrupt");
  // Bytes in b, Kb, Mb, by 1024, with one decimal. lo has three "host unreachable" of 112 bytes behind it.
  await world.say("sun ping -q -c 1 -s 1000 127.0.0.1");
  expect((await world.say("sun ifconfig lo")).at(-1)).toBe("          RX bytes:2392 (2.3 Kb)  TX bytes:2392 (2.3 Kb)");
  await world.say("sun ping -q -c 10 -i 0.1 -s 60000 127.0.0.1");
  expect((await world.say("sun ifconfig lo")).at(-1)).toBe(
    "          RX bytes:1202952 (1.1 Mb)  TX bytes:1202952 (1.1 Mb)",
  );
});

test("scenario 5: route prints its title, eight columns, default first, then by ascending destination", async () => {
  const world = await World.create("05-the-table");
  expect(await world.say("sun route")).toEqual([
    "Kernel IP routing table",
    "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface",
    "default         192.168.10.1    0.0.0.0         UG    0      0        0 eth0",
    "127.0.0.0       *               255.0.0.0       U     0      0        0 lo",
    "192.168.10.0    *               255.255.255.0   U     0      0        0 eth0",
    "192.168.56.0    *               255.255.255.0   U     0      0        0 eth1",
  ]);
  expect((await world.say("sun route -n")).slice(2, 4)).toEqual([
    "0.0.0.0         192.168.10.1    0.0.0.0         UG    0      0        0 eth0",
    "127.0.0.0       0.0.0.0         255.0.0.0       U     0      0        0 lo",
  ]);
});
