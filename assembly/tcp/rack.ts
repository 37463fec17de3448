// What is lost, by time: RACK (RFC 8985 §6). A segment is, once one sent later has arrived, and a round trip and a little
// more have gone by: the reordering window, which is a part of the least round trip, or nothing while three segments tell
// of the hole and the path was never seen to reorder.

import { CTR_TCP_REORDERINGS } from "../abi/counter";
import { TCB_F_REORDERED, TCB_OPEN } from "../abi/tcp";
import { now } from "../core/clock";
import { count } from "../core/counter";
import { DELIVERY, sentAfter } from "./delivery";
import { join, RUN_LOST, RUN_SACKED, runAt, runLose, scoreboardLose } from "./scoreboard";
import { seqLt, seqMin } from "./seq";
import { Tcb } from "./tcb";

/** DupThresh (RFC 6675 §2), RACK.dupthresh. */
export const DUP_THRESH: u32 = 3;
/** Recoveries for which a wider reordering window holds (§6.2 step 4). */
const REO_PERSIST: u8 = 16;

/** The connection begins. */
export function rackInit(t: Tcb): void {
  t.rackFack = t.iss;
  t.rackEnd = t.iss;
  rackIdle(t);
}

/** Nothing is in flight: what goes from now on was sent later than all that has arrived. (Of times there are the low halves,
 * which tell before from after for half an hour.) */
export function rackIdle(t: Tcb): void {
  t.rackAt = <u32>now();
}

/** §6.2 steps 1 to 3: takes in what DELIVERY tells. */
export function rackUpdate(t: Tcb): void {
  t.rackFack = DELIVERY.top;
  if (DELIVERY.reordered != 0) rackReordered(t);
  if (DELIVERY.any == 0) return;
  t.rackRttUs = <u32>now() - DELIVERY.at + DELIVERY.slack;
  if (!sentAfter(DELIVERY.at, DELIVERY.end, t.rackAt, t.rackEnd)) return;
  t.rackAt = DELIVERY.at;
  t.rackEnd = DELIVERY.end;
}

/** The path reorders: step 3, or a recovery turned out to be for nothing. */
export function rackReordered(t: Tcb): void {
  if ((t.flags & TCB_F_REORDERED) != 0) return;
  t.flags |= TCB_F_REORDERED;
  count(CTR_TCP_REORDERINGS);
}

/** RACK_update_reo_wnd(), §6.2 step 4, microseconds. */
function reorderWindow(t: Tcb): u32 {
  if ((t.flags & TCB_F_REORDERED) == 0) {
    if (t.recovery != <u8>TCB_OPEN) return 0;
    if (<u32>t.dupAcks >= DUP_THRESH || t.sackedBytes > (DUP_THRESH - 1) * t.sndMss) return 0;
  }
  return <u32>min<u64>(<u64>(t.minRttUs >>> 2) * (1 + t.reoMore), t.srttUs);
}

/** A D-SACK tells that something was sent again for nothing: the window grows by a quarter of the least round trip, once in a
 * round trip, and for 16 recoveries. */
export function rackDsack(t: Tcb): void {
  if (t.reoPersist != 0 && seqLt(t.sndUna, t.reoRound)) return;
  t.reoRound = t.sndMax;
  t.reoPersist = REO_PERSIST;
  if (t.reoMore != 255) t.reoMore++;
}

/** A recovery is over. */
export function rackRecovered(t: Tcb): void {
  if (t.reoPersist != 0 && --t.reoPersist == 0) t.reoMore = 0;
}

/** RACK_detect_loss(), §6.2 step 5: what is overdue is lost. How long until the rest of what might be is, microseconds;
 * 0 if nothing might. */
export function rackDetect(t: Tcb): u32 {
  const due = t.rackRttUs + reorderWindow(t);
  const before = t.lostBytes;
  let wait: u32 = 0;
  for (let i: u32 = 0; i < <u32>t.runCount; i++) {
    const run = runAt(t, i);
    if ((run.info & (RUN_SACKED | RUN_LOST)) != 0 || !sentAfter(t.rackAt, t.rackEnd, run.at, run.end)) continue;
    const passed = <u32>now() - run.at;
    if (passed < due) wait = max<u32>(wait, due - passed);
    else runLose(t, i);
  }
  if (t.lostBytes != before) join(t);
  return wait;
}

/** RACK_mark_losses_on_RTO(), §6.3: the first segment, and all that is overdue. */
export function rackTimeout(t: Tcb): void {
  const due = t.rackRttUs + reorderWindow(t);
  for (let i: u32 = 0; i < <u32>t.runCount; i++) if (<u32>now() - runAt(t, i).at >= due) runLose(t, i);
  scoreboardLose(t, t.sndUna, seqMin(t.sndUna + t.sndMss, t.sndMax));
}
