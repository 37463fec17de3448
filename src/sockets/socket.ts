/// <reference lib="esnext.disposable" preserve="true" />
/**
 * What all sockets have in common: a handle, two ends, options, closing.
 */
import * as CALL from "../../assembly/abi/call.js";
import { E_BADF, E_EXIST, E_INVAL } from "../../assembly/abi/errno.js";
import {
  HANDLE_INDEX,
  OPT_TOS,
  OPT_TTL,
  PCB_LOCAL,
  PCB_LOCAL_PORT,
  PCB_PROTO,
  PCB_REMOTE,
  PCB_REMOTE_PORT,
} from "../../assembly/abi/socket.js";
import { formatIpv4, readIpv4 } from "../address.js";
import { check, errnoName, rangeError, requireBoolean, requireInteger, StackError, typeError } from "../errors.js";
import type { Core } from "../wasm/core.js";
import type { HostedSocket, SocketHost } from "./host.js";
import { optionText, SOCKET_OPTIONS, type SocketOption } from "./options.js";

/** An endpoint of a socket. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** @throws TypeError for what is no array of bytes */
export function requireBytes(data: Uint8Array): Uint8Array {
  if (!ArrayBuffer.isView(data) || data.BYTES_PER_ELEMENT !== 1) throw typeError("data: a Uint8Array is needed");
  return data;
}

const encoder = new TextEncoder();

/** The bytes, or a text's in UTF-8. @throws TypeError for what is neither */
export function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : requireBytes(data);
}

/** The port. @throws RangeError with Node's code for what is none */
export function requirePort(port: number, least: number): number {
  if (!Number.isInteger(port) || port < least || port > 65535) {
    const error = rangeError(`port: ${port} is not an integer from ${least} to 65535`);
    throw Object.assign(error, { code: "ERR_SOCKET_BAD_PORT" });
  }
  return port;
}

/** The callback, if it is one. @throws TypeError naming what is neither a function nor undefined */
export function requireCallback<F>(name: string, callback: F): F {
  if (callback === undefined || typeof callback === "function") return callback;
  throw typeError(`${name}: a function is needed`);
}

/** The handle of a socket of this protocol which the stack has and nobody here. @throws StackError EBADF, EINVAL, EEXIST */
export function adoptable(host: SocketHost, handle: number, protocol: number): number {
  check(host.core.exports.sock_ready(handle), "adopt");
  const record = host.core.exports.sock_record(handle & HANDLE_INDEX);
  if (host.core.u32[(record + PCB_PROTO) >> 2] !== protocol) throw new StackError(E_INVAL, "adopt");
  if (host.registered(handle)) throw new StackError(E_EXIST, "adopt");
  return handle;
}

/** The local end in a socket's record; port 0 while unbound. */
export function localEnd(core: Core, record: number): Endpoint {
  return endpoint(core, record + PCB_LOCAL, record + PCB_LOCAL_PORT);
}

/** The peer in a socket's record, or undefined. */
export function remoteEnd(core: Core, record: number): Endpoint | undefined {
  const remote = endpoint(core, record + PCB_REMOTE, record + PCB_REMOTE_PORT);
  return remote.address === "0.0.0.0" ? undefined : remote;
}

/** An address of 16 bytes, and a port. */
export function endpoint({ u8, u32 }: Core, ip: number, port: number): Endpoint {
  return { address: formatIpv4(readIpv4(u8, ip)), port: u32[port >> 2] as number };
}

/** An ICMP error about something that this socket has sent (RFC 1122 §4.1.3.3). */
export interface DatagramError extends Endpoint {
  /** Such as "EHOSTUNREACH". */
  readonly code: string;
  /** Who sent the ICMP message, its type and code, and its bytes 4 to 7. */
  readonly reporter: string;
  readonly icmpType: number;
  readonly icmpCode: number;
  readonly icmpRest: number;
}

export abstract class Socket implements HostedSocket {
  readonly handle: number;
  protected readonly host: SocketHost;
  /** Address of the socket's record. */
  protected readonly record: number;
  #closed = false;
  #gone: Error | undefined;

