// A node of the FIB covers the 256 slots of eight key bits. Neighbouring slots of one owner make a run; an owner is a
// route that ends in this node, a child node, or the background: what the node's slots would answer without its own
// routes. So the runs depend on the set of prefixes alone, never on their next hops: giving a prefix another next hop
// writes values in place, a removal never grows a node, and only an insertion can want memory.
//
// Hot part, read by lookups          0          32         36
//                                    +----------+----------+-------------+---------------+
//                                    | bitmap   | ranks    | values      | children      |
//                                    | 256 bits | u8 * 4   | u16 each    | u32 each, at 4|
//                                    +----------+----------+-------------+---------------+
// Cold part, for updates             0          4          5   6         8
//                                    +----------+----------+---+---------+---------------+
//                                    | cell u32 | plen u8  |   | children| owners        |
//                                    |          |          |   | u16     | 4 bits each   |
//                                    +----------+----------+---+---------+---------------+
// bitmap: a bit where a run starts; ranks: starts in the quarters before; a run's value is its next hop, or CHILD +
// the child's index. cell: address of the u32 that refers to this node; plen: length of the background's route; a
// run's owner is 0 background, 1..8 the bits of its route in this node, 15 a child. A child is a run of one slot.

import { arenaTake } from "../memory/arena";
import { S, slabCold, slabFree, slabHotBytes, slabTake } from "./slab";

export const NODE_HEADER: u32 = 36;
/** Values from here up name a child. */
export const CHILD: u32 = 0xff00;
export const OWNER_CHILD: u32 = 15;

@unmanaged
export class Cold {
  cell: u32;
  plen: u8;
  reserved: u8;
  children: u16;
}

/** A node unpacked, to be changed: bitmap, then these; its values, owners (a byte each) and children stand
 * apart, laid for the largest node that the table can have. */
@unmanaged
class Work {
  bitmap0: u64;
  bitmap1: u64;
  bitmap2: u64;
  bitmap3: u64;
  runs: u32;
  children: u32;
  plen: u32;
  cell: u32;
  values: usize;
  owners: usize;
  refs: usize;
}

export const W: Work = changetype<Work>(memory.data(offsetof<Work>(), 8));

/** Bytes beyond the last value and owner that whole words may touch. */
const SLACK: u32 = 16;

/** Lays the place in which nodes of up to so many runs and children are unpacked. */
export function nodeLayout(runs: u32, children: u32): void {
  W.values = arenaTake(1, (runs << 1) + SLACK);
  W.owners = arenaTake(1, runs + SLACK);
  W.refs = arenaTake(children + 1, sizeof<u32>());
}

/** Address of the hot part of node `ref`. */
export function nodeAt(ref: u32): usize {
  return S.base + ref;
}

export function nodeCold(ref: u32): Cold {
  return changetype<Cold>(slabCold(ref));
}

function runsOf(n: usize): u32 {
  return (load<u32>(n, 32) >> 24) + <u32>popcnt<u64>(load<u64>(n, 24));
}

/** Where a node's children stand, from its start. */
function childrenOffset(runs: u32): u32 {
  return NODE_HEADER + (((runs << 1) + 3) & ~3);
}

/** Bytes of the hot part of a node. */
export function nodeBytes(runs: u32, children: u32): u32 {
  return childrenOffset(runs) + (children << 2);
}

/** Address of the cell that refers to the child of the node at `n` that `value` names. */
export function childCell(n: usize, value: u32): usize {
  return n + childrenOffset(runsOf(n)) + ((value - CHILD) << 2);
}

/** Index of the run that a slot belongs to. */
export function runOf(n: usize, slot: u32): u32 {
  const quarter = slot >> 6;
  const starts = load<u64>(n + (quarter << 3)) << ~(<u64>slot);
  return <u32>load<u8>(n + quarter, 32) + <u32>popcnt<u64>(starts) - 1;
}

export function valueAt(n: usize, run: u32): u32 {
  return load<u16>(n + (run << 1), NODE_HEADER);
}

/** Address of the byte which holds the owner of a run: even runs in the low half. */
function ownerByte(cold: Cold, run: u32): usize {
  return changetype<usize>(cold) + offsetof<Cold>() + (run >> 1);
}

