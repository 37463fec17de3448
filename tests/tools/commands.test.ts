import { describe, expect, test } from "vitest";
import { SimLink, Stack, VirtualClock } from "../../src/index.js";
import { run } from "../../src/tools/command.js";
import { dualHomed, pair } from "./hosts.js";
import { shown } from "./screen.js";

async function lan() {
  const clock = new VirtualClock();
  const stack = await Stack.create({ clock, name: "h1" });
  stack.addInterface(new SimLink({ clock }).nic(), { address: "192.168.239.136/24" });
  const say = (line: string) => shown(clock, stack, line);
  return { clock, stack, say };
}

const fine = { status: 0, out: "", err: "" };

describe("route add and del", () => {
  test("scenario 6: the last table", async () => {
    const { say } = await lan();
    for (const line of [
      "route add default gw 192.168.239.2",
      "route add -host 192.168.239.145 dev eth0",
      "route del -net 192.168.239.0 netmask 255.255.255.0",
      "route del default",
      "route add default gw 192.168.239.145 dev eth0",
    ]) {
      expect(await say(line), line).toEqual(fine);
    }
    expect((await say("route")).out).toBe(`Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
default         192.168.239.145 0.0.0.0         UG    0      0        0 eth0
127.0.0.0       *               255.0.0.0       U     0      0        0 lo
192.168.239.145 *               255.255.255.255 UH    0      0        0 eth0`);
  });

  test("every form of a target", async () => {
    const { stack, say } = await lan();
    for (const line of [
      "route add -net 10.0.0.0 netmask 255.0.0.0 gw 192.168.239.1",
      "route add -net 11.0.0.0/8 gw 192.168.239.1 metric 5",
      "route add 12.1.1.1 eth0",
      "route add -net default gw 192.168.239.1 metric 3",
      "route add -net 13.0.0.0/8 reject",
      "route add -host 14.1.1.1 reject",
    ]) {
      expect(await say(line), line).toEqual(fine);
    }
    expect((await say("route -n")).out.split("\n").slice(2)).toEqual([
      "0.0.0.0         192.168.239.1   0.0.0.0         UG    3      0        0 eth0",
      "10.0.0.0        192.168.239.1   255.0.0.0       UG    0      0        0 eth0",
      "11.0.0.0        192.168.239.1   255.0.0.0       UG    5      0        0 eth0",
      "12.1.1.1        0.0.0.0         255.255.255.255 UH    0      0        0 eth0",
      "13.0.0.0        -               255.0.0.0       !     0      -        0 -",
      "14.1.1.1        -               255.255.255.255 !H    0      -        0 -",
      "127.0.0.0       0.0.0.0         255.0.0.0       U     0      0        0 lo",
      "192.168.239.0   0.0.0.0         255.255.255.0   U     0      0        0 eth0",
    ]);
    const before = stack.routes.list().length;
    for (const line of [
      "route del -net 10.0.0.0/8",
      "route del -net 11.0.0.0 netmask 255.0.0.0 gw 192.168.239.1 metric 5",
      "route del 12.1.1.1 dev eth0",
      "route del default",
      "route del -net 13.0.0.0/8 reject",
      "route del -host 14.1.1.1 reject",
    ]) {
      expect(await say(line), line).toEqual(fine);
    }
    expect(stack.routes.list()).toHaveLength(before - 6);
  });

  test.each([
    ["route add default gw 9.9.9.9", 7, "SIOCADDRT: Network is unreachable"],
    ["route add -net 10.0.0.0/8 dev nosuch", 7, "SIOCADDRT: No such device"],
    ["route add -host 1.1.1.1", 7, "SIOCADDRT: No such device"],
    ["route add -net 192.168.239.0/24 dev eth0", 7, "SIOCADDRT: File exists"],
    ["route add -net 11.0.0.0 dev eth0", 7, "SIOCADDRT: Invalid argument"],
    ["route del default", 7, "SIOCDELRT: No such process"],
    ["route del -net 10.0.0.0/8", 7, "SIOCDELRT: No such process"],
    ["route del -net 10.0.0.0/8 dev nosuch", 7, "SIOCDELRT: No such device"],
    ["route add default gw nosuch", 1, "nosuch: Unknown host"],
  ])("%s", async (line, status, err) => {
    const { say } = await lan();
    expect(await say(line)).toEqual({ status, out: "", err });
  });

  test.each([
    ["route add -net 10.0.0.1 netmask 255.0.0.0 dev eth0", "route: netmask doesn't match route address"],
    ["route add -net 10.0.0.0/33 dev eth0", "route: netmask doesn't match route address"],
    ["route add -net 10.0.0.0 netmask 255.0.255.0 dev eth0", "route: bogus netmask 255.0.255.0"],
    ["route add 10.0.0.0/8 dev eth0", "route: netmask 10.0.0.0/8 doesn't make sense with host route"],
    ["route add", "Usage: inet_route del"],
    ["route add default gw 192.168.239.1 metric x", "Usage: inet_route del"],
    ["route add -net 10.0.0.0 netmask", "Usage: inet_route del"],
    ["route frob", "Usage: route [-n]"],
    ["route -x", "route: invalid option -- 'x'"],
  ])("%s is misuse", async (line, first) => {
    const { say } = await lan();
    const { status, err } = await say(line);
    expect(status).toBe(3);
    expect(err.split("\n")[0]).toContain(first);
  });
});

