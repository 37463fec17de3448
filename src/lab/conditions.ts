/** The conditions of a link as files and scripts name them: `delay 10ms`, `"loss": "1%"`. */
import type { LinkConditions } from "../drivers/sim-conditions.js";
import { DURATION_FORM, duration, PROBABILITY_FORM, probability, RATE_FORM, rate } from "./units.js";

/** How a condition of a link is named in files and scripts, as what, and read how. */
export const CONDITIONS: readonly {
  readonly name: string;
  readonly option: keyof LinkConditions;
  readonly read: (value: unknown) => number | undefined;
  readonly form: string;
}[] = [
  { name: "delay", option: "delayUs", read: hourAtMost, form: `${DURATION_FORM}, an hour at most` },
  { name: "jitter", option: "jitterUs", read: hourAtMost, form: `${DURATION_FORM}, an hour at most` },
  { name: "rate", option: "bitRate", read: terabitAtMost, form: `${RATE_FORM}, or "unlimited"` },
  { name: "queue", option: "queueFrames", read: queueFrames, form: "a whole number of frames from 0 to 1000000" },
  {
    name: "mark",
    option: "markFrames",
    read: markFrames,
    form: 'a whole number of frames from 0 to 1000000, or "never"',
  },
  { name: "loss", option: "loss", read: probability, form: PROBABILITY_FORM },
  { name: "duplicate", option: "duplicate", read: probability, form: PROBABILITY_FORM },
  { name: "reorder", option: "reorder", read: probability, form: PROBABILITY_FORM },
  { name: "reorderDelay", option: "reorderUs", read: hourAtMost, form: `${DURATION_FORM}, an hour at most` },
  { name: "corrupt", option: "corrupt", read: probability, form: PROBABILITY_FORM },
];

function hourAtMost(value: unknown): number | undefined {
  const us = duration(value);
  return us !== undefined && us <= 3600e6 ? us : undefined;
}

function terabitAtMost(value: unknown): number | undefined {
  const bits = rate(value);
  return bits === undefined || (bits > 1e12 && bits !== Infinity) ? undefined : bits;
}

function markFrames(value: unknown): number | undefined {
  return value === "never" ? Infinity : queueFrames(value);
}

function queueFrames(value: unknown): number | undefined {
  const frames = typeof value === "string" && /^\d{1,7}$/.test(value) ? Number(value) : value;
  return Number.isInteger(frames) && (frames as number) >= 0 && (frames as number) <= 1_000_000
    ? (frames as number)
    : undefined;
}
