// Reno: RFC 5681 §3.1, counting bytes (RFC 3465).

import { Tcb } from "./tcb";

/** The largest window that can be advertised (RFC 7323 §2.3): no more can be in flight. */
export const CWND_MOST: u32 = 1 << 30;

/** `acked` bytes are acknowledged in congestion avoidance: a segment more for each window. */
export function renoAcked(t: Tcb, acked: u32): void {
  t.ackedBytes += acked;
  if (t.ackedBytes < t.cwnd) return;
  t.ackedBytes -= t.cwnd;
  t.cwnd = min<u32>(t.cwnd + t.sndMss, CWND_MOST);
}

/** Slow start's threshold after a loss with so much in flight (RFC 5681 eq. 4). */
export function renoThreshold(t: Tcb, flight: u32): u32 {
  return max<u32>(flight >> 1, t.sndMss << 1);
}
