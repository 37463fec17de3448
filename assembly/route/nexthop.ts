// Next hops, interned: routes with the same interface, flags, gateway and preferred source share one record, so that
// a FIB leaf is 16 bits and a change of thousands of routes to one gateway costs one record. Found by hash,
// reference-counted, in a bounded pool; index 0 is "none" and never handed out.
//
// Several next hops of equal cost are a record too, a set (RTF_MULTIPATH): its members' indices stand in place of the
// addresses. A next hop is active while its interface is; refusals and own addresses always are. A set keeps members
// that are not, but sends nothing their way: so flows by the others stay where they are.

import { E_NOSPC } from "../abi/errno";
import { RTF_LOCAL, RTF_MULTIPATH, RTF_REJECT, RTF_UP } from "../abi/route";
import { arenaTake } from "../memory/arena";

// +0 ifindex | +4 flags | +8 gateway, 16 bytes | +24 preferred source, 16 bytes | +40 refs | +44 chain | +48 hint | +52 lease
// a set: +0 members | +4 flags | +8 members' indices, u16 each
@unmanaged
export class NextHop {
  ifindex: u32;
  /** RTF_… */
  flags: u32;
  /** Network order as it stands in memory (IPv4 as ::ffff:a.b.c.d); all zero: directly connected. */
  gateway0: u64;
  gateway1: u64;
  /** Likewise; all zero: the interface's own choice. */
  source0: u64;
  source1: u64;
  refs: u32;
  /** Next of the same bucket, or of the free list. */
  chain: u32;
  /** What the layer that sends by it notes, and checks: its neighbour, and that one's lease. 0 at first. */
  hint: usize;
  lease: u32;
  /** A record is a cache line. */
  reserved: u64;
}

@unmanaged
class NextHopState {
  base: usize;
  buckets: usize;
  bucketMask: u32;
  capacity: u32;
  /** Highest index ever handed out: what lies above is untouched. */
  top: u32;
  free: u32;
  inUse: u32;
}

/** Most members of a set. */
export const SET_MEMBERS: u32 = 16;
const SET_FLAGS: u32 = RTF_UP | RTF_MULTIPATH;
const MEMBERS: usize = offsetof<NextHop>("gateway0");

const N: NextHopState = changetype<NextHopState>(memory.data(offsetof<NextHopState>(), 8));
/** What is sought. */
const Q: NextHop = changetype<NextHop>(memory.data(offsetof<NextHop>(), 8));
/** A bit for each interface that takes no traffic now. */
const INACTIVE: usize = memory.data(32, 8);
const INTERFACES: u32 = 256;

/** Lays the pool: `capacity` next hops and a bucket of 16 bits for each, rounded up to a power of two. */
export function nexthopLayout(capacity: u32): void {
  let buckets: u32 = 4;
  while (buckets < capacity) buckets <<= 1;
  N.capacity = capacity;
  N.bucketMask = buckets - 1;
  N.base = arenaTake(capacity + 1, offsetof<NextHop>());
  N.buckets = arenaTake(buckets, sizeof<u16>());
}

export function nexthopInit(): void {
  N.top = 0;
  N.free = 0;
  N.inUse = 0;
  memory.fill(INACTIVE, 0, INTERFACES >> 3);
}

export function nexthopAt(index: u32): NextHop {
  return changetype<NextHop>(N.base + <usize>index * offsetof<NextHop>());
}

export function nexthopsInUse(): u32 {
  return N.inUse;
}

/** Index of the next hop with these attributes, made if need be, with one more reference; or -E_NOSPC. */
export function nexthopIntern(ifindex: u32, flags: u32, gateway: usize, source: usize): i32 {
  Q.ifindex = ifindex;
  Q.flags = flags;
  Q.gateway0 = gateway ? load<u64>(gateway) : 0;
  Q.gateway1 = gateway ? load<u64>(gateway, 8) : 0;
  Q.source0 = source ? load<u64>(source) : 0;
  Q.source1 = source ? load<u64>(source, 8) : 0;
  return take();
}

/** Starts the set to be sought: no members. */
export function setBegin(): void {
  memory.fill(changetype<usize>(Q), 0, offsetof<NextHop>());
  Q.flags = SET_FLAGS;
}

/** Adds a next hop to the set to be sought; those that come after the sixteenth are left out. */
export function setAdd(index: u32): void {
  if (Q.ifindex == SET_MEMBERS) return;
  store<u16>(changetype<usize>(Q) + (Q.ifindex << 1), <u16>index, MEMBERS);
  Q.ifindex++;
}

/** How many members the set to be sought has. */
export function setSize(): u32 {
  return Q.ifindex;
}

/** Index of that set, which is in use. */
export function setFind(): u32 {
  const index = seek(bucketOf(Q));
  assert(index != 0);
  return index;
}

/** Index of that set, made if need be, with one more reference; or -E_NOSPC. */
export function setTake(): i32 {
  return take();
}

/** The next hop for a flow, by its hash: of a set the same member for as long as the set is the same and the member's
 * interface active, else another active one; what is no set is its own member. */
