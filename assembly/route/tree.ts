// The ordered store of the RIB: a B+tree of fixed pages, one code for 32- and 128-bit keys. A key is left-aligned in
// (hi, lo): an IPv4 address is the top half of hi. Entries ascend by (key, prefix length, rank), where rank is
// metric << 32 | order of arrival; an inner entry is a lower bound of its child's entries. Pages other than the root
// stay half full (the last leaf excepted, so that a table loaded in order fills its pages), so `limit` entries always
// fit in the pages laid for them and an insertion cannot fail.

import { arenaTake } from "../memory/arena";

/** Entry of an IPv4 table, 16 bytes. */
@unmanaged
export class Entry4 {
  /** Prefix length << 24 | payload: of a leaf origin << 16 | next hop, of an inner page the child. */
  ref: u32;
  key: u32;
  rank: u64;
}

/** Entry of an IPv6 table, 32 bytes. */
@unmanaged
export class Entry6 {
  hi: u64;
  lo: u64;
  rank: u64;
  ref: u32;
  reserved: u32;
}

@unmanaged
export class Tree {
  base: usize;
  pageBytes: u32;
  limit: u32;
  count: u32;
  /** Pages have numbers from 1; 0 is none. */
  root: u32;
  height: u32;
  /** Highest page ever taken. */
  top: u32;
  free: u32;
  pagesInUse: u32;
  /** Whether the path still leads to a leaf: the next place sought is often in the same one. */
  finger: bool;
}

/** Bytes of a Tree and, behind it, its path. */
export const TREE_BYTES: i32 = <i32>offsetof<Tree>() + 8 * 8;

/** Head of a page; the entries follow. Pages of one level are linked in order. */
@unmanaged
class Page {
  count: u32;
  next: u32;
  prev: u32;
  reserved: u32;
}

const FAN: u32 = 63;
const MIN: u32 = 31;
const PAYLOAD: u32 = 0xffffff;

/** The entry on its way into a page. */
const CARRY: usize = memory.data(32, 8);

export function treeLayout<E>(t: Tree, limit: u32): void {
  let pages: u32 = 1;
  let fan = limit;
  if (limit > FAN) {
    const leaves = limit / MIN + 2;
    pages = leaves + leaves / (MIN - 1) + 8;
    fan = FAN;
  }
  t.limit = limit;
  t.pageBytes = offsetof<Page>() + fan * offsetof<E>();
  t.base = arenaTake(pages, t.pageBytes);
}

export function treeInit(t: Tree): void {
  t.count = 0;
  t.root = 1;
  t.height = 0;
  t.top = 1;
  t.free = 0;
  t.pagesInUse = 1;
  t.finger = false;
  const root = pageAt(t, 1);
  root.count = 0;
  root.next = 0;
  root.prev = 0;
}

// Entries

export function entryHi<E>(e: usize): u64 {
  if (offsetof<E>() == 16) return (<u64>load<u32>(e, 4)) << 32;
  return load<u64>(e);
}

export function entryLo<E>(e: usize): u64 {
  if (offsetof<E>() == 16) return 0;
  return load<u64>(e, 8);
}

export function entryRank<E>(e: usize): u64 {
  if (offsetof<E>() == 16) return load<u64>(e, 8);
  return load<u64>(e, 16);
}

export function entryPlen<E>(e: usize): u32 {
  return entryRef<E>(e) >> 24;
}

export function entryPayload<E>(e: usize): u32 {
  return entryRef<E>(e) & PAYLOAD;
}

export function entrySetPayload<E>(e: usize, payload: u32): void {
  const ref = (entryRef<E>(e) & ~PAYLOAD) | payload;
  if (offsetof<E>() == 16) store<u32>(e, ref);
  else store<u32>(e, ref, 24);
}

function entryRef<E>(e: usize): u32 {
  if (offsetof<E>() == 16) return load<u32>(e);
  return load<u32>(e, 24);
}

