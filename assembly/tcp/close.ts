// How an application ends a connection: CLOSE (RFC 9293 §3.10.4) of one direction or of the socket, and ABORT (§3.10.5).

import { CTR_TCP_ORPHANS_RESET } from "../abi/counter";
import { E_NOTCONN } from "../abi/errno";
import { EVENT_READABLE } from "../abi/event";
import { SHUT_RD, SHUT_WR } from "../abi/socket";
import {
  TCB_F_DEAF,
  TCB_F_FIN_QUEUED,
  TCB_F_HELD,
  TCB_F_MORE,
  TCP_CLOSE_WAIT,
  TCP_CLOSED,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT_1,
  TCP_FIN_WAIT_2,
  TCP_LAST_ACK,
  TCP_LISTEN,
  TCP_SYN_SENT,
} from "../abi/tcp";
import { count } from "../core/counter";
import { timerCancel } from "../core/timer";
import { demuxRemove } from "../pcb/demux";
import { finWait2Bound } from "./ack";
import { resetSend } from "./challenge";
import { connectionEnd, connectionOrphan, connectionRelease } from "./connection";
import { tcpOutput } from "./output";
import { lifeTimer, Tcb, tcbAt, tcbFresh, tcpEvent } from "./tcb";
import { tcpReceive } from "./transfer";
import { unread } from "./window";

/** Ends what is received, sent or both (SHUT_…): 0, or -E_NOTCONN. */
export function tcpShutdown(t: Tcb, how: u32): i32 {
  if (t.state == TCP_CLOSED || t.state == TCP_LISTEN) return -E_NOTCONN;
  if (how != SHUT_WR) {
    t.flags |= TCB_F_DEAF;
    tcpReceive(t, unread(t));
    tcpEvent(t, EVENT_READABLE);
  }
  if (how != SHUT_RD) finish(t);
  return 0;
}

/** What has been written goes, and then the FIN. */
function finish(t: Tcb): void {
  t.flags = (t.flags | TCB_F_FIN_QUEUED) & ~TCB_F_MORE;
  if (t.state == TCP_ESTABLISHED) t.state = TCP_FIN_WAIT_1;
  else if (t.state == TCP_CLOSE_WAIT) t.state = TCP_LAST_ACK;
  tcpOutput(t);
}

/** The application closes the socket. What it has not read is lost, and the peer told so (RFC 9293 SHLD-3); what it has
 * written goes on without it. */
export function tcpClose(t: Tcb): void {
  if (t.state == TCP_CLOSED) {
    t.flags &= ~TCB_F_HELD;
    connectionRelease(t);
  } else if (t.state == TCP_LISTEN) closeListener(t);
  else if (t.state == TCP_SYN_SENT || unread(t) != 0) tcpAbort(t);
  else if (!connectionOrphan(t)) {
    count(CTR_TCP_ORPHANS_RESET);
    tcpAbort(t);
  } else {
    timerCancel(lifeTimer(t));
    if (t.state == TCP_FIN_WAIT_2) finWait2Bound(t);
    finish(t);
  }
}

/** Who has not been accepted will not be. */
function closeListener(l: Tcb): void {
  for (let i: u32 = 0; i < tcbFresh(); i++) {
    const t = tcbAt(i);
    if (t.state != 0 && t.parent === l) tcpAbort(t);
  }
  demuxRemove(l.pcb);
  connectionRelease(l);
}

/** Ends the connection at once, with a reset where the peer has one (RFC 9293 §3.10.5); the block is gone. */
export function tcpAbort(t: Tcb): void {
  t.flags &= ~TCB_F_HELD;
  if (t.state == TCP_CLOSED || t.state == TCP_LISTEN) {
    tcpClose(t);
    return;
  }
  const over = t.state == TCP_SYN_SENT || t.state == TCP_CLOSING || t.state == TCP_LAST_ACK;
  if (!over) resetSend(t);
  connectionEnd(t, 0);
}
