import { describe, expect, test } from "vitest";
import { SimLink, Stack, VirtualClock } from "../../src/index.js";
import { route } from "../../src/tools/route.js";
import { dualHomed } from "./hosts.js";

describe("route", () => {
  test("the table with names", async () => {
    const { stack } = await dualHomed();
    expect(route(stack)).toBe(`Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
default         192.168.10.1    0.0.0.0         UG    0      0        0 eth0
127.0.0.0       *               255.0.0.0       U     0      0        0 lo
192.168.10.0    *               255.255.255.0   U     0      0        0 eth0
192.168.56.0    *               255.255.255.0   U     0      0        0 eth1`);
  });

  test("the table with numbers", async () => {
    const { stack } = await dualHomed();
    expect(route(stack, { numeric: true })).toBe(`Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         192.168.10.1    0.0.0.0         UG    0      0        0 eth0
127.0.0.0       0.0.0.0         255.0.0.0       U     0      0        0 lo
192.168.10.0    0.0.0.0         255.255.255.0   U     0      0        0 eth0
192.168.56.0    0.0.0.0         255.255.255.0   U     0      0        0 eth1`);
  });

  test("metric, host and reject routes", async () => {
    const { stack } = await dualHomed();
    stack.routes.add({ destination: "10.0.0.0/8", gateway: "192.168.56.1", metric: 20 });
    stack.routes.add({ destination: "10.9.9.9", gateway: "192.168.56.2" });
    stack.routes.add({ destination: "172.16.0.0/12", reject: true, dev: "lo" });
    const lines = route(stack).split("\n");
    expect(lines.slice(3, 5)).toEqual([
      "10.0.0.0        192.168.56.1    255.0.0.0       UG    20     0        0 eth1",
      "10.9.9.9        192.168.56.2    255.255.255.255 UGH   0      0        0 eth1",
    ]);
    expect(lines[6]).toBe("172.16.0.0      -               255.240.0.0     !     0      -        0 -");
  });

  test("a network route gives way to a host route and a default by it", async () => {
    const clock = new VirtualClock();
    const stack = await Stack.create({ clock });
    stack.addInterface(new SimLink({ clock }).nic(), { address: "192.168.239.136/24" });
    stack.routes.add({ destination: "default", gateway: "192.168.239.2" });
    stack.routes.add({ destination: "192.168.239.145", dev: "eth0" });
    stack.routes.delete({ destination: "192.168.239.0/24" });
    stack.routes.delete({ destination: "default" });
    stack.routes.add({ destination: "default", gateway: "192.168.239.145", dev: "eth0" });
    expect(route(stack)).toBe(`Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
default         192.168.239.145 0.0.0.0         UG    0      0        0 eth0
127.0.0.0       *               255.0.0.0       U     0      0        0 lo
192.168.239.145 *               255.255.255.255 UH    0      0        0 eth0`);
  });
});
