/**
 * Who is due when: the participants of a clock in order of time, then of round, then of registration.
 *
 * A participant that is still due after its poll, or is woken meanwhile, waits for the next round of the same instant,
 * so that none can starve another and the order depends on nothing but times and order of registration.
 */

import { typeError } from "../errors.js";
import { Heap, type HeapItem } from "../heap.js";

/** Something that a clock runs: a stack, a simulated link, a timer. Its state is its own; the clock keeps only when. */
export interface Pollable {
  /**
   * The clock's time in µs at which poll() is next due; Infinity = idle until woken, the past = at once. May become
   * later at any time; whoever makes it earlier calls `clock.wake(this)`.
   */
  pollAt(): number;
  /** Does what is due at `nowUs`. Must not run other participants; waking them is enough. */
  poll(nowUs: number): void;
}

interface Entry extends HeapItem {
  readonly participant: Pollable;
  readonly order: number;
  atUs: number;
  round: number;
}

function before(a: Entry, b: Entry): boolean {
  if (a.atUs !== b.atUs) return a.atUs < b.atUs;
  if (a.round !== b.round) return a.round < b.round;
  return a.order < b.order;
}

export class Agenda {
  readonly #heap = new Heap<Entry>(before);
  readonly #entries = new Map<Pollable, Entry>();
  #nextOrder = 0;
  #round = 0;
  #nowUs = 0;

  add(participant: Pollable): void {
    if (this.#entries.has(participant)) throw new Error(`${nameOf(participant)} is on this clock already`);
    const entry: Entry = { participant, order: this.#nextOrder++, atUs: 0, round: 0, heapIndex: -1 };
    this.#setKey(entry, this.#ask(entry));
    this.#entries.set(participant, entry);
    this.#heap.push(entry);
  }

  remove(participant: Pollable): void {
    const entry = this.#entries.get(participant);
    if (entry === undefined) return;
    this.#entries.delete(participant);
    this.#heap.remove(entry);
  }

  /** Reads pollAt() again if that can bring the participant forward; false for one that is not here. */
  wake(participant: Pollable): boolean {
    const entry = this.#entries.get(participant);
    if (entry === undefined) return false;
    if (entry.heapIndex >= 0 && entry.atUs > this.#nowUs) {
      this.#setKey(entry, this.#ask(entry));
      this.#heap.moved(entry);
    }
    return true;
  }

  /** When the first participant is due (µs; possibly in the past); Infinity when none is. */
  dueAtUs(): number {
    for (let entry = this.#heap.peek(); entry !== undefined; entry = this.#heap.peek()) {
      if (entry.atUs === Infinity) break;
      const atUs = this.#ask(entry);
      if (atUs <= entry.atUs || atUs <= this.#nowUs) return entry.atUs;
      this.#setKey(entry, atUs);
      this.#heap.moved(entry);
    }
    return Infinity;
  }

  /** The name of the participant that is due first, for messages. */
  firstName(): string {
    const entry = this.#heap.peek();
    return entry === undefined ? "nobody" : nameOf(entry.participant);
  }

  /**
   * Polls every participant that is due, each once. One that throws is taken off the clock, since nobody can tell what
   * state it is in, and the error goes to the caller; the others stay due.
   */
  runRound(nowUs: number): void {
    this.#nowUs = nowUs;
    const round = ++this.#round;
    while (this.dueAtUs() <= nowUs) {
      const entry = this.#heap.peek() as Entry;
      if (entry.round > round) return;
      this.#heap.remove(entry);
      this.#poll(entry, nowUs);
    }
  }

  /** Time was set from outside, perhaps back: everybody is asked again. */
  reset(nowUs: number): void {
    this.#nowUs = nowUs;
    for (const entry of [...this.#entries.values()]) {
      this.#setKey(entry, this.#ask(entry));
      this.#heap.moved(entry);
    }
  }

  #poll(entry: Entry, nowUs: number): void {
    try {
      entry.participant.poll(nowUs);
    } catch (error) {
      this.remove(entry.participant);
      throw error;
    }
    if (this.#entries.get(entry.participant) !== entry) return;
    this.#setKey(entry, this.#ask(entry));
    this.#heap.push(entry);
  }

  #setKey(entry: Entry, atUs: number): void {
    entry.atUs = Math.max(atUs, this.#nowUs);
    entry.round = atUs <= this.#nowUs ? this.#round + 1 : 0;
  }

  /** pollAt() as a whole number: the first microsecond at which the participant is due; Infinity beyond 2^53. */
  #ask(entry: Entry): number {
    let atUs = Number.NaN;
    try {
      atUs = Math.ceil(entry.participant.pollAt());
    } finally {
      if (Number.isNaN(atUs)) this.remove(entry.participant);
    }
    if (Number.isNaN(atUs)) throw typeError(`pollAt() of ${nameOf(entry.participant)} is not a number`);
    return atUs > Number.MAX_SAFE_INTEGER ? Infinity : atUs;
  }
}

function nameOf(participant: Pollable): string {
  return participant.constructor?.name || "a participant";
}
