// What the peer has of what we sent, by its SACK options: the scoreboard of RFC 6675 §3 and §4. Ranges in order, none
// touching another, all above SND.UNA and not above SND.MAX; between them the gaps. What does not fit is forgotten, which
// costs a retransmission at most: nothing is given back before it is acknowledged (RFC 2018 §8).

import { TCB_F_SACK } from "../abi/tcp";
import { TCPOPTS_SACK, TcpOptions, tcpSackLeft, tcpSackRight } from "../wire/tcp-options";
import { seqLe, seqLt, seqMax, seqMin } from "./seq";
import { rangesMost, sackedOf, Tcb } from "./tcb";

/** DupThresh (RFC 6675 §2). */
export const DUP_THRESH: u32 = 3;

/** Address behind the last range. */
function sackedEnd(t: Tcb): usize {
  return sackedOf(t) + ((<usize>t.sackCount) << 3);
}

/** Update() of RFC 6675: takes in the option of a segment that acknowledges up to `ack`. True if it tells of bytes that
 * were not known to have arrived. What lies below is D-SACK (RFC 2883), what lies above was never sent: nothing. */
export function sackInput(t: Tcb, options: TcpOptions, ack: u32): bool {
  if ((options.seen & TCPOPTS_SACK) == 0 || (t.flags & TCB_F_SACK) == 0) return false;
  const base = seqMax(ack, t.sndUna);
  const most = t.sndMax - base;
  let told = false;
  for (let i: u32 = 0; i < options.sackCount; i++) {
    const left = tcpSackLeft(options, i);
    const right = tcpSackRight(options, i);
    // The byte at `base` is the one that is missing.
    if (left == base || left - base >= right - base || right - base > most) continue;
    if (add(t, left, right)) told = true;
  }
  return told;
}

/** True if some of it is new, and noted. */
function add(t: Tcb, left: u32, right: u32): bool {
  const end = sackedEnd(t);
  let at = sackedOf(t);
  while (at < end && seqLt(load<u32>(at, 4), left)) at += 8;
  if (at < end && seqLe(load<u32>(at), left) && seqLe(right, load<u32>(at, 4))) return false;
  let after = at;
  for (; after < end && seqLe(load<u32>(after), right); after += 8) {
    left = seqMin(left, load<u32>(after));
    right = seqMax(right, load<u32>(after, 4));
  }
  if (after == at && <u32>t.sackCount == rangesMost()) return false;
  memory.copy(at + 8, after, end - after);
  store<u32>(at, left);
  store<u32>(at, right, 4);
  t.sackCount = <u8>(t.sackCount + 1 - ((after - at) >> 3));
  return true;
}

/** SND.UNA has moved: what lies below is over. A range that begins there or before and was not acknowledged with it is
 * one the peer has given up. */
export function sackAdvance(t: Tcb): void {
  const first = sackedOf(t);
  const end = sackedEnd(t);
  let at = first;
  while (at < end && seqLe(load<u32>(at), t.sndUna)) at += 8;
  if (at == first) return;
  memory.copy(first, at, end - at);
  t.sackCount = <u8>((end - at) >> 3);
}

export function sackClear(t: Tcb): void {
  t.sackCount = 0;
}

/** Bytes below `seq` that the peer has beyond SND.UNA. */
export function sackedBelow(t: Tcb, seq: u32): u32 {
  const end = sackedEnd(t);
  let bytes: u32 = 0;
  for (let at = sackedOf(t); at < end && seqLt(load<u32>(at), seq); at += 8) {
    bytes += seqMin(load<u32>(at, 4), seq) - load<u32>(at);
  }
  return bytes;
}

export function sackedBytes(t: Tcb): u32 {
  return sackedBelow(t, t.sndMax);
}

/** IsLost() of a byte above which so many ranges and bytes have arrived. */
function lost(t: Tcb, ranges: u32, bytes: u32): bool {
  return ranges >= DUP_THRESH || bytes > (DUP_THRESH - 1) * t.sndMss;
}

/** IsLost(): is the byte `seq`, not SACKed, to be taken for lost? */
export function sackIsLost(t: Tcb, seq: u32): bool {
  const end = sackedEnd(t);
  let at = sackedOf(t);
  while (at < end && seqLe(load<u32>(at), seq)) at += 8;
  return lost(t, <u32>((end - at) >> 3), sackedBytes(t) - sackedBelow(t, seq));
}

/** SetPipe(): bytes that are taken to be under way. In a gap all bytes are lost, or none. */
export function sackPipe(t: Tcb): u32 {
  let ranges: u32 = t.sackCount;
  let bytes = sackedBytes(t);
  let from = t.sndUna;
  let pipe: u32 = 0;
  for (let at = sackedOf(t); ranges != 0; at += 8) {
    const left = load<u32>(at);
    const right = load<u32>(at, 4);
    pipe += underWay(t, from, left, lost(t, ranges--, bytes));
    from = right;
    bytes -= right - left;
  }
  return pipe + underWay(t, from, t.sndMax, false);
}

/** Of a gap: what was sent first, if it is not lost, and what was sent again. */
function underWay(t: Tcb, from: u32, to: u32, isLost: bool): u32 {
  const again = seqLt(from, t.highRxt) ? seqMin(to, t.highRxt) - from : 0;
  return isLost ? again : again + to - from;
}

/** NextSeg() rule 1, or with `lostOnly` false rule 3: the first byte, not yet retransmitted, of a gap below a range;
 * SND.MAX if there is none. */
export function sackNext(t: Tcb, lostOnly: bool): u32 {
  const end = sackedEnd(t);
  let bytes = sackedBytes(t);
  let seq = seqMax(t.sndUna, t.highRxt);
  for (let at = sackedOf(t); at < end; at += 8) {
    const left = load<u32>(at);
    // Of what is not lost nothing above is either.
    if (seqLt(seq, left)) return !lostOnly || lost(t, <u32>((end - at) >> 3), bytes) ? seq : t.sndMax;
    seq = seqMax(seq, load<u32>(at, 4));
    bytes -= load<u32>(at, 4) - left;
  }
  return t.sndMax;
}

/** One past the highest byte that is not SACKed. */
export function sackLast(t: Tcb): u32 {
  const end = sackedEnd(t);
  return t.sackCount != 0 && load<u32>(end - 4) == t.sndMax ? load<u32>(end - 8) : t.sndMax;
}

/** Right edge of the last range below `seq`; SND.UNA if there is none. */
export function sackBefore(t: Tcb, seq: u32): u32 {
  const end = sackedEnd(t);
  let edge = t.sndUna;
  for (let at = sackedOf(t); at < end && seqLt(load<u32>(at), seq); at += 8) edge = load<u32>(at, 4);
  return edge;
}

/** `seq`, or where the range ends in which it lies. */
export function sackSkip(t: Tcb, seq: u32): u32 {
  const end = sackedEnd(t);
  let at = sackedOf(t);
  while (at < end && seqLe(load<u32>(at, 4), seq)) at += 8;
  return at < end && seqLe(load<u32>(at), seq) ? load<u32>(at, 4) : seq;
}

/** Where the first range above `seq` begins; SND.MAX if there is none. */
export function sackLimit(t: Tcb, seq: u32): u32 {
  const end = sackedEnd(t);
  let at = sackedOf(t);
  while (at < end && seqLe(load<u32>(at), seq)) at += 8;
  return at < end ? load<u32>(at) : t.sndMax;
}
