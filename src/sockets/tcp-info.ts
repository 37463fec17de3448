/**
 * What a TCP connection says of itself: its control block read from the stack's memory.
 */
import * as TCP from "../../assembly/abi/tcp.js";
import type { Core } from "../wasm/core.js";

/** States (RFC 9293 §3.3.2) as netstat names them. */
export type TcpState =
  | "CLOSE"
  | "LISTEN"
  | "SYN_SENT"
  | "SYN_RECV"
  | "ESTABLISHED"
  | "FIN_WAIT1"
  | "FIN_WAIT2"
  | "CLOSE_WAIT"
  | "LAST_ACK"
  | "CLOSING"
  | "TIME_WAIT";

/** By TCP_… of assembly/abi/tcp.ts. */
const STATES: readonly (TcpState | undefined)[] = [
  undefined,
  "CLOSE",
  "LISTEN",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "CLOSE_WAIT",
  "LAST_ACK",
  "CLOSING",
  "TIME_WAIT",
];

/** Loss recovery: nothing lost as far as is known; fast recovery (RFC 6675, RFC 6582); after a timeout (RFC 5681 §3.1). */
export type TcpRecovery = "open" | "fast" | "loss";

const RECOVERIES: readonly TcpRecovery[] = ["open", "fast", "loss"];

/** Congestion control: Reno (RFC 5681), CUBIC (RFC 9438). */
export type TcpCongestion = "reno" | "cubic";

/** By TCP_CONGESTION_… */
export const TCP_CONGESTIONS: readonly TcpCongestion[] = ["reno", "cubic"];

export interface TcpInfo {
  readonly state: TcpState;
  /** Smoothed round-trip time (0: not known yet), its variation, and the retransmission timeout, µs. */
  readonly rttUs: number;
  readonly rttvarUs: number;
  readonly rtoUs: number;
  /** Retransmissions in a row, each of which has doubled the timeout. */
  readonly backoff: number;
  /** Congestion window and slow start threshold, bytes; the threshold is Infinity until something is lost. */
  readonly cwnd: number;
  readonly ssthresh: number;
  readonly congestion: TcpCongestion;
  readonly recovery: TcpRecovery;
  /** Bytes of payload in a full segment. */
  readonly mss: number;
  /** The peer's window and ours, bytes, and the shifts of both (RFC 7323 §2.2). */
  readonly sndWnd: number;
  readonly rcvWnd: number;
  readonly sndShift: number;
  readonly rcvShift: number;
  /** Bytes of both buffers; 0 of one that there is not yet. */
  readonly sendBuffer: number;
  readonly receiveBuffer: number;
  /** Bytes written and not acknowledged yet, of these those not sent yet, and bytes that wait to be read. */
  readonly unacked: number;
  readonly notSent: number;
  readonly unread: number;
  /** Agreed on in the handshake. */
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly windowScaling: boolean;
  /** Explicit congestion notification (RFC 3168); while the SYN has no answer: asked for. */
  readonly ecn: boolean;
  /** The send timer is that of window probes. */
  readonly probing: boolean;
  /** Segments retransmitted, sent and received. */
  readonly retransmits: number;
  readonly segsOut: number;
  readonly segsIn: number;
  /** Bytes of payload acknowledged by the peer, and received in order. */
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  /** A listener's: connections that wait to be accepted, that are half open, and how many may wait. */
  readonly acceptable: number;
  readonly halfOpen: number;
  readonly backlog: number;
}

const SSTHRESH_NONE = 0x7fffffff;

