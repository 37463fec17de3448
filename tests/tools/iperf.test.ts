import { describe, expect, test } from "vitest";
import type { Stack, VirtualClock } from "../../src/index.js";
import { run } from "../../src/tools/command.js";
import { parseOffer, parseResult, parseStream } from "../../src/tools/iperf-protocol.js";
import { amountOf, bitsText, bytesText, intervalLine, summaryLine } from "../../src/tools/iperf-text.js";
import { during, pair } from "./hosts.js";
import { shown } from "./screen.js";

function serving(stack: Stack, line = "iperf -s") {
  const stop = new AbortController();
  const screen: string[] = [];
  const say = (text: string) => screen.push(...text.split("\n"));
  const done = run(line, { stack, out: say, err: say, signal: stop.signal });
  return { screen, done, stop: () => stop.abort() };
}

/** 10 Mbit/s, 5 ms each way. */
function line() {
  return pair({ delayUs: 5000, bitRate: 10_000_000 });
}

async function client(clock: VirtualClock, stack: Stack, options: string) {
  const { status, out, err } = await shown(clock, stack, `iperf -c 192.168.1.2 ${options}`);
  return { status, err, lines: out.split("\n") };
}

describe("iperf", () => {
  test("a line each second, with the rate that the link has, and a summary of both ends", async () => {
    const { clock, a, b } = await line();
    const server = serving(b);
    const { status, lines } = await client(clock, a, "-t 3");
    expect(status).toBe(0);
    expect(lines[0]).toBe("Connecting to host 192.168.1.2, port 5201");
    expect(lines[1]).toMatch(/^\[ {2}1\] local 192\.168\.1\.1 port \d+ connected to 192\.168\.1\.2 port 5201$/);
    expect(lines[2]).toBe("[ ID] Interval           Transfer     Bitrate         Retr  Cwnd");
    const intervals = lines.slice(3, 6);
    for (const [i, each] of intervals.entries()) {
      expect(each).toMatch(
        new RegExp(`^\\[  1\\]   ${i}\\.00-${i + 1}\\.00   sec  [ 1].{3} .Bytes  .{4} Mbits/sec    0   .{4} .Bytes$`),
      );
    }
    // Within the second interval the send buffer stays full: what the link takes is what is written.
    const rate = Number(/([\d.]+) Mbits\/sec/.exec(intervals[1] as string)?.[1]);
    expect(rate).toBeGreaterThan(9);
    expect(rate).toBeLessThan(10);
    const summary = lines.slice(lines.indexOf("[ ID] Interval           Transfer     Bitrate         Retr") + 1);
    expect(summary[0]).toMatch(/^\[ {2}1\] {3}0\.00-3\.00 {3}sec {2}.{4} MBytes {2}.{4} Mbits\/sec {4}0 {13}sender$/);
    expect(summary[1]).toMatch(/^\[ {2}1\] {3}0\.00-3\.\d\d {3}sec {2}.{4} MBytes {2}.{4} Mbits\/sec {18}receiver$/);
    expect(summary.slice(2)).toEqual(["", "iperf Done."]);
    // What was sent has been received.
    const amounts = summary.slice(0, 2).map((each) => /[\d.]+ MBytes/.exec(each)?.[0]);
    expect(amounts[0]).toBe(amounts[1]);
    server.stop();
    expect(await during(clock, server.done)).toBe(0);
    expect(server.screen[1]).toBe("Server listening on 5201");
    expect(server.screen.at(-1)).toBe(summary[1]);
  });

  test("-C chooses the congestion control of the streams, at the end that sends as well when that is the server", async () => {
    for (const reverse of ["", "-R"]) {
      for (const name of ["reno", "cubic"]) {
        const { clock, a, b } = await line();
        const server = serving(b);
        const going = client(clock, a, `-t 2 -C ${name} ${reverse}`);
        const used: string[][] = [];
        const look = clock.sleep(1_000_000).then(() => {
          for (const stack of [a, b]) {
            const streams = stack
              .sockets()
              .filter(({ info }) => info !== undefined && info.bytesReceived + info.bytesAcked > 1e5);
            used.push(streams.map(({ info }) => info?.congestion ?? ""));
          }
        });
        expect((await going).status).toBe(0);
        await look;
        expect(used, name).toEqual([[name], [name]]);
        server.stop();
        await during(clock, server.done);
      }
    }
    const { clock, a } = await line();
    expect(await client(clock, a, "-C bbr")).toMatchObject({
      status: 1,
      err: "iperf: parameter error - -C bbr: one of reno, cubic",
    });
  });

  test("-n sends so many bytes; -R has the server send them; both are counted to the byte", async () => {
    for (const reverse of ["", "-R"]) {
      const { clock, a, b } = await line();
      const server = serving(b, "iperf -s -1 -i 0");
      const { status, lines } = await client(clock, a, `-n 1M -i 0 ${reverse}`);
      expect(status).toBe(0);
      const ends = lines.filter((each) => /sender$|receiver$/.test(each));
      expect(ends.map((each) => each.split("sec ")[1]?.trim().slice(0, 11))).toEqual(["1.00 MBytes", "1.00 MBytes"]);
      expect(lines.includes("Reverse mode, remote host 192.168.1.2 is sending")).toBe(reverse === "-R");
      // With -1 the server is over with its test.
      expect(await during(clock, server.done)).toBe(0);
      expect(server.screen.at(-1)).toMatch(reverse === "" ? /receiver$/ : /sender$/);
    }
  });

  test("-P: each stream and their sum", async () => {
    const { clock, a, b } = await line();
    const server = serving(b);
    const { lines } = await client(clock, a, "-P 2 -t 2");
    expect(lines.filter((each) => each.startsWith("[SUM]"))).toHaveLength(2 + 2);
    expect(lines.filter((each) => /^\[ {2}[12]\] +\d/.test(each))).toHaveLength(2 * 2 + 2 * 2);
    expect(lines.filter((each) => each.startsWith("- -"))).toHaveLength(1 + 1);
    server.stop();
    await during(clock, server.done);
    expect(server.screen.filter((each) => each.startsWith("[SUM]")).at(-1)).toMatch(/receiver$/);
  });

  test("loss shows as retransmissions, and every byte arrives all the same", async () => {
    const { clock, link, a, b } = await line();
    link.configure({ loss: 0.02 });
    const server = serving(b);
    const { status, lines } = await client(clock, a, "-n 500K");
    expect(status).toBe(0);
    const sender = lines.find((each) => each.endsWith("sender")) as string;
    expect(Number(/sec +(\d+) +sender$/.exec(sender)?.[1])).toBeGreaterThan(0);
    expect(lines.find((each) => each.endsWith("receiver"))).toContain(" 500 KBytes");
    server.stop();
    expect(await during(clock, server.done)).toBe(0);
  });

  test("^C at the client shows what there was; the server goes on to the next test", async () => {
    const { clock, a, b } = await line();
    const server = serving(b);
    const stop = new AbortController();
    void clock.sleep(2_500_000).then(() => stop.abort());
    const { status, out, err } = await shown(clock, a, "iperf -c 192.168.1.2", { signal: stop.signal });
    expect({ status, err }).toEqual({ status: 0, err: "iperf: interrupt - the client has terminated" });
    expect(out).toMatch(/0\.00-2\.\d\d {3}sec .* sender$/m);
    await clock.advance(1e6);
    expect((await client(clock, a, "-n 10K")).status).toBe(0);
    server.stop();
    expect(await during(clock, server.done)).toBe(0);
  });

  test("two runs of one seed show the same", async () => {
    const screens: string[][] = [];
    for (let i = 0; i < 2; i++) {
      const { clock, link, a, b } = await line();
      link.configure({ loss: 0.01 });
      const server = serving(b);
      screens.push((await client(clock, a, "-t 2 -P 2")).lines, server.screen);
      server.stop();
      await during(clock, server.done);
    }
    expect(screens.slice(0, 2)).toEqual(screens.slice(2));
  });

  test.each([
    ["iperf", /^Usage: iperf -s/],
    ["iperf -s -c 1.1.1.1", /^Usage: iperf -s/],
    ["iperf -c nosuch", /^iperf: error - unable to find host nosuch$/],
    ["iperf -c 1.1.1.1 -t 1 -n 1", /only one test end condition/],
    ["iperf -c 1.1.1.1 -n x", /^iperf: parameter error - -n x/],
    ["iperf -c 1.1.1.1 -P 1000", /out of range/],
    ["iperf -x", /^iperf: invalid option -- 'x'/],
  ])("%s is misuse", async (words, text) => {
    const { clock, a } = await pair();
    expect(await shown(clock, a, words)).toMatchObject({ status: 1, err: expect.stringMatching(text) });
  });

  test("nobody serves: refused; somebody who is no iperf: told", async () => {
    const { clock, a, b } = await pair();
    expect((await client(clock, a, "")).err).toBe("iperf: error - unable to connect to server: Connection refused");
    const other = serving(b, "tcp-echo 5201");
    expect((await client(clock, a, "")).err).toBe(
      "iperf: error - the server does not speak this iperf's protocol, or refuses",
    );
    other.stop();
    await during(clock, other.done);
  });
});

