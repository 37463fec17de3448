/**
 * A TCP connection: a byte stream each way. Three faces to the same rings, to be mixed as one likes:
 *
 * - plain: `ondata`, `onend`, `ondrain`, `onclose`, `tryWrite()`: nothing waits, nothing is allocated for a byte;
 * - without a copy: `receiveWindow()` and `consume()`, `sendWindow()` and `commit()`: views of the rings themselves;
 * - promises: `read()`, `write()`, `end()`, `closed`, `for await`; and the streams of the web, `readable` and `writable`.
 *
 * Every promise settles: by what it waits for, by its signal, by the connection's end, by close() or abort(), or when the
 * stack goes. When the connection is over and all that came has been read, the socket gives its handle back by itself;
 * before, close() or abort() does.
 */
import { CALL_PTR } from "../../assembly/abi/call.js";
import { E_AGAIN, E_PIPE } from "../../assembly/abi/errno.js";
import { EVENT_CLOSED, EVENT_ERROR, EVENT_READABLE, EVENT_URGENT, EVENT_WRITABLE } from "../../assembly/abi/event.js";
import { OPT_REUSE, SEND_MORE, SHUT_RD, SHUT_RDWR, SHUT_WR } from "../../assembly/abi/socket.js";
import * as TCP from "../../assembly/abi/tcp.js";
import { ipv4 } from "../address.js";
import {
  check,
  guarded,
  rangeError,
  refuseUnknown,
  requireBoolean,
  requireInteger,
  requireWord,
  StackError,
} from "../errors.js";
import type { SocketHost } from "./host.js";
import { bytesOf, type DatagramError, requireBytes, requireCallback, requirePort } from "./socket.js";
import { adoptableTcp, TCP_SETTINGS, type TcpSettings } from "./tcp-base.js";
import { FIN_ACKNOWLEDGED, TcpConnection } from "./tcp-connection.js";
import { sendRoom } from "./tcp-info.js";
import { SendQueue } from "./tcp-send-queue.js";
import { readableOf, writableOf } from "./tcp-streams.js";
import { Waiters } from "./waiters.js";

export interface TcpConnectOptions extends TcpSettings {
  /** The peer's; its address is 127.0.0.1 unless given, as in node:net. */
  readonly port: number;
  readonly address?: string;
  /** Own address and port; as the route has it and a free one unless given. */
  readonly localAddress?: string;
  readonly localPort?: number;
  /** May use a local port that others who say so use, too. */
  readonly reuseAddr?: boolean;
  /** Gives up, with its reason. */
  readonly signal?: AbortSignal;
}

/** Which direction ends: what comes, what goes, or both. */
export type Shutdown = "read" | "write" | "both";

const CONNECT: ReadonlySet<string> = new Set([
  ...TCP_SETTINGS,
  ...["port", "address", "localAddress", "localPort", "reuseAddr", "signal"],
]);
const SHUTDOWNS: Readonly<Record<Shutdown, number>> = { read: SHUT_RD, write: SHUT_WR, both: SHUT_RDWR };
const NONE = new Uint8Array(0);
/** What #look() says at the end of the stream. */
const END = -1;

export class TcpSocket extends TcpConnection {
  readonly #readers: Waiters<Uint8Array | null, number>;
  readonly #sending: SendQueue;
  /** The peer's last byte has been read. */
  #ended = false;
  /** This direction has ended, or will behind the writes that wait. */
  #ending = false;
  /** A write was cut short, so ondrain is due. */
  #short = false;
  #ondata: ((data: Uint8Array) => void) | undefined;
  #onend: (() => void) | undefined;
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array | string> | undefined;

  /** Called once when tryWrite() or sendWindow() came short and there is room again. */
  ondrain: (() => void) | undefined;
  /** Called when the peer announces urgent data: it is the last of the next `bytes` to be read. */
  onurgent: ((bytes: number) => void) | undefined;

  /** Called with each ICMP error about what was sent that does not end the connection (RFC 9293 MUST-47); without it they
   * wait for nextError(). */
  onsofterror: ((error: DatagramError) => void) | undefined;

