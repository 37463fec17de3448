// Was it for nothing? What tells that a recovery or a timeout was spurious, and what is done then.
//
//   Eifel (RFC 3522)   the first ACK after the retransmission echoes an older timestamp: the original has arrived
//   D-SACK (RFC 3708)  all that was sent again in the episode is reported to have come twice
//   F-RTO (RFC 5682)   after a timeout one segment goes again, then new ones: if what was sent once is acknowledged next,
//                      it was under way
//
// Then cwnd and ssthresh are as before (RFC 4015 §3.2, without a burst), and what was not sent again is not lost. Whoever
// lies gains no larger window than that: each reduction is undone once at the most.

import { CTR_TCP_IN_DSACKS, CTR_TCP_RECOVERIES_UNDONE, CTR_TCP_SPURIOUS_TIMEOUTS } from "../abi/counter";
import { TCB_F_FRTO, TCB_F_RETRANSMIT, TCB_F_SACK, TCB_F_TIMESTAMPS, TCB_F_UNDO, TCB_LOSS, TCB_OPEN } from "../abi/tcp";
import { nowMs } from "../core/clock";
import { count } from "../core/counter";
import { TCPOPTS_TIMESTAMP, tcpSackLeft, tcpSackRight } from "../wire/tcp-options";
import { congestionUndo } from "./congestion";
import { DELIVERY } from "./delivery";
import { rackDsack, rackReordered } from "./rack";
import { inFlight, scoreboardFound } from "./scoreboard";
import { OPTIONS, SEG } from "./segment";
import { seqLe, seqLt, seqMax, seqMin } from "./seq";
import { Tcb } from "./tcb";
import { tlpTwice } from "./tlp";

/** t.undoStage: nothing was sent again yet; the ACK of the first that was is awaited; it has come. */
const SENT: u8 = 1;
const ANSWERED: u8 = 2;

/** t.frto, the steps of RFC 5682 §2.1: the first ACK after the timeout is awaited; that of new data. */
const FRTO_FIRST: u8 = 2;
const FRTO_NEXT: u8 = 3;

/** Segments that may go at once when the window is restored: RFC 4015 §3.2, step (RESTORE). */
const BURST: u32 = 10;

/** The windows were reduced, after a timeout or else to recover what SACKs or duplicates call lost. */
export function undoBegin(t: Tcb, timeout: bool): void {
  t.flags |= TCB_F_UNDO;
  t.undoStage = 0;
  t.undoTimeout = timeout ? 1 : 0;
  t.undoBytes = 0;
  t.undoUna = t.sndUna;
  t.undoEnd = t.sndUna;
  t.frto = timeout ? FRTO_FIRST : 0;
}

/** A timeout follows a recovery, or another one: no step of F-RTO tells anything of it (RFC 5682 §2.1 step 1). */
export function undoForget(t: Tcb, all: bool): void {
  t.frto = 0;
  t.flags &= ~(all ? TCB_F_FRTO | TCB_F_UNDO : TCB_F_FRTO);
}

/** `len` bytes up to `end` go again. */
export function undoSent(t: Tcb, end: u32, len: u32): void {
  if ((t.flags & TCB_F_UNDO) == 0) return;
  if (t.undoStage == 0) {
    t.undoStage = SENT;
    t.undoMs = nowMs();
  }
  t.undoBytes += len;
  t.undoEnd = seqMax(t.undoEnd, end);
}

/** An ACK has moved SND.UNA (`moves`), or told of something by SACK or as a duplicate. */
export function undoAck(t: Tcb, moves: bool): void {
  if (isEifel(t, moves) || isFrto(t, moves)) undo(t);
}

/** RFC 3522 §3.2: the first acceptable ACK decides. */
function isEifel(t: Tcb, moves: bool): bool {
  if (!moves || t.undoStage != SENT) return false;
  t.undoStage = ANSWERED;
  if ((t.flags & TCB_F_TIMESTAMPS) == 0 || (OPTIONS.seen & TCPOPTS_TIMESTAMP) == 0) return false;
  return seqLt(OPTIONS.tsEcr - t.tsOffset, t.undoMs);
}

/** RFC 5682 §2.1, and §3.1 with SACK. */
function isFrto(t: Tcb, moves: bool): bool {
  const step = t.frto;
  if (step == 0) return false;
  t.frto = 0;
  t.flags &= ~TCB_F_FRTO;
  // Step 3 b: what was sent once is acknowledged.
  if (step == FRTO_NEXT) return DELIVERY.once != 0;
  // Step 2 b: new data goes next, if there is any; else 2 a, all that is lost goes again.
  const fresh = <i32>(seqMin(t.sndEnd, t.sndUna + t.sndWnd) - t.sndMax);
  if (!moves || seqLe(t.recover, t.sndUna) || fresh < <i32>t.sndMss) return false;
  t.frto = FRTO_NEXT;
  t.flags |= TCB_F_FRTO;
  return false;
}

/** The segment in hand has a SACK option: does its first block tell of bytes that came twice (RFC 2883 §4)? That is one
 * below the ACK, or within the second. One from before the window is nobody's (RFC 3708 §5). */
export function dsackInput(t: Tcb): bool {
  if ((t.flags & TCB_F_SACK) == 0) return false;
  const left = tcpSackLeft(OPTIONS, 0);
  const right = tcpSackRight(OPTIONS, 0);
  if (!seqLt(left, right) || !seqLe(right, t.sndMax) || seqLt(left, SEG.ack - t.sndMaxWnd)) return false;
  if (!seqLe(right, SEG.ack) && !isWithinSecond(left, right)) return false;
  count(CTR_TCP_IN_DSACKS);
  if (!tlpTwice(t, right)) rackDsack(t);
  if ((t.flags & TCB_F_UNDO) == 0 || t.undoBytes == 0 || seqLt(left, t.undoUna) || seqLt(t.undoEnd, right)) return true;
  t.undoBytes -= min<u32>(right - left, t.undoBytes);
  if (t.undoBytes == 0) undo(t);
  return true;
}

function isWithinSecond(left: u32, right: u32): bool {
  return OPTIONS.sackCount > 1 && seqLe(tcpSackLeft(OPTIONS, 1), left) && seqLe(right, tcpSackRight(OPTIONS, 1));
}

function undo(t: Tcb): void {
  count(t.undoTimeout != 0 ? CTR_TCP_SPURIOUS_TIMEOUTS : CTR_TCP_RECOVERIES_UNDONE);
  if (t.undoTimeout == 0) rackReordered(t);
  undoForget(t, true);
  scoreboardFound(t);
  const reduced = t.cwnd;
  congestionUndo(t);
  // RFC 4015 §3.2: the window comes back in slow start.
  t.ssthresh = max<u32>(t.ssthresh, t.cwnd);
  t.cwnd = max<u32>(reduced, min<u32>(t.cwnd, inFlight(t) + BURST * t.sndMss));
  if (t.recovery == <u8>TCB_LOSS) t.backoff = 0;
  t.recovery = <u8>TCB_OPEN;
  t.flags &= ~TCB_F_RETRANSMIT;
  t.dupAcks = 0;
}
