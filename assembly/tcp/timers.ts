// What happens when a timer of a connection expires: retransmission (RFC 6298 §5, RFC 9293 §3.8.3), window probes
// (§3.8.6.1), the delayed ACK (§3.8.6.3), keepalive (§3.8.4), the end of FIN-WAIT-2, a paced segment's time.

import {
  CTR_TCP_DELAYED_ACKS,
  CTR_TCP_GIVEN_UP,
  CTR_TCP_OUT_WINDOW_PROBES,
  CTR_TCP_RETRANS_SEGS,
  CTR_TCP_TIMEOUTS,
} from "../abi/counter";
import { E_TIMEDOUT } from "../abi/errno";
import { TCP_ACK, TCP_FIN } from "../abi/proto";
import { OPT_TCP_USER_TIMEOUT_MS } from "../abi/socket";
import { SW_TCP_R2_MS } from "../abi/switch";
import { TCB_F_ACK_NOW, TCB_F_PERSIST, TCP_FIN_WAIT_2, TCP_SYN_SENT } from "../abi/tcp";
import { TIMER_TCP_ACK, TIMER_TCP_PACE, TIMER_TCP_REXMT } from "../abi/timer";
import { now } from "../core/clock";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { Timer } from "../core/timer";
import { pathDoubt } from "../ip/path";
import { PCB_ORPHAN } from "../pcb/pcb";
import { pathOf } from "../pcb/send";
import { backlogOverdue } from "./backlog";
import { resetSend } from "./challenge";
import { connectionEnd } from "./connection";
import { segmentSend } from "./emit";
import { reportSilence } from "./error";
import { synAgain } from "./handshake";
import { keepaliveTimer } from "./keepalive";
import { mtuTimeout } from "./mtu-probe";
import { outputOverride, outputProbe, tcpOutput } from "./output";
import { paceReset } from "./pace";
import { recoveryReorder, recoveryTimeout } from "./recovery";
import { REXMT_PROBE, REXMT_REORDER, rexmtOnAck, rexmtRestart, rexmtWait } from "./rexmt";
import { rtoUs } from "./rtt";
import { scoreboardSent } from "./scoreboard";
import { seqMax } from "./seq";
import { finQueued, synchronized, Tcb, tcbOfTimer, tcpOption } from "./tcb";

/** R1, retransmissions (RFC 9293 SHLD-10). */
const R1: u32 = 3;
/** How often a SYN-ACK is sent again while half-open connections crowd those that would be real: for three seconds. */
const FLOODED_SYN_ACKS: u8 = 1;
/** More doublings than this make no difference. */
const BACKOFF_MOST: u8 = 16;

export function tcpTimer(timer: Timer): void {
  const t = tcbOfTimer(timer);
  if (timer.kind == TIMER_TCP_REXMT) rexmtExpired(t);
  else if (timer.kind == TIMER_TCP_ACK) {
    count(CTR_TCP_DELAYED_ACKS);
    t.flags |= TCB_F_ACK_NOW;
    tcpOutput(t);
  } else if (timer.kind == TIMER_TCP_PACE) tcpOutput(t);
  else lifeExpired(t);
}

function rexmtExpired(t: Tcb): void {
  if (t.rexmtMode == REXMT_REORDER) {
    reordered(t);
    return;
  }
  if (t.rexmtMode == REXMT_PROBE) {
    // RFC 8985 §7.3: the timeout begins anew with the probe. Without one there was no time lost.
    if (outputProbe(t)) rexmtRestart(t);
    else rexmtWait(t);
    return;
  }
  if (t.backoff < BACKOFF_MOST) t.backoff++;
  if (!synchronized(t)) synExpired(t);
  else if ((t.flags & TCB_F_PERSIST) != 0) probe(t);
  else timeout(t);
}

/** RFC 8985 §6.2 step 5: what was to come out of order has not. */
function reordered(t: Tcb): void {
  rexmtOnAck(t, false, recoveryReorder(t));
  tcpOutput(t);
}

