// A segment in SYN-SENT: RFC 9293 §3.10.7.3.

import { DROP_TCP_SEQUENCE, DROP_TCP_SYN_SENT_ACK, DROP_TCP_SYN_SENT_RST } from "../abi/drop";
import { E_CONNREFUSED } from "../abi/errno";
import { TCP_ACK, TCP_RST, TCP_SYN } from "../abi/proto";
import { TCB_F_ACK_NOW, TCP_SYN_RECEIVED } from "../abi/tcp";
import { NEXT_FREE } from "../abi/verdict";
import { timerCancel } from "../core/timer";
import { TCPOPTS_TIMESTAMP } from "../wire/tcp-options";
import { windowSet } from "./ack";
import { answerReset } from "./answer";
import { connectionAgree, connectionEnd, connectionEstablish } from "./connection";
import { deliveryBegin } from "./delivery";
import { synSend } from "./handshake";
import { tcpOutput } from "./output";
import { rttOnAck } from "./rtt";
import { scoreboardAck } from "./scoreboard";
import { OPTIONS, SEG, segmentHas, segmentTrim } from "./segment";
import { seqLe, seqLt } from "./seq";
import { rexmtTimer, Tcb } from "./tcb";
import { finInput, textInput, urgentInput } from "./text";

/** The segment in hand: NEXT_FREE, or why it is dropped. */
export function synSentInput(t: Tcb): u32 {
  t.segsIn++;
  const acks = segmentHas(TCP_ACK);
  // First: the ACK bit.
  if (acks && (seqLe(SEG.ack, t.iss) || seqLt(t.sndMax, SEG.ack))) {
    if (!segmentHas(TCP_RST)) answerReset();
    return DROP_TCP_SYN_SENT_ACK;
  }
  // Second: the RST bit.
  if (segmentHas(TCP_RST)) {
    if (!acks) return DROP_TCP_SYN_SENT_RST;
    connectionEnd(t, E_CONNREFUSED);
    return NEXT_FREE;
  }
  // Fourth: the SYN bit. (Third is security, which we do not have: RFC 9293 appendix A.1.)
  if (!segmentHas(TCP_SYN)) return DROP_TCP_SEQUENCE;
  connectionAgree(t);
  SEG.seq++;
  SEG.flags &= ~TCP_SYN;
  if (!acks) {
    // Both ends have opened: our SYN goes again, with the ACK of theirs.
    t.state = TCP_SYN_RECEIVED;
    segmentTrim(t.rcvNxt, t.rcvAdv);
    textInput(t);
    synSend(t);
    return NEXT_FREE;
  }
  deliveryBegin(t);
  scoreboardAck(t, SEG.ack);
  rttOnAck(t, SEG.ack, OPTIONS.tsEcr, (OPTIONS.seen & TCPOPTS_TIMESTAMP) != 0);
  t.sndUna = SEG.ack;
  timerCancel(rexmtTimer(t));
  connectionEstablish(t);
  windowSet(t, SEG.wnd);
  t.flags |= TCB_F_ACK_NOW;
  // Fifth: what else it brings is treated as in ESTABLISHED.
  segmentTrim(t.rcvNxt, t.rcvAdv);
  urgentInput(t);
  const verdict = textInput(t);
  finInput(t);
  tcpOutput(t);
  return verdict;
}
