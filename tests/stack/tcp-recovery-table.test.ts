/**
 * docs/TCP-LINKS.md: how fast TCP is over lossy, reordering, slow and silent links, in virtual time, beside what RFCs and
 * papers say to expect. What the page shows was measured by this test.
 */
import { describe, expect, test } from "vitest";
import { build } from "./harness.js";
import { holdTable } from "./tcp-page.js";
import { PARTS, type Row, WHOLE } from "./tcp-rows.js";
import { type Outcome, transfer } from "./tcp-transfer.js";

const HEAD = ["link", "with", "measured", "expected", "of it", "again", "timeouts"];

function hold(what: string, value: number, [least, most]: readonly [number, number] = [0, Infinity]): void {
  expect.soft(value, what).toBeGreaterThanOrEqual(least);
  expect.soft(value, what).toBeLessThanOrEqual(most);
}

async function cells(row: Row): Promise<string[]> {
  const name = `${row.where}, ${row.with}`;
  const outcomes: Outcome[] = [];
  for (let seed = 1; seed <= (row.seeds ?? 1); seed++) outcomes.push(await transfer({ ...row, name }, seed));
  const { name: unit, digits, of } = row.unit ?? WHOLE;
  const measured = of(outcomes);
  const ratio = row.expected === 0 ? measured : measured / row.expected;
  const total = (counter: string) =>
    outcomes.reduce((sum, { counters }) => sum + ((counters[0] as Record<string, number>)[counter] as number), 0);
  hold(`${name}: of what is expected`, ratio, row.within);
  const again = total("TCP_RETRANS_SEGS") / outcomes.length;
  const timeouts = total("TCP_TIMEOUTS");
  for (const { counters } of outcomes)
    hold(`${name}: again`, (counters[0] as Record<string, number>).TCP_RETRANS_SEGS as number, row.again);
  hold(`${name}: timeouts`, timeouts, row.timeouts);
  for (const [counter, bounds] of Object.entries(row.counts ?? {})) hold(`${name}: ${counter}`, total(counter), bounds);
  const figure = (value: number) => `${value.toFixed(digits)} ${unit}`;
  const each = (count: number) => (count / outcomes.length).toFixed(1).replace(/\.0$/, "");
  return [
    row.where,
    row.with,
    figure(measured),
    figure(row.expected),
    ratio.toFixed(2),
    each(again * outcomes.length),
    each(timeouts),
  ];
}

describe.runIf(build === "release")("TCP over links", () => {
  // Virtual minutes: seconds on a quiet machine.
  test.each(PARTS)("$title", { timeout: 240_000 }, async ({ title, rows }) => {
    const lines: string[][] = [];
    for (const row of rows) lines.push(await cells(row));
    holdTable(title, HEAD, lines);
  });
});