test("amounts in iperf3's four characters", () => {
  expect([0, 999, 1024, 10 * 1024, 117_440_512].map(bytesText)).toEqual([
    "0.00 Bytes",
    " 999 Bytes",
    "1.00 KBytes",
    "10.0 KBytes",
    " 112 MBytes",
  ]);
  expect([0, 941e6, 9.4149e9].map(bitsText)).toEqual(["0.00 bits", " 941 Mbits", "9.41 Gbits"]);
  expect(["0", "10", "10K", "1.5m", "1G", "x", "-1", "1T"].map(amountOf)).toEqual([
    ...[0, 10, 10_240, 1_572_864, 2 ** 30],
    ...[undefined, undefined, undefined],
  ]);
});

test("lines as iperf3 prints them", () => {
  const span = { id: 5, fromUs: 0, toUs: 1e6, bytes: 117_440_512 };
  expect(intervalLine({ ...span, retransmits: 0, cwnd: 235_520 })).toBe(
    "[  5]   0.00-1.00   sec   112 MBytes   940 Mbits/sec    0    230 KBytes",
  );
  expect(intervalLine(span)).toBe("[  5]   0.00-1.00   sec   112 MBytes   940 Mbits/sec");
  expect(summaryLine({ ...span, toUs: 10e6, retransmits: 3 }, "sender")).toBe(
    "[  5]   0.00-10.00  sec   112 MBytes  94.0 Mbits/sec    3             sender",
  );
  expect(summaryLine({ ...span, toUs: 10e6 }, "receiver")).toBe(
    "[  5]   0.00-10.00  sec   112 MBytes  94.0 Mbits/sec                  receiver",
  );
});

test("what is no line of the protocol is none", () => {
  for (const words of ["", "iperf 1", "iperf 2 1 0 0 1 1 0 0", "iperf 1 0 0 0 1 1 0 0", "iperf 1 1 0 0 0 1 0 0", "x"]) {
    expect(parseOffer(words), words).toBeUndefined();
  }
  expect(parseOffer("iperf 1 2 1 0 10 20 30 1")).toEqual({
    ...{ streams: 2, reverse: true, bytes: 0, ms: 10, length: 20, window: 30, noDelay: true },
  });
  expect(parseOffer("iperf 1 2 1 0 10 20 30 1 reno")).toMatchObject({ noDelay: true, congestion: "reno" });
  expect(parseOffer("iperf 1 2 1 0 10 20 30 1 bbr")).toBeUndefined();
  expect([parseStream("stream 1 2"), parseStream("stream 1"), parseResult("result 1 2 3 4")]).toEqual([
    [1, 2],
    undefined,
    { id: 1, bytes: 2, us: 3, retransmits: 4 },
  ]);
});
