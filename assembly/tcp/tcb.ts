// The transmission control block: RFC 9293 §3.3.1. One for each TCP socket, listening ones too, beside its Pcb (which
// has addresses, ports and what every transport has). Names are the RFC's.
//
// Sequence space of what is sent, and of what is received; a byte's place in its ring is its sequence number modulo the
// ring's size:
//
//      sndUna                 sndMax      sndEnd (FIN)          rcvRead     rcvNxt   [range]  [range]   rcvAdv
//  -----|----------------------|-----------|------          -----|-----------|--------===-------===------|------
//       | in flight, SACKed,   | not sent              read by   | waits to  |  free, with what came     | not to
//       | or lost              | so far                the app   | be read   |  out of order             | be sent
//
// Behind the record stand the ranges that wait out of order (the latest first: RFC 2018 §4), left and right edge each, as
// many as the boot record says; behind these the runs of what was sent (scoreboard.ts), twice as many and two.

import { OPT_TCP, OPT_TCP_END } from "../abi/socket";
import {
  TCB_ACCEPTABLE,
  TCB_BYTES_ACKED,
  TCB_CWND,
  TCB_F_FIN_QUEUED,
  TCB_F_HELD,
  TCB_FLAGS,
  TCB_ISS,
  TCB_MIN_RTT_US,
  TCB_RANGES,
  TCB_RCV_MASK,
  TCB_RCV_SHIFT,
  TCB_RECOVERY,
  TCB_RETRANSMITS,
  TCB_SND_MSS,
  TCB_SND_UNA,
  TCB_SRTT_US,
  TCB_TIMER_LIFE,
  TCB_TIMER_REXMT,
  TCP_CLOSED,
  TCP_SYN_RECEIVED,
  TCP_SYN_SENT,
  TIMER_AT,
  TIMER_PREV,
} from "../abi/tcp";
import { TIMER_TCP_ACK, TIMER_TCP_LIFE, TIMER_TCP_PACE, TIMER_TCP_REXMT } from "../abi/timer";
import { eventSocket } from "../core/event";
import { Timer } from "../core/timer";
import { arenaTake } from "../memory/arena";
import { Pcb, pcbIndex } from "../pcb/pcb";

