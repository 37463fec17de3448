/** What a simulated link does to the frames of one direction, and the check of what a user asks for. */
import { rangeError, typeError } from "../errors.js";

/** The conditions of one direction: those of the frames that one end sends. All may change while frames fly. */
export interface LinkConditions {
  /** From the end of a frame's serialisation to its arrival, µs; 0 unless given. */
  delayUs: number;
  /**
   * The largest addition to the delay, µs: each frame draws a whole number from 0 to this, all alike likely. Jitter
   * never lets a frame overtake the one before: it then arrives right after that. 0 unless given.
   */
  jitterUs: number;
  /**
   * Bits per second; Infinity (unless given) sends at once. A frame of n bytes occupies the sender for exactly
   * 8,000,000 n / bitRate µs, to the fraction; it arrives with its last bit, at the next whole microsecond.
   */
  bitRate: number;
  /** The most frames that wait for the sender, beside the one being sent; 1,000 unless given. */
  queueFrames: number;
  /** A frame that finds the queue full is dropped ("drop", unless given), or transmit() answers that it is busy. */
  whenFull: "drop" | "busy";
  /**
   * A frame that finds so many waiting is marked with CE, if it is a datagram whose transport has ECN (RFC 3168): 0 to
   * 1,000,000, or Infinity (unless given) for none. Frames are dropped by `queueFrames` all the same.
   */
  markFrames: number;
  /** Probability that a frame is lost on the way, after it has been sent; 0 unless given. */
  loss: number;
  /** Probability that a frame arrives twice, the copy with a jitter of its own; 0 unless given. */
  duplicate: number;
  /** Probability that a frame is held back for `reorderUs`, so that later ones overtake it; 0 unless given. */
  reorder: number;
  /** How long a reordered frame is held back, µs; 1,000 unless given. */
  reorderUs: number;
  /** Probability that one bit of a frame is flipped, any one alike; a duplicate shows the same flip. 0 unless given. */
  corrupt: number;
}

export const CLEAR_CONDITIONS: Readonly<LinkConditions> = Object.freeze({
  delayUs: 0,
  jitterUs: 0,
  bitRate: Infinity,
  queueFrames: 1000,
  whenFull: "drop",
  markFrames: Infinity,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  reorderUs: 1000,
  corrupt: 0,
});

/** An hour: the longest delay, jitter or holding back. */
const MAX_DELAY_US = 3_600_000_000;
/** 1 Tbit/s: with it, the bits of the longest frame times 10^6 are still an exact integer. */
const MAX_BIT_RATE = 1e12;
const MAX_QUEUE_FRAMES = 1_000_000;

const PROBABILITIES = ["loss", "duplicate", "reorder", "corrupt"] as const;

/**
 * The base with the changes laid over it; an undefined change is none.
 * @throws TypeError or RangeError naming the option that is wrong; options that are not conditions are not looked at
 */
export function withConditions(base: LinkConditions, changes: Partial<LinkConditions>): Readonly<LinkConditions> {
  const next: LinkConditions = { ...base };
  for (const name of Object.keys(CLEAR_CONDITIONS) as (keyof LinkConditions)[]) {
    if (changes[name] !== undefined) Object.assign(next, { [name]: changes[name] });
  }
  requireInteger("delayUs", next.delayUs, 0, MAX_DELAY_US);
  requireInteger("jitterUs", next.jitterUs, 0, MAX_DELAY_US);
  requireInteger("reorderUs", next.reorderUs, 0, MAX_DELAY_US);
  requireInteger("queueFrames", next.queueFrames, 0, MAX_QUEUE_FRAMES);
  if (next.markFrames !== Infinity) requireInteger("markFrames", next.markFrames, 0, MAX_QUEUE_FRAMES);
  if (next.bitRate !== Infinity) requireInteger("bitRate", next.bitRate, 1, MAX_BIT_RATE);
  for (const name of PROBABILITIES) requireProbability(name, next[name]);
  if (next.whenFull !== "drop" && next.whenFull !== "busy") {
    throw typeError(`whenFull: "drop" or "busy", not ${String(next.whenFull)}`);
  }
  return Object.freeze(next);
}

/** @throws TypeError when the value is not a number, RangeError when it is not a whole one within the bounds */
export function requireInteger(name: string, value: number, least: number, most: number): void {
  if (typeof value !== "number") throw typeError(`${name}: a number, not ${typeof value}`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw rangeError(`${name}: a whole number from ${least} to ${most}, not ${value}`);
  }
}

function requireProbability(name: string, value: number): void {
  if (typeof value !== "number") throw typeError(`${name}: a number, not ${typeof value}`);
  if (!(value >= 0 && value <= 1)) throw rangeError(`${name}: a probability from 0 to 1, not ${value}`);
}
