// The fifth check of RFC 9293 §3.10.7.4: what the ACK field acknowledges, and the window that comes with it; which
// retransmission, congestion control and the states of closing learn from it.

import { DROP_TCP_ACK } from "../abi/drop";
import { EVENT_WRITABLE } from "../abi/event";
import { TCP_FIN, TCP_SYN } from "../abi/proto";
import { SW_TCP_FIN_WAIT_2_MS } from "../abi/switch";
import {
  TCB_F_ECN,
  TCB_F_PERSIST,
  TCB_F_SMALL_OUT,
  TCB_F_URGENT_OUT,
  TCB_F_WANTS_ROOM,
  TCP_CLOSING,
  TCP_FIN_WAIT_1,
  TCP_FIN_WAIT_2,
  TCP_LAST_ACK,
  TCP_SYN_RECEIVED,
} from "../abi/tcp";
import { NEXT_FREE } from "../abi/verdict";
import { now } from "../core/clock";
import { switchUs } from "../core/switch";
import { timerArm, timerStop } from "../core/timer";
import { PCB_ORPHAN } from "../pcb/pcb";
import { TCPOPTS_SACK, TCPOPTS_TIMESTAMP } from "../wire/tcp-options";
import { answerReset } from "./answer";
import { challenge } from "./challenge";
import { connectionEnd, connectionEstablish, connectionTimeWait } from "./connection";
import { deliveryBegin } from "./delivery";
import { ecnAck } from "./ecn";
import { mtuAck } from "./mtu-probe";
import { rackIdle } from "./rack";
import { recoveryAck } from "./recovery";
import { rexmtOnAck } from "./rexmt";
import { rttOnAck } from "./rtt";
import { scoreboardAck, scoreboardLose, scoreboardSack } from "./scoreboard";
import { OPTIONS, SEG, segmentHas } from "./segment";
import { seqLe, seqLt } from "./seq";
import { finQueued, lifeTimer, rexmtTimer, Tcb, tcpEvent, unacknowledged } from "./tcb";
import { TLP_NONE, tlpAck } from "./tlp";
import { dsackInput } from "./undo";

/** The segment's text comes next. */
export const ACK_GOES_ON: u32 = 0xffffffff;

/** The ACK of the segment in hand: ACK_GOES_ON; NEXT_FREE, with which the connection is over; or why it is dropped. */
export function ackInput(t: Tcb): u32 {
  const ack = SEG.ack;
  if (t.state == TCP_SYN_RECEIVED) {
    if (seqLe(ack, t.sndUna) || seqLt(t.sndMax, ack)) {
      answerReset();
      return DROP_TCP_ACK;
    }
    connectionEstablish(t);
    windowSet(t, SEG.wnd << t.sndShift);
  }
  // RFC 5961 §5.2: neither what was not sent, nor what was acknowledged long ago.
  if (seqLt(t.sndMax, ack) || seqLt(ack, t.sndUna - t.sndMaxWnd)) {
    challenge(t);
    return DROP_TCP_ACK;
  }
  ackTake(t, isDuplicate(t));
  return finQueued(t) && t.sndUna == t.sndEnd + 1 ? finAcknowledged(t) : ACK_GOES_ON;
}

/** The ACK of the segment in hand is one of what was sent, not too old: what all learn from it. */
export function ackTake(t: Tcb, duplicate: bool): void {
  const ack = SEG.ack;
  const moves = seqLt(t.sndUna, ack);
  deliveryBegin(t);
  const acked = moves ? advance(t, ack) : 0;
  const sacked = scoreboardSack(t, OPTIONS, ack);
  const twice = (OPTIONS.seen & TCPOPTS_SACK) != 0 && dsackInput(t);
  // The answer to what came twice echoes the first, whose ACK may be what was lost: the wait would be in the sample.
  if (moves || sacked) rttOnAck(t, ack, OPTIONS.tsEcr, !twice && (OPTIONS.seen & TCPOPTS_TIMESTAMP) != 0);
  if (windowIsNewer(t, ack)) windowSet(t, SEG.wnd << t.sndShift);
  if ((t.flags & TCB_F_ECN) != 0) ecnAck(t);
  if ((t.mtuProbe | t.mtuSample) != 0) mtuAck(t);
  if (t.tlp != TLP_NONE) tlpAck(t, moves);
  if (!moves && !sacked && !duplicate) return;
  const wait = recoveryAck(t, acked, duplicate, sacked);
  if (moves || sacked) rexmtOnAck(t, moves, wait);
}

