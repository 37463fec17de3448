/**
 * Raw sockets: IP datagrams of one protocol, as they are. What is received begins with the IP header (after reassembly);
 * what is sent gets one from the stack, unless the socket says `headerIncluded`.
 */
import { OPT_BROADCAST, OPT_HEADER_INCLUDED, OPT_INTERFACE, SEND_TO, SOCK_RAW } from "../../assembly/abi/socket.js";
import { ipv4 } from "../address.js";
import { check, refuseUnknown, requireInteger } from "../errors.js";
import type { DatagramInfo } from "./datagram.js";
import { GroupSocket } from "./group-socket.js";
import type { SocketHost } from "./host.js";
import { requireBytes } from "./socket.js";

export interface RawOptions {
  /** Number of the IP protocol, 1 to 255. */
  readonly protocol: number;
  /** Own address to speak from and to hear; all addresses unless given. */
  readonly address?: string;
  /** Speaks and listens by this interface only (its ifindex). */
  readonly ifindex?: number;
  /** What is sent begins with the IP header (as Linux's IP_HDRINCL). */
  readonly headerIncluded?: boolean;
  readonly ttl?: number;
  readonly tos?: number;
  /** As setDontFragment(); path MTU discovery is "want" unless given. */
  readonly dontFragment?: boolean;
  /** May send to broadcast addresses. */
  readonly broadcast?: boolean;
  /** Datagrams that may wait unread, 64 unless given. */
  readonly queue?: number;
  /** Called with each datagram; `data` is a view into the stack's memory, valid only during the call. */
  readonly onmessage?: (data: Uint8Array, info: DatagramInfo) => void;
}

const OPTIONS: ReadonlySet<string> = new Set([
  "protocol",
  "address",
  "ifindex",
  "headerIncluded",
  "ttl",
  "tos",
  "dontFragment",
  "broadcast",
  "queue",
  "onmessage",
]);

export class RawSocket extends GroupSocket {
  /** @throws StackError EADDRNOTAVAIL, EINVAL, ENODEV, ENOBUFS; RangeError, TypeError */
  constructor(host: SocketHost, options: RawOptions) {
    refuseUnknown(options, OPTIONS);
    requireInteger("protocol", options.protocol, 1, 255);
    const address = ipv4(options.address ?? "0.0.0.0");
    super(host, SOCK_RAW | options.protocol, "socket");
    try {
      host.core.putPeer(address, 0);
      check(host.core.exports.sock_bind(this.handle), "bind", { address: options.address });
      this.#configure(options);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #configure(options: RawOptions): void {
    if (options.ifindex !== undefined) this.setOption(OPT_INTERFACE, options.ifindex);
    if (options.headerIncluded !== undefined) this.setSwitch(OPT_HEADER_INCLUDED, options.headerIncluded);
    if (options.ttl !== undefined) this.setTTL(options.ttl);
    if (options.tos !== undefined) this.setTOS(options.tos);
    if (options.dontFragment !== undefined) this.setDontFragment(options.dontFragment);
    if (options.broadcast !== undefined) this.setSwitch(OPT_BROADCAST, options.broadcast);
    if (options.queue !== undefined) this.setQueue(options.queue);
    if (options.onmessage !== undefined) this.onmessage = options.onmessage;
  }

  /** Connects to a peer: only its datagrams are received. @throws StackError ENETUNREACH …; TypeError */
  connect(address: string): void {
    this.open("connect");
    this.host.tick();
    this.host.core.putPeer(ipv4(address), 0);
    check(this.host.core.exports.sock_connect(this.handle), "connect", { address });
  }

  /** Dissolves the connection. @throws StackError ENOTCONN */
  disconnect(): void {
    this.open("disconnect");
    check(this.host.core.exports.sock_disconnect(this.handle), "disconnect");
  }

  /**
   * Sends now or not at all, without a promise.
   * @param data     payload; with `headerIncluded` the whole datagram, of which the stack fills in the total length and the
   *   checksum, and the source and the identification where they are 0
   * @param address  where it is sent, unless the socket is connected
   * @returns false if there is no room now: send() waits for it
   * @throws StackError EMSGSIZE, ENETUNREACH, EHOSTUNREACH, EACCES (broadcast), EDESTADDRREQ, EINVAL (header), EBADF;
   *   TypeError
   */
  trySend(data: Uint8Array, address?: string): boolean {
    this.open("send");
    requireBytes(data);
    const { core } = this.host;
    const fill = (at: number) => core.u8.set(data, at);
    if (address === undefined) return this.push(data.length, fill, 0);
    core.putPeer(ipv4(address), 0);
    return this.push(data.length, fill, SEND_TO, { address, port: 0 });
  }

  /**
   * Sends the datagram, waiting for room if need be.
   * @throws (by rejection) as trySend(); the signal's reason
   */
  async send(data: Uint8Array, address?: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    options.signal?.throwIfAborted();
    while (!this.trySend(data, address)) await this.room(options.signal);
  }
}
