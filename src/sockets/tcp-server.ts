/**
 * A TCP listener: it waits for peers, and hands their connections to a callback or to whoever asks.
 */
import { E_AGAIN, E_CONNABORTED } from "../../assembly/abi/errno.js";
import { EVENT_READABLE } from "../../assembly/abi/event.js";
import { OPT_REUSE } from "../../assembly/abi/socket.js";
import { TCB_ACCEPTABLE } from "../../assembly/abi/tcp.js";
import { ipv4 } from "../address.js";
import { check, guarded, refuseUnknown, requireInteger, StackError } from "../errors.js";
import type { SocketHost } from "./host.js";
import { requireCallback, requirePort } from "./socket.js";
import { adoptableTcp, TCP_SETTINGS, TcpBase, type TcpSettings } from "./tcp-base.js";
import { TcpSocket } from "./tcp-socket.js";
import { Waiters } from "./waiters.js";

export interface TcpListenOptions extends TcpSettings {
  /** Local port; a free one unless given. */
  readonly port?: number;
  /** Local address; all addresses unless given. */
  readonly address?: string;
  /** Connections that may wait to be accepted, 128 unless given; further peers try again. */
  readonly backlog?: number;
  /** May listen though connections of an earlier listener still have the port. On unless `false` is given, as in node:net. */
  readonly reuseAddr?: boolean;
  /** Called with each connection. */
  readonly onconnection?: (socket: TcpSocket) => void;
}

const OPTIONS: ReadonlySet<string> = new Set([
  ...TCP_SETTINGS,
  ...["port", "address", "backlog", "reuseAddr", "onconnection"],
]);
const BACKLOG = 128;
const BACKLOG_MOST = 0xffff;

export class TcpServer extends TcpBase {
  readonly #waiting: Waiters<TcpSocket>;
  #onconnection: ((socket: TcpSocket) => void) | undefined;
  #connections = 0;

  private constructor(host: SocketHost, handle?: number) {
    super(host, handle);
    this.#waiting = new Waiters(host.clock);
  }

  /** A listener that the stack has already, from a snapshot. @throws StackError EBADF, EINVAL (no listener), EEXIST (somebody has it) */
  static adopt(host: SocketHost, handle: number): TcpServer {
    return new TcpServer(host, adoptableTcp(host, handle, true));
  }

  /** @throws StackError EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, EBADF; RangeError, TypeError */
  static listen(host: SocketHost, options: TcpListenOptions = {}): TcpServer {
    refuseUnknown(options, OPTIONS);
    const port = requirePort(options.port ?? 0, 0);
    const address = options.address ?? "0.0.0.0";
    const local = ipv4(address);
    const server = new TcpServer(host);
    try {
      server.configure(options);
      server.setSwitch(OPT_REUSE, options.reuseAddr ?? true);
      host.core.putPeer(local, port);
      check(host.core.exports.sock_bind(server.handle), "bind", { address, port });
      server.setBacklog(options.backlog ?? BACKLOG);
      if (options.onconnection !== undefined) server.onconnection = options.onconnection;
    } catch (error) {
      server.close();
      throw error;
    }
    return server;
  }

  get closed(): boolean {
    return this.isClosed;
  }

  /** Connections accepted here that have not been closed yet. */
  get connections(): number {
    return this.#connections;
  }

  /** Connections that wait to be accepted. */
  get waiting(): number {
    this.open("getsockopt");
    return this.word(TCB_ACCEPTABLE);
  }

  /** Connections that may wait to be accepted. @throws RangeError */
  setBacklog(connections: number): void {
    this.open("listen");
    requireInteger("backlog", connections, 1, BACKLOG_MOST);
    this.host.tick();
    check(this.host.core.exports.sock_listen(this.handle, connections), "listen", this.address);
  }

  /**
   * Called with each connection while set; they are then no longer there for accept(). What it throws is uncaught; the
   * connection stays. It does not keep the process alive; `clock.ref()` does.
   * @throws TypeError for what is neither a function nor undefined
   */
  get onconnection(): ((socket: TcpSocket) => void) | undefined {
    return this.#onconnection;
  }

  set onconnection(callback: ((socket: TcpSocket) => void) | undefined) {
    this.#onconnection = requireCallback("onconnection", callback);
    if (callback !== undefined && !this.isClosed) this.#deliver();
  }

  /** A connection that waits; undefined if there is none. @throws StackError ENOBUFS, EBADF */
  tryAccept(): TcpSocket | undefined {
    for (;;) {
      this.open("accept");
      const handle = this.host.core.exports.sock_accept(this.handle);
      if (handle === -E_AGAIN) return undefined;
      // The peer has thought better of it.
      if (handle === -E_CONNABORTED) continue;
      check(handle, "accept", this.address);
      this.#connections++;
      return TcpSocket.accepted(this.host, handle, () => this.#connections--);
    }
  }

  /** The next connection. @throws (by rejection) EBADF when closed; the signal's reason */
  async accept({ signal }: { signal?: AbortSignal } = {}): Promise<TcpSocket> {
    signal?.throwIfAborted();
    this.open("accept");
    const ready = this.#waiting.isEmpty ? this.tryAccept() : undefined;
    return ready ?? this.#waiting.wait(signal, undefined);
  }

  /** Connections, until the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TcpSocket, void, undefined> {
    while (!this.isClosed) {
      try {
        yield await this.accept();
      } catch (error) {
        if (this.isClosed && error instanceof StackError) return;
        throw error;
      }
    }
  }

  override event(bits: number): void {
    if ((bits & EVENT_READABLE) !== 0) this.#deliver();
  }

  #deliver(): void {
    while (!this.isClosed && (this.#onconnection !== undefined || !this.#waiting.isEmpty)) {
      let socket: TcpSocket | undefined;
      try {
        socket = this.tryAccept();
      } catch (error) {
        this.#waiting.rejectAll(error);
        return;
      }
      if (socket === undefined) return;
      const accepted = socket;
      if (this.#onconnection !== undefined) guarded(() => this.#onconnection?.(accepted));
      else this.#waiting.resolve(accepted);
    }
  }

  protected override settle(reason: () => Error): void {
    this.#waiting.rejectAllBy(reason);
  }
}