@unmanaged
export class Tcb {
  state: u32;
  flags: u32;
  pcb: Pcb;
  /** Listener that it came by, until it is accepted. */
  parent: Tcb | null;
  sndUna: u32;
  /** The least round trip, of the time since `minRttMs`. */
  minRttUs: u32;
  sndMax: u32;
  sndWnd: u32;
  sndWl1: u32;
  sndWl2: u32;
  sndUp: u32;
  iss: u32;
  sndEnd: u32;
  /** Largest window seen: the peer's buffer, as far as is known (RFC 9293 §3.8.6.2.1). */
  sndMaxWnd: u32;
  rcvNxt: u32;
  rcvAdv: u32;
  rcvUp: u32;
  irs: u32;
  rcvRead: u32;
  /** Where the FIN stands that has come out of order. */
  rcvFin: u32;
  /** Last.ACK.sent (RFC 7323 §4.3). */
  lastAck: u32;
  sndMss: u32;
  /** Largest payload that has come: a full segment (RFC 5681 §4.2). */
  rcvMss: u32;
  /** What the peer's MSS option says. */
  peerMss: u32;
  sndShift: u8;
  rcvShift: u8;
  congestion: u8;
  rangeCount: u8;
  runCount: u8;
  recovery: u8;
  dupAcks: u8;
  backoff: u8;
  sndRing: usize;
  sndMask: u32;
  rcvRing: usize;
  rcvMask: u32;
  srttUs: u32;
  rttvarUs: u32;
  rtoUs: u32;
  /** What is sent from here on is timed next: one round trip at a time. */
  rttSeq: u32;
  /** Bytes that the peer has by SACK. */
  sackedBytes: u32;
  cwnd: u32;
  ssthresh: u32;
  /** Recovery point: it ends when all before is acknowledged. */
  recover: u32;
  /** Where SND.MAX stood when the first duplicate ACK came: what limited transmit sends beyond does not count in
   * FlightSize (RFC 5681 §3.2 step 2). */
  flightEnd: u32;
  /** Bytes acknowledged since the window of congestion avoidance last grew (RFC 5681 §3.1; CUBIC's W_est). */
  ackedBytes: u32;
  /** cwnd and ssthresh as they were before the last reduction; and, to undo that, the cwndPrior of the one before. */
  cwndPrior: u32;
  ssthreshPrior: u32;
  cwndPriorPrior: u32;
  /** Up to when (ms) CUBIC has counted the time of congestion avoidance; 0 = none is counted. */
  countedMs: u32;
  /** TS.Recent, when it was set (ms), and the offset of our timestamps (RFC 7323 §4.3, §5.4 and §5.5). */
  tsRecent: u32;
  tsRecentMs: u32;
  tsOffset: u32;
  /** Segments without data that are to be answered, answered in the second `challengeAt`. */
  challengeAt: u32;
  /** When patience ends (R2, RFC 9293 §3.8.3); 0 = nothing is being retransmitted. */
  giveUpAt: u64;
  /** When a segment last came, and when data last went (ms). */
  heardMs: u32;
  sentMs: u32;
  challenges: u32;
  /** Keepalive probes without an answer. */
  keepProbes: u32;
  retransmits: u32;
  /** What a soft error says; told if the connection is given up (errno). */
  softError: u32;
  bytesAcked: u64;
  bytesReceived: u64;
  segsOut: u32;
  segsIn: u32;
  backlog: u32;
  acceptable: u32;
  halfOpen: u32;
  /** The accept queue, and the next connection in it. */
  acceptHead: Tcb | null;
  acceptTail: Tcb | null;
  acceptNext: Tcb | null;
  freeNext: Tcb | null;
  /** OPT_TCP_… values from OPT_TCP on. */
  opt0: u32;
  opt1: u32;
  opt2: u32;
  opt3: u32;
  opt4: u32;
  opt5: u32;
  opt6: u32;
  opt7: u32;
  opt8: u32;
  opt9: u32;
  opt10: u32;
  /** Timers: retransmission or window probe, delayed ACK, keepalive and ends of patience. */
  rexmt0: u64;
  rexmt8: u64;
  rexmt16: u64;
  ack0: u64;
  ack8: u64;
  ack16: u64;
  life0: u64;
  life8: u64;
  life16: u64;
  /** Bytes that came twice, of which the next ACK tells (RFC 2883); equal = none. */
  dsackLeft: u32;
  dsackRight: u32;
  /** RFC 3168 §6.1.2: what was sent when the peer last made us reduce the window ends here. */
  ecnSeq: u32;
  /** A SYN without ECN went, or came: ECT is not set (RFC 3168 §6.1.1). */
  ecnMute: u8;
  /** Probes of mtuSize that were lost in a row; nonzero: at the first timeout the peer had something by SACK. */
  mtuFails: u8;
  mtuFull: u8;
  mtuReserved: u8;
  /** Search for the path's MTU (mtu-probe.ts): what segments keep to, 0 = the path's; the largest that may pass. */
  mtuCap: u16;
  mtuHigh: u16;
  /** Bytes in the probe that is out, 0 = none; the MTU it is of; where it begins; when something was last learned (ms). */
  mtuProbe: u16;
  mtuSize: u16;
  mtuSeq: u32;
  mtuMs: u32;
  /** Bytes of a segment under way that is longer than all that arrived, 0 = none, and of the longest that did; an MTU that
   * an error claims, 0 = none, about the segment at mtuClaimSeq. */
  mtuSample: u16;
  mtuProven: u16;
  mtuClaim: u16;
  mtuReserved1: u16;
  mtuClaimSeq: u32;
  /** Where the segment of mtuSample bytes ends. */
  mtuSampleEnd: u32;
  /** The connection before it in the accept queue. */
  acceptPrev: Tcb | null;
  /** Bytes that are taken for lost, and were not sent again since. */
  lostBytes: u32;
  /** Congestion control: words of cubic.ts, or of hystart.ts before there was any loss; the same as they were before the last
   * reduction; the timer of pacing (pace.ts). */
  cc0: u32;
  cc1: u32;
  cc2: u32;
  cc3: u32;
  cc4: u32;
  ccPrior0: u32;
  ccPrior1: u32;
  ccPrior2: u32;
  ccPrior3: u32;
  ccPrior4: u32;
  pace0: u64;
  pace8: u64;
  pace16: u64;
  /** Autotuning: the largest window that is offered now, no more than the ring holds. */
  rcvMost: u32;
  /** The round in which it is seen how much the application reads began here, and then (low half of the time). */
  tuneRead: u32;
  tuneAt: u32;
  /** Loss by time (rack.ts, rexmt.ts): when the retransmission timeout is due; RACK.xmit_ts (us, low half), RACK.end_seq,
   * RACK.rtt and RACK.fack; when the least round trip was (ms). */
  rtoAt: u64;
  rackAt: u32;
  rackEnd: u32;
  rackRttUs: u32;
  rackFack: u32;
  minRttMs: u32;
  /** REXMT_… of rexmt.ts: what the timer of retransmissions waits for. */
  rexmtMode: u8;
  /** TLP_… of tlp.ts: what of a loss probe is out, and where it ends (TLP.end_seq). */
  tlp: u8;
  /** RACK.reo_wnd_mult, less one; RACK.reo_wnd_persist; RACK.dsack_round, valid while that is not 0. */
  reoMore: u8;
  reoPersist: u8;
  reoRound: u32;
  tlpEnd: u32;
  /** Proportional rate reduction (prr.ts): prr_delivered, prr_out and RecoverFS of RFC 9937, bytes. */
  prrDelivered: u32;
  prrOut: u32;
  recoverFs: u32;
  /** Whether the last reduction was for nothing (undo.ts): where it was, how far and when (ms) was sent again first, bytes that
   * were and have not come twice, its stage; by a timeout? the step of F-RTO. */
  undoUna: u32;
  undoEnd: u32;
  undoMs: u32;
  undoBytes: u32;
  undoStage: u8;
  undoTimeout: u8;
  frto: u8;
  undoReserved: u8;
}