function entryWrite<E>(e: usize, hi: u64, lo: u64, plen: u32, rank: u64, payload: u32): void {
  const ref = (plen << 24) | payload;
  if (offsetof<E>() == 16) {
    store<u32>(e, ref);
    store<u32>(e, <u32>(hi >> 32), 4);
    store<u64>(e, rank, 8);
  } else {
    store<u64>(e, hi);
    store<u64>(e, lo, 8);
    store<u64>(e, rank, 16);
    store<u32>(e, ref, 24);
  }
}

/** Whether the entry's prefix stands before (hi, lo, plen); computed without a branch. */
function prefixBefore<E>(e: usize, hi: u64, lo: u64, plen: u32): u32 {
  // key << 8 | plen
  if (offsetof<E>() == 16) return u32(load<u64>(e) >> 24 < ((hi >> 24) | plen));
  const eHi = load<u64>(e);
  const eLo = load<u64>(e, 8);
  const short = u32(load<u32>(e, 24) >> 24 < plen);
  return u32(eHi < hi) | (u32(eHi == hi) & (u32(eLo < lo) | (u32(eLo == lo) & short)));
}

function prefixIs<E>(e: usize, hi: u64, lo: u64, plen: u32): bool {
  return entryHi<E>(e) == hi && entryLo<E>(e) == lo && entryPlen<E>(e) == plen;
}

/** Whether the entry stands at or before (hi, lo, plen, rank). */
function notAfter<E>(e: usize, hi: u64, lo: u64, plen: u32, rank: u64): bool {
  return prefixBefore<E>(e, hi, lo, plen) != 0 || (prefixIs<E>(e, hi, lo, plen) && entryRank<E>(e) <= rank);
}

// Pages

function pageAt(t: Tree, id: u32): Page {
  return changetype<Page>(t.base + <usize>(id - 1) * t.pageBytes);
}

function slotAt<E>(page: Page, index: u32): usize {
  return changetype<usize>(page) + offsetof<Page>() + <usize>index * offsetof<E>();
}

function pageTake(t: Tree): u32 {
  t.pagesInUse++;
  const id = t.free;
  if (id == 0) return ++t.top;
  t.free = pageAt(t, id).next;
  return id;
}

function pageFree(t: Tree, id: u32): void {
  pageAt(t, id).next = t.free;
  t.free = id;
  t.pagesInUse--;
}

/**
 * How many of the page's entries stand at or before the probe. All are counted rather than halved: that takes the same
 * time in a near cache, and from a far one the page's lines come together instead of one after another.
 */
function countNotAfter<E>(page: Page, hi: u64, lo: u64, plen: u32, rank: u64): u32 {
  const first = slotAt<E>(page, 0);
  const end = slotAt<E>(page, page.count);
  let n: u32 = 0;
  for (let e = first; e < end; e += offsetof<E>()) n += prefixBefore<E>(e, hi, lo, plen);
  let e = slotAt<E>(page, n);
  while (e < end && prefixIs<E>(e, hi, lo, plen) && entryRank<E>(e) <= rank) {
    e += offsetof<E>();
    n++;
  }
  return n;
}

function move<E>(to: Page, toIndex: u32, from: Page, fromIndex: u32, count: u32): void {
  memory.copy(slotAt<E>(to, toIndex), slotAt<E>(from, fromIndex), <usize>count * offsetof<E>());
}

// Where the last descent went, from the leaf (level 0) up: page number, position. 31^8 entries exceed any memory.

function pathAt(t: Tree, level: u32): usize {
  return changetype<usize>(t) + offsetof<Tree>() + ((<usize>level) << 3);
}

function pathId(t: Tree, level: u32): u32 {
  return load<u32>(pathAt(t, level));
}

function pathPage(t: Tree, level: u32): Page {
  return pageAt(t, pathId(t, level));
}

function pathIndex(t: Tree, level: u32): u32 {
  return load<u32>(pathAt(t, level), 4);
}

