// The timer of what is under way. It waits for one thing at a time (RFC 8985 §8): the end of the reordering window, the time
// for a loss probe (§7.2), or the retransmission timeout (RFC 6298 §5), whose time t.rtoAt stands also while the timer waits
// for something else, and is not overrun.

import { TCB_F_SACK, TCB_OPEN } from "../abi/tcp";
import { now } from "../core/clock";
import { timerArm, timerArmed, timerStop } from "../core/timer";
import { rtoUs } from "./rtt";
import { rexmtTimer, Tcb } from "./tcb";

/** The timeout; of window probes, too. */
export const REXMT_TIMEOUT: u8 = 0;
/** What is not SACKed by then is lost (RFC 8985 §6.2 step 5). */
export const REXMT_REORDER: u8 = 1;
/** A loss probe is to go. */
export const REXMT_PROBE: u8 = 2;

/** TLP.max_ack_delay (RFC 8985 §7.2): how long a peer may wait with the ACK of a single segment. */
const ACK_DELAY_US: u32 = 200000;
/** Before a round trip is known. */
const PROBE_FIRST_US: u32 = 1000000;
/** No probe goes earlier: a host may not have had its turn by then. */
const PROBE_LEAST_US: u32 = 10000;

/** An ACK has moved SND.UNA (`acked`), or told of something; `wait` microseconds remain until something is lost, 0 if that is
 * not known of anything. */
export function rexmtOnAck(t: Tcb, acked: bool, wait: u32): void {
  if (t.sndUna == t.sndMax) {
    timerStop(rexmtTimer(t));
    return;
  }
  // RFC 6298 §5.3.
  if (acked) t.rtoAt = timeoutAt(t);
  const at = now() + wait;
  if (wait == 0 || at >= t.rtoAt) arm(t);
  else set(t, REXMT_REORDER, at);
}

/** A segment has been sent, from SND.UNA on if `first`: RFC 6298 §5.1, RFC 8985 §7.2. */
export function rexmtOnSend(t: Tcb, first: bool): void {
  const armed = timerArmed(rexmtTimer(t));
  if (first || !armed) t.rtoAt = timeoutAt(t);
  if (!armed || t.rexmtMode != REXMT_REORDER) arm(t);
}

/** The timer waits for a timeout that begins now, or for another answer to a window probe. */
export function rexmtRestart(t: Tcb): void {
  t.rtoAt = timeoutAt(t);
  set(t, REXMT_TIMEOUT, t.rtoAt);
}

/** No probe could go: the timeout is waited for. */
export function rexmtWait(t: Tcb): void {
  set(t, REXMT_TIMEOUT, t.rtoAt);
}

/** When a timeout that begins now is over: not beyond the end of patience. */
function timeoutAt(t: Tcb): u64 {
  const at = now() + rtoUs(t);
  return t.giveUpAt != 0 ? min<u64>(at, t.giveUpAt) : at;
}

/** Waits for the timeout, or for the time of a probe before it. */
function arm(t: Tcb): void {
  const probe = mayProbe(t);
  set(t, probe ? REXMT_PROBE : REXMT_TIMEOUT, probe ? min<u64>(now() + probeUs(t), t.rtoAt) : t.rtoAt);
}

function set(t: Tcb, mode: u8, at: u64): void {
  t.rexmtMode = mode;
  timerArm(rexmtTimer(t), at);
}

/** RFC 8985 §7.2: with SACK, while nothing is known to be missing, and one probe at a time. */
function mayProbe(t: Tcb): bool {
  if ((t.flags & TCB_F_SACK) == 0 || t.recovery != <u8>TCB_OPEN) return false;
  return (t.sackedBytes | t.lostBytes | t.tlp) == 0;
}

/** TLP_calc_PTO(), RFC 8985 §7.2. */
function probeUs(t: Tcb): u32 {
  if (t.srttUs == 0) return PROBE_FIRST_US;
  const alone = t.sndMax - t.sndUna <= t.sndMss;
  return max<u32>(2 * t.srttUs, PROBE_LEAST_US) + (alone ? ACK_DELAY_US : 0);
}
