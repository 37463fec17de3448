// What may be sent now: RFC 9293 §3.8.6.2.1 (no silly windows) and §3.7.4 (Nagle), within the peer's window and what
// congestion control allows; retransmissions before new data; an ACK alone if nothing else carried it.

import { CTR_TCP_RETRANS_SEGS } from "../abi/counter";
import { TCP_ACK, TCP_FIN, TCP_PSH } from "../abi/proto";
import { OPT_TCP_NODELAY } from "../abi/socket";
import { TCB_F_ACK_NOW, TCB_F_FRTO, TCB_F_MORE, TCB_F_PERSIST, TCB_F_RETRANSMIT, TCB_F_SMALL_OUT } from "../abi/tcp";
import { now, nowMs } from "../core/clock";
import { count } from "../core/counter";
import { timerArm, timerArmed, timerStop } from "../core/timer";
import { ackSend } from "./challenge";
import { congestionIdle } from "./congestion";
import { segmentEmit } from "./emit";
import { mtuProbe, mtuProbeSent, mtuSent, PROBE_WAITS } from "./mtu-probe";
import { paceHolds, paceSent } from "./pace";
import { tcpPath } from "./path";
import { rackIdle } from "./rack";
import { recoverySent, recoveryWindow } from "./recovery";
import { REXMT_TIMEOUT, rexmtOnSend } from "./rexmt";
import { rtoUs } from "./rtt";
import { inFlight, scoreboardLost, scoreboardLostEnd, scoreboardSent } from "./scoreboard";
import { seqLt, seqMax, seqMin } from "./seq";
import { finQueued, paceTimer, rexmtTimer, synchronized, Tcb, tcpOption } from "./tcb";
import { tlpSent } from "./tlp";
import { undoSent } from "./undo";

/** How long a small segment waits for company while nothing is in flight: RFC 9293 §3.8.6.2.1, 0.1 to 1 s. */
const OVERRIDE_US: u64 = 200000;

/** Sends all that may go now. */
export function tcpOutput(t: Tcb): void {
  if (!synchronized(t)) return;
  if (t.sndMax != end(t) || t.lostBytes != 0) sendAll(t);
  if ((t.flags & TCB_F_ACK_NOW) != 0) ackSend(t);
}

/** One past all that there is to send. */
function end(t: Tcb): u32 {
  return t.sndEnd + (finQueued(t) ? 1 : 0);
}

function sendAll(t: Tcb): void {
  // The size of a full segment is that of the path now.
  if (tcpPath(t) == 0) {
    persist(t);
    return;
  }
  if (t.sndUna == t.sndMax) {
    congestionIdle(t);
    rackIdle(t);
  }
  if (t.mtuCap != 0 && !probePath(t)) return;
  while (sendNext(t)) {}
  persist(t);
}

/** Sends a longer segment, if it is time to find out whether it passes (RFC 4821). False if nothing is to go before it. */
function probePath(t: Tcb): bool {
  const seq = t.sndMax;
  const len = mtuProbe(t);
  if (len == PROBE_WAITS || (len != 0 && paceHolds(t))) return false;
  if (len != 0 && send(t, seq, len, false)) mtuProbeSent(t, seq, len);
  return true;
}

/** Bytes of a full segment: at most half of the largest window, so that two of them fit. */
function fullSegment(t: Tcb): u32 {
  return t.sndMaxWnd > t.sndMss ? min<u32>(t.sndMss, t.sndMaxWnd >>> 1) : t.sndMss;
}

/** Where what goes next begins: what is lost, then what is new. */
function nextSeq(t: Tcb): u32 {
  return t.lostBytes != 0 && (t.flags & TCB_F_FRTO) == 0 ? scoreboardLost(t) : t.sndMax;
}

/** One past what may go in one piece from `seq` on. What is lost up to SND.MAX is cut anew, with what follows. */
function pieceEnd(t: Tcb, seq: u32): u32 {
  if (seq == t.sndMax) return end(t);
  const lost = scoreboardLostEnd(t, seq);
  return lost == t.sndMax ? end(t) : lost;
}

