// Urgent pointer, text and FIN of a segment: RFC 9293 §3.10.7.4, sixth to eighth. Text goes to its place in the receive
// ring, in order or not: what came out of order already lies where it will be read.

import { CTR_TCP_IN_OUT_OF_ORDER } from "../abi/counter";
import { DROP_TCP_HOLES } from "../abi/drop";
import { EVENT_READABLE, EVENT_URGENT } from "../abi/event";
import { TCP_FIN, TCP_URG } from "../abi/proto";
import { SW_TCP_ACK_DELAY_MS } from "../abi/switch";
import {
  TCB_F_ACK_NOW,
  TCB_F_DEAF,
  TCB_F_FIN_RECEIVED,
  TCB_F_FIN_WAITS,
  TCB_F_URGENT_IN,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT_1,
  TCP_FIN_WAIT_2,
} from "../abi/tcp";
import { NEXT_FREE } from "../abi/verdict";
import { now } from "../core/clock";
import { count } from "../core/counter";
import { switchUs } from "../core/switch";
import { timerArm, timerArmed } from "../core/timer";
import { checksumJoin } from "../wire/checksum";
import { copySum } from "../wire/copy-checksum";
import { ackSend } from "./challenge";
import { connectionTimeWait } from "./connection";
import { ackGather, ackIsDue } from "./gather";
import { rangeAdd, rangeTake } from "./reassembly";
import { SEG, segmentHas } from "./segment";
import { seqLt } from "./seq";
import { ackTimer, synchronized, Tcb, tcpEvent } from "./tcb";

/** Sixth: the urgent pointer (RFC 9293 §3.8.5, RFC 6093: it points behind the urgent data). */
export function urgentInput(t: Tcb): void {
  if (!segmentHas(TCP_URG) || (t.flags & TCB_F_FIN_RECEIVED) != 0) return;
  // Once it was read, where the urgent data before ended means nothing: it may be half the sequence space behind.
  if (!seqLt(t.rcvRead, SEG.up) || ((t.flags & TCB_F_URGENT_IN) != 0 && !seqLt(t.rcvUp, SEG.up))) return;
  t.rcvUp = SEG.up;
  t.flags |= TCB_F_URGENT_IN;
  tcpEvent(t, EVENT_URGENT);
}

/** Does the segment bring text? Behind a FIN there is none (CLOSE-WAIT and later). */
export function isText(t: Tcb): bool {
  return SEG.len != 0 && (t.flags & TCB_F_FIN_RECEIVED) == 0;
}

/** Seventh: the text, which has been cut to the window: NEXT_FREE, or why it is dropped. */
export function textInput(t: Tcb): u32 {
  if (!isText(t)) return NEXT_FREE;
  if (SEG.seq != t.rcvNxt) return outOfOrder(t);
  copyIn(t);
  textTake(t);
  return NEXT_FREE;
}

/** The text in hand stands in the ring at RCV.NXT: it is received. */
export function textTake(t: Tcb): void {
  t.rcvMss = max<u32>(t.rcvMss, SEG.len);
  const before = t.rcvNxt;
  t.rcvNxt += SEG.len;
  if (t.rangeCount == 0) delayAck(t);
  else {
    // RFC 5681 §4.2: at once when a hole is filled, in part or whole.
    t.rcvNxt = rangeTake(t);
    t.flags |= TCB_F_ACK_NOW;
  }
  t.bytesReceived += t.rcvNxt - before;
  if ((t.flags & TCB_F_DEAF) != 0) t.rcvRead = t.rcvNxt;
  else if (synchronized(t)) tcpEvent(t, EVENT_READABLE);
}

/** RFC 5681 §4.2: a segment that leaves a hole is acknowledged at once, whether it is kept or not. */
function outOfOrder(t: Tcb): u32 {
  t.flags |= TCB_F_ACK_NOW;
  count(CTR_TCP_IN_OUT_OF_ORDER);
  if (!rangeAdd(t, SEG.seq, SEG.seq + SEG.len)) return DROP_TCP_HOLES;
  copyIn(t);
  return NEXT_FREE;
}

function copyIn(t: Tcb): void {
  const place = SEG.seq & t.rcvMask;
  const first = min<u32>(SEG.len, t.rcvMask + 1 - place);
  memory.copy(t.rcvRing + place, SEG.data, first);
  if (first != SEG.len) memory.copy(t.rcvRing, SEG.data + first, SEG.len - first);
}

/** copyIn() of a segment whose place is free (no text waits out of order): the sum of its text. */
export function copyInSum(t: Tcb): u32 {
  const place = SEG.seq & t.rcvMask;
  const first = min<u32>(SEG.len, t.rcvMask + 1 - place);
  const s = copySum(t.rcvRing + place, SEG.data, first);
  return first == SEG.len ? s : checksumJoin(s, first, copySum(t.rcvRing, SEG.data + first, SEG.len - first));
}

/** RFC 9293 §3.8.6.3: a full segment, or less, is acknowledged soon; more than that as soon as what has come with it is
 * dealt with. */
function delayAck(t: Tcb): void {
  const delay = switchUs(SW_TCP_ACK_DELAY_MS);
  if (delay == 0) t.flags |= TCB_F_ACK_NOW;
  else if (ackIsDue(t)) ackGather(t);
  else if (!timerArmed(ackTimer(t))) timerArm(ackTimer(t), now() + delay);
}

/** Eighth: the FIN, once all before it is here: true if with it the connection enters TIME-WAIT, and the block is gone. */
export function finInput(t: Tcb): bool {
  if ((t.flags & TCB_F_FIN_RECEIVED) != 0) return false;
  if (segmentHas(TCP_FIN)) {
    t.rcvFin = SEG.seq + SEG.len;
    t.flags |= TCB_F_FIN_WAITS | TCB_F_ACK_NOW;
  }
  if ((t.flags & TCB_F_FIN_WAITS) == 0 || t.rcvFin != t.rcvNxt) return false;
  t.flags = (t.flags & ~TCB_F_FIN_WAITS) | TCB_F_FIN_RECEIVED | TCB_F_ACK_NOW;
  t.rcvNxt++;
  // What a confused peer has sent from beyond its FIN is no text, and not to be reported.
  t.rangeCount = 0;
  tcpEvent(t, EVENT_READABLE);
  switch (t.state) {
    case TCP_ESTABLISHED:
      t.state = TCP_CLOSE_WAIT;
      return false;
    // Were our FIN acknowledged, the fifth check would have made it FIN-WAIT-2.
    case TCP_FIN_WAIT_1:
      t.state = TCP_CLOSING;
      return false;
    case TCP_FIN_WAIT_2:
      ackSend(t);
      connectionTimeWait(t);
      return true;
    default:
      return false;
  }
}
