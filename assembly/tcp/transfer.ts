// SEND and RECEIVE (RFC 9293 §3.10.2 and §3.10.3) through windows: the host writes and reads in the rings themselves.

import { E_AGAIN, E_INVAL, E_NOTCONN, E_PIPE } from "../abi/errno";
import { EVENT_CLOSED, EVENT_ERROR, EVENT_READABLE, EVENT_URGENT, EVENT_WRITABLE } from "../abi/event";
import { SEND_MORE, SEND_URGENT } from "../abi/socket";
import {
  TCB_F_ACK_NOW,
  TCB_F_DEAF,
  TCB_F_FIN_QUEUED,
  TCB_F_FIN_RECEIVED,
  TCB_F_GROWS_IN,
  TCB_F_GROWS_OUT,
  TCB_F_MORE,
  TCB_F_URGENT_IN,
  TCB_F_URGENT_OUT,
  TCB_F_WANTS_ROOM,
  TCP_CLOSED,
} from "../abi/tcp";
import { pcbTakeError } from "../pcb/pcb";
import { receiveGrow, sendGrow } from "./autotune";
import { tcpOutput } from "./output";
import { seqLt } from "./seq";
import { synchronized, Tcb, unacknowledged } from "./tcb";
import { unread, windowUpdateDue } from "./window";

/** Address of the place that the last of the two windows is at. */
export function sendPlace(t: Tcb): usize {
  return t.sndRing + (t.sndEnd & t.sndMask);
}

export function receivePlace(t: Tcb): usize {
  return t.rcvRing + (t.rcvRead & t.rcvMask);
}

/** Bytes that may be written at sendPlace(), after a call for which the ring may have become a larger one: as sendRoom(). */
export function tcpSendWindow(t: Tcb): i32 {
  const room = sendRoom(t);
  return room == -E_AGAIN && (t.flags & TCB_F_GROWS_OUT) != 0 && sendGrow(t) ? sendRoom(t) : room;
}

/** Bytes that may be written at sendPlace(); -E_AGAIN if there is no room now, -E_PIPE if nothing may be sent any more,
 * -E_NOTCONN, or the connection's error. */
function sendRoom(t: Tcb): i32 {
  if (t.pcb.error != 0) return pcbTakeError(t.pcb);
  if (t.sndRing == 0) return -E_NOTCONN;
  if (t.state == TCP_CLOSED || (t.flags & TCB_F_FIN_QUEUED) != 0) return -E_PIPE;
  const room = t.sndMask + 1 - unacknowledged(t);
  if (room == 0) {
    t.flags |= TCB_F_WANTS_ROOM;
    return -E_AGAIN;
  }
  return min<u32>(room, t.sndMask + 1 - (t.sndEnd & t.sndMask));
}

/** Sends the first `len` bytes of the window: 0 or -errno. */
export function tcpSend(t: Tcb, len: u32, flags: u32): i32 {
  const room = sendRoom(t);
  if (room < 0 && (room != -E_AGAIN || len != 0)) return room;
  if ((len != 0 && len > <u32>room) || (flags & ~(SEND_MORE | SEND_URGENT)) != 0) return -E_INVAL;
  t.sndEnd += len;
  if ((flags & SEND_URGENT) != 0 && len != 0) {
    t.sndUp = t.sndEnd;
    t.flags |= TCB_F_URGENT_OUT;
  }
  if ((flags & SEND_MORE) != 0) t.flags |= TCB_F_MORE;
  else t.flags &= ~TCB_F_MORE;
  tcpOutput(t);
  return 0;
}

/** Bytes that may be read at receivePlace(); 0 at the end of the stream; -E_AGAIN if nothing is there yet, -E_NOTCONN, or
 * the connection's error. */
export function tcpReceiveWindow(t: Tcb): i32 {
  if (t.rcvRing == 0) return t.pcb.error != 0 ? pcbTakeError(t.pcb) : -E_NOTCONN;
  const waiting = unread(t);
  if (waiting != 0) return min<u32>(waiting, t.rcvMask + 1 - (t.rcvRead & t.rcvMask));
  if (t.pcb.error != 0) return pcbTakeError(t.pcb);
  if ((t.flags & (TCB_F_FIN_RECEIVED | TCB_F_DEAF)) != 0 || t.state == TCP_CLOSED) return 0;
  if ((t.flags & TCB_F_GROWS_IN) != 0) receiveGrow(t);
  return -E_AGAIN;
}

/** The first `len` bytes of the window are read: 0 or -E_INVAL. */
export function tcpReceive(t: Tcb, len: u32): i32 {
  if (len > unread(t)) return -E_INVAL;
  t.rcvRead += len;
  if ((t.flags & TCB_F_URGENT_IN) != 0 && !seqLt(t.rcvRead, t.rcvUp)) t.flags &= ~TCB_F_URGENT_IN;
  if (t.state != TCP_CLOSED && windowUpdateDue(t)) {
    t.flags |= TCB_F_ACK_NOW;
    tcpOutput(t);
  }
  return 0;
}

/** What the socket is ready for now: EVENT_… bits. */
export function tcpReady(t: Tcb): i32 {
  let bits = 0;
  const ended = (t.flags & (TCB_F_FIN_RECEIVED | TCB_F_DEAF)) != 0;
  const over = t.state == TCP_CLOSED && t.rcvRing != 0;
  if (t.acceptable != 0 || unread(t) != 0 || ended || over) bits |= EVENT_READABLE;
  if (synchronized(t) && unacknowledged(t) <= t.sndMask) bits |= EVENT_WRITABLE;
  if ((t.flags & TCB_F_URGENT_IN) != 0) bits |= EVENT_URGENT;
  if (t.pcb.error != 0) bits |= EVENT_ERROR;
  return over ? bits | EVENT_CLOSED : bits;
}
