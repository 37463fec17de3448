import { describe, expect, test } from "vitest";
import { DROP_TEXTS, type DropName, type Statistics } from "../../src/index.js";
import { netstatInterfaces, netstatRoutes, netstatStatistics } from "../../src/tools/netstat.js";
import { ping } from "../../src/tools/ping.js";
import { dualHomed, during, pair } from "./hosts.js";

describe("netstat -s", () => {
  test("sections, and of the drops those that happened", async () => {
    const { clock, a, b } = await pair();
    await during(
      clock,
      ping(a, "192.168.1.2", () => {}, { count: 2 }),
    );
    const socket = await a.udp.bind();
    await socket.send("nobody there", { address: "192.168.1.2", port: 9 });
    await clock.advance(1e5);
    const text = netstatStatistics(b.statistics());
    expect(text.split("\n").filter((line) => !line.startsWith(" "))).toEqual(["Ip:", "Icmp:", "Udp:", "Arp:"]);
    expect(text).toContain("    3 total packets received\n");
    expect(text).toContain("    2 echo requests received\n");
    expect(text).toContain("    2 echo replies sent\n");
    expect(text).toContain("    1 destination unreachable sent\n");
    expect(text).toContain("    0 packets sent\n    1 UDP datagrams to a port that nobody serves\n");
    expect(text).not.toContain("bad checksum");
  });

  test("every drop reason has its place, once", async () => {
    const { a } = await pair();
    const { counters } = a.statistics();
    const names = Object.keys(DROP_TEXTS) as DropName[];
    const drops = Object.fromEntries(names.map((name, i) => [name, 1000 + i])) as Statistics["drops"];
    const text = netstatStatistics({ counters, drops });
    for (const [i, name] of names.entries()) {
      expect(
        text.split("\n").filter((line) => line === `    ${1000 + i} ${DROP_TEXTS[name]}`),
        name,
      ).toHaveLength(1);
    }
  });

  test("every counter of IP, ICMP, UDP, TCP, ARP and neighbours is shown", async () => {
    const { a } = await pair();
    const { counters, drops } = a.statistics();
    const names = Object.keys(counters).filter((name) => !["POLLS", "TIMERS_FIRED"].includes(name));
    const marked = Object.fromEntries(names.map((name, i) => [name, 5000 + i])) as Statistics["counters"];
    const text = netstatStatistics({ counters: { ...counters, ...marked }, drops });
    for (const [i, name] of names.entries()) expect(text, name).toContain(`    ${5000 + i} `);
  });
});

describe("netstat -i", () => {
  test("with names", async () => {
    const { stack } = await dualHomed();
    stack.interface("eth1").down();
    expect(netstatInterfaces(stack)).toBe(
      [
        "Name  Mtu   Net/Dest      Address         Ipkts  Ierrs Opkts  Oerrs Collis Queue",
        "eth0  1500  192.168.10.0  sun             0      0     1      0     0      0",
        "eth1* 1500  192.168.56.0  sun             0      0     1      0     0      0",
        "lo    65536 loopback      localhost       0      0     0      0     0      0",
      ].join("\n"),
    );
  });

  test("with numbers", async () => {
    const { stack } = await dualHomed();
    expect(netstatInterfaces(stack, { numeric: true })).toBe(
      [
        "Name Mtu   Net/Dest      Address         Ipkts  Ierrs Opkts  Oerrs Collis Queue",
        "eth0 1500  192.168.10.0  192.168.10.223  0      0     1      0     0      0",
        "eth1 1500  192.168.56.0  192.168.56.136  0      0     1      0     0      0",
        "lo   65536 127.0.0.0     127.0.0.1       0      0     0      0     0      0",
      ].join("\n"),
    );
  });
});

test("netstat -r: netstat's own columns", async () => {
  const { stack } = await dualHomed();
  stack.routes.add({ destination: "172.16.0.0/12", reject: true, dev: "lo" });
  expect(netstatRoutes(stack, { numeric: true })).toBe(`Kernel IP routing table
Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface
0.0.0.0         192.168.10.1    0.0.0.0         UG        0 0          0 eth0
127.0.0.0       0.0.0.0         255.0.0.0       U         0 0          0 lo
172.16.0.0      -               255.240.0.0     !         - -          - -
192.168.10.0    0.0.0.0         255.255.255.0   U         0 0          0 eth0
192.168.56.0    0.0.0.0         255.255.255.0   U         0 0          0 eth1`);
});
