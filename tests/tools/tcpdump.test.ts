/** tcpdump's lines, beside those of tcpdump itself; filters. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PcapngWriter } from "../../src/capture/pcapng-writer.js";
import { FilterError, parseFilter } from "../../src/tools/tcpdump-filter.js";
import { dissect } from "../../src/tools/tcpdump-packet.js";
import { PacketPrinter, type PrintOptions } from "../../src/tools/tcpdump-print.js";
import { PRINTED } from "../fixtures/tcpdump.js";

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const FRAMES = PRINTED.map(({ hex }) => bytes(hex));

function lines(options: PrintOptions): string[] {
  const printer = new PacketPrinter(options);
  return FRAMES.map((frame) => printer.print(frame, true));
}

describe("a packet in a line", () => {
  test.each([
    ["plain", {}],
    ["verbose", { verbose: true }],
    ["link", { link: true }],
  ] as const)("%s: as tcpdump 4.99 prints it", (form, options) => {
    expect(lines(options)).toEqual(PRINTED.map((printed) => printed[form]));
  });

  test("total: any bytes, cut off anywhere, are printed somehow", () => {
    for (const options of [{}, { verbose: true }, { link: true, bytes: "text" as const }, { absolute: true }]) {
      const printer = new PacketPrinter(options);
      for (const frame of FRAMES) {
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
