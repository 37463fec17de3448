// The window that we advertise: RFC 9293 §3.8.6.2.2 (silly windows are avoided), RFC 7323 §2.3 (scaling). What was
// promised once stays promised: the right edge, rcvAdv, never moves back, nor beyond what the ring holds.

import { TCB_F_FIN_RECEIVED, TCP_SYN_RECEIVED } from "../abi/tcp";
import { seqMax } from "./seq";
import { Tcb } from "./tcb";

/** Bytes that wait to be read: none before we know that the peer is who it says (RFC 9293 §3.10.3). */
export function unread(t: Tcb): u32 {
  if (t.state == TCP_SYN_RECEIVED) return 0;
  return t.rcvNxt - t.rcvRead - ((t.flags & TCB_F_FIN_RECEIVED) != 0 ? 1 : 0);
}

/** Bytes that are free of what is offered, and can be said. */
function room(t: Tcb): u32 {
  return min<u32>(t.rcvRead + t.rcvMost - t.rcvNxt, 0xffff << t.rcvShift);
}

/** Half the largest window there can be. */
function half(t: Tcb): u32 {
  return min<u32>(t.rcvMost, 0xffff << t.rcvShift) >>> 1;
}

/** May the right edge move? By half the buffer or a full segment, or not at all. */
function edgeMoves(t: Tcb): bool {
  return t.rcvNxt + room(t) - t.rcvAdv >= min<u32>(half(t), t.sndMss);
}

/** The window field of a segment that goes now; the edge is moved as far as it may be. */
export function advertise(t: Tcb, syn: bool): u32 {
  // RFC 7323 §2.2: a SYN's is not scaled.
  const shift: u32 = syn ? 0 : t.rcvShift;
  let wnd = room(t);
  if (!syn && !edgeMoves(t)) {
    // Rounded up, so that the edge does not seem to move back; but where the ring ends it may, by less than the shift
    // can say. What was promised, rcvAdv, is remembered (RFC 7323 §2.4).
    wnd = min<u32>(t.rcvAdv - t.rcvNxt + (1 << shift) - 1, wnd);
  }
  const field = min<u32>(wnd >>> shift, 0xffff);
  t.rcvAdv = seqMax(t.rcvAdv, t.rcvNxt + (field << shift));
  return field;
}

/** The application has read: is the peer, whose window is half used up, to be told of the room? */
export function windowUpdateDue(t: Tcb): bool {
  if ((t.flags & TCB_F_FIN_RECEIVED) != 0) return false;
  return t.rcvAdv - t.rcvNxt < half(t) && edgeMoves(t);
}
