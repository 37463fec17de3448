// Packet buffers: one contiguous piece of memory each, with headroom, and ONE owner at a time.
//
// Pools are by size class, free lists are linked through `next`. Every holder (RX rings, TX rings, sockets,
// neighbour queues, reassembly) has a quota; the quotas and the reserve together are the pool, so no holder
// can starve another. The reserve (the last eighth) serves RX refill and replies of a single buffer.
//
// Pbuf header, 64 bytes:
//   0  data    4  cap     8  head   12  len    16  next   20 owner cls flags(u16)
//  24  netif  28  slot   32  l3     36  l4     40  index  44 row    48  arrival (u64 us)

import {
  OWNER_FREE,
  OWNER_NEIGH,
  OWNER_REASSEMBLY,
  OWNER_RX,
  OWNER_SOCKET,
  OWNER_STACK,
  OWNER_TX,
  OWNERS,
  PBUF_CLASSES,
  PBUF_HEADROOM,
  PBUF_LARGE,
  PBUF_LARGE_BYTES,
  PBUF_SMALL,
  PBUF_SMALL_BYTES,
} from "../abi/pbuf";
import { arenaTake } from "./arena";

/** Received as link-layer broadcast or multicast. */
export const PB_LINK_GROUP: u16 = 1;
/** Our own copy of a broadcast that we sent: it passes lo, and counts as received on `netif`. */
export const PB_LOOPED: u16 = 2;
/** A reply of a single buffer: may use the reserve. */
export const PB_REPLY: u16 = 4;
/** Of this multicast no own copy is wanted. */
export const PB_NO_COPY: u16 = 16;
/** Sent to a broadcast or multicast IP address. */
export const PB_IP_GROUP: u16 = 8;
/** We are a stop on its source route, and pass it on. */
export const PB_SOURCE_ROUTED: u16 = 32;
/** Its sender finds out what the path takes: with DF it goes whole, whatever is known of that. */
export const PB_PROBE: u16 = 64;

@unmanaged
export class Pbuf {
  /** First byte of the buffer, and its bytes: fixed at boot. */
  data: usize;
  cap: u32;
  /** First valid byte, and the valid bytes from there. */
  head: usize;
  len: u32;
  next: Pbuf | null;
  owner: u8;
  cls: u8;
  flags: u16;
  /** Interface number it was received on, or leaves by. */
  netif: u32;
  /** Cursor of the TX slot that holds it. */
  slot: u32;
  /** Network and transport header. */
  l3: usize;
  l4: usize;
  index: u32;
  /** Its class's row of HELD. */
  row: usize;
  /** Time of arrival, microseconds. */
  arrival: u64;
}

export const PBUF_RECORD: u32 = 64;

@unmanaged
class PbufState {
  records: usize;
  smallData: usize;
  largeData: usize;
  total: u32;
  free0: Pbuf | null;
  free1: Pbuf | null;
  /** Buffers of each class that have been in use at all. */
  used0: u32;
  used1: u32;
  count0: u32;
  count1: u32;
}

const P: PbufState = changetype<PbufState>(memory.data(offsetof<PbufState>(), 8));
/** Buffers held now, u32 by class and owner; LIMITS bytes further the most that may be. */
const LIMITS: usize = PBUF_CLASSES * OWNERS * 4;
const HELD: usize = memory.data(PBUF_CLASSES * OWNERS * 8, 4);

function rowOf(cls: u32): usize {
  return HELD + cls * (OWNERS * 4);
}

function setLimit(cls: u32, owner: u32, most: u32): void {
  store<u32>(rowOf(cls) + (owner << 2), most, LIMITS);
}

export function pbufLayout(small: u32, large: u32): void {
  P.count0 = small;
  P.count1 = large;
  P.total = small + large;
  P.records = arenaTake(small + large, PBUF_RECORD);
  P.smallData = arenaTake(small, PBUF_SMALL_BYTES);
  P.largeData = arenaTake(large, PBUF_LARGE_BYTES);
}

export function pbufInit(): void {
  P.free0 = null;
  P.free1 = null;
  P.used0 = 0;
  P.used1 = 0;
  setLimits(PBUF_SMALL, P.count0);
  setLimits(PBUF_LARGE, P.count1);
}

