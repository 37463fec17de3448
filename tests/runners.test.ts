// The counts that npm test sums: what each runner says, and what it says when it found nothing or broke.
import { describe, expect, it } from "vitest";
import { aspectCounts, lastLine, vitestCounts } from "../scripts/test.mjs";

const report = (passed: number, failed: number, pending = 0, files: object[] = []) =>
  JSON.stringify({
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending,
    numTodoTests: 0,
    testResults: files,
  });

describe("as-pect's summary", () => {
  it("gives passed and failed", () => {
    expect(aspectCounts(0, "[Summary]\n    [Tests]: 7 / 7\n")).toEqual({ passed: 7, failed: 0, skipped: 0 });
    expect(aspectCounts(0, "[Tests]: \x1b[32m7\x1b[39m / 7\n").passed).toBe(7);
    expect(aspectCounts(1, "[Summary]\n    [Tests]: 5 / 7\n")).toEqual({ passed: 5, failed: 2, skipped: 0 });
  });

  it("is a failure where there is none, where it is empty, or where the exit code speaks against it", () => {
    expect(aspectCounts(1, "ERROR TS1005").failed).toBe(1);
    expect(aspectCounts(0, "    [Tests]: 0 / 0\n").failed).toBe(1);
    expect(aspectCounts(1, "    [Tests]: 3 / 3\n").failed).toBe(1);
  });
});

describe("vitest's report", () => {
  it("gives passed, failed and skipped", () => {
    expect(vitestCounts(0, report(9, 0, 2))).toEqual({ passed: 9, failed: 0, skipped: 2 });
    expect(vitestCounts(1, report(8, 1))).toEqual({ passed: 8, failed: 1, skipped: 0 });
  });

  it("counts a file that could not be loaded, an empty run, a missing report and a bad exit code", () => {
    expect(vitestCounts(1, report(3, 0, 0, [{ status: "failed", assertionResults: [] }])).failed).toBe(1);
    expect(vitestCounts(0, report(0, 0)).failed).toBe(1);
    expect(vitestCounts(1, undefined).failed).toBe(1);
    expect(vitestCounts(1, report(3, 0)).failed).toBe(1);
  });
});

it("sums in the last line", () => {
  const check = { passed: 0, failed: 1, skipped: 0 };
  expect(lastLine([check, { passed: 2, failed: 0, skipped: 0 }])).toBe("2 passed, 1 failed");
  expect(lastLine([{ passed: 2, failed: 0, skipped: 3 }])).toBe("2 passed, 0 failed, 3 skipped");
});
