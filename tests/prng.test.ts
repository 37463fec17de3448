import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Prng } from "../src/prng.js";

const draw = (prng: Prng, count: number) => Array.from({ length: count }, () => prng.uint32());

describe("Prng", () => {
  it("is sfc32", () => {
    const prng = new Prng();
    prng.restore([1, 2, 3, 4]);
    expect(draw(prng, 5)).toEqual([0x7, 0x22, 0x3600060, 0xb421d78, 0xcc849c75]);
  });

  it("gives the same numbers for the same seed and stream, others for others", () => {
    const seeds: [number | string, number | string][] = [
      [0, 0],
      [1, 0],
      [0, 1],
      [2 ** 32, 0],
      [-1, 0],
      ["", 0],
      ["0", 0],
      ["lab", "a"],
      ["lab", "b"],
      [0, "0"],
    ];
    const seen = new Set(seeds.map(([seed, stream]) => draw(new Prng(seed, stream), 4).join()));
    expect(seen.size).toBe(seeds.length);
    for (const [seed, stream] of seeds) {
      expect(draw(new Prng(seed, stream), 4)).toEqual(draw(new Prng(seed, stream), 4));
    }
  });

  it("goes on from a snapshot", () => {
    const prng = new Prng("snapshot");
    draw(prng, 100);
    const record = structuredClone(prng.snapshot());
    const other = new Prng(7);
    other.restore(record);
    expect(draw(other, 50)).toEqual(draw(prng, 50));
  });

  it("keeps below() within its bound and reaches every number", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.integer(), (bound, seed) => {
        const value = new Prng(seed).below(bound);
        return Number.isInteger(value) && value >= 0 && value < bound;
      }),
    );
    const prng = new Prng(3);
    expect(new Set(Array.from({ length: 400 }, () => prng.below(10))).size).toBe(10);
  });

  it("has float() in [0, 1) with a mean of a half, chance(0) never and chance(1) always", () => {
    const prng = new Prng(11);
    const values = Array.from({ length: 20_000 }, () => prng.float());
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(0.5, 2);
    expect(values.some(() => prng.chance(0))).toBe(false);
    expect(values.every(() => prng.chance(1))).toBe(true);
  });

  it("fills bytes of any length", () => {
    const long = new Prng(5).fill(new Uint8Array(11));
    expect(new Prng(5).fill(new Uint8Array(3))).toEqual(long.slice(0, 3));
    expect(new Set(long).size).toBeGreaterThan(5);
  });

  it("refuses seeds and records that are none", () => {
    expect(() => new Prng(0.5)).toThrow(TypeError);
    expect(() => new Prng(Number.NaN)).toThrow(/seed/);
    expect(() => new Prng(0, 2 ** 60)).toThrow(/stream/);
    expect(() => new Prng().restore([1, 2, 3] as never)).toThrow(TypeError);
    expect(() => new Prng().restore([1, 2, 3, -1])).toThrow(TypeError);
  });
});