/** How long is waited for an ACK, us: R2, or as the application says. */
function patienceUs(t: Tcb): u64 {
  const own = tcpOption(t, OPT_TCP_USER_TIMEOUT_MS);
  const r2 = switchValue(SW_TCP_R2_MS);
  const orphan = (t.pcb.flags & PCB_ORPHAN) != 0;
  return <u64>(own == 0 ? r2 : orphan ? min<u32>(own, r2) : own) * 1000;
}

function synExpired(t: Tcb): void {
  const flooded = backlogOverdue(t) && t.backoff > FLOODED_SYN_ACKS;
  if (flooded || now() >= t.giveUpAt) {
    giveUp(t);
    return;
  }
  if (t.backoff == R1) doubt(t);
  // RFC 3168 §6.1.1.1: it may be what kept the SYN from arriving.
  if (t.state == TCP_SYN_SENT) t.ecnMute = 1;
  if (synAgain(t)) {
    t.retransmits++;
    count(CTR_TCP_RETRANS_SEGS);
  }
  rexmtRestart(t);
}

/** Nothing comes back: IP is told (RFC 9293 MUST-20 a), and the application (SHLD-9). */
function doubt(t: Tcb): void {
  pathDoubt(pathOf(t.pcb));
  reportSilence(t);
}

/** RFC 6298 §5.4 to §5.6. */
function timeout(t: Tcb): void {
  count(CTR_TCP_TIMEOUTS);
  const first = t.giveUpAt == 0;
  if (first) t.giveUpAt = now() + patienceUs(t) - min<u64>(patienceUs(t), rtoUs(t) >> 1);
  if (now() >= t.giveUpAt) {
    giveUp(t);
    return;
  }
  if (t.backoff == R1) doubt(t);
  mtuTimeout(t, first);
  recoveryTimeout(t);
  paceReset(t);
  if (t.sndWnd == 0) {
    // The peer has taken its window back: it is probed, from now on (RFC 9293 MUST-35).
    t.flags |= TCB_F_PERSIST;
    t.giveUpAt = 0;
    probe(t);
    return;
  }
  rexmtRestart(t);
  tcpOutput(t);
}

/** The window is closed, or what there is to send has waited for more. Patience begins anew with every answer, be it that
 * the window stays closed (windowSet). */
function probe(t: Tcb): void {
  if (t.giveUpAt == 0) t.giveUpAt = now() + patienceUs(t);
  if (now() >= t.giveUpAt) {
    giveUp(t);
    return;
  }
  if (t.sndWnd != 0) {
    // Patience goes on while there is no way to the peer.
    if (!outputOverride(t)) rexmtRestart(t);
    return;
  }
  count(CTR_TCP_OUT_WINDOW_PROBES);
  // One octet beyond the window: data, or the FIN.
  const data = t.sndEnd != t.sndUna;
  const last = t.sndUna + 1 == t.sndEnd + (finQueued(t) ? 1 : 0);
  if (segmentSend(t, t.sndUna, data ? 1 : 0, !data && last ? TCP_ACK | TCP_FIN : TCP_ACK)) {
    scoreboardSent(t, t.sndUna, t.sndUna + 1);
    t.sndMax = seqMax(t.sndMax, t.sndUna + 1);
  }
  rexmtRestart(t);
}

/** RFC 9293 MUST-20 (b): R2 is over. */
function giveUp(t: Tcb): void {
  count(CTR_TCP_GIVEN_UP);
  connectionEnd(t, t.softError != 0 ? t.softError : <u32>E_TIMEDOUT);
}

function lifeExpired(t: Tcb): void {
  if (t.state == TCP_FIN_WAIT_2 && (t.pcb.flags & PCB_ORPHAN) != 0) {
    connectionEnd(t, 0);
    return;
  }
  if (!keepaliveTimer(t)) return;
  resetSend(t);
  giveUp(t);
}
