// The datagrams under reassembly: records of a fixed number, found by the source's keyed hash, so that what one source
// has waiting stands in one chain; in a list by age; each with its timer (RFC 1122 §3.3.2: fixed, from the fragment
// that came first).

import { CTR_IP_REASM_FAILS } from "../abi/counter";
import { DROP_FRAG_EVICTED, DROP_FRAG_SOURCE_LIMIT } from "../abi/drop";
import { SW_IP_REASSEMBLY_MS } from "../abi/switch";
import { TIMER_REASSEMBLY } from "../abi/timer";
import { now } from "../core/clock";
import { count, drop } from "../core/counter";
import { hash8 } from "../core/hash";
import { switchUs } from "../core/switch";
import { Timer, timerArm, timerCancel } from "../core/timer";
import { arenaTake } from "../memory/arena";
import { Pbuf } from "../memory/pbuf";

@unmanaged
export class Reassembly {
  /** The next of the same bucket, which is older; of a free record, the next free one. */
  hashNext: Reassembly | null;
  src: u32;
  dst: u32;
  /** Identification << 8 | protocol. */
  key: u32;
  /** Fragments held, in the order of their offsets, none overlapping. */
  head: Pbuf | null;
  tail: Pbuf | null;
  fragments: u32;
  /** Bytes of payload in them. */
  bytes: u32;
  /** Bytes of payload of the whole; 0 until the last fragment has come. */
  end: u32;
  /** Why all that still comes of it is dropped; 0 while it may become whole. */
  refused: u32;
  older: Reassembly | null;
  newer: Reassembly | null;
  timerNext: usize;
  timerPrev: usize;
  timerAt: u64;
  timerKind: u32;
  timerSlot: u32;
}

@unmanaged
class TableState {
  table: usize;
  capacity: u32;
  buckets: usize;
  mask: u32;
  /** Records that have been in use at all, and those given back. */
  fresh: u32;
  free: Reassembly | null;
  oldest: Reassembly | null;
  newest: Reassembly | null;
}

const T: TableState = changetype<TableState>(memory.data(offsetof<TableState>(), 8));
const RECORD: u32 = 72;
/** More are never kept of one source: its chain is walked for each fragment. */
const MOST_EACH: u32 = 64;

export function reassemblyLayout(capacity: u32): void {
  let buckets: u32 = 2;
  while (buckets < capacity) buckets <<= 1;
  T.capacity = capacity;
  T.mask = buckets - 1;
  T.table = arenaTake(capacity, RECORD);
  T.buckets = arenaTake(buckets, 4);
}

function bucketOf(src: u32): usize {
  return T.buckets + ((hash8(src) & T.mask) << 2);
}

function timerOf(r: Reassembly): Timer {
  return changetype<Timer>(changetype<usize>(r) + offsetof<Reassembly>("timerNext"));
}

/** The datagram that a timer of kind TIMER_REASSEMBLY belongs to. */
export function reassemblyOfTimer(t: Timer): Reassembly {
  return changetype<Reassembly>(changetype<usize>(t) - offsetof<Reassembly>("timerNext"));
}

export function reassemblyFind(src: u32, dst: u32, key: u32): Reassembly | null {
  let r = changetype<Reassembly | null>(load<usize>(bucketOf(src)));
  while (r !== null) {
    if (r.key == key && r.src == src && r.dst == dst) return r;
    r = r.hashNext;
  }
  return null;
}

/** A record for a new datagram. A source may have a quarter of the records, its own oldest gives way; else the oldest of
 * all does when there is no other. */
export function reassemblyOpen(src: u32, dst: u32, key: u32): Reassembly {
  const most = min<u32>(max<u32>(T.capacity >> 2, 1), MOST_EACH);
  if (datagramsOf(src) >= most) reassemblyDiscard(oldestOf(src), DROP_FRAG_SOURCE_LIMIT);
  if (T.free === null && T.fresh == T.capacity) {
    reassemblyDiscard(changetype<Reassembly>(T.oldest), DROP_FRAG_EVICTED);
  }
  const r = take();
  r.src = src;
  r.dst = dst;
  r.key = key;
  r.end = 0;
  r.refused = 0;
  const bucket = bucketOf(src);
  r.hashNext = changetype<Reassembly | null>(load<usize>(bucket));
  store<usize>(bucket, changetype<usize>(r));
  const newest = T.newest;
  r.older = newest;
  r.newer = null;
  if (newest === null) T.oldest = r;
  else newest.newer = r;
  T.newest = r;
  const t = timerOf(r);
  t.kind = TIMER_REASSEMBLY;
  timerArm(t, now() + switchUs(SW_IP_REASSEMBLY_MS));
  return r;
}

