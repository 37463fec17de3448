// What may be sent now: RFC 9293 §3.8.6.2.1 (no silly windows) and §3.7.4 (Nagle), within the peer's window and what
// congestion control allows; retransmissions before new data; an ACK alone if nothing else carried it.

import { CTR_TCP_RETRANS_SEGS } from "../abi/counter";
import { TCP_ACK, TCP_FIN, TCP_PSH } from "../abi/proto";
import { OPT_TCP_NODELAY } from "../abi/socket";
import { TCB_F_ACK_NOW, TCB_F_MORE, TCB_F_PERSIST, TCB_F_SMALL_OUT, TCB_FAST, TCB_LOSS } from "../abi/tcp";
import { now, nowMs } from "../core/clock";
import { count } from "../core/counter";
import { timerArm, timerArmed, timerStop } from "../core/timer";
import { ackSend } from "./challenge";
import { congestionIdle } from "./congestion";
import { segmentSend } from "./emit";
import { paceHolds, paceSent } from "./pace";
import { tcpPath } from "./path";
import { recoveryNext, recoverySent, recoveryWindow, retransmitLen, retransmitSeq } from "./recovery";
import { rtoUs, rttForget, rttOnSend } from "./rtt";
import { sackLimit, sackSkip } from "./sack";
import { seqLt, seqMax } from "./seq";
import { finQueued, paceTimer, rexmtTimer, synchronized, Tcb, tcpOption } from "./tcb";

/** How long a small segment waits for company while nothing is in flight: RFC 9293 §3.8.6.2.1, 0.1 to 1 s. */
const OVERRIDE_US: u64 = 200000;

/** Sends all that may go now. */
export function tcpOutput(t: Tcb): void {
  if (!synchronized(t)) return;
  if (t.sndNxt != t.sndEnd + (finQueued(t) ? 1 : 0) || t.recovery == TCB_FAST) sendAll(t);
  if ((t.flags & TCB_F_ACK_NOW) != 0) ackSend(t);
}

function sendAll(t: Tcb): void {
  // The size of a full segment is that of the path now.
  if (tcpPath(t) == 0) {
    persist(t);
    return;
  }
  if (t.sndUna == t.sndMax) congestionIdle(t);
  while (t.recovery == TCB_FAST && recoveryNext(t)) if (!resend(t)) return;
  while (sendNext(t)) {}
  persist(t);
}

/** Sends again what recovery has chosen. */
function resend(t: Tcb): bool {
  const seq = retransmitSeq();
  const len = retransmitLen();
  const fin = finQueued(t) && seqLt(t.sndEnd, seq + len);
  if (paceHolds(t) || !sendText(t, seq, fin ? len - 1 : len, fin)) return false;
  retransmitted(t);
  recoverySent(t, seq, len);
  if (!timerArmed(rexmtTimer(t))) timerArm(rexmtTimer(t), now() + rtoUs(t));
  return true;
}

function retransmitted(t: Tcb): void {
  rttForget(t);
  t.retransmits++;
  count(CTR_TCP_RETRANS_SEGS);
}

/** Bytes of a full segment: at most half of the largest window, so that two of them fit. */
function fullSegment(t: Tcb): u32 {
  return t.sndMaxWnd > t.sndMss ? min<u32>(t.sndMss, t.sndMaxWnd >>> 1) : t.sndMss;
}

/** Sends the segment at SND.NXT if it may and should go: true if another may follow. */
function sendNext(t: Tcb): bool {
  // After a timeout: what the peer has by SACK is not sent again.
  const loss = t.recovery == TCB_LOSS && t.sackCount != 0;
  if (loss) t.sndNxt = sackSkip(t, t.sndNxt);
  const seq = t.sndNxt;
  // Our FIN is sent.
  if (seqLt(t.sndEnd, seq)) return false;
  const queued = t.sndEnd - seq;
  const edge = t.sndUna + t.sndWnd;
  const window = seqLt(seq, edge) ? edge - seq : 0;
  const full = fullSegment(t);
  let len = min<u32>(min<u32>(queued, full), min<u32>(window, recoveryWindow(t)));
  if (loss && seqLt(seq, t.sndMax)) len = min<u32>(len, sackLimit(t, seq) - seq);
  const fin = finQueued(t) && len == queued && len < window;
  if (len == 0 && !fin) return false;
  return isDue(t, seq, len, fin, full) && !paceHolds(t) && send(t, seq, len, fin);
}

