// Who waits at a listener, RFC 9293 §3.9.1.1: connections that are half open, and those that wait to be accepted, in the
// order in which they were established. Half-open ones cost a stranger one datagram with whatever source it likes
// (RFC 4987 §2): they have a quarter of the blocks and rings at the most, and when many of them turn out to be nobody's,
// a listener is *flooded* for a while: then SYNs are answered without keeping any (cookie.ts).

import { TCB_F_QUEUED } from "../abi/tcp";
import { nowMs } from "../core/clock";
import { byteRingsAll, byteRingsFree } from "../memory/byte-ring";
import { Tcb, tcbsAll, tcbsFree } from "./tcb";

@unmanaged
class Backlog {
  /** Half-open connections of all listeners. */
  halfOpen: u32;
  /** The second, and 1 more, in which a SYN last found too many of them; 0 = none has. */
  wanted: u32;
  /** Likewise, in which a SYN-ACK last waited in vain while there were many. */
  overdue: u32;
}

const B: Backlog = changetype<Backlog>(memory.data(offsetof<Backlog>(), 4));

/** How long a flood is thought to go on after it was last felt, and places to be wanted, seconds. */
const FLOOD_S: u32 = 60;

function second(): u32 {
  return nowMs() / 1000 + 1;
}

function isLately(at: u32): bool {
  return at != 0 && second() - at < FLOOD_S;
}

/** Half-open connections of all listeners that there may be. */
function halfOpenMost(): u32 {
  return max<u32>(min<u32>(tcbsAll(), byteRingsAll() >>> 1) >>> 2, 1);
}

/** Connections for which there are blocks and rings. */
export function placesFree(): u32 {
  return min<u32>(tcbsFree(), byteRingsFree() >>> 1);
}

/** Have SYN-ACKs lately waited in vain? */
export function backlogFlooded(): bool {
  return isLately(B.overdue);
}

/** A SYN has come: are half-open connections too many for one more? */
export function backlogCrowded(l: Tcb): bool {
  if (!isCrowded(l)) return false;
  B.wanted = second();
  return true;
}

/** A listener that is flooded has half of its backlog for them, and the
 * last eighth of blocks and rings is for connections that are real. */
function isCrowded(l: Tcb): bool {
  if (B.halfOpen >= halfOpenMost() || l.acceptable + l.halfOpen >= l.backlog) return true;
  if (!backlogFlooded()) return false;
  return l.halfOpen << 1 >= l.backlog || placesFree() <= min<u32>(tcbsAll(), byteRingsAll() >>> 1) >>> 3;
}

/** The SYN-ACK of a half-open connection has waited in vain: is its place wanted, so that it is not worth the wait? */
export function backlogOverdue(t: Tcb): bool {
  const l = t.parent;
  if (l === null || !isLately(B.wanted)) return false;
  if (l.halfOpen << 1 < l.backlog && B.halfOpen << 1 < halfOpenMost()) return false;
  B.overdue = second();
  return true;
}

/** The listener has a new connection, half open. */
export function backlogEnter(t: Tcb, listener: Tcb): void {
  t.parent = listener;
  listener.halfOpen++;
  B.halfOpen++;
}

/** It is established, and the last in the accept queue. */
export function backlogQueue(t: Tcb, listener: Tcb): void {
  listener.halfOpen--;
  B.halfOpen--;
  listener.acceptable++;
  t.flags |= TCB_F_QUEUED;
  const before = listener.acceptTail;
  t.acceptNext = null;
  t.acceptPrev = before;
  if (before === null) listener.acceptHead = t;
  else before.acceptNext = t;
  listener.acceptTail = t;
}

/** The first connection in the listener's accept queue, taken out of it; or null. */
export function backlogNext(listener: Tcb): Tcb | null {
  const t = listener.acceptHead;
  if (t !== null) backlogLeave(t);
  return t;
}

/** It is accepted, or ends before that: its listener thinks of it no more. */
export function backlogLeave(t: Tcb): void {
  const l = t.parent;
  if (l === null) return;
  t.parent = null;
  if ((t.flags & TCB_F_QUEUED) == 0) {
    l.halfOpen--;
    B.halfOpen--;
    return;
  }
  t.flags &= ~TCB_F_QUEUED;
  l.acceptable--;
  const before = t.acceptPrev;
  const after = t.acceptNext;
  if (before === null) l.acceptHead = after;
  else before.acceptNext = after;
  if (after === null) l.acceptTail = before;
  else after.acceptPrev = before;
}
