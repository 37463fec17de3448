// RIB: the authoritative routes, per family, in order of (prefix, length, metric, arrival). Several routes may stand
// on one prefix. Those whose interface takes no traffic are passed over; of the others the first, of the lowest metric
// and among those the oldest, is the best, and the FIB holds that one, or the set of those equal to it (leaf.ts). One
// code serves both key widths: keys are left-aligned in (hi, lo), and the tree knows its own.

import { E_EXIST, E_NOSPC } from "../abi/errno";
import { RTF_LOCAL } from "../abi/route";
import { nexthopAt, nexthopIsActive } from "./nexthop";
import { treeAfter, treeBefore, treeFirst, treeInit, treeInsert, treeLayout, treeRemove, treeSeek } from "./tree";
import {
  Entry4,
  Entry6,
  entryHi,
  entryLo,
  entryPayload,
  entryPlen,
  entryRank,
  entrySetPayload,
  TREE_BYTES,
  Tree,
} from "./tree-page";

export const RIB4: Tree = changetype<Tree>(memory.data(TREE_BYTES, 8));
export const RIB6: Tree = changetype<Tree>(memory.data(TREE_BYTES, 8));

/** After every rank. */
export const RANK_LAST: u64 = 0xffffffffffffffff;

export function ribLayout(v4Routes: u32, v6Routes: u32): void {
  treeLayout<Entry4>(RIB4, v4Routes);
  treeLayout<Entry6>(RIB6, v6Routes);
}

export function ribInit(): void {
  treeInit(RIB4);
  treeInit(RIB6);
}

/** Bytes of the pages in use. */
export function ribBytes(t: Tree): u32 {
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

export function routeMetric(e: usize): u32 {
  return <u32>(entryRank(e) >> 32);
}

export function routeOrigin(e: usize): u32 {
  return entryPayload(e) >> 16;
}

export function routeNextHop(e: usize): u32 {
  return entryPayload(e) & 0xffff;
}

/** The first route after (prefix, length, rank) in the order of the table, or 0. */
export function ribAfter(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64): usize {
  treeSeek(t, hi, lo, plen, rank);
  return treeAfter(t);
}

/** The first route of exactly this prefix, active or not, or 0. No rank is 0, so the seek stops before it. */
export function ribFirst(t: Tree, hi: u64, lo: u64, plen: u32): usize {
  return sameOrNone(t, ribAfter(t, hi, lo, plen, 0), hi, lo, plen);
}

/** The route of this prefix that follows route `e` of it, or 0. */
export function ribNextOfPrefix(t: Tree, e: usize): usize {
  const hi = entryHi(t, e);
  const lo = entryLo(t, e);
  const plen = entryPlen(e);
  return sameOrNone(t, ribAfter(t, hi, lo, plen, entryRank(e)), hi, lo, plen);
}

/** Route `e`, or the first of its prefix after it that is active, or 0. */
export function ribActive(t: Tree, e: usize): usize {
  while (e != 0 && !nexthopIsActive(routeNextHop(e))) e = ribNextOfPrefix(t, e);
  return e;
}

/** The best route of exactly this prefix, or 0. */
export function ribBest(t: Tree, hi: u64, lo: u64, plen: u32): usize {
  return ribActive(t, ribFirst(t, hi, lo, plen));
}

/** The first route of this prefix of at least this metric, or 0. */
export function ribFirstOf(t: Tree, hi: u64, lo: u64, plen: u32, metric: u32): usize {
  return sameOrNone(t, ribAfter(t, hi, lo, plen, (<u64>metric) << 32), hi, lo, plen);
}

function sameOrNone(t: Tree, e: usize, hi: u64, lo: u64, plen: u32): usize {
  if (e == 0 || entryHi(t, e) != hi || entryLo(t, e) != lo || entryPlen(e) != plen) return 0;
  return e;
}

/**
 * The best route of the longest prefix of at most `maxPlen` bits that covers (hi, lo), or 0. Of those of at most `known`
 * bits the longest that covers is known to have `floor` bits, or not to exist. The entry before the probe either
 * covers, or bounds the length of what can: the answer stands at or before it, so it shares with the probe no more
 * bits than that entry does.
 */
export function ribMatch(t: Tree, hi: u64, lo: u64, maxPlen: u32, known: u32, floor: u32): usize {
  let plen = maxPlen;
  while (plen > known) {
    treeSeek(t, hi & maskHi(plen), lo & maskLo(plen), plen, RANK_LAST);
    const e = treeBefore(t);
    if (e == 0) return 0;
    const ePlen = entryPlen(e);
    const common = commonBits(entryHi(t, e) ^ hi, entryLo(t, e) ^ lo);
    if (common >= ePlen && ePlen <= plen) {
      const best = ribBest(t, hi & maskHi(ePlen), lo & maskLo(ePlen), ePlen);
      if (best != 0 || ePlen == 0) return best;
      plen = ePlen - 1;
    } else {
      plen = min<u32>(plen, common);
    }
  }
  if (floor != 0) return ribBest(t, hi & maskHi(floor), lo & maskLo(floor), floor);
  return ribActive(t, sameOrNone(t, treeFirst(t), 0, 0, 0));
}

function commonBits(diffHi: u64, diffLo: u64): u32 {
  return diffHi != 0 ? <u32>clz(diffHi) : 64 + <u32>clz(diffLo);
}

/**
 * Adds a route to a prefix whose first one is `first` (or 0): 0, -E_EXIST if the prefix has it with this metric and next
 * hop, or -E_NOSPC. Order among equals starts at 2; 1 is an own address's, which nothing hides.
 */
export function ribAdd(
  t: Tree,
  first: usize,
  hi: u64,
  lo: u64,
  plen: u32,
  metric: u32,
  nexthop: u32,
  origin: u32,
): i32 {
  const isLocal = (nexthopAt(nexthop).flags & RTF_LOCAL) != 0;
  let seq: u64 = isLocal ? 1 : 2;
  for (let e = first; e != 0 && routeMetric(e) <= metric; e = ribNextOfPrefix(t, e)) {
    if (routeMetric(e) != metric) continue;
    const other = entryRank(e) & 0xffffffff;
    if (routeNextHop(e) == nexthop || (isLocal && other == 1)) return -E_EXIST;
    if (!isLocal) seq = other + 1;
  }
  if (t.count == t.limit || seq > 0xffffffff) return -E_NOSPC;
  treeInsert(t, hi, lo, plen, ((<u64>metric) << 32) | seq, (origin << 16) | nexthop);
  return 0;
}

/** Gives a route, which is there, another next hop and origin. */
export function ribSet(e: usize, nexthop: u32, origin: u32): void {
  entrySetPayload(e, (origin << 16) | nexthop);
}

/** Removes a route, which is there. */
export function ribRemove(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64): void {
  treeRemove(t, hi, lo, plen, rank);
}
