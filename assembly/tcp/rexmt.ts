// The timer of what is under way. It waits for one thing at a time (RFC 8985 §8): the end of the reordering window, or the
// retransmission timeout (RFC 6298 §5), whose time t.rtoAt stands also while the timer waits for something else.

import { now } from "../core/clock";
import { timerArm, timerArmed, timerStop } from "../core/timer";
import { rtoUs } from "./rtt";
import { rexmtTimer, Tcb } from "./tcb";

/** The timeout; of window probes, too. */
export const REXMT_TIMEOUT: u32 = 0;
/** What is not SACKed by then is lost (RFC 8985 §6.2 step 5). */
export const REXMT_REORDER: u32 = 1;

/** An ACK has moved SND.UNA, or `wait` microseconds remain until something is lost (0 = not known of anything). */
export function rexmtOnAck(t: Tcb, acked: bool, wait: u32): void {
  if (t.sndUna == t.sndMax) {
    timerStop(rexmtTimer(t));
    return;
  }
  // RFC 6298 §5.3.
  if (acked) t.rtoAt = timeoutAt(t);
  arm(t, wait);
}

/** Bytes from SND.UNA on, or the first at all, have been sent: RFC 6298 §5.1. */
export function rexmtOnSend(t: Tcb, first: bool): void {
  if (timerArmed(rexmtTimer(t)) && !first) return;
  t.rtoAt = timeoutAt(t);
  if (!timerArmed(rexmtTimer(t)) || t.rexmtMode == REXMT_TIMEOUT) arm(t, 0);
}

/** The timer waits for a timeout that begins now, or for another answer to a probe. */
export function rexmtRestart(t: Tcb): void {
  t.rtoAt = timeoutAt(t);
  arm(t, 0);
}

/** When a timeout that begins now is over: not beyond the end of patience. */
function timeoutAt(t: Tcb): u64 {
  const at = now() + rtoUs(t);
  return t.giveUpAt != 0 ? min<u64>(at, t.giveUpAt) : at;
}

function arm(t: Tcb, wait: u32): void {
  const at = now() + wait;
  const reorder = wait != 0 && at < t.rtoAt;
  t.rexmtMode = reorder ? REXMT_REORDER : REXMT_TIMEOUT;
  timerArm(rexmtTimer(t), reorder ? at : t.rtoAt);
}
