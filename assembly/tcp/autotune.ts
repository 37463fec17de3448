// Autotuning: a ring whose size nobody has asked for becomes a larger one where it is what limits the connection, with one
// copy of what it holds. It does so only in the call by which the application asks for its window, and only where that
// finds none: so no window moves that somebody holds.
//
// What is received: dynamic right-sizing (Fisk and Feng, 2001): the application reads in a round trip nearly as much as
// the window holds, so it limits the peer. What is sent: the ring is full, and both windows would let out more.

import { CTR_TCP_RINGS_MOVED } from "../abi/counter";
import { SW_TCP_AUTOTUNING } from "../abi/switch";
import { TCB_F_GROWS_IN, TCB_F_GROWS_OUT, TCB_F_WANTS_ROOM } from "../abi/tcp";
import { now } from "../core/clock";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { byteRingFree, byteRingGrow, byteRingLargest, byteRingSize } from "../memory/byte-ring";
import { rangesOf, synchronized, Tcb, unacknowledged } from "./tcb";

const WINDOW_MOST: u64 = 1 << 30;

/** The connection has its rings: which may grow? */
export function autotuneBegin(t: Tcb): void {
  const most = switchValue(SW_TCP_AUTOTUNING) != 0 ? byteRingLargest() - 1 : 0;
  if (t.sndMask >= most) t.flags &= ~TCB_F_GROWS_OUT;
  if (t.rcvMask >= most) t.flags &= ~TCB_F_GROWS_IN;
}

/** The largest window that may ever be offered, less one. */
export function windowMost(t: Tcb): u32 {
  return (t.flags & TCB_F_GROWS_IN) != 0 ? byteRingLargest() - 1 : t.rcvMask;
}

/** The peer's sequence space begins, and the first round. */
export function autotuneAgree(t: Tcb): void {
  if ((t.flags & TCB_F_GROWS_IN) == 0) return;
  t.tuneRead = t.rcvRead;
  t.tuneAt = <u32>now();
}

/** Is a ring of `mask` + 1 bytes so small, or the peer so far, that it could be what limits the connection? One that is
 * passed on faster than 256 MB a second is not. */
function mayLimit(t: Tcb, mask: u32): bool {
  return mask >>> 8 < t.srttUs;
}

/** Nothing waits to be read. Once in a round trip: has more than half of the window been read in it? Then twice as much is
 * offered from now on, and no more: the window of a path that is full stays near what the path holds. */
export function receiveGrow(t: Tcb): void {
  const elapsed = <u32>now() - t.tuneAt;
  if (elapsed < t.srttUs || !mayLimit(t, t.rcvMask)) return;
  const wanted = min<u64>((<u64>(t.rcvRead - t.tuneRead) * t.srttUs * 2) / elapsed, WINDOW_MOST) as u32;
  t.tuneRead = t.rcvRead;
  t.tuneAt = <u32>now();
  if (wanted <= t.rcvMost) return;
  const holds = t.rcvMask + 1;
  if (wanted > holds + (holds >>> 1) && t.rcvRead == t.rcvNxt && t.rcvMask < 0xffff << t.rcvShift) receiveMove(t);
  t.rcvMost = min<u32>(wanted, t.rcvMask + 1);
}

/** To a larger ring, if there is one. All is read; what has come out of order goes along. */
function receiveMove(t: Tcb): void {
  const ring = byteRingGrow(t.rcvRing);
  if (ring == 0) return;
  const mask = byteRingSize(ring) - 1;
  const end = rangesOf(t) + ((<usize>t.rangeCount) << 3);
  for (let at = rangesOf(t); at < end; at += 8) {
    carry(t.rcvRing, t.rcvMask, ring, mask, load<u32>(at), load<u32>(at, 4));
  }
  moved(t.rcvRing);
  t.rcvRing = ring;
  t.rcvMask = mask;
}

/** The ring is full: true if there is a larger one now. */
export function sendGrow(t: Tcb): bool {
  if (!mayLimit(t, t.sndMask) || !synchronized(t)) return false;
  if (t.cwnd + t.sndMss <= t.sndMask || t.sndWnd <= t.sndMask) return false;
  const ring = byteRingGrow(t.sndRing);
  if (ring == 0) return false;
  const mask = byteRingSize(ring) - 1;
  carry(t.sndRing, t.sndMask, ring, mask, t.sndEnd - unacknowledged(t), t.sndEnd);
  moved(t.sndRing);
  t.sndRing = ring;
  t.sndMask = mask;
  t.flags &= ~TCB_F_WANTS_ROOM;
  return true;
}

/** Copies the bytes from `seq` to before `end` from one ring to a larger one. */
function carry(from: usize, fromMask: u32, to: usize, toMask: u32, seq: u32, end: u32): void {
  while (seq != end) {
    // Where the larger one wraps, the smaller does.
    const place = seq & fromMask;
    const piece = min<u32>(end - seq, fromMask + 1 - place);
    memory.copy(to + (seq & toMask), from + place, piece);
    seq += piece;
  }
}

function moved(ring: usize): void {
  byteRingFree(ring);
  count(CTR_TCP_RINGS_MOVED);
}