/** Bytes of a run, and how many there are beside two for each range: what is under way behind the last, and one to be cut. */
const RUN_BYTES: u32 = 12;
const RUNS_EXTRA: u32 = 2;

@unmanaged
class TcbState {
  table: usize;
  capacity: u32;
  /** Bytes of a record with its ranges and runs, and how many there are of these. */
  bytes: u32;
  ranges: u32;
  runs: u32;
  fresh: u32;
  used: u32;
  free: Tcb | null;
}

const T: TcbState = changetype<TcbState>(memory.data(offsetof<TcbState>(), 4));

export function tcbLayout(blocks: u32, ranges: u32): void {
  T.capacity = blocks;
  T.ranges = ranges;
  T.runs = min<u32>(ranges * 2 + RUNS_EXTRA, 255);
  // A record begins at a multiple of eight.
  T.bytes = (offsetof<Tcb>() + ranges * 8 + T.runs * RUN_BYTES + 7) & ~7;
  T.table = arenaTake(blocks, T.bytes);
}

/** A new block in CLOSED for the socket, held by its application; null if all are in use. */
export function tcbOpen(p: Pcb): Tcb | null {
  let t = T.free;
  if (t !== null) T.free = t.freeNext;
  else if (T.fresh < T.capacity) t = tcbAt(T.fresh++);
  else return null;
  T.used++;
  // Of ranges and runs none is looked at before it is written.
  memory.fill(changetype<usize>(t), 0, offsetof<Tcb>());
  t.pcb = p;
  t.state = TCP_CLOSED;
  rexmtTimer(t).kind = TIMER_TCP_REXMT;
  ackTimer(t).kind = TIMER_TCP_ACK;
  lifeTimer(t).kind = TIMER_TCP_LIFE;
  paceTimer(t).kind = TIMER_TCP_PACE;
  p.tcb = changetype<usize>(t);
  return t;
}

/** Gives the record back; whoever calls has seen to rings, timers and the Pcb. */
export function tcbRelease(t: Tcb): void {
  T.used--;
  t.pcb.tcb = 0;
  t.state = 0;
  t.freeNext = T.free;
  T.free = t;
}

/** Record number `index`, in use or not. */
export function tcbAt(index: u32): Tcb {
  return changetype<Tcb>(T.table + index * T.bytes);
}

/** How many records have ever been in use. */
export function tcbFresh(): u32 {
  return T.fresh;
}

/** Records that there are, and that are free. */
export function tcbsAll(): u32 {
  return T.capacity;
}

export function tcbsFree(): u32 {
  return T.capacity - T.used;
}

export function tcbOf(p: Pcb): Tcb {
  return changetype<Tcb>(p.tcb);
}

export function rexmtTimer(t: Tcb): Timer {
  return changetype<Timer>(changetype<usize>(t) + offsetof<Tcb>("rexmt0"));
}

export function ackTimer(t: Tcb): Timer {
  return changetype<Timer>(changetype<usize>(t) + offsetof<Tcb>("ack0"));
}

export function lifeTimer(t: Tcb): Timer {
  return changetype<Timer>(changetype<usize>(t) + offsetof<Tcb>("life0"));
}

export function paceTimer(t: Tcb): Timer {
  return changetype<Timer>(changetype<usize>(t) + offsetof<Tcb>("pace0"));
}