function pathSet(t: Tree, level: u32, id: u32, index: u32): void {
  store<u32>(pathAt(t, level), id);
  store<u32>(pathAt(t, level), index, 4);
}

// Seeking

/** Goes to the place just after every entry at or before (hi, lo, plen, rank). */
export function treeSeek<E>(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64): void {
  if (t.finger && inLeaf<E>(pathPage(t, 0), hi, lo, plen, rank)) {
    pathSet(t, 0, pathId(t, 0), countNotAfter<E>(pathPage(t, 0), hi, lo, plen, rank));
    return;
  }
  t.finger = true;
  let id = t.root;
  for (let level = t.height; level != 0; level--) {
    const page = pageAt(t, id);
    const n = countNotAfter<E>(page, hi, lo, plen, rank);
    const index = n == 0 ? 0 : n - 1;
    pathSet(t, level, id, index);
    id = entryPayload<E>(slotAt<E>(page, index));
  }
  pathSet(t, 0, id, countNotAfter<E>(pageAt(t, id), hi, lo, plen, rank));
}

/** Whether the place sought is between two entries of this leaf. */
function inLeaf<E>(page: Page, hi: u64, lo: u64, plen: u32, rank: u64): bool {
  const n = page.count;
  if (n == 0 || !notAfter<E>(slotAt<E>(page, 0), hi, lo, plen, rank)) return false;
  return !notAfter<E>(slotAt<E>(page, n - 1), hi, lo, plen, rank);
}

/** The first entry of all, or 0. The leftmost leaf is always page 1: splits and joins keep the left page. */
export function treeFirst<E>(t: Tree): usize {
  const page = pageAt(t, 1);
  return page.count == 0 ? 0 : slotAt<E>(page, 0);
}

/** The entry after the place sought, or 0. */
export function treeAfter<E>(t: Tree): usize {
  const page = pathPage(t, 0);
  const index = pathIndex(t, 0);
  if (index < page.count) return slotAt<E>(page, index);
  return page.next == 0 ? 0 : slotAt<E>(pageAt(t, page.next), 0);
}

/** The entry before the place sought, or 0. */
export function treeBefore<E>(t: Tree): usize {
  const page = pathPage(t, 0);
  const index = pathIndex(t, 0);
  if (index != 0) return slotAt<E>(page, index - 1);
  if (page.prev == 0) return 0;
  const prev = pageAt(t, page.prev);
  return slotAt<E>(prev, prev.count - 1);
}

// Insertion

/** Inserts an entry which is not there yet; the caller has held `count` below `limit`. */
export function treeInsert<E>(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64, payload: u32): void {
  assert(t.count < t.limit);
  treeSeek<E>(t, hi, lo, plen, rank);
  entryWrite<E>(CARRY, hi, lo, plen, rank, payload);
  lowerBounds<E>(t, hi, lo, plen, rank);
  t.count++;
  for (let level: u32 = 0; ; level++) {
    const page = pathPage(t, level);
    const index = pathIndex(t, level) + u32(level != 0);
    if (page.count < FAN) {
      place<E>(page, index);
      return;
    }
    t.finger = false;
    const right = split<E>(t, level, index);
    if (level == t.height) {
      growRoot<E>(t, right);
      return;
    }
    carryBound<E>(t, right);
  }
}

/** Where the new entry comes before all of a subtree, the subtree's bound goes down to it. */
function lowerBounds<E>(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64): void {
  for (let level = t.height; level != 0; level--) {
    const bound = slotAt<E>(pathPage(t, level), pathIndex(t, level));
    if (notAfter<E>(bound, hi, lo, plen, rank)) continue;
    entryWrite<E>(bound, hi, lo, plen, rank, entryPayload<E>(bound));
  }
}

/** Writes the carried entry at `index`. */
function place<E>(page: Page, index: u32): void {
  move<E>(page, index + 1, page, index, page.count - index);
  memory.copy(slotAt<E>(page, index), CARRY, offsetof<E>());
  page.count++;
}

