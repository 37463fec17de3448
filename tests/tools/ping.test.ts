import { describe, expect, test } from "vitest";
import type { Stack, VirtualClock } from "../../src/index.js";
import { type PingRunOptions, ping } from "../../src/tools/ping.js";
import { cut, icmpErrorText, percentText, timeText } from "../../src/tools/ping-texts.js";
import { dualHomed, during, pair } from "./hosts.js";

async function lines(clock: VirtualClock, stack: Stack, target: string, options: PingRunOptions, signal?: AbortSignal) {
  const printed: string[] = [];
  const summary = await during(
    clock,
    ping(stack, target, (line) => printed.push(line), options, signal),
  );
  return { printed, summary };
}

describe("ping", () => {
  test("replies and statistics", async () => {
    const { clock, a } = await pair();
    const { printed, summary } = await lines(clock, a, "192.168.1.2", { count: 3 });
    expect(printed).toEqual([
      "PING 192.168.1.2 (192.168.1.2) 56(84) bytes of data.",
      "64 bytes from 192.168.1.2: icmp_seq=1 ttl=64 time=4.00 ms",
      "64 bytes from 192.168.1.2: icmp_seq=2 ttl=64 time=2.00 ms",
      "64 bytes from 192.168.1.2: icmp_seq=3 ttl=64 time=2.00 ms",
      "",
      "--- 192.168.1.2 ping statistics ---",
      "3 packets transmitted, 3 received, 0% packet loss, time 2000ms",
      "rtt min/avg/max/mdev = 2.000/2.666/4.000/0.942 ms",
    ]);
    expect(summary).toEqual({
      transmitted: 3,
      received: 3,
      duplicates: 0,
      errors: 0,
      timeUs: 2_000_000,
      rttUs: { min: 2000, avg: 2666, max: 4000, mdev: 942 },
    });
    a.close();
  });

  test("localhost by name, TTL and size of the request", async () => {
    const { clock, a } = await pair();
    const { printed } = await lines(clock, a, "localhost", { count: 1, size: 1000, ttl: 7 });
    expect(printed.slice(0, 2)).toEqual([
      "PING localhost (127.0.0.1) 1000(1028) bytes of data.",
      "1008 bytes from localhost (127.0.0.1): icmp_seq=1 ttl=64 time=0.000 ms",
    ]);
  });

  test("0.0.0.0 is this host, by the address that it speaks from, as Linux has it", async () => {
    const { clock, a } = await pair();
    const heads: readonly [PingRunOptions, string, string][] = [
      [{}, "PING 0.0.0.0 (127.0.0.1) 56(84) bytes of data.", "127.0.0.1"],
      [{ source: "192.168.1.1" }, "PING 0.0.0.0 (192.168.1.1) from 192.168.1.1 : 56(84)", "192.168.1.1"],
    ];
    for (const [options, head, address] of heads) {
      const { printed, summary } = await lines(clock, a, "0.0.0.0", { count: 1, ...options });
      expect(printed[0]).toContain(head);
      expect(printed[1]).toBe(`64 bytes from ${address}: icmp_seq=1 ttl=64 time=0.000 ms`);
      expect(printed).toContain("--- 0.0.0.0 ping statistics ---");
      expect(summary.received).toBe(1);
    }
    // Its own answer comes by lo: what speaks by eth0 only does not hear it.
    const bound = await lines(clock, a, "0.0.0.0", { count: 1, device: "eth0" });
    expect(bound.printed[0]).toContain("PING 0.0.0.0 (192.168.1.1) from 192.168.1.1 eth0: 56(84)");
    const nowhere = await lines(clock, a, "0.0.0.0", { count: 1, device: "eth9" });
    expect(nowhere.printed).toEqual(["ping: connect: No such device"]);
  });

  test("too little data for a time", async () => {
    const { clock, a } = await pair();
    const { printed, summary } = await lines(clock, a, "127.0.0.1", { count: 1, size: 15 });
    expect(printed.slice(1)).toEqual([
      "23 bytes from 127.0.0.1: icmp_seq=1 ttl=64",
      "",
      "--- 127.0.0.1 ping statistics ---",
      "1 packets transmitted, 1 received, 0% packet loss, time 0ms",
      "",
    ]);
    expect(summary.rttUs).toBeUndefined();
  });

  test("a host that does not answer ARP", async () => {
    const { clock, a } = await pair();
    const { printed, summary } = await lines(clock, a, "192.168.1.9", { count: 3 });
    expect(printed).toEqual([
      "PING 192.168.1.9 (192.168.1.9) 56(84) bytes of data.",
      "From 192.168.1.1 icmp_seq=1 Destination Host Unreachable",
      "From 192.168.1.1 icmp_seq=2 Destination Host Unreachable",
      "From 192.168.1.1 icmp_seq=3 Destination Host Unreachable",
      "",
      "--- 192.168.1.9 ping statistics ---",
      "3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 2000ms",
      "pipe 3",
    ]);
    expect(summary).toMatchObject({ transmitted: 3, received: 0, errors: 3 });
    expect(a.memory().small.held.neighbour).toBe(0);
  });

  test("no route", async () => {
    const { clock, a } = await pair();
    const { printed, summary } = await lines(clock, a, "8.8.8.8", { count: 3 });
    expect(printed).toEqual(["ping: connect: Network is unreachable"]);
    expect(summary.transmitted).toBe(0);
  });

  test("a rejecting route", async () => {
    const { clock, stack } = await dualHomed();
    stack.routes.add({ destination: "10.0.0.0/8", reject: true, dev: "lo" });
    expect((await lines(clock, stack, "10.1.1.1", { count: 1 })).printed).toEqual(["ping: connect: No route to host"]);
  });

  test("longer than the MTU", async () => {
    const { clock, a } = await pair();
    const { printed } = await lines(clock, a, "192.168.1.2", {
      count: 2,
      size: 1473,
      intervalUs: 1000,
      discover: "do",
    });
    expect(printed).toEqual([
      "PING 192.168.1.2 (192.168.1.2) 1473(1501) bytes of data.",
      "ping: local error: message too long, mtu=1500",
      "ping: local error: message too long, mtu=1500",
      "",
      "--- 192.168.1.2 ping statistics ---",
      "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1ms",
      "",
    ]);
  });

  test("a route that goes away", async () => {
    const { clock, a } = await pair();
    const printed: string[] = [];
    const work = ping(a, "192.168.1.2", (line) => printed.push(line), { count: 2 });
    await clock.advance(500_000);
    a.interface("eth0").removeAddress("192.168.1.1");
    await during(clock, work);
    expect(printed[2]).toBe("ping: sendmsg: Network is unreachable");
    expect(printed[5]).toBe("2 packets transmitted, 1 received, +1 errors, 50% packet loss, time 1000ms");
  });

  test("duplicates", async () => {
    const { clock, link, a } = await pair();
    await lines(clock, a, "192.168.1.2", { count: 1 });
    link.nics[1]?.configure({ duplicate: 1 });
    const { printed, summary } = await lines(clock, a, "192.168.1.2", { count: 2 });
    expect(printed.slice(1, 4)).toEqual([
      "64 bytes from 192.168.1.2: icmp_seq=1 ttl=64 time=2.00 ms",
      "64 bytes from 192.168.1.2: icmp_seq=1 ttl=64 time=2.00 ms (DUP!)",
      "64 bytes from 192.168.1.2: icmp_seq=2 ttl=64 time=2.00 ms",
    ]);
    expect(printed.find((line) => line.includes("transmitted"))).toBe(
      "2 packets transmitted, 2 received, +2 duplicates, 0% packet loss, time 1000ms",
    );
    expect(summary.duplicates).toBe(2);
  });

  test("loss: waits for the last as long as iputils does", async () => {
    const { clock, link, a } = await pair();
    await lines(clock, a, "192.168.1.2", { count: 1 });
    link.configure({ loss: 1 });
    const startUs = clock.now();
    const { printed } = await lines(clock, a, "192.168.1.2", { count: 3, intervalUs: 100_000, timeoutUs: 2e6 });
    expect(clock.now() - startUs).toBe(2_200_000);
    expect(printed.slice(1)).toEqual([
      "",
      "--- 192.168.1.2 ping statistics ---",
      "3 packets transmitted, 0 received, 100% packet loss, time 200ms",
      "",
    ]);
  });

  test("several on their way at once", async () => {
    const { clock, a } = await pair({ delayUs: 50_000 });
    await lines(clock, a, "192.168.1.2", { count: 1 });
    const { printed } = await lines(clock, a, "192.168.1.2", { count: 5, intervalUs: 40_000 });
    expect(printed.at(-1)).toBe("rtt min/avg/max/mdev = 100.000/100.000/100.000/0.000 ms, pipe 3");
  });

  test("ended by its signal, as by ^C", async () => {
    const { clock, a } = await pair();
    const over = new AbortController();
    const printed: string[] = [];
    const work = ping(a, "192.168.1.2", (line) => printed.push(line), {}, over.signal);
    await clock.advance(1_500_000);
    over.abort();
    const summary = await work;
    expect(summary).toMatchObject({ transmitted: 2, received: 2 });
    expect(printed.at(-2)).toBe("2 packets transmitted, 2 received, 0% packet loss, time 1000ms");
    expect(Array.from({ length: 3 }, () => a.openEcho().identifier)).toHaveLength(3);
  });

  test("a restored clock ends it", async () => {
    const { clock, a } = await pair();
    const snapshot = { clock: clock.snapshot(), stack: a.snapshot() };
    const work = ping(a, "192.168.1.2", () => {}, { count: 5 });
    await clock.advance(1_500_000);
    clock.restore(snapshot.clock);
    a.restore(snapshot.stack);
    await expect(work).rejects.toMatchObject({ code: "ERR_STACK_RESTORED" });
  });

  test("wrong arguments", async () => {
    const { a } = await pair();
    const refused = (target: string, options: PingRunOptions) => ping(a, target, () => {}, options);
    await expect(refused("example.org", {})).rejects.toThrow(TypeError);
    await expect(refused("127.0.0.1", { count: 0 })).rejects.toThrow(RangeError);
    await expect(refused("127.0.0.1", { count: 1.5 })).rejects.toThrow(/count/);
    await expect(refused("127.0.0.1", { size: 65508 })).rejects.toThrow(/size/);
    await expect(refused("127.0.0.1", { intervalUs: -1 })).rejects.toThrow(/intervalUs/);
    await expect(refused("127.0.0.1", { count: 1, ttl: 256 })).rejects.toMatchObject({ code: "EINVAL" });
  });
});