/** The block whose timer has expired. */
export function tcbOfTimer(timer: Timer): Tcb {
  const at = changetype<usize>(timer);
  if (timer.kind == TIMER_TCP_REXMT) return changetype<Tcb>(at - offsetof<Tcb>("rexmt0"));
  if (timer.kind == TIMER_TCP_PACE) return changetype<Tcb>(at - offsetof<Tcb>("pace0"));
  return changetype<Tcb>(at - (timer.kind == TIMER_TCP_ACK ? offsetof<Tcb>("ack0") : offsetof<Tcb>("life0")));
}

/** Address of the ranges that wait out of order: left and right edge, 8 bytes each. */
export function rangesOf(t: Tcb): usize {
  return changetype<usize>(t) + offsetof<Tcb>();
}

/** Address of the runs of what was sent. */
export function runsOf(t: Tcb): usize {
  return changetype<usize>(t) + offsetof<Tcb>() + (T.ranges << 3);
}

/** How many runs a block keeps. */
export function runsMost(): u32 {
  return T.runs;
}

/** How many ranges a block keeps. */
export function rangesMost(): u32 {
  return T.ranges;
}

export function tcpOption(t: Tcb, option: u32): u32 {
  return load<u32>(changetype<usize>(t) + ((option - OPT_TCP) << 2), offsetof<Tcb>("opt0"));
}

export function tcpOptionSet(t: Tcb, option: u32, value: u32): void {
  store<u32>(changetype<usize>(t) + ((option - OPT_TCP) << 2), value, offsetof<Tcb>("opt0"));
}

/** Tells the application, if there is one. */
export function tcpEvent(t: Tcb, bits: u32): void {
  if ((t.flags & TCB_F_HELD) != 0) eventSocket(pcbIndex(t.pcb), bits);
}

/** SYN has been sent and acknowledged, and the peer's received (RFC 9293 §3.3.2: the synchronized states). */
export function synchronized(t: Tcb): bool {
  return t.state > <u32>TCP_SYN_RECEIVED;
}

/** Bytes of the application's that are not acknowledged: sent or not. The SYN is none of them. */
export function unacknowledged(t: Tcb): u32 {
  const first = t.state == TCP_SYN_SENT || t.state == TCP_SYN_RECEIVED ? t.iss + 1 : t.sndUna;
  // Once our FIN is acknowledged, sndUna stands behind sndEnd.
  return t.sndUna - 1 == t.sndEnd && finQueued(t) ? 0 : t.sndEnd - first;
}

export function finQueued(t: Tcb): bool {
  return (t.flags & TCB_F_FIN_QUEUED) != 0;
}

if (offsetof<Tcb>("flags") != TCB_FLAGS) ERROR("Tcb.flags");
if (offsetof<Tcb>("sndUna") != TCB_SND_UNA) ERROR("Tcb.sndUna");
if (offsetof<Tcb>("minRttUs") != TCB_MIN_RTT_US) ERROR("Tcb.minRttUs");
if (offsetof<Tcb>("iss") != TCB_ISS) ERROR("Tcb.iss");
if (offsetof<Tcb>("sndMss") != TCB_SND_MSS) ERROR("Tcb.sndMss");
if (offsetof<Tcb>("rcvShift") != TCB_RCV_SHIFT) ERROR("Tcb.rcvShift");
if (offsetof<Tcb>("rangeCount") != TCB_RANGES) ERROR("Tcb.rangeCount");
if (offsetof<Tcb>("recovery") != TCB_RECOVERY) ERROR("Tcb.recovery");
if (offsetof<Tcb>("rcvMask") != TCB_RCV_MASK) ERROR("Tcb.rcvMask");
if (offsetof<Tcb>("srttUs") != TCB_SRTT_US) ERROR("Tcb.srttUs");
if (offsetof<Tcb>("cwnd") != TCB_CWND) ERROR("Tcb.cwnd");
if (offsetof<Tcb>("retransmits") != TCB_RETRANSMITS) ERROR("Tcb.retransmits");
if (offsetof<Tcb>("bytesAcked") != TCB_BYTES_ACKED) ERROR("Tcb.bytesAcked");
if (offsetof<Tcb>("acceptable") != TCB_ACCEPTABLE) ERROR("Tcb.acceptable");
if (offsetof<Tcb>("opt0") + (OPT_TCP_END - OPT_TCP) * 4 > offsetof<Tcb>("rexmt0")) ERROR("Tcb.opt0");
if (offsetof<Tcb>("rexmt0") != TCB_TIMER_REXMT) ERROR("Tcb.rexmt0");
if (offsetof<Tcb>("life0") != TCB_TIMER_LIFE) ERROR("Tcb.life0");
if (offsetof<Timer>("prev") != TIMER_PREV || offsetof<Timer>("at") != TIMER_AT) ERROR("Timer");
