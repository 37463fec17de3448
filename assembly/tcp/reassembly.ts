// What has come out of order: RFC 9293 §3.10.7.4, seventh. The bytes stand in the receive ring already, at their places;
// here are the ranges of them, none touching another, the latest first, as SACK reports them (RFC 2018 §4).

import { tcpPutSackBlock, tcpPutSackHead } from "../wire/tcp-options";
import { seqLe, seqMax, seqMin } from "./seq";
import { rangesMost, rangesOf, Tcb } from "./tcb";

/** The bytes from `left` to before `right`, beyond RCV.NXT, have come; false if there is no room for a range more. */
export function rangeAdd(t: Tcb, left: u32, right: u32): bool {
  const first = rangesOf(t);
  const end = first + ((<usize>t.rangeCount) << 3);
  let keep = first;
  for (let at = first; at < end; at += 8) {
    const l = load<u32>(at);
    const r = load<u32>(at, 4);
    if (seqLe(l, right) && seqLe(left, r)) {
      left = seqMin(left, l);
      right = seqMax(right, r);
    } else {
      store<u64>(keep, load<u64>(at));
      keep += 8;
    }
  }
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
  let keep = first;
  for (let at = first; at < end; at += 8) {
    if (seqLe(load<u32>(at), t.rcvNxt)) {
      next = seqMax(next, load<u32>(at, 4));
    } else {
      store<u64>(keep, load<u64>(at));
      keep += 8;
    }
  }
  t.rangeCount = <u8>((keep - first) >> 3);
  return next;
}

/** Writes the SACK option with at most `most` blocks; the address after it, which is `p` if there is nothing to tell. */
export function rangesPut(t: Tcb, p: usize, most: u32): usize {
  const blocks = min<u32>(t.rangeCount, most);
  if (blocks == 0) return p;
  p = tcpPutSackHead(p, blocks);
  const end = rangesOf(t) + (blocks << 3);
  for (let at = rangesOf(t); at < end; at += 8) p = tcpPutSackBlock(p, load<u32>(at), load<u32>(at, 4));
  return p;
}
