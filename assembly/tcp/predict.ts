// Header prediction (Van Jacobson, 1990): of an established connection most segments bring the text that comes next, or
// acknowledge what was sent, or both, and say nothing else. For these the eight checks of RFC 9293 §3.10.7.4 come to a few
// comparisons (isPredicted), and text is copied to its place while its checksum is computed; if that is wrong, what was
// written lies beyond RCV.NXT, where nobody looks. What a segment changes is changed by the same functions as ever.

import { DROP_TCP_CHECKSUM } from "../abi/drop";
import { IPPROTO_TCP, TCP_ACK, TCP_PSH } from "../abi/proto";
import { TCB_F_ECN, TCB_F_FIN_WAITS, TCB_F_TIMESTAMPS, TCP_ESTABLISHED } from "../abi/tcp";
import { NEXT_FREE } from "../abi/verdict";
import { PB_IP_GROUP, PB_LINK_GROUP, Pbuf } from "../memory/pbuf";
import { checksumFinish, pseudoSum4Hdr, sum } from "../wire/checksum";
import { TCPOPTS_TIMESTAMP } from "../wire/tcp-options";
import { ackTake } from "./ack";
import { heard } from "./arrives";
import { ecnText } from "./ecn";
import { tcpOutput } from "./output";
import { OPTIONS, SEG } from "./segment";
import { seqLt } from "./seq";
import { Tcb } from "./tcb";
import { copyInSum, textTake } from "./text";

/** The segment is to go the long way; nothing is changed. */
export const UNPREDICTED: u32 = 0xffffffff;

/** The segment in hand, of `len` bytes at pb.l4 and for this connection, whose checksum is not verified: NEXT_FREE, why it is
 * dropped, or UNPREDICTED. */
export function predictInput(t: Tcb, pb: Pbuf, len: u32): u32 {
  if (!isPredicted(t) || (pb.flags & (PB_IP_GROUP | PB_LINK_GROUP)) != 0) return UNPREDICTED;
  const header = pseudoSum4Hdr(pb.l3, IPPROTO_TCP, len) + sum(pb.l4, len - SEG.len);
  if (checksumFinish(SEG.len != 0 ? header + copyInSum(t) : header) != 0) return DROP_TCP_CHECKSUM;
  t.segsIn++;
  heard(t, SEG.seq);
  ackTake(t, false);
  if (SEG.len != 0) {
    if ((t.flags & TCB_F_ECN) != 0) ecnText(t);
    textTake(t);
  }
  tcpOutput(t);
  return NEXT_FREE;
}

/** Is the segment in hand in order, within the window, without any flag but ACK and PSH, with the options that were agreed on
 * alone, with text or with an ACK of something new? Then none of the eight checks has an answer to it. */
function isPredicted(t: Tcb): bool {
  if (t.state != TCP_ESTABLISHED || (SEG.flags & ~TCP_PSH) != TCP_ACK || SEG.seq != t.rcvNxt) return false;
  if (t.rangeCount != 0 || (t.flags & TCB_F_FIN_WAITS) != 0) return false;
  const acked = SEG.ack - t.sndUna;
  if (acked > t.sndMax - t.sndUna || (SEG.len | acked) == 0 || SEG.len > t.rcvAdv - t.rcvNxt) return false;
  if ((t.flags & TCB_F_TIMESTAMPS) == 0) return OPTIONS.seen == 0;
  return OPTIONS.seen == TCPOPTS_TIMESTAMP && !seqLt(OPTIONS.tsVal, t.tsRecent);
}
