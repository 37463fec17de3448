// Loss: how it is noticed, and what is sent again. Fast retransmit and recovery by SACK (RFC 6675 §5) or without it
// (RFC 6582), limited transmit (RFC 3042, RFC 6675 §5 step 3), and the state after a timeout (RFC 5681 §3.1).
//
//              3 duplicate ACKs, or SACK says so
//     OPEN ---------------------------------------> FAST
//      ^  ^ \                                        |  |
//      |  |  \            timeout                    |  |
//      |  '---\--------------------- all before `recover` is acknowledged
//      |       v                                        |
//      '----- LOSS <------------------------------------'  timeout
//
// highRxt is, in OPEN, where SND.MAX stood when the first duplicate ACK came: what limited transmit sends beyond is not
// counted in FlightSize (RFC 5681 §3.2, step 2).

import {
  CTR_TCP_FAST_RECOVERIES,
  CTR_TCP_IN_DUPLICATE_ACKS,
  CTR_TCP_LIMITED_TRANSMITS,
  CTR_TCP_SACK_RECOVERIES,
} from "../abi/counter";
import { TCB_F_RETRANSMIT, TCB_F_SACK, TCB_FAST, TCB_LOSS, TCB_OPEN } from "../abi/tcp";
import { count } from "../core/counter";
import { congestionAcked, congestionReduce, congestionTimeout } from "./congestion";
import { ecnReduced } from "./ecn";
import { rttForget } from "./rtt";
import {
  DUP_THRESH,
  sackBefore,
  sackClear,
  sackedBelow,
  sackIsLost,
  sackLast,
  sackLimit,
  sackNext,
  sackPipe,
} from "./sack";
import { seqLe, seqLt, seqMax, seqMin } from "./seq";
import { Tcb } from "./tcb";

/** What recoveryNext() found. */
@unmanaged
class Retransmit {
  seq: u32;
  len: u32;
  rescue: u32;
}

const R: Retransmit = changetype<Retransmit>(memory.data(offsetof<Retransmit>(), 4));

export function retransmitSeq(): u32 {
  return R.seq;
}

/** In sequence space: it may cover the FIN. */
export function retransmitLen(): u32 {
  return R.len;
}

function bySack(t: Tcb): bool {
  return (t.flags & TCB_F_SACK) != 0;
}

/** The connection is established: nothing is lost, and `recover` lies below all that is acknowledged (RFC 6582 §3.2). */
export function recoveryInit(t: Tcb): void {
  t.recovery = <u8>TCB_OPEN;
  t.recover = t.iss;
  t.dupAcks = 0;
  t.sackCount = 0;
}

/** An acceptable ACK has moved SND.UNA by `acked` bytes of data. `duplicate`: in the sense of RFC 5681 §2; `sacked`: it told
 * of bytes not known to have arrived, which makes it a duplicate by RFC 6675 §2, even if it moved SND.UNA. */
export function recoveryAck(t: Tcb, acked: u32, duplicate: bool, sacked: bool): void {
  if (acked != 0) {
    t.dupAcks = 0;
    if (t.recovery == <u8>TCB_FAST) fastAck(t, acked);
    else congestionAcked(t, acked);
  }
  if (seqLe(t.recover, t.sndUna)) {
    t.recovery = <u8>TCB_OPEN;
    t.flags &= ~TCB_F_RETRANSMIT;
    // It stays near, so that comparing it means something however much is sent.
    t.recover = seqMax(t.recover, t.sndUna - 1);
  }
  if (bySack(t) ? sacked : duplicate) duplicateAck(t);
}

/** Fast recovery goes on, or ends. */
function fastAck(t: Tcb, acked: u32): void {
  if (bySack(t)) {
    t.highRxt = seqMax(t.highRxt, t.sndUna);
    return;
  }
  const mss = t.sndMss;
  if (seqLe(t.recover, t.sndUna)) {
    // RFC 6582 §3.2 step 3, a full acknowledgment: no burst follows.
    t.cwnd = min<u32>(t.ssthresh, max<u32>(t.sndMax - t.sndUna, mss) + mss);
    return;
  }
  // A partial one: what it leaves at the front is lost as well.
  t.flags |= TCB_F_RETRANSMIT;
  t.cwnd -= min<u32>(acked, t.cwnd);
  if (acked >= mss) t.cwnd += mss;
  t.cwnd = max<u32>(t.cwnd, mss);
}

function duplicateAck(t: Tcb): void {
  count(CTR_TCP_IN_DUPLICATE_ACKS);
  if (t.dupAcks != 255) t.dupAcks++;
  if (t.recovery == <u8>TCB_FAST) {
    // RFC 5681 §3.2 step 4, and by no more than was outstanding: a receiver cannot make up segments.
    if (!bySack(t) && t.cwnd < t.ssthresh + (t.recover - t.sndUna)) t.cwnd += t.sndMss;
    return;
  }
  if (t.recovery != <u8>TCB_OPEN) return;
  if (t.dupAcks == 1) t.highRxt = t.sndMax;
  if (bySack(t)) {
    if (<u32>t.dupAcks >= DUP_THRESH || sackIsLost(t, t.sndUna)) fastEnter(t);
  } else if (<u32>t.dupAcks >= DUP_THRESH && seqLt(t.recover, t.sndUna)) {
    // RFC 6582 §3.2 step 2: duplicates of what a timeout has sent again mean nothing.
    fastEnter(t);
  }
}

