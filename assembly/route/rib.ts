// RIB: the authoritative routes, per family, in order of (prefix, length, metric, arrival). Several routes may stand
// on one prefix; the first of them, of the lowest metric and among those the oldest, is the best, and the FIB holds
// that one. E is Entry4 or Entry6: one code for both. Keys are left-aligned in (hi, lo).

import { E_EXIST, E_NOSPC } from "../abi/errno";
import {
  Entry6,
  entryHi,
  entryLo,
  entryPayload,
  entryPlen,
  entryRank,
  entrySetPayload,
  TREE_BYTES,
  Tree,
  treeAfter,
  treeBefore,
  treeFirst,
  treeInit,
  treeInsert,
  treeLayout,
  treeRemove,
  treeSeek,
} from "./tree";

const T4: Tree = changetype<Tree>(memory.data(TREE_BYTES, 8));
const T6: Tree = changetype<Tree>(memory.data(TREE_BYTES, 8));

const RANK_LAST: u64 = 0xffffffffffffffff;

function treeOf<E>(): Tree {
  if (offsetof<E>() == offsetof<Entry6>()) return T6;
  return T4;
}

export function ribLayout<E>(routes: u32): void {
  treeLayout<E>(treeOf<E>(), routes);
}

export function ribInit<E>(): void {
  treeInit(treeOf<E>());
}

export function ribCount<E>(): u32 {
  return treeOf<E>().count;
}

/** Bytes of the pages in use. */
export function ribBytes<E>(): u32 {
  const t = treeOf<E>();
  return t.pagesInUse * t.pageBytes;
}

/** First 64 bits of the mask of a prefix length. */
export function maskHi(plen: u32): u64 {
  if (plen == 0) return 0;
  return plen >= 64 ? -1 : (<u64>-1) << (64 - plen);
}

/** Last 64 bits of the mask of a prefix length. */
export function maskLo(plen: u32): u64 {
  return plen <= 64 ? 0 : (<u64>-1) << (128 - plen);
}

export function routeMetric<E>(e: usize): u32 {
  return <u32>(entryRank<E>(e) >> 32);
}

export function routeOrigin<E>(e: usize): u32 {
  return entryPayload<E>(e) >> 16;
}

export function routeNextHop<E>(e: usize): u32 {
  return entryPayload<E>(e) & 0xffff;
}

/** The first route after (prefix, length, rank) in the order of the table, or 0. */
export function ribAfter<E>(hi: u64, lo: u64, plen: u32, rank: u64): usize {
  const t = treeOf<E>();
  treeSeek<E>(t, hi, lo, plen, rank);
  return treeAfter<E>(t);
}

/** The best route of exactly this prefix, or 0. No rank is 0, so the seek stops before it. */
export function ribBest<E>(hi: u64, lo: u64, plen: u32): usize {
  return sameOrNone<E>(ribAfter<E>(hi, lo, plen, 0), hi, lo, plen);
}

/** The route of this prefix that follows route `e` of it, or 0. */
export function ribNextOfPrefix<E>(e: usize): usize {
  const hi = entryHi<E>(e);
  const lo = entryLo<E>(e);
  const plen = entryPlen<E>(e);
  return sameOrNone<E>(ribAfter<E>(hi, lo, plen, entryRank<E>(e)), hi, lo, plen);
}

function sameOrNone<E>(e: usize, hi: u64, lo: u64, plen: u32): usize {
  if (e == 0 || entryHi<E>(e) != hi || entryLo<E>(e) != lo || entryPlen<E>(e) != plen) return 0;
  return e;
}

/**
 * The best route of the longest prefix of at most `maxPlen` bits that covers (hi, lo), or 0. Of those of at most `known`
 * bits the longest that covers is known to have `floor` bits, or not to exist. The entry before the probe either
 * covers, or bounds the length of what can: the answer stands at or before it, so it shares with the probe no more
 * bits than that entry does.
 */
export function ribMatch<E>(hi: u64, lo: u64, maxPlen: u32, known: u32, floor: u32): usize {
  const t = treeOf<E>();
  let plen = maxPlen;
  while (plen > known) {
    treeSeek<E>(t, hi & maskHi(plen), lo & maskLo(plen), plen, RANK_LAST);
    const e = treeBefore<E>(t);
    if (e == 0) return 0;
    const ePlen = entryPlen<E>(e);
    const common = commonBits(entryHi<E>(e) ^ hi, entryLo<E>(e) ^ lo);
    if (common >= ePlen && ePlen <= plen) return ribBest<E>(entryHi<E>(e), entryLo<E>(e), ePlen);
    plen = min<u32>(plen, common);
  }
  if (floor != 0) return ribBest<E>(hi & maskHi(floor), lo & maskLo(floor), floor);
  return sameOrNone<E>(treeFirst<E>(t), 0, 0, 0);
}

function commonBits(diffHi: u64, diffLo: u64): u32 {
  return diffHi != 0 ? <u32>clz(diffHi) : 64 + <u32>clz(diffLo);
}

/**
 * Adds a route to a prefix whose best one is `best` (or 0): 0, -E_EXIST if the prefix has it with this metric and next
 * hop, or -E_NOSPC.
 */
export function ribAdd<E>(best: usize, hi: u64, lo: u64, plen: u32, metric: u32, nexthop: u32, origin: u32): i32 {
  const t = treeOf<E>();
  let seq: u64 = 1;
  for (let e = best; e != 0 && routeMetric<E>(e) <= metric; e = ribNextOfPrefix<E>(e)) {
    if (routeMetric<E>(e) != metric) continue;
    if (routeNextHop<E>(e) == nexthop) return -E_EXIST;
    seq = (entryRank<E>(e) & 0xffffffff) + 1;
  }
  if (t.count == t.limit || seq > 0xffffffff) return -E_NOSPC;
  treeInsert<E>(t, hi, lo, plen, ((<u64>metric) << 32) | seq, (origin << 16) | nexthop);
  return 0;
}

/** Gives a route, which is there, another next hop and origin. */
export function ribSet<E>(e: usize, nexthop: u32, origin: u32): void {
  entrySetPayload<E>(e, (origin << 16) | nexthop);
}

/** Removes a route, which is there. */
export function ribRemove<E>(hi: u64, lo: u64, plen: u32, rank: u64): void {
  treeRemove<E>(treeOf<E>(), hi, lo, plen, rank);
}