/** Should a segment of `len` bytes go, or wait until it is larger? */
function isDue(t: Tcb, seq: u32, len: u32, fin: bool, full: u32): bool {
  if (len >= full || fin || seqLt(seq, t.sndMax)) return true;
  // RFC 9293 §3.7.4 (Nagle), as appendix A.3 modifies it: one small segment at a time. If the end of a message waited for
  // its full segments, it would for their delayed ACK, too.
  if ((t.flags & TCB_F_SMALL_OUT) != 0 && tcpOption(t, OPT_TCP_NODELAY) == 0) return false;
  if (seq + len == t.sndEnd) return (t.flags & TCB_F_MORE) == 0;
  return len >= t.sndMaxWnd >>> 1;
}

/** Sends `len` bytes from `seq` on; the last ones with PSH (RFC 9293 §3.9.1.2). */
function sendText(t: Tcb, seq: u32, len: u32, fin: bool): bool {
  let flags: u32 = TCP_ACK;
  if (len != 0 && seq + len == t.sndEnd) flags |= TCP_PSH;
  if (fin) flags |= TCP_FIN;
  if (!segmentSend(t, seq, len, flags)) return false;
  paceSent(t, len);
  return true;
}

/** Sends `len` bytes at `seq`, which is SND.NXT. */
function send(t: Tcb, seq: u32, len: u32, fin: bool): bool {
  if (!sendText(t, seq, len, fin)) return false;
  const end = seq + len + (fin ? 1 : 0);
  recoverySent(t, seq, end - seq);
  if (seqLt(seq, t.sndMax)) retransmitted(t);
  else rttOnSend(t, end);
  if (len < t.sndMss) t.flags |= TCB_F_SMALL_OUT;
  t.sndNxt = end;
  t.sndMax = seqMax(t.sndMax, end);
  t.sentMs = nowMs();
  if ((t.flags & TCB_F_PERSIST) != 0) {
    t.flags &= ~TCB_F_PERSIST;
    t.backoff = 0;
    t.giveUpAt = 0;
    timerStop(rexmtTimer(t));
  }
  // RFC 6298 §5.1.
  if (!timerArmed(rexmtTimer(t))) timerArm(rexmtTimer(t), now() + rtoUs(t));
  return true;
}

/** Sends what fits the window, be it little: it has waited long enough. False if it could not go. */
export function outputOverride(t: Tcb): bool {
  if (tcpPath(t) == 0) return false;
  const len = min<u32>(min<u32>(t.sndEnd - t.sndNxt, t.sndMss), t.sndWnd);
  return send(t, t.sndNxt, len, finQueued(t) && t.sndNxt + len == t.sndEnd && len < t.sndWnd);
}

/** With something to send and nothing in flight, nobody would come back to it: the timer does, to probe a closed window
 * (RFC 9293 §3.8.6.1), or to send what is less than a full segment. */
function persist(t: Tcb): void {
  if (t.sndNxt != t.sndUna || timerArmed(rexmtTimer(t)) || timerArmed(paceTimer(t))) return;
  if (t.sndNxt == t.sndEnd + (finQueued(t) ? 1 : 0)) return;
  t.flags |= TCB_F_PERSIST;
  // RFC 3168 §6.1.2: from a window of one segment that had to be reduced, the next is the timer's to send.
  timerArm(rexmtTimer(t), now() + (t.sndWnd == 0 || t.cwnd == 0 ? rtoUs(t) : OVERRIDE_US));
}
