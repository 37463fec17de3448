/** pcapng written and read back, classic pcap read, any bytes survived; tshark reads what we write. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CapturedPacket, CaptureError, type CaptureInterface } from "../../src/capture/capture.js";
import { readCapture } from "../../src/capture/pcap-reader.js";
import { PcapngWriter } from "../../src/capture/pcapng-writer.js";
import { FRAMES } from "../fixtures/frames.js";

function written(interfaces: readonly CaptureInterface[], packets: readonly CapturedPacket[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new PcapngWriter((chunk) => chunks.push(chunk));
  for (const nif of interfaces) writer.addInterface(nif);
  for (const packet of packets) writer.write(packet);
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

const interfaces = fc.array(
  fc.record({
    linkType: fc.constantFrom(1, 101),
    name: fc.string({ maxLength: 16 }),
    description: fc.string({ maxLength: 40 }),
    snapLength: fc.nat(65535),
  }),
  { minLength: 1, maxLength: 4 },
);

const capture = interfaces.chain((nifs) =>
  fc.record({
    interfaces: fc.constant(nifs),
    packets: fc.array(
      fc
        .record(
          {
            interface: fc.nat(nifs.length - 1),
            timeNs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
            data: fc.uint8Array({ maxLength: 100 }),
            direction: fc.constantFrom("in" as const, "out" as const),
            comment: fc.string(),
          },
          { requiredKeys: ["interface", "timeNs", "data"] },
        )
        .map((packet) => ({ ...packet, originalLength: packet.data.length })),
      { maxLength: 8 },
    ),
  }),
);

/** A classic capture of packets of the second second. */
function classic(magic: number, little: boolean, packets: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(24 + packets.reduce((sum, { length }) => sum + 16 + length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, little);
  view.setUint16(4, 2, little);
  view.setUint16(6, 4, little);
  view.setUint32(16, 262144, little);
  view.setUint32(20, 1, little);
  let at = 24;
  for (const [i, packet] of packets.entries()) {
    view.setUint32(at, 1, little);
    view.setUint32(at + 4, i + 1, little);
    view.setUint32(at + 8, packet.length, little);
    view.setUint32(at + 12, packet.length + 1, little);
    bytes.set(packet, at + 16);
    at += 16 + packet.length;
  }
  return bytes;
}

describe("pcapng", () => {
  test("what is no array of bytes is none for a capture", () => {
    for (const given of ["x", undefined, null, new ArrayBuffer(24), [10, 13]]) {
      expect(() => readCapture(given as unknown as Uint8Array)).toThrow(
        expect.objectContaining({ message: "readCapture: a Uint8Array is needed", code: "ERR_INVALID_ARG_TYPE" }),
      );
    }
  });

  test("what is written is read again: interfaces, nanoseconds, directions, comments", () => {
    fc.assert(
      fc.property(capture, ({ interfaces, packets }) => {
        expect(readCapture(written(interfaces, packets))).toEqual({ interfaces, packets });
      }),
    );
  });

  test("an interface that was not described, a time before the epoch: RangeError", () => {
    const writer = new PcapngWriter(() => {});
    expect(() => writer.write({ interface: 0, timeNs: 0n, data: new Uint8Array(1) })).toThrow("was not described");
    writer.addInterface({ linkType: 1 });
    expect(() => writer.write({ interface: 0, timeNs: -1n, data: new Uint8Array(1) })).toThrow("before the epoch");
  });

  test("big-endian sections, microseconds by default, powers of two, offsets, simple packets, unknown blocks", () => {
    const block = (type: number, body: number[]) => {
      const bytes = new Uint8Array(12 + body.length);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, type);
      view.setUint32(4, bytes.length);
      bytes.set(body, 8);
      view.setUint32(bytes.length - 4, bytes.length);
      return [...bytes];
    };
    const u32 = (value: number) => [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255];
    const packet = (nif: number, ticks: number) =>
      block(6, [...u32(nif), ...u32(0), ...u32(ticks), ...u32(1), ...u32(1), 7, 0, 0, 0]);
    const file = [
      ...block(0x0a0d0d0a, [...u32(0x1a2b3c4d), 0, 1, 0, 0, ...u32(0xffffffff), ...u32(0xffffffff)]),
      ...block(1, [0, 1, 0, 0, ...u32(0)]),
      ...block(1, [0, 1, 0, 0, ...u32(0), 0, 9, 0, 1, 0x81, 0, 0, 0, 0, 14, 0, 8, ...u32(0), ...u32(3), 0, 0, 0, 0]),
      ...block(0x0bad, [1, 2, 3, 4]),
      ...packet(0, 5),
      ...packet(1, 3),
      ...block(3, [...u32(2), 8, 9, 0, 0]),
    ];
    const { packets } = readCapture(Uint8Array.from(file));
    expect(packets.map(({ timeNs, data }) => [timeNs, ...data])).toEqual([
      [5000n, 7],
      [4_500_000_000n, 7],
      [0n, 8, 9],
    ]);
  });
});

