// What has come out of order: RFC 9293 §3.10.7.4, seventh. The bytes stand in the receive ring already, at their places;
// here are the ranges of them, none touching another, the latest first, as SACK reports them (RFC 2018 §4); before them
// what came twice (D-SACK: RFC 2883 §4).

import { CTR_TCP_OUT_DSACKS } from "../abi/counter";
import { TCB_F_SACK } from "../abi/tcp";
import { count } from "../core/counter";
import { tcpPutSackBlock, tcpPutSackHead } from "../wire/tcp-options";
import { seqLe, seqLt, seqMax, seqMin } from "./seq";
import { rangesMost, rangesOf, Tcb } from "./tcb";

/** The bytes from `left` to before `right`, beyond RCV.NXT, have come; false if there is no room for a range more. */
export function rangeAdd(t: Tcb, left: u32, right: u32): bool {
  const first = rangesOf(t);
  const end = first + ((<usize>t.rangeCount) << 3);
  const from = left;
  const to = right;
  let twice = to;
  let twiceTo = to;
  let keep = first;
  for (let at = first; at < end; at += 8) {
    const l = load<u32>(at);
    const r = load<u32>(at, 4);
    if (seqLe(l, right) && seqLe(left, r)) {
      if (seqLt(seqMax(l, from), seqMin(twice, r))) {
        twice = seqMax(l, from);
        twiceTo = seqMin(r, to);
      }
      left = seqMin(left, l);
      right = seqMax(right, r);
    } else {
      store<u64>(keep, load<u64>(at));
      keep += 8;
    }
  }
  dsackNote(t, twice, twiceTo);
  const kept = <u32>(keep - first);
  if (kept == rangesMost() << 3) return false;
  memory.copy(first + 8, first, kept);
  store<u32>(first, left);
  store<u32>(first, right, 4);
  t.rangeCount = <u8>((kept >> 3) + 1);
  return true;
}

/** How far RCV.NXT may move now that all before it is there; the ranges that it reaches are over. */
export function rangeTake(t: Tcb): u32 {
  const first = rangesOf(t);
  const end = first + ((<usize>t.rangeCount) << 3);
  let next = t.rcvNxt;
  let twice = next;
  let twiceTo = next;
  let keep = first;
  for (let at = first; at < end; at += 8) {
    const l = load<u32>(at);
    if (seqLe(l, t.rcvNxt)) {
      const r = load<u32>(at, 4);
      next = seqMax(next, r);
      if (seqLt(l, twice)) {
        twice = l;
        twiceTo = seqMin(r, t.rcvNxt);
      }
    } else {
      store<u64>(keep, load<u64>(at));
      keep += 8;
    }
  }
  t.rangeCount = <u8>((keep - first) >> 3);
  dsackNote(t, twice, twiceTo);
  return next;
}

/** The bytes from `left` to before `right` have come once more. Of several the first is told (RFC 2883 §4.2.3), and each
 * once (§4 (3)). */
export function dsackNote(t: Tcb, left: u32, right: u32): void {
  if (!seqLt(left, right) || dsackWaits(t) || (t.flags & TCB_F_SACK) == 0) return;
  t.dsackLeft = left;
  t.dsackRight = right;
}

function dsackWaits(t: Tcb): bool {
  return t.dsackLeft != t.dsackRight;
}

/** Has a SACK option anything to tell? */
export function rangesWait(t: Tcb): bool {
  return (t.rangeCount != 0 || dsackWaits(t)) && (t.flags & TCB_F_SACK) != 0;
}

/** Writes the SACK option with at most `most` blocks; the address after it, which is `p` if there is nothing to tell. What
 * came twice stands first; if it lies within a range that waits, that one came last and follows (RFC 2883 §4 (4), (5)). */
export function rangesPut(t: Tcb, p: usize, most: u32): usize {
  const twice: u32 = dsackWaits(t) ? 1 : 0;
  const blocks = min<u32>(twice + t.rangeCount, most);
  if (blocks == 0) return p;
  p = tcpPutSackHead(p, blocks);
  if (twice != 0) p = tcpPutSackBlock(p, t.dsackLeft, t.dsackRight);
  const end = rangesOf(t) + ((blocks - twice) << 3);
  for (let at = rangesOf(t); at < end; at += 8) p = tcpPutSackBlock(p, load<u32>(at), load<u32>(at, 4));
  return p;
}

/** A segment with what rangesPut() wrote is on its way. */
export function rangesTold(t: Tcb): void {
  if (!dsackWaits(t)) return;
  count(CTR_TCP_OUT_DSACKS);
  t.dsackRight = t.dsackLeft;
}
