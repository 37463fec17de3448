// Routes as records (abi/route.ts): enumeration, and the route that an address chooses. A record is its own cursor: the
// next route is the first after it in the order of the table, whether or not it still exists.

import { E_AFNOSUPPORT } from "../abi/errno";
import {
  ROUTE_DST,
  ROUTE_FAMILY,
  ROUTE_FLAGS,
  ROUTE_GATEWAY,
  ROUTE_IFINDEX,
  ROUTE_METRIC,
  ROUTE_NEXTHOP,
  ROUTE_ORIGIN,
  ROUTE_PLEN,
  ROUTE_SEQ,
  ROUTE_SOURCE,
  RTF_HOST,
  RTF_UP,
} from "../abi/route";
import { nexthopAt, nexthopIsActive } from "./nexthop";
import { MAPPED, R, readPrefix, selectFamily } from "./request";
import { RIB4, ribAfter, ribMatch, routeMetric, routeNextHop, routeOrigin } from "./rib";
import { treeFirst } from "./tree";
import { entryHi, entryLo, entryPlen, entryRank } from "./tree-page";

/** Writes the family's first route, in the order of prefix, length, metric and age, to record `out`: 1, or 0: none. */
export function routeFirst(family: u32, out: usize): i32 {
  if (!selectFamily(family)) return -E_AFNOSUPPORT;
  return writeRoute(treeFirst(R.rib), out);
}

/** Writes the route after the one in `out`, which need not exist any more, over it: 1, or 0 at the end. */
export function routeNext(out: usize): i32 {
  const family = <u32>load<u8>(out, ROUTE_FAMILY);
  const plen = <u32>load<u8>(out, ROUTE_PLEN);
  const r = readPrefix(family, out + ROUTE_DST, plen);
  if (r < 0) return r;
  const rank = ((<u64>load<u32>(out, ROUTE_METRIC)) << 32) | load<u32>(out, ROUTE_SEQ);
  return writeRoute(ribAfter(R.rib, R.hi, R.lo, plen, rank), out);
}

/** Writes the route that a lookup of the address at `dst` chooses, found in the RIB: 1, or 0: none. */
export function routeMatch(family: u32, dst: usize, out: usize): i32 {
  const width: u32 = family == 4 ? 32 : 128;
  const r = readPrefix(family, dst, width);
  if (r < 0) return r;
  return writeRoute(ribMatch(R.rib, R.hi, R.lo, width, 0, 0), out);
}

/** Writes route `e` as a record: 1, or 0 without one. */
function writeRoute(e: usize, out: usize): i32 {
  if (e == 0) return 0;
  const plen = entryPlen(e);
  const index = routeNextHop(e);
  const n = nexthopAt(index);
  const v4 = R.rib == RIB4;
  store<u8>(out, v4 ? 4 : 6, ROUTE_FAMILY);
  store<u8>(out, <u8>plen, ROUTE_PLEN);
  store<u16>(out, <u16>routeOrigin(e), ROUTE_ORIGIN);
  store<u32>(out, routeMetric(e), ROUTE_METRIC);
  const up = nexthopIsActive(index) ? n.flags : n.flags & ~RTF_UP;
  store<u32>(out, up | (plen == (v4 ? 32 : 128) ? RTF_HOST : 0), ROUTE_FLAGS);
  store<u32>(out, n.ifindex, ROUTE_IFINDEX);
  if (v4) {
    store<u64>(out, 0, ROUTE_DST);
    store<u32>(out, MAPPED, ROUTE_DST + 8);
    store<u32>(out, bswap<u32>(<u32>(entryHi(R.rib, e) >> 32)), ROUTE_DST + 12);
  } else {
    store<u64>(out, bswap<u64>(entryHi(R.rib, e)), ROUTE_DST);
    store<u64>(out, bswap<u64>(entryLo(R.rib, e)), ROUTE_DST + 8);
  }
  store<u64>(out, n.gateway0, ROUTE_GATEWAY);
  store<u64>(out, n.gateway1, ROUTE_GATEWAY + 8);
  store<u64>(out, n.source0, ROUTE_SOURCE);
  store<u64>(out, n.source1, ROUTE_SOURCE + 8);
  store<u32>(out, <u32>entryRank(e), ROUTE_SEQ);
  store<u32>(out, index, ROUTE_NEXTHOP);
  return 1;
}
