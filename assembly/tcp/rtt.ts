// The round-trip time, and from it the retransmission timeout: RFC 6298. One segment in a round trip is timed, to the
// microsecond, and none that was retransmitted (Karn's algorithm, §3); where so nothing can be timed, the peer's echo of
// our timestamps tells (RFC 7323 §4).

import { SW_TCP_RTO_MIN_MS } from "../abi/switch";
import { nowMs } from "../core/clock";
import { switchValue } from "../core/switch";
import { DELIVERY } from "./delivery";
import { seqLt } from "./seq";
import { Tcb } from "./tcb";

const RTO_FIRST_US: u32 = 1000000;
const RTO_AFTER_SYN_US: u32 = 3000000;
/** How long the least round trip holds (RFC 8985 §6.2 step 1): the path may be another one. */
const MIN_RTT_MS: u32 = 300000;
/** RFC 6298 §2.5. */
const RTO_MOST_US: u32 = 60000000;

/** Nothing is known: RFC 6298 §2.1. */
export function rttInit(t: Tcb): void {
  t.srttUs = 0;
  t.rttvarUs = 0;
  t.rtoUs = RTO_FIRST_US;
  t.backoff = 0;
  t.rttSeq = t.sndUna;
}

/** The handshake is done: RFC 6298 §5.7, if its timer has expired. */
export function rttAfterSyn(t: Tcb, retransmitted: bool): void {
  t.backoff = 0;
  if (retransmitted) t.rtoUs = max<u32>(t.rtoUs, RTO_AFTER_SYN_US);
}

/** A round trip has taken so long: RFC 6298 §2.2 and §2.3. */
export function rttSample(t: Tcb, us: u32): void {
  // 0 means "not known", and the clock ticks in microseconds.
  const r = min<u32>(max<u32>(us, 1), RTO_MOST_US);
  const srtt = t.srttUs;
  if (srtt == 0) {
    t.srttUs = r;
    t.rttvarUs = r >> 1;
  } else {
    const delta = srtt > r ? srtt - r : r - srtt;
    t.rttvarUs = (3 * t.rttvarUs + delta + 2) >> 2;
    t.srttUs = (7 * srtt + r + 4) >> 3;
  }
  const rto = t.srttUs + max<u32>(4 * t.rttvarUs, 1);
  t.rtoUs = min<u32>(max<u32>(rto, switchValue(SW_TCP_RTO_MIN_MS) * 1000), RTO_MOST_US);
  // §5.7: the measurement ends the backing off.
  t.backoff = 0;
}

/** How long to wait now, microseconds: twice as long after each timeout (RFC 6298 §5.5). */
export function rtoUs(t: Tcb): u64 {
  return min<u64>((<u64>t.rtoUs) << min<u32>(t.backoff, 31), RTO_MOST_US);
}

/** What DELIVERY tells, up to its end, of an ACK of all before `ack`; that echoes `tsEcr`, if `hasTs`. */
export function rttOnAck(t: Tcb, ack: u32, tsEcr: u32, hasTs: bool): void {
  const us = DELIVERY.rttUs;
  if (us != 0) {
    if (t.minRttUs == 0 || us <= t.minRttUs || nowMs() - t.minRttMs > MIN_RTT_MS) {
      t.minRttUs = us;
      t.minRttMs = nowMs();
    }
    if (!seqLt(t.rttSeq, DELIVERY.end)) return;
    rttSample(t, us);
  } else {
    if (!hasTs || !seqLt(t.rttSeq, ack)) return;
    // What we have never sent, or too long ago, tells nothing.
    const ms = nowMs() + t.tsOffset - tsEcr;
    if (ms > RTO_MOST_US / 1000) return;
    rttSample(t, ms * 1000);
  }
  // The next one that counts is of what is sent from here on.
  t.rttSeq = t.sndMax;
}
