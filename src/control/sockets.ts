/**
 * The stack's sockets, and its connections in TIME-WAIT, read from its memory: what netstat and ss list.
 */
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP } from "../../assembly/abi/proto.js";
import * as SOCKET from "../../assembly/abi/socket.js";
import * as TCP from "../../assembly/abi/tcp.js";
import { type Endpoint, endpoint } from "../sockets/socket.js";
import { readTcpInfo, type TcpInfo, type TcpState } from "../sockets/tcp-info.js";
import type { Core } from "../wasm/core.js";

/** The timer of a connection that comes first, and in how many µs. */
export interface TcpTimer {
  readonly name: "on" | "probe" | "keepalive" | "timewait";
  readonly leftUs: number;
}

export interface SocketEntry {
  /** "icmp" are echo sockets: their local port is their identifier. */
  readonly kind: "tcp" | "udp" | "icmp" | "raw";
  /** Protocol number. */
  readonly protocol: number;
  /** The handle; -1 for a connection in TIME-WAIT, which has none. */
  readonly handle: number;
  /** Address 0.0.0.0, port 0: any, or none. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Of TCP. */
  readonly state?: TcpState;
  /** Of TCP, but for TIME-WAIT. */
  readonly info?: TcpInfo;
  readonly timer?: TcpTimer;
  /** Its application has closed it, and it lives on until the peer has all. */
  readonly orphan: boolean;
  /** Datagrams that wait to be read. */
  readonly datagrams: number;
}

const KINDS: Readonly<Record<number, SocketEntry["kind"]>> = {
  [IPPROTO_ICMP]: "icmp",
  [IPPROTO_TCP]: "tcp",
  [IPPROTO_UDP]: "udp",
};

/** All sockets in the order of their slots, then what is in TIME-WAIT. */
export function readSockets(core: Core, nowUs: number): SocketEntry[] {
  const entries: SocketEntry[] = [];
  for (let i = 0; ; i++) {
    const at = core.exports.sock_record(i);
    if (at < 0) break;
    const protocol = core.u32[(at + SOCKET.PCB_PROTO) >> 2] as number;
    if (protocol !== 0) entries.push(socketAt(core, at, protocol, nowUs));
  }
  for (let i = 0; ; i++) {
    const at = core.exports.time_wait_record(i);
    if (at < 0) return entries;
    if (core.u32[(at + TCP.TW_LOCAL_PORT) >> 2] !== 0) entries.push(timeWaitAt(core, at, nowUs));
  }
}

function socketAt(core: Core, at: number, protocol: number, nowUs: number): SocketEntry {
  const isRaw = (protocol & SOCKET.SOCK_RAW) !== 0;
  const tcb = protocol === IPPROTO_TCP ? (core.u32[(at + SOCKET.PCB_TCB) >> 2] as number) : 0;
  const entry: SocketEntry = {
    kind: isRaw ? "raw" : (KINDS[protocol] ?? "raw"),
    protocol: protocol & 255,
    handle: core.u32[(at + SOCKET.PCB_HANDLE) >> 2] as number,
    local: endpoint(core, at + SOCKET.PCB_LOCAL, at + SOCKET.PCB_LOCAL_PORT),
    remote: endpoint(core, at + SOCKET.PCB_REMOTE, at + SOCKET.PCB_REMOTE_PORT),
    orphan: false,
    datagrams: core.u32[(at + SOCKET.PCB_RX_COUNT) >> 2] as number,
  };
  if (tcb === 0) return entry;
  const info = readTcpInfo(core, tcb);
  const flags = core.u32[(tcb + TCP.TCB_FLAGS) >> 2] as number;
  const timer = timerOf(core, tcb, info, nowUs);
  return {
    ...entry,
    state: info.state,
    info,
    // One that its listener has not given to anybody yet is no orphan.
    orphan: (flags & (TCP.TCB_F_HELD | TCP.TCB_F_QUEUED)) === 0 && info.state !== "SYN_RECV",
    ...(timer !== undefined && { timer }),
  };
}

function timeWaitAt(core: Core, at: number, nowUs: number): SocketEntry {
  return {
    kind: "tcp",
    protocol: IPPROTO_TCP,
    handle: -1,
    local: endpoint(core, at + TCP.TW_LOCAL, at + TCP.TW_LOCAL_PORT),
    remote: endpoint(core, at + TCP.TW_REMOTE, at + TCP.TW_REMOTE_PORT),
    state: "TIME_WAIT",
    timer: { name: "timewait", leftUs: Math.max(0, core.u64(at + TCP.TW_UNTIL) - nowUs) },
    orphan: false,
    datagrams: 0,
  };
}

/** Retransmission or window probe, else keepalive, else the end of FIN-WAIT-2. */
function timerOf(core: Core, tcb: number, info: TcpInfo, nowUs: number): TcpTimer | undefined {
  const left = (timer: number) => {
    const at = core.u64(tcb + timer + TCP.TIMER_AT);
    if (core.u32[(tcb + timer + TCP.TIMER_PREV) >> 2] === 0 || at >= 2 ** 63) return undefined;
    return Math.max(0, at - nowUs);
  };
  const sendUs = left(TCP.TCB_TIMER_REXMT);
  if (sendUs !== undefined) return { name: info.probing ? "probe" : "on", leftUs: sendUs };
  const lifeUs = left(TCP.TCB_TIMER_LIFE);
  if (lifeUs === undefined) return undefined;
  return { name: info.state === "FIN_WAIT2" ? "timewait" : "keepalive", leftUs: lifeUs };
}
