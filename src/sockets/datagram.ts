/**
 * What sockets for datagrams have in common: waiting for room and for datagrams, errors. Every promise settles: by the
 * event it waits for, by its signal, by close(), or when the stack goes.
 */
import * as CALL from "../../assembly/abi/call.js";
import { E_AGAIN, E_BADF } from "../../assembly/abi/errno.js";
import { EVENT_ERROR, EVENT_READABLE, EVENT_WRITABLE } from "../../assembly/abi/event.js";
import { IPV4_HDR_LEN } from "../../assembly/abi/proto.js";
import {
  IP_OPTIONS_MOST,
  OPT_MTU,
  OPT_MTU_DISCOVER,
  OPT_QUEUE,
  PCB_RX_COUNT,
  PMTUDISC_DO,
  PMTUDISC_DONT,
} from "../../assembly/abi/socket.js";
import { formatIpv4 } from "../address.js";
import { check, rangeError, requireBoolean, StackError, uncaught } from "../errors.js";
import type { SocketHost } from "./host.js";
import { type DatagramError, type Endpoint, requireBytes, requireCallback, Socket } from "./socket.js";
import { Waiters } from "./waiters.js";

/** Where a datagram came from, and how. */
export interface DatagramInfo extends Endpoint {
  readonly family: "IPv4";
  /** Bytes of payload. */
  readonly size: number;
  /** Address that it was sent to. */
  readonly destination: string;
  /** Number of the interface it came by, from 1 (lo). */
  readonly ifindex: number;
  readonly ttl: number;
  readonly tos: number;
  /** Clock time of arrival, µs. */
  readonly timeUs: number;
  /** IP options that it came with, when there are any. */
  readonly options?: Uint8Array;
}

/** Path MTU discovery (RFC 1191): without DF; DF where no fragments are needed; DF always, and EMSGSIZE for what the path
 * does not take; DF, whatever is known of the path. */
export type PathMtuDiscovery = "dont" | "want" | "do" | "probe";

const DISCOVERIES: readonly PathMtuDiscovery[] = ["dont", "want", "do", "probe"];

/** A datagram with its own copy of the payload. */
export interface Datagram extends DatagramInfo {
  readonly data: Uint8Array;
}

/** Texts of the addresses seen lately. */
const texts = new Map<number, string>();
const TEXTS_MOST = 256;

function addressText(value: number): string {
  const known = texts.get(value);
  if (known !== undefined) return known;
  if (texts.size === TEXTS_MOST) texts.clear();
  const text = formatIpv4(value);
  texts.set(value, text);
  return text;
}

export abstract class DatagramSocket extends Socket {
  readonly #readers: Waiters<Datagram>;
  readonly #writers: Waiters<void>;

  #onmessage: ((data: Uint8Array, info: DatagramInfo) => void) | undefined;
  /** Called with each ICMP error that reaches the socket. */
  onerror: ((error: DatagramError | StackError) => void) | undefined;

  /** @param handle  of a socket that is open already */
  protected constructor(host: SocketHost, protocol: number, syscall: string, handle?: number) {
    super(host, protocol, syscall, handle);
    this.#readers = new Waiters(host.clock);
    this.#writers = new Waiters(host.clock);
  }

  /**
   * Called with each datagram while set. `data` is a view into the stack's memory, valid only during the call: copy what
   * is needed later. Datagrams are then no longer there for receive(). A socket that only has this does not keep the
   * process alive; `clock.ref()` does.
   * @throws TypeError for what is neither a function nor undefined
   */
  get onmessage(): ((data: Uint8Array, info: DatagramInfo) => void) | undefined {
    return this.#onmessage;
  }

  set onmessage(callback: ((data: Uint8Array, info: DatagramInfo) => void) | undefined) {
    this.#onmessage = requireCallback("onmessage", callback);
    if (callback !== undefined && !this.isClosed) this.#deliver();
  }

  get closed(): boolean {
    return this.isClosed;
  }

  /** The same as `setPathMtuDiscovery("do")`, or `("dont")`: as a switch. */
  setDontFragment(on: boolean): void {
    this.setOption(OPT_MTU_DISCOVER, requireBoolean("dontFragment", on) ? PMTUDISC_DO : PMTUDISC_DONT);
  }

  /** Datagrams that may wait unread, 1 to 65,536. */
  setQueue(datagrams: number): void {
    this.setOption(OPT_QUEUE, datagrams);
  }

  /** How this socket treats DF; "want" at first. @throws RangeError for what is none of these */
  setPathMtuDiscovery(how: PathMtuDiscovery): void {
    const value = DISCOVERIES.indexOf(how);
    if (value < 0) throw rangeError(`pathMtuDiscovery: ${how} is none of ${DISCOVERIES.join(", ")}`);
    this.setOption(OPT_MTU_DISCOVER, value);
  }

  /**
   * Path MTU towards the connected peer, bytes of an IP datagram.
   * @throws StackError ENOTCONN, ENETUNREACH, EHOSTUNREACH, EBADF
   */
  get mtu(): number {
    this.open("getsockopt");
    this.host.tick();
    return check(this.host.core.exports.sock_get(this.handle, OPT_MTU), "getsockopt", this.remoteAddress);
  }

