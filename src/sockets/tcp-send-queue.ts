/**
 * The sending side of a connection: its ring, and the writes that wait, in order, for room in it.
 */
import { CALL_PTR } from "../../assembly/abi/call.js";
import { E_AGAIN } from "../../assembly/abi/errno.js";
import { SEND_MORE, SEND_URGENT, SHUT_WR } from "../../assembly/abi/socket.js";
import type { SocketHost } from "./host.js";
import { Waiters } from "./waiters.js";

/** What a waiting write has left to hand over; with `fin` this direction ends behind it. */
interface Write {
  rest: Uint8Array;
  readonly urgent: boolean;
  readonly fin: boolean;
}

/** What the queue asks its connection. */
export interface Sender {
  /** Free bytes of the send ring in all. */
  room(): number;
  /** The error of a call that has failed. */
  failed(errno: number, syscall: string): Error;
  /** A write has gone by its signal: the next may go on. */
  onabort(): void;
}

const NONE = new Uint8Array(0);

export class SendQueue {
  readonly #host: SocketHost;
  readonly #handle: number;
  readonly #sender: Sender;
  readonly #writes: Waiters<void, Write>;

  constructor(host: SocketHost, handle: number, sender: Sender) {
    this.#host = host;
    this.#handle = handle;
    this.#sender = sender;
    this.#writes = new Waiters(host.clock, () => sender.onabort());
  }

  /** Are there writes that wait? */
  get isWaiting(): boolean {
    return !this.#writes.isEmpty;
  }

  /** Free bytes in one piece at CALL_PTR, none while writes wait. With 0 the stack tells when there are some. */
  room(): number {
    return this.isWaiting ? 0 : this.#window();
  }

  #window(): number {
    const room = this.#host.core.exports.tcp_send_window(this.#handle);
    if (room >= 0) return room;
    if (room === -E_AGAIN) return 0;
    throw this.#sender.failed(-room, "write");
  }

  /** Hands over what there is room for: how many bytes. */
  put(bytes: Uint8Array, urgent: boolean): number {
    return this.isWaiting ? 0 : this.#put(bytes, urgent);
  }

  #put(bytes: Uint8Array, urgent: boolean): number {
    const { core } = this.#host;
    let taken = 0;
    this.#host.tick();
    while (taken < bytes.length) {
      const room = this.#window();
      if (room === 0) break;
      // A view costs more than the rest of what is done here for a small message.
      const piece = taken === 0 && room >= bytes.length ? bytes : bytes.subarray(taken, taken + room);
      core.u8.set(piece, core.get(CALL_PTR));
      taken += piece.length;
      // Where the ring wraps, the other half follows at once.
      if (taken < bytes.length) this.commit(piece.length, this.#sender.room() > piece.length ? SEND_MORE : 0);
      else this.commit(piece.length, urgent ? SEND_URGENT : 0);
    }
    this.#host.work();
    return taken;
  }

  /** Sends the first `bytes` of the window. @param flags  SEND_… */
  commit(bytes: number, flags: number): void {
    const result = this.#host.core.exports.tcp_send(this.#handle, bytes, flags);
    if (result < 0) throw this.#sender.failed(-result, "write");
  }

  /** Waits until the ring has taken all. */
  wait(rest: Uint8Array, urgent: boolean, signal: AbortSignal | undefined): Promise<void> {
    return this.#writes.wait(signal, { rest, urgent, fin: false });
  }

  /** Ends this direction behind all that waits. */
  end(): void {
    if (!this.isWaiting) this.shutdown(SHUT_WR);
    // Told of by the connection's state.
    else this.#writes.wait(undefined, { rest: NONE, urgent: false, fin: true }).catch(() => {});
  }

  /** @param how  SHUT_… */
  shutdown(how: number): void {
    this.#host.tick();
    const result = this.#host.core.exports.sock_shutdown(this.#handle, how);
    this.#host.work();
    if (result < 0) throw this.#sender.failed(-result, "shutdown");
  }

  /** Goes on with the writes that wait, as far as there is room. */
  pump(): void {
    try {
      for (let write = this.#writes.first; write !== undefined; write = this.#writes.first) {
        write.rest = write.rest.subarray(this.#put(write.rest, write.urgent));
        if (write.rest.length > 0) return;
        if (write.fin) this.shutdown(SHUT_WR);
        this.#writes.resolve();
      }
    } catch (error) {
      this.#writes.rejectAll(error);
    }
  }

  rejectAll(reason: () => Error): void {
    this.#writes.rejectAllBy(reason);
  }
}
