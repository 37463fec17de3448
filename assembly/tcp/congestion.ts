// How much may be in flight: RFC 5681 §3.1 and §4.1, RFC 6928. What is the same for all algorithms stands here, and what
// a connection's own one says is asked by its number; recovery.ts decides when.

import { TCP_ECE } from "../abi/proto";
import { TCB_F_CWR, TCB_F_ECN, TCB_OPEN } from "../abi/tcp";
import { nowMs } from "../core/clock";
import { renoAcked, renoThreshold } from "./reno";
import { rtoUs } from "./rtt";
import { segmentHas } from "./segment";
import { Tcb } from "./tcb";

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

/** The connection is established. RFC 5681 §3.1: one segment, if the SYN had to be sent again. */
export function congestionInit(t: Tcb): void {
  t.cwnd = t.retransmits != 0 ? t.sndMss : initialWindow(t.sndMss);
  t.ssthresh = SSTHRESH_FIRST;
  t.ackedBytes = 0;
}

/** `acked` bytes more are acknowledged, SND.UNA has moved. What is used by less than half tells nothing of the path, and
 * does not grow (RFC 7661 §4.2 and §4.4.1). */
export function congestionAcked(t: Tcb, acked: u32): void {
  if (t.sndNxt - t.sndUna + acked < t.cwnd >> 1 || ecnEchoed(t)) return;
  switch (t.congestion) {
    default:
      renoAcked(t, acked);
  }
}

/** Something is lost, with `flight` bytes in flight. */
export function congestionReduce(t: Tcb, flight: u32): void {
  t.ackedBytes = 0;
  // RFC 3168 §6.1.2: for whatever reason.
  if ((t.flags & TCB_F_ECN) != 0) t.flags |= TCB_F_CWR;
  switch (t.congestion) {
    default:
      t.ssthresh = renoThreshold(t, flight);
  }
}

/** The retransmission timer has expired for the first time: RFC 5681 §3.1. */
export function congestionTimeout(t: Tcb, flight: u32): void {
  congestionReduce(t, flight);
  t.cwnd = t.sndMss;
}

/** Data is to be sent, and nothing is in flight. RFC 5681 §4.1: the window is the initial one again, if that is smaller,
 * when none was sent for a timeout's length. */
export function congestionIdle(t: Tcb): void {
  if (<u64>(nowMs() - t.sentMs) * 1000 <= rtoUs(t)) return;
  t.cwnd = min<u32>(t.cwnd, initialWindow(t.sndMss));
}
