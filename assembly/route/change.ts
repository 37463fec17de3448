// Changes of the table: routes of the prefix in R come and go in the RIB, and the FIB is brought to what they say then.
// A change is done wholly or not at all: what can fail (RIB entry, room for a set, FIB node) comes first and is taken
// back when a later step fails.

import { E_EXIST, E_SRCH } from "../abi/errno";
import { ROUTE_METRIC_ANY, RTF_BLACKHOLE, RTF_LOCAL, RTF_PROHIBIT, RTF_REJECT } from "../abi/route";
import { FIB, fibChange, fibDepth, fibFloor, fibInsert, fibRemove } from "./fib";
import { groupSet, groupTake, leafOf } from "./leaf";
import { interfaceMark, nexthopAt, nexthopRelease } from "./nexthop";
import { R } from "./request";
import {
  RANK_LAST,
  ribAdd,
  ribAfter,
  ribFirst,
  ribMatch,
  ribNextOfPrefix,
  ribRemove,
  ribSet,
  routeMetric,
  routeNextHop,
  routeOrigin,
} from "./rib";
import { treeFirst } from "./tree";
import { entryHi, entryLo, entryPlen, entryRank } from "./tree-page";

const REFUSALS: u32 = RTF_REJECT | RTF_PROHIBIT | RTF_BLACKHOLE;

/** Brings the FIB from leaf `was` of the prefix in R to the one its routes have now: 0; or -E_NOSPC with nothing
 * changed, only where `was` is none. */
function settle(plen: u32, was: u32): i32 {
  if (!FIB) return 0;
  const leaf = leafOf(plen, ribFirst(R.rib, R.hi, R.lo, plen));
  // A set may have got the index of the one before it: then the FIB says it already.
  if (leaf == was) return 0;
  if (was == 0) return fibInsert(R.fib, R.hi, R.lo, plen, leaf);
  if (leaf != 0) fibChange(R.fib, R.hi, R.lo, plen, leaf);
  else uncover(plen);
  return 0;
}

/** The prefix in R leaves the FIB: what it answered falls to the next one around it. */
function uncover(plen: u32): void {
  const cover = coverOf(plen);
  if (cover == 0) {
    fibRemove(R.fib, R.hi, R.lo, plen, 0, 0);
    return;
  }
  const hi = R.hi;
  const lo = R.lo;
  const coverPlen = entryPlen(cover);
  readEntry(cover);
  const leaf = leafOf(coverPlen, cover);
  R.hi = hi;
  R.lo = lo;
  fibRemove(R.fib, hi, lo, plen, coverPlen, leaf);
}

/** The best route of the longest prefix around the one in R, which is in the FIB; or 0. */
function coverOf(plen: u32): usize {
  if (plen == 0) return 0;
  return ribMatch(R.rib, R.hi, R.lo, plen - 1, fibDepth(R.fib, plen), fibFloor(R.fib, R.hi, R.lo, plen));
}

/** What the FIB answers for the prefix in R, whose first route is `first`. */
function inFib(plen: u32, first: usize): u32 {
  return FIB ? leafOf(plen, first) : 0;
}

/** Adds a route to the prefix in R: as routeAdd. */
export function addRoute(plen: u32, metric: u32, nexthop: u32, origin: u32): i32 {
  const first = ribFirst(R.rib, R.hi, R.lo, plen);
  const was = inFib(plen, first);
  const set = first == 0 ? 0 : groupSet(plen, metric);
  const r = ribAdd(R.rib, first, R.hi, R.lo, plen, metric, nexthop, origin & 0xff);
  if (r < 0) return r;
  const error = first == 0 ? settle(plen, was) : regroup(plen, metric, set, was);
  if (error < 0) {
    ribRemove(R.rib, R.hi, R.lo, plen, entryRank(routeOf(plen, metric, nexthop)));
    if (set != 0) groupTake(plen, metric, 0);
  }
  return error;
}

/** Gives the group of `metric` the set that it has now in place of `set`, and settles the prefix: 0; or -E_NOSPC, when
 * the group holds no set (the one before can be taken again). */
function regroup(plen: u32, metric: u32, set: u32, was: u32): i32 {
  // The old one first: the new one may need its room.
  if (set != 0) nexthopRelease(set);
  const taken = groupTake(plen, metric, 0);
  if (taken < 0) return taken;
  const error = settle(plen, was);
  if (error < 0 && taken != 0) nexthopRelease(taken);
  return error;
}