/** Quotas in sixteenths: RX 4, TX 4, sockets 3, neighbour queues 1, reassembly 2, reserve 2. Large buffers are
 * never posted on RX and never queued for a neighbour: TX 6, sockets 6, reassembly 2, reserve 2. However few there
 * are, a packet can wait for its neighbour, and a datagram of two fragments come together (RFC 1122 §3.3.2). */
function setLimits(cls: u32, count: u32): void {
  memory.fill(rowOf(cls), 0, OWNERS * 4);
  store<u32>(rowOf(cls), count, OWNER_FREE << 2);
  const large = cls == PBUF_LARGE;
  const sixteenth = large ? count >> 4 : max<u32>(count >> 4, min<u32>(count, 1));
  setLimit(cls, OWNER_FREE, count);
  setLimit(cls, OWNER_STACK, count);
  setLimit(cls, OWNER_RX, large ? 0 : count >> 2);
  setLimit(cls, OWNER_TX, large ? (count * 3) >> 3 : count >> 2);
  setLimit(cls, OWNER_SOCKET, large ? (count * 3) >> 3 : (count * 3) >> 4);
  setLimit(cls, OWNER_NEIGH, large ? 0 : sixteenth);
  setLimit(cls, OWNER_REASSEMBLY, sixteenth << 1);
}

/** Where the free list of a class begins. */
function freeList(cls: u32): usize {
  return changetype<usize>(P) + offsetof<PbufState>("free0") + (cls << 2);
}

/** A buffer that was never in use. Its record is written now and not at boot, which so touches none of them. */
function fresh(cls: u32): Pbuf {
  const large = cls == PBUF_LARGE;
  const n = large ? P.used1++ : P.used0++;
  const index = large ? P.count0 + n : n;
  const pb = changetype<Pbuf>(P.records + index * PBUF_RECORD);
  pb.index = index;
  pb.cls = <u8>cls;
  pb.row = rowOf(cls);
  pb.cap = large ? PBUF_LARGE_BYTES : PBUF_SMALL_BYTES;
  pb.data = large ? P.largeData + n * PBUF_LARGE_BYTES : P.smallData + n * PBUF_SMALL_BYTES;
  return pb;
}

/** Moves the buffer to its new owner's account. */
function move(pb: Pbuf, owner: u32): void {
  const from = pb.row + ((<u32>pb.owner) << 2);
  store<u32>(from, load<u32>(from) - 1);
  const to = pb.row + (owner << 2);
  store<u32>(to, load<u32>(to) + 1);
  pb.owner = <u8>owner;
}

function push(pb: Pbuf): void {
  const head = freeList(pb.cls);
  pb.next = changetype<Pbuf | null>(load<usize>(head));
  store<usize>(head, changetype<usize>(pb));
}

/** Smallest class whose buffer takes `len` bytes behind the headroom; PBUF_CLASSES if none does. */
export function pbufClassFor(len: u32): u32 {
  if (len <= <u32>(PBUF_SMALL_BYTES - PBUF_HEADROOM)) return PBUF_SMALL;
  if (P.count1 != 0 && len <= <u32>(PBUF_LARGE_BYTES - PBUF_HEADROOM)) return PBUF_LARGE;
  return PBUF_CLASSES;
}

/** Bytes that the largest buffer takes behind the headroom. */
export function pbufLargestLen(): u32 {
  return (P.count1 != 0 ? PBUF_LARGE_BYTES : PBUF_SMALL_BYTES) - PBUF_HEADROOM;
}

/** Buffers kept for RX refill and replies. */
function reserveOf(row: usize): u32 {
  return load<u32>(row, LIMITS + (OWNER_FREE << 2)) >> 3;
}

/** Would pbufAlloc(cls, owner, false) find one? */
export function pbufAvailable(cls: u32, owner: u32): bool {
  const row = rowOf(cls);
  const held = row + (owner << 2);
  return load<u32>(row, OWNER_FREE << 2) > reserveOf(row) && load<u32>(held) < load<u32>(held, LIMITS);
}

/** How many would pbufAlloc(cls, owner, false) find? */
export function pbufRoom(cls: u32, owner: u32): u32 {
  if (!pbufAvailable(cls, owner)) return 0;
  const row = rowOf(cls);
  const held = row + (owner << 2);
  return min<u32>(load<u32>(row, OWNER_FREE << 2) - reserveOf(row), load<u32>(held, LIMITS) - load<u32>(held));
}