describe("ifconfig that sets", () => {
  test("an address with its mask, down, up and the MTU", async () => {
    const { stack, say } = await lan();
    expect(await say("ifconfig eth0 192.168.1.2 netmask 255.255.255.0 broadcast 192.168.1.255 mtu 1400 up")).toEqual(
      fine,
    );
    const nif = stack.interface("eth0");
    expect(nif.addresses).toMatchObject([{ address: "192.168.1.2", prefixLength: 24 }]);
    expect(nif.mtu).toBe(1400);
    expect((await say("ifconfig eth0")).out.split("\n").slice(1, 3)).toEqual([
      "          inet addr:192.168.1.2  Bcast:192.168.1.255  Mask:255.255.255.0",
      "          UP BROADCAST RUNNING MULTICAST  MTU:1400  Metric:1",
    ]);
    expect(await say("ifconfig eth0 down")).toEqual(fine);
    expect(nif.isUp).toBe(false);
    expect((await say("ifconfig")).out).toMatch(/^lo /);
    expect((await say("ifconfig -a")).out).toMatch(/^eth0 /);
    expect(await say("ifconfig eth0 10.1.2.3")).toEqual(fine);
    expect(nif.isUp).toBe(true);
    expect(nif.addresses).toMatchObject([{ address: "10.1.2.3", prefixLength: 8 }]);
    expect(await say("ifconfig eth0 netmask 255.255.0.0")).toEqual(fine);
    expect(nif.addresses).toMatchObject([{ address: "10.1.2.3", prefixLength: 16 }]);
    expect(await say("ifconfig eth0 0.0.0.0")).toEqual(fine);
    expect(nif.addresses).toEqual([]);
  });

  test("further addresses stay behind the primary one", async () => {
    const { stack, say } = await lan();
    const nif = stack.interface("eth0");
    const list = () => nif.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
    expect(await say("ifconfig eth0 add 172.16.0.1/24")).toEqual(fine);
    expect(await say("ifconfig eth0 add 172.17.0.1")).toEqual(fine);
    expect(await say("ifconfig eth0 192.168.7.1/25")).toEqual(fine);
    expect(list()).toEqual(["192.168.7.1/25", "172.16.0.1/24", "172.17.0.1/16"]);
    expect(await say("ifconfig eth0 del 172.16.0.1")).toEqual(fine);
    expect(list()).toEqual(["192.168.7.1/25", "172.17.0.1/16"]);
    expect(await say("ifconfig eth0 224.0.0.1")).toEqual({ status: 1, out: "", err: "SIOCSIFADDR: Invalid argument" });
    expect(list()).toEqual(["192.168.7.1/25", "172.17.0.1/16"]);
  });

  test("the far end of a point-to-point link", async () => {
    const clock = new VirtualClock();
    const stack = await Stack.create({ clock, name: "a" });
    const nif = stack.addInterface(new SimLink({ clock, medium: "ip" }).nic());
    const say = (line: string) => shown(clock, stack, line);
    expect(await say("ifconfig ppp0 202.56.112.11 pointopoint 202.56.112.12")).toEqual(fine);
    expect(nif.addresses).toMatchObject([{ address: "202.56.112.11", prefixLength: 32, peer: "202.56.112.12" }]);
    expect((await say("ifconfig ppp0")).out.split("\n")[1]).toBe(
      "          inet addr:202.56.112.11  P-t-P:202.56.112.12  Mask:255.255.255.255",
    );
    expect(stack.routes.get("202.56.112.12").dev).toBe("ppp0");
    expect(await say("ifconfig ppp0 add 10.0.0.1/24")).toEqual(fine);
    expect(await say("ifconfig ppp0 dstaddr 202.56.112.13")).toEqual(fine);
    expect(nif.addresses).toMatchObject([{ peer: "202.56.112.13" }, { address: "10.0.0.1", prefixLength: 24 }]);
    // What is refused leaves all as it was, far ends too.
    expect(await say("ifconfig ppp0 202.56.112.11 netmask 255.255.255.0 pointopoint 202.56.112.12")).toMatchObject({
      status: 1,
      err: "SIOCSIFDSTADDR: Invalid argument",
    });
    expect(nif.addresses).toMatchObject([{ peer: "202.56.112.13" }, { address: "10.0.0.1", prefixLength: 24 }]);
    expect(await say("ifconfig ppp0 202.56.112.11/32")).toEqual(fine);
    expect(nif.addresses[0]).not.toHaveProperty("peer");
  });

  test.each([
    [
      "ifconfig eth0:1 10.0.0.1",
      1,
      "eth0:1: an alias is no interface: ifconfig eth0 [add|del] ADDRESS/LENGTH changes eth0's addresses",
    ],
    ["ifconfig eth7:1", 1, "eth7:1: error fetching interface information: Device not found"],
    ["ifconfig nosuch", 1, "nosuch: error fetching interface information: Device not found"],
    ["ifconfig nosuch up", 255, "nosuch: ERROR while getting interface flags: No such device"],
    ["ifconfig -x", 1, "ifconfig: option `-x' not recognised.\nifconfig: `--help' gives usage information."],
    ["ifconfig eth0 frob", 1, "frob: Host name lookup failure\nifconfig: `--help' gives usage information."],
    ["ifconfig eth0 mtu 20", 1, "SIOCSIFMTU: Invalid argument"],
    ["ifconfig eth0 mtu foo", 1, "SIOCSIFMTU: Invalid argument"],
    ["ifconfig eth0 netmask 255.0.255.0", 1, "SIOCSIFNETMASK: Invalid argument"],
    ["ifconfig eth0 netmask foo", 1, "foo: Host name lookup failure"],
    ["ifconfig eth0 add 10.0.0.1/x", 1, "10.0.0.1/x: Unknown host"],
    ["ifconfig eth0 del 1.2.3.4", 1, "SIOCDIFADDR: Cannot assign requested address"],
    ["ifconfig eth0 broadcast 1.2.3.4", 1, "SIOCSIFBRDADDR: Operation not supported"],
  ])("%s", async (line, status, err) => {
    const { stack, say } = await lan();
    expect(await say(line)).toEqual({ status, out: "", err });
    expect(stack.interface("eth0").addresses).toMatchObject([{ address: "192.168.239.136", prefixLength: 24 }]);
  });
});

