/**
 * Calls that wait in a socket, first come first served. Each settles by what it waits for, by its signal, or because the
 * socket or its stack goes; while one waits, a real clock keeps the process alive.
 */
import type { Clock } from "../clock.js";

/** One of them; it knows who came next. */
class Waiter<T, D> {
  next: Waiter<T, D> | undefined;
  #signal: AbortSignal | undefined;
  #abort: (() => void) | undefined;

  constructor(
    readonly detail: D,
    readonly resolve: (value: T) => void,
    readonly reject: (reason: unknown) => void,
  ) {}

  heed(signal: AbortSignal, abort: () => void): void {
    this.#signal = signal;
    this.#abort = abort;
    signal.addEventListener("abort", abort, { once: true });
  }

  heedNoMore(): void {
    if (this.#abort !== undefined) this.#signal?.removeEventListener("abort", this.#abort);
  }
}

/** Calls that wait for a `T`, each with its own `D`. */
export class Waiters<T, D = undefined> {
  readonly #clock: Clock;
  readonly #onabort: (() => void) | undefined;
  #first: Waiter<T, D> | undefined;
  #last: Waiter<T, D> | undefined;

  /** @param onabort  called when one has gone by its signal: others may be able to go on */
  constructor(clock: Clock, onabort?: () => void) {
    this.#clock = clock;
    this.#onabort = onabort;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** What the call that has waited longest brought with it. */
  get first(): D | undefined {
    return this.#first?.detail;
  }

  /** Waits. @throws (by rejection) the signal's reason, or what reject() and rejectAll() are given */
  wait(signal: AbortSignal | undefined, detail: D): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) throw signal.reason;
      const waiter = new Waiter<T, D>(detail, resolve, reject);
      if (signal !== undefined) waiter.heed(signal, () => this.#aborted(waiter, signal.reason));
      if (this.#last === undefined) this.#first = waiter;
      else this.#last.next = waiter;
      this.#last = waiter;
      this.#clock.ref();
    });
  }

  #aborted(waiter: Waiter<T, D>, reason: unknown): void {
    this.#takeWhere((one) => one === waiter);
    waiter.reject(reason);
    this.#onabort?.();
  }

  /** Takes out those of which it holds, and hands them to `use`. */
  #takeWhere(holds: (waiter: Waiter<T, D>) => boolean, use?: (waiter: Waiter<T, D>) => void): void {
    let before: Waiter<T, D> | undefined;
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.next) {
      if (!holds(waiter)) {
        before = waiter;
        continue;
      }
      if (before === undefined) this.#first = waiter.next;
      else before.next = waiter.next;
      if (waiter.next === undefined) this.#last = before;
      this.#stop(waiter);
      use?.(waiter);
    }
  }

  #stop(waiter: Waiter<T, D>): void {
    waiter.heedNoMore();
    this.#clock.unref();
  }

  #next(): Waiter<T, D> | undefined {
    const waiter = this.#first;
    if (waiter === undefined) return undefined;
    this.#first = waiter.next;
    if (waiter.next === undefined) this.#last = undefined;
    this.#stop(waiter);
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
    while (this.#first !== undefined) this.resolve(value);
  }

  /** Settles those of which it holds. */
  resolveWhere(holds: (detail: D) => boolean, value: T): void {
    this.#takeWhere(
      (waiter) => holds(waiter.detail),
      (waiter) => waiter.resolve(value),
    );
  }

  rejectAll(reason: unknown): void {
    while (this.#first !== undefined) this.reject(reason);
  }

  /** As rejectAll(), with a reason that is made only if somebody waits: an error's stack trace costs much. */
  rejectAllBy(reason: () => Error): void {
    if (this.#first !== undefined) this.rejectAll(reason());
  }
}
