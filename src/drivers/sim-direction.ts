/**
 * The way of frames out of one end of a simulated link: a queue before a sender of some bit rate, then a path that
 * delays, loses, doubles, holds back and spoils by chance. Says what becomes of a frame and when; carries no bytes.
 *
 * Each frame sent draws the same seven numbers whatever the conditions: to switch one condition on does not change which
 * frames another one hits.
 */
import type { Prng, PrngRecord } from "../prng.js";
import { type LinkConditions, withConditions } from "./sim-conditions.js";

/** What becomes of a frame: on its way, lost on the way, dropped at the full queue, or not taken yet. */
export type Fate = "carried" | "lost" | "dropped" | "busy";

/** A direction's state (structured-cloneable). */
export interface DirectionRecord {
  conditions: LinkConditions;
  prng: PrngRecord;
  freeAtUs: number;
  freePart: number;
  lastAtUs: number;
  startsUs: number[];
}

export class Direction {
  readonly #prng: Prng;
  #conditions: Readonly<LinkConditions>;
  /** The sender is free at #freeAtUs + #freePart / bitRate µs: exact, however many frames follow one another. */
  #freeAtUs = 0;
  #freePart = 0;
  /** When the last frame in order arrives: none sent later comes before. */
  #lastAtUs = 0;
  /** When the frames that wait begin to be sent: in order, so those before #firstWaiting have begun. */
  #startsUs: number[] = [];
  #firstWaiting = 0;

  /** Of the frame last carried: when it arrives, when its copy does (-1: no copy), whether it was held back. */
  atUs = 0;
  copyAtUs = -1;
  heldBack = false;
  /** Of the frame last carried: the bit flipped, counted from the first byte's lowest; -1 = none. */
  flippedBit = -1;
  /** Of the frame last sent: did it find the queue as long as frames are marked for? */
  marks = false;

  constructor(prng: Prng, conditions: Readonly<LinkConditions>) {
    this.#prng = prng;
    this.#conditions = conditions;
  }

  get conditions(): Readonly<LinkConditions> {
    return this.#conditions;
  }

  /** A change holds for frames sent from now on; those on their way keep their times. */
  set conditions(next: Readonly<LinkConditions>) {
    if (next.bitRate !== this.#conditions.bitRate && this.#freePart > 0) {
      this.#freeAtUs++;
      this.#freePart = 0;
    }
    this.#conditions = next;
  }

  /** When a place in the queue comes free, µs, for one who found it full. */
  roomAtUs(nowUs: number): number {
    this.#forgetBegun(nowUs);
    const startUs = this.#startsUs[this.#firstWaiting];
    return startUs ?? this.#freeAtUs + (this.#freePart > 0 ? 1 : 0);
  }

  /** Sends a frame of that length; what becomes of it stands in the fields above. */
  send(lenBytes: number, nowUs: number): Fate {
    const { queueFrames, whenFull, bitRate, markFrames } = this.#conditions;
    this.#forgetBegun(nowUs);
    const waits = this.#freeAtUs > nowUs || (this.#freeAtUs === nowUs && this.#freePart > 0);
    const isQueued = bitRate !== Infinity && waits;
    const waiting = this.#startsUs.length - this.#firstWaiting;
    if (isQueued && waiting >= queueFrames) return whenFull === "busy" ? "busy" : "dropped";
    this.marks = isQueued && waiting >= markFrames;
    return this.#travel(this.#serialise(lenBytes, nowUs, waits), lenBytes);
  }

  /** The carrier went: nothing waits any more and the sender is free. */
  clear(nowUs: number): void {
    this.#startsUs = [];
    this.#firstWaiting = 0;
    this.#freeAtUs = Math.min(this.#freeAtUs, nowUs);
    this.#freePart = 0;
    this.#lastAtUs = Math.min(this.#lastAtUs, nowUs);
  }

  snapshot(): DirectionRecord {
    return {
      conditions: { ...this.#conditions },
      prng: this.#prng.snapshot(),
      freeAtUs: this.#freeAtUs,
      freePart: this.#freePart,
      lastAtUs: this.#lastAtUs,
      startsUs: this.#startsUs.slice(this.#firstWaiting),
    };
  }

  restore(record: DirectionRecord): void {
    this.#conditions = withConditions(record.conditions, {});
    this.#prng.restore(record.prng);
    this.#freeAtUs = record.freeAtUs;
    this.#freePart = record.freePart;
    this.#lastAtUs = record.lastAtUs;
    this.#startsUs = record.startsUs.slice();
    this.#firstWaiting = 0;
  }

  /** When the frame's last bit has left, µs. */
  #serialise(lenBytes: number, nowUs: number, waits: boolean): number {
    const { bitRate } = this.#conditions;
    if (bitRate === Infinity) return nowUs;
    if (!waits) {
      this.#freeAtUs = nowUs;
      this.#freePart = 0;
    } else {
      this.#startsUs.push(this.#freeAtUs + (this.#freePart > 0 ? 1 : 0));
    }
    const parts = lenBytes * 8_000_000 + this.#freePart;
    this.#freePart = parts % bitRate;
    this.#freeAtUs += (parts - this.#freePart) / bitRate;
    return this.#freeAtUs + (this.#freePart > 0 ? 1 : 0);
  }

  #travel(sentUs: number, lenBytes: number): Fate {
    const { delayUs, jitterUs, loss, duplicate, reorder, reorderUs, corrupt } = this.#conditions;
    const prng = this.#prng;
    const isLost = prng.chance(loss);
    const isDoubled = prng.chance(duplicate);
    this.heldBack = prng.chance(reorder);
    const isSpoilt = prng.chance(corrupt);
    const bit = prng.below(lenBytes * 8);
    const jitter = prng.below(jitterUs + 1);
    const copyJitter = prng.below(jitterUs + 1);
    if (isLost) return "lost";

    const inOrderUs = Math.max(sentUs + delayUs + jitter, this.#lastAtUs);
    const copyUs = Math.max(sentUs + delayUs + copyJitter, inOrderUs);
    const holdUs = this.heldBack ? reorderUs : 0;
    this.#lastAtUs = isDoubled ? copyUs : inOrderUs;
    this.atUs = inOrderUs + holdUs;
    this.copyAtUs = isDoubled ? copyUs + holdUs : -1;
    this.flippedBit = isSpoilt && lenBytes > 0 ? bit : -1;
    return "carried";
  }

  #forgetBegun(nowUs: number): void {
    while ((this.#startsUs[this.#firstWaiting] ?? Infinity) <= nowUs) this.#firstWaiting++;
    if (this.#firstWaiting >= 1024 || this.#firstWaiting === this.#startsUs.length) {
      this.#startsUs.splice(0, this.#firstWaiting);
      this.#firstWaiting = 0;
    }
  }
}