/** @param tcb  address of the connection's control block (PCB_TCB) */
export function readTcpInfo(core: Core, tcb: number): TcpInfo {
  const word = (offset: number) => core.u32[(tcb + offset) >> 2] as number;
  const byte = (offset: number) => core.u8[tcb + offset] as number;
  const state = word(TCP.TCB_STATE);
  const flags = word(TCP.TCB_FLAGS);
  const has = (flag: number) => (flags & flag) !== 0;
  const ssthresh = word(TCP.TCB_SSTHRESH);
  const ring = (mask: number) => (word(mask) === 0 ? 0 : word(mask) + 1);
  return {
    state: STATES[state] ?? "CLOSE",
    rttUs: word(TCP.TCB_SRTT_US),
    rttvarUs: word(TCP.TCB_RTTVAR_US),
    rtoUs: word(TCP.TCB_RTO_US),
    backoff: byte(TCP.TCB_BACKOFF),
    cwnd: word(TCP.TCB_CWND),
    ssthresh: ssthresh >= SSTHRESH_NONE ? Infinity : ssthresh,
    congestion: TCP_CONGESTIONS[byte(TCP.TCB_CONGESTION)] ?? "reno",
    recovery: RECOVERIES[byte(TCP.TCB_RECOVERY)] ?? "open",
    mss: word(TCP.TCB_SND_MSS),
    sndWnd: word(TCP.TCB_SND_WND),
    rcvWnd: (word(TCP.TCB_RCV_ADV) - word(TCP.TCB_RCV_NXT)) >>> 0,
    sndShift: byte(TCP.TCB_SND_SHIFT),
    rcvShift: byte(TCP.TCB_RCV_SHIFT),
    sendBuffer: ring(TCP.TCB_SND_MASK),
    receiveBuffer: ring(TCP.TCB_RCV_MASK),
    ...queues(state, flags, word),
    sack: has(TCP.TCB_F_SACK),
    timestamps: has(TCP.TCB_F_TIMESTAMPS),
    windowScaling: has(TCP.TCB_F_WSCALE),
    ecn: has(TCP.TCB_F_ECN),
    probing: has(TCP.TCB_F_PERSIST),
    retransmits: word(TCP.TCB_RETRANSMITS),
    segsOut: word(TCP.TCB_SEGS_OUT),
    segsIn: word(TCP.TCB_SEGS_IN),
    bytesAcked: core.u64(tcb + TCP.TCB_BYTES_ACKED),
    bytesReceived: core.u64(tcb + TCP.TCB_BYTES_RECEIVED),
    acceptable: word(TCP.TCB_ACCEPTABLE),
    halfOpen: word(TCP.TCB_HALF_OPEN),
    backlog: word(TCP.TCB_BACKLOG),
  };
}

/** Bytes in both rings. SYN and FIN take a sequence number each, and are no bytes. */
function queues(state: number, flags: number, word: (offset: number) => number) {
  const isOpening = state === TCP.TCP_SYN_SENT || state === TCP.TCP_SYN_RECEIVED;
  const since = (from: number, to: number) => Math.max(0, (to - from) | 0);
  if (state === TCP.TCP_CLOSED || state === TCP.TCP_LISTEN) return { unacked: 0, notSent: 0, unread: 0 };
  const end = word(TCP.TCB_SND_END);
  const first = isOpening ? word(TCP.TCB_ISS) + 1 : word(TCP.TCB_SND_UNA);
  const sent = isOpening ? first : word(TCP.TCB_SND_MAX);
  const fin = (flags & TCP.TCB_F_FIN_RECEIVED) === 0 ? 0 : 1;
  return {
    unacked: since(first, end),
    notSent: since(sent, end),
    unread: isOpening ? 0 : since(word(TCP.TCB_RCV_READ), word(TCP.TCB_RCV_NXT) - fin),
  };
}

/** Free bytes of the send ring. @param tcb  as readTcpInfo() */
export function sendRoom(core: Core, tcb: number): number {
  const word = (offset: number) => core.u32[(tcb + offset) >> 2] as number;
  const { unacked } = queues(word(TCP.TCB_STATE), word(TCP.TCB_FLAGS), word);
  return word(TCP.TCB_SND_MASK) + 1 - unacked;
}
