// FIB: what a lookup reads, kept equal to the RIB's best routes. The first `bits` bits of the destination index a
// direct table of references; then nodes take eight bits each (node.ts). A lookup costs, for all but a few IPv4
// destinations, one load from the direct table, one word of a node's bitmap, its rank and a value, without a branch.
// The idea of counting runs with popcount is Poptrie's (Asai, Ohara, SIGCOMM 2015) and Lulea's (Degermark et al., 1997).
//
// One update code serves both key widths, as keys are left-aligned in (hi, lo). The direct table's owners (the length
// of the route that covers a slot, where it has no node) stand in a byte each.

import { E_NOSPC } from "../abi/errno";
import { arenaTake } from "../memory/arena";
import {
  CHILD,
  childCell,
  NODE_HEADER,
  nodeAt,
  nodeBytes,
  nodeCold,
  nodeFree,
  paintBackground,
  paintRuns,
  runOf,
  valueAt,
  W,
  workAddChild,
  workDropChild,
  workJoin,
  workLoad,
  workOwner,
  workReserve,
  workReset,
  workRunOf,
  workSet,
  workSettle,
  workSplit,
  workStore,
  workValue,
} from "./node";
import { PSEUDO_BYTES, S, slabTake } from "./slab";

/** The size build has none: it looks up in the RIB, which takes longer the more routes there are. */
export const FIB: bool = ASC_SHRINK_LEVEL == 0;

@unmanaged
export class Fib {
  /** 2^bits. */
  scale: u64;
  /** The slab's base. */
  base: usize;
  direct: usize;
  /** Length of the route behind each slot of the direct table that has no node. */
  plens: usize;
  bits: u32;
}

export const F4: Fib = changetype<Fib>(memory.data(offsetof<Fib>(), 8));
export const F6: Fib = changetype<Fib>(memory.data(offsetof<Fib>(), 8));

/** Lays a direct table of 2^bits; the slab is laid apart, for both families. Fresh memory is an empty FIB. */
export function fibLayout(f: Fib, bits: u32): void {
  f.bits = bits;
  f.scale = (<u64>1) << bits;
  f.direct = arenaTake((<u32>1) << bits, sizeof<u32>());
  f.plens = arenaTake((<u32>1) << bits, sizeof<u8>());
}

export function fibInit(f: Fib): void {
  f.base = S.base;
}

/** Bytes of the direct table. */
export function fibDirectBytes(f: Fib): u32 {
  return ((<u32>1) << f.bits) * (sizeof<u32>() + sizeof<u8>());
}

// Lookup

/** The hot path, to be inlined where it is used: state comes as arguments, for loops to keep it in registers. */
export class FibLookup {
  /** One multiplication by 2^bits parts the address into the index, in the high half, and the key left for nodes. */
  @inline
  static v4(base: usize, direct: usize, scale: u64, dst: u32): u32 {
    const product = <u64>dst * scale;
    const n: usize = base + load<u32>(direct + ((<usize>(product >> 32)) << 2));
    const key = <u32>product;
    const value = FibLookup.value(n, <usize>(key >> 30), <u64>(key >> 24));
    return value < CHILD ? value : below(base, n, value, (<u64>key) << 32, 0);
  }

  @inline
  static v6(base: usize, direct: usize, bits: u32, hi: u64, lo: u64): u32 {
    const n: usize = base + load<u32>(direct + ((<usize>((hi >> 1) >> (63 - <u64>bits))) << 2));
    const keyHi = (hi << bits) | ((lo >> 1) >> (63 - <u64>bits));
    const value = FibLookup.value(n, <usize>(keyHi >> 62), keyHi >> 56);
    return value < CHILD ? value : below(base, n, value, keyHi, lo << bits);
  }

  /** Value of a slot of the node at `n`: that of the last run which starts in its quarter up to it. */
  @inline
  static value(n: usize, quarter: usize, slot: u64): u32 {
    const starts = load<u64>(n + (quarter << 3)) << ~slot;
    const run = <u32>load<u8>(n + quarter, 32) + <u32>popcnt<u64>(starts);
    return <u32>load<u16>(n + ((<usize>run) << 1), NODE_HEADER - 2);
  }
}

/** Goes on from the child that `value` names in the node at `n`; the key starts at that node's slot. */
function below(base: usize, n: usize, value: u32, hi: u64, lo: u64): u32 {
  while (value >= CHILD) {
    n = base + load<u32>(childCell(n, value));
    hi = (hi << 8) | (lo >> 56);
    lo <<= 8;
    value = FibLookup.value(n, <usize>(hi >> 62), hi >> 56);
  }
  return value;
}

// Update. Each takes the prefix (hi, lo, plen), host bits zero.