describe("pcap", () => {
  test.each([
    ["microseconds", 0xa1b2c3d4, true, 1000n],
    ["microseconds, big-endian", 0xa1b2c3d4, false, 1000n],
    ["nanoseconds", 0xa1b23c4d, true, 1n],
    ["nanoseconds, big-endian", 0xa1b23c4d, false, 1n],
  ])("%s", (_, magic, little, unit) => {
    const { interfaces, packets } = readCapture(classic(magic, little, [Uint8Array.of(1), Uint8Array.of(2, 3)]));
    expect(interfaces).toEqual([{ linkType: 1, snapLength: 262144 }]);
    expect(packets).toEqual([
      { interface: 0, timeNs: 1_000_000_000n + unit, data: Uint8Array.of(1), originalLength: 2 },
      { interface: 0, timeNs: 1_000_000_000n + 2n * unit, data: Uint8Array.of(2, 3), originalLength: 3 },
    ]);
  });
});

describe("any bytes", () => {
  const survives = (bytes: Uint8Array) => {
    try {
      readCapture(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(CaptureError);
    }
  };

  test("cut off anywhere, with any bytes changed: a capture or a CaptureError with its place", () => {
    const good = [
      written([{ linkType: 1, name: "eth0" }], [{ interface: 0, timeNs: 1n, data: new Uint8Array(9), comment: "x" }]),
      classic(0xa1b2c3d4, true, [new Uint8Array(9)]),
    ];
    for (const bytes of good) for (let length = 0; length < bytes.length; length++) survives(bytes.subarray(0, length));
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...good), changes, (bytes, at) => {
        const changed = bytes.slice();
        for (const [i, value] of at) changed[i % changed.length] = value;
        survives(changed);
      }),
      { numRuns: 2000 },
    );
    expect(() => readCapture(new Uint8Array(3))).toThrow("fewer than 4 bytes at byte 0");
    expect(() => readCapture(new Uint8Array(40))).toThrow("neither pcap nor pcapng");
  });
});

const tshark = spawnSync("tshark", ["--version"]).status === 0;
if (!tshark) console.warn("SKIPPED: tshark is not installed; what it says of our captures is not tested");

test.skipIf(!tshark)("tshark reads what we write: times to the nanosecond, interfaces, comments, frames", () => {
  const dir = mkdtempSync(join(tmpdir(), "ringstack-"));
  try {
    const frames = FRAMES.map((line) => line.split(" | ")).filter(([, link]) => link === "ether");
    const packets = frames.map(([, , , hex = ""], i) => ({
      interface: i & 1,
      timeNs: 1_700_000_000_123_456_789n + BigInt(i),
      data: Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
      direction: i & 1 ? ("in" as const) : ("out" as const),
      comment: `frame ${i}`,
    }));
    const file = join(dir, "a.pcapng");
    writeFileSync(
      file,
      written(
        [
          { linkType: 1, name: "eth0" },
          { linkType: 1, name: "eth1" },
        ],
        packets,
      ),
    );
    const fields = ["frame.time_epoch", "frame.interface_name", "frame.comment", "frame.len"];
    const args = ["-r", file, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
    const lines = execFileSync("tshark", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const expected = packets.map(({ data }, i) =>
      [`1700000000.${123456789 + i}`, `eth${i & 1}`, `frame ${i}`, data.length].join("\t"),
    );
    expect(lines.trimEnd().split("\n")).toEqual(expected);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
