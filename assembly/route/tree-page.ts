// Entries and pages of the RIB's tree (tree.ts): fixed pages of up to 63 entries, named by numbers from 1. Entries of
// 32- and 128-bit keys differ in size; what compares keys is compiled for each (E is Entry4 or Entry6), all else serves
// both. A key is left-aligned in (hi, lo): an IPv4 address is the top half of hi.

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
  /** As Entry4's, and in the same place. */
  ref: u32;
  reserved: u32;
  rank: u64;
  hi: u64;
  lo: u64;
}

@unmanaged
export class Tree {
  base: usize;
  pageBytes: u32;
  /** An entry has 2^entryShift bytes. */
  entryShift: u32;
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
export class Page {
  count: u32;
  next: u32;
  prev: u32;
  reserved: u32;
}

/** Entries of this size have 32-bit keys. */
export const ENTRY4_SHIFT: u32 = 4;
/** Most entries of a page, and fewest of any but the root and the last leaf. */
export const FAN: u32 = 63;
export const MIN: u32 = 31;
const PAYLOAD: u32 = 0xffffff;

// Entries

export function entryHi(t: Tree, e: usize): u64 {
  return t.entryShift == ENTRY4_SHIFT ? keyHi<Entry4>(e) : keyHi<Entry6>(e);
}

export function entryLo(t: Tree, e: usize): u64 {
  return t.entryShift == ENTRY4_SHIFT ? 0 : keyLo<Entry6>(e);
}

function keyHi<E>(e: usize): u64 {
  if (offsetof<E>() == 16) return (<u64>load<u32>(e, 4)) << 32;
  return load<u64>(e, 16);
}

function keyLo<E>(e: usize): u64 {
  if (offsetof<E>() == 16) return 0;
  return load<u64>(e, 24);
}

export function entryRank(e: usize): u64 {
  return load<u64>(e, 8);
}

export function entryPlen(e: usize): u32 {
  return load<u8>(e, 3);
}

export function entryPayload(e: usize): u32 {
  return load<u32>(e) & PAYLOAD;
}

export function entrySetPayload(e: usize, payload: u32): void {
  store<u32>(e, (load<u32>(e) & ~PAYLOAD) | payload);
}

/** Whether the entry's prefix stands before (hi, lo, plen); computed without a branch. */
function prefixBefore<E>(e: usize, hi: u64, lo: u64, plen: u32): u32 {
  // key << 8 | plen
  if (offsetof<E>() == 16) return u32(load<u64>(e) >> 24 < ((hi >> 24) | plen));
  const eHi = load<u64>(e, 16);
  const eLo = load<u64>(e, 24);
  const short = u32(entryPlen(e) < plen);
  return u32(eHi < hi) | (u32(eHi == hi) & (u32(eLo < lo) | (u32(eLo == lo) & short)));
}

function prefixIs<E>(e: usize, hi: u64, lo: u64, plen: u32): bool {
  return keyHi<E>(e) == hi && keyLo<E>(e) == lo && entryPlen(e) == plen;
}

/** Whether the entry stands at or before (hi, lo, plen, rank). */
export function notAfter<E>(e: usize, hi: u64, lo: u64, plen: u32, rank: u64): bool {
  return prefixBefore<E>(e, hi, lo, plen) != 0 || (prefixIs<E>(e, hi, lo, plen) && entryRank(e) <= rank);
}

// Pages

export function pageAt(t: Tree, id: u32): Page {
  return changetype<Page>(t.base + <usize>(id - 1) * t.pageBytes);
}

export function slotAt(t: Tree, page: Page, index: u32): usize {
  return changetype<usize>(page) + offsetof<Page>() + ((<usize>index) << t.entryShift);
}

export function pageTake(t: Tree): u32 {
  t.pagesInUse++;
  const id = t.free;
  if (id == 0) return ++t.top;
  t.free = pageAt(t, id).next;
  return id;
}

export function pageFree(t: Tree, id: u32): void {
  pageAt(t, id).next = t.free;
  t.free = id;
  t.pagesInUse--;
}

/**
 * How many of the page's entries stand at or before the probe. All are counted rather than halved: that takes the same
 * time in a near cache, and from a far one the page's lines come together instead of one after another.
 */
export function countNotAfter<E>(page: Page, hi: u64, lo: u64, plen: u32, rank: u64): u32 {
  const first = changetype<usize>(page) + offsetof<Page>();
  const end = first + <usize>page.count * offsetof<E>();
  let n: u32 = 0;
  for (let e = first; e < end; e += offsetof<E>()) n += prefixBefore<E>(e, hi, lo, plen);
  let e = first + <usize>n * offsetof<E>();
  while (e < end && prefixIs<E>(e, hi, lo, plen) && entryRank(e) <= rank) {
    e += offsetof<E>();
    n++;
  }
  return n;
}

export function move(t: Tree, to: Page, toIndex: u32, from: Page, fromIndex: u32, count: u32): void {
  memory.copy(slotAt(t, to, toIndex), slotAt(t, from, fromIndex), (<usize>count) << t.entryShift);
}