/** The route of the prefix in R with this metric and next hop, or 0. */
function routeOf(plen: u32, metric: u32, nexthop: u32): usize {
  let e = ribFirst(R.rib, R.hi, R.lo, plen);
  while (e != 0 && (routeMetric(e) != metric || routeNextHop(e) != nexthop)) e = ribNextOfPrefix(R.rib, e);
  return e;
}

/** Replaces the oldest route of this metric, or adds one: as routeReplace. The route of an own address stays. */
export function replaceRoute(plen: u32, metric: u32, nexthop: u32, origin: u32): i32 {
  const first = ribFirst(R.rib, R.hi, R.lo, plen);
  let e = first;
  while (e != 0 && (routeMetric(e) < metric || isLocal(e))) e = ribNextOfPrefix(R.rib, e);
  if (e == 0 || routeMetric(e) != metric) return addRoute(plen, metric, nexthop, origin);
  const same = routeOf(plen, metric, nexthop);
  if (same != 0 && same != e) return -E_EXIST;
  const was = inFib(plen, first);
  const set = groupSet(plen, metric);
  const old = routeNextHop(e);
  const oldOrigin = routeOrigin(e);
  ribSet(e, nexthop, origin & 0xff);
  const error = regroup(plen, metric, set, was);
  if (error < 0) {
    ribSet(e, old, oldOrigin);
    if (set != 0) groupTake(plen, metric, 0);
    return error;
  }
  nexthopRelease(old);
  return 0;
}

function isLocal(e: usize): bool {
  return (nexthopAt(routeNextHop(e)).flags & RTF_LOCAL) != 0;
}

/** Deletes the first route of the prefix in R that matches: as routeDelete. */
export function deleteRoute(plen: u32, metric: u32, ifindex: u32, refusal: u32): i32 {
  const first = ribFirst(R.rib, R.hi, R.lo, plen);
  for (let e = first; e != 0; e = ribNextOfPrefix(R.rib, e)) {
    if (metric != ROUTE_METRIC_ANY && metric != routeMetric(e)) continue;
    const n = nexthopAt(routeNextHop(e));
    if (ifindex != 0 && ifindex != n.ifindex) continue;
    if (refusal != 0 && refusal != (n.flags & REFUSALS)) continue;
    if (R.gateway != 0 && (n.gateway1 != load<u64>(R.gateway, 8) || n.gateway0 != load<u64>(R.gateway))) continue;
    return removeRoute(e, first);
  }
  return -E_SRCH;
}

/** Removes route `e` of the prefix in R, whose first one is `first`: 0; or -E_NOSPC, when those left would be a set for
 * which there is no room. */
function removeRoute(e: usize, first: usize): i32 {
  const plen = entryPlen(e);
  const metric = routeMetric(e);
  const nexthop = routeNextHop(e);
  const was = inFib(plen, first);
  const set = groupSet(plen, metric);
  if (set != 0) nexthopRelease(set);
  const left = groupTake(plen, metric, e);
  if (left < 0) {
    groupTake(plen, metric, 0);
    return left;
  }
  ribRemove(R.rib, R.hi, R.lo, plen, entryRank(e));
  // Where no route was active, none is now: nothing comes anew, so this cannot fail.
  settle(plen, was);
  nexthopRelease(nexthop);
  return 0;
}

/** Takes the prefix of entry `e` into R. */
function readEntry(e: usize): void {
  R.hi = entryHi(R.rib, e);
  R.lo = entryLo(R.rib, e);
}

/**
 * Settles the prefixes of R's family, `most` at most, that have a route by the interface, which is marked `active` and
 * was not so before. In ascending order, so that what covers a prefix has been settled before it. How many; or, when the
 * next one finds no room in the FIB, ~ of how many have been.
 */
export function settleInterface(ifindex: u32, active: bool, most: i32): i32 {
  if (!FIB) return 0;
  let done: i32 = 0;
  let e = treeFirst(R.rib);
  while (e != 0 && done < most) {
    readEntry(e);
    const plen = entryPlen(e);
    if (nexthopAt(routeNextHop(e)).ifindex != ifindex) {
      e = ribAfter(R.rib, R.hi, R.lo, plen, entryRank(e));
      continue;
    }
    interfaceMark(ifindex, !active);
    const was = inFib(plen, ribFirst(R.rib, R.hi, R.lo, plen));
    interfaceMark(ifindex, active);
    if (settle(plen, was) < 0) return ~done;
    done++;
    e = ribAfter(R.rib, R.hi, R.lo, plen, RANK_LAST);
  }
  return done;
}
