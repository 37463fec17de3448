// SEGMENT ARRIVES in SYN-RECEIVED and the synchronized states: the eight checks of RFC 9293 §3.10.7.4, in order.

import {
  DROP_TCP_CLOSED,
  DROP_TCP_NO_ACK,
  DROP_TCP_NO_TIMESTAMP,
  DROP_TCP_PAWS,
  DROP_TCP_RST_SEQUENCE,
  DROP_TCP_SEQUENCE,
  DROP_TCP_SYN,
} from "../abi/drop";
import { E_CONNREFUSED, E_CONNRESET } from "../abi/errno";
import { TCP_ACK, TCP_ECE, TCP_RST, TCP_SYN } from "../abi/proto";
import { TCB_F_ACK_NOW, TCB_F_ECN, TCB_F_TIMESTAMPS, TCP_CLOSING, TCP_LAST_ACK, TCP_SYN_RECEIVED } from "../abi/tcp";
import { NEXT_FREE } from "../abi/verdict";
import { nowMs } from "../core/clock";
import { PCB_ORPHAN } from "../pcb/pcb";
import { TCPOPTS_TIMESTAMP } from "../wire/tcp-options";
import { ACK_GOES_ON, ackInput } from "./ack";
import { ackSend, challenge, resetSend } from "./challenge";
import { connectionEnd, isPassive } from "./connection";
import { ecnAgree, ecnSynAgain, ecnText } from "./ecn";
import { synAgain } from "./handshake";
import { tcpOutput } from "./output";
import { dsackNote } from "./reassembly";
import { OPTIONS, SEG, segmentEnd, segmentHas, segmentSpan, segmentTrim } from "./segment";
import { seqLe, seqLt, seqMin } from "./seq";
import { synchronized, Tcb } from "./tcb";
import { finInput, isText, textInput, urgentInput } from "./text";
import { TIMESTAMP_OLD_MS } from "./time-wait";

/** The segment in hand is this connection's: NEXT_FREE, or why it is dropped. The block may be gone afterwards. */
export function arrivesInput(t: Tcb): u32 {
  t.segsIn++;
  // RFC 7323 §5.3: PAWS stands before the sequence number.
  const old = timestampCheck(t);
  if (old != 0) return old;
  // Simultaneous open, RFC 9293 §3.5 figure 8, line 6: the SYN of this SYN-ACK has come before, its ACK counts. Ours goes
  // once more, for a peer that only looks at sequence numbers.
  if (t.state == TCP_SYN_RECEIVED && !isPassive(t) && SEG.seq == t.irs && isSynAck()) {
    ecnAgree(t);
    SEG.seq++;
    SEG.flags &= ~(TCP_SYN | TCP_ECE);
    // RFC 7323 §2.2: a SYN's window is not scaled.
    SEG.wnd >>>= t.sndShift;
    t.flags |= TCB_F_ACK_NOW;
  }
  // Who has probed a closed window acknowledges from before the octet that was taken, as he does not know of that. When
  // both ends have, neither would ever hear what the other acknowledges.
  if (SEG.seq + 1 == t.rcvNxt && isBareAck() && seqLt(t.sndUna + t.sndWnd, t.sndMax) && synchronized(t)) {
    SEG.seq++;
    t.flags |= TCB_F_ACK_NOW;
  }
  // First: the sequence number.
  if (!acceptable(t)) return unacceptable(t);
  // Second: RST.
  if (segmentHas(TCP_RST)) return resetInput(t);
  // Third: security, which we do not have (RFC 9293 appendix A.1). Fourth: SYN. RFC 5961 §4: whoever has lost the
  // connection answers the challenge with a reset that is to be believed.
  if (segmentHas(TCP_SYN)) {
    if (t.state == TCP_SYN_RECEIVED && isPassive(t)) connectionEnd(t, 0);
    else challenge(t);
    return DROP_TCP_SYN;
  }
  const span = segmentSpan();
  const left = SEG.seq;
  const right = left + SEG.len;
  segmentTrim(t.rcvNxt, t.rcvAdv);
  // What had to be cut off is answered: a probe of a window that is closed, bytes that we have.
  if (segmentSpan() != span) {
    t.flags |= TCB_F_ACK_NOW;
    dsackNote(t, left, seqMin(right, t.rcvNxt));
  }
  // Fifth: ACK.
  if (!segmentHas(TCP_ACK)) return DROP_TCP_NO_ACK;
  const verdict = ackInput(t);
  if (verdict != ACK_GOES_ON) return verdict;
  heard(t, left);
  if (SEG.len != 0 && (t.flags & TCB_F_ECN) != 0) ecnText(t);
  // Sixth: URG. Seventh: the text. Eighth: FIN.
  urgentInput(t);
  if (isText(t) && (t.pcb.flags & PCB_ORPHAN) != 0) return refuseText(t);
  const taken = textInput(t);
  if (!finInput(t)) tcpOutput(t);
  return taken;
}