/** Slot of the key in a node at `depth`. */
function slotAt(hi: u64, lo: u64, depth: u32): u32 {
  if (depth >= 64) return <u32>((lo << (depth - 64)) >> 56);
  return <u32>(((hi << depth) | ((lo >> 1) >> (63 - depth))) >> 56);
}

function directIndex(f: Fib, hi: u64): u32 {
  return <u32>((hi >> 1) >> (63 - f.bits));
}

function directCell(f: Fib, hi: u64): usize {
  return f.direct + ((<usize>directIndex(f, hi)) << 2);
}

/** Depth of the node in which a prefix longer than the direct table's ends. */
function depthOf(f: Fib, plen: u32): u32 {
  return f.bits + ((plen - f.bits - 1) & ~7);
}

/** The key's node at `depth`, which is there. */
function nodeOnPath(f: Fib, hi: u64, lo: u64, depth: u32): u32 {
  let ref = load<u32>(directCell(f, hi));
  for (let d = f.bits; d < depth; d += 8) {
    const n = nodeAt(ref);
    const value = valueAt(n, runOf(n, slotAt(hi, lo, d)));
    assert(value >= CHILD);
    ref = load<u32>(childCell(n, value));
  }
  return ref;
}

/** The pseudo-node which answers `value`, written when first used. */
function pseudoNode(value: u32): u32 {
  const ref = value * PSEUDO_BYTES;
  const n = nodeAt(ref);
  if (valueAt(n, 0) != value) {
    for (let quarter: usize = 0; quarter < 32; quarter += 8) store<u64>(n + quarter, 1);
    store<u16>(n, <u16>value, NODE_HEADER);
    S.pseudoInUse++;
  }
  return ref;
}

/** Gives what a short prefix covers, and a route of minPlen..maxPlen answers now, to a route of `plen`. */
function paintDirect(f: Fib, hi: u64, prefix: u32, minPlen: u32, plen: u32, value: u32): void {
  const first = directIndex(f, hi);
  const end = first + ((<u32>1) << (f.bits - prefix));
  const pseudo = pseudoNode(value);
  for (let i = first; i < end; i++) {
    const cell = f.direct + ((<usize>i) << 2);
    const ref = load<u32>(cell);
    if (ref >= S.first) {
      paintBackground(ref, minPlen, prefix, plen, value);
      continue;
    }
    const was = <u32>load<u8>(f.plens + i);
    if (was < minPlen || was > prefix) continue;
    store<u8>(f.plens + i, <u8>plen);
    store<u32>(cell, pseudo);
  }
}

/** The same for a prefix that ends in node `ref` at `depth`. */
function paintSlots(ref: u32, depth: u32, slot: u32, prefix: u32, minPlen: u32, plen: u32, value: u32): void {
  const n = nodeAt(ref);
  const from = runOf(n, slot);
  const to = runOf(n, slot + slotsOf(depth, prefix) - 1);
  const min = minPlen > depth ? minPlen - depth : 0;
  const owner = plen > depth ? plen - depth : 0;
  paintRuns(ref, from, to, min, prefix - depth, owner, minPlen, prefix, plen, value);
}

/** How many slots of a node at `depth` a prefix that ends there covers. */
function slotsOf(depth: u32, plen: u32): u32 {
  return (<u32>1) << (depth + 8 - plen);
}

/** How many bits lie above the node in which a prefix ends; 0 for a short one. */
export function fibDepth(f: Fib, plen: u32): u32 {
  return plen <= f.bits ? 0 : depthOf(f, plen);
}

/** Length of the longest route of at most fibDepth bits that covers the prefix. */
export function fibFloor(f: Fib, hi: u64, lo: u64, plen: u32): u32 {
  return plen <= f.bits ? 0 : nodeCold(nodeOnPath(f, hi, lo, depthOf(f, plen))).plen;
}

/** A prefix of the RIB gets its first route: 0, or -E_NOSPC with nothing changed. */
export function fibInsert(f: Fib, hi: u64, lo: u64, plen: u32, nexthop: u32): i32 {
  if (plen <= f.bits) {
    paintDirect(f, hi, plen, 0, plen, nexthop);
    return 0;
  }
  const cell = directCell(f, hi);
  let ref = load<u32>(cell);
  let depth = f.bits;
  if (ref < S.first) {
    const background = <u32>load<u8>(f.plens + directIndex(f, hi));
    const top = buildChain(hi, lo, plen, nexthop, depth, background, ref / PSEUDO_BYTES);
    if (top == 0) return -E_NOSPC;
    nodeCold(top).cell = <u32>cell;
    store<u32>(cell, top);
    return 0;
  }
  const end = depthOf(f, plen);
  while (depth < end) {
    const n = nodeAt(ref);
    const value = valueAt(n, runOf(n, slotAt(hi, lo, depth)));
    if (value < CHILD) return insertChain(ref, depth, hi, lo, plen, nexthop);
    ref = load<u32>(childCell(n, value));
    depth += 8;
  }
  const slot = slotAt(hi, lo, depth);
  workLoad(ref);
  workSplit(slot);
  workSplit(slot + slotsOf(depth, plen));
  const to = workReserve(ref);
  if (to == 0) return -E_NOSPC;
  workSettle(ref, to);
  paintSlots(to, depth, slot, plen, 0, plen, nexthop);
  return 0;
}