export function routeMember(index: u32, flow: u32): u32 {
  const n = nexthopAt(index);
  if ((n.flags & RTF_MULTIPATH) == 0) return index;
  const first = memberAt(n, scale(flow, n.ifindex));
  return nexthopIsActive(first) ? first : otherMember(n, first, flow);
}

/** One of the set's active members, by the hash; `first` when there is none. */
function otherMember(n: NextHop, first: u32, flow: u32): u32 {
  let active: u32 = 0;
  for (let i: u32 = 0; i < n.ifindex; i++) if (nexthopIsActive(memberAt(n, i))) active++;
  // Other bits of the hash, or all flows of the lost member would fall to the same one.
  let skip = scale((flow ^ (flow >>> 15)) * 0x85ebca6b, active);
  for (let i: u32 = 0; i < n.ifindex; i++) {
    const member = memberAt(n, i);
    if (nexthopIsActive(member) && skip-- == 0) return member;
  }
  return first;
}

/** Whether some flow may leave by the interface: its, or one of the set's. */
export function routeUses(index: u32, ifindex: u32): bool {
  const n = nexthopAt(index);
  if ((n.flags & RTF_MULTIPATH) == 0) return n.ifindex == ifindex;
  for (let i: u32 = 0; i < n.ifindex; i++) if (nexthopAt(memberAt(n, i)).ifindex == ifindex) return true;
  return false;
}

/** A number below n, by a hash. */
function scale(hash: u32, n: u32): u32 {
  return <u32>((<u64>hash * n) >> 32);
}

function memberAt(set: NextHop, i: u32): u32 {
  return <u32>load<u16>(changetype<usize>(set) + (i << 1), MEMBERS);
}

/** Whether traffic may go by this next hop, which is not a set. */
export function nexthopIsActive(index: u32): bool {
  const n = nexthopAt(index);
  return interfaceIsActive(n.ifindex) || (n.flags & (RTF_REJECT | RTF_LOCAL)) != 0;
}

export function interfaceIsActive(ifindex: u32): bool {
  if (ifindex >= INTERFACES) return true;
  return ((<u32>load<u8>(INACTIVE + (ifindex >> 3)) >> (ifindex & 7)) & 1) == 0;
}

/** Marks an interface; the routes by it are the caller's to settle. False: it was so, or there is none such. */
export function interfaceMark(ifindex: u32, active: bool): bool {
  if (ifindex >= INTERFACES || interfaceIsActive(ifindex) == active) return false;
  const cell = INACTIVE + (ifindex >> 3);
  store<u8>(cell, <u8>(<u32>load<u8>(cell) ^ ((<u32>1) << (ifindex & 7))));
  return true;
}

/** Index of the record that is as Q, or 0. */
function seek(bucket: usize): u32 {
  for (let i = <u32>load<u16>(bucket); i != 0; ) {
    const n = nexthopAt(i);
    if (
      n.gateway1 == Q.gateway1 &&
      n.gateway0 == Q.gateway0 &&
      n.ifindex == Q.ifindex &&
      n.flags == Q.flags &&
      n.source0 == Q.source0 &&
      n.source1 == Q.source1
    ) {
      return i;
    }
    i = n.chain;
  }
  return 0;
}

/** Index of the record that is as Q, made if need be, with one more reference; or -E_NOSPC. */
function take(): i32 {
  const bucket = bucketOf(Q);
  const known = seek(bucket);
  if (known != 0) {
    nexthopAt(known).refs++;
    return known;
  }
  let index = N.free;
  if (index != 0) {
    N.free = nexthopAt(index).chain;
  } else {
    if (N.top == N.capacity) return -E_NOSPC;
    index = ++N.top;
  }
  const n = nexthopAt(index);
  memory.copy(changetype<usize>(n), changetype<usize>(Q), offsetof<NextHop>());
  n.refs = 1;
  n.chain = load<u16>(bucket);
  store<u16>(bucket, <u16>index);
  N.inUse++;
  return index;
}

/** Gives back one reference; the last one frees the record. */
export function nexthopRelease(index: u32): void {
  const n = nexthopAt(index);
  assert(index != 0 && n.refs != 0);
  if (--n.refs != 0) return;
  const bucket = bucketOf(n);
  const head = <u32>load<u16>(bucket);
  if (head == index) {
    store<u16>(bucket, <u16>n.chain);
  } else {
    let before = nexthopAt(head);
    while (before.chain != index) before = nexthopAt(before.chain);
    before.chain = n.chain;
  }
  n.chain = N.free;
  N.free = index;
  N.inUse--;
}

/** Address of the 16-bit bucket. Only the owner of the host chooses next hops, so the hash needs no key. */
function bucketOf(n: NextHop): usize {
  let h = mix((((<u64>n.flags) << 32) | n.ifindex) ^ n.gateway1);
  h = mix(h ^ n.gateway0);
  h = mix(h ^ n.source1);
  h = mix(h ^ n.source0);
  return N.buckets + ((<usize>(<u32>h & N.bucketMask)) << 1);
}

/** One multiplication by 2^64 / golden ratio, high half folded down. */
function mix(v: u64): u64 {
  const h = v * 0x9e3779b97f4a7c15;
  return h ^ (h >> 32);
}
