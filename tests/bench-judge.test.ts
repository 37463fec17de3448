// How rounds become a line of the benchmark's table.
import { describe, expect, it } from "vitest";
import type { Row } from "../bench/harness.js";
import { judge, median } from "../bench/judge.js";

const contender = (name: string) => ({ name, measure: () => 0 });
const row = (better: "more" | "less", target?: Row["target"]): Row => {
  const base = { name: "r", unit: "u", better, ours: contender("ours"), peers: [contender("a"), contender("b")] };
  return target ? { ...base, target } : base;
};
/** Rounds on the machine of the targets, with these figures. */
const rounds = (ours: number[], a: number, b: number, ghz = 3, copy = 133) =>
  ours.map((value) => ({ ghz, copy, ours: value, peers: [a, b] }));

describe("judge", () => {
  it("takes medians", () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it("picks the best peer and the ratio to it, for more and for less", () => {
    const more = judge(row("more"), rounds([10, 30, 20], 5, 8));
    expect([more.best?.name, more.ratio, more.state]).toEqual(["b", 2.5, undefined]);
    const less = judge(row("less"), rounds([10, 30, 20], 5, 8));
    expect([less.best?.name, less.ratio]).toEqual(["a", 0.25]);
  });

  it("says met, close and missed", () => {
    const state = (ours: number) => judge(row("more", { value: 100, scale: "none" }), rounds([ours], 1, 1)).state;
    expect([state(100), state(99), state(90), state(89)]).toEqual(["met", "close", "close", "missed"]);
    const less = (ours: number) => judge(row("less", { value: 100, scale: "none" }), rounds([ours], 1, 1)).state;
    expect([less(100), less(110), less(120)]).toEqual(["met", "close", "missed"]);
  });

  it("scales a target to the machine, round by round", () => {
    const slow = rounds([50], 1, 1, 1.5, 266);
    expect(judge(row("more", { value: 100, scale: "cpu" }), slow).target).toBe(50);
    expect(judge(row("less", { value: 100, scale: "cpu" }), slow).target).toBe(200);
    expect(judge(row("more", { value: 100, scale: "copy" }), slow).target).toBe(200);
    const mixed = [...rounds([50], 1, 1, 1.5), ...rounds([100], 1, 1, 3), ...rounds([75], 1, 1, 2.25)];
    expect(judge(row("more", { value: 100, scale: "cpu" }), mixed).attained).toBe(1);
  });

  it("does without peers", () => {
    const alone = { ...row("more"), peers: [] };
    expect(judge(alone, [{ ghz: 3, copy: 133, ours: 1, peers: [] }]).best).toBeUndefined();
  });
});
