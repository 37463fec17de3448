// Pacing: a connection's segments are spread over time, rather than sent as fast as windows allow. How fast is what the
// application says (OPT_TCP_PACING_RATE), or with SW_TCP_PACING a window in a round trip and some more, so that the window
// can still grow; the lesser of both. Off, it costs a segment two loads.
//
// Segments go in bursts of two, or of a millisecond's worth if that is more. `at` of the timer is when the last of what was
// sent would be on its way at that rate; a burst is over when that is far enough ahead, and the next begins then. ACKs
// alone are never held back; what is sent again after a timeout goes at once.

import { CTR_TCP_PACED } from "../abi/counter";
import { OPT_TCP_PACING_RATE } from "../abi/socket";
import { SW_TCP_PACING } from "../abi/switch";
import { now } from "../core/clock";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { timerArm, timerArmed, timerCancel } from "../core/timer";
import { paceTimer, Tcb, tcpOption } from "./tcb";

const SECOND_US: u64 = 1000000;
const BURST_US: u64 = 1000;
const BURST_SEGMENTS: u64 = 2;

/** Is anything paced here? */
function isPaced(t: Tcb): bool {
  return (tcpOption(t, OPT_TCP_PACING_RATE) | switchValue(SW_TCP_PACING)) != 0;
}

/** Bytes a second; 0 = as many as may go. Two windows in a round trip in slow start, 1.2 later (as Linux); as long as no
 * round trip was measured, what the application says alone. */
function rate(t: Tcb): u64 {
  const most: u64 = tcpOption(t, OPT_TCP_PACING_RATE);
  if (switchValue(SW_TCP_PACING) == 0 || t.srttUs == 0) return most;
  const tenths: u64 = t.cwnd < t.ssthresh ? 20 : 12;
  // RFC 3168 §6.1.2 leaves no window at times; the timer sends all the same.
  const own = max<u64>((tenths * max<u32>(t.cwnd, t.sndMss) * (SECOND_US / 10)) / t.srttUs, 1);
  return most != 0 ? min<u64>(own, most) : own;
}

function timeOf(bytes: u64, bytesPerSecond: u64): u64 {
  return (bytes * SECOND_US + bytesPerSecond - 1) / bytesPerSecond;
}

/** A segment is due: is it to wait? Then the timer will come back to it. */
export function paceHolds(t: Tcb): bool {
  return isPaced(t) && holds(t);
}

function holds(t: Tcb): bool {
  const timer = paceTimer(t);
  if (timerArmed(timer)) return true;
  const r = rate(t);
  if (r == 0 || timer.at < now() + max<u64>(timeOf(BURST_SEGMENTS * t.sndMss, r), BURST_US)) return false;
  count(CTR_TCP_PACED);
  timerArm(timer, timer.at);
  return true;
}

/** A segment with so many bytes of payload has gone. */
export function paceSent(t: Tcb, len: u32): void {
  if (isPaced(t)) sent(t, len);
}

function sent(t: Tcb, len: u32): void {
  const r = rate(t);
  const timer = paceTimer(t);
  if (r != 0 && !timerArmed(timer)) timer.at = max<u64>(timer.at, now()) + timeOf(len, r);
}

/** What comes next waits for nothing. */
export function paceReset(t: Tcb): void {
  const timer = paceTimer(t);
  timerCancel(timer);
  timer.at = 0;
}
