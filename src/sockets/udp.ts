/**
 * UDP sockets (RFC 768): a plain interface for those who want speed (trySend, onmessage) and for those who want
 * promises (send, receive, for await).
 */
import { IPPROTO_UDP } from "../../assembly/abi/proto.js";
import { OPT_BROADCAST, OPT_INTERFACE, OPT_REUSE, SEND_TO } from "../../assembly/abi/socket.js";
import { ipv4 } from "../address.js";
import { check, refuseUnknown, requireObject } from "../errors.js";
import type { DatagramInfo } from "./datagram.js";
import { GroupSocket } from "./group-socket.js";
import type { SocketHost } from "./host.js";
import { adoptable, bytesOf, requirePort } from "./socket.js";

export interface UdpOptions {
  /** Local address; all addresses unless given. */
  readonly address?: string;
  /** Local port; a free one unless given. */
  readonly port?: number;
  /** Datagrams that may wait unread, 64 unless given; more are dropped and counted. */
  readonly queue?: number;
  /** May send to broadcast addresses. */
  readonly broadcast?: boolean;
  /** Shares address and port with other sockets that say so, too: each hears what is sent to a group; what is sent to this
   * host alone, the one that was bound last. */
  readonly reuseAddr?: boolean;
  /** Called with each datagram; `data` is a view into the stack's memory, valid only during the call. */
  readonly onmessage?: (data: Uint8Array, info: DatagramInfo) => void;
}

/** Where a datagram goes; the address is 127.0.0.1 unless given, as in node:dgram. */
export interface Destination {
  readonly address?: string;
  readonly port: number;
}

const OPTIONS: ReadonlySet<string> = new Set(["address", "port", "queue", "broadcast", "reuseAddr", "onmessage"]);
/** A datagram that came in, or its info, names a destination as well. */
const DESTINATION: ReadonlySet<string> = new Set([
  ...["address", "port", "family", "size", "destination", "ifindex", "ttl", "tos", "timeUs", "options", "data"],
  ...["code", "reporter", "icmpType", "icmpCode", "icmpRest"],
]);
export class UdpSocket extends GroupSocket {
  #toText = "127.0.0.1";
  #to = 0x7f000001;

  private constructor(host: SocketHost, handle?: number) {
    super(host, IPPROTO_UDP, "socket", handle);
  }

  /** A socket that the stack has already, from a snapshot. @throws StackError EBADF, EINVAL (no UDP socket), EEXIST (somebody has it) */
  static adopt(host: SocketHost, handle: number): UdpSocket {
    return new UdpSocket(host, adoptable(host, handle, IPPROTO_UDP));
  }

  /** A bound socket. @throws StackError EADDRINUSE, EADDRNOTAVAIL, ENOBUFS; RangeError, TypeError */
  static create(host: SocketHost, options: UdpOptions = {}): UdpSocket {
    refuseUnknown(options, OPTIONS);
    const port = requirePort(options.port ?? 0, 0);
    const address = ipv4(options.address ?? "0.0.0.0");
    const socket = new UdpSocket(host);
    try {
      if (options.reuseAddr !== undefined) socket.setSwitch(OPT_REUSE, options.reuseAddr);
      host.core.putPeer(address, port);
      check(host.core.exports.sock_bind(socket.handle), "bind", { address: options.address ?? "0.0.0.0", port });
      if (options.queue !== undefined) socket.setQueue(options.queue);
      if (options.broadcast !== undefined) socket.setBroadcast(options.broadcast);
      if (options.onmessage !== undefined) socket.onmessage = options.onmessage;
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }

  /**
   * Connects to a peer: only its datagrams are received, and errors about it reach the next call.
   * @throws StackError ENETUNREACH, EADDRINUSE; RangeError, TypeError
   */
  connect(to: Destination): void {
    this.open("connect");
    requireObject("to", to);
    refuseUnknown(to, DESTINATION);
    const port = requirePort(to.port, 1);
    const address = to.address ?? "127.0.0.1";
    this.host.tick();
    this.host.core.putPeer(ipv4(address), port);
    check(this.host.core.exports.sock_connect(this.handle), "connect", { address, port });
  }

  /** Dissolves the connection. @throws StackError ENOTCONN */
  disconnect(): void {
    this.open("disconnect");
    check(this.host.core.exports.sock_disconnect(this.handle), "disconnect");
  }

  /**
   * Sends now or not at all, without a promise.
   * @param data  payload; a string goes as UTF-8
   * @param to    destination, unless the socket is connected
   * @returns false if there is no room now: send() waits for it
   * @throws StackError EMSGSIZE, ENETUNREACH, EHOSTUNREACH, EACCES (broadcast), EDESTADDRREQ, ECONNREFUSED and the other
   *   pending errors of a connected socket, EBADF; RangeError, TypeError
   */
  trySend(data: Uint8Array | string, to?: Destination): boolean {
    this.open("send");
    const bytes = bytesOf(data);
    const { core } = this.host;
    const fill = (at: number) => core.u8.set(bytes, at);
    if (to === undefined) return this.push(bytes.length, fill, 0);
    requireObject("to", to);
    const address = to.address ?? "127.0.0.1";
    if (address !== this.#toText) {
      this.#to = ipv4(address);
      this.#toText = address;
    }
    core.putPeer(this.#to, requirePort(to.port, 1));
    return this.push(bytes.length, fill, SEND_TO, { address, port: to.port });
  }

  /**
   * Sends the datagram, waiting for room if need be. Settles when the stack has taken it: UDP promises no more.
   * @throws (by rejection) as trySend(); the signal's reason
   */
  async send(data: Uint8Array | string, to?: Destination, options: { signal?: AbortSignal } = {}): Promise<void> {
    options.signal?.throwIfAborted();
    while (!this.trySend(data, to)) await this.room(options.signal);
  }

  /** Allows or forbids sending to broadcast addresses (RFC 1122 §3.3.6; forbidden at first). */
  setBroadcast(on: boolean): void {
    this.setSwitch(OPT_BROADCAST, on);
  }

  /** Speaks and listens by one interface only (its ifindex); 0 = any. */
  bindToInterface(ifindex: number): void {
    this.setOption(OPT_INTERFACE, ifindex);
  }
}

/** The stack's `udp`. */
export class Udp {
  readonly #host: SocketHost;

  constructor(host: SocketHost) {
    this.#host = host;
  }

  /** A socket bound to a local address and port. @throws (by rejection) as UdpSocket.create */
  async bind(options: UdpOptions = {}): Promise<UdpSocket> {
    return UdpSocket.create(this.#host, options);
  }

  /** Takes over a socket which the stack has from a snapshot, by its handle. @throws StackError EBADF */
  adopt(handle: number): UdpSocket {
    return UdpSocket.adopt(this.#host, handle);
  }

  /** A socket connected to a peer, bound to a free port unless `options` name one. */
  async connect(to: Destination, options: UdpOptions = {}): Promise<UdpSocket> {
    const socket = UdpSocket.create(this.#host, options);
    try {
      socket.connect(to);
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }
}
