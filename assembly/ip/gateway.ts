// Gateways that do not answer: RFC 1122 §3.3.1.2 and §3.3.1.4. What the link layer says of one counts for what this
// host sends and for what it forwards alike. It is tried again when its neighbour entry is gone, never by pinging
// (§3.3.1.4, MUST NOT). Whoever asks looks at neighAnyFailed() first: while all answer, it costs a load.

import { RTF_GATEWAY } from "../abi/route";
import { neighIsFailed } from "../link/neigh";
import { route4Candidate } from "../route/candidate";
import { NextHop, nexthopAt } from "../route/nexthop";

/** Ways that are tried in the place of one whose gateway is dead. */
const CANDIDATES: u32 = 32;
const GATEWAY: u32 = offsetof<NextHop>("gateway0");

/** Next hop `found` for `dst`; where its gateway is dead the first other way of the table whose gateway is not, by
 * interface `ifindex` if that is not 0. With no such way it is `found` still: what can be done is to ask again. */
export function gatewayAlive(dst: u32, found: u32, ifindex: u32): u32 {
  if (!isDead(found)) return found;
  for (let k: u32 = 0; k < CANDIDATES; k++) {
    const other = route4Candidate(dst, k);
    if (other == 0) break;
    if ((ifindex == 0 || nexthopAt(other).ifindex == ifindex) && !isDead(other)) return other;
  }
  return found;
}

function isDead(found: u32): bool {
  const hop = nexthopAt(found);
  return (hop.flags & RTF_GATEWAY) != 0 && neighIsFailed(hop.ifindex - 1, changetype<usize>(hop) + GATEWAY);
}
