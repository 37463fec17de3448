// Packet buffers: one contiguous piece of memory each, with headroom, and ONE owner at a time.
//
// Pools are by size class, free lists are linked through `next`. Every holder (RX rings, TX rings, sockets,
// neighbour queues, reassembly) has a quota; the quotas and the reserve together are the pool, so no holder
// can starve another. The reserve (the last eighth) serves RX refill and replies of a single buffer.
//
// Pbuf header, 64 bytes:
//   0  data    4  cap     8  head   12  len    16  next   20 owner cls flags(u16)
//  24  netif  28  slot   32  l3     36  l4     40  index  44 group  48  arrival (u64 us)  56 from 60 port

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
/** Sent to a broadcast or multicast IP address. */
export const PB_IP_GROUP: u16 = 8;

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
  reserved: u32;
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
  count0: u32;
  count1: u32;
}

const P: PbufState = changetype<PbufState>(memory.data(offsetof<PbufState>(), 8));
/** Buffers held now, and at most, by class and owner. */
const HELD: usize = memory.data(PBUF_CLASSES * OWNERS * 4, 4);
const LIMIT: usize = memory.data(PBUF_CLASSES * OWNERS * 4, 4);

function cell(table: usize, cls: u32, owner: u32): usize {
  return table + ((cls * OWNERS + owner) << 2);
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
  // Backwards, so that the first buffer is the first to be handed out.
  for (let i = P.total; i > 0; ) {
    i--;
    const pb = changetype<Pbuf>(P.records + i * PBUF_RECORD);
    const large = i >= P.count0;
    pb.index = i;
    pb.cls = <u8>(large ? PBUF_LARGE : PBUF_SMALL);
    pb.cap = large ? PBUF_LARGE_BYTES : PBUF_SMALL_BYTES;
    pb.data = large ? P.largeData + (i - P.count0) * PBUF_LARGE_BYTES : P.smallData + i * PBUF_SMALL_BYTES;
    pb.owner = <u8>OWNER_FREE;
    push(pb);
  }
  setLimits(PBUF_SMALL, P.count0);
  setLimits(PBUF_LARGE, P.count1);
}

/** Quotas in sixteenths: RX 4, TX 4, sockets 4, neighbour queues 1, reassembly 1, reserve 2. Large buffers are
 * never posted on RX and never queued for a neighbour: TX 6, sockets 6, reassembly 2, reserve 2. */
function setLimits(cls: u32, count: u32): void {
  memory.fill(cell(HELD, cls, 0), 0, OWNERS * 4);
  store<u32>(cell(HELD, cls, OWNER_FREE), count);
  const sixteenth = count >> 4;
  const large = cls == PBUF_LARGE;
  store<u32>(cell(LIMIT, cls, OWNER_FREE), count);
  store<u32>(cell(LIMIT, cls, OWNER_STACK), count);
  store<u32>(cell(LIMIT, cls, OWNER_RX), large ? 0 : count >> 2);
  store<u32>(cell(LIMIT, cls, OWNER_TX), large ? (count * 3) >> 3 : count >> 2);
  store<u32>(cell(LIMIT, cls, OWNER_SOCKET), large ? (count * 3) >> 3 : count >> 2);
  store<u32>(cell(LIMIT, cls, OWNER_NEIGH), large ? 0 : sixteenth);
  store<u32>(cell(LIMIT, cls, OWNER_REASSEMBLY), large ? sixteenth << 1 : sixteenth);
}

function push(pb: Pbuf): void {
  if (pb.cls == PBUF_SMALL) {
    pb.next = P.free0;
    P.free0 = pb;
  } else {
    pb.next = P.free1;
    P.free1 = pb;
  }
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

/** A buffer for `owner`, empty, its head behind the headroom; null when the owner's quota or the pool is used up.
 * `urgent` may take the reserve. */
export function pbufAlloc(cls: u32, owner: u32, urgent: bool): Pbuf | null {
  const count = cls == PBUF_SMALL ? P.count0 : P.count1;
  const freeCell = cell(HELD, cls, OWNER_FREE);
  const free = load<u32>(freeCell);
  if (free <= (urgent ? 0 : count >> 3)) return null;
  const held = cell(HELD, cls, owner);
  const n = load<u32>(held);
  if (!urgent && n >= load<u32>(cell(LIMIT, cls, owner))) return null;
  const pb = cls == PBUF_SMALL ? P.free0 : P.free1;
  if (pb === null) return null;
  if (cls == PBUF_SMALL) P.free0 = pb.next;
  else P.free1 = pb.next;
  assert(pb.owner == OWNER_FREE);
  store<u32>(freeCell, free - 1);
  store<u32>(held, n + 1);
  pb.owner = <u8>owner;
  pb.flags = urgent ? PB_REPLY : 0;
  pb.next = null;
  pb.head = pb.data + PBUF_HEADROOM;
  pb.len = 0;
  return pb;
}

/** Gives the buffer to another owner; false, and nothing changed, if that owner's quota is used up. */
export function pbufGive(pb: Pbuf, owner: u32): bool {
  const cls: u32 = pb.cls;
  const from: u32 = pb.owner;
  if (from == owner) return true;
  assert(from != OWNER_FREE);
  const to = cell(HELD, cls, owner);
  const n = load<u32>(to);
  if (n >= load<u32>(cell(LIMIT, cls, owner)) && (pb.flags & PB_REPLY) == 0) return false;
  const old = cell(HELD, cls, from);
  store<u32>(old, load<u32>(old) - 1);
  store<u32>(to, n + 1);
  pb.owner = <u8>owner;
  return true;
}

/** The stack itself takes the buffer back from a holder: never refused. */
export function pbufTake(pb: Pbuf): void {
  pbufGive(pb, OWNER_STACK);
}

export function pbufFree(pb: Pbuf): void {
  assert(pb.owner != OWNER_FREE);
  const cls: u32 = pb.cls;
  const held = cell(HELD, cls, pb.owner);
  const free = cell(HELD, cls, OWNER_FREE);
  store<u32>(held, load<u32>(held) - 1);
  store<u32>(free, load<u32>(free) + 1);
  pb.owner = <u8>OWNER_FREE;
  push(pb);
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
  return LIMIT;
}

/** Quota of `owner` in a class. */
export function pbufLimit(cls: u32, owner: u32): u32 {
  return load<u32>(cell(LIMIT, cls, owner));
}

if (offsetof<Pbuf>() > PBUF_RECORD) ERROR("Pbuf outgrew its record");
