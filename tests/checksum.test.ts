// The checksum kernels of assembly/wire/ as the compiler makes them for release, with SIMD and without, against a
// plain reference: every alignment, every length to 65,535.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

interface Kernels {
  memory: WebAssembly.Memory;
  sum(p: number, len: number): number;
  copySum(dst: number, src: number, len: number): number;
  ipv4HeaderSum(p: number): number;
  pseudoSum4(src: number, dst: number, proto: number, len: number): number;
  pseudoSum6(src: number, dst: number, proto: number, len: number): number;
  checksumFold(s: number): number;
  checksumFinish(s: number): number;
  checksumFinishUdp(s: number): number;
  checksumJoin(a: number, lenA: number, b: number): number;
  checksumAdjust16(checksum: number, oldValue: number, newValue: number): number;
  checksumAdjust32(checksum: number, oldValue: number, newValue: number): number;
}

const MAX = 65_535;
const PAGES = 8;
/** Where a block lies, at an offset of 0 to 63; the first page holds the module's static data. */
const SRC = 0x10000;
const DST = 0x30000;

function load(name: string): Kernels {
  const path = fileURLToPath(new URL(`../build/${name}.wasm`, import.meta.url));
  const kernels = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path))).exports as unknown as Kernels;
  kernels.memory.grow(PAGES - kernels.memory.buffer.byteLength / 65536);
  return kernels;
}

/** RFC 1071 section 4.1, word by word in network order; answers it with the bytes swapped, in memory order. */
function reference(bytes: Uint8Array): number {
  let s = 0;
  for (let i = 0; i < bytes.length; i += 2) s += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (s > 0xffff) s = (s >>> 16) + (s & 0xffff);
  return swap(s);
}

function swap(s: number): number {
  return ((s << 8) | (s >>> 8)) & 0xffff;
}

/** Bytes of a block: random, or of the values where carries and borrows go wrong. */
function fill(block: Uint8Array, seed: number): void {
  let x = seed | 1;
  for (let i = 0; i < block.length; i++) {
    x = Math.imul(x, 1664525) + 1013904223;
    block[i] = seed % 5 === 0 ? 0xff : seed % 5 === 1 ? 0 : seed % 5 === 2 ? (x >>> 31) * 255 : x >>> 24;
  }
}

const length = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 2048 }),
  fc.integer({ min: 0, max: MAX }),
  fc.integer({ min: MAX - 70, max: MAX }),
);
const offset = fc.integer({ min: 0, max: 63 });
const seed = fc.integer({ min: 0, max: 0x7fffffff });
const word = fc.integer({ min: 0, max: 0xffff });
const word32 = fc.integer({ min: 0, max: 0xffffffff });