function take(): Reassembly {
  const r = T.free;
  if (r === null) return changetype<Reassembly>(T.table + T.fresh++ * RECORD);
  T.free = r.hashNext;
  return r;
}

function datagramsOf(src: u32): u32 {
  let n: u32 = 0;
  let r = changetype<Reassembly | null>(load<usize>(bucketOf(src)));
  while (r !== null) {
    if (r.src == src) n++;
    r = r.hashNext;
  }
  return n;
}

/** The source's oldest, of which there is one. */
function oldestOf(src: u32): Reassembly {
  let oldest = changetype<Reassembly>(0);
  let r = changetype<Reassembly | null>(load<usize>(bucketOf(src)));
  while (r !== null) {
    if (r.src == src) oldest = r;
    r = r.hashNext;
  }
  return oldest;
}

/** Fragments that the source has waiting. */
export function fragmentsOf(src: u32): u32 {
  let n: u32 = 0;
  let r = changetype<Reassembly | null>(load<usize>(bucketOf(src)));
  while (r !== null) {
    if (r.src == src) n += r.fragments;
    r = r.hashNext;
  }
  return n;
}

/** The oldest other than `than` that holds fragments; null if there is none. */
export function oldestOther(than: Reassembly): Reassembly | null {
  let r = T.oldest;
  while (r !== null && (r === than || r.fragments == 0)) r = r.newer;
  return r;
}

/** The oldest of the same source, likewise. */
export function oldestSibling(than: Reassembly): Reassembly | null {
  let oldest: Reassembly | null = null;
  let r = changetype<Reassembly | null>(load<usize>(bucketOf(than.src)));
  while (r !== null) {
    if (r.src == than.src && r !== than && r.fragments != 0) oldest = r;
    r = r.hashNext;
  }
  return oldest;
}

/** Drops what the record holds. */
function purge(r: Reassembly, reason: u32): void {
  let pb = r.head;
  while (pb !== null) {
    const next: Pbuf | null = pb.next;
    drop(pb, reason);
    pb = next;
  }
  reassemblyEmpty(r);
}

/** Nothing is held any more: what was has another owner. */
export function reassemblyEmpty(r: Reassembly): void {
  r.head = null;
  r.tail = null;
  r.fragments = 0;
  r.bytes = 0;
}

/** The datagram cannot become whole. The record stays until its time is up, so that whatever else comes of the datagram
 * meets the same end (RFC 5722 §4). */
export function reassemblyRefuse(r: Reassembly, reason: u32): void {
  count(CTR_IP_REASM_FAILS);
  purge(r, reason);
  r.refused = reason;
}

/** Gives the datagram up. */
export function reassemblyDiscard(r: Reassembly, reason: u32): void {
  if (r.refused == 0) count(CTR_IP_REASM_FAILS);
  purge(r, reason);
  reassemblyRelease(r);
}

/** Gives the record, which holds nothing, back. */
export function reassemblyRelease(r: Reassembly): void {
  assert(r.fragments == 0);
  timerCancel(timerOf(r));
  let at = bucketOf(r.src);
  while (load<usize>(at) != changetype<usize>(r)) at = load<usize>(at) + offsetof<Reassembly>("hashNext");
  store<usize>(at, changetype<usize>(r.hashNext));
  const older = r.older;
  const newer = r.newer;
  if (older === null) T.oldest = newer;
  else older.newer = newer;
  if (newer === null) T.newest = older;
  else newer.older = older;
  r.hashNext = T.free;
  T.free = r;
}

if (offsetof<Reassembly>() != RECORD) ERROR("Reassembly");
if (offsetof<Reassembly>("timerAt") != offsetof<Reassembly>("timerNext") + offsetof<Timer>("at")) ERROR("timer");