describe("ping's words", () => {
  test("times in three significant digits", () => {
    const times = [0, 41, 999, 1000, 1254, 1255, 9994, 9995, 10_049, 10_050, 99_949, 99_950, 148_499, 2_000_000];
    expect(times.map(timeText)).toEqual([
      "0.000",
      "0.041",
      "0.999",
      "1.00",
      "1.25",
      "1.26",
      "9.99",
      "10.0",
      "10.0",
      "10.1",
      "99.9",
      "100",
      "148",
      "2000",
    ]);
    expect(cut(1_234_567, 3)).toBe("1234.567");
  });

  test("percentages as %g prints them", () => {
    expect([percentText(1, 3), percentText(2, 3), percentText(0, 7), percentText(5, 5)]).toEqual([
      "33.3333",
      "66.6667",
      "0",
      "100",
    ]);
  });

  test("ICMP errors", () => {
    const text = (icmpType: number, icmpCode: number, icmpRest = 0) =>
      icmpErrorText({ address: "", port: 1, code: "", reporter: "", icmpType, icmpCode, icmpRest });
    expect(text(3, 0)).toBe("Destination Net Unreachable");
    expect(text(3, 4, 576)).toBe("Frag needed and DF set (mtu = 576)");
    expect(text(3, 99)).toBe("Dest Unreachable, Bad Code: 99");
    expect(text(3, 5)).toBe("Source Route Failed");
    expect(text(3, 13)).toBe("Packet filtered");
    expect(text(4, 0)).toBe("Source Quench");
    expect(text(5, 1, 0xc0a8ef02)).toBe("Redirect Host(New nexthop: 192.168.239.2)");
    expect(text(5, 7, 1)).toBe("Redirect, Bad Code: 7(New nexthop: 0.0.0.1)");
    expect(text(11, 0)).toBe("Time to live exceeded");
    expect(text(11, 9)).toBe("Time exceeded, Bad Code: 9");
    expect(text(12, 0, 0x14000000)).toBe("Parameter problem: pointer = 20");
    expect(text(40, 0)).toBe("Bad ICMP type: 40");
  });
});
