// What a call on the routing table is about, read from its arguments and checked: family, prefix, gateway, source. An
// address is a pointer to 16 bytes in network order, IPv4 as ::ffff:a.b.c.d; a family is 4 or 6.

import { E_AFNOSUPPORT, E_INVAL } from "../abi/errno";
import {
  ROUTE_METRIC_ANY,
  RTF_BLACKHOLE,
  RTF_DYNAMIC,
  RTF_GATEWAY,
  RTF_LOCAL,
  RTF_MODIFIED,
  RTF_PROHIBIT,
  RTF_REJECT,
  RTF_UP,
} from "../abi/route";
import { F4, F6, Fib } from "./fib";
import { maskHi, maskLo, RIB4, RIB6 } from "./rib";
import { Tree } from "./tree-page";

@unmanaged
export class RouteRequest {
  /** The family's tables. */
  rib: Tree;
  fib: Fib;
  /** The prefix. */
  hi: u64;
  lo: u64;
  /** Its next hop's addresses, 0 where there is none. */
  gateway: usize;
  source: usize;
}

export const R: RouteRequest = changetype<RouteRequest>(memory.data(offsetof<RouteRequest>(), 8));

/** ::ffff:0.0.0.0/96 as the two halves stand in memory. */
export const MAPPED: u32 = 0xffff0000;

/** Takes the family's tables into R; false: no such family. */
export function selectFamily(family: u32): bool {
  R.rib = family == 4 ? RIB4 : RIB6;
  R.fib = family == 4 ? F4 : F6;
  return family == 4 || family == 6;
}

/** Takes a family and a prefix into R. */
export function readPrefix(family: u32, dst: usize, plen: u32): i32 {
  if (!selectFamily(family)) return -E_AFNOSUPPORT;
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

export function readRoute(family: u32, dst: usize, plen: u32, metric: u32, gateway: usize, source: usize): i32 {
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

/** What of a route's flags its next hop keeps; the others follow: HOST from the prefix, GATEWAY from there being one. A
 * kind of refusal is a refusal. */
export function storedFlags(flags: u32): u32 {
  const kept = flags & (RTF_REJECT | RTF_PROHIBIT | RTF_BLACKHOLE | RTF_LOCAL | RTF_DYNAMIC | RTF_MODIFIED);
  const refusal = (flags & (RTF_PROHIBIT | RTF_BLACKHOLE)) != 0 ? RTF_REJECT : 0;
  return kept | refusal | RTF_UP | (R.gateway == 0 ? 0 : RTF_GATEWAY);
}
