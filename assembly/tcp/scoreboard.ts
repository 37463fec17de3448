// What became of what was sent: the per-segment state of RFC 8985 §5.1 and the scoreboard of RFC 6675 §3. All from SND.UNA
// to SND.MAX stands here in runs, in order and without gaps: a run is what was sent at one time and shares its fate.
//
//      0                   4                   8
//     +-------------------+-------------------+---------------------------+---+---+---+
//     | end (sequence)    | at (us, low half) | spread (us)               | R | L | S |
//     +-------------------+-------------------+---------------------------+---+---+---+
//
// S: the peer has it. L: it is taken for lost, and was not sent since. R: it was sent before (Segment.retransmitted).
// A run begins where the one before ends, the first at SND.UNA. What follows within a sixteenth of a round trip joins the
// last run: then `at` is the time of its last segment (Segment.xmit_ts), and the first went `spread` before. So a clean
// path has few runs, and a burst is one.
//
// Where the table is full, the two neighbours that differ least become one, with the later time. A SACK that finds no
// room is forgotten, and so may one be: that costs a retransmission, since nothing is given back before it is acknowledged.

import { TCB_F_SACK } from "../abi/tcp";
import { now } from "../core/clock";
import { TCPOPTS_SACK, TcpOptions, tcpSackLeft, tcpSackRight } from "../wire/tcp-options";
import { DELIVERY, delivered } from "./delivery";
import { seqLe, seqLt, seqMax, seqMin } from "./seq";
import { runsMost, runsOf, Tcb } from "./tcb";

@unmanaged
export class Run {
  end: u32;
  at: u32;
  info: u32;
}

export const RUN_SACKED: u32 = 1;
export const RUN_LOST: u32 = 2;
export const RUN_AGAIN: u32 = 4;
const FLAGS: u32 = 7;
const SPREAD_SHIFT: u32 = 3;
const SPREAD_MOST: u32 = 0xffffffff >>> SPREAD_SHIFT;

/** What making one of two costs: less than this while neither is SACKed. */
const COST_SACKED: u32 = 0xc0000000;
const COST_LOST: u32 = 0x40000000;

export function runAt(t: Tcb, i: u32): Run {
  return changetype<Run>(runsOf(t) + i * offsetof<Run>());
}

/** Where run `i` begins. */
export function runBegin(t: Tcb, i: u32): u32 {
  return i == 0 ? t.sndUna : runAt(t, i - 1).end;
}

/** Bytes that are taken to be under way: sent, neither SACKed nor lost (the pipe of RFC 6675, inflight of RFC 9937). */
export function inFlight(t: Tcb): u32 {
  return t.sndMax - t.sndUna - t.sackedBytes - t.lostBytes;
}

/** The connection begins: nothing is sent. */
export function scoreboardInit(t: Tcb): void {
  t.runCount = 0;
  t.sackedBytes = 0;
  t.lostBytes = 0;
}

/** The bytes from `seq` to `end` go out, SND.MAX not moved yet: some of them again, perhaps. */
export function scoreboardSent(t: Tcb, seq: u32, end: u32): void {
  if (seqLt(seq, t.sndMax)) sentAgain(t, seq, seqMin(end, t.sndMax));
  if (!seqLt(t.sndMax, end)) return;
  const at = <u32>now();
  if (t.runCount != 0) {
    const last = runAt(t, t.runCount - 1);
    const spread = (last.info >>> SPREAD_SHIFT) + at - last.at;
    if ((last.info & FLAGS) == 0 && spread <= t.srttUs >>> 4) {
      last.end = end;
      last.at = at;
      last.info = spread << SPREAD_SHIFT;
      return;
    }
    spare(t, 1);
  }
  const run = runAt(t, t.runCount++);
  run.end = end;
  run.at = at;
  run.info = 0;
}

function sentAgain(t: Tcb, left: u32, right: u32): void {
  const at = <u32>now();
  spare(t, 2);
  let i = cut(t, left);
  const last = cut(t, right);
  for (; i < last; i++) {
    const run = runAt(t, i);
    if ((run.info & RUN_SACKED) != 0) continue;
    if ((run.info & RUN_LOST) != 0) t.lostBytes -= run.end - runBegin(t, i);
    run.at = at;
    run.info = RUN_AGAIN;
  }
  join(t);
}

/** The peer acknowledges all before `ack`, SND.UNA not moved yet. */
export function scoreboardAck(t: Tcb, ack: u32): void {
  let i: u32 = 0;
  let begin = t.sndUna;
  while (i < <u32>t.runCount && seqLe(runAt(t, i).end, ack)) {
    const run = runAt(t, i++);
    take(t, run, begin, run.end, 0);
    begin = run.end;
  }
  t.runCount = <u8>(t.runCount - i);
  if (t.runCount == 0) return;
  if (i != 0) memory.copy(runsOf(t), runsOf(t) + i * offsetof<Run>(), t.runCount * offsetof<Run>());
  const first = runAt(t, 0);
  if (begin != ack) take(t, first, begin, ack, first.info >>> SPREAD_SHIFT);
  // RFC 2018 §8: what was SACKed and is not acknowledged with what lies before it, the peer has given up.
  if ((first.info & RUN_SACKED) != 0) forgetSacked(t);
}

