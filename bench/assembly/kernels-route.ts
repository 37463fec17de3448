// The route kernels for benchmarks and tests: the table's face, the RIB as an oracle, and loops around lookups that
// stay inside wasm. One module is one table; scratch for the host's arguments lies behind it.

import { arenaBegin, arenaEnd, arenaTake } from "../../assembly/memory/arena";
import { F4, FibLookup } from "../../assembly/route/fib";
import { nexthopAt } from "../../assembly/route/nexthop";
import { RIB4, RIB6, ribMatch, routeNextHop } from "../../assembly/route/rib";
import { routeDelete as remove, routeInit, routeLayout, routeMember } from "../../assembly/route/table";

export { nexthopsInUse } from "../../assembly/route/nexthop";
export {
  route4Candidate,
  route4Lookup,
  route4LookupBy,
  route6Lookup,
  routeAdd,
  routeCount,
  routeFibBytes,
  routeFirst,
  routeGeneration,
  routeInterfaceActive,
  routeMatch,
  routeNext,
  routeReplace,
  routeRibBytes,
} from "../../assembly/route/table";

@unmanaged
class KernelState {
  scratch: usize;
}

const K: KernelState = changetype<KernelState>(memory.data(offsetof<KernelState>(), 8));

/**
 * Lays a table and `scratchBytes` of scratch, grows the memory to hold them; answers the scratch's address, or -1.
 * Only a module's first boot finds the zero memory which the table expects.
 */
export function boot(v4: u32, v6: u32, nexthops: u32, directBits: u32, scratchBytes: u32): i32 {
  arenaBegin(__heap_base);
  routeLayout(v4, v6, nexthops, directBits);
  K.scratch = arenaTake(scratchBytes, 1);
  const pages = <i32>((arenaEnd() + 0xffff) >> 16);
  if (pages > memory.size() && memory.grow(pages - memory.size()) < 0) return -1;
  routeInit();
  return <i32>K.scratch;
}

/** An export has all its parameters. */
export function routeDelete(family: u32, dst: usize, plen: u32, metric: u32, ifindex: u32, gateway: usize): i32 {
  return remove(family, dst, plen, metric, ifindex, gateway);
}

/** Interface by which a flow of this hash goes, 0 for none. */
export function nexthopIfindex(index: u32, flow: u32): u32 {
  return index == 0 ? 0 : nexthopAt(routeMember(index, flow)).ifindex;
}

/** Bytes laid for the table. */
export function tableBytes(): u32 {
  return <u32>(K.scratch - __heap_base);
}

/** The next hop the RIB chooses for an IPv4 address. */
export function rib4Lookup(dst: u32): u32 {
  const e = ribMatch(RIB4, (<u64>dst) << 32, 0, 32, 0, 0);
  return e == 0 ? 0 : routeNextHop(e);
}

/** The next hop the RIB chooses for the IPv6 address at `dst`. */
export function rib6Lookup(dst: usize): u32 {
  const e = ribMatch(RIB6, bswap<u64>(load<u64>(dst)), bswap<u64>(load<u64>(dst, 8)), 128, 0, 0);
  return e == 0 ? 0 : routeNextHop(e);
}

/** Of `n` pseudo-random IPv4 addresses, how many the FIB (of a set: its first member, the oldest) and the RIB answer
 * differently. */
export function compare4(n: u32, seed: u32): u32 {
  let bad: u32 = 0;
  let dst = seed;
  for (let i: u32 = 0; i < n; i++) {
    dst = dst * 1664525 + 1013904223;
    if (routeMember(FibLookup.v4(F4.base, F4.direct, F4.scale, dst), 0) != rib4Lookup(dst)) bad++;
  }
  return bad;
}

/** Looks up `n` IPv4 addresses (u32, host order) at `from`; writes their next hops (u16) to `to`. */
export function lookupBatch(from: usize, to: usize, n: u32): void {
  const base = F4.base;
  const direct = F4.direct;
  const scale = F4.scale;
  for (let i: usize = 0; i < n; i++) {
    store<u16>(to + (i << 1), FibLookup.v4(base, direct, scale, load<u32>(from + (i << 2))));
  }
}

/** Looks up `n` uniformly random addresses, none of which depends on an answer; answers the sum of the next hops. */
export function lookupRandom(n: u32, seed: u32): u32 {
  const base = F4.base;
  const direct = F4.direct;
  const scale = F4.scale;
  let sum: u32 = 0;
  let dst = seed;
  for (let i: u32 = 0; i < n; i++) {
    dst = dst * 1664525 + 1013904223;
    sum += FibLookup.v4(base, direct, scale, dst);
  }
  return sum;
}

/** Looks up `n` random addresses, each of which depends on the answer before it. */
export function lookupDependent(n: u32, seed: u32): u32 {
  const base = F4.base;
  const direct = F4.direct;
  const scale = F4.scale;
  let dst = seed;
  let value: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    dst = (dst * 1664525 + 1013904223) ^ value;
    value = FibLookup.v4(base, direct, scale, dst);
  }
  return value;
}
