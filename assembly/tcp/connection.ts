// Beginning and end of a connection: its rings, what the handshake has agreed on, ESTABLISHED, and the way to CLOSED.

import {
  CTR_TCP_ACTIVE_OPENS,
  CTR_TCP_ATTEMPT_FAILS,
  CTR_TCP_ESTAB_RESETS,
  CTR_TCP_PASSIVE_OPENS,
} from "../abi/counter";
import { E_NOBUFS } from "../abi/errno";
import { EVENT_CLOSED, EVENT_ERROR, EVENT_READABLE, EVENT_WRITABLE } from "../abi/event";
import { OPT_TCP_RECEIVE_BUFFER, OPT_TCP_SEND_BUFFER } from "../abi/socket";
import { SW_TCP_ECN, SW_TCP_ORPHANS, SW_TCP_SACK, SW_TCP_TIMESTAMPS, SW_TCP_WINDOW_SCALING } from "../abi/switch";
import {
  TCB_F_ECN,
  TCB_F_FIN_QUEUED,
  TCB_F_HELD,
  TCB_F_PASSIVE,
  TCB_F_SACK,
  TCB_F_TIMESTAMPS,
  TCB_F_WSCALE,
  TCP_CLOSED,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT_1,
  TCP_SYN_RECEIVED,
  TCP_SYN_SENT,
} from "../abi/tcp";
import { nowMs } from "../core/clock";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { timerCancel } from "../core/timer";
import { byteRingFree, byteRingSize, byteRingTake } from "../memory/byte-ring";
import { demuxRemove } from "../pcb/demux";
import { localOf, PCB_ORPHAN, pcbRelease, remoteOf } from "../pcb/pcb";
import { portRelease } from "../pcb/port";
import { pcbPurge } from "../pcb/receive";
import { roomForget } from "../pcb/room";
import { TCPOPTS_MSS, TCPOPTS_SACK_PERMITTED, TCPOPTS_TIMESTAMP, TCPOPTS_WSCALE } from "../wire/tcp-options";
import { autotuneAgree, autotuneBegin, windowMost } from "./autotune";
import { backlogLeave, backlogQueue } from "./backlog";
import { congestionInit } from "./congestion";
import { ECN_ASKS, ecnAgree, ecnInit } from "./ecn";
import { ackForget } from "./gather";
import { connectionSecret, isn, timestampOffset } from "./isn";
import { keepaliveBegin } from "./keepalive";
import { mtuInit } from "./mtu-probe";
import { tcpPath } from "./path";
import { rackInit } from "./rack";
import { recoveryInit } from "./recovery";
import { rttAfterSyn, rttInit } from "./rtt";
import { scoreboardInit } from "./scoreboard";
import { OPTIONS, SEG } from "./segment";
import { seqLt } from "./seq";
import { ackTimer, lifeTimer, paceTimer, rexmtTimer, synchronized, Tcb, tcbRelease, tcpEvent, tcpOption } from "./tcb";
import { timeWaitEnter } from "./time-wait";
import { unread } from "./window";

/** RFC 9293 MUST-15: what may be sent to one that names no MSS. */
const MSS_DEFAULT: u32 = 536;
/** Smaller ones would make more headers than data of it (as Linux). */
const MSS_LEAST: u32 = 48;

@unmanaged
class Orphans {
  count: u32;
}

const O: Orphans = changetype<Orphans>(memory.data(offsetof<Orphans>(), 4));

/** Takes the rings that the options ask for, and begins the sequence space not before `least`: 0, or -E_NOBUFS. */
export function connectionBegin(t: Tcb, least: u32): i32 {
  t.sndRing = byteRingTake(tcpOption(t, OPT_TCP_SEND_BUFFER));
  t.rcvRing = byteRingTake(tcpOption(t, OPT_TCP_RECEIVE_BUFFER));
  if (t.sndRing == 0 || t.rcvRing == 0) {
    freeRings(t);
    return -E_NOBUFS;
  }
  t.sndMask = byteRingSize(t.sndRing) - 1;
  t.rcvMask = byteRingSize(t.rcvRing) - 1;
  t.rcvMost = t.rcvMask + 1;
  autotuneBegin(t);
  const p = t.pcb;
  const secret = connectionSecret(localOf(p), p.localPort, remoteOf(p), p.remotePort);
  const first = isn(secret);
  connectionFrom(t, least != 0 && seqLt(first, least) ? least : first);
  t.tsOffset = timestampOffset(secret);
  t.peerMss = MSS_DEFAULT;
  t.heardMs = nowMs();
  rttInit(t);
  if (switchValue(SW_TCP_SACK) != 0) t.flags |= TCB_F_SACK;
  if (switchValue(SW_TCP_ECN) == ECN_ASKS) t.flags |= TCB_F_ECN;
  if (switchValue(SW_TCP_TIMESTAMPS) != 0) t.flags |= TCB_F_TIMESTAMPS;
  if (switchValue(SW_TCP_WINDOW_SCALING) != 0) {
    t.flags |= TCB_F_WSCALE;
    // RFC 7323 §2.2: the least shift by which the whole ring can be said, and any that it may become.
    const most = windowMost(t);
    while (most >>> t.rcvShift > 0xffff) t.rcvShift++;
  }
  return 0;
}

