// The routing table as the stack uses it: next hops, RIB and FIB of both families kept in step. A change is done
// wholly or not at all: what can fail (next hop, RIB entry, FIB node) comes first and is taken back when a later step
// fails. Longest match (RFC 1812 §5.2.4.3), then the lowest metric, then the oldest.
//
// At this face an address is a pointer to 16 bytes in network order, IPv4 as ::ffff:a.b.c.d; a prefix length counts
// the family's own bits; a family is 4 or 6.

import { E_EXIST, E_NOSPC, E_SRCH } from "../abi/errno";
import { ROUTE_MAX_DIRECT_BITS, ROUTE_MAX_NEXTHOPS, ROUTE_METRIC_ANY } from "../abi/route";
import {
  F4,
  F6,
  FibLookup,
  fibChange,
  fibDepth,
  fibDirectBytes,
  fibFloor,
  fibInit,
  fibInsert,
  fibLayout,
  fibRemove,
} from "./fib";
import { nexthopAt, nexthopInit, nexthopIntern, nexthopLayout, nexthopRelease } from "./nexthop";
import { nodeBytes, nodeLayout } from "./node";
import { R, readRoute, selectFamily, storedFlags } from "./request";
import {
  RIB4,
  RIB6,
  ribAdd,
  ribAfter,
  ribBest,
  ribBytes,
  ribInit,
  ribLayout,
  ribMatch,
  ribNextOfPrefix,
  ribRemove,
  ribSet,
  routeMetric,
  routeNextHop,
} from "./rib";
import { slabBytes, slabInit, slabLayout } from "./slab";
import { treeFirst } from "./tree";
import { entryHi, entryLo, entryPlen, entryRank } from "./tree-page";

export { routeFirst, routeMatch, routeNext } from "./listing";

@unmanaged
class TableState {
  generation: u32;
}

const T: TableState = changetype<TableState>(memory.data(offsetof<TableState>(), 8));

// Boot

/**
 * Lays the table. The direct tables take 5 bytes for each of their 2^directBits entries; a table for IPv6 is laid only
 * when it may have routes. The FIB's nodes get room for any set of routes while that is at most 256 KiB a family (two
 * thousand IPv4 routes behind 16 direct bits), and beyond that for four times what an Internet table needs; when it
 * is full, adding answers -E_NOSPC.
 */
export function routeLayout(v4Routes: u32, v6Routes: u32, nexthops: u32, directBits: u32): void {
  const bits = min<u32>(directBits, ROUTE_MAX_DIRECT_BITS);
  const bits6 = v6Routes == 0 ? 0 : bits;
  const hops = min<u32>(nexthops, ROUTE_MAX_NEXTHOPS);
  const most = max<u32>(v4Routes, v6Routes);
  nexthopLayout(hops);
  ribLayout(v4Routes, v6Routes);
  fibLayout(F4, bits);
  fibLayout(F6, bits6);
  slabLayout(hops, fibRoom(v4Routes, 32 - bits, 16) + fibRoom(v6Routes, 128 - bits6, 96), largestNode(most));
  nodeLayout(min<u32>(256, most * 2 + 1), min<u32>(256, most));
}

/** Hot bytes of the largest node that so many routes can lead to. */
function largestNode(routes: u32): u32 {
  return nodeBytes(min<u32>(256, routes * 2 + 1), min<u32>(256, routes));
}

/** Bytes for nodes: a route needs one of at most 64 bytes for each eight bits of key, as a rule far less; without a
 * direct table all share the first. */
function fibRoom(routes: u32, keyBits: u32, usual: u32): u64 {
  const levels = (keyBits + 7) >> 3;
  let worst = <u64>routes * levels * 64;
  if ((keyBits & 31) == 0) worst = <u64>routes * (levels - 1) * 64 + largestNode(routes);
  return min<u64>(worst, max<u64>(<u64>routes * usual, 1 << 18));
}

export function routeInit(): void {
  nexthopInit();
  ribInit();
  slabInit();
  fibInit(F4);
  fibInit(F6);
  T.generation = 0;
}

