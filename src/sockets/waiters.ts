/**
 * Calls that wait in a socket, first come first served. Each settles by what it waits for, by its signal, or because the
 * socket or its stack goes; while one waits, a real clock keeps the process alive.
 */
import type { Clock } from "../clock.js";

interface Waiter<T, D> {
  readonly detail: D;
  resolve(value: T): void;
  reject(reason: unknown): void;
  stop(): void;
}

/** Calls that wait for a `T`, each with its own `D`. */
export class Waiters<T, D = undefined> {
  readonly #clock: Clock;
  readonly #onabort: (() => void) | undefined;
  #waiting: Waiter<T, D>[] = [];

  /** @param onabort  called when one has gone by its signal: others may be able to go on */
  constructor(clock: Clock, onabort?: () => void) {
    this.#clock = clock;
    this.#onabort = onabort;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** What the call that has waited longest brought with it. */
  get first(): D | undefined {
    return this.#waiting[0]?.detail;
  }

  /** Waits. @throws (by rejection) the signal's reason, or what reject() and rejectAll() are given */
  wait(signal: AbortSignal | undefined, detail: D): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) throw signal.reason;
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        waiter.stop();
        reject(signal?.reason);
        this.#onabort?.();
      };
      const stop = () => {
        signal?.removeEventListener("abort", abort);
        this.#clock.unref();
      };
      const waiter: Waiter<T, D> = { detail, resolve, reject, stop };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(waiter);
      this.#clock.ref();
    });
  }

  #next(): Waiter<T, D> | undefined {
    const waiter = this.#waiting.shift();
    waiter?.stop();
    return waiter;
  }

  /** Settles the one that has waited longest. */
  resolve(value: T): void {
    this.#next()?.resolve(value);
  }

  reject(reason: unknown): void {
    this.#next()?.reject(reason);
  }

  /** Settles all that wait now. */
  resolveAll(value: T): void {
    while (this.#waiting.length > 0) this.resolve(value);
  }

  /** Settles those of which it holds. */
  resolveWhere(holds: (detail: D) => boolean, value: T): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (const waiter of all) {
      if (holds(waiter.detail)) {
        waiter.stop();
        waiter.resolve(value);
      } else this.#waiting.push(waiter);
    }
  }

  rejectAll(reason: unknown): void {
    while (this.#waiting.length > 0) this.reject(reason);
  }

  /** As rejectAll(), with a reason that is made only if somebody waits: an error's stack trace costs much. */
  rejectAllBy(reason: () => Error): void {
    if (this.#waiting.length > 0) this.rejectAll(reason());
  }
}
