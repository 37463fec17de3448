/**
 * What connections and listeners have in common: options, and the control block that says their state.
 */
import { E_INVAL } from "../../assembly/abi/errno.js";
import { IPPROTO_TCP } from "../../assembly/abi/proto.js";
import * as SOCKET from "../../assembly/abi/socket.js";
import { TCB_STATE, TCP_CLOSED, TCP_LISTEN } from "../../assembly/abi/tcp.js";
import { rangeError, refuseUnknown, requireBoolean, StackError } from "../errors.js";
import type { SocketHost } from "./host.js";
import { adoptable, Socket } from "./socket.js";
import { readTcpInfo, TCP_CONGESTIONS, type TcpCongestion, type TcpInfo, type TcpState } from "./tcp-info.js";

/** When an idle connection is probed (RFC 9293 §3.8.4), and when it is given up. */
export interface KeepAlive {
  /** After how long without a word from the peer, ms; 7,200,000 at first. */
  readonly idleMs?: number;
  /** Between probes, ms. */
  readonly intervalMs?: number;
  /** Probes without an answer after which the connection is over (ETIMEDOUT). */
  readonly count?: number;
}

/** What a connection may be told; what a listener is told, its connections begin with. */
export interface TcpSettings {
  /** Small segments go at once rather than with what comes next (Nagle's algorithm off). */
  readonly noDelay?: boolean;
  /** Bytes that may wait to be sent, and to be read: rounded up to a ring's size (2 KiB, 16 KiB, 64 KiB, 1 MiB). What is
   * given stays so; what is not begins with 64 KiB, and grows where it is what limits the connection (TCP_AUTOTUNING). */
  readonly sendBuffer?: number;
  readonly receiveBuffer?: number;
  /** Off unless asked for. */
  readonly keepAlive?: boolean | KeepAlive;
  /** How long data may stay unacknowledged, ms, before the connection is over (ETIMEDOUT); 0 = as the stack has it. */
  readonly userTimeoutMs?: number;
  /** Largest segment to offer and to send, bytes; 0 = as the MTU has it. */
  readonly mss?: number;
  /** Congestion control: "cubic" unless the stack's switch says otherwise. */
  readonly congestion?: TcpCongestion;
  /** Bytes of payload a second at the most; 0 = as many as may go. */
  readonly pacingRate?: number;
  readonly ttl?: number;
  readonly tos?: number;
  /** Speaks by this interface only (its ifindex). */
  readonly ifindex?: number;
}

export const TCP_SETTINGS: readonly string[] = [
  "noDelay",
  "sendBuffer",
  "receiveBuffer",
  "keepAlive",
  "userTimeoutMs",
  "mss",
  "congestion",
  "pacingRate",
  "ttl",
  "tos",
  "ifindex",
];

const NUMBERS: readonly (readonly [keyof TcpSettings, number])[] = [
  ["sendBuffer", SOCKET.OPT_TCP_SEND_BUFFER],
  ["receiveBuffer", SOCKET.OPT_TCP_RECEIVE_BUFFER],
  ["userTimeoutMs", SOCKET.OPT_TCP_USER_TIMEOUT_MS],
  ["mss", SOCKET.OPT_TCP_MSS],
  ["pacingRate", SOCKET.OPT_TCP_PACING_RATE],
  ["ttl", SOCKET.OPT_TTL],
  ["tos", SOCKET.OPT_TOS],
  ["ifindex", SOCKET.OPT_INTERFACE],
];

const KEEP_ALIVE: ReadonlySet<string> = new Set(["idleMs", "intervalMs", "count"]);

/** The handle of a connection, or of a listener, which the stack has and nobody here. @throws StackError EBADF, EINVAL, EEXIST */
export function adoptableTcp(host: SocketHost, handle: number, isListener: boolean): number {
  const record = host.core.exports.sock_record(adoptable(host, handle, IPPROTO_TCP) & SOCKET.HANDLE_INDEX);
  const tcb = host.core.u32[(record + SOCKET.PCB_TCB) >> 2] as number;
  const listens = tcb !== 0 && host.core.u32[(tcb + TCB_STATE) >> 2] === TCP_LISTEN;
  if (listens !== isListener) throw new StackError(E_INVAL, "adopt");
  return handle;
}