/** The bytes from `begin` to `end` of the run have arrived; what ends there was sent up to `slack` before run.at. */
function take(t: Tcb, run: Run, begin: u32, end: u32, slack: u32): void {
  const len = end - begin;
  if ((run.info & RUN_SACKED) != 0) {
    t.sackedBytes -= len;
    return;
  }
  if ((run.info & RUN_LOST) != 0) {
    t.lostBytes -= len;
    DELIVERY.wasLost += len;
  }
  delivered(t, len, end, run.at, slack, (run.info & RUN_AGAIN) != 0);
}

function forgetSacked(t: Tcb): void {
  for (let i: u32 = 0; i < <u32>t.runCount; i++) runAt(t, i).info &= ~RUN_SACKED;
  t.sackedBytes = 0;
}

/** Takes in the SACK option of a segment that acknowledges up to `ack`, SND.UNA moved (Update() of RFC 6675). True if it
 * tells of bytes that were not known to have arrived. What lies below is D-SACK (RFC 2883), what lies above was never
 * sent: nothing. */
export function scoreboardSack(t: Tcb, options: TcpOptions, ack: u32): bool {
  if ((options.seen & TCPOPTS_SACK) == 0 || (t.flags & TCB_F_SACK) == 0) return false;
  const base = seqMax(ack, t.sndUna);
  const most = t.sndMax - base;
  let told = false;
  for (let i: u32 = 0; i < options.sackCount; i++) {
    const left = tcpSackLeft(options, i);
    const right = tcpSackRight(options, i);
    // The byte at `base` is the one that is missing.
    if (left == base || left - base >= right - base || right - base > most) continue;
    if (sacked(t, left, right)) told = true;
  }
  return told;
}

/** True if some of it is new, and noted. */
function sacked(t: Tcb, left: u32, right: u32): bool {
  // What is known at either end needs no cut.
  let i = indexOf(t, left);
  if ((runAt(t, i).info & RUN_SACKED) != 0) left = runAt(t, i++).end;
  if (!seqLt(left, right)) return false;
  i = indexOf(t, right - 1);
  if ((runAt(t, i).info & RUN_SACKED) != 0) right = runBegin(t, i);
  if (!seqLt(left, right) || !mayCut(t, left, right)) return false;
  const whole = cuts(t, right) == 0;
  i = cut(t, left);
  const last = cut(t, right);
  for (; i < last; i++) {
    const run = runAt(t, i);
    if ((run.info & RUN_SACKED) != 0) continue;
    const len = run.end - runBegin(t, i);
    take(t, run, run.end - len, run.end, whole || run.end != right ? 0 : run.info >>> SPREAD_SHIFT);
    t.sackedBytes += len;
    DELIVERY.sacked += len;
    run.info = (run.info | RUN_SACKED) & ~RUN_LOST;
  }
  join(t);
  return true;
}

/** The bytes from `left` to `right` are lost, but for those that the peer has. */
export function scoreboardLose(t: Tcb, left: u32, right: u32): void {
  spare(t, 2);
  let i = cut(t, left);
  const last = cut(t, right);
  for (; i < last; i++) runLose(t, i);
  join(t);
}

/** Nothing is lost that was not sent again. */
export function scoreboardFound(t: Tcb): void {
  if (t.lostBytes == 0) return;
  for (let i: u32 = 0; i < <u32>t.runCount; i++) {
    const run = runAt(t, i);
    if ((run.info & (RUN_LOST | RUN_AGAIN)) != RUN_LOST) continue;
    run.info &= ~RUN_LOST;
    t.lostBytes -= run.end - runBegin(t, i);
  }
  join(t);
}

/** Run `i` is lost, if the peer has it not; join() is to follow. */
export function runLose(t: Tcb, i: u32): void {
  const run = runAt(t, i);
  if ((run.info & (RUN_SACKED | RUN_LOST)) != 0) return;
  run.info |= RUN_LOST;
  t.lostBytes += run.end - runBegin(t, i);
}

/** Where the first bytes begin that are lost; only if t.lostBytes tells of any. */
export function scoreboardLost(t: Tcb): u32 {
  let i: u32 = 0;
  while ((runAt(t, i).info & RUN_LOST) == 0) i++;
  return runBegin(t, i);
}