/** Sends the next segment if it may and should go: true if another may follow. */
function sendNext(t: Tcb): bool {
  const seq = nextSeq(t);
  const limit = pieceEnd(t, seq);
  if (limit == seq) return false;
  const queued = seqMin(limit, t.sndEnd) - seq;
  const edge = t.sndUna + t.sndWnd;
  const window = seqLt(seq, edge) ? edge - seq : 0;
  const full = fullSegment(t);
  let len = min<u32>(min<u32>(queued, full), window);
  if (seq == t.sndMax) len = min<u32>(len, recoveryWindow(t));
  // What is lost goes whole, or not at all; the first of it whatever the window says.
  else if (len > recoveryWindow(t) && inFlight(t) != 0 && (t.flags & TCB_F_RETRANSMIT) == 0) return false;
  const fin = seqLt(t.sndEnd, limit) && len == queued && len < window;
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

/** Sends `len` bytes from `seq` on, for which there is a path; the last ones with PSH (RFC 9293 §3.9.1.2). */
function sendText(t: Tcb, seq: u32, len: u32, fin: bool): bool {
  let flags: u32 = TCP_ACK;
  if (len != 0 && seq + len == t.sndEnd) flags |= TCP_PSH;
  if (fin) flags |= TCP_FIN;
  if (!segmentEmit(t, seq, len, flags)) return false;
  paceSent(t, len);
  return true;
}

/** Sends `len` bytes from `seq` on. */
function send(t: Tcb, seq: u32, len: u32, fin: bool): bool {
  if (!sendText(t, seq, len, fin)) return false;
  const next = seq + len + (fin ? 1 : 0);
  const fresh = seq == t.sndMax;
  recoverySent(t, seq, next, fresh);
  scoreboardSent(t, seq, next);
  if (fresh && len > <u32>t.mtuProven) mtuSent(t, next, len);
  if (!fresh) {
    undoSent(t, next, next - seq);
    t.retransmits++;
    count(CTR_TCP_RETRANS_SEGS);
  }
  if (len < t.sndMss) t.flags |= TCB_F_SMALL_OUT;
  t.sndMax = seqMax(t.sndMax, next);
  t.sentMs = nowMs();
  if ((t.flags & TCB_F_PERSIST) != 0) {
    t.flags &= ~TCB_F_PERSIST;
    t.backoff = 0;
    t.giveUpAt = 0;
    timerStop(rexmtTimer(t));
  }
  rexmtOnSend(t, seq == t.sndUna);
  return true;
}

/** Sends what fits the window, be it little: it has waited long enough. False if it could not go. */
export function outputOverride(t: Tcb): bool {
  if (tcpPath(t) == 0) return false;
  const seq = nextSeq(t);
  const limit = pieceEnd(t, seq);
  const queued = seqMin(limit, t.sndEnd) - seq;
  const len = min<u32>(min<u32>(queued, t.sndMss), t.sndWnd);
  return send(t, seq, len, seqLt(t.sndEnd, limit) && len == queued && len < t.sndWnd);
}

/** Sends a loss probe, whatever the congestion window says: new data, else what was sent last (RFC 8985 §7.3). False if it
 * could not go. */
export function outputProbe(t: Tcb): bool {
  if (tcpPath(t) == 0) return false;
  const edge = t.sndUna + t.sndWnd;
  const room = seqLt(t.sndMax, edge) ? edge - t.sndMax : 0;
  const all = end(t);
  const fresh = room != 0 && t.sndMax != all;
  const to = fresh ? seqMin(t.sndMax + min<u32>(room, t.sndMss), t.sndEnd) : seqMin(t.sndMax, t.sndEnd);
  const seq = fresh ? t.sndMax : seqMax(t.sndUna, to - t.sndMss);
  const fin = fresh ? to == t.sndEnd && to != all && to - seq < room : to != t.sndMax;
  if (!send(t, seq, to - seq, fin)) return false;
  tlpSent(t, !fresh);
  return true;
}

/** With something to send and nothing in flight, nobody would come back to it: the timer does, to probe a closed window
 * (RFC 9293 §3.8.6.1), or to send what is less than a full segment. */
function persist(t: Tcb): void {
  if (timerArmed(rexmtTimer(t)) || timerArmed(paceTimer(t)) || inFlight(t) != 0 || nextSeq(t) == end(t)) return;
  t.flags |= TCB_F_PERSIST;
  t.rexmtMode = REXMT_TIMEOUT;
  // RFC 3168 §6.1.2: from a window of one segment that had to be reduced, the next is the timer's to send.
  timerArm(rexmtTimer(t), now() + (t.sndWnd == 0 || t.cwnd == 0 ? rtoUs(t) : OVERRIDE_US));
}