// Lookup

/** Index of the next hop for an IPv4 destination in host order; 0: no route. */
export function route4Lookup(dst: u32): u32 {
  return FibLookup.v4(F4.base, F4.direct, F4.scale, dst);
}

/** Index of the next hop for the IPv6 destination at `dst`; 0: no route. */
export function route6Lookup(dst: usize): u32 {
  return FibLookup.v6(F6.base, F6.direct, F6.bits, bswap<u64>(load<u64>(dst)), bswap<u64>(load<u64>(dst, 8)));
}

/** Changes with every change of the table: what was looked up under another generation is to be looked up again. */
export function routeGeneration(): u32 {
  return T.generation;
}

/** Something else has changed that paths depend on. */
export function routeInvalidate(): void {
  T.generation++;
}

/** Number of routes of a family. */
export function routeCount(family: u32): u32 {
  return family == 6 ? RIB6.count : RIB4.count;
}

/** Bytes of RIB pages in use, both families. */
export function routeRibBytes(): u32 {
  return ribBytes(RIB4) + ribBytes(RIB6);
}

/** Bytes of FIB in use: direct tables, pages of nodes, pseudo-nodes. */
export function routeFibBytes(): u32 {
  return fibDirectBytes(F4) + fibDirectBytes(F6) + slabBytes();
}

// Changes

/**
 * Adds a route. `flags` are RTF_…; UP, HOST and GATEWAY follow from the rest. `gateway` and `source` may be 0.
 * 0; -E_EXIST if the prefix has one with this metric and next hop; -E_NOSPC; -E_INVAL for host bits beyond the prefix
 * length, a length or an address not of the family; -E_AFNOSUPPORT.
 */
export function routeAdd(
  family: u32,
  dst: usize,
  plen: u32,
  metric: u32,
  ifindex: u32,
  flags: u32,
  gateway: usize,
  source: usize,
  origin: u32,
): i32 {
  const r = readRoute(family, dst, plen, metric, gateway, source);
  return r < 0 ? r : put(false, plen, metric, ifindex, flags, origin);
}

/** Gives the oldest route of this prefix and metric another next hop and origin, or adds the route: as routeAdd. */
export function routeReplace(
  family: u32,
  dst: usize,
  plen: u32,
  metric: u32,
  ifindex: u32,
  flags: u32,
  gateway: usize,
  source: usize,
  origin: u32,
): i32 {
  const r = readRoute(family, dst, plen, metric, gateway, source);
  return r < 0 ? r : put(true, plen, metric, ifindex, flags, origin);
}

/** Adds or replaces the route of the request in R. */
function put(replace: bool, plen: u32, metric: u32, ifindex: u32, flags: u32, origin: u32): i32 {
  const nexthop = nexthopIntern(ifindex, storedFlags(flags), R.gateway, R.source);
  if (nexthop < 0) return nexthop;
  const done = replace ? replaceRoute(plen, metric, nexthop, origin) : addRoute(plen, metric, nexthop, origin);
  if (done < 0) nexthopRelease(nexthop);
  else T.generation++;
  return done;
}

/**
 * Deletes the first route of the prefix that matches what is given: metric (or ROUTE_METRIC_ANY), interface and
 * gateway (or 0). 0; -E_SRCH if there is none; -E_INVAL, -E_AFNOSUPPORT as routeAdd.
 */
export function routeDelete(family: u32, dst: usize, plen: u32, metric: u32, ifindex: u32, gateway: usize): i32 {
  const r = readRoute(family, dst, plen, 0, gateway, 0);
  if (r < 0) return r;
  return deleteRoute(plen, metric, ifindex);
}

/** Deletes every route out of an interface; answers how many. */
export function routeFlush(ifindex: u32): u32 {
  selectFamily(4);
  const removed = flushRoutes(ifindex);
  selectFamily(6);
  return removed + flushRoutes(ifindex);
}

// The work

