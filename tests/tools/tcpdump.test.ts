/** tcpdump's lines, beside those of tcpdump itself; filters. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PcapngWriter } from "../../src/capture/pcapng-writer.js";
import type { Stack } from "../../src/index.js";
import { type CommandContext, run } from "../../src/tools/command.js";
import { FilterError, parseFilter } from "../../src/tools/tcpdump-filter.js";
import { dissect } from "../../src/tools/tcpdump-packet.js";
import { PacketPrinter, type PrintOptions } from "../../src/tools/tcpdump-print.js";
import { PRINTED } from "../fixtures/tcpdump.js";
import { SEGMENTS } from "../fixtures/tcpdump-tcp.js";
import { during, pair } from "./hosts.js";
import { shown } from "./screen.js";

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const FRAMES = PRINTED.map(({ hex }) => bytes(hex));
const SEGMENT_FRAMES = SEGMENTS.map(({ hex }) => bytes(hex));

function lines(options: PrintOptions, frames = FRAMES): string[] {
  const printer = new PacketPrinter(options);
  return frames.map((frame) => printer.print(frame, true));
}

describe("a packet in a line", () => {
  test.each([
    ["plain", {}],
    ["verbose", { verbose: true }],
    ["link", { link: true }],
  ] as const)("%s: as tcpdump 4.99 prints it", (form, options) => {
    expect(lines(options)).toEqual(PRINTED.map((printed) => printed[form]));
  });

  test.each([
    ["plain", {}],
    ["absolute", { absolute: true }],
    ["verbose", { verbose: true }],
  ] as const)(
    "TCP, %s: numbers across the wrap, every option, options that are none: as tcpdump 4.99",
    (form, options) => {
      expect(lines(options, SEGMENT_FRAMES)).toEqual(SEGMENTS.map((printed) => printed[form]));
    },
  );

  test("total: any bytes, cut off anywhere, are printed somehow", () => {
    for (const options of [{}, { verbose: true }, { link: true, bytes: "text" as const }, { absolute: true }]) {
      const printer = new PacketPrinter(options);
      for (const frame of [...FRAMES, ...SEGMENT_FRAMES]) {
        for (let length = 0; length < Math.min(frame.length, 120); length++) {
          expect(printer.print(frame.slice(0, length), true)).toBeTypeOf("string");
          expect(printer.print(frame.slice(14, 14 + length), false)).toBeTypeOf("string");
        }
      }
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (frame, ethernet) => {
          expect(printer.print(frame, ethernet)).toBeTypeOf("string");
        }),
      );
    }
  });

  const real = spawnSync("tcpdump", ["--version"]).status === 0;
  if (!real) console.warn("SKIPPED: tcpdump is not installed; the bytes of -x and -X are not compared with its own");

  test.skipIf(!real)("the same as the tcpdump that is installed, with -x and -X too", () => {
    const dir = mkdtempSync(join(tmpdir(), "ringstack-"));
    try {
      const file = join(dir, "a.pcapng");
      const chunks: Uint8Array[] = [];
      const writer = new PcapngWriter((chunk) => chunks.push(chunk));
      writer.addInterface({ linkType: 1 });
      for (const data of FRAMES) writer.write({ interface: 0, timeNs: 0n, data });
      writeFileSync(file, Uint8Array.from(chunks.flatMap((chunk) => [...chunk])));
      const forms: readonly (readonly [PrintOptions, readonly string[]])[] = [
        [{}, []],
        [{ verbose: true }, ["-v"]],
        [{ bytes: "hex" }, ["-x"]],
        [{ bytes: "text", link: true }, ["-X", "-e"]],
        [{ absolute: true }, ["-S"]],
      ];
      for (const [options, flags] of forms) {
        const { stdout } = spawnSync("tcpdump", ["-n", "-t", ...flags, "-r", file], { encoding: "utf8" });
        expect(`${lines(options).join("\n")}\n`).toBe(stdout);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe("filters", () => {
  const packets = FRAMES.map((frame) => dissect(frame, true));
  const count = (expression: string) => packets.filter(parseFilter(expression.split(" "))).length;

  test.each([
    ["", packets.length],
    ["arp", 5],
    ["ip", packets.length - 6],
    ["not ip", 6],
    ["udp", 5],
    ["tcp", 5],
    ["udp port 9", 1],
    ["src port 1000", 3],
    ["dst port 1000", 3],
    ["port 1000 and udp", 1],
    ["igmp or arp", 15],
    ["tcp and src host 10.0.0.2", 3],
    ["arp and host 10.0.0.2", 3],
    ["(arp or igmp) and not multicast", 15],
    ["dst net 239.0.0.0/8", 8],
    ["dst net 224.0.0.0 mask 240.0.0.0", 10],
    ["ip proto 253", 2],
    ["greater 1000", 4],
    ["less 42 and arp", 4],
    ["! (ip || arp)", 1],
    ["10.0.0.9", 0],
  ])("%s", (expression, expected) => {
    expect(count(expression)).toBe(expected);
  });

  test("names are resolved", () => {
    const filter = parseFilter(["host", "h2"], (name) => (name === "h2" ? "10.0.0.2" : undefined));
    expect(packets.filter(filter).length).toBe(count("host 10.0.0.2"));
  });

  test.each([
    ["port", "syntax error at its end"],
    ["port x", "illegal number: x"],
    ["port 65536", "illegal number: 65536"],
    ["host nobody", "unknown host 'nobody'"],
    ["net 10/40", "illegal network"],
    ["(arp", "syntax error at its end"],
    ["arp )", 'near ")"'],
    ["frobnicate", 'near "frobnicate"'],
    ["arp arp", 'near "arp"'],
  ])("%s: %s", (expression, message) => {
    expect(() => parseFilter(expression.split(" "))).toThrow(FilterError);
    expect(() => parseFilter(expression.split(" "))).toThrow(message);
  });
});

/** A place for captures that is no disk. */
function memoryFiles() {
  const held = new Map<string, number[]>();
  return {
    read: (path: string) => (held.has(path) ? Uint8Array.from(held.get(path) ?? []) : undefined),
    append: (path: string) => {
      held.set(path, []);
      return (chunk: Uint8Array) => void held.get(path)?.push(...chunk);
    },
  };
}

