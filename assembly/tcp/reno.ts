// Reno: RFC 5681 §3.1, counting bytes (RFC 3465).

import { TCB_LOSS } from "../abi/tcp";
import { Tcb } from "./tcb";

/** The largest window that can be advertised (RFC 7323 §2.3): no more can be in flight. */
const CWND_MOST: u32 = 1 << 30;

/** `acked` bytes are acknowledged: slow start or congestion avoidance. */
export function renoAcked(t: Tcb, acked: u32): void {
  const mss = t.sndMss;
  let grow = mss;
  if (t.cwnd < t.ssthresh) {
    // RFC 3465 §2.3: two segments for an ACK, but one while what was lost is sent again.
    grow = min<u32>(acked, t.recovery == <u8>TCB_LOSS ? mss : mss << 1);
  } else {
    t.ackedBytes += acked;
    if (t.ackedBytes < t.cwnd) return;
    t.ackedBytes -= t.cwnd;
  }
  t.cwnd = min<u32>(t.cwnd + grow, CWND_MOST);
}

/** Slow start's threshold after a loss with so much in flight (RFC 5681 eq. 4). */
export function renoThreshold(t: Tcb, flight: u32): u32 {
  return max<u32>(flight >> 1, t.sndMss << 1);
}