/**
 * Gives the runs from..to of node `ref` another owner and next hop where their owner is one of min..max, and goes
 * down into children whose background comes from a route of minPlen..maxPlen.
 */
export function paintRuns(
  ref: u32,
  from: u32,
  to: u32,
  min: u32,
  max: u32,
  owner: u32,
  minPlen: u32,
  maxPlen: u32,
  plen: u32,
  value: u32,
): void {
  const n = nodeAt(ref);
  const cold = nodeCold(ref);
  for (let k = from; k <= to; k++) {
    const at = ownerByte(cold, k);
    const shift = (k & 1) << 2;
    const both = <u32>load<u8>(at);
    const was = (both >> shift) & 15;
    if (was == OWNER_CHILD) {
      paintBackground(load<u32>(childCell(n, valueAt(n, k))), minPlen, maxPlen, plen, value);
    } else if (was >= min && was <= max) {
      store<u8>(at, (both & ~(15 << shift)) | (owner << shift));
      store<u16>(n + (k << 1), value, NODE_HEADER);
    }
  }
}

/** Gives node `ref` another background where that comes from a route of minPlen..maxPlen. */
export function paintBackground(ref: u32, minPlen: u32, maxPlen: u32, plen: u32, value: u32): void {
  const cold = nodeCold(ref);
  const was = <u32>cold.plen;
  if (was < minPlen || was > maxPlen) return;
  cold.plen = <u8>plen;
  paintRuns(ref, 0, runsOf(nodeAt(ref)) - 1, 0, 0, 0, minPlen, maxPlen, plen, value);
}

// The work node

/** An empty node: all background. */
export function workReset(plen: u32, value: u32): void {
  W.bitmap0 = 1;
  W.bitmap1 = 0;
  W.bitmap2 = 0;
  W.bitmap3 = 0;
  W.runs = 1;
  W.children = 0;
  W.plen = plen;
  W.cell = 0;
  store<u16>(W.values, <u16>value);
  store<u8>(W.owners, 0);
}

export function workLoad(ref: u32): void {
  const n = nodeAt(ref);
  const cold = nodeCold(ref);
  const runs = runsOf(n);
  memory.copy(changetype<usize>(W), n, 32);
  W.runs = runs;
  W.children = cold.children;
  W.plen = cold.plen;
  W.cell = cold.cell;
  memory.copy(W.values, n + NODE_HEADER, runs << 1);
  const owners = ownerByte(cold, 0);
  for (let k: u32 = 0; k < runs; k += 2) {
    const both = <u32>load<u8>(owners + (k >> 1));
    store<u16>(W.owners + k, (both & 15) | ((both & 0xf0) << 4));
  }
  if (W.children != 0) memory.copy(W.refs, n + childrenOffset(runs), W.children << 2);
}

/** Packs the work node into block `ref`. */
export function workStore(ref: u32): void {
  const n = nodeAt(ref);
  const cold = nodeCold(ref);
  const runs = W.runs;
  memory.copy(n, changetype<usize>(W), 32);
  const r1 = <u32>popcnt(W.bitmap0);
  const r2 = r1 + <u32>popcnt(W.bitmap1);
  const r3 = r2 + <u32>popcnt(W.bitmap2);
  store<u32>(n, (r1 << 8) | (r2 << 16) | (r3 << 24), 32);
  cold.cell = W.cell;
  cold.plen = <u8>W.plen;
  cold.children = <u16>W.children;
  memory.copy(n + NODE_HEADER, W.values, runs << 1);
  const owners = ownerByte(cold, 0);
  for (let k: u32 = 0; k < runs; k += 2) {
    const two = <u32>load<u16>(W.owners + k);
    store<u8>(owners + (k >> 1), (two & 15) | (two >> 4));
  }
  if (W.children == 0) return;
  memory.copy(n + childrenOffset(runs), W.refs, W.children << 2);
  adoptChildren(n, W.children);
}

/** Tells a node's children which cells refer to them. */
function adoptChildren(n: usize, children: u32): void {
  let cell = n + childrenOffset(runsOf(n));
  for (let i: u32 = 0; i < children; i++) {
    nodeCold(load<u32>(cell)).cell = <u32>cell;
    cell += 4;
  }
}

