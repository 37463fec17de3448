/**
 * The machine's monotonic time, from 0 when the clock is made. Exact in what it says, not in when it calls: a host's
 * timers are good to about a millisecond.
 *
 * Work that is due runs in a microtask, so that any number of wakes in one go of the program cost one round; after some
 * milliseconds of unbroken rounds the next one lets the event loop turn first, so that traffic without end starves
 * neither I/O nor timers. For what is due later there is one timer, for the earliest.
 *
 * The process is kept alive by work that is due now, by sleeps and by ref(); a timer alone does not keep it.
 */
import { AgendaClock } from "./agenda-clock.js";
import { macrotask, soon } from "./turn.js";

/** How long rounds may follow one another in microtasks. */
const SLICE_US = 4_000;
/** The longest delay that setTimeout takes. */
const MAX_TIMER_MS = 0x7fffffff;

/** What setTimeout gives: an object in Node, a number in browsers. */
interface Timer {
  ref?(): unknown;
  unref?(): unknown;
}

export class RealClock extends AgendaClock {
  readonly #startMs = performance.now();
  /** Added by restore(): time only ever moves forward. */
  #offsetUs = 0;
  #refs = 0;
  #timer: Timer | undefined;
  #timerAtUs = Infinity;
  /** A round is on its way or running. */
  #roundPending = false;
  #lastRoundUs = 0;
  #sliceStartUs = 0;

  now(): number {
    return Math.floor((performance.now() - this.#startMs) * 1000) + this.#offsetUs;
  }

  ref(): void {
    if (this.#refs++ > 0) return;
    this.#timer?.ref?.();
    this.#plan();
  }

  /** @throws Error when there were more of these than ref() */
  unref(): void {
    if (this.#refs === 0) throw new Error("unref() without ref()");
    if (--this.#refs === 0) this.#timer?.unref?.();
  }

  protected agendaChanged(): void {
    this.#plan();
  }

  /** A record of a later time brings the clock forward to it; time never goes back under running participants. */
  protected setNow(nowUs: number): void {
    this.#offsetUs += Math.max(0, nowUs - this.now());
  }

  /** Sees to it that the clock is called when the first participant is due, or never again while all are idle. */
  #plan(): void {
    if (this.#roundPending) return;
    const dueUs = this.agenda.dueAtUs();
    if (dueUs === Infinity) {
      if (this.#refs > 0 && this.#timer === undefined) this.#setTimer(Infinity, this.now());
      return;
    }
    // Reading the host's clock costs more than all the rest here: not for what was due at the last round already, nor
    // when the timer rings before. It may find nothing due and is set again: cheaper than moving it with each change.
    if (dueUs > this.#lastRoundUs) {
      if (dueUs >= this.#timerAtUs) return;
      const nowUs = this.now();
      if (dueUs > nowUs) {
        this.#setTimer(dueUs, nowUs);
        return;
      }
    }
    this.#scheduleRound();
  }

  #scheduleRound(): void {
    this.#roundPending = true;
    if (this.#lastRoundUs - this.#sliceStartUs < SLICE_US) {
      soon(this.#round);
      return;
    }
    macrotask(() => {
      this.#sliceStartUs = this.now();
      this.#round();
    });
  }

  readonly #round = (): void => {
    this.#lastRoundUs = this.now();
    try {
      this.agenda.runRound(this.#lastRoundUs);
    } catch (error) {
      queueMicrotask(() => {
        throw error; // uncaught, as an error in a timer's callback is
      });
    }
    this.#roundPending = false;
    this.#plan();
  };

  #setTimer(dueUs: number, nowUs: number): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer as Parameters<typeof clearTimeout>[0]);
    const delayMs = Math.min(Math.ceil((dueUs - nowUs) / 1000), MAX_TIMER_MS);
    this.#timer = setTimeout(() => this.#onTimer(), delayMs) as unknown as Timer;
    this.#timerAtUs = dueUs;
    if (this.#refs === 0) this.#timer.unref?.();
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#timerAtUs = Infinity;
    this.#sliceStartUs = this.now();
    this.#plan();
  }
}