/** Our sequence space begins with `iss`. */
export function connectionFrom(t: Tcb, iss: u32): void {
  t.iss = iss;
  t.sndUna = iss;
  t.sndMax = iss;
  t.sndUp = iss;
  t.sndEnd = iss + 1;
  scoreboardInit(t);
  rackInit(t);
}

/** The peer's SYN is in hand: its sequence space begins, and so does what both ends offer (RFC 7323 §1.3, RFC 2018 §2). */
export function connectionAgree(t: Tcb): void {
  const seen = OPTIONS.seen;
  t.irs = SEG.seq;
  t.rcvNxt = SEG.seq + 1;
  t.rcvRead = t.rcvNxt;
  t.rcvUp = t.rcvNxt;
  t.lastAck = t.rcvNxt;
  autotuneAgree(t);
  t.rcvAdv = t.rcvNxt + min<u32>(t.rcvMask + 1, 0xffff);
  if ((seen & TCPOPTS_MSS) != 0) t.peerMss = max<u32>(OPTIONS.mss, MSS_LEAST);
  // Until there is a path that tells.
  t.sndMss = min<u32>(t.peerMss, MSS_DEFAULT);
  ecnAgree(t);
  if ((seen & TCPOPTS_SACK_PERMITTED) == 0) t.flags &= ~TCB_F_SACK;
  if ((seen & TCPOPTS_WSCALE) == 0 || (t.flags & TCB_F_WSCALE) == 0) {
    t.flags &= ~TCB_F_WSCALE;
    t.rcvShift = 0;
  } else t.sndShift = <u8>OPTIONS.wscale;
  if ((seen & TCPOPTS_TIMESTAMP) == 0) t.flags &= ~TCB_F_TIMESTAMPS;
  else {
    t.tsRecent = OPTIONS.tsVal;
    t.tsRecentMs = nowMs();
  }
}

/** Our SYN is acknowledged and the peer's received. */
export function connectionEstablish(t: Tcb): void {
  t.state = TCP_ESTABLISHED;
  // What both ends take is known now.
  tcpPath(t);
  mtuInit(t);
  rttAfterSyn(t, t.retransmits != 0);
  congestionInit(t);
  recoveryInit(t);
  ecnInit(t);
  t.giveUpAt = 0;
  keepaliveBegin(t);
  const parent = t.parent;
  if (parent === null) {
    count(CTR_TCP_ACTIVE_OPENS);
    tcpEvent(t, unread(t) != 0 ? EVENT_READABLE | EVENT_WRITABLE : EVENT_WRITABLE);
  } else {
    count(CTR_TCP_PASSIVE_OPENS);
    backlogQueue(t, parent);
    tcpEvent(parent, EVENT_READABLE);
  }
  if ((t.flags & TCB_F_FIN_QUEUED) != 0) t.state = TCP_FIN_WAIT_1;
}

/** The connection is over, well (0) or for a reason (errno). An application that holds the socket is told, and reads what
 * is left; without one the block is gone when this returns. */
export function connectionEnd(t: Tcb, errno: u32): void {
  const opening = t.state == TCP_SYN_SENT || t.state == TCP_SYN_RECEIVED;
  if (opening) {
    count(CTR_TCP_ATTEMPT_FAILS);
    // Text that came with a SYN is nobody's.
    t.rcvRead = t.rcvNxt;
  } else if (errno != 0 && synchronized(t)) count(CTR_TCP_ESTAB_RESETS);
  demuxRemove(t.pcb);
  timerCancel(rexmtTimer(t));
  timerCancel(ackTimer(t));
  timerCancel(lifeTimer(t));
  timerCancel(paceTimer(t));
  roomForget(t.pcb);
  backlogLeave(t);
  t.state = TCP_CLOSED;
  if ((t.flags & TCB_F_HELD) == 0) {
    connectionRelease(t);
    return;
  }
  t.pcb.error = errno;
  const bits = EVENT_CLOSED | EVENT_READABLE | EVENT_WRITABLE;
  tcpEvent(t, errno != 0 ? bits | EVENT_ERROR : bits);
}

/** Both FINs are acknowledged, and we were the first to send one: 2 MSL remain (RFC 9293 §3.6.1). */
export function connectionTimeWait(t: Tcb): void {
  timeWaitEnter(t);
  connectionEnd(t, 0);
}

/** Gives back all that a block in CLOSED, or LISTEN, has. */
export function connectionRelease(t: Tcb): void {
  ackForget(t);
  const p = t.pcb;
  if ((p.flags & PCB_ORPHAN) != 0) O.count--;
  freeRings(t);
  portRelease(p);
  pcbPurge(p);
  tcbRelease(t);
  pcbRelease(p);
}

/** The application is gone, the connection not yet: false if there are more such than may be. */
export function connectionOrphan(t: Tcb): bool {
  t.flags &= ~TCB_F_HELD;
  t.pcb.flags |= PCB_ORPHAN;
  return ++O.count <= switchValue(SW_TCP_ORPHANS);
}

function freeRings(t: Tcb): void {
  if (t.sndRing != 0) byteRingFree(t.sndRing);
  if (t.rcvRing != 0) byteRingFree(t.rcvRing);
  t.sndRing = 0;
  t.rcvRing = 0;
}

/** Opened by a peer, and not by us: RFC 9293 §3.10.7.4 treats the two differently while in SYN-RECEIVED. */
export function isPassive(t: Tcb): bool {
  return (t.flags & TCB_F_PASSIVE) != 0;
}