  /** @param handle  of a socket that is open already */
  protected constructor(host: SocketHost, protocol: number, syscall: string, handle?: number) {
    if (host.closed) throw new StackError(E_BADF, syscall);
    this.host = host;
    this.handle = handle ?? check(host.core.exports.sock_open(protocol), syscall);
    this.record = host.core.exports.sock_record(this.handle & HANDLE_INDEX);
    host.register(this);
  }

  /** The handle is not ours any more. */
  protected get isClosed(): boolean {
    return this.#closed;
  }

  /** The local end; port 0 while unbound. */
  get address(): Endpoint {
    this.open("getsockname");
    return localEnd(this.host.core, this.record);
  }

  /** The connected peer, or undefined. */
  get remoteAddress(): Endpoint | undefined {
    this.open("getpeername");
    return remoteEnd(this.host.core, this.record);
  }

  /** Throws EBADF on a closed socket. */
  protected open(syscall: string): void {
    if (this.#gone !== undefined) throw this.#gone;
    if (this.#closed) throw new StackError(E_BADF, syscall);
  }

  /** @throws StackError EINVAL, ENODEV; RangeError for what is no whole number: each says option and value */
  protected setOption(option: number, value: number): void {
    this.open("setsockopt");
    const known = SOCKET_OPTIONS[option] as SocketOption;
    // What fits a word the module judges.
    if (value >>> 0 !== value) requireInteger(known.name, value, known.orZero ? 0 : known.least, known.most);
    const result = this.host.core.exports.sock_set(this.handle, option, value);
    if (result < 0) check(result, "setsockopt", { text: optionText(known, value) });
  }

  /** @throws TypeError for what is neither true nor false */
  protected setSwitch(option: number, on: boolean): void {
    this.setOption(option, requireBoolean((SOCKET_OPTIONS[option] as SocketOption).name, on) ? 1 : 0);
  }

  /** TTL of unicast datagrams, 1 to 255; 0 = the stack's default. */
  setTTL(ttl: number): void {
    this.setOption(OPT_TTL, ttl);
  }

  /** Type of service, 0 to 255. */
  setTOS(tos: number): void {
    this.setOption(OPT_TOS, tos);
  }

  /**
   * The oldest ICMP error in the queue: of an unconnected socket for datagrams, or a soft one of a connection. With the
   * reporter 0.0.0.0 it is no router that speaks but TCP: ETIMEDOUT, nothing comes back (RFC 9293 SHLD-9).
   */
  nextError(): DatagramError | undefined {
    this.open("recv");
    const { core } = this.host;
    if (core.exports.sock_error(this.handle) < 0) return undefined;
    return {
      address: formatIpv4(core.getIpv4(CALL.CALL_ADDR)),
      port: core.get(CALL.CALL_PORT),
      code: errnoName(core.get(CALL.CALL_ERRNO)),
      reporter: formatIpv4(core.getIpv4(CALL.CALL_ADDR3)),
      icmpType: core.get(CALL.CALL_ICMP) >>> 8,
      icmpCode: core.get(CALL.CALL_ICMP) & 255,
      icmpRest: core.get(CALL.CALL_LEN),
    };
  }

  /** Closes the socket; calls that wait reject with EBADF. */
  close(): void {
    if (this.#closed) return;
    this.letGo("sock_close");
    this.settle(() => new StackError(E_BADF, "close"));
  }

  /** Gives the handle back. */
  protected letGo(by: "sock_close" | "sock_abort"): void {
    this.#closed = true;
    if (this.#gone === undefined) {
      this.host.core.exports[by](this.handle);
      // What became free may be what others wait for.
      this.host.work();
    }
    this.host.unregister(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  abandon(reason: Error, forGood: boolean): void {
    if (forGood) this.#gone = reason;
    this.settle(() => reason);
  }

  /** EVENT_… bits that were drained for the socket. */
  abstract event(bits: number): void;

  /** Rejects all calls that wait. */
  protected abstract settle(reason: () => Error): void;
}
