// The ordered store of the RIB: a B+tree, one code for 32- and 128-bit keys (tree-page.ts has the entries). Entries
// ascend by (key, prefix length, rank), where rank is metric << 32 | order of arrival; an inner entry is a lower bound
// of its child's entries. Pages other than the root stay half full (the last leaf excepted, so that a table loaded in
// order fills its pages), so `limit` entries always fit in the pages laid for them and an insertion cannot fail.

import { arenaTake } from "../memory/arena";
import {
  countNotAfter,
  ENTRY4_SHIFT,
  Entry4,
  Entry6,
  entryPayload,
  entrySetPayload,
  FAN,
  MIN,
  move,
  notAfter,
  Page,
  pageAt,
  pageFree,
  pageTake,
  slotAt,
  Tree,
} from "./tree-page";

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
  t.entryShift = ctz(<u32>offsetof<E>());
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
export function treeSeek(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64): void {
  if (t.entryShift == ENTRY4_SHIFT) seek<Entry4>(t, hi, lo, plen, rank);
  else seek<Entry6>(t, hi, lo, plen, rank);
}

function seek<E>(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64): void {
  if (t.finger && inLeaf<E>(t, pathPage(t, 0), hi, lo, plen, rank)) {
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
    id = entryPayload(slotAt(t, page, index));
  }
  pathSet(t, 0, id, countNotAfter<E>(pageAt(t, id), hi, lo, plen, rank));
}

/** Whether the place sought is between two entries of this leaf. */
function inLeaf<E>(t: Tree, page: Page, hi: u64, lo: u64, plen: u32, rank: u64): bool {
  const n = page.count;
  if (n == 0 || !notAfter<E>(slotAt(t, page, 0), hi, lo, plen, rank)) return false;
  return !notAfter<E>(slotAt(t, page, n - 1), hi, lo, plen, rank);
}

/** The first entry of all, or 0. The leftmost leaf is always page 1: splits and joins keep the left page. */
export function treeFirst(t: Tree): usize {
  const page = pageAt(t, 1);
  return page.count == 0 ? 0 : slotAt(t, page, 0);
}

/** The entry after the place sought, or 0. */
export function treeAfter(t: Tree): usize {
  const page = pathPage(t, 0);
  const index = pathIndex(t, 0);
  if (index < page.count) return slotAt(t, page, index);
  return page.next == 0 ? 0 : slotAt(t, pageAt(t, page.next), 0);
}

/** The entry before the place sought, or 0. */
export function treeBefore(t: Tree): usize {
  const page = pathPage(t, 0);
  const index = pathIndex(t, 0);
  if (index != 0) return slotAt(t, page, index - 1);
  if (page.prev == 0) return 0;
  const prev = pageAt(t, page.prev);
  return slotAt(t, prev, prev.count - 1);
}

// Insertion

/** Writes the entry to be inserted. */
function carry(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64, payload: u32): void {
  store<u32>(CARRY, (plen << 24) | payload);
  store<u64>(CARRY, rank, 8);
  if (t.entryShift == ENTRY4_SHIFT) {
    store<u32>(CARRY, <u32>(hi >> 32), 4);
  } else {
    store<u64>(CARRY, hi, 16);
    store<u64>(CARRY, lo, 24);
  }
}

/** Inserts an entry which is not there yet; the caller has held `count` below `limit`. */
export function treeInsert(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64, payload: u32): void {
  assert(t.count < t.limit);
  treeSeek(t, hi, lo, plen, rank);
  carry(t, hi, lo, plen, rank, payload);
  if (t.entryShift == ENTRY4_SHIFT) lowerBounds<Entry4>(t, hi, lo, plen, rank);
  else lowerBounds<Entry6>(t, hi, lo, plen, rank);
  insertCarried(t);
}

/** Where the new entry comes before all of a subtree, the subtree's bound goes down to it. */
function lowerBounds<E>(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64): void {
  for (let level = t.height; level != 0; level--) {
    const bound = slotAt(t, pathPage(t, level), pathIndex(t, level));
    if (notAfter<E>(bound, hi, lo, plen, rank)) continue;
    const child = entryPayload(bound);
    memory.copy(bound, CARRY, offsetof<E>());
    entrySetPayload(bound, child);
  }
}