/** A buffer for `owner`, empty, its head behind the headroom; null when the owner's quota or the pool is used up.
 * `urgent` may take the reserve. */
export function pbufAlloc(cls: u32, owner: u32, urgent: bool): Pbuf | null {
  if (urgent ? load<u32>(rowOf(cls), OWNER_FREE << 2) == 0 : !pbufAvailable(cls, owner)) return null;
  const head = freeList(cls);
  const first = changetype<Pbuf | null>(load<usize>(head));
  const pb = first !== null ? first : fresh(cls);
  assert(pb.owner == OWNER_FREE);
  store<usize>(head, changetype<usize>(pb.next));
  move(pb, owner);
  pb.flags = urgent ? PB_REPLY : 0;
  pb.next = null;
  pb.head = pb.data + PBUF_HEADROOM;
  pb.len = 0;
  return pb;
}

/** Gives the buffer to another owner; false, and nothing changed, if that owner's quota is used up. */
export function pbufGive(pb: Pbuf, owner: u32): bool {
  assert(pb.owner != OWNER_FREE);
  if (pb.owner == owner) return true;
  const to = pb.row + (owner << 2);
  if (load<u32>(to) >= load<u32>(to, LIMITS) && !mayExceed(pb, owner)) return false;
  move(pb, owner);
  return true;
}

/** A reply on its way out may be queued beyond the TX quota, by as much as the reserve holds: never more, lest it starve
 * the others. */
function mayExceed(pb: Pbuf, owner: u32): bool {
  if ((pb.flags & PB_REPLY) == 0 || owner != OWNER_TX) return false;
  const tx = pb.row + (OWNER_TX << 2);
  return load<u32>(tx) < load<u32>(tx, LIMITS) + reserveOf(pb.row);
}

/** The stack itself takes the buffer back from a holder: never refused. */
export function pbufTake(pb: Pbuf): void {
  assert(pb.owner != OWNER_FREE);
  move(pb, OWNER_STACK);
}

export function pbufFree(pb: Pbuf): void {
  assert(pb.owner != OWNER_FREE);
  move(pb, OWNER_FREE);
  push(pb);
}

// Many at once: owner and free list now, the account afterwards in one go. In between nobody may ask for a quota.

/** Head of the list of free small buffers: whoever walks it sets it to what is left. */
export function pbufFreeList(): Pbuf | null {
  return P.free0;
}

export function pbufSetFreeList(head: Pbuf | null): void {
  P.free0 = head;
}

/** The small buffer to take next where `listed` is the rest of the list: its first, or one that was never in use. The
 * account of OWNER_FREE must say that there is one. */
export function pbufTakeFree(listed: Pbuf | null): Pbuf {
  const pb = listed !== null ? listed : fresh(PBUF_SMALL);
  assert(pb.owner == OWNER_FREE);
  return pb;
}

/** Moves `count` small buffers, whose owner has been changed, from account to account. */
export function pbufSettle(from: u32, to: u32, count: u32): void {
  const row = rowOf(PBUF_SMALL);
  store<u32>(row + (from << 2), load<u32>(row + (from << 2)) - count);
  store<u32>(row + (to << 2), load<u32>(row + (to << 2)) + count);
}

/** The record of buffer number `index`, or null if there is none. */
export function pbufAt(index: u32): Pbuf | null {
  return index < P.total ? changetype<Pbuf>(P.records + index * PBUF_RECORD) : null;
}

/** Buffers held now, u32 by class and owner. */
export function pbufHeldTable(): usize {
  return HELD;
}

/** Quotas, u32 by class and owner. */
export function pbufLimitTable(): usize {
  return HELD + LIMITS;
}

/** Buffers of a class that `owner` holds. */
export function pbufHeld(cls: u32, owner: u32): u32 {
  return load<u32>(rowOf(cls) + (owner << 2));
}

/** How many more buffers of a class `owner` may hold. */
export function pbufQuotaLeft(cls: u32, owner: u32): u32 {
  const held = pbufHeld(cls, owner);
  const most = pbufLimit(cls, owner);
  return held < most ? most - held : 0;
}

/** Quota of `owner` in a class. */
export function pbufLimit(cls: u32, owner: u32): u32 {
  return load<u32>(rowOf(cls) + (owner << 2), LIMITS);
}

if (offsetof<Pbuf>() > PBUF_RECORD) ERROR("Pbuf outgrew its record");
