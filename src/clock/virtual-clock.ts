/**
 * A clock that goes only when told to, from one due instant straight to the next. Under it a run depends on nothing but
 * what its participants and programs do: not on the machine's time, its load or its event loop.
 *
 * At each instant it alternates: all that is due runs, round by round, then the programs that wait on promises get a
 * turn of the event loop. Only when neither has anything left to do does time move. A program under a virtual clock
 * therefore waits only for the clock and for what the participants settle; real I/O would let time run on without it.
 */

import { rangeError } from "../errors.js";
import { AgendaClock, codedError } from "./agenda-clock.js";
import { turn } from "./turn.js";

export interface VirtualClockOptions {
  /** The time to begin at, µs; 0 unless given. */
  startUs?: number;
  /**
   * How many rounds may run at one instant before the clock gives up with ERR_CLOCK_BUSY; 1,000,000 unless given. A
   * transfer over a link without delay or rate takes no virtual time and yet many rounds.
   */
  maxRounds?: number;
}

export class VirtualClock extends AgendaClock {
  readonly #maxRounds: number;
  #nowUs: number;
  #rounds = 0;
  #running = false;
  /** Set by a restore, so that a run of the old timeline ends. */
  #restored = false;

  /** @throws RangeError naming the option that is not a whole number in its range */
  constructor({ startUs = 0, maxRounds = 1_000_000 }: VirtualClockOptions = {}) {
    super();
    if (!Number.isSafeInteger(startUs) || startUs < 0) throw rangeError(`startUs: a whole number >= 0, not ${startUs}`);
    if (!Number.isSafeInteger(maxRounds) || maxRounds < 1) {
      throw rangeError(`maxRounds: a whole number >= 1, not ${maxRounds}`);
    }
    this.#nowUs = startUs;
    this.#maxRounds = maxRounds;
    this.agenda.reset(startUs);
  }

  now(): number {
    return this.#nowUs;
  }

  /** Without effect: a virtual clock keeps the process alive while it is run, and only then. */
  ref(): void {}

  /** Without effect, as ref(). */
  unref(): void {}

  /**
   * Goes on by `us` microseconds, running everything that falls due, its end included.
   * @throws (by rejection, as run() and runUntil()) RangeError when `us` is not a whole number >= 0; an Error with code
   *   ERR_CLOCK_BUSY when an instant does not come to rest, ERR_CLOCK_RUNNING when the clock is being run already,
   *   ERR_STACK_RESTORED when it is restored meanwhile; what a participant's poll() throws
   */
  async advance(us: number): Promise<void> {
    if (us === Infinity) throw rangeError("advance() goes on by a finite time; run() goes on until nothing is due");
    await this.#run(this.#limit(us));
  }

  /**
   * Goes on until nothing is due any more. Participants with a timer always running never come to rest: give a limit.
   * @param limitUs  go on by this much at most; Infinity unless given
   * @returns true when nothing is due any more, false when the limit was reached first
   */
  async run(limitUs = Infinity): Promise<boolean> {
    await this.#run(this.#limit(limitUs), undefined, true);
    return this.agenda.dueAtUs() === Infinity;
  }

  /**
   * Goes on to a time, or until a predicate holds; it is asked at the start and whenever an instant's work and the
   * programs' turn after it are done.
   * @param until    the time in µs (one that has passed: only what is due now), or the predicate
   * @param limitUs  go on by this much at most; Infinity unless given
   * @returns true when the time was reached or the predicate holds; false when the limit came first or nothing is due
   */
  async runUntil(until: number | (() => boolean), limitUs = Infinity): Promise<boolean> {
    const limit = this.#limit(limitUs);
    if (typeof until === "function") return this.#run(limit, until, true);
    if (!Number.isSafeInteger(until)) throw rangeError(`until: a whole number of microseconds, not ${until}`);
    await this.#run(Math.min(Math.max(until, this.#nowUs), limit));
    return this.#nowUs >= until;
  }

  /**
   * As advance(), at once and without turns of the event loop: sleeps and other promises settle at their time, but what
   * waits for them runs only after this returns. For tests and measurements that hold no promises.
   * @throws as advance() rejects
   */
  advanceSync(us: number): void {
    if (us === Infinity) throw rangeError("advanceSync() goes on by a finite time");
    const limit = this.#limit(us);
    this.#begin();
    try {
      this.#settle();
      for (let nextUs = this.agenda.dueAtUs(); nextUs <= limit; nextUs = this.agenda.dueAtUs()) {
        this.#moveTo(nextUs);
        this.#settle();
      }
      this.#moveTo(limit);
    } finally {
      this.#running = false;
    }
  }

  protected agendaChanged(): void {}

  protected setNow(nowUs: number): void {
    this.#restored = true;
    this.#rounds = 0;
    this.#nowUs = nowUs;
  }

  /** Runs to the limit or until `done`; with `restWhenIdle` it ends where nothing is due any more. */
  async #run(limit: number, done?: () => boolean, restWhenIdle = false): Promise<boolean> {
    this.#begin();
    try {
      for (;;) {
        await turn();
        this.#checkTimeline();
        if (done?.()) return true;
        if (this.#settle()) continue;
        const nextUs = this.agenda.dueAtUs();
        if (nextUs === Infinity && restWhenIdle) return false;
        if (nextUs > limit) {
          this.#moveTo(limit);
          return done?.() ?? false;
        }
        this.#moveTo(nextUs);
        this.#settle();
      }
    } finally {
      this.#running = false;
    }
  }

  /** Runs what is due now until nothing is; false when nothing was. */
  #settle(): boolean {
    if (this.agenda.dueAtUs() > this.#nowUs) return false;
    do {
      if (this.#rounds++ >= this.#maxRounds) {
        throw codedError(
          "ERR_CLOCK_BUSY",
          `${this.agenda.firstName()} is still due at ${this.#nowUs} µs after ${this.#maxRounds} rounds`,
        );
      }
      this.agenda.runRound(this.#nowUs);
      this.#checkTimeline();
    } while (this.agenda.dueAtUs() <= this.#nowUs);
    return true;
  }

  #checkTimeline(): void {
    if (!this.#restored) return;
    throw codedError("ERR_STACK_RESTORED", "the clock was restored to another timeline while it was run");
  }

  #moveTo(nowUs: number): void {
    if (nowUs <= this.#nowUs) return;
    this.#nowUs = nowUs;
    this.#rounds = 0;
  }

  #begin(): void {
    if (this.#running) throw codedError("ERR_CLOCK_RUNNING", "the clock is being run already");
    this.#running = true;
    this.#restored = false;
  }

  #limit(us: number): number {
    if (us === Infinity) return Infinity;
    if (!Number.isSafeInteger(us) || us < 0) throw rangeError(`a whole number of microseconds >= 0, not ${us}`);
    return this.#nowUs + us;
  }
}
