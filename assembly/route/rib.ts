// RIB: the authoritative routes, per family, in order of (prefix, length, metric, arrival). Several routes may stand
// on one prefix; the first of them, of the lowest metric and among those the oldest, is the best, and the FIB holds
// that one. One code serves both key widths: keys are left-aligned in (hi, lo), and the tree knows its own.

import { E_EXIST, E_NOSPC } from "../abi/errno";
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

const RANK_LAST: u64 = 0xffffffffffffffff;

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

/** The best route of exactly this prefix, or 0. No rank is 0, so the seek stops before it. */
export function ribBest(t: Tree, hi: u64, lo: u64, plen: u32): usize {
  return sameOrNone(t, ribAfter(t, hi, lo, plen, 0), hi, lo, plen);
}

/** The route of this prefix that follows route `e` of it, or 0. */
export function ribNextOfPrefix(t: Tree, e: usize): usize {
  const hi = entryHi(t, e);
  const lo = entryLo(t, e);
  const plen = entryPlen(e);
  return sameOrNone(t, ribAfter(t, hi, lo, plen, entryRank(e)), hi, lo, plen);
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
    if (common >= ePlen && ePlen <= plen) return ribBest(t, entryHi(t, e), entryLo(t, e), ePlen);
    plen = min<u32>(plen, common);
  }
  if (floor != 0) return ribBest(t, hi & maskHi(floor), lo & maskLo(floor), floor);
  return sameOrNone(t, treeFirst(t), 0, 0, 0);
}

function commonBits(diffHi: u64, diffLo: u64): u32 {
  return diffHi != 0 ? <u32>clz(diffHi) : 64 + <u32>clz(diffLo);
}

/**
 * Adds a route to a prefix whose best one is `best` (or 0): 0, -E_EXIST if the prefix has it with this metric and next
 * hop, or -E_NOSPC.
 */
export function ribAdd(t: Tree, best: usize, hi: u64, lo: u64, plen: u32, metric: u32, nexthop: u32, origin: u32): i32 {
  let seq: u64 = 1;
  for (let e = best; e != 0 && routeMetric(e) <= metric; e = ribNextOfPrefix(t, e)) {
    if (routeMetric(e) != metric) continue;
    if (routeNextHop(e) == nexthop) return -E_EXIST;
    seq = (entryRank(e) & 0xffffffff) + 1;
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
