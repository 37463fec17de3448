// The slow ways to ask the table, in the RIB: every way to a destination in the order in which they are to be tried
// (RFC 1122 §3.3.1.2: another default gateway when one fails), and the way by one interface. Both pass over what is
// withdrawn.

import { RTF_REJECT } from "../abi/route";
import { nexthopAt } from "./nexthop";
import { RIB4, ribActive, ribMatch, ribNextOfPrefix, routeNextHop } from "./rib";
import { entryPlen } from "./tree-page";

/** The active route after `e`: of its prefix, then the best of the longest prefix around that; 0: none. */
function next(e: usize, hi: u64): usize {
  const plen = entryPlen(e);
  const other = ribActive(RIB4, ribNextOfPrefix(RIB4, e));
  if (other != 0 || plen == 0) return other;
  return ribMatch(RIB4, hi, 0, plen - 1, 0, 0);
}

function refuses(e: usize): bool {
  return (nexthopAt(routeNextHop(e)).flags & RTF_REJECT) != 0;
}

/** Index of the k-th next hop, from 0, by which an IPv4 destination may be tried: the routes of the longest match by
 * metric and age, then those of the next shorter one; what a refusal refuses goes no other way. 0: no more. */
export function route4Candidate(dst: u32, k: u32): u32 {
  const hi = (<u64>dst) << 32;
  let e = ribMatch(RIB4, hi, 0, 32, 0, 0);
  for (; e != 0 && k != 0; k--) e = refuses(e) ? 0 : next(e, hi);
  return e == 0 ? 0 : routeNextHop(e);
}

/** Index of the next hop for an IPv4 destination by that interface alone: its best of the longest prefix that has one;
 * 0: none. */
export function route4LookupBy(dst: u32, ifindex: u32): u32 {
  const hi = (<u64>dst) << 32;
  let e = ribMatch(RIB4, hi, 0, 32, 0, 0);
  while (e != 0) {
    if (nexthopAt(routeNextHop(e)).ifindex == ifindex && !refuses(e)) return routeNextHop(e);
    e = next(e, hi);
  }
  return 0;
}