describe("arp", () => {
  test("sets, shows in both styles, deletes", async () => {
    const { clock, a } = await pair();
    const say = (line: string) => shown(clock, a, line);
    expect(await say("arp -n")).toEqual(fine);
    expect((await say("arp -i eth0")).out).toBe("arp: in 0 entries no match found.");
    expect(await say("arp -s 192.168.1.77 02:00:00:00:00:4d")).toEqual(fine);
    await say("ping -c 1 192.168.1.9");
    expect((await say("arp -an")).out.split("\n").sort()).toEqual([
      "? (192.168.1.77) at 02:00:00:00:00:4D [ether] PERM on eth0",
      "? (192.168.1.9) at <incomplete> on eth0",
    ]);
    expect((await say("arp -n 192.168.1.77")).out).toBe(
      "Address                  HWtype  HWaddress           Flags Mask            Iface\n" +
        "192.168.1.77             ether   02:00:00:00:00:4D   CM                    eth0",
    );
    expect(await say("arp -d 192.168.1.77")).toEqual(fine);
    expect((await say("arp 192.168.1.77")).out).toBe("192.168.1.77 (192.168.1.77) -- no entry");
    expect((await say("arp -i lo")).out).toBe("arp: in 1 entries no match found.");
  });

  test.each([
    ["arp -s", "arp: need host name"],
    ["arp -s 192.168.1.9", "arp: need hardware address"],
    ["arp -s 192.168.1.9 foo", "arp: invalid hardware address"],
    ["arp -i nosuch -s 192.168.1.9 02:00:00:00:00:09", "SIOCSARP: No such device"],
    ["arp -i lo -s 127.0.0.9 02:00:00:00:00:09", "SIOCSARP: Operation not supported"],
    ["arp -s 10.9.9.9 02:00:00:00:00:09", "SIOCSARP: Network is unreachable"],
    ["arp -d 192.168.1.9", "No ARP entry for 192.168.1.9"],
    ["arp -d", "arp: need host name"],
  ])("%s", async (line, err) => {
    const { clock, a } = await pair();
    expect(await shown(clock, a, line)).toEqual({ status: 255, out: "", err });
  });
});

