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
import { E_PIPE } from "../../assembly/abi/errno.js";
import { EVENT_CLOSED, EVENT_ERROR, EVENT_READABLE, EVENT_URGENT, EVENT_WRITABLE } from "../../assembly/abi/event.js";
import { OPT_REUSE, SEND_MORE, SHUT_RD, SHUT_RDWR, SHUT_WR } from "../../assembly/abi/socket.js";
import * as TCP from "../../assembly/abi/tcp.js";
import { ipv4 } from "../address.js";
import { soon } from "../clock/turn.js";
import { check, guarded, rangeError, refuseUnknown, requireBoolean, requireWord, StackError } from "../errors.js";
import type { SocketHost } from "./host.js";
import { bytesOf, type DatagramError, requireBytes, requirePort } from "./socket.js";
import { adoptableTcp, TCP_SETTINGS, type TcpSettings } from "./tcp-base.js";
import { FIN_ACKNOWLEDGED } from "./tcp-connection.js";
import { sendRoom } from "./tcp-info.js";
import { NONE, TcpReader } from "./tcp-reader.js";
import { SendQueue } from "./tcp-send-queue.js";
import { readableOf, writableOf } from "./tcp-streams.js";

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
const DONE = Promise.resolve();

export class TcpSocket extends TcpReader {
  /** Made when there is something to send. */
  #queue: SendQueue | undefined;
  /** This direction has ended, or will behind the writes that wait. */
  #ending = false;
  /** A write was cut short, so ondrain is due. */
  #short = false;
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
  }

  get #sending(): SendQueue {
    this.#queue ??= new SendQueue(this.host, this.handle, {
      room: () => sendRoom(this.host.core, this.tcb),
      failed: (errno, syscall) => this.fail(errno, syscall),
      onabort: () => this.#pump(),
    });
    return this.#queue;
  }

  /** A connection that a listener has accepted. @param ongone  called when it is no more */
  static accepted(host: SocketHost, handle: number, ongone: () => void): TcpSocket {
    const socket = new TcpSocket(host, handle, ongone);
    // What has come before is told when callbacks are set.
    soon(() => socket.event(EVENT_READABLE | EVENT_CLOSED));
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
    const { signal, localAddress, localPort = 0 } = options;
    const to = { address: options.address ?? "127.0.0.1", port: requirePort(options.port, 1) };
    const remote = ipv4(to.address);
    const local = localAddress === undefined ? 0 : ipv4(localAddress, "localAddress");
    requirePort(localPort, 0);
    signal?.throwIfAborted();
    const socket = new TcpSocket(host);
    try {
      const { core } = host;
      socket.configure(options);
      if (options.reuseAddr !== undefined) socket.setSwitch(OPT_REUSE, options.reuseAddr);
      if (local !== 0 || localPort !== 0) {
        core.putPeer(local, localPort);
        check(core.exports.sock_bind(socket.handle), "bind", { address: localAddress ?? "0.0.0.0", port: localPort });
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
    return room === 0 ? NONE : this.view(room);
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
  write(data: Uint8Array | string, options?: { signal?: AbortSignal }): Promise<void> {
    return this.#promise(data, false, options?.signal);
  }

  /** Writes all as write() does, and announces the last byte as urgent (RFC 9293 §3.8.5: not for new programs). */
  urgent(data: Uint8Array | string, options?: { signal?: AbortSignal }): Promise<void> {
    return this.#promise(data, true, options?.signal);
  }

  /** As an async function, without one's turns of the microtask queue. */
  #promise(data: Uint8Array | string, urgent: boolean, signal: AbortSignal | undefined): Promise<void> {
    try {
      signal?.throwIfAborted();
      return this.#write(bytesOf(data), urgent, signal) ?? DONE;
    } catch (error) {
      return Promise.reject(error);
    }
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
      this.#queue?.rejectAll(() => new StackError(E_PIPE, "write", this.remoteAddress));
    }
    if (how !== "write") this.deliver();
  }

  #mayWrite(): void {
    if (this.failure !== undefined) throw this.failure;
    if (this.#ending || this.past !== undefined) throw new StackError(E_PIPE, "write", this.remoteAddress);
    this.open("write");
  }

  /** Goes on with what waits to be written. */
  #pump(): void {
    if (this.isClosed) return;
    this.#queue?.pump();
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
    if ((bits & (EVENT_READABLE | EVENT_ERROR | EVENT_CLOSED)) !== 0) this.deliver();
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

  protected override settle(reason: () => Error): void {
    super.settle(reason);
    this.#queue?.rejectAll(reason);
  }

  protected override recall(): void {
    super.recall();
    this.#ending = this.tcb !== 0 && (this.word(TCP.TCB_FLAGS) & TCP.TCB_F_FIN_QUEUED) !== 0;
    this.#short = false;
  }
}
