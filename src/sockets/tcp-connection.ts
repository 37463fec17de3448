/**
 * A connection's life, whatever is read and written: how it is now, how it ended and why, and who is told.
 */
import { E_AGAIN, E_BADF, E_INVAL, E_NOTCONN, E_PIPE } from "../../assembly/abi/errno.js";
import * as TCP from "../../assembly/abi/tcp.js";
import { soon } from "../clock/turn.js";
import { guarded, StackError } from "../errors.js";
import type { SocketHost } from "./host.js";
import { type Endpoint, requireCallback } from "./socket.js";
import { TcpBase } from "./tcp-base.js";
import type { TcpInfo } from "./tcp-info.js";
import { Waiters } from "./waiters.js";

/** States in which nothing comes or goes any more. */
const OVER: ReadonlySet<number> = new Set([TCP.TCP_CLOSED, TCP.TCP_TIME_WAIT]);
/** Our FIN is acknowledged. */
export const FIN_ACKNOWLEDGED: ReadonlySet<number> = new Set([...OVER, TCP.TCP_FIN_WAIT_2]);
/** Errors of a call at a wrong time, which say nothing of the connection. */
const CALLS_FAULT: ReadonlySet<number> = new Set([E_PIPE, E_NOTCONN, E_BADF, E_INVAL]);

/** What stays known of a connection whose handle has been given back. */
interface Past {
  readonly info: TcpInfo;
  readonly local: Endpoint;
  readonly remote: Endpoint | undefined;
}

export abstract class TcpConnection extends TcpBase {
  /** What has ended the connection. */
  protected failure: Error | undefined;
  /** The connection is over. */
  protected isOver = false;
  /** Set when the handle was given back because all was over and read. */
  protected past: Past | undefined;
  /** What errors name as the call that has failed. */
  protected syscall: "connect" | "read" = "read";
  /** Calls that wait for what their predicate says of the connection. */
  readonly #milestones: Waiters<void, () => boolean>;
  readonly #closing: Waiters<void>;
  #closed: Promise<void> | undefined;
  /** The connection is over, or closed here. */
  #finished = false;
  #ongone: (() => void) | undefined;
  #onclose: ((error?: Error) => void) | undefined;

  /** @param ongone  called when the handle has been given back */
  protected constructor(host: SocketHost, handle?: number, ongone?: () => void) {
    super(host, handle);
    this.#milestones = new Waiters(host.clock);
    this.#closing = new Waiters(host.clock);
    this.#ongone = ongone;
  }

  /** What the stack knows of the connection; as it was at the end once it is over. @throws StackError EBADF when closed */
  override info(): TcpInfo {
    return this.past?.info ?? super.info();
  }

  override get address(): Endpoint {
    return this.past?.local ?? super.address;
  }

  override get remoteAddress(): Endpoint | undefined {
    return this.past !== undefined ? this.past.remote : super.remoteAddress;
  }

  protected override setOption(option: number, value: number): void {
    // A connection may end at any time: telling it something then is no mistake.
    if (this.past === undefined) super.setOption(option, value);
  }

  /**
   * Called once when the connection is over, or closed here, be it before this is set; with what went wrong, if anything
   * did. There may be something left to read.
   */
  get onclose(): ((error?: Error) => void) | undefined {
    return this.#onclose;
  }

  set onclose(callback: ((error?: Error) => void) | undefined) {
    this.#onclose = requireCallback("onclose", callback);
    if (callback !== undefined && this.#finished) soon(() => this.#tellClosed());
  }

  #tellClosed(): void {
    const callback = this.#onclose;
    this.#onclose = undefined;
    if (callback !== undefined) guarded(() => callback(this.failure));
  }

  /** Settles when the connection is over, or closed here. @throws (by rejection) what has ended it: ECONNRESET … */
  get closed(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = this.#untilClosed();
      // Who does not listen misses nothing.
      this.#closed.catch(() => {});
    }
    return this.#closed;
  }

  async #untilClosed(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    if (!this.isOver && !this.isClosed) await this.#closing.wait(undefined, undefined);
  }

  /** Waits until the predicate holds, which is asked with each event. */
  protected until(holds: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    return this.#milestones.wait(signal, holds);
  }

  /** After each event: whoever waits for what the connection is now, or for its end, is told. */
  protected conclude(): void {
    if (this.isLeft) return;
    if (this.isOver) this.#finish();
    else if (!this.#milestones.isEmpty) this.#milestones.resolveWhere((holds) => holds(), undefined);
  }

  /** Whether the connection is over, and why. */
  protected learn(): void {
    const room = this.host.core.exports.tcp_send_window(this.handle);
    if (room < 0 && room !== -E_AGAIN) this.fail(-room, this.syscall);
    this.isOver = OVER.has(this.stateNumber);
  }

  /** The error which ends the connection; the first is the one that is told. */
  protected fail(errno: number, syscall: string): Error {
    const error = new StackError(errno, syscall, this.remoteAddress);
    if (CALLS_FAULT.has(errno)) return error;
    this.failure ??= error;
    return this.failure;
  }

  /** The connection is over: whoever waits for anything is told. */
  #finish(): void {
    if (this.failure === undefined) {
      this.#milestones.resolveAll();
      this.#closing.resolveAll();
    }
    this.settle(() => this.failure ?? new StackError(E_PIPE, "write", this.remoteAddress));
    this.#farewell();
  }

  #farewell(): void {
    this.#finished = true;
    this.#tellClosed();
  }

  /** Over, and all is read: the handle goes back, what was known stays. */
  protected release(): void {
    this.past = { info: this.info(), local: this.address, remote: this.remoteAddress };
    this.letGo("sock_close");
    this.#tellGone();
  }

  #tellGone(): void {
    this.#ongone?.();
    this.#ongone = undefined;
  }

  /** close() or abort() was called. */
  protected get isLeft(): boolean {
    return this.isClosed && this.past === undefined;
  }

  /**
   * Closes the socket: the handle is gone at once, what was written and taken is still sent, and the peer told. If
   * something is unread, the peer is reset instead (RFC 9293 §3.6, RFC 2525 §2.17). Waiting calls reject with EBADF, but
   * for `closed`.
   */
  override close(): void {
    this.#leave("sock_close");
  }

  /** Closes the socket and resets the peer; what is under way is gone. */
  abort(): void {
    this.#leave("sock_abort");
  }

  #leave(by: "sock_close" | "sock_abort"): void {
    if (this.isClosed) return;
    this.host.tick();
    this.letGo(by);
    this.#closing.resolveAll();
    this.settle(() => new StackError(E_BADF, "close"));
    this.#tellGone();
    this.#farewell();
  }

  protected override settle(reason: () => Error): void {
    this.#milestones.rejectAllBy(reason);
    this.#closing.rejectAllBy(reason);
  }

  override abandon(reason: Error, forGood: boolean): void {
    super.abandon(reason, forGood);
    this.#closed = undefined;
    this.failure = forGood ? reason : undefined;
    this.recall();
    if (!forGood) return;
    this.#tellGone();
    this.#farewell();
  }

  /** What the memory says, of which this object knew something else or nothing. */
  protected recall(): void {
    this.isOver = OVER.has(this.stateNumber);
    this.#finished = false;
  }
}
