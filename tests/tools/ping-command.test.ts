import { describe, expect, test } from "vitest";
import { OptionPrinter, recordRoute, timestamps } from "../../src/tools/ip-options.js";
import { dualHomed, pair } from "./hosts.js";
import { shown } from "./screen.js";

const replies = (text: string) => text.split("\n\n--- ")[0];

describe("ping, the command", () => {
  test("names, count, size, quiet", async () => {
    const { clock, a } = await pair();
    const resolve = (name: string) => (name === "b" ? "192.168.1.2" : undefined);
    const { status, out } = await shown(clock, a, "ping -c 1 -s100 b", { resolve });
    expect(status).toBe(0);
    expect(replies(out)).toBe(
      "PING b (192.168.1.2) 100(128) bytes of data.\n108 bytes from b (192.168.1.2): icmp_seq=1 ttl=64 time=4.00 ms",
    );
    expect((await shown(clock, a, "ping -4nc1 b", { resolve })).out).toContain(
      "\n64 bytes from 192.168.1.2: icmp_seq=1 ",
    );
    expect((await shown(clock, a, "ping -q -c 2 -i 0.2 b", { resolve })).out).toBe(
      [
        "PING b (192.168.1.2) 56(84) bytes of data.",
        "",
        "--- b ping statistics ---",
        "2 packets transmitted, 2 received, 0% packet loss, time 200ms",
        "rtt min/avg/max/mdev = 2.000/2.000/2.000/0.000 ms",
      ].join("\n"),
    );
  });

  test("status 1 without an answer, and when the deadline comes first", async () => {
    const { clock, a } = await pair();
    const startUs = clock.now();
    const { status, out } = await shown(clock, a, "ping -c 9 -w 2.5 192.168.1.2");
    expect(status).toBe(1);
    expect(out).toContain("3 packets transmitted, 3 received, 0% packet loss, time 2000ms");
    expect(clock.now() - startUs).toBe(2_500_000);
    expect(await shown(clock, a, "ping -c 1 -W 1 192.168.1.9")).toMatchObject({ status: 1 });
    expect(await shown(clock, a, "ping -w 2 192.168.1.2")).toMatchObject({ status: 0 });
  });

  test("from an address, and by an interface", async () => {
    const { clock, stack } = await dualHomed();
    const header = async (line: string) => (await shown(clock, stack, line)).out.split("\n")[0];
    expect(await header("ping -I 127.0.0.1 -c 1 127.0.0.2")).toBe(
      "PING 127.0.0.2 (127.0.0.2) from 127.0.0.1 : 56(84) bytes of data.",
    );
    expect(await header("ping -I eth1 -c 1 -W 1 192.168.56.9")).toBe(
      "PING 192.168.56.9 (192.168.56.9) from 192.168.56.136 eth1: 56(84) bytes of data.",
    );
  });

  test("-M: refused when too long with do, in fragments with want and dont", async () => {
    const { clock, a } = await pair();
    const refused = await shown(clock, a, "ping -M do -c 1 -s 2000 192.168.1.2");
    expect(refused).toMatchObject({ status: 1, err: "ping: local error: message too long, mtu=1500" });
    expect(refused.out).toContain("1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms");
    for (const how of ["want", "dont"]) {
      const { status, out } = await shown(clock, a, `ping -M ${how} -c 1 -s 2000 192.168.1.2`);
      expect(status).toBe(0);
      expect(out).toContain("2008 bytes from 192.168.1.2: icmp_seq=1 ttl=64");
    }
  });

  test("-R and -T ask for 40 bytes of options", async () => {
    const { clock, a } = await pair();
    for (const how of ["-R", "-T tsonly", "-T tsandaddr", "-T tsprespec 192.168.1.2"]) {
      const { out } = await shown(clock, a, `ping ${how} -c 1 -W 1 192.168.1.2`);
      expect(out.split("\n")[0], how).toBe("PING 192.168.1.2 (192.168.1.2) 56(124) bytes of data.");
    }
  });

  test("a broadcast needs -b", async () => {
    const { clock, a } = await pair();
    const words = "ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules";
    expect(await shown(clock, a, "ping -c 1 192.168.1.255")).toEqual({ status: 2, out: "", err: words });
    const { out, err } = await shown(clock, a, "ping -b -c 1 -W 1 192.168.1.255");
    expect(err).toBe("WARNING: pinging broadcast address");
    expect(out).toContain("PING 192.168.1.255 (192.168.1.255) 56(84) bytes of data.");
  });

  test("the answer of this host itself to a broadcast counts as any other, as with iputils", async () => {
    const { clock, a, b } = await pair();
    for (const stack of [a, b]) stack.switches.set("ICMP_ECHO_BROADCASTS", 1);
    const answers = async (line: string) =>
      (await shown(clock, a, line)).out.split("\n").filter((each) => each.startsWith("64 bytes"));
    expect(await answers("ping -b -c 1 192.168.1.255")).toEqual([
      "64 bytes from 192.168.1.1: icmp_seq=1 ttl=64 time=0.000 ms",
    ]);
    expect(await answers("ping -b -c 2 192.168.1.255")).toEqual([
      "64 bytes from 192.168.1.1: icmp_seq=1 ttl=64 time=0.000 ms",
      expect.stringMatching(/^64 bytes from 192\.168\.1\.2: icmp_seq=1 .*\(DUP!\)$/),
      "64 bytes from 192.168.1.1: icmp_seq=2 ttl=64 time=0.000 ms",
    ]);
  });

  test.each([
    ["ping", 1, "ping: usage error: Destination address required"],
    ["ping -c 0 127.0.0.1", 1, "ping: invalid argument: '0': out of range: 1 <= value <= 9223372036854775807"],
    ["ping -c abc 127.0.0.1", 1, "ping: invalid argument: 'abc'"],
    ["ping -t 300 127.0.0.1", 1, "ping: invalid argument: '300': out of range: 0 <= value <= 255"],
    ["ping -t 0 127.0.0.1", 2, "ping: cannot set unicast time-to-live: Invalid argument"],
    ["ping -M foo 127.0.0.1", 2, "ping: invalid -M argument: foo"],
    ["ping -T foo 127.0.0.1", 2, "ping: invalid timestamp type: foo"],
    ["ping -R -T tsonly 127.0.0.1", 2, "ping: only one of -T or -R may be used"],
    ["ping -i foo 127.0.0.1", 2, "ping: option argument contains garbage: foo"],
    ["ping nosuch", 2, "ping: nosuch: Name or service not known"],
    ["ping -I nosuch 127.0.0.1", 2, "ping: SO_BINDTODEVICE nosuch: No such device"],
    ["ping -I 1.2.3.4 127.0.0.1", 2, "ping: bind: Cannot assign requested address"],
    ["ping -c 1 8.8.8.8", 2, "ping: connect: Network is unreachable"],
  ])("%s", async (line, status, err) => {
    const { clock, a } = await pair();
    expect(await shown(clock, a, line)).toEqual({ status, out: "", err });
  });

  test("an option that it does not have", async () => {
    const { clock, a } = await pair();
    const { status, err } = await shown(clock, a, "ping -x 127.0.0.1");
    expect(status).toBe(2);
    expect(err).toMatch(/^ping: invalid option -- 'x'\n\nUsage\n {2}ping \[options\] <destination>\n/);
  });
});

