// The routing table as the stack uses it: next hops, RIB and FIB of both families kept in step (change.ts). Longest
// match, then the lowest metric (RFC 1812 §5.2.4.3); routes of one metric share the traffic by flows. The routes of an
// interface that takes no traffic are withdrawn, not forgotten.
//
// At this face an address is a pointer to 16 bytes in network order, IPv4 as ::ffff:a.b.c.d; a prefix length counts
// the family's own bits; a family is 4 or 6.

import { E_NOSPC } from "../abi/errno";
import { ROUTE_MAX_DIRECT_BITS, ROUTE_MAX_NEXTHOPS } from "../abi/route";
import { addRoute, deleteRoute, replaceRoute, settleInterface } from "./change";
import { F4, F6, FIB, FibLookup, fibDirectBytes, fibInit, fibLayout } from "./fib";
import { leafOf } from "./leaf";
import { interfaceMark, nexthopInit, nexthopIntern, nexthopLayout, nexthopRelease } from "./nexthop";
import { nodeBytes, nodeLayout } from "./node";
import { R, readRoute, selectFamily, storedFlags } from "./request";
import { RIB4, RIB6, ribBytes, ribInit, ribLayout, ribMatch } from "./rib";
import { slabBytes, slabInit, slabLayout } from "./slab";
import { entryHi, entryLo, entryPlen } from "./tree-page";

export { route4Candidate, route4LookupBy } from "./candidate";
export { routeFirst, routeMatch, routeNext } from "./listing";
export { routeMember, routeUses } from "./nexthop";

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
  if (!FIB) return;
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
  T.generation = 0;
  if (!FIB) return;
  slabInit();
  fibInit(F4);
  fibInit(F6);
}

// Lookup

/** Index of the next hop for an IPv4 destination in host order; 0: no route. It may be a set: routeMember() chooses. */
export function route4Lookup(dst: u32): u32 {
  if (!FIB) return leafFor(4, (<u64>dst) << 32, 0, 32);
  return FibLookup.v4(F4.base, F4.direct, F4.scale, dst);
}

/** Likewise for the IPv6 destination at `dst`. */
export function route6Lookup(dst: usize): u32 {
  const hi = bswap<u64>(load<u64>(dst));
  const lo = bswap<u64>(load<u64>(dst, 8));
  return FIB ? FibLookup.v6(F6.base, F6.direct, F6.bits, hi, lo) : leafFor(6, hi, lo, 128);
}

/** What the FIB would answer, from the RIB. */
function leafFor(family: u32, hi: u64, lo: u64, width: u32): u32 {
  selectFamily(family);
  const e = ribMatch(R.rib, hi, lo, width, 0, 0);
  if (e == 0) return 0;
  R.hi = entryHi(R.rib, e);
  R.lo = entryLo(R.rib, e);
  return leafOf(entryPlen(e), e);
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
  return !FIB ? 0 : fibDirectBytes(F4) + fibDirectBytes(F6) + slabBytes();
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
 * Deletes the first route of the prefix that matches what is given: metric (or ROUTE_METRIC_ANY), interface, gateway and
 * kind of refusal (RTF_REJECT and what goes with it), or 0 for any. 0; -E_SRCH if there is none; -E_NOSPC
 * if those left are to share the traffic and no next hop is free for their set; -E_INVAL, -E_AFNOSUPPORT as routeAdd.
 */
export function routeDelete(
  family: u32,
  dst: usize,
  plen: u32,
  metric: u32,
  ifindex: u32,
  gateway: usize,
  refusal: u32 = 0,
): i32 {
  const r = readRoute(family, dst, plen, 0, gateway, 0);
  if (r < 0) return r;
  const deleted = deleteRoute(plen, metric, ifindex, refusal);
  if (deleted == 0) T.generation++;
  return deleted;
}

/**
 * Withdraws the routes by an interface, or lets them come back: those there are and those to come. Refusals and the
 * routes of own addresses stay. 0; or -E_NOSPC (there is no room in the FIB for what would come back) with nothing
 * changed.
 */
export function routeInterfaceActive(ifindex: u32, active: bool): i32 {
  if (!interfaceMark(ifindex, active)) return 0;
  for (let family: u32 = 4; family <= 6; family += 2) {
    selectFamily(family);
    const done = settleInterface(ifindex, active, i32.MAX_VALUE);
    if (done >= 0) continue;
    interfaceMark(ifindex, !active);
    settleInterface(ifindex, !active, ~done);
    if (family == 6) {
      selectFamily(4);
      settleInterface(ifindex, !active, i32.MAX_VALUE);
    }
    return -E_NOSPC;
  }
  T.generation++;
  return 0;
}