  /**
   * IP options (RFC 791 §3.1) of all that is sent from now on; none for no bytes. A source route names the hops before
   * the destination, in order.
   * @param options  at most 40 bytes, as they stand in the header
   * @throws StackError EINVAL for what is no list of options, EBADF; TypeError
   */
  setOptions(options: Uint8Array): void {
    this.open("setsockopt");
    requireBytes(options);
    const { core } = this.host;
    if (options.length <= IP_OPTIONS_MOST) core.u8.set(options, core.call + CALL.CALL_OPTIONS);
    const text = `IP options of ${options.length} bytes`;
    check(core.exports.sock_options(this.handle, options.length), "setsockopt", { text });
  }

  /**
   * Puts `length` bytes, written by `fill` at an address, on their way; the peer is in the call block if `to`.
   * @returns false if there is no room now
   */
  protected push(length: number, fill: (at: number) => void, flags: number, to?: Endpoint): boolean {
    const { exports } = this.host.core;
    const at = exports.sock_window(this.handle, length);
    if (at < 0) {
      if (at === -E_AGAIN) return false;
      throw new StackError(-at, "send", to);
    }
    fill(at);
    this.host.tick();
    const result = exports.sock_send(this.handle, length, flags);
    this.host.work();
    if (result === 0) return true;
    if (result === -E_AGAIN) return false;
    throw new StackError(-result, "send", to ?? this.remoteAddress);
  }

  /** Settles when there may be room to send again. */
  protected async room(signal?: AbortSignal): Promise<void> {
    this.open("send");
    return this.#writers.wait(signal, undefined);
  }

  /**
   * The next datagram, with its own copy of the payload.
   * @throws StackError (by rejection): the pending error of a connected socket, EBADF when closed; the signal's reason
   */
  async receive(options: { signal?: AbortSignal } = {}): Promise<Datagram> {
    options.signal?.throwIfAborted();
    this.open("recv");
    if (this.#readers.isEmpty) {
      const ready = this.#next();
      if (ready !== undefined) return ready;
    }
    return this.#readers.wait(options.signal, undefined);
  }

  /** Datagrams, until the socket is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram, void, undefined> {
    while (!this.isClosed) {
      try {
        yield await this.receive();
      } catch (error) {
        if (this.isClosed) return;
        throw error;
      }
    }
  }

  /** A copy of the next waiting datagram; undefined if there is none. */
  #next(): Datagram | undefined {
    const length = this.host.core.exports.sock_recv(this.handle);
    if (length === -E_AGAIN) return undefined;
    check(length, "recv", this.remoteAddress);
    const at = this.host.core.get(CALL.CALL_PTR);
    const datagram = { ...this.#info(length), data: this.host.core.u8.slice(at, at + length) };
    this.#release();
    return datagram;
  }

  /** Gives the last datagram's buffer back, which otherwise the next receiving call does. */
  #release(): void {
    if (this.isClosed || this.host.core.u32[(this.record + PCB_RX_COUNT) >> 2] !== 0) return;
    this.host.core.exports.sock_recv(this.handle);
  }

  #info(size: number): DatagramInfo {
    const { core } = this.host;
    const info: DatagramInfo = {
      address: addressText(core.getIpv4(CALL.CALL_ADDR)),
      port: core.get(CALL.CALL_PORT),
      family: "IPv4",
      size,
      destination: addressText(core.getIpv4(CALL.CALL_ADDR2)),
      ifindex: core.get(CALL.CALL_IFINDEX),
      ttl: core.get(CALL.CALL_TTL),
      tos: core.get(CALL.CALL_TOS),
      timeUs: core.u64(core.call + CALL.CALL_TIME),
    };
    const headerLen = core.get(CALL.CALL_IP_LEN);
    if (headerLen === IPV4_HDR_LEN) return info;
    const ip = core.get(CALL.CALL_IP);
    return { ...info, options: core.u8.slice(ip + IPV4_HDR_LEN, ip + headerLen) };
  }

  event(bits: number): void {
    if ((bits & EVENT_ERROR) !== 0) this.#errors();
    if ((bits & (EVENT_READABLE | EVENT_ERROR)) !== 0) this.#deliver();
    if ((bits & EVENT_WRITABLE) !== 0) this.#writers.resolveAll();
  }

  /** Queued errors go to onerror; without one they wait for nextError(). */
  #errors(): void {
    while (this.onerror !== undefined && !this.isClosed) {
      const error = this.nextError();
      if (error === undefined) return;
      this.#report(error);
    }
  }

  #report(error: DatagramError | StackError): void {
    try {
      this.onerror?.(error);
    } catch (thrown) {
      uncaught(thrown);
    }
  }

  #deliver(): void {
    const callback = this.#onmessage;
    if (callback !== undefined) this.#callBack(callback);
    while (!this.#readers.isEmpty && !this.isClosed) {
      try {
        const datagram = this.#next();
        if (datagram === undefined) return;
        this.#readers.resolve(datagram);
      } catch (error) {
        this.#readers.reject(error);
      }
    }
  }

  #callBack(callback: (data: Uint8Array, info: DatagramInfo) => void): void {
    const { core } = this.host;
    while (!this.isClosed && this.#onmessage === callback) {
      const length = core.exports.sock_recv(this.handle);
      if (length === -E_AGAIN || length === -E_BADF) return;
      if (length < 0) {
        this.#report(new StackError(-length, "recv", this.remoteAddress));
        continue;
      }
      const at = core.get(CALL.CALL_PTR);
      try {
        callback(core.u8.subarray(at, at + length), this.#info(length));
      } catch (thrown) {
        uncaught(thrown);
      }
    }
  }

  protected settle(reason: () => Error): void {
    this.#readers.rejectAllBy(reason);
    this.#writers.rejectAllBy(reason);
  }
}