/** RFC 6675 §5 step 4; RFC 5681 §3.2 steps 2 and 3. */
function fastEnter(t: Tcb): void {
  if (!ecnReduced(t)) congestionReduce(t, t.highRxt - t.sndUna);
  t.cwnd = t.ssthresh;
  count(CTR_TCP_FAST_RECOVERIES);
  if (bySack(t)) count(CTR_TCP_SACK_RECOVERIES);
  else t.cwnd += DUP_THRESH * t.sndMss;
  t.recovery = <u8>TCB_FAST;
  t.recover = t.sndMax;
  t.highRxt = t.sndUna;
  t.rescueRxt = t.sndUna;
  t.flags |= TCB_F_RETRANSMIT;
}

/** The retransmission timer has expired: all is sent again from SND.UNA on, but for what the peer then says it has. */
export function recoveryTimeout(t: Tcb): void {
  // RFC 5681 §3.1: if the segment goes again and again, slow start's threshold stays.
  if (t.recovery != <u8>TCB_LOSS) congestionTimeout(t, t.sndMax - t.sndUna);
  t.cwnd = t.sndMss;
  t.ackedBytes = 0;
  t.recovery = <u8>TCB_LOSS;
  t.flags &= ~TCB_F_RETRANSMIT;
  t.dupAcks = 0;
  // RFC 6582 §3.2 step 4, RFC 6675 §5.1: no fast retransmit before all this is acknowledged.
  t.recover = t.sndMax;
  t.sndNxt = t.sndUna;
  // RFC 2018 §8: the peer may have given up what it said it has.
  sackClear(t);
  rttForget(t);
}

/** Is something to be sent again in fast recovery? Then retransmitSeq() and retransmitLen() say what. */
export function recoveryNext(t: Tcb): bool {
  if (t.recovery != <u8>TCB_FAST) return false;
  R.rescue = 0;
  if ((t.flags & TCB_F_RETRANSMIT) != 0) return found(t, t.sndUna);
  // RFC 6675 §5 (C), and NextSeg().
  if (!bySack(t) || t.cwnd < sackPipe(t) + t.sndMss) return false;
  let seq = sackNext(t, true);
  if (seq == t.sndMax) {
    // Rule 2 is to send new data.
    if (newDataWaits(t)) return false;
    seq = sackNext(t, false);
  }
  return seq != t.sndMax ? found(t, seq) : rescue(t);
}

function found(t: Tcb, seq: u32): bool {
  R.seq = seq;
  R.len = min<u32>(t.sndMss, sackLimit(t, seq) - seq);
  return R.len != 0;
}

/** Is there a full segment that was never sent, and does the peer's window take it? */
function newDataWaits(t: Tcb): bool {
  return <i32>(seqMin(t.sndEnd, t.sndUna + t.sndWnd) - t.sndMax) >= <i32>t.sndMss;
}

/** NextSeg() rule 4: the end of what is not SACKed goes again, once in a recovery. */
function rescue(t: Tcb): bool {
  if (!seqLt(t.rescueRxt, t.sndUna)) return false;
  const end = sackLast(t);
  R.rescue = 1;
  R.len = min<u32>(t.sndMss, end - sackBefore(t, end));
  R.seq = end - R.len;
  return R.len != 0;
}

/** The segment has been sent, SND.MAX not moved yet. */
export function recoverySent(t: Tcb, seq: u32, len: u32): void {
  const end = seq + len;
  if (seqLe(t.sndMax, seq)) {
    // Only duplicate ACKs allow for more than cwnd.
    if (t.recovery == <u8>TCB_OPEN && t.dupAcks != 0 && end - t.sndUna > t.cwnd) count(CTR_TCP_LIMITED_TRANSMITS);
    return;
  }
  rttForget(t);
  if (t.recovery != <u8>TCB_FAST) return;
  if ((t.flags & TCB_F_RETRANSMIT) != 0) {
    t.flags &= ~TCB_F_RETRANSMIT;
    t.highRxt = end;
    t.rescueRxt = end;
  } else if (R.rescue != 0) {
    t.rescueRxt = t.recover;
  } else {
    t.highRxt = seqMax(t.highRxt, end);
  }
}

/** Bytes that congestion control lets go now, as data not sent before; in LOSS, as data from SND.NXT on. */
export function recoveryWindow(t: Tcb): u32 {
  let most = t.cwnd;
  let used: u32 = 0;
  if (t.recovery == <u8>TCB_FAST && bySack(t)) {
    used = sackPipe(t);
    // RFC 6675 §5 (C): for a whole segment, or nothing.
    if (most < used + t.sndMss) return 0;
  } else {
    used = t.sndNxt - t.sndUna - sackedBelow(t, t.sndNxt);
    // RFC 3042 §2. By SACK what has arrived has left the network: the same, and no more is to be added.
    if (t.recovery == <u8>TCB_OPEN && !bySack(t)) most += min<u32>(t.dupAcks, DUP_THRESH - 1) * t.sndMss;
  }
  return most > used ? most - used : 0;
}
