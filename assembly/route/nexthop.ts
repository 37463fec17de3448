// Next hops, interned: routes with the same interface, flags, gateway and preferred source share one record, so that
// a FIB leaf is 16 bits and a change of thousands of routes to one gateway costs one record. Found by hash,
// reference-counted, in a bounded pool; index 0 is "none" and never handed out.

import { E_NOSPC } from "../abi/errno";
import { arenaTake } from "../memory/arena";

// +0 ifindex | +4 flags | +8 gateway, 16 bytes | +24 preferred source, 16 bytes | +40 refs | +44 chain
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

const N: NextHopState = changetype<NextHopState>(memory.data(offsetof<NextHopState>(), 8));

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
}

export function nexthopAt(index: u32): NextHop {
  return changetype<NextHop>(N.base + <usize>index * offsetof<NextHop>());
}

export function nexthopsInUse(): u32 {
  return N.inUse;
}

/** Index of the next hop with these attributes, made if need be, with one more reference; or -E_NOSPC. */
export function nexthopIntern(ifindex: u32, flags: u32, gateway: usize, source: usize): i32 {
  const gateway0 = gateway ? load<u64>(gateway) : 0;
  const gateway1 = gateway ? load<u64>(gateway, 8) : 0;
  const source0 = source ? load<u64>(source) : 0;
  const source1 = source ? load<u64>(source, 8) : 0;
  const bucket = bucketOf(ifindex, flags, gateway0, gateway1, source0, source1);
  for (let i = <u32>load<u16>(bucket); i != 0; ) {
    const n = nexthopAt(i);
    if (
      n.gateway1 == gateway1 &&
      n.gateway0 == gateway0 &&
      n.ifindex == ifindex &&
      n.flags == flags &&
      n.source0 == source0 &&
      n.source1 == source1
    ) {
      n.refs++;
      return i;
    }
    i = n.chain;
  }
  let index = N.free;
  if (index != 0) {
    N.free = nexthopAt(index).chain;
  } else {
    if (N.top == N.capacity) return -E_NOSPC;
    index = ++N.top;
  }
  const n = nexthopAt(index);
  n.ifindex = ifindex;
  n.flags = flags;
  n.gateway0 = gateway0;
  n.gateway1 = gateway1;
  n.source0 = source0;
  n.source1 = source1;
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
  const bucket = bucketOf(n.ifindex, n.flags, n.gateway0, n.gateway1, n.source0, n.source1);
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
function bucketOf(ifindex: u32, flags: u32, gateway0: u64, gateway1: u64, source0: u64, source1: u64): usize {
  let h = mix((((<u64>flags) << 32) | ifindex) ^ gateway1);
  h = mix(h ^ gateway0);
  h = mix(h ^ source1);
  h = mix(h ^ source0);
  return N.buckets + ((<usize>(<u32>h & N.bucketMask)) << 1);
}

/** One multiplication by 2^64 / golden ratio, high half folded down. */
function mix(v: u64): u64 {
  const h = v * 0x9e3779b97f4a7c15;
  return h ^ (h >> 32);
}
