// Loss: what follows from it. Fast recovery by SACK, where rack.ts says what is lost, or without it (RFC 6582); limited
// transmit (RFC 3042, RFC 6675 §5 step 3); and the state after a timeout (RFC 5681 §3.1). What is lost stands on the
// scoreboard, and output.ts sends it before anything new.
//
//              3 duplicate ACKs, or RACK says so
//     OPEN ---------------------------------------> FAST
//      ^  ^ \                                        |  |
//      |  |  \            timeout                    |  |
//      |  '---\--------------------- all before `recover` is acknowledged
//      |       v                                        |
//      '----- LOSS <------------------------------------'  timeout

import {
  CTR_TCP_FAST_RECOVERIES,
  CTR_TCP_IN_DUPLICATE_ACKS,
  CTR_TCP_LIMITED_TRANSMITS,
  CTR_TCP_SACK_RECOVERIES,
} from "../abi/counter";
import { TCB_F_FIN_RECEIVED, TCB_F_RETRANSMIT, TCB_F_SACK, TCB_F_UNDO, TCB_FAST, TCB_LOSS, TCB_OPEN } from "../abi/tcp";
import { count } from "../core/counter";
import { TCPOPTS_SACK } from "../wire/tcp-options";
import { congestionAcked, congestionHold, congestionReduce, congestionTimeout } from "./congestion";
import { DELIVERY, deliveryBegin } from "./delivery";
import { ecnReduced } from "./ecn";
import { mtuProbeMissing } from "./mtu-probe";
import { prrEnter, prrWindow } from "./prr";
import { DUP_THRESH, rackDetect, rackRecovered, rackTimeout, rackUpdate } from "./rack";
import { inFlight, scoreboardLose } from "./scoreboard";
import { OPTIONS } from "./segment";
import { seqLe, seqLt, seqMax, seqMin } from "./seq";
import { Tcb } from "./tcb";
import { TLP_NONE } from "./tlp";
import { undoAck, undoBegin, undoForget } from "./undo";

function bySack(t: Tcb): bool {
  return (t.flags & TCB_F_SACK) != 0;
}

/** The connection is established: nothing is lost, and `recover` lies below all that is acknowledged (RFC 6582 §3.2). */
export function recoveryInit(t: Tcb): void {
  t.recovery = <u8>TCB_OPEN;
  t.recover = t.iss;
  t.dupAcks = 0;
}

/** An acceptable ACK has moved SND.UNA by `acked` bytes of data, and DELIVERY tells what has arrived. `duplicate`: in the
 * sense of RFC 5681 §2; `sacked`: it told of bytes not known to have arrived, which makes it a duplicate by RFC 6675 §2,
 * even if it moved SND.UNA. How long until more is lost, microseconds; 0 if nothing may be. */
export function recoveryAck(t: Tcb, acked: u32, duplicate: bool, sacked: bool): u32 {
  if ((t.flags & TCB_F_UNDO) != 0) undoAck(t, acked != 0);
  if (acked != 0) {
    t.dupAcks = 0;
    if (t.recovery != <u8>TCB_FAST) congestionAcked(t, acked);
    else if (!bySack(t)) fastAck(t, acked);
  }
  if (seqLe(t.recover, t.sndUna)) {
    // RFC 9937 §6: what is left of the window when it ends says nothing.
    if (t.recovery == <u8>TCB_FAST && bySack(t)) t.cwnd = t.ssthresh;
    if (t.recovery != <u8>TCB_OPEN) rackRecovered(t);
    t.recovery = <u8>TCB_OPEN;
    t.flags &= ~TCB_F_RETRANSMIT;
    // It stays near, so that comparing it means something however much is sent.
    t.recover = seqMax(t.recover, t.sndUna - 1);
  }
  if (bySack(t) && !(duplicate && !sacked && sackEnds(t))) return sackAck(t, acked, sacked);
  if (duplicate) duplicateAck(t);
  return 0;
}

/** A duplicate that tells of nothing new. A peer that has sent its FIN may tell of nothing by SACK any more (gVisor's does
 * not): after as many without the option as make a loss it is heard as one without. Nor is there anything to tell it by SACK. */
function sackEnds(t: Tcb): bool {
  if ((t.flags & TCB_F_FIN_RECEIVED) == 0 || (OPTIONS.seen & TCPOPTS_SACK) != 0) return false;
  if (t.recovery != <u8>TCB_OPEN || t.sackedBytes != 0) return false;
  if (<u32>t.dupAcks + 1 < DUP_THRESH) {
    countDuplicate(t);
    return false;
  }
  t.flags &= ~TCB_F_SACK;
  return true;
}

function sackAck(t: Tcb, acked: u32, sacked: bool): u32 {
  rackUpdate(t);
  if (sacked) countDuplicate(t);
  // What is overdue without a hole that SACK shows was sent again: there is none outside of recovery.
  if (t.recovery == <u8>TCB_OPEN && t.sackedBytes == 0) return 0;
  const before = t.lostBytes;
  const wait = detect(t);
  if (t.recovery == <u8>TCB_FAST && DELIVERY.bytes != 0) prrWindow(t, acked != 0 && t.lostBytes == before, 0);
  return wait;
}

/** The reordering window is over: what is lost now? How long until more is, microseconds. */
export function recoveryReorder(t: Tcb): u32 {
  const before = t.lostBytes;
  deliveryBegin(t);
  const wait = detect(t);
  // No ACK lets anything go: one segment, whose ACK will.
  if (t.recovery == <u8>TCB_FAST && t.lostBytes != before) prrWindow(t, false, t.sndMss);
  return wait;
}