function isSynAck(): bool {
  return (SEG.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK);
}

function isBareAck(): bool {
  return (SEG.flags & (TCP_ACK | TCP_RST)) == TCP_ACK && segmentSpan() == 0;
}

/** RFC 7323 §5.3 R1: 0, or why the segment is dropped. */
function timestampCheck(t: Tcb): u32 {
  if ((t.flags & TCB_F_TIMESTAMPS) == 0 || segmentHas(TCP_RST)) return 0;
  // RFC 7323 §3.2: without the option that was agreed on it is not believed.
  if ((OPTIONS.seen & TCPOPTS_TIMESTAMP) == 0) return DROP_TCP_NO_TIMESTAMP;
  if (!seqLt(OPTIONS.tsVal, t.tsRecent) || nowMs() - t.tsRecentMs > TIMESTAMP_OLD_MS) return 0;
  answer(t);
  return DROP_TCP_PAWS;
}

/** The segment in hand, which began at `seq`, is the peer's: its ACK is believed (a forger who hits the window shall not set
 * TS.Recent so that the peer's are old). RFC 7323 §4.3 (2): TS.Recent is that of the segment which the last ACK answered,
 * or of a newer one. */
export function heard(t: Tcb, seq: u32): void {
  t.heardMs = nowMs();
  t.keepProbes = 0;
  if ((t.flags & TCB_F_TIMESTAMPS) == 0 || !seqLe(seq, t.lastAck)) return;
  if ((OPTIONS.seen & TCPOPTS_TIMESTAMP) == 0) return;
  t.tsRecent = OPTIONS.tsVal;
  t.tsRecentMs = nowMs();
}

/** Does any of the segment lie in the window? One without text may stand at its right edge, where a sender whose window
 * is used up finds itself (as Linux; RFC 9293 would leave its ACK unheard); of a closed window, at rcvNxt (MUST-66). Of a
 * reset the sequence number itself is to be within (RFC 5961 §3.2). */
function acceptable(t: Tcb): bool {
  const reset = segmentHas(TCP_RST);
  if (t.rcvAdv == t.rcvNxt) return SEG.seq == t.rcvNxt;
  if (!reset && segmentSpan() != 0) return seqLt(t.rcvNxt, segmentEnd()) && seqLt(SEG.seq, t.rcvAdv);
  return seqLe(t.rcvNxt, SEG.seq) && (reset ? seqLt(SEG.seq, t.rcvAdv) : seqLe(SEG.seq, t.rcvAdv));
}

function unacceptable(t: Tcb): u32 {
  if (segmentHas(TCP_RST)) return DROP_TCP_SEQUENCE;
  // A peer in SYN-SENT hears no mere ACK: its SYN is answered as it was before.
  const again = t.state == TCP_SYN_RECEIVED && (SEG.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && SEG.seq == t.irs;
  if (again) ecnSynAgain(t);
  if (again && isPassive(t)) synAgain(t);
  else answer(t);
  return DROP_TCP_SEQUENCE;
}

/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>: for data always, else as challenges are. */
function answer(t: Tcb): void {
  if (SEG.len != 0 && !segmentHas(TCP_SYN)) {
    dsackNote(t, SEG.seq, seqMin(SEG.seq + SEG.len, t.rcvNxt));
    ackSend(t);
  } else challenge(t);
}

/** RFC 5961 §3.2: only a reset at the very edge is believed. */
function resetInput(t: Tcb): u32 {
  if (SEG.seq != t.rcvNxt) {
    challenge(t);
    return DROP_TCP_RST_SEQUENCE;
  }
  let errno: u32 = E_CONNRESET;
  if (t.state == TCP_SYN_RECEIVED) errno = isPassive(t) ? 0 : E_CONNREFUSED;
  else if (t.state == TCP_CLOSING || t.state == TCP_LAST_ACK) errno = 0;
  connectionEnd(t, errno);
  return NEXT_FREE;
}

/** RFC 9293 SHLD-3: nobody is there to read it, and the peer is to know. */
function refuseText(t: Tcb): u32 {
  resetSend(t);
  connectionEnd(t, 0);
  return DROP_TCP_CLOSED;
}
