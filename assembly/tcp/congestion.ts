// How much may be in flight: RFC 5681 §3.1 and §4.1, RFC 6928. What is the same for all algorithms stands here, and what
// a connection's own one says is asked by its number; recovery.ts decides when.

import { TCP_ECE } from "../abi/proto";
import { OPT_TCP_CONGESTION } from "../abi/socket";
import { TCB_F_CWR, TCB_F_ECN, TCB_F_UNDO, TCB_LOSS, TCB_OPEN, TCP_CONGESTION_CUBIC } from "../abi/tcp";
import { nowMs } from "../core/clock";
import { cubicAcked, cubicRestart, cubicThreshold, cubicTimeout } from "./cubic";
import { DELIVERY } from "./delivery";
import { hystartAcked } from "./hystart";
import { CWND_MOST, renoAcked, renoThreshold } from "./reno";
import { rtoUs } from "./rtt";
import { segmentHas } from "./segment";
import { Tcb, tcpOption } from "./tcb";

/** RFC 3168 §6.1.2: no window grows by an ACK that tells of congestion. */
function ecnEchoed(t: Tcb): bool {
  return (t.flags & TCB_F_ECN) != 0 && segmentHas(TCP_ECE) && t.recovery == <u8>TCB_OPEN;
}

/** RFC 5681 §3.1: arbitrarily high. */
const SSTHRESH_FIRST: u32 = 0x7fffffff;

/** RFC 6928 §2. */
function initialWindow(mss: u32): u32 {
  return min<u32>(10 * mss, max<u32>(2 * mss, 14600));
}

/** The algorithm is what OPT_TCP_CONGESTION says from now on: it begins with what cwnd and ssthresh are. */
export function congestionChoose(t: Tcb): void {
  t.congestion = <u8>tcpOption(t, OPT_TCP_CONGESTION);
  memory.fill(words(t), 0, WORDS_BYTES);
  t.countedMs = 0;
}

/** The connection is established. RFC 5681 §3.1: one segment, if the SYN had to be sent again. */
export function congestionInit(t: Tcb): void {
  t.cwnd = t.retransmits != 0 ? t.sndMss : initialWindow(t.sndMss);
  t.ssthresh = SSTHRESH_FIRST;
  t.ackedBytes = 0;
}

/** `acked` bytes more are acknowledged, SND.UNA has moved. What is used by less than half tells nothing of the path, and
 * does not grow (RFC 7661 §4.2 and §4.4.1). */
export function congestionAcked(t: Tcb, acked: u32): void {
  if (t.sndMax - t.sndUna + acked < t.cwnd >> 1) {
    pause(t);
    return;
  }
  if (ecnEchoed(t)) return;
  if (t.ssthresh == SSTHRESH_FIRST) {
    hystartAcked(t, acked, DELIVERY.rttUs);
    return;
  }
  if (t.cwnd < t.ssthresh) {
    // RFC 3465 §2.3: two segments for an ACK, but one while what was lost is sent again.
    const most = t.recovery == <u8>TCB_LOSS ? t.sndMss : t.sndMss << 1;
    t.cwnd = min<u32>(t.cwnd + min<u32>(acked, most), CWND_MOST);
    return;
  }
  switch (<u32>t.congestion) {
    case TCP_CONGESTION_CUBIC:
      cubicAcked(t, acked);
      return;
    default:
      renoAcked(t, acked);
  }
}

/** Time up to now is not counted by CUBIC: the window was not in use (RFC 9438 §5.8). */
function pause(t: Tcb): void {
  if (t.countedMs != 0) t.countedMs = nowMs();
}

/** Something is lost, with `flight` bytes in flight. */
export function congestionReduce(t: Tcb, flight: u32): void {
  if (t.recovery == <u8>TCB_OPEN) remember(t);
  slowStartEnds(t);
  t.ackedBytes = 0;
  // RFC 3168 §6.1.2: for whatever reason.
  if ((t.flags & TCB_F_ECN) != 0) t.flags |= TCB_F_CWR;
  switch (<u32>t.congestion) {
    case TCP_CONGESTION_CUBIC:
      t.ssthresh = cubicThreshold(t, flight);
      return;
    default:
      t.ssthresh = renoThreshold(t, flight);
  }
}

/** Something is lost, but not by congestion: slow start ends, at two segments at least, and nothing is reduced. */
export function congestionHold(t: Tcb): void {
  slowStartEnds(t);
  t.ssthresh = max<u32>(t.cwnd, t.sndMss << 1);
}

/** ssthresh is set. If for the first time, what HyStart++ knew is of no use any more. */
function slowStartEnds(t: Tcb): void {
  if (t.ssthresh == SSTHRESH_FIRST) memory.fill(words(t), 0, WORDS_BYTES);
}

/** The retransmission timer has expired for the first time: RFC 5681 §3.1. */
export function congestionTimeout(t: Tcb, flight: u32): void {
  congestionReduce(t, flight);
  if (t.congestion == TCP_CONGESTION_CUBIC) cubicTimeout(t);
  t.cwnd = t.sndMss;
}

/** Data is to be sent, and nothing is in flight. RFC 5681 §4.1: the window is the initial one again, if that is smaller,
 * when none was sent for a timeout's length. */
export function congestionIdle(t: Tcb): void {
  pause(t);
  if (<u64>(nowMs() - t.sentMs) * 1000 <= rtoUs(t)) return;
  const window = initialWindow(t.sndMss);
  if (t.cwnd <= window) return;
  t.cwnd = window;
  if (t.countedMs != 0) cubicRestart(t);
}

/** Address and length of the words that the algorithm keeps. */
function words(t: Tcb): usize {
  return changetype<usize>(t) + offsetof<Tcb>("cc0");
}

const WORDS_BYTES: usize = offsetof<Tcb>("ccPrior0") - offsetof<Tcb>("cc0");

/** What a reduction changes is kept, as it is. A timeout in fast recovery is no reduction of its own. */
function remember(t: Tcb): void {
  t.flags &= ~TCB_F_UNDO;
  t.ssthreshPrior = t.ssthresh;
  t.cwndPriorPrior = t.cwndPrior;
  t.cwndPrior = t.cwnd;
  memory.copy(changetype<usize>(t) + offsetof<Tcb>("ccPrior0"), words(t), WORDS_BYTES);
}

/** The last reduction was for nothing: all is as before it, the time since then apart (RFC 9438 §4.9). To be called once
 * at the most for each. */
export function congestionUndo(t: Tcb): void {
  t.cwnd = max<u32>(t.cwnd, t.cwndPrior);
  t.ssthresh = t.ssthreshPrior;
  t.cwndPrior = t.cwndPriorPrior;
  memory.copy(words(t), changetype<usize>(t) + offsetof<Tcb>("ccPrior0"), WORDS_BYTES);
  t.countedMs = t.ssthresh == SSTHRESH_FIRST ? 0 : nowMs();
}