function detect(t: Tcb): u32 {
  const before = t.lostBytes;
  const wait = rackDetect(t);
  if (t.recovery == <u8>TCB_OPEN && t.lostBytes != before) fastEnter(t);
  return wait;
}

function countDuplicate(t: Tcb): void {
  count(CTR_TCP_IN_DUPLICATE_ACKS);
  if (t.dupAcks == 0) t.flightEnd = t.sndMax;
  if (t.dupAcks != 255) t.dupAcks++;
}

/** Fast recovery without SACK goes on, or ends. */
function fastAck(t: Tcb, acked: u32): void {
  const mss = t.sndMss;
  if (seqLe(t.recover, t.sndUna)) {
    // RFC 6582 §3.2 step 3, a full acknowledgment: no burst follows.
    t.cwnd = min<u32>(t.ssthresh, max<u32>(t.sndMax - t.sndUna, mss) + mss);
    return;
  }
  // A partial one: what it leaves at the front is lost as well.
  loseFirst(t);
  t.cwnd -= min<u32>(acked, t.cwnd);
  if (acked >= mss) t.cwnd += mss;
  t.cwnd = max<u32>(t.cwnd, mss);
}

function duplicateAck(t: Tcb): void {
  countDuplicate(t);
  if (t.recovery == <u8>TCB_FAST) {
    // RFC 5681 §3.2 step 4, and by no more than was outstanding: a receiver cannot make up segments.
    if (t.cwnd < t.ssthresh + (t.recover - t.sndUna)) t.cwnd += t.sndMss;
    return;
  }
  // RFC 6582 §3.2 step 2: duplicates of what a timeout has sent again mean nothing.
  if (t.recovery != <u8>TCB_OPEN || <u32>t.dupAcks < DUP_THRESH || !seqLt(t.recover, t.sndUna)) return;
  fastEnter(t);
  t.cwnd += DUP_THRESH * t.sndMss;
  loseFirst(t);
}

/** The first segment is lost, and goes again. */
function loseFirst(t: Tcb): void {
  scoreboardLose(t, t.sndUna, seqMin(t.sndUna + t.sndMss, t.sndMax));
  t.flags |= TCB_F_RETRANSMIT;
}

/** RFC 6675 §5 step 4; RFC 5681 §3.2 steps 2 and 3. */
function fastEnter(t: Tcb): void {
  // What was reduced before is not in question any more.
  undoForget(t, true);
  // RFC 4821 §7.5: too long, and no sign of congestion.
  if (mtuProbeMissing(t)) congestionHold(t);
  else if (!ecnReduced(t)) {
    congestionReduce(t, (t.dupAcks != 0 ? t.flightEnd : t.sndMax) - t.sndUna);
    undoBegin(t, false);
  }
  t.cwnd = t.ssthresh;
  count(CTR_TCP_FAST_RECOVERIES);
  if (bySack(t)) {
    count(CTR_TCP_SACK_RECOVERIES);
    prrEnter(t);
  }
  t.recovery = <u8>TCB_FAST;
  t.tlp = TLP_NONE;
  t.recover = t.sndMax;
  t.flags |= TCB_F_RETRANSMIT;
}

/** The retransmission timer has expired: what was sent goes again from SND.UNA on, but for what the peer says it has. */
export function recoveryTimeout(t: Tcb): void {
  if (t.recovery == <u8>TCB_FAST && bySack(t)) t.cwnd = t.ssthresh;
  // RFC 5681 §3.1: if the segment goes again and again, slow start's threshold stays.
  const first = t.recovery != <u8>TCB_LOSS;
  const open = t.recovery == <u8>TCB_OPEN;
  if (first) congestionTimeout(t, t.sndMax - t.sndUna);
  if (open) undoBegin(t, true);
  else undoForget(t, first);
  t.cwnd = t.sndMss;
  t.ackedBytes = 0;
  t.recovery = <u8>TCB_LOSS;
  t.tlp = TLP_NONE;
  t.dupAcks = 0;
  // RFC 6582 §3.2 step 4, RFC 6675 §5.1: no fast retransmit before all this is acknowledged.
  t.recover = t.sndMax;
  // The next round trip that is known is that of anything.
  t.rttSeq = t.sndUna;
  if (bySack(t)) rackTimeout(t);
  else scoreboardLose(t, t.sndUna, t.sndMax);
  t.flags |= TCB_F_RETRANSMIT;
}

/** A segment from `seq` to `end` has been sent, for the first time if `fresh`; SND.MAX is not moved yet. */
export function recoverySent(t: Tcb, seq: u32, end: u32, fresh: bool): void {
  t.prrOut += end - seq;
  // Only duplicate ACKs allow for more than cwnd.
  if (!fresh) t.flags &= ~TCB_F_RETRANSMIT;
  else if (t.recovery == <u8>TCB_OPEN && t.dupAcks != 0 && end - t.sndUna > t.cwnd) count(CTR_TCP_LIMITED_TRANSMITS);
}

/** Bytes that congestion control lets go now. */
export function recoveryWindow(t: Tcb): u32 {
  let most = t.cwnd;
  // RFC 3042 §2. By SACK what has arrived has left the network: the same, and no more is to be added.
  if (t.recovery == <u8>TCB_OPEN && !bySack(t)) most += min<u32>(t.dupAcks, DUP_THRESH - 1) * t.sndMss;
  const used = inFlight(t);
  return most > used ? most - used : 0;
}
