import { describe, expect, test } from "vitest";
import { SimLink, Stack, VirtualClock } from "../../src/index.js";
import { ifconfig } from "../../src/tools/ifconfig.js";
import { dualHomed, during } from "./hosts.js";

const ETH0 = `eth0      Link encap:Ethernet  HWaddr 00:0C:29:C2:8D:7E
          inet addr:192.168.10.223  Bcast:192.168.10.255  Mask:255.255.255.0
          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1
          RX packets:0 errors:0 dropped:0 overruns:0 frame:0
          TX packets:1 errors:0 dropped:0 overruns:0 carrier:0
          collisions:0 txqueuelen:100
          RX bytes:0 (0.0 b)  TX bytes:42 (42.0 b)`;

const LO = `lo        Link encap:Local Loopback
          inet addr:127.0.0.1  Mask:255.0.0.0
          UP LOOPBACK RUNNING  MTU:65536  Metric:1
          RX packets:0 errors:0 dropped:0 overruns:0 frame:0
          TX packets:0 errors:0 dropped:0 overruns:0 carrier:0
          collisions:0 txqueuelen:0
          RX bytes:0 (0.0 b)  TX bytes:0 (0.0 b)`;

/** The line of a block which begins with a word. */
function lineOf(text: string, word: string): string | undefined {
  return text.split("\n").find((line) => line.trim().startsWith(word));
}

describe("ifconfig", () => {
  test("the classic form, loopback after the others", async () => {
    const { stack } = await dualHomed();
    const eth1 = ETH0.replace("eth0", "eth1")
      .replace("8D:7E", "8D:88")
      .replace("192.168.10.223", "192.168.56.136")
      .replace("192.168.10.255", "192.168.56.255");
    expect(ifconfig(stack)).toBe([ETH0, eth1, LO].join("\n\n"));
  });

  test("one interface by its name", async () => {
    const { stack } = await dualHomed();
    expect(ifconfig(stack, { name: "lo" })).toBe(LO);
    expect(() => ifconfig(stack, { name: "eth7" })).toThrow(expect.objectContaining({ code: "ENODEV" }));
  });

  test("an interface that is down shows with -a only, and without UP", async () => {
    const { stack } = await dualHomed();
    stack.interface("eth0").down();
    expect(ifconfig(stack)).not.toContain("eth0");
    const block = ifconfig(stack, { all: true }).split("\n\n")[0] ?? "";
    expect(lineOf(block, "BROADCAST")).toBe("          BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1");
  });

  test("without carrier there is no RUNNING", async () => {
    const { stack, nics } = await dualHomed();
    nics[0]?.unplug();
    expect(lineOf(ifconfig(stack), "UP")).toBe("          UP BROADCAST MULTICAST  MTU:1500  Metric:1");
  });

  test("further addresses are aliases", async () => {
    const { stack } = await dualHomed();
    stack.interface("eth0").addAddress("10.1.2.3/32");
    expect(ifconfig(stack).split("\n\n")[1]).toBe(`eth0:0    Link encap:Ethernet  HWaddr 00:0C:29:C2:8D:7E
          inet addr:10.1.2.3  Bcast:0.0.0.0  Mask:255.255.255.255
          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1`);
  });

  test("a point-to-point interface has no hardware address", async () => {
    const clock = new VirtualClock();
    const stack = await Stack.create({ clock });
    stack.addInterface(new SimLink({ clock, medium: "ip" }).nic(), { address: "202.56.112.11/32" });
    const lines = ifconfig(stack).split("\n");
    expect(lines[0]).toBe("ppp0      Link encap:Point-to-Point Protocol");
    expect(lines[1]).toBe("          inet addr:202.56.112.11  P-t-P:202.56.112.11  Mask:255.255.255.255");
    expect(lines[2]).toMatch(/^ {10}UP POINTOPOINT RUNNING.*MTU:1500 {2}Metric:1$/);
  });

  test("an interface without an address has no inet line", async () => {
    const clock = new VirtualClock();
    const stack = await Stack.create({ clock });
    stack.addInterface(new SimLink({ clock }).nic());
    expect(ifconfig(stack).split("\n")[1]).toMatch(/^ {10}UP BROADCAST/);
  });

  test("bytes in b, Kb and Mb, cut to one decimal", async () => {
    const { clock, stack } = await dualHomed();
    const socket = await stack.udp.bind({ port: 7 });
    const bytes = async (payload: number) => {
      await during(clock, socket.send(new Uint8Array(payload), { port: 7 }));
      await during(clock, socket.receive());
      return lineOf(ifconfig(stack, { name: "lo" }), "RX bytes");
    };
    expect(await bytes(996)).toBe("          RX bytes:1024 (1024.0 b)  TX bytes:1024 (1024.0 b)");
    expect(await bytes(1000 - 28)).toBe("          RX bytes:2024 (1.9 Kb)  TX bytes:2024 (1.9 Kb)");
    for (let i = 0; i < 15; i++) await bytes(65507);
    const total = 2024 + 15 * 65535;
    expect(await bytes(65507)).toBe(`          RX bytes:${total + 65535} (1.0 Mb)  TX bytes:${total + 65535} (1.0 Mb)`);
    expect(total).toBeLessThan(1048576);
  });
});