/** RFC 5681 §2: data is outstanding, and the segment says nothing that was not said before. */
function isDuplicate(t: Tcb): bool {
  if (SEG.ack != t.sndUna || t.sndUna == t.sndMax || SEG.len != 0 || segmentHas(TCP_SYN | TCP_FIN)) return false;
  return SEG.wnd << t.sndShift == t.sndWnd && (t.flags & TCB_F_PERSIST) == 0;
}

/** SND.UNA moves to `ack`: bytes of the application's that are acknowledged by that. */
function advance(t: Tcb, ack: u32): u32 {
  scoreboardAck(t, ack);
  let bytes = ack - t.sndUna;
  if (t.sndUna == t.iss) bytes--;
  if (finQueued(t) && ack == t.sndEnd + 1) bytes--;
  t.bytesAcked += bytes;
  t.sndUna = ack;
  // Probes have doubled it, not losses.
  if ((t.flags & TCB_F_PERSIST) != 0) t.backoff = 0;
  t.giveUpAt = 0;
  t.softError = 0;
  t.flags &= ~TCB_F_PERSIST;
  if (ack == t.sndMax) t.flags &= ~TCB_F_SMALL_OUT;
  if ((t.flags & TCB_F_URGENT_OUT) != 0 && seqLe(t.sndUp, ack)) t.flags &= ~TCB_F_URGENT_OUT;
  if ((t.flags & TCB_F_WANTS_ROOM) != 0 && unacknowledged(t) <= t.sndMask - (t.sndMask >>> 2)) {
    t.flags &= ~TCB_F_WANTS_ROOM;
    tcpEvent(t, EVENT_WRITABLE);
  }
  return bytes;
}

/** RFC 9293 §3.10.7.4, fifth: is the window of the segment in hand not older than the one we know? */
function windowIsNewer(t: Tcb, ack: u32): bool {
  if (seqLt(ack, t.sndUna)) return false;
  return seqLt(t.sndWl1, SEG.seq) || (t.sndWl1 == SEG.seq && seqLe(t.sndWl2, ack));
}

/** SND.WND is `wnd`, as the segment in hand says. */
export function windowSet(t: Tcb, wnd: u32): void {
  t.sndWnd = wnd;
  t.sndMaxWnd = max<u32>(t.sndMaxWnd, wnd);
  t.sndWl1 = SEG.seq;
  t.sndWl2 = SEG.ack;
  if ((t.flags & TCB_F_PERSIST) == 0) return;
  // An answer keeps the connection as long as somebody holds it (RFC 9293 MUST-37).
  if (wnd != 0 || (t.pcb.flags & PCB_ORPHAN) == 0) t.giveUpAt = 0;
  if (wnd == 0) return;
  t.flags &= ~TCB_F_PERSIST;
  t.backoff = 0;
  timerStop(rexmtTimer(t));
  // What was beyond the window, probes as well, goes as if it never went; and what went before may be hours ago.
  if (t.sndUna != t.sndMax) scoreboardLose(t, t.sndUna, t.sndMax);
  rackIdle(t);
}

/** Our FIN is acknowledged. */
function finAcknowledged(t: Tcb): u32 {
  switch (t.state) {
    case TCP_FIN_WAIT_1:
      t.state = TCP_FIN_WAIT_2;
      tcpEvent(t, EVENT_WRITABLE);
      if ((t.pcb.flags & PCB_ORPHAN) != 0) finWait2Bound(t);
      return ACK_GOES_ON;
    case TCP_CLOSING:
      connectionTimeWait(t);
      return NEXT_FREE;
    case TCP_LAST_ACK:
      connectionEnd(t, 0);
      return NEXT_FREE;
    default:
      return ACK_GOES_ON;
  }
}

/** Nobody waits for the peer's FIN any more: it is waited for only so long. */
export function finWait2Bound(t: Tcb): void {
  timerArm(lifeTimer(t), now() + switchUs(SW_TCP_FIN_WAIT_2_MS));
}
