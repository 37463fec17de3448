// What is known of a destination beside the table: the first hop that a router's redirect named (RFC 1122 §3.3.1.2), the
// MTU of the path to it (RFC 1191 §6.3). Each holds until a time, and then means nothing. A bounded number of entries,
// found by a keyed hash, since others choose the addresses; the one least recently needed gives way to a new one. Every
// change of what is known makes paths be found anew.
//
// A redirect replaces one router on one interface: whoever reads it compares that with the table's own choice.

import { E_NOENT } from "../abi/errno";
import {
  DEST_BYTES,
  DEST_FLAGS,
  DEST_GATEWAY,
  DEST_IFINDEX,
  DEST_IP,
  DEST_MTU,
  DEST_MTU_UNTIL,
  DEST_REDIRECT_UNTIL,
  DEST_ROUTER,
  RTF_DYNAMIC,
  RTF_MODIFIED,
  RTF_UP,
} from "../abi/route";
import { now } from "../core/clock";
import { hash16 } from "../core/hash";
import { addressCopy, addressEqual } from "../memory/address";
import { arenaTake } from "../memory/arena";
import { routeInvalidate } from "./table";

/** Entries name each other by their numbers, from 1; 0 is none. */
@unmanaged
export class Destination {
  ip0: u64;
  ip1: u64;
  gateway0: u64;
  gateway1: u64;
  router0: u64;
  router1: u64;
  /** 0: there is no redirect. */
  redirectUntil: u64;
  /** 0: no MTU is known. */
  mtuUntil: u64;
  mtu: u32;
  ifindex: u32;
  flags: u32;
  /** Next of the same bucket, or of the free list. */
  chain: u32;
  /** Neighbours in the order in which they were last needed. */
  newer: u32;
  older: u32;
  reserved: u64;
}

@unmanaged
class DestinationState {
  inUse: u32;
  base: usize;
  buckets: usize;
  mask: u32;
  capacity: u32;
  /** Highest number ever handed out. */
  top: u32;
  free: u32;
  newest: u32;
  oldest: u32;
}

const D: DestinationState = changetype<DestinationState>(memory.data(offsetof<DestinationState>(), 8));
const REDIRECT_FLAGS: u32 = RTF_DYNAMIC | RTF_MODIFIED;

export function destinationLayout(capacity: u32): void {
  let buckets: u32 = 1;
  while (buckets < capacity) buckets <<= 1;
  D.capacity = capacity;
  D.mask = buckets - 1;
  D.base = arenaTake(capacity, DEST_BYTES);
  D.buckets = arenaTake(buckets, sizeof<u32>());
}

function entryAt(number: u32): Destination {
  return changetype<Destination>(D.base + <usize>(number - 1) * DEST_BYTES);
}

function numberOf(d: Destination): u32 {
  return <u32>(changetype<usize>(d) - D.base) / DEST_BYTES + 1;
}

function bucketOf(ip: usize): usize {
  return D.buckets + ((<usize>(hash16(ip, 0) & D.mask)) << 2);
}

/** What is known now of the 16-byte address; null: nothing. */
export function destinationFind(ip: usize): Destination | null {
  if (D.inUse == 0) return null;
  const d = seek(ip);
  if (d === null || expire(d)) return null;
  need(d);
  return d;
}

/** Datagrams to `ip` that would go to `router` go to `gateway`, by the interface, until that time (RTF_DYNAMIC; or
 * RTF_MODIFIED where the table has a route to this very host). False: there is no room for any entry. */
export function destinationRedirect(
  ip: usize,
  gateway: usize,
  ifindex: u32,
  router: usize,
  until: u64,
  flags: u32,
): bool {
  const d = enter(ip);
  if (d === null) return false;
  const at = changetype<usize>(d);
  addressCopy(at + DEST_GATEWAY, gateway);
  addressCopy(at + DEST_ROUTER, router);
  d.ifindex = ifindex;
  d.redirectUntil = until;
  d.flags = RTF_UP | (flags & REDIRECT_FLAGS);
  routeInvalidate();
  return true;
}

/** The path to `ip` takes datagrams of `mtu` bytes, as far as is known until that time. False: no room for any entry. */
export function destinationSetMtu(ip: usize, mtu: u32, until: u64): bool {
  const d = enter(ip);
  if (d === null) return false;
  d.mtu = mtu;
  d.mtuUntil = until;
  routeInvalidate();
  return true;
}

/** Forgets the redirect of a destination: its first hop does not answer. */
export function destinationForget(ip: usize): void {
  if (D.inUse == 0) return;
  const d = seek(ip);
  if (d !== null && d.redirectUntil != 0) forgetRedirect(d);
}

