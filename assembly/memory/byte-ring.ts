// Byte rings: a pool in four sizes, laid at boot, from which TCP takes what it sends from and receives into. A byte's
// place is `ring + (seq & (size - 1))`. What a ring is follows from its address alone: an application writes into rings,
// so the pool's own bookkeeping stands elsewhere, and a write that comes too late can spoil nobody's list.
//
// A size's region:   ring 0 | ring 1 | … | ring n-1 | links: a u32 for each ring
// A link is TAKEN, or the number of the free ring behind this one and 1 more (0 = none). Rings that were never in use
// are in no list and not touched; a ring freed last is taken first.

import { BYTE_RING_BYTES, BYTE_RING_CLASSES, BYTE_RING_FREE, BYTE_RING_ROW, BYTE_RING_TOTAL } from "../abi/byte-ring";
import { arenaTake } from "./arena";

/** A size of rings; the first three words are the host's to read. */
@unmanaged
class RingClass {
  bytes: u32;
  total: u32;
  free: u32;
  /** Rings that have been in use at all. */
  used: u32;
  base: usize;
  /** First free ring's number and 1, as links have it. */
  head: u32;
}

const ROWS: usize = memory.data(BYTE_RING_CLASSES * BYTE_RING_ROW, 4);
const TAKEN: u32 = 0xffffffff;

export function byteRingLayout(rings2K: u32, rings16K: u32, rings64K: u32, rings1M: u32): void {
  layClass(0, rings2K, 2048);
  layClass(1, rings16K, 16384);
  layClass(2, rings64K, 65536);
  layClass(3, rings1M, 1048576);
}

function layClass(cls: u32, total: u32, bytes: u32): void {
  const row = rowAt(cls);
  row.bytes = bytes;
  row.total = total;
  row.free = total;
  row.used = 0;
  row.head = 0;
  row.base = arenaTake(total, bytes);
  arenaTake(total, 4);
}

function rowAt(cls: u32): RingClass {
  return changetype<RingClass>(ROWS + cls * BYTE_RING_ROW);
}

/** The size that a ring is of: regions stand in the order of sizes, and one of no rings ends where it begins. */
function rowOf(ring: usize): RingClass {
  let cls: u32 = BYTE_RING_CLASSES - 1;
  while (cls != 0 && ring < rowAt(cls).base) cls--;
  return rowAt(cls);
}

/** Address of the link of ring number `n`. */
function linkOf(row: RingClass, n: u32): usize {
  return row.base + row.total * row.bytes + (n << 2);
}

/** The size whose ring is taken by who wants `wanted` bytes: the smallest that holds them, else the largest that does
 * not; null if all are in use. */
function rowFor(wanted: u32): RingClass | null {
  let found: RingClass | null = null;
  for (let cls: u32 = 0; cls < <u32>BYTE_RING_CLASSES; cls++) {
    const row = rowAt(cls);
    if (row.free == 0) continue;
    found = row;
    if (row.bytes >= wanted) break;
  }
  return found;
}

/** Takes such a ring: its address, 0 if all are in use. What it holds is what its last user left. */
export function byteRingTake(wanted: u32): usize {
  const row = rowFor(wanted);
  return row === null ? 0 : take(row);
}

/** Bytes of the ring that byteRingTake() would take; 0 if all are in use. */
export function byteRingOffer(wanted: u32): u32 {
  const row = rowFor(wanted);
  return row === null ? 0 : row.bytes;
}

/** Bytes of the largest rings that there are, in use or not. */
export function byteRingLargest(): u32 {
  let cls: u32 = BYTE_RING_CLASSES - 1;
  while (cls != 0 && rowAt(cls).total == 0) cls--;
  return rowAt(cls).bytes;
}

/** Rings of all sizes: how many there are, and how many of them are free. */
export function byteRingsAll(): u32 {
  return countOf(offsetof<RingClass>("total"));
}

export function byteRingsFree(): u32 {
  return countOf(offsetof<RingClass>("free"));
}

function countOf(field: usize): u32 {
  let n: u32 = 0;
  for (let cls: u32 = 0; cls < <u32>BYTE_RING_CLASSES; cls++) n += load<u32>(changetype<usize>(rowAt(cls)) + field);
  return n;
}

function take(row: RingClass): usize {
  let n = row.used;
  if (row.head != 0) {
    n = row.head - 1;
    row.head = load<u32>(linkOf(row, n));
    assert(row.head != TAKEN);
  } else row.used = n + 1;
  store<u32>(linkOf(row, n), TAKEN);
  row.free--;
  return row.base + n * row.bytes;
}

/** Takes a ring larger than this one, the smallest of which a quarter then is still free for others; 0 = there is none. */
export function byteRingGrow(ring: usize): usize {
  const bytes = rowOf(ring).bytes;
  for (let cls: u32 = 0; cls < <u32>BYTE_RING_CLASSES; cls++) {
    const row = rowAt(cls);
    if (row.bytes > bytes && row.free != 0 && row.free - 1 >= (row.total + 3) >>> 2) return take(row);
  }
  return 0;
}

/** Bytes of a ring: a power of two. */
export function byteRingSize(ring: usize): u32 {
  return rowOf(ring).bytes;
}

export function byteRingFree(ring: usize): void {
  const row = rowOf(ring);
  // Their size is a power of two.
  const n = <u32>(ring - row.base) >>> ctz<u32>(row.bytes);
  assert(n < row.used && ring == row.base + n * row.bytes && load<u32>(linkOf(row, n)) == TAKEN);
  store<u32>(linkOf(row, n), row.head);
  row.head = n + 1;
  row.free++;
}

/** The rows of abi/byte-ring.ts. */
export function byteRingTable(): usize {
  return ROWS;
}

if (offsetof<RingClass>("bytes") != BYTE_RING_BYTES) ERROR("RingClass.bytes");
if (offsetof<RingClass>("total") != BYTE_RING_TOTAL) ERROR("RingClass.total");
if (offsetof<RingClass>("free") != BYTE_RING_FREE) ERROR("RingClass.free");
if (offsetof<RingClass>() != BYTE_RING_ROW) ERROR("RingClass");
