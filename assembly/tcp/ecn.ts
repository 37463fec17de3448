// Explicit congestion notification: RFC 3168 §6.1. Agreed on in the handshake (TCB_F_ECN); what comes with CE is echoed by
// ECE until the peer says CWR; an ECE makes the window smaller, once for what was in flight, and CWR says so.

import { CTR_TCP_ECN_REDUCTIONS, CTR_TCP_IN_CE } from "../abi/counter";
import { IPV4_ECN_CE, IPV4_ECN_ECT0, TCP_ACK, TCP_CWR, TCP_ECE, TCP_RST, TCP_SYN } from "../abi/proto";
import { SW_TCP_ECN } from "../abi/switch";
import { TCB_F_ACK_NOW, TCB_F_CWR, TCB_F_ECE, TCB_F_ECN, TCB_F_PASSIVE, TCB_OPEN } from "../abi/tcp";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { congestionReduce } from "./congestion";
import { SEG, segmentHas } from "./segment";
import { seqLt, seqMax } from "./seq";
import { Tcb } from "./tcb";

/** SW_TCP_ECN of one that asks its peers. */
export const ECN_ASKS: u32 = 1;
/** Where ecnFlags() puts the bits of the IP header: above those of TCP. */
export const ECN_SHIFT: u32 = 8;
const SETUP: u32 = TCP_ECE | TCP_CWR;

/** The peer's SYN, or SYN-ACK, is in hand. One who has not asked sets no ECT (§6.1.1), so needs no answer. */
export function ecnAgree(t: Tcb): void {
  const bits = SEG.flags & SETUP;
  if (segmentHas(TCP_ACK) ? bits != <u32>TCP_ECE : bits != SETUP) t.flags &= ~TCB_F_ECN;
  else if ((t.flags & TCB_F_PASSIVE) != 0 && switchValue(SW_TCP_ECN) != 0) t.flags |= TCB_F_ECN;
}

/** The peer's SYN once more: without ECN perhaps, as the first one seemed to be lost (§6.1.1.1). */
export function ecnSynAgain(t: Tcb): void {
  if ((SEG.flags & SETUP) != SETUP) t.ecnMute = 1;
}

/** The connection is established: what was sent so far, the SYN, had no ECT. */
export function ecnInit(t: Tcb): void {
  t.ecnSeq = t.iss + 1;
}

/** Bits for a segment that goes now, of a connection with TCB_F_ECN: TCP's, and above them those of the IP header. */
export function ecnFlags(t: Tcb, seq: u32, len: u32, flags: u32): u32 {
  if ((flags & TCP_RST) != 0) return 0;
  if ((flags & TCP_SYN) != 0) {
    if (t.ecnMute != 0) return 0;
    return (flags & TCP_ACK) != 0 ? TCP_ECE : SETUP;
  }
  const echo: u32 = (t.flags & TCB_F_ECE) != 0 ? TCP_ECE : 0;
  // §6.1.4 to §6.1.6: neither ACKs, nor what goes again, nor probes of a window.
  if (len == 0 || t.ecnMute != 0 || seqLt(seq, t.sndMax) || seqLt(t.sndUna + t.sndWnd, seq + len)) return echo;
  const reduced: u32 = (t.flags & TCB_F_CWR) != 0 ? TCP_CWR : 0;
  t.flags &= ~TCB_F_CWR;
  return echo | reduced | (IPV4_ECN_ECT0 << ECN_SHIFT);
}

/** The text in hand, which lies in the window (§6.1.5), of a connection with TCB_F_ECN: §6.1.3. What changes is said at
 * once, as a sender with a small window waits for it. */
export function ecnText(t: Tcb): void {
  const before = t.flags & TCB_F_ECE;
  if (segmentHas(TCP_CWR)) t.flags &= ~TCB_F_ECE;
  if (SEG.ecn == IPV4_ECN_CE) {
    count(CTR_TCP_IN_CE);
    t.flags |= TCB_F_ECE;
  }
  if ((t.flags & TCB_F_ECE) != before || segmentHas(TCP_CWR)) t.flags |= TCB_F_ACK_NOW;
}

/** The ACK in hand of a connection with TCB_F_ECN: §6.1.2. The window is reduced once for what was in flight, be it that
 * something of that was lost; without a loss nothing is sent again, and what is in flight shrinks as ACKs come. It is cwnd
 * that is reduced: of what was in flight there may be nothing left. */
export function ecnAck(t: Tcb): void {
  // Both stay near, so that comparing them means something however much is sent.
  const over = seqLt(t.ecnSeq, t.sndUna) && seqLt(t.recover, t.sndUna);
  t.ecnSeq = seqMax(t.ecnSeq, t.sndUna - 1);
  if (!over || !segmentHas(TCP_ECE) || t.recovery != <u8>TCB_OPEN || t.ecnMute != 0) return;
  const cwnd = t.cwnd;
  congestionReduce(t, cwnd);
  // By a segment at least, though the threshold is never below two; and of one segment none is left: then the next is the
  // timer's to send (output.ts).
  t.cwnd = cwnd > t.sndMss ? min<u32>(t.ssthresh, cwnd - t.sndMss) : 0;
  t.ecnSeq = t.sndMax;
  count(CTR_TCP_ECN_REDUCTIONS);
}

/** Has an ECE reduced the window for what is in flight? Then a loss of it does not once more (§6.1.2). */
export function ecnReduced(t: Tcb): bool {
  return (t.flags & TCB_F_ECN) != 0 && seqLt(t.sndUna, t.ecnSeq);
}
