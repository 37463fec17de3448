// The routing table as the stack uses it: next hops, RIB and FIB of both families kept in step. A change is done
// wholly or not at all: what can fail (next hop, RIB entry, FIB node) comes first and is taken back when a later step
// fails. Longest match (RFC 1812 §5.2.4.3), then the lowest metric, then the oldest.
//
// At this face an address is a pointer to 16 bytes in network order, IPv4 as ::ffff:a.b.c.d; a prefix length counts
// the family's own bits; a family is 4 or 6.

import { E_AFNOSUPPORT, E_EXIST, E_INVAL, E_NOSPC, E_SRCH } from "../abi/errno";
import {
  ROUTE_DST,
  ROUTE_FAMILY,
  ROUTE_FLAGS,
  ROUTE_GATEWAY,
  ROUTE_IFINDEX,
  ROUTE_MAX_DIRECT_BITS,
  ROUTE_MAX_NEXTHOPS,
  ROUTE_METRIC,
  ROUTE_METRIC_ANY,
  ROUTE_NEXTHOP,
  ROUTE_ORIGIN,
  ROUTE_PLEN,
  ROUTE_SEQ,
  ROUTE_SOURCE,
  RTF_GATEWAY,
  RTF_HOST,
  RTF_UP,
} from "../abi/route";
import {
  F4,
  F6,
  Fib,
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
import { nodeBytes } from "./node";
import {
  maskHi,
  maskLo,
  ribAdd,
  ribAfter,
  ribBest,
  ribBytes,
  ribCount,
  ribInit,
  ribLayout,
  ribMatch,
  ribNextOfPrefix,
  ribRemove,
  ribSet,
  routeMetric,
  routeNextHop,
  routeOrigin,
} from "./rib";
import { slabBytes, slabInit, slabLayout } from "./slab";
import { Entry4, Entry6, entryHi, entryLo, entryPlen, entryRank } from "./tree";

@unmanaged
class RouteState {
  generation: u32;
  /** The prefix of the call under way. */
  hi: u64;
  lo: u64;
  /** Its next hop's addresses, 0 where there is none. */
  gateway: usize;
  source: usize;
}

const R: RouteState = changetype<RouteState>(memory.data(offsetof<RouteState>(), 8));

/** ::ffff:0.0.0.0/96 as the two halves stand in memory. */
const MAPPED: u32 = 0xffff0000;

// Boot

/**
 * Lays the table. The direct tables take 5 bytes for each of their 2^directBits entries; a table for IPv6 is laid only
 * when it may have routes. The FIB's nodes get room for any set of routes up to some thousand, and beyond that for
 * three times what an Internet table needs; when it is full, adding answers -E_NOSPC.
 */
export function routeLayout(v4Routes: u32, v6Routes: u32, nexthops: u32, directBits: u32): void {
  const bits = min<u32>(directBits, ROUTE_MAX_DIRECT_BITS);
  const bits6 = v6Routes == 0 ? 0 : bits;
  const hops = min<u32>(nexthops, ROUTE_MAX_NEXTHOPS);
  const most = max<u32>(v4Routes, v6Routes);
  const largest = nodeBytes(min<u32>(256, most * 2 + 1), min<u32>(256, most));
  nexthopLayout(hops);
  ribLayout<Entry4>(v4Routes);
  ribLayout<Entry6>(v6Routes);
  fibLayout(F4, bits);
  fibLayout(F6, bits6);
  slabLayout(hops, fibRoom(v4Routes, 32 - bits, 24) + fibRoom(v6Routes, 128 - bits6, 96), largest);
}

/** Bytes for nodes: a route needs one of at most 64 bytes for each eight bits of key, as a rule far less. */
function fibRoom(routes: u32, keyBits: u32, usual: u32): u64 {
  const worst = <u64>routes * ((keyBits + 7) >> 3) * 64;
  return min<u64>(worst, max<u64>(<u64>routes * usual, 1 << 18));
}

export function routeInit(): void {
  nexthopInit();
  ribInit<Entry4>();
  ribInit<Entry6>();
  slabInit();
  fibInit(F4);
  fibInit(F6);
  R.generation = 0;
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
  return R.generation;
}

/** Number of routes of a family. */
export function routeCount(family: u32): u32 {
  return family == 6 ? ribCount<Entry6>() : ribCount<Entry4>();
}

/** Bytes of RIB pages in use, both families. */
export function routeRibBytes(): u32 {
  return ribBytes<Entry4>() + ribBytes<Entry6>();
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
  if (r < 0) return r;
  const nexthop = nexthopIntern(ifindex, storedFlags(flags), R.gateway, R.source);
  if (nexthop < 0) return nexthop;
  const added =
    family == 4
      ? addRoute<Entry4>(F4, plen, metric, nexthop, origin)
      : addRoute<Entry6>(F6, plen, metric, nexthop, origin);
  if (added < 0) nexthopRelease(nexthop);
  else R.generation++;
  return added;
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
  if (r < 0) return r;
  const nexthop = nexthopIntern(ifindex, storedFlags(flags), R.gateway, R.source);
  if (nexthop < 0) return nexthop;
  const replaced =
    family == 4
      ? replaceRoute<Entry4>(F4, plen, metric, nexthop, origin)
      : replaceRoute<Entry6>(F6, plen, metric, nexthop, origin);
  if (replaced < 0) nexthopRelease(nexthop);
  else R.generation++;
  return replaced;
}

/**
 * Deletes the first route of the prefix that matches what is given: metric (or ROUTE_METRIC_ANY), interface and
 * gateway (or 0). 0; -E_SRCH if there is none; -E_INVAL, -E_AFNOSUPPORT as routeAdd.
 */
export function routeDelete(family: u32, dst: usize, plen: u32, metric: u32, ifindex: u32, gateway: usize): i32 {
  const r = readRoute(family, dst, plen, 0, gateway, 0);
  if (r < 0) return r;
  return family == 4 ? deleteRoute<Entry4>(F4, plen, metric, ifindex) : deleteRoute<Entry6>(F6, plen, metric, ifindex);
}

/** Deletes every route out of an interface; answers how many. */
export function routeFlush(ifindex: u32): u32 {
  return flushRoutes<Entry4>(F4, ifindex) + flushRoutes<Entry6>(F6, ifindex);
}

// Enumeration

/** Writes the family's first route, in the order of prefix, length, metric and age, to record `out`: 1, or 0: none. */
export function routeFirst(family: u32, out: usize): i32 {
  if (family == 4) return writeRoute<Entry4>(4, ribAfter<Entry4>(0, 0, 0, 0), out);
  if (family == 6) return writeRoute<Entry6>(6, ribAfter<Entry6>(0, 0, 0, 0), out);
  return -E_AFNOSUPPORT;
}

/** Writes the route after the one in `out`, which need not exist any more, over it: 1, or 0 at the end. */
export function routeNext(out: usize): i32 {
  const family = <u32>load<u8>(out, ROUTE_FAMILY);
  const plen = <u32>load<u8>(out, ROUTE_PLEN);
  const r = readPrefix(family, out + ROUTE_DST, plen);
  if (r < 0) return r;
  const rank = ((<u64>load<u32>(out, ROUTE_METRIC)) << 32) | load<u32>(out, ROUTE_SEQ);
  if (family == 4) return writeRoute<Entry4>(4, ribAfter<Entry4>(R.hi, R.lo, plen, rank), out);
  return writeRoute<Entry6>(6, ribAfter<Entry6>(R.hi, R.lo, plen, rank), out);
}

/** Writes the route that a lookup of the address at `dst` chooses, found in the RIB: 1, or 0: none. */
export function routeMatch(family: u32, dst: usize, out: usize): i32 {
  const r = readPrefix(family, dst, family == 4 ? 32 : 128);
  if (r < 0) return r;
  if (family == 4) return writeRoute<Entry4>(4, ribMatch<Entry4>(R.hi, R.lo, 32, 0, 0), out);
  return writeRoute<Entry6>(6, ribMatch<Entry6>(R.hi, R.lo, 128, 0, 0), out);
}

// Reading arguments

/** Takes a prefix into R.hi, R.lo. */
function readPrefix(family: u32, dst: usize, plen: u32): i32 {
  if (family != 4 && family != 6) return -E_AFNOSUPPORT;
  if (plen > (family == 4 ? 32 : 128)) return -E_INVAL;
  if (family == 4) {
    if (!isMapped(dst)) return -E_INVAL;
    R.hi = (<u64>bswap<u32>(load<u32>(dst, 12))) << 32;
    R.lo = 0;
  } else {
    R.hi = bswap<u64>(load<u64>(dst));
    R.lo = bswap<u64>(load<u64>(dst, 8));
  }
  if ((R.hi & ~maskHi(plen)) != 0 || (R.lo & ~maskLo(plen)) != 0) return -E_INVAL;
  return 0;
}

function readRoute(family: u32, dst: usize, plen: u32, metric: u32, gateway: usize, source: usize): i32 {
  const r = readPrefix(family, dst, plen);
  if (r < 0) return r;
  R.gateway = isNone(gateway) ? 0 : gateway;
  R.source = isNone(source) ? 0 : source;
  if (metric == ROUTE_METRIC_ANY) return -E_INVAL;
  if (family == 4 && R.gateway != 0 && !isMapped(gateway)) return -E_INVAL;
  if (family == 4 && R.source != 0 && !isMapped(source)) return -E_INVAL;
  return 0;
}

function isMapped(address: usize): bool {
  return load<u64>(address) == 0 && load<u32>(address, 8) == MAPPED;
}

/** No address: no pointer, ::, or ::ffff:0.0.0.0. */
function isNone(address: usize): bool {
  if (address == 0) return true;
  const low = load<u64>(address, 8);
  return load<u64>(address) == 0 && (low == 0 || low == <u64>MAPPED);
}

/** HOST is a matter of the prefix, so next hops are stored without it. */
function storedFlags(flags: u32): u32 {
  return (flags & ~(RTF_HOST | RTF_GATEWAY)) | RTF_UP | (R.gateway == 0 ? 0 : RTF_GATEWAY);
}

// The work, per family

function addRoute<E>(f: Fib, plen: u32, metric: u32, nexthop: u32, origin: u32): i32 {
  const best = ribBest<E>(R.hi, R.lo, plen);
  const bestMetric: u32 = best == 0 ? 0 : routeMetric<E>(best);
  const r = ribAdd<E>(best, R.hi, R.lo, plen, metric, nexthop, origin & 0xff);
  if (r < 0) return r;
  if (best != 0) {
    if (metric < bestMetric) fibChange(f, R.hi, R.lo, plen, nexthop);
    return 0;
  }
  if (fibInsert(f, R.hi, R.lo, plen, nexthop) == 0) return 0;
  ribRemove<E>(R.hi, R.lo, plen, entryRank<E>(ribBest<E>(R.hi, R.lo, plen)));
  return -E_NOSPC;
}

function replaceRoute<E>(f: Fib, plen: u32, metric: u32, nexthop: u32, origin: u32): i32 {
  const best = ribBest<E>(R.hi, R.lo, plen);
  let e = best;
  while (e != 0 && routeMetric<E>(e) < metric) e = ribNextOfPrefix<E>(e);
  if (e == 0 || routeMetric<E>(e) != metric) return addRoute<E>(f, plen, metric, nexthop, origin);
  for (let other = ribNextOfPrefix<E>(e); other != 0; other = ribNextOfPrefix<E>(other)) {
    if (routeMetric<E>(other) == metric && routeNextHop<E>(other) == nexthop) return -E_EXIST;
  }
  const old = routeNextHop<E>(e);
  ribSet<E>(e, nexthop, origin & 0xff);
  if (e == best && old != nexthop) fibChange(f, R.hi, R.lo, plen, nexthop);
  nexthopRelease(old);
  return 0;
}

function deleteRoute<E>(f: Fib, plen: u32, metric: u32, ifindex: u32): i32 {
  const best = ribBest<E>(R.hi, R.lo, plen);
  for (let e = best; e != 0; e = ribNextOfPrefix<E>(e)) {
    if (metric != ROUTE_METRIC_ANY && metric != routeMetric<E>(e)) continue;
    const n = nexthopAt(routeNextHop<E>(e));
    if (ifindex != 0 && ifindex != n.ifindex) continue;
    if (R.gateway != 0 && (n.gateway1 != load<u64>(R.gateway, 8) || n.gateway0 != load<u64>(R.gateway))) continue;
    removeRoute<E>(f, e, best);
    return 0;
  }
  return -E_SRCH;
}

/** Removes route `e` of the prefix in R, whose best one is `best`. */
function removeRoute<E>(f: Fib, e: usize, best: usize): void {
  const plen = entryPlen<E>(e);
  const nexthop = routeNextHop<E>(e);
  const next = e == best ? ribNextOfPrefix<E>(e) : 0;
  const after = next == 0 ? 0 : routeNextHop<E>(next);
  ribRemove<E>(R.hi, R.lo, plen, entryRank<E>(e));
  if (after != 0) {
    if (after != nexthop) fibChange(f, R.hi, R.lo, plen, after);
  } else if (e == best) {
    const cover = coverOf<E>(f, plen);
    if (cover == 0) fibRemove(f, R.hi, R.lo, plen, 0, 0);
    else fibRemove(f, R.hi, R.lo, plen, entryPlen<E>(cover), routeNextHop<E>(cover));
  }
  nexthopRelease(nexthop);
  R.generation++;
}

/** The route that covers the prefix in R next, or 0. */
function coverOf<E>(f: Fib, plen: u32): usize {
  if (plen == 0) return 0;
  return ribMatch<E>(R.hi, R.lo, plen - 1, fibDepth(f, plen), fibFloor(f, R.hi, R.lo, plen));
}

function flushRoutes<E>(f: Fib, ifindex: u32): u32 {
  let removed: u32 = 0;
  let e = ribAfter<E>(0, 0, 0, 0);
  while (e != 0) {
    R.hi = entryHi<E>(e);
    R.lo = entryLo<E>(e);
    const plen = entryPlen<E>(e);
    const rank = entryRank<E>(e);
    if (nexthopAt(routeNextHop<E>(e)).ifindex == ifindex) {
      removeRoute<E>(f, e, ribBest<E>(R.hi, R.lo, plen));
      removed++;
    }
    e = ribAfter<E>(R.hi, R.lo, plen, rank);
  }
  return removed;
}

/** Writes route `e` as a record: 1, or 0 without one. */
function writeRoute<E>(family: u32, e: usize, out: usize): i32 {
  if (e == 0) return 0;
  const plen = entryPlen<E>(e);
  const index = routeNextHop<E>(e);
  const n = nexthopAt(index);
  store<u8>(out, <u8>family, ROUTE_FAMILY);
  store<u8>(out, <u8>plen, ROUTE_PLEN);
  store<u16>(out, <u16>routeOrigin<E>(e), ROUTE_ORIGIN);
  store<u32>(out, routeMetric<E>(e), ROUTE_METRIC);
  store<u32>(out, n.flags | (plen == (family == 4 ? 32 : 128) ? RTF_HOST : 0), ROUTE_FLAGS);
  store<u32>(out, n.ifindex, ROUTE_IFINDEX);
  if (family == 4) {
    store<u64>(out, 0, ROUTE_DST);
    store<u32>(out, MAPPED, ROUTE_DST + 8);
    store<u32>(out, bswap<u32>(<u32>(entryHi<E>(e) >> 32)), ROUTE_DST + 12);
  } else {
    store<u64>(out, bswap<u64>(entryHi<E>(e)), ROUTE_DST);
    store<u64>(out, bswap<u64>(entryLo<E>(e)), ROUTE_DST + 8);
  }
  store<u64>(out, n.gateway0, ROUTE_GATEWAY);
  store<u64>(out, n.gateway1, ROUTE_GATEWAY + 8);
  store<u64>(out, n.source0, ROUTE_SOURCE);
  store<u64>(out, n.source1, ROUTE_SOURCE + 8);
  store<u32>(out, <u32>entryRank<E>(e), ROUTE_SEQ);
  store<u32>(out, index, ROUTE_NEXTHOP);
  return 1;
}
