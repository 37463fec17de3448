/**
 * Waits for many file descriptors at once: one poll(2) on a thread of the pool, however many there are. An event
 * descriptor ends the wait when the set changes, and when the process exits, which waits for the pool's threads.
 */
import { host, type Native, O_CLOEXEC, O_NONBLOCK, TapError } from "./tap-native.js";

const POLLIN = 1;
const POLLOUT = 4;
const POLLFD_BYTES = 8;
const ONE = Uint8Array.from(new Uint8Array(new BigUint64Array([1n]).buffer));

/** Somebody who waits for a descriptor. */
export interface Waiting {
  readonly fd: number;
  /** Waits for what there is to read. */
  readonly wantsRead: boolean;
  /** Waits until there is room to write. */
  readonly wantsWrite: boolean;
  /** Called on the program's thread; what it throws is nobody's to catch. */
  ready(canRead: boolean, canWrite: boolean): void;
}

export class Poller {
  readonly #native: Native;
  readonly #wakeFd: number;
  readonly #members = new Set<Waiting>();
  /** Called when the poll that runs now has returned. */
  readonly #afterPoll: (() => void)[] = [];
  readonly #scratch = new Uint8Array(new ArrayBuffer(8));
  #polling = false;
  #woken = false;

  /** @throws TapError */
  constructor(native: Native) {
    this.#native = native;
    this.#wakeFd = native.eventfd(0, O_CLOEXEC | O_NONBLOCK);
    if (this.#wakeFd < 0) {
      throw new TapError(native.errnoName(native.errno()), "eventfd", "no descriptor to wake the poll by");
    }
    host.process?.once("exit", () => this.#wake());
  }

  add(member: Waiting): void {
    this.#members.add(member);
    this.changed();
  }

  /** @returns settles when no poll knows the descriptor any more */
  remove(member: Waiting): Promise<void> {
    this.#members.delete(member);
    if (!this.#polling) return Promise.resolve();
    this.#wake();
    return new Promise((resolve) => this.#afterPoll.push(resolve));
  }

  /** What members want has changed. */
  changed(): void {
    if (this.#polling) this.#wake();
    else this.#poll();
  }

  #wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    this.#native.write(this.#wakeFd, ONE, ONE.length);
  }

  #poll(): void {
    if (this.#members.size === 0) return;
    const members = [...this.#members];
    const words = new Int32Array((members.length + 1) * (POLLFD_BYTES / 4));
    const halves = new Int16Array(words.buffer);
    words[0] = this.#wakeFd;
    halves[2] = POLLIN;
    for (const [i, { fd, wantsRead, wantsWrite }] of members.entries()) {
      words[(i + 1) * 2] = fd;
      halves[(i + 1) * 4 + 2] = (wantsRead ? POLLIN : 0) | (wantsWrite ? POLLOUT : 0);
    }
    this.#polling = true;
    this.#native.poll(new Uint8Array(words.buffer), members.length + 1, -1, () => {
      this.#polling = false;
      if (this.#woken) this.#native.read(this.#wakeFd, this.#scratch, this.#scratch.length);
      this.#woken = false;
      for (const act of this.#afterPoll.splice(0)) act();
      for (const [i, member] of members.entries()) this.#tell(member, halves[(i + 1) * 4 + 3] as number);
      if (!this.#polling) this.#poll();
    });
  }

  #tell(member: Waiting, events: number): void {
    if (events === 0 || !this.#members.has(member)) return;
    // An error is for read() or write() to find.
    member.ready((events & ~POLLOUT) !== 0, (events & ~POLLIN) !== 0);
  }
}