test("netstat takes its options together or apart", async () => {
  const { clock, stack } = await dualHomed();
  const say = (line: string) => shown(clock, stack, line);
  expect((await say("netstat -rn")).out).toContain("0.0.0.0         192.168.10.1");
  expect((await say("netstat -i -n")).out).toContain("192.168.56.136");
  expect((await say("netstat -s")).out).toMatch(/^Ip:|^Arp:/);
  expect(await say("netstat -9")).toMatchObject({
    status: 3,
    err: expect.stringMatching(/^netstat: invalid option -- '9'\n/),
  });
});

describe("nc and udp-echo", () => {
  async function* lines(...texts: string[]) {
    yield* texts;
  }

  test("each line comes back from the echo; netstat -a shows both sockets", async () => {
    const { clock, a, b } = await pair();
    const over = new AbortController();
    const server = shown(clock, b, "udp-echo 7", { signal: over.signal });
    const list = "netstat -an";
    const input = lines("hello", "world");
    const client = run("nc -u -w 1 192.168.1.2 7", { ...context(a), input });
    let listed = "";
    void clock.sleep(500_000).then(async () => {
      await run(list, { ...context(a), out: (text) => (listed += text) });
      expect(await client).toBe(0);
      over.abort();
    });
    expect(await server).toEqual(fine);
    expect(said).toEqual(["hello", "world"]);
    expect(listed.replace(/:\d{5}/, ":PORT")).toBe(
      [
        "Active Internet connections (servers and established)",
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ",
        "udp        0      0 192.168.1.1:PORT       192.168.1.2:7           ESTABLISHED",
      ].join("\n"),
    );
  });

  const said: string[] = [];
  const context = (stack: Stack) => ({
    stack,
    out: (text: string) => said.push(text),
    err: (text: string) => said.push(text),
    signal: new AbortController().signal,
  });

  test("nc listens, and speaks with whoever speaks first; -p is the own port", async () => {
    const { clock, a, b } = await pair();
    const over = new AbortController();
    const heard: string[] = [];
    const server = shown(clock, b, "nc -u -l -p 4000", {
      signal: over.signal,
      out: (text) => heard.push(text),
      // Said once somebody is there.
      input: (async function* () {
        await clock.sleep(2_000_000);
        yield "hello yourself";
      })(),
    });
    said.length = 0;
    const client = run("nc -u -p 1492 -w 5 192.168.1.2 4000", { ...context(a), input: lines("hello") });
    let listed = "";
    void clock.sleep(500_000).then(async () => {
      await run("netstat -un", { ...context(b), out: (text) => (listed += text) });
      expect(await client).toBe(0);
      over.abort();
    });
    await server;
    expect(heard).toEqual(["hello"]);
    expect(said).toEqual(["hello yourself"]);
    expect(listed).toContain("192.168.1.2:4000        192.168.1.1:1492        ESTABLISHED");
  });

  test("nobody serves the port: status 1", async () => {
    const { clock, a } = await pair();
    expect(await shown(clock, a, "nc -u 192.168.1.2 9", { input: lines("x") })).toMatchObject({ status: 1 });
  });

  test.each([
    ["nc -u", /^usage: nc/],
    ["nc -u -z 192.168.1.2 9", /^nc: -z tries ports of TCP only/],
    ["nc -u 192.168.1.2 99999", /^nc: port number invalid: 99999$/],
    ["nc -u nosuch 9", /Name or service not known$/],
    ["nc -u 8.8.8.8 9", /^nc: Network is unreachable$/],
    ["udp-echo 7 8", /^usage: udp-echo \[port\]$/],
    ["udp-echo x", /^udp-echo: port number invalid: x$/],
  ])("%s", async (line, words) => {
    const { clock, a } = await pair();
    expect(await shown(clock, a, line)).toEqual({ status: 1, out: "", err: expect.stringMatching(words) });
  });
});

test("netstat -a: raw and echo sockets, and what waits", async () => {
  const { clock, a, b } = await pair();
  await b.udp.bind({ port: 2000 });
  b.openRaw({ protocol: 253 });
  const socket = await a.udp.connect({ address: "192.168.1.2", port: 2000 });
  await socket.send("x");
  await clock.advance(100_000);
  const rows = async (line: string) => (await shown(clock, b, line)).out.split("\n").slice(2);
  expect(await rows("netstat -a")).toEqual([
    "udp        1      0 0.0.0.0:2000            0.0.0.0:*                          ",
    "raw        0      0 0.0.0.0:253             0.0.0.0:*               7          ",
  ]);
  expect(await rows("netstat -aw")).toHaveLength(1);
  expect(await rows("netstat")).toEqual([]);
});