function addRoute(plen: u32, metric: u32, nexthop: u32, origin: u32): i32 {
  const best = ribBest(R.rib, R.hi, R.lo, plen);
  const bestMetric: u32 = best == 0 ? 0 : routeMetric(best);
  const r = ribAdd(R.rib, best, R.hi, R.lo, plen, metric, nexthop, origin & 0xff);
  if (r < 0) return r;
  if (best != 0) {
    if (metric < bestMetric) fibChange(R.fib, R.hi, R.lo, plen, nexthop);
    return 0;
  }
  if (fibInsert(R.fib, R.hi, R.lo, plen, nexthop) == 0) return 0;
  ribRemove(R.rib, R.hi, R.lo, plen, entryRank(ribBest(R.rib, R.hi, R.lo, plen)));
  return -E_NOSPC;
}

function replaceRoute(plen: u32, metric: u32, nexthop: u32, origin: u32): i32 {
  const best = ribBest(R.rib, R.hi, R.lo, plen);
  let e = best;
  while (e != 0 && routeMetric(e) < metric) e = ribNextOfPrefix(R.rib, e);
  if (e == 0 || routeMetric(e) != metric) return addRoute(plen, metric, nexthop, origin);
  for (let other = ribNextOfPrefix(R.rib, e); other != 0; other = ribNextOfPrefix(R.rib, other)) {
    if (routeMetric(other) == metric && routeNextHop(other) == nexthop) return -E_EXIST;
  }
  const old = routeNextHop(e);
  ribSet(e, nexthop, origin & 0xff);
  if (e == best && old != nexthop) fibChange(R.fib, R.hi, R.lo, plen, nexthop);
  nexthopRelease(old);
  return 0;
}

function deleteRoute(plen: u32, metric: u32, ifindex: u32): i32 {
  const best = ribBest(R.rib, R.hi, R.lo, plen);
  for (let e = best; e != 0; e = ribNextOfPrefix(R.rib, e)) {
    if (metric != ROUTE_METRIC_ANY && metric != routeMetric(e)) continue;
    const n = nexthopAt(routeNextHop(e));
    if (ifindex != 0 && ifindex != n.ifindex) continue;
    if (R.gateway != 0 && (n.gateway1 != load<u64>(R.gateway, 8) || n.gateway0 != load<u64>(R.gateway))) continue;
    removeRoute(e, best);
    return 0;
  }
  return -E_SRCH;
}

/** Removes route `e` of the prefix in R, whose best one is `best`. */
function removeRoute(e: usize, best: usize): void {
  const plen = entryPlen(e);
  const nexthop = routeNextHop(e);
  const next = e == best ? ribNextOfPrefix(R.rib, e) : 0;
  const after = next == 0 ? 0 : routeNextHop(next);
  ribRemove(R.rib, R.hi, R.lo, plen, entryRank(e));
  if (after != 0) {
    if (after != nexthop) fibChange(R.fib, R.hi, R.lo, plen, after);
  } else if (e == best) {
    const cover = coverOf(plen);
    if (cover == 0) fibRemove(R.fib, R.hi, R.lo, plen, 0, 0);
    else fibRemove(R.fib, R.hi, R.lo, plen, entryPlen(cover), routeNextHop(cover));
  }
  nexthopRelease(nexthop);
  T.generation++;
}

/** The route that covers the prefix in R next, or 0. */
function coverOf(plen: u32): usize {
  if (plen == 0) return 0;
  return ribMatch(R.rib, R.hi, R.lo, plen - 1, fibDepth(R.fib, plen), fibFloor(R.fib, R.hi, R.lo, plen));
}

function flushRoutes(ifindex: u32): u32 {
  let removed: u32 = 0;
  let e = treeFirst(R.rib);
  while (e != 0) {
    R.hi = entryHi(R.rib, e);
    R.lo = entryLo(R.rib, e);
    const plen = entryPlen(e);
    const rank = entryRank(e);
    if (nexthopAt(routeNextHop(e)).ifindex == ifindex) {
      removeRoute(e, ribBest(R.rib, R.hi, R.lo, plen));
      removed++;
    }
    e = ribAfter(R.rib, R.hi, R.lo, plen, rank);
  }
  return removed;
}