describe("IP options in a reply", () => {
  const print = (...bytes: number[]) => new OptionPrinter().text(Uint8Array.from(bytes));

  test("what is asked for", () => {
    expect([...recordRoute().subarray(0, 5)]).toEqual([1, 7, 39, 4, 0]);
    expect([...timestamps("tsonly").subarray(0, 5)]).toEqual([68, 40, 5, 0, 0]);
    expect([...timestamps("tsandaddr").subarray(0, 5)]).toEqual([68, 36, 5, 1, 0]);
    expect([...timestamps("tsprespec", ["1.2.3.4"])]).toEqual([68, 12, 5, 3, 1, 2, 3, 4, 0, 0, 0, 0]);
  });

  test("a route, and the same again", () => {
    const printer = new OptionPrinter();
    const option = Uint8Array.from([7, 15, 12, 10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 0, 0]);
    expect(printer.text(option)).toBe("\nRR: \t10.0.0.1\n\t10.0.0.2\n");
    expect(printer.text(option)).toBe("\t(same route)");
    option[6] = 9;
    expect(printer.text(option)).toBe("\nRR: \t10.0.0.9\n\t10.0.0.2\n");
    expect(printer.text(undefined)).toBe("");
  });

  test("times: the first as it is, then what passed since; overflow; not of the day", () => {
    expect(print(68, 16, 17, 0x20, 0, 0, 4, 0, 0, 0, 4, 5, 0, 0, 4, 5)).toBe(
      "\nTS: \t1024 absolute\n\t5\n\t0\nUnrecorded hops: 2\n",
    );
    expect(print(68, 12, 13, 0x01, 10, 0, 0, 1, 0x80, 0, 0, 9)).toBe("\nTS: \t10.0.0.1\t9 absolute not-standard\n");
    expect(print(68, 12, 5, 0x03, 10, 0, 0, 1, 0, 0, 0, 0)).toBe("");
  });

  test("a route not begun, other options, and rubbish", () => {
    expect(print(1, 7, 7, 4, 0, 0, 0, 0)).toBe("\nNOP");
    expect(print(131, 7, 8, 10, 0, 0, 1, 148, 4, 0, 0)).toBe("\nLSRR: \t10.0.0.1\n\nunknown option 94");
    for (const bytes of [[7], [7, 0], [7, 3], [68, 2], [68, 3, 200], [7, 255, 4], [0, 7, 3, 4]]) {
      expect(typeof print(...bytes)).toBe("string");
    }
    expect(print(68, 8, 200, 0x00, 0, 0, 0, 7)).toBe("\nTS: \t7 absolute\n");
  });
});
