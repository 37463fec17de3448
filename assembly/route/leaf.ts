// What the FIB answers for a prefix: the next hop of its best route or, where several routes have that one's metric, the
// set of theirs (nexthop.ts), by age. Each group of routes of one prefix and metric holds its set, whether or not it is
// the best one now: so that the withdrawal of others needs no room. A leaf follows from the routes alone, and so can
// be found again before they change.
//
// Only routes that somebody asked for join in a set. The networks that two interfaces are directly connected to by
// addresses of one subnet are not two ways to the same hosts: there the oldest serves alone, as on Linux. Neither is a
// refusal a way.

import { ROUTE_ORIGIN_KERNEL, RTF_REJECT } from "../abi/route";
import { nexthopAt, setAdd, setBegin, setFind, setSize, setTake } from "./nexthop";
import { R } from "./request";
import { ribActive, ribFirstOf, ribNextOfPrefix, routeMetric, routeNextHop, routeOrigin } from "./rib";

function joins(e: usize): bool {
  return routeOrigin(e) != ROUTE_ORIGIN_KERNEL && (nexthopAt(routeNextHop(e)).flags & RTF_REJECT) == 0;
}

/** Gathers the set of the group of `metric` of the prefix in R, without route `except`; false: it has none. */
function gather(plen: u32, metric: u32, except: usize): bool {
  setBegin();
  let e = ribFirstOf(R.rib, R.hi, R.lo, plen, metric);
  while (e != 0 && routeMetric(e) == metric) {
    if (e != except && joins(e)) setAdd(routeNextHop(e));
    e = ribNextOfPrefix(R.rib, e);
  }
  return setSize() > 1;
}

/** The set that the group holds; 0: none. */
export function groupSet(plen: u32, metric: u32): u32 {
  return gather(plen, metric, 0) ? setFind() : 0;
}

/** The set that the group is to hold without route `except` (or 0), with one more reference; 0: none; or -E_NOSPC. */
export function groupTake(plen: u32, metric: u32, except: usize): i32 {
  return gather(plen, metric, except) ? setTake() : 0;
}

/** The leaf of the prefix in R whose first route is `first`; 0: it has no active route. */
export function leafOf(plen: u32, first: usize): u32 {
  const best = ribActive(R.rib, first);
  if (best == 0) return 0;
  const set = joins(best) ? groupSet(plen, routeMetric(best)) : 0;
  return set != 0 ? set : routeNextHop(best);
}