export abstract class TcpBase extends Socket {
  protected constructor(host: SocketHost, handle?: number) {
    super(host, IPPROTO_TCP, "socket", handle);
  }

  /** @throws StackError EINVAL, ENODEV; RangeError, TypeError: each names the option */
  protected configure(settings: TcpSettings): void {
    if (settings.noDelay !== undefined) this.setNoDelay(settings.noDelay);
    for (const [name, option] of NUMBERS) {
      if (settings[name] !== undefined) this.setOption(option, settings[name] as number);
    }
    if (settings.congestion !== undefined) this.setCongestion(settings.congestion);
    const { keepAlive } = settings;
    if (typeof keepAlive === "object") this.setKeepAlive(true, keepAlive);
    else if (keepAlive !== undefined) this.setKeepAlive(keepAlive);
  }

  /** Small segments go at once (true), or with what comes next while others are under way (Nagle; at first). */
  setNoDelay(on = true): void {
    this.setSwitch(SOCKET.OPT_TCP_NODELAY, on);
  }

  /** Probes the connection while it is idle; what is not given stays as it was. @throws RangeError, TypeError */
  setKeepAlive(on: boolean, options: KeepAlive = {}): void {
    requireBoolean("keepAlive", on);
    refuseUnknown(options, KEEP_ALIVE);
    const { idleMs, intervalMs, count } = options;
    if (idleMs !== undefined) this.setOption(SOCKET.OPT_TCP_KEEP_IDLE_MS, idleMs);
    if (intervalMs !== undefined) this.setOption(SOCKET.OPT_TCP_KEEP_INTERVAL_MS, intervalMs);
    if (count !== undefined) this.setOption(SOCKET.OPT_TCP_KEEP_COUNT, count);
    this.setSwitch(SOCKET.OPT_TCP_KEEPALIVE, on);
  }

  /** Congestion control from now on; the window stays what it is. @throws RangeError when there is none of the name */
  setCongestion(name: TcpCongestion): void {
    const number = TCP_CONGESTIONS.indexOf(name);
    if (number < 0) throw rangeError(`congestion: ${name} is none of ${TCP_CONGESTIONS.join(", ")}`);
    this.setOption(SOCKET.OPT_TCP_CONGESTION, number);
  }

  /** Bytes of payload a second at the most from now on; 0 = as many as may go. @throws RangeError */
  setPacingRate(bytesPerSecond: number): void {
    this.host.tick();
    this.setOption(SOCKET.OPT_TCP_PACING_RATE, bytesPerSecond);
    this.host.work();
  }

  /** What was held back may go now, and a timer begin: the stack is polled. */
  protected override setSwitch(option: number, on: boolean): void {
    this.host.tick();
    super.setSwitch(option, on);
    this.host.work();
  }

  /** How long data may stay unacknowledged, ms, before the connection is over; 0 = as the stack has it. */
  setUserTimeout(ms: number): void {
    this.setOption(SOCKET.OPT_TCP_USER_TIMEOUT_MS, ms);
  }

  /** Its state as netstat names it: "ESTABLISHED". */
  get state(): TcpState {
    return this.info().state;
  }

  /** What the stack knows of it. @throws StackError EBADF when closed */
  info(): TcpInfo {
    this.open("getsockopt");
    return readTcpInfo(this.host.core, this.tcb);
  }

  /** TCP_… of its control block; what has none is closed. */
  protected get stateNumber(): number {
    return this.tcb === 0 ? TCP_CLOSED : this.word(TCB_STATE);
  }

  /** Address of the control block; 0 when there is none any more. */
  protected get tcb(): number {
    return this.host.core.u32[(this.record + SOCKET.PCB_TCB) >> 2] as number;
  }

  /** Field `offset` of the control block. */
  protected word(offset: number): number {
    return this.host.core.u32[(this.tcb + offset) >> 2] as number;
  }
}