/** Splits the full page of the path and writes the carried entry into its half; answers the new right page. */
function split<E>(t: Tree, level: u32, index: u32): u32 {
  const leftId = pathId(t, level);
  const left = pageAt(t, leftId);
  const rightId = pageTake(t);
  const right = pageAt(t, rightId);
  const appended = level == 0 && index == FAN && left.next == 0;
  const keep = appended ? FAN : MIN + 1;
  right.count = FAN - keep;
  right.next = left.next;
  right.prev = leftId;
  if (left.next != 0) pageAt(t, left.next).prev = rightId;
  left.next = rightId;
  left.count = keep;
  move<E>(right, 0, left, keep, FAN - keep);
  if (index <= keep && !appended) place<E>(left, index);
  else place<E>(right, index - keep);
  return rightId;
}

/** Carries the bound of page `id` to its parent. */
function carryBound<E>(t: Tree, id: u32): void {
  memory.copy(CARRY, slotAt<E>(pageAt(t, id), 0), offsetof<E>());
  entrySetPayload<E>(CARRY, id);
}

function growRoot<E>(t: Tree, right: u32): void {
  const left = t.root;
  const id = pageTake(t);
  const root = pageAt(t, id);
  root.count = 0;
  root.next = 0;
  root.prev = 0;
  carryBound<E>(t, left);
  place<E>(root, 0);
  carryBound<E>(t, right);
  place<E>(root, 1);
  t.root = id;
  t.height++;
}

// Removal

/** Removes the entry (hi, lo, plen, rank), which is there. */
export function treeRemove<E>(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64): void {
  treeSeek<E>(t, hi, lo, plen, rank);
  t.count--;
  // the seek stops after the entry
  let index = pathIndex(t, 0) - 1;
  for (let level: u32 = 0; ; level++) {
    const page = pathPage(t, level);
    page.count--;
    move<E>(page, index, page, index + 1, page.count - index);
    if (level == t.height) break;
    if (page.count >= MIN) return;
    t.finger = false;
    index = join<E>(t, level);
    if (index == 0) return;
  }
  shrinkRoot<E>(t);
}

/**
 * Evens out the path's page at `level`, which has become too small, with a neighbour under the same parent. Answers
 * the index of the parent's entry to remove when both now stand in one page, else 0.
 */
function join<E>(t: Tree, level: u32): u32 {
  const parent = pathPage(t, level + 1);
  const at = pathIndex(t, level + 1);
  const rightIndex = at == 0 ? 1 : at;
  const rightId = entryPayload<E>(slotAt<E>(parent, rightIndex));
  const left = pageAt(t, entryPayload<E>(slotAt<E>(parent, rightIndex - 1)));
  const right = pageAt(t, rightId);
  const total = left.count + right.count;
  if (total <= FAN) {
    move<E>(left, left.count, right, 0, right.count);
    left.count = total;
    left.next = right.next;
    if (right.next != 0) pageAt(t, right.next).prev = right.prev;
    pageFree(t, rightId);
    return rightIndex;
  }
  const half = total >> 1;
  if (left.count < half) {
    const n = half - left.count;
    move<E>(left, left.count, right, 0, n);
    move<E>(right, 0, right, n, right.count - n);
  } else {
    const n = left.count - half;
    move<E>(right, n, right, 0, right.count);
    move<E>(right, 0, left, half, n);
  }
  left.count = half;
  right.count = total - half;
  carryBound<E>(t, rightId);
  memory.copy(slotAt<E>(parent, rightIndex), CARRY, offsetof<E>());
  return 0;
}

function shrinkRoot<E>(t: Tree): void {
  while (t.height != 0) {
    const root = pageAt(t, t.root);
    if (root.count != 1) return;
    const id = t.root;
    t.root = entryPayload<E>(slotAt<E>(root, 0));
    t.height--;
    pageFree(t, id);
  }
}
