/**
 * What every clock has: participants on an agenda, and sleeps, which are participants too. How time goes on is for the
 * clocks built on this to say.
 */

import { rangeError, typeError } from "../errors.js";
import { Agenda, type Pollable } from "./agenda.js";

export type { Pollable } from "./agenda.js";

/** A clock's state between polls (structured-cloneable): its time. The participants' state is their own. */
export interface ClockRecord {
  readonly nowUs: number;
}

/** Time in whole microseconds, never going back but by restore(), and those who live by it. */
export interface Clock {
  /** The time in µs. */
  now(): number;
  /**
   * Runs a participant from now on. Those due at one instant are run in order of registration.
   * @throws Error when it is on this clock already; TypeError when its pollAt() is not a number
   */
  add(participant: Pollable): void;
  /** Runs a participant no more; one that is not here is left alone. Allowed at any time, its own poll() included. */
  remove(participant: Pollable): void;
  /** pollAt() of the participant may have become earlier. Cheap, never polls; without effect for one not here. */
  wake(participant: Pollable): void;
  /**
   * Settles when `us` microseconds have passed; keeps the process alive until then, as ref() does.
   * @throws RangeError (by rejection) when `us` is not a number from 0 to 2^52; the signal's reason when it is aborted;
   *   an Error with code ERR_STACK_RESTORED when the clock is restored meanwhile
   */
  sleep(us: number, signal?: AbortSignal): Promise<void>;
  /** Somebody awaits something of a participant: until the matching unref() the process stays alive for it. */
  ref(): void;
  /** Takes back one ref(). An idle stack that nobody awaits does not keep the process alive. */
  unref(): void;
  snapshot(): ClockRecord;
  /** Sets the time; pending sleeps, being of the old timeline, reject with code ERR_STACK_RESTORED. */
  restore(record: ClockRecord): void;
}

/** An Error with a Node-style `code`. */
export function codedError(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code });
}

/** 142 years: a time to come must stay an exact integer. */
const MAX_SLEEP_US = 2 ** 52;

/** Somebody waiting for a time. */
class Sleep implements Pollable {
  readonly #atUs: number;
  readonly #wakeUp: () => void;

  constructor(
    atUs: number,
    wakeUp: () => void,
    readonly fail: (reason: unknown) => void,
  ) {
    this.#atUs = atUs;
    this.#wakeUp = wakeUp;
  }

  pollAt(): number {
    return this.#atUs;
  }

  poll(): void {
    this.#wakeUp();
  }
}

export abstract class AgendaClock implements Clock {
  protected readonly agenda = new Agenda();
  readonly #sleeps = new Set<Sleep>();

  abstract now(): number;
  abstract ref(): void;
  abstract unref(): void;
  /** The agenda's first entry may have changed. */
  protected abstract agendaChanged(): void;
  protected abstract setNow(nowUs: number): void;

  add(participant: Pollable): void {
    this.agenda.add(participant);
    this.agendaChanged();
  }

  remove(participant: Pollable): void {
    this.agenda.remove(participant);
  }

  wake(participant: Pollable): void {
    if (this.agenda.wake(participant)) this.agendaChanged();
  }

  sleep(us: number, signal?: AbortSignal): Promise<void> {
    if (typeof us !== "number" || !(us >= 0 && us <= MAX_SLEEP_US)) {
      return Promise.reject(rangeError(`a sleep is 0 to ${MAX_SLEEP_US} microseconds, not ${us}`));
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => sleep.fail(signal?.reason);
      const end = () => {
        signal?.removeEventListener("abort", onAbort);
        this.#sleeps.delete(sleep);
        this.agenda.remove(sleep);
        this.unref();
      };
      const wakeUp = () => {
        end();
        resolve();
      };
      const fail = (reason: unknown) => {
        end();
        reject(reason);
      };
      const sleep = new Sleep(this.now() + us, wakeUp, fail);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#sleeps.add(sleep);
      this.ref();
      this.add(sleep);
    });
  }

  snapshot(): ClockRecord {
    return { nowUs: this.now() };
  }

  restore(record: ClockRecord): void {
    const nowUs = record?.nowUs;
    if (!Number.isSafeInteger(nowUs) || nowUs < 0) {
      throw typeError("a clock's record has nowUs, a whole number of microseconds >= 0");
    }
    this.setNow(nowUs);
    for (const sleep of [...this.#sleeps]) {
      sleep.fail(codedError("ERR_STACK_RESTORED", "the clock was restored to another timeline"));
    }
    this.agenda.reset(this.now());
    this.agendaChanged();
  }
}
