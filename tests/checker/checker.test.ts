/**
 * TCP, exhaustive in the small. Two instances of the shipped module are led through everything that may happen between
 * them; README.md says what is checked and how to replay what is found.
 *
 *   RINGSTACK_CHECK_DEPTH=n        every order of n actions instead of what scenario.ts says
 *   RINGSTACK_CHECK_DEVIATIONS=n   n departures from the loss-free schedule
 *   RINGSTACK_CHECK_SCRIPT="…"     performs one script and tells each step; nothing else runs
 */
import { describe, expect, test } from "vitest";
import { Explorer, Found, type Result, replay } from "./explore.js";
import { FAULTS } from "./faults.js";
import { SCENARIOS, scenarioNamed } from "./scenario.js";

const script = process.env.RINGSTACK_CHECK_SCRIPT;
const DEPTH = Number(process.env.RINGSTACK_CHECK_DEPTH ?? 0);
const DEVIATIONS = Number(process.env.RINGSTACK_CHECK_DEVIATIONS ?? 0);
/** Hours, for those who ask for more than npm test does. */
const TIMEOUT_MS = DEPTH + DEVIATIONS > 0 ? 86_400_000 : 240_000;

function tell(result: Result): void {
  const { scenario, bound, most, states, steps, met, ends, longestUs } = result;
  const explored = `${states} states, ${steps} steps, ${met} met again, ${ends} ends`;
  process.stdout.write(`checker: ${scenario}, ${bound} ${most}: ${explored}, over within ${longestUs / 1e6} s\n`);
}

describe.skipIf(script !== undefined)("from every start", () => {
  test.each(SCENARIOS)("$name: every order of the next actions", { timeout: TIMEOUT_MS }, (scenario) => {
    const result = new Explorer(scenario, "depth", DEPTH || scenario.depth).run();
    tell(result);
    expect(result.states).toBeGreaterThan(result.most);
    expect(result.settled).toBeGreaterThan(0);
    expect(result.ends).toBeGreaterThan(0);
  });

  test.each(SCENARIOS)(
    "$name: whole runs with departures from the loss-free schedule",
    { timeout: TIMEOUT_MS },
    (scenario) => {
      const result = new Explorer(scenario, "deviations", DEVIATIONS || scenario.deviations).run();
      tell(result);
      expect(result.states).toBeGreaterThan(100);
      expect(result.ends).toBeGreaterThan(1);
    },
  );
});

describe.skipIf(script !== undefined)("the checker finds", () => {
  test.each(FAULTS)("$name", ({ scenario, fault, says }) => {
    const start = scenarioNamed(scenario);
    expect(new Explorer(start, "depth", 3).run().ends, "without the fault").toBeGreaterThan(1);
    let found: unknown;
    try {
      new Explorer(start, "depth", 3, fault).run();
    } catch (error) {
      found = error;
    }
    expect(found, "with it").toBeInstanceOf(Found);
    const { message, script } = found as Found;
    expect(message).toMatch(says);
    // Its script leads there again, and without the fault it leads nowhere wrong.
    expect(() => replay(`${scenario}: ${script}`, () => undefined, fault)).toThrow(says);
    expect(() => replay(`${scenario}: ${script}`, () => undefined)).not.toThrow();
  });
});

if (script !== undefined) {
  test("the script", () => {
    replay(script, (text) => void process.stdout.write(`${text}\n`));
  });
}