/** Forgets the redirects by an interface; by 0, everything. Of how many destinations; or -E_NOENT: there was nothing. */
export function destinationFlush(ifindex: u32): i32 {
  let count: i32 = 0;
  for (let number: u32 = 1; number <= D.top && D.inUse != 0; number++) {
    const d = entryAt(number);
    if (d.flags == 0 || (ifindex != 0 && (d.redirectUntil == 0 || d.ifindex != ifindex))) continue;
    if (ifindex == 0) remove(d);
    else forgetRedirect(d);
    count++;
  }
  return count != 0 ? count : -E_NOENT;
}

/** Address of record `index` for the host (its flags may be 0: not in use); -E_NOENT past the last. */
export function destinationRecord(index: u32): i32 {
  return index < D.capacity ? <i32>changetype<usize>(entryAt(index + 1)) : -E_NOENT;
}

function seek(ip: usize): Destination | null {
  let number = load<u32>(bucketOf(ip));
  while (number != 0) {
    const d = entryAt(number);
    if (addressEqual(changetype<usize>(d), ip)) return d;
    number = d.chain;
  }
  return null;
}

/** Takes out what has had its time; true: nothing is left, and the entry is gone. */
function expire(d: Destination): bool {
  if (d.mtuUntil != 0 && d.mtuUntil <= now()) {
    d.mtu = 0;
    d.mtuUntil = 0;
    routeInvalidate();
  }
  if (d.redirectUntil != 0 && d.redirectUntil <= now()) forgetRedirect(d);
  else if ((d.redirectUntil | d.mtuUntil) == 0) remove(d);
  return d.flags == 0;
}

function forgetRedirect(d: Destination): void {
  memory.fill(changetype<usize>(d) + DEST_GATEWAY, 0, DEST_MTU_UNTIL - DEST_GATEWAY);
  d.ifindex = 0;
  d.flags = RTF_UP;
  if (d.mtuUntil == 0) remove(d);
  else routeInvalidate();
}

/** The entry of the address, an empty one if it has none yet; null: there is no room for any. */
function enter(ip: usize): Destination | null {
  if (D.capacity == 0) return null;
  const known = seek(ip);
  if (known !== null && !expire(known)) {
    need(known);
    return known;
  }
  if (D.free == 0 && D.top == D.capacity) remove(entryAt(D.oldest));
  let number = D.free;
  if (number != 0) D.free = entryAt(number).chain;
  else number = ++D.top;
  const d = entryAt(number);
  memory.fill(changetype<usize>(d), 0, DEST_BYTES);
  addressCopy(changetype<usize>(d), ip);
  d.flags = RTF_UP;
  const bucket = bucketOf(ip);
  d.chain = load<u32>(bucket);
  store<u32>(bucket, number);
  join(d, number);
  D.inUse++;
  return d;
}

function remove(d: Destination): void {
  const number = numberOf(d);
  leave(d);
  let link = bucketOf(changetype<usize>(d));
  while (load<u32>(link) != number) link = changetype<usize>(entryAt(load<u32>(link))) + offsetof<Destination>("chain");
  store<u32>(link, d.chain);
  d.flags = 0;
  d.chain = D.free;
  D.free = number;
  D.inUse--;
  routeInvalidate();
}

// The order in which entries were last needed.

function need(d: Destination): void {
  const number = numberOf(d);
  if (D.newest == number) return;
  leave(d);
  join(d, number);
}

function join(d: Destination, number: u32): void {
  d.newer = 0;
  d.older = D.newest;
  if (D.newest != 0) entryAt(D.newest).newer = number;
  else D.oldest = number;
  D.newest = number;
}

function leave(d: Destination): void {
  if (d.newer != 0) entryAt(d.newer).older = d.older;
  else D.newest = d.older;
  if (d.older != 0) entryAt(d.older).newer = d.newer;
  else D.oldest = d.newer;
}

if (offsetof<Destination>("ip0") != DEST_IP) ERROR("Destination.ip0");
if (offsetof<Destination>("gateway0") != DEST_GATEWAY) ERROR("Destination.gateway0");
if (offsetof<Destination>("router0") != DEST_ROUTER) ERROR("Destination.router0");
if (offsetof<Destination>("redirectUntil") != DEST_REDIRECT_UNTIL) ERROR("Destination.redirectUntil");
if (offsetof<Destination>("mtuUntil") != DEST_MTU_UNTIL) ERROR("Destination.mtuUntil");
if (offsetof<Destination>("mtu") != DEST_MTU) ERROR("Destination.mtu");
if (offsetof<Destination>("ifindex") != DEST_IFINDEX) ERROR("Destination.ifindex");
if (offsetof<Destination>("flags") != DEST_FLAGS) ERROR("Destination.flags");
if (offsetof<Destination>() != DEST_BYTES) ERROR("Destination");