/** Puts a chain of new nodes under a slot of node `ref` at `depth`, which has no child there. */
function insertChain(ref: u32, depth: u32, hi: u64, lo: u64, plen: u32, nexthop: u32): i32 {
  const slot = slotAt(hi, lo, depth);
  workLoad(ref);
  const run = workRunOf(slot);
  const owner = workOwner(run);
  const background = owner == 0 ? W.plen : depth + owner;
  const top = buildChain(hi, lo, plen, nexthop, depth + 8, background, workValue(run));
  if (top == 0) return -E_NOSPC;
  workLoad(ref);
  workSplit(slot);
  workSplit(slot + 1);
  workAddChild(slot, top);
  const to = workReserve(ref);
  if (to == 0) {
    freeChain(top);
    return -E_NOSPC;
  }
  workSettle(ref, to);
  return 0;
}

/**
 * Builds, from the last up, the nodes for a prefix from `depth` on, over a background of the given route; answers
 * the first of them, whose cell the caller sets, or 0 when the slab is full.
 */
function buildChain(hi: u64, lo: u64, plen: u32, nexthop: u32, depth: u32, background: u32, value: u32): u32 {
  let below: u32 = 0;
  let d = depth + ((plen - depth - 1) & ~7);
  while (true) {
    const slot = slotAt(hi, lo, d);
    workReset(background, value);
    workSplit(slot);
    if (below == 0) {
      workSplit(slot + slotsOf(d, plen));
      workSet(workRunOf(slot), plen - d, nexthop);
    } else {
      workSplit(slot + 1);
      workAddChild(slot, below);
    }
    const ref = slabTake(nodeBytes(W.runs, W.children));
    if (ref == 0) {
      if (below != 0) freeChain(below);
      return 0;
    }
    workStore(ref);
    if (d == depth) return ref;
    below = ref;
    d -= 8;
  }
}

/** Frees a chain that was just built: each node is the last of its class then, so that nothing moves. */
function freeChain(top: u32): void {
  for (let ref = top; ref != 0; ) {
    const below = nodeCold(ref).children == 0 ? 0 : load<u32>(childCell(nodeAt(ref), CHILD));
    nodeFree(ref);
    ref = below;
  }
}

/** A prefix of the RIB has another best next hop. */
export function fibChange(f: Fib, hi: u64, lo: u64, plen: u32, nexthop: u32): void {
  if (plen <= f.bits) {
    paintDirect(f, hi, plen, plen, plen, nexthop);
    return;
  }
  const depth = depthOf(f, plen);
  const ref = nodeOnPath(f, hi, lo, depth);
  paintSlots(ref, depth, slotAt(hi, lo, depth), plen, plen, plen, nexthop);
}

/** A prefix of the RIB has lost its last route: what it answered falls to the route of `cover` bits around it. */
export function fibRemove(f: Fib, hi: u64, lo: u64, plen: u32, cover: u32, nexthop: u32): void {
  if (plen <= f.bits) {
    paintDirect(f, hi, plen, plen, cover, nexthop);
    return;
  }
  let depth = depthOf(f, plen);
  let ref = nodeOnPath(f, hi, lo, depth);
  const slot = slotAt(hi, lo, depth);
  paintSlots(ref, depth, slot, plen, plen, cover, nexthop);
  workLoad(ref);
  workJoin(slot);
  workJoin(slot + slotsOf(depth, plen));
  while (W.runs == 1) {
    if (depth == f.bits) {
      store<u8>(f.plens + directIndex(f, hi), <u8>W.plen);
      store<u32>(directCell(f, hi), pseudoNode(workValue(0)));
      nodeFree(ref);
      return;
    }
    depth -= 8;
    dropChild(nodeOnPath(f, hi, lo, depth), depth, slotAt(hi, lo, depth));
    nodeFree(ref);
    // that may have moved the parent
    ref = nodeOnPath(f, hi, lo, depth);
    workLoad(ref);
  }
  workSettle(ref, workReserve(ref));
}

/** The child under a slot of node `parent`, now in the work node, is all background: its slot becomes that. */
function dropChild(parent: u32, depth: u32, slot: u32): void {
  const plen = W.plen;
  const value = workValue(0);
  workLoad(parent);
  workDropChild(slot, plen > depth ? plen - depth : 0, value);
  workJoin(slot);
  workJoin(slot + 1);
  workStore(parent);
}
