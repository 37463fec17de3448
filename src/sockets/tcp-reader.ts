/**
 * The receiving side of a connection: callbacks, windows and promises over the receive ring.
 */
import { CALL_PTR } from "../../assembly/abi/call.js";
import { E_AGAIN } from "../../assembly/abi/errno.js";
import { soon } from "../clock/turn.js";
import { check, guarded, requireInteger, requireWord, uncaught } from "../errors.js";
import type { SocketHost } from "./host.js";
import { requireCallback } from "./socket.js";
import { TcpConnection } from "./tcp-connection.js";
import { Waiters } from "./waiters.js";

/** A window without bytes. */
export const NONE = new Uint8Array(0);
const ANY: { signal?: AbortSignal; max?: number } = {};
/** What #look() says at the end of the stream. */
const END = -1;

export abstract class TcpReader extends TcpConnection {
  readonly #readers: Waiters<Uint8Array | null, number>;
  /** The peer's last byte has been read. */
  #ended = false;
  #ondata: ((data: Uint8Array) => void) | undefined;
  #onend: (() => void) | undefined;

  protected constructor(host: SocketHost, handle?: number, ongone?: () => void) {
    super(host, handle, ongone);
    this.#readers = new Waiters(host.clock);
  }

  /**
   * Called with what has come while set. `data` is a view into the receive ring, valid only during the call: copy what is
   * needed later. While it is undefined nothing is read, and the peer stops when the ring is full. It does not keep the
   * process alive; `clock.ref()` does.
   * @throws TypeError for what is neither a function nor undefined
   */
  get ondata(): ((data: Uint8Array) => void) | undefined {
    return this.#ondata;
  }

  set ondata(callback: ((data: Uint8Array) => void) | undefined) {
    this.#ondata = requireCallback("ondata", callback);
    // What is there already comes when the program has set its other callbacks, too.
    if (callback !== undefined) soon(() => this.deliver());
  }

  /** Called once when the peer sends no more and all has been read, be it before this is set. */
  get onend(): (() => void) | undefined {
    return this.#onend;
  }

  set onend(callback: (() => void) | undefined) {
    this.#onend = requireCallback("onend", callback);
    if (callback !== undefined && this.#ended) soon(() => this.#tellEnd());
  }

  #tellEnd(): void {
    const callback = this.#onend;
    this.#onend = undefined;
    if (callback !== undefined) guarded(callback);
  }

  /**
   * A view of the bytes that can be read now, or of the first of them where the ring wraps: empty when there are none, null
   * at the end of the stream. It is valid until the next consume(), read(), close() or abort().
   * @throws StackError ECONNRESET, ETIMEDOUT …, once what came before is read; EBADF
   */
  receiveWindow(): Uint8Array | null {
    const length = this.#look();
    if (length === END) return null;
    return length === 0 ? NONE : this.view(length);
  }

  /** Gives the first `bytes` of the window back: they have been read. @throws RangeError, StackError EINVAL, EBADF */
  consume(bytes: number): void {
    requireWord("bytes", bytes);
    if (this.past !== undefined && bytes === 0) return;
    this.#consume(bytes);
    if (this.isOver) this.#peek();
  }

  #consume(bytes: number): void {
    this.open("read");
    this.host.tick();
    check(this.host.core.exports.tcp_receive(this.handle, bytes), "read");
    this.host.work();
  }

  /**
   * The bytes that have come, a copy of them; waits for the first.
   * @param options.max  at most so many, 1 or more; unless given all that are there in one piece
   * @returns null at the end of the stream
   * @throws (by rejection) StackError ECONNRESET, ETIMEDOUT …, once what came before is read; EBADF when closed; the
   *   signal's reason; RangeError
   */
  read(options?: { signal?: AbortSignal; max?: number }): Promise<Uint8Array | null> {
    // No async function: a promise that it returns takes three turns of the microtask queue to be its own.
    try {
      const { signal, max = Infinity } = options ?? ANY;
      if (max !== Infinity) requireInteger("max", max, 1, Number.MAX_SAFE_INTEGER);
      signal?.throwIfAborted();
      const ready = this.#readers.isEmpty ? this.#take(max) : undefined;
      return ready === undefined ? this.#readers.wait(signal, max) : Promise.resolve(ready);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What comes, until its end. The socket stays open. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = await this.read();
      if (chunk === null) return;
      yield chunk;
    }
  }

  /** A copy of what is there, null at the end, undefined when nothing is there now. */
  #take(max: number): Uint8Array | null | undefined {
    const length = this.#look();
    if (length <= 0) return length === END ? null : undefined;
    const at = this.host.core.get(CALL_PTR);
    const chunk = this.host.core.u8.slice(at, at + Math.min(length, max));
    this.#consume(chunk.length);
    if (this.isOver) this.#peek();
    return chunk;
  }

  /** The bytes at CALL_PTR. */
  protected view(length: number): Uint8Array {
    const at = this.host.core.get(CALL_PTR);
    return this.host.core.view(at, length);
  }

  /** How much can be read at CALL_PTR; END when that was all, now and for ever. @throws what has ended the connection */
  #look(): number {
    if (this.past === undefined) {
      if (this.failure === undefined) this.open("read");
      const length = this.host.core.exports.tcp_receive_window(this.handle);
      if (length > 0) return length;
      if (length === -E_AGAIN && this.failure === undefined && !this.isOver) return 0;
      if (length < 0 && length !== -E_AGAIN) {
        const error = this.fail(-length, "read");
        if (!this.isOver) throw error;
      }
      if (this.isOver) this.release();
    }
    if (this.failure !== undefined) throw this.failure;
    this.#ended = true;
    this.#tellEnd();
    return END;
  }

  /** Finds out about the end of the stream, if it has come. */
  #peek(): void {
    try {
      this.#look();
    } catch {
      // Whoever reads is told.
    }
  }

  /** Hands what has come to whoever waits for it. */
  protected deliver(): void {
    if (this.isLeft) return;
    try {
      const known = this.#callBack();
      while (!this.#readers.isEmpty && !this.isLeft) {
        const chunk = this.#take(this.#readers.first as number);
        if (chunk === undefined) return;
        this.#readers.resolve(chunk);
      }
      if (!known && !this.isLeft) this.#look();
    } catch (error) {
      this.#readers.rejectAll(error);
    }
  }

  /** True when it has found out that there is nothing more to read now. */
  #callBack(): boolean {
    const callback = this.#ondata;
    while (callback !== undefined && this.#ondata === callback && !this.isClosed) {
      const length = this.#look();
      if (length <= 0) return true;
      const view = this.view(length);
      // Given back before: nothing is written there until the next poll, and the callback may read on or close.
      this.#consume(length);
      try {
        callback(view);
      } catch (thrown) {
        uncaught(thrown);
      }
    }
    return false;
  }

  protected override settle(reason: () => Error): void {
    super.settle(reason);
    this.#readers.rejectAllBy(reason);
  }

  protected override recall(): void {
    super.recall();
    this.#ended = false;
  }
}
