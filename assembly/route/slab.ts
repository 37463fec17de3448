// Room for the nodes of the FIB: one region for both families, cut into pages, each serving one size class of
// 8-byte steps. A class fills its pages one after another; a freed block's hole is filled at once with the last
// block of its class, which is why a node knows the one cell that refers to it. So every class has at most one page
// that is not full, nothing fragments, and a take fails only when no page is left and the class's last one is full.
//
// A block has two parts: the hot one that lookups read, and a cold one of a quarter of its size that only updates need
// (node.ts), at a quarter of its offset in a region apart, so that the cache holds only hot bytes. (At the end of the
// same page they would take the same sets of a cache out of use in every page: lookups lost a sixth.)
//
// A node is named by its offset from the region's base. The offsets below `first` are the pseudo-nodes: next hop i
// has one at i * PSEUDO_BYTES, which answers i at every slot, so that a lookup needs no branch to tell a leaf of
// the direct table from a node. Zero memory is the pseudo-node of "no route".

import { arenaTake } from "../memory/arena";

const STEP_SHIFT: u32 = 3;
export const PSEUDO_BYTES: u32 = 40;
const MAX_PAGES: u64 = 0xffffff >> 4;

@unmanaged
export class Slab {
  base: usize;
  first: u32;
  cold: usize;
  pageShift: u32;
  pages: u32;
  top: u32;
  /** Pages have numbers from 1. */
  free: u32;
  pagesInUse: u32;
  /** u32 a page: the class's page before it (or next free page) << 8 | class. */
  notes: usize;
  /** Pseudo-nodes written so far. */
  pseudoInUse: u32;
  /** A SizeClass for each number of steps, `steps` of them. */
  classes: usize;
  steps: u32;
}

@unmanaged
class SizeClass {
  /** Page that is being filled; 0: none. */
  head: u32;
  /** Blocks in it. */
  count: u32;
}

export const S: Slab = changetype<Slab>(memory.data(offsetof<Slab>(), 8));

/** Lays room for `bytes` of nodes with hot parts of up to `largest` bytes, and the pseudo-nodes of `nexthops` next hops. */
export function slabLayout(nexthops: u32, bytes: u64, largest: u32): void {
  let shift: u32 = 7;
  while ((<u32>1) << shift < largest) shift++;
  S.pageShift = shift;
  // each size class in use may leave a page half empty
  S.pages = <u32>min<u64>((bytes >> shift) + (largest >> 5), MAX_PAGES);
  S.first = ((nexthops + 1) * PSEUDO_BYTES + 63) & ~63;
  S.base = arenaTake((S.first >> 6) + (S.pages << (shift - 6)), 64);
  S.cold = arenaTake(S.pages, 1 << (shift - 2));
  S.notes = arenaTake(S.pages, sizeof<u32>());
  S.steps = ((largest + 7) >> STEP_SHIFT) + 1;
  S.classes = arenaTake(S.steps, offsetof<SizeClass>());
}

export function slabInit(): void {
  S.top = 0;
  S.free = 0;
  S.pagesInUse = 0;
  S.pseudoInUse = 0;
  memory.fill(S.classes, 0, S.steps * offsetof<SizeClass>());
}

/** Bytes of the pages in use and of the pseudo-nodes written. */
export function slabBytes(): u32 {
  return S.pagesInUse * ((<u32>5) << (S.pageShift - 2)) + S.pseudoInUse * PSEUDO_BYTES;
}

/** Bytes of the hot part of the block `ref`. */
export function slabHotBytes(ref: u32): u32 {
  return stepOf(pageOf(ref)) << STEP_SHIFT;
}

/** Address of the cold part of the block `ref`. */
export function slabCold(ref: u32): usize {
  return S.cold + ((ref - S.first) >> 2);
}

/** Takes a block with a hot part of at least `bytes`; its offset, or 0 when the region is full. */
export function slabTake(bytes: u32): u32 {
  const step = (bytes + 7) >> STEP_SHIFT;
  const c = classAt(step);
  if (c.head == 0 || c.count == perPage(step)) {
    let page = S.free;
    if (page != 0) {
      S.free = load<u32>(noteOf(page)) >> 8;
    } else {
      if (S.top == S.pages) return 0;
      page = ++S.top;
    }
    S.pagesInUse++;
    store<u32>(noteOf(page), (c.head << 8) | step);
    c.head = page;
    c.count = 0;
  }
  return pageAt(c.head) + ((c.count++ * step) << STEP_SHIFT);
}

/**
 * Frees a block. The last block of its class moves into the hole: answers its new offset, which is `ref`, for the
 * caller to mend what refers to it; or 0 when nothing moved.
 */
export function slabFree(ref: u32): u32 {
  const step = stepOf(pageOf(ref));
  const c = classAt(step);
  const index = --c.count;
  const last = pageAt(c.head) + ((index * step) << STEP_SHIFT);
  if (last != ref) {
    memory.copy(S.base + ref, S.base + last, (<usize>step) << STEP_SHIFT);
    memory.copy(slabCold(ref), slabCold(last), (<usize>step) << (STEP_SHIFT - 2));
  }
  if (index == 0) {
    const note = noteOf(c.head);
    const before = load<u32>(note) >> 8;
    store<u32>(note, S.free << 8);
    S.free = c.head;
    S.pagesInUse--;
    c.head = before;
    c.count = before == 0 ? 0 : perPage(step);
  }
  return last == ref ? 0 : ref;
}

function classAt(step: u32): SizeClass {
  return changetype<SizeClass>(S.classes + <usize>step * offsetof<SizeClass>());
}

/** Blocks of a class in a page. */
function perPage(step: u32): u32 {
  return ((<u32>1) << S.pageShift) / (step << STEP_SHIFT);
}

/** Offset of a page. */
function pageAt(page: u32): u32 {
  return S.first + ((page - 1) << S.pageShift);
}

function pageOf(ref: u32): u32 {
  return ((ref - S.first) >> S.pageShift) + 1;
}

function stepOf(page: u32): u32 {
  return load<u32>(noteOf(page)) & 0xff;
}

/** Address of a page's note. */
function noteOf(page: u32): usize {
  return S.notes + ((<usize>(page - 1)) << 2);
}