  private constructor(host: SocketHost, handle?: number, ongone?: () => void) {
    super(host, handle, ongone);
    this.#readers = new Waiters(host.clock);
    this.#sending = new SendQueue(host, this.handle, {
      room: () => sendRoom(host.core, this.tcb),
      failed: (errno, syscall) => this.fail(errno, syscall),
      onabort: () => this.#pump(),
    });
  }

  /** A connection that a listener has accepted. @param ongone  called when it is no more */
  static accepted(host: SocketHost, handle: number, ongone: () => void): TcpSocket {
    const socket = new TcpSocket(host, handle, ongone);
    // What has come before is told when callbacks are set.
    queueMicrotask(() => socket.event(EVENT_READABLE | EVENT_CLOSED));
    return socket;
  }

  /** A socket that the stack has already, from a snapshot. @throws StackError EBADF, EINVAL (no TCP socket), EEXIST (somebody has it) */
  static adopt(host: SocketHost, handle: number): TcpSocket {
    const socket = new TcpSocket(host, adoptableTcp(host, handle, false));
    socket.recall();
    return socket;
  }

  /**
   * Connects to a peer.
   * @throws (by rejection) StackError ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EADDRINUSE, EADDRNOTAVAIL,
   *   ENOBUFS, EBADF; RangeError, TypeError; the signal's reason
   */
  static async connect(host: SocketHost, options: TcpConnectOptions): Promise<TcpSocket> {
    refuseUnknown(options, CONNECT);
    const { signal, localAddress = "0.0.0.0", localPort = 0 } = options;
    const to = { address: options.address ?? "127.0.0.1", port: requirePort(options.port, 1) };
    const remote = ipv4(to.address);
    const local = ipv4(localAddress, "localAddress");
    requirePort(localPort, 0);
    signal?.throwIfAborted();
    const socket = new TcpSocket(host);
    try {
      const { core } = host;
      socket.configure(options);
      if (options.reuseAddr !== undefined) socket.setSwitch(OPT_REUSE, options.reuseAddr);
      if (local !== 0 || localPort !== 0) {
        core.putPeer(local, localPort);
        check(core.exports.sock_bind(socket.handle), "bind", { address: localAddress, port: localPort });
      }
      host.tick();
      core.putPeer(remote, to.port);
      check(core.exports.sock_connect(socket.handle), "connect", to);
      host.work();
      socket.syscall = "connect";
      await socket.until(() => socket.stateNumber >= TCP.TCP_ESTABLISHED, signal);
      socket.syscall = "read";
      return socket;
    } catch (error) {
      socket.abort();
      throw error;
    }
  }

  // Reading

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
    if (callback !== undefined) queueMicrotask(() => this.#deliver());
  }

  /** Called once when the peer sends no more and all has been read, be it before this is set. */
  get onend(): (() => void) | undefined {
    return this.#onend;
  }

  set onend(callback: (() => void) | undefined) {
    this.#onend = requireCallback("onend", callback);
    if (callback !== undefined && this.#ended) queueMicrotask(() => this.#tellEnd());
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
    return length === 0 ? NONE : this.#view(length);
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
  async read({ signal, max = Infinity }: { signal?: AbortSignal; max?: number } = {}): Promise<Uint8Array | null> {
    if (max !== Infinity) requireInteger("max", max, 1, Number.MAX_SAFE_INTEGER);
    signal?.throwIfAborted();
    if (this.#readers.size === 0) {
      const ready = this.#take(max);
      if (ready !== undefined) return ready;
    }
    return this.#readers.wait(signal, max);
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
    const chunk = this.#view(Math.min(length, max)).slice();
    this.consume(chunk.length);
    return chunk;
  }

  #view(length: number): Uint8Array {
    const at = this.host.core.get(CALL_PTR);
    return this.host.core.u8.subarray(at, at + length);
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
  #deliver(): void {
    if (this.isLeft) return;
    try {
      this.#callBack();
      while (this.#readers.size > 0 && !this.isLeft) {
        const chunk = this.#take(this.#readers.first as number);
        if (chunk === undefined) return;
        this.#readers.resolve(chunk);
      }
      if (!this.isLeft) this.#look();
    } catch (error) {
      this.#readers.rejectAll(error);
    }
  }

  #callBack(): void {
    const callback = this.#ondata;
    while (callback !== undefined && this.#ondata === callback && !this.isClosed) {
      const length = this.#look();
      if (length <= 0) return;
      const view = this.#view(length);
      // Given back before: nothing is written there until the next poll, and the callback may read on or close.
      this.#consume(length);
      guarded(() => callback(view));
    }
  }

  // Writing

  /**
   * Hands over what there is room for, without a promise.
   * @returns bytes taken: with fewer than all, ondrain is called when there is room again. 0 while write() waits
   * @throws StackError EPIPE after end(), ECONNRESET, ETIMEDOUT …, EBADF; TypeError
   */
  tryWrite(data: Uint8Array): number {
    requireBytes(data);
    this.#mayWrite();
    const taken = this.#sending.put(data, false);
    if (taken < data.length) this.#short = true;
    return taken;
  }

  /**
   * A view of the free bytes of the send ring, or of the first of them where it wraps: what is written there and
   * committed is sent without a copy. Empty when there is no room, or write() waits: ondrain is called when there is
   * again. It is valid until the next call of a writing kind, close() or abort().
   * @throws as tryWrite()
   */
  sendWindow(): Uint8Array {
    this.#mayWrite();
    const room = this.#sending.room();
    if (room === 0) this.#short = true;
    return room === 0 ? NONE : this.#view(room);
  }

  /**
   * Sends the first `bytes` of the window.
   * @param options.more  more follows at once: what is less than a segment may wait for it
   * @throws RangeError, StackError EINVAL (more than the window has), and as tryWrite()
   */
  commit(bytes: number, { more = false }: { more?: boolean } = {}): void {
    requireWord("bytes", bytes);
    requireBoolean("more", more);
    this.#mayWrite();
    this.host.tick();
    this.#sending.commit(bytes, more ? SEND_MORE : 0);
    this.host.work();
  }

  /**
   * Writes all, in the order of the calls, waiting for room if need be. Settles when the send ring has taken the last
   * byte: end() settles when the peer has all.
   * @param data  a string goes as UTF-8; the bytes must stay as they are until then
   * @throws (by rejection) as tryWrite(); the signal's reason: a part may have gone then
   */
  async write(data: Uint8Array | string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#write(bytesOf(data), false, signal);
  }

  /** Writes all as write() does, and announces the last byte as urgent (RFC 9293 §3.8.5: not for new programs). */
  async urgent(data: Uint8Array | string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    await this.#write(bytesOf(data), true, signal);
  }

  /** Undefined when the ring has taken all. */
  #write(bytes: Uint8Array, urgent: boolean, signal: AbortSignal | undefined): Promise<void> | undefined {
    this.#mayWrite();
    const taken = this.#sending.put(bytes, urgent);
    if (taken === bytes.length && !this.#sending.isWaiting) return undefined;
    return this.#sending.wait(bytes.subarray(taken), urgent, signal);
  }

  /**
   * Writes `data`, if any, then ends this direction (FIN); the other goes on. Settles when the peer has acknowledged all.
   * @throws (by rejection) as write(). With the signal's reason only the waiting ends
   */
  async end(data?: Uint8Array | string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    // FIN follows at once, in the order of the calls: what happens to the data happens to it.
    if (data !== undefined) this.#write(bytesOf(data), false, undefined)?.catch(() => {});
    if (this.failure !== undefined) throw this.failure;
    if (this.isOver) return;
    this.open("shutdown");
    if (!this.#ending) {
      this.#sending.end();
      this.#ending = true;
    }
    const isAcknowledged = () => FIN_ACKNOWLEDGED.has(this.stateNumber);
    if (!isAcknowledged()) await this.until(isAcknowledged, signal);
  }

  /**
   * Ends a direction, or both. What waits in write() and is not taken yet is not sent (EPIPE): end() waits for it.
   * @throws StackError ENOTCONN, EBADF; RangeError
   */
  shutdown(how: Shutdown): void {
    if (!Object.hasOwn(SHUTDOWNS, how)) throw rangeError(`how: ${how} is none of ${Object.keys(SHUTDOWNS).join(", ")}`);
    if (this.isOver) return;
    this.open("shutdown");
    this.#sending.shutdown(SHUTDOWNS[how]);
    if (how !== "read") {
      this.#ending = true;
      this.#sending.rejectAll(new StackError(E_PIPE, "write", this.remoteAddress));
    }
    if (how !== "write") this.#deliver();
  }

  #mayWrite(): void {
    if (this.failure !== undefined) throw this.failure;
    if (this.#ending || this.past !== undefined) throw new StackError(E_PIPE, "write", this.remoteAddress);
    this.open("write");
  }

  /** Goes on with what waits to be written. */
  #pump(): void {
    if (this.isClosed) return;
    this.#sending.pump();
    if (!this.#short || this.#ending || this.failure !== undefined) return;
    this.#short = false;
    guarded(() => this.ondrain?.());
  }

  // The web's streams

  /** What comes, as a stream; one only. Cancelling it ends reading. */
  get readable(): ReadableStream<Uint8Array> {
    this.#readable ??= readableOf(this);
    return this.#readable;
  }

  /** What goes, as a stream; one only. Closing it is end(), aborting it abort(). */
  get writable(): WritableStream<Uint8Array | string> {
    this.#writable ??= writableOf(this);
    return this.#writable;
  }

  // What happens to it

  override event(bits: number): void {
    if (this.isClosed) return;
    if ((bits & EVENT_URGENT) !== 0) this.#announce();
    if ((bits & EVENT_ERROR) !== 0) this.#softErrors();
    if ((bits & (EVENT_ERROR | EVENT_CLOSED)) !== 0 && !this.isClosed) this.learn();
    if ((bits & (EVENT_READABLE | EVENT_ERROR | EVENT_CLOSED)) !== 0) this.#deliver();
    if ((bits & (EVENT_WRITABLE | EVENT_ERROR | EVENT_CLOSED)) !== 0) this.#pump();
    this.conclude();
  }

  #softErrors(): void {
    while (this.onsofterror !== undefined && !this.isClosed) {
      const error = this.nextError();
      if (error === undefined) return;
      guarded(() => this.onsofterror?.(error));
    }
  }

  #announce(): void {
    const bytes = (this.word(TCP.TCB_RCV_UP) - this.word(TCP.TCB_RCV_READ)) | 0;
    if (bytes > 0) guarded(() => this.onurgent?.(bytes));
  }

  /** As `end()`, then close(). */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.isClosed) await this.end();
    } finally {
      this.close();
    }
  }

  protected override settle(reason: Error): void {
    super.settle(reason);
    this.#readers.rejectAll(reason);
    this.#sending.rejectAll(reason);
  }

  protected override recall(): void {
    super.recall();
    this.#ending = this.tcb !== 0 && (this.word(TCP.TCB_FLAGS) & TCP.TCB_F_FIN_QUEUED) !== 0;
    this.#ended = false;
    this.#short = false;
  }
}
