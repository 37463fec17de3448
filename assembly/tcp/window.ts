// The window that we advertise: RFC 9293 §3.8.6.2.2 (silly windows are avoided), RFC 7323 §2.3 (scaling). What was
// promised once stays promised: the right edge, rcvAdv, never moves back.

import { TCB_F_FIN_RECEIVED } from "../abi/tcp";
import { Tcb } from "./tcb";

/** Bytes that may be promised: what rounding up to a multiple of the shift needs is kept back. */
export function receiveCapacity(t: Tcb): u32 {
  return t.rcvShift == 0 ? t.rcvMask + 1 : t.rcvMask + 1 - ((1 << t.rcvShift) - 1);
}

/** Bytes that wait to be read. */
export function unread(t: Tcb): u32 {
  return t.rcvNxt - t.rcvRead - ((t.flags & TCB_F_FIN_RECEIVED) != 0 ? 1 : 0);
}

/** How far the right edge could move. */
function gain(t: Tcb): u32 {
  const edge = t.rcvRead + receiveCapacity(t);
  return <i32>(edge - t.rcvAdv) > 0 ? edge - t.rcvAdv : 0;
}

/** By less than this it does not: half the buffer, or a full segment. */
function leastGain(t: Tcb): u32 {
  return min<u32>(receiveCapacity(t) >>> 1, t.sndMss);
}

/** The window field of a segment that goes now; the edge is moved as far as it may be. */
export function advertise(t: Tcb, syn: bool): u32 {
  // RFC 7323 §2.2: a SYN's is not scaled.
  if (syn) {
    t.rcvAdv = t.rcvNxt + min<u32>(t.rcvRead + receiveCapacity(t) - t.rcvNxt, 0xffff);
    return t.rcvAdv - t.rcvNxt;
  }
  if (gain(t) >= leastGain(t)) t.rcvAdv += gain(t);
  const wnd = t.rcvAdv - t.rcvNxt;
  const shift = t.rcvShift;
  // Rounded up, so that the edge does not move back; the ring has room for that (receiveCapacity).
  const field = min<u32>((wnd + (1 << shift) - 1) >>> shift, 0xffff);
  t.rcvAdv = t.rcvNxt + (field << shift);
  return field;
}

/** The application has read: is the peer, whose window is half used up, to be told of the room? */
export function windowUpdateDue(t: Tcb): bool {
  if ((t.flags & TCB_F_FIN_RECEIVED) != 0) return false;
  return t.rcvAdv - t.rcvNxt < receiveCapacity(t) >>> 1 && gain(t) >= leastGain(t);
}