/** Runs a command line while the test lets time go on. */
function started(stack: Stack, line: string, more: Partial<CommandContext> = {}) {
  const [out, err]: [string[], string[]] = [[], []];
  const context = { stack, out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
  return { out, err, done: run(line, { ...context, signal: new AbortController().signal, ...more }) };
}

const ENDS = (count: number) => [
  "listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes",
  `${count} packet${count === 1 ? "" : "s"} captured`,
  `${count} packet${count === 1 ? "" : "s"} received by filter`,
  "0 packets dropped by kernel",
];

describe("the command", () => {
  test("prints what crosses the interface until it has enough", async () => {
    const { clock, a } = await pair();
    const dump = shown(clock, a, "tcpdump -n -c 4 -i eth0");
    const reply = a.ping("192.168.1.2");
    const { status, out, err } = await dump;
    await during(clock, reply);
    expect(status).toBe(0);
    expect(err.split("\n").slice(1)).toEqual(ENDS(4));
    const lines = out.split("\n");
    expect(lines.map((line) => line.replace(/id \d+/, "id 1"))).toEqual([
      "00:00:00.010000 ARP, Request who-has 192.168.1.2 tell 192.168.1.1, length 46",
      "00:00:00.012000 ARP, Reply 192.168.1.2 is-at 02:00:00:00:00:0b, length 46",
      "00:00:00.012000 IP 192.168.1.1 > 192.168.1.2: ICMP echo request, id 1, seq 1, length 64",
      "00:00:00.014000 IP 192.168.1.2 > 192.168.1.1: ICMP echo reply, id 1, seq 1, length 64",
    ]);
  });

  test("a clock that began between two milliseconds, as the machine's does", async () => {
    const { clock, a } = await pair();
    const dump = shown(clock, a, "tcpdump -n -c 1 -i eth0", { epochMs: 1_795_315_933_000.25 });
    const reply = a.ping("192.168.1.2");
    const { out } = await dump;
    await during(clock, reply);
    expect(out).toMatch(/^\d\d:\d\d:13\.010250 ARP, Request /);
  });

  test("ends by its signal, with what it has; filters; times", async () => {
    const { clock, a } = await pair();
    const stop = new AbortController();
    const dump = started(a, "tcpdump -n -ttt -i any icmp and dst host 127.0.0.1", { signal: stop.signal });
    await during(clock, a.ping("127.0.0.1"));
    await during(clock, a.ping("192.168.1.2"));
    stop.abort();
    expect(await dump.done).toBe(0);
    expect(dump.out.map((line) => line.slice(0, 45))).toEqual([
      " 00:00:00.000000 IP 127.0.0.1 > 127.0.0.1: IC",
      " 00:00:00.000000 IP 127.0.0.1 > 127.0.0.1: IC",
    ]);
    expect(dump.err).toContain("2 packets captured");
  });

  test("-w writes a file, -r prints it", async () => {
    const { clock, a } = await pair();
    const files = memoryFiles();
    const dump = started(a, "tcpdump -i eth0 -c 2 -w a.pcapng icmp", { files, epochMs: 86_400_000 });
    await during(clock, a.ping("192.168.1.2"));
    expect(await dump.done).toBe(0);
    expect(dump.out).toEqual([]);
    const { out, err } = await shown(clock, a, "tcpdump -n -tttt -r a.pcapng", { files });
    expect(err).toBe("reading from file a.pcapng, link-type EN10MB (Ethernet)");
    expect(out.replace(/id \d+/g, "id 1").split("\n")).toEqual([
      "1970-01-02 00:00:00.012000 IP 192.168.1.1 > 192.168.1.2: ICMP echo request, id 1, seq 1, length 64",
      "1970-01-02 00:00:00.014000 IP 192.168.1.2 > 192.168.1.1: ICMP echo reply, id 1, seq 1, length 64",
    ]);
  });

  test.each([
    ["tcpdump -c 0", "tcpdump: invalid packet count 0"],
    ["tcpdump -i eth7", "tcpdump: eth7: No such device exists"],
    ["tcpdump host nobody", "tcpdump: unknown host 'nobody'"],
    ["tcpdump -r none", "tcpdump: none: No such file or directory"],
    ["tcpdump -w a", "tcpdump: a: there are no files here"],
    ["tcpdump -Q", "tcpdump: invalid option -- 'Q'"],
  ])("%s: %s", async (line, message) => {
    const { clock, a } = await pair();
    const files = line.includes("-w") ? {} : { files: memoryFiles() };
    const { status, err } = await shown(clock, a, line, files);
    expect(status).toBe(1);
    expect(err).toContain(message);
  });
});