/** Where the lost bytes end that begin at `seq`. */
export function scoreboardLostEnd(t: Tcb, seq: u32): u32 {
  let i = indexOf(t, seq);
  while (i + 1 < <u32>t.runCount && (runAt(t, i + 1).info & RUN_LOST) != 0) i++;
  return runAt(t, i).end;
}

/** Index of the run in which `seq` lies, from SND.UNA to before SND.MAX. */
function indexOf(t: Tcb, seq: u32): u32 {
  let i: u32 = 0;
  while (seqLe(runAt(t, i).end, seq)) i++;
  return i;
}

/** A run begins at `seq` from now on, for which there is room: its index, behind the last one if that is SND.MAX. */
function cut(t: Tcb, seq: u32): u32 {
  if (seq == t.sndMax) return t.runCount;
  const i = indexOf(t, seq);
  if (runBegin(t, i) == seq) return i;
  const run = runAt(t, i);
  memory.copy(changetype<usize>(run) + offsetof<Run>(), changetype<usize>(run), (t.runCount - i) * offsetof<Run>());
  t.runCount++;
  run.end = seq;
  return i + 1;
}

/** Is there room for the two cuts, or can it be made without forgetting what the peer has? */
function mayCut(t: Tcb, left: u32, right: u32): bool {
  while (<u32>t.runCount + 2 > runsMost()) {
    if (<u32>t.runCount + cuts(t, left) + cuts(t, right) <= runsMost()) return true;
    if (!mergeCheapest(t, COST_SACKED)) return false;
  }
  return true;
}

/** Runs more that a cut at `seq` makes: 0 or 1. */
function cuts(t: Tcb, seq: u32): u32 {
  return seq == t.sndMax || runBegin(t, indexOf(t, seq)) == seq ? 0 : 1;
}

/** Makes room for `count` runs more. */
function spare(t: Tcb, count: u32): void {
  while (<u32>t.runCount + count > runsMost()) mergeCheapest(t, 0xffffffff);
}

/** One run of the two neighbours that differ least; false if that costs `limit` or more. */
function mergeCheapest(t: Tcb, limit: u32): bool {
  let best: u32 = 0;
  for (let i: u32 = 1; i < <u32>t.runCount; i++) {
    const price = cost(runAt(t, i - 1), runAt(t, i));
    if (price >= limit) continue;
    limit = price;
    best = i;
  }
  if (best == 0) return false;
  settle(t, best - 1, runAt(t, best).info);
  settle(t, best, runAt(t, best - 1).info);
  blend(runAt(t, best - 1), runAt(t, best));
  t.runCount--;
  const after = changetype<usize>(runAt(t, best));
  memory.copy(after, after + offsetof<Run>(), (t.runCount - best) * offsetof<Run>());
  return true;
}

/** Run `i` keeps only those flags that its neighbour has, too. */
function settle(t: Tcb, i: u32, info: u32): void {
  const run = runAt(t, i);
  const gone = run.info & ~info;
  if ((gone & RUN_LOST) != 0) t.lostBytes -= run.end - runBegin(t, i);
  if ((gone & RUN_SACKED) != 0) t.sackedBytes -= run.end - runBegin(t, i);
  run.info &= ~(gone & (RUN_LOST | RUN_SACKED));
}

function cost(a: Run, b: Run): u32 {
  if (((a.info | b.info) & RUN_SACKED) != 0) return COST_SACKED;
  const apart = min<u32>(a.at - b.at, b.at - a.at);
  return min<u32>(apart, COST_LOST - 1) + (((a.info ^ b.info) & RUN_LOST) != 0 ? COST_LOST : 0);
}

/** `a` becomes what it and `b` behind it are together, sent when the later one was. */
function blend(a: Run, b: Run): void {
  const first = seqMin(a.at - (a.info >>> SPREAD_SHIFT), b.at - (b.info >>> SPREAD_SHIFT));
  a.at = seqMax(a.at, b.at);
  a.end = b.end;
  a.info = ((a.info | b.info) & FLAGS) | (min<u32>(a.at - first, SPREAD_MOST) << SPREAD_SHIFT);
}

/** Neighbours become one where nothing tells them apart that matters: of what the peer has, nothing does; of what is
 * lost, not when it was sent. */
export function join(t: Tcb): void {
  let kept: u32 = 0;
  for (let i: u32 = 1; i < <u32>t.runCount; i++) {
    const a = runAt(t, kept);
    const b = runAt(t, i);
    const known = (a.info & b.info & RUN_SACKED) != 0;
    const alike = ((a.info ^ b.info) & FLAGS) == 0 && ((a.info & RUN_LOST) != 0 || (a.info == b.info && a.at == b.at));
    if (known || alike) blend(a, b);
    else memory.copy(changetype<usize>(runAt(t, ++kept)), changetype<usize>(b), offsetof<Run>());
  }
  t.runCount = <u8>(kept + 1);
}