/** Inserts the carried entry at the place sought, and up the path what its splits ask for. */
function insertCarried(t: Tree): void {
  t.count++;
  for (let level: u32 = 0; ; level++) {
    const page = pathPage(t, level);
    const index = pathIndex(t, level) + u32(level != 0);
    if (page.count < FAN) {
      place(t, page, index);
      return;
    }
    t.finger = false;
    const right = split(t, level, index);
    if (level == t.height) {
      growRoot(t, right);
      return;
    }
    carryBound(t, right);
  }
}

/** Writes the carried entry at `index`. */
function place(t: Tree, page: Page, index: u32): void {
  move(t, page, index + 1, page, index, page.count - index);
  memory.copy(slotAt(t, page, index), CARRY, (<usize>1) << t.entryShift);
  page.count++;
}

/** Splits the full page of the path and writes the carried entry into its half; answers the new right page. */
function split(t: Tree, level: u32, index: u32): u32 {
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
  move(t, right, 0, left, keep, FAN - keep);
  if (index <= keep && !appended) place(t, left, index);
  else place(t, right, index - keep);
  return rightId;
}

/** Carries the bound of page `id` to its parent. */
function carryBound(t: Tree, id: u32): void {
  memory.copy(CARRY, slotAt(t, pageAt(t, id), 0), (<usize>1) << t.entryShift);
  entrySetPayload(CARRY, id);
}

function growRoot(t: Tree, right: u32): void {
  const left = t.root;
  const id = pageTake(t);
  const root = pageAt(t, id);
  root.count = 0;
  root.next = 0;
  root.prev = 0;
  carryBound(t, left);
  place(t, root, 0);
  carryBound(t, right);
  place(t, root, 1);
  t.root = id;
  t.height++;
}

// Removal

/** Removes the entry (hi, lo, plen, rank), which is there. */
export function treeRemove(t: Tree, hi: u64, lo: u64, plen: u32, rank: u64): void {
  treeSeek(t, hi, lo, plen, rank);
  removeBefore(t);
}

/** Removes the entry before the place sought, and up the path what its joins leave over. */
function removeBefore(t: Tree): void {
  t.count--;
  let index = pathIndex(t, 0) - 1;
  for (let level: u32 = 0; ; level++) {
    const page = pathPage(t, level);
    page.count--;
    move(t, page, index, page, index + 1, page.count - index);
    if (level == t.height) break;
    if (page.count >= MIN) return;
    t.finger = false;
    index = join(t, level);
    if (index == 0) return;
  }
  shrinkRoot(t);
}

/**
 * Evens out the path's page at `level`, which has become too small, with a neighbour under the same parent. Answers
 * the index of the parent's entry to remove when both now stand in one page, else 0.
 */
function join(t: Tree, level: u32): u32 {
  const parent = pathPage(t, level + 1);
  const at = pathIndex(t, level + 1);
  const rightIndex = at == 0 ? 1 : at;
  const rightId = entryPayload(slotAt(t, parent, rightIndex));
  const left = pageAt(t, entryPayload(slotAt(t, parent, rightIndex - 1)));
  const right = pageAt(t, rightId);
  const total = left.count + right.count;
  if (total <= FAN) {
    move(t, left, left.count, right, 0, right.count);
    left.count = total;
    left.next = right.next;
    if (right.next != 0) pageAt(t, right.next).prev = right.prev;
    pageFree(t, rightId);
    return rightIndex;
  }
  const half = total >> 1;
  if (left.count < half) {
    const n = half - left.count;
    move(t, left, left.count, right, 0, n);
    move(t, right, 0, right, n, right.count - n);
  } else {
    const n = left.count - half;
    move(t, right, n, right, 0, right.count);
    move(t, right, 0, left, half, n);
  }
  left.count = half;
  right.count = total - half;
  carryBound(t, rightId);
  memory.copy(slotAt(t, parent, rightIndex), CARRY, (<usize>1) << t.entryShift);
  return 0;
}

function shrinkRoot(t: Tree): void {
  while (t.height != 0) {
    const root = pageAt(t, t.root);
    if (root.count != 1) return;
    const id = t.root;
    t.root = entryPayload(slotAt(t, root, 0));
    t.height--;
    pageFree(t, id);
  }
}