/** Frees a node which nothing refers to any more; another may move into its place. */
export function nodeFree(ref: u32): void {
  const moved = slabFree(ref);
  if (moved == 0) return;
  const cold = nodeCold(moved);
  store<u32>(cold.cell, moved);
  if (cold.children != 0) adoptChildren(nodeAt(moved), cold.children);
}

/** A block for the work node loaded from `ref`: `ref` itself where its class fits, a new one, or 0 (none left). */
export function workReserve(ref: u32): u32 {
  const want = nodeBytes(W.runs, W.children);
  const have = slabHotBytes(ref);
  if (want <= have && want + 8 > have) return ref;
  const to = slabTake(want);
  return to == 0 && want <= have ? ref : to;
}

/** Moves the work node loaded from `ref` into the block reserved for it. */
export function workSettle(ref: u32, to: u32): void {
  workStore(to);
  if (to == ref) return;
  store<u32>(W.cell, to);
  nodeFree(ref);
}

/** Index of the work node's run that a slot belongs to. */
export function workRunOf(slot: u32): u32 {
  const w = changetype<usize>(W);
  let k = <u32>popcnt<u64>(load<u64>(w + ((slot >> 6) << 3)) << ~(<u64>slot));
  for (let q: u32 = 0; q < slot >> 6; q++) k += <u32>popcnt<u64>(load<u64>(w + (q << 3)));
  return k - 1;
}

/** Starts a run at `slot` (0..256) if none does. */
export function workSplit(slot: u32): void {
  const at = changetype<usize>(W) + ((slot >> 6) << 3);
  const bit = (<u64>1) << (<u64>slot);
  if (slot > 255 || (load<u64>(at) & bit) != 0) return;
  const k = workRunOf(slot);
  const tail = W.runs - k;
  memory.copy(W.values + (k << 1) + 2, W.values + (k << 1), tail << 1);
  memory.copy(W.owners + k + 1, W.owners + k, tail);
  store<u64>(at, load<u64>(at) | bit);
  W.runs++;
}

/** Ends the run that starts at `slot` (0..256) where the slot before it has the same owner. */
export function workJoin(slot: u32): void {
  if (slot == 0 || slot > 255) return;
  const at = changetype<usize>(W) + ((slot >> 6) << 3);
  const bit = (<u64>1) << (<u64>slot);
  if ((load<u64>(at) & bit) == 0) return;
  const k = workRunOf(slot);
  const owner = <u32>load<u8>(W.owners + k);
  if (owner == OWNER_CHILD || owner != load<u8>(W.owners + k - 1)) return;
  if (owner != 0 && slot >> (8 - owner) != (slot - 1) >> (8 - owner)) return;
  const tail = W.runs - k - 1;
  memory.copy(W.values + (k << 1), W.values + (k << 1) + 2, tail << 1);
  memory.copy(W.owners + k, W.owners + k + 1, tail);
  store<u64>(at, load<u64>(at) & ~bit);
  W.runs--;
}

export function workValue(run: u32): u32 {
  return load<u16>(W.values + (run << 1));
}

export function workOwner(run: u32): u32 {
  return load<u8>(W.owners + run);
}

export function workSet(run: u32, owner: u32, value: u32): void {
  store<u16>(W.values + (run << 1), <u16>value);
  store<u8>(W.owners + run, <u8>owner);
}

/** Makes a slot, which is a run of its own, a child. */
export function workAddChild(slot: u32, ref: u32): void {
  workSet(workRunOf(slot), OWNER_CHILD, CHILD + W.children);
  store<u32>(W.refs + (W.children << 2), ref);
  W.children++;
}

/** Makes a child's slot a run of the given owner; the last child takes its index. */
export function workDropChild(slot: u32, owner: u32, value: u32): void {
  const run = workRunOf(slot);
  const index = workValue(run) - CHILD;
  const last = --W.children;
  workSet(run, owner, value);
  if (index == last) return;
  store<u32>(W.refs + (index << 2), load<u32>(W.refs + (last << 2)));
  let k: u32 = 0;
  while (workValue(k) != CHILD + last) k++;
  store<u16>(W.values + (k << 1), <u16>(CHILD + index));
}