describe.each(["kernels-wire", "kernels-wire-scalar"])("%s", (name) => {
  const k = load(name);
  const u8 = new Uint8Array(k.memory.buffer);

  it("is built for what its name says", () => {
    const text = readFileSync(fileURLToPath(new URL(`../build/${name}.wat`, import.meta.url)), "utf8");
    expect(text.includes("v128")).toBe(name === "kernels-wire");
  });

  it("sum: every length to 1,600 at every offset to 16", () => {
    let wrong = 0;
    fill(u8.subarray(SRC, SRC + 2048), 4);
    for (let at = 0; at < 16; at++) {
      for (let len = 0; len <= 1600; len += at === 0 ? 1 : 7) {
        if (k.sum(SRC + at, len) !== reference(u8.subarray(SRC + at, SRC + at + len))) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });

  it("sum: any bytes, any length, any alignment", () => {
    fc.assert(
      fc.property(length, offset, seed, (len, at, s) => {
        const block = u8.subarray(SRC + at, SRC + at + len);
        fill(block, s);
        return k.sum(SRC + at, len) === reference(block);
      }),
      { numRuns: 600 },
    );
  });

  it("copySum: the same sum, the same bytes, nothing else touched", () => {
    fc.assert(
      fc.property(length, offset, offset, seed, (len, at, to, s) => {
        const block = u8.subarray(SRC + at, SRC + at + len);
        fill(block, s);
        const around = u8.subarray(DST + to, DST + to + len + 128);
        around.fill(0x5a);
        if (k.copySum(DST + to + 64, SRC + at, len) !== reference(block)) return false;
        const copy = around.subarray(64, 64 + len);
        return (
          Buffer.compare(copy, block) === 0 &&
          around.subarray(0, 64).every((b) => b === 0x5a) &&
          around.subarray(64 + len).every((b) => b === 0x5a)
        );
      }),
      { numRuns: 400 },
    );
  });

  it("copySum: every length to 300", () => {
    let wrong = 0;
    for (let len = 0; len <= 300; len++) {
      fill(u8.subarray(SRC, SRC + len), len * 5 + 3);
      u8.fill(0x5a, DST, DST + len + 16);
      if (k.copySum(DST, SRC, len) !== reference(u8.subarray(SRC, SRC + len))) wrong++;
      if (Buffer.compare(u8.subarray(DST, DST + len), u8.subarray(SRC, SRC + len)) !== 0) wrong++;
      if (u8[DST + len] !== 0x5a) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it("sum at the last byte of memory does not trap", () => {
    const end = PAGES * 65536;
    let wrong = 0;
    for (let len = 0; len <= 300; len++) {
      fill(u8.subarray(end - len), len * 5 + 3);
      if (k.sum(end - len, len) !== reference(u8.subarray(end - len))) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it("parts join to the whole, wherever it is cut", () => {
    fc.assert(
      fc.property(length, fc.double({ min: 0, max: 1, noNaN: true }), seed, (len, where, s) => {
        const cut = Math.floor(len * where);
        fill(u8.subarray(SRC, SRC + len), s);
        const joined = k.checksumJoin(k.sum(SRC, cut), cut, k.sum(SRC + cut, len - cut));
        return joined === k.sum(SRC, len);
      }),
    );
  });

  it("a header of 20 bytes", () => {
    fc.assert(
      fc.property(offset, seed, (at, s) => {
        const header = u8.subarray(SRC + at, SRC + at + 20);
        fill(header, s);
        return k.ipv4HeaderSum(SRC + at) === reference(header);
      }),
    );
  });

  it("pseudo-headers are sums of the bytes that RFC 768 and RFC 8200 lay out", () => {
    fc.assert(
      fc.property(word32, word32, fc.integer({ min: 0, max: 255 }), word, (src, dst, proto, len) => {
        const view = new DataView(new ArrayBuffer(12));
        view.setUint32(0, src);
        view.setUint32(4, dst);
        view.setUint16(8, proto);
        view.setUint16(10, len);
        return k.pseudoSum4(src, dst, proto, len) === reference(new Uint8Array(view.buffer));
      }),
    );
    fc.assert(
      fc.property(offset, seed, fc.integer({ min: 0, max: 255 }), word32, (at, s, proto, len) => {
        const bytes = u8.subarray(SRC + at, SRC + at + 40);
        fill(bytes, s);
        const view = new DataView(k.memory.buffer, SRC + at);
        view.setUint32(32, len);
        view.setUint32(36, proto);
        return k.pseudoSum6(SRC + at, SRC + at + 16, proto, len) === reference(bytes);
      }),
    );
  });

  it("a block with its finished checksum in it sums to ffff", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1500 }), seed, (len, s) => {
        fill(u8.subarray(SRC, SRC + len), s);
        u8[SRC] = 0;
        u8[SRC + 1] = 0;
        const checksum = k.checksumFinish(k.sum(SRC, len));
        u8[SRC] = checksum & 0xff;
        u8[SRC + 1] = checksum >>> 8;
        const udp = k.checksumFinishUdp(k.checksumFold(checksum ^ 0xffff));
        return k.sum(SRC, len) === 0xffff && udp === (checksum === 0 ? 0xffff : checksum);
      }),
    );
  });

  it("incremental update (RFC 1624 eqn 3) gives what a new sum gives", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 40 }), fc.nat(), word, seed, (words, which, value, s) => {
        const bytes = u8.subarray(SRC, SRC + words * 2);
        fill(bytes, s);
        bytes[0] = 1;
        const view = new DataView(k.memory.buffer, SRC);
        const before = k.checksumFinish(k.sum(SRC, words * 2));
        const at = (1 + (which % (words - 1))) * 2;
        const old = view.getUint16(at, true);
        view.setUint16(at, value, true);
        return k.checksumAdjust16(before, old, value) === k.checksumFinish(k.sum(SRC, words * 2));
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(), word32, seed, (longs, which, value, s) => {
        const bytes = u8.subarray(SRC, SRC + longs * 4);
        fill(bytes, s);
        bytes[0] = 1;
        const view = new DataView(k.memory.buffer, SRC);
        const before = k.checksumFinish(k.sum(SRC, longs * 4));
        const at = (1 + (which % (longs - 1))) * 4;
        const old = view.getUint32(at, true);
        view.setUint32(at, value, true);
        return k.checksumAdjust32(before, old, value) === k.checksumFinish(k.sum(SRC, longs * 4));
      }),
    );
  });
});
