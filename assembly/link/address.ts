// The addresses of this host: one list over all interfaces (weak host model, RFC 1122 §3.3.4.2), and a hash table
// which says what kind of address something is to us. Input asks here, output asks the routing table.

import { E_EXIST, E_NOENT, E_NOSPC } from "../abi/errno";
import {
  ADDR_BYTES,
  ADDR_CONFLICTS,
  ADDR_FAMILY,
  ADDR_NETIF,
  ADDR_ORDER,
  ADDR_PEER,
  ADDR_PLEN,
  ADDR_PROBING,
  ADDR_RIVAL,
  ADDR_STATE,
  ADDR_USABLE,
  FAMILY_IPV4,
  FAMILY_IPV6,
  IFF_BROADCAST,
  MEDIUM_LOOPBACK,
} from "../abi/netif";
import { hash16 } from "../core/hash";
import { Timer, timerCancel } from "../core/timer";
import { address4, addressCopy, addressEqual, addressIs4, addressV4 } from "../memory/address";
import { arenaTake } from "../memory/arena";
import { netifAt } from "./netif";

/** Not one of ours. */
export const KIND_FOREIGN: u32 = 0;
/** An own address. */
export const KIND_OWN: u32 = 1;
/** All-ones or all-zeros host part of a subnet of ours (RFC 1122 §3.3.6: all four forms are broadcasts). */
export const KIND_BROADCAST: u32 = 2;

@unmanaged
export class IfAddr {
  ip0: u64;
  ip1: u64;
  plen: u32;
  netif: u32;
  family: u32;
  order: u32;
  /** ADDR_USABLE, ADDR_PROBING, ADDR_CONFLICT. */
  state: u32;
  /** Probes, then announcements, sent since it was last taken up. */
  sent: u32;
  timerNext: usize;
  timerPrev: usize;
  timerAt: u64;
  timerKind: u32;
  timerSlot: u32;
  /** A further conflict before this time is not defended against. */
  defendedUntil: u64;
  peer0: u64;
  peer1: u64;
  rival: u64;
  conflicts: u32;
  /** ADDRF_… */
  flags: u16;
  /** Which routes of it stand in the table: ip/interface-route.ts keeps these two. */
  hostRoute: u8;
  networkRoute: u8;
}

/** Hash slot: address 16, kind 4, IfAddr 4. kind 0 = empty. */
const SLOT: u32 = 24;

@unmanaged
class AddressState {
  table: usize;
  capacity: u32;
  slots: usize;
  mask: u32;
  order: u32;
  /** Addresses in state ADDR_PROBING. */
  probing: u32;
  filter: usize;
}

const A: AddressState = changetype<AddressState>(memory.data(offsetof<AddressState>(), 8));
const KEY: usize = memory.data(16, 8);

export function addressLayout(capacity: u32): void {
  let slots: u32 = 8;
  // Three keys an address (itself, two broadcasts), at most three quarters full.
  while (slots < capacity * 4) slots <<= 1;
  A.capacity = capacity;
  A.mask = slots - 1;
  A.table = arenaTake(capacity, ADDR_BYTES);
  A.slots = arenaTake(slots, SLOT);
  A.filter = arenaTake(slots, 4);
}

export function addressCapacity(): u32 {
  return A.capacity;
}

export function ifAddrAt(i: u32): IfAddr {
  return changetype<IfAddr>(A.table + i * ADDR_BYTES);
}

/** Address of record `index` for the host (its family may be 0); -E_NOENT. */
export function addressRecord(index: u32): i32 {
  return index < A.capacity ? <i32>changetype<usize>(ifAddrAt(index)) : -E_NOENT;
}

function slotOf(ip: usize): usize {
  let i = hash16(ip, 0) & A.mask;
  let slot = A.slots + i * SLOT;
  while (load<u32>(slot, 16) != KIND_FOREIGN && !addressEqual(slot, ip)) {
    i = (i + 1) & A.mask;
    slot = A.slots + i * SLOT;
  }
  return slot;
}

/** What the 16-byte address is to this host: KIND_… */
export function addressKind(ip: usize): u32 {
  return load<u32>(slotOf(ip), 16);
}

// The filter: a byte for each hash of a key's last word. Where that of an IPv4 address is 0, it is foreign.

/** Address of the filter, and what addressFilterByte() takes. */
export function addressFilter(): usize {
  return A.filter;
}

export function addressFilterShift(): u64 {
  return <u64>(clz<u32>(A.mask) + 30);
}

/** Offset of the byte of a word, as it lies in memory. */
export function addressFilterByte(word: u32, shift: u64): u32 {
  return <u32>((<u64>word * 0x9e3779b97f4a7c15) >> shift);
}

/** The own address `ip`, in use, or null. */
export function addressFind(ip: usize): IfAddr | null {
  const slot = slotOf(ip);
  return load<u32>(slot, 16) == KIND_OWN ? changetype<IfAddr>(load<u32>(slot, 20)) : null;
}

function enter(ip: usize, kind: u32, a: IfAddr): void {
  const slot = slotOf(ip);
  // An own address stays one, even where another subnet would have its broadcast.
  if (load<u32>(slot, 16) != KIND_FOREIGN) return;
  addressCopy(slot, ip);
  store<u32>(slot, kind, 16);
  store<u32>(slot, changetype<usize>(a), 20);
  store<u8>(A.filter + addressFilterByte(load<u32>(ip, 12), addressFilterShift()), 1);
}

/** The record of address `ip`, in whatever state it is, or null. */
export function addressRecordOf(ip: usize): IfAddr | null {
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (a.family != 0 && addressEqual(changetype<usize>(a), ip)) return a;
  }
  return null;
}

/** Is `ip` being probed on the interface? */
export function addressIsProbed(netif: u32, ip: usize): bool {
  if (A.probing == 0) return false;
  const a = addressRecordOf(ip);
  return a !== null && a.state == ADDR_PROBING && a.netif == netif;
}

export function addressUsable(a: IfAddr): bool {
  return a.family != 0 && a.state == ADDR_USABLE;
}

/** Puts the address in use, or out of it. */
export function addressSetState(a: IfAddr, state: u32): void {
  a.state = state;
  rebuild();
}

function rebuild(): void {
  memory.fill(A.slots, 0, (A.mask + 1) * SLOT);
  memory.fill(A.filter, 0, (A.mask + 1) << 2);
  A.probing = 0;
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (addressUsable(a)) enter(changetype<usize>(a), KIND_OWN, a);
    else if (a.family != 0 && a.state == ADDR_PROBING) A.probing++;
  }
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (!hasBroadcast(a)) continue;
    address4(KEY, broadcastOf(a));
    enter(KEY, KIND_BROADCAST, a);
    address4(KEY, networkOf(a));
    enter(KEY, KIND_BROADCAST, a);
  }
}

/** IPv4 on a broadcast medium, with a host part of two bits or more (RFC 3021: /31 has none). */
function hasBroadcast(a: IfAddr): bool {
  return (
    a.family == FAMILY_IPV4 && a.state == ADDR_USABLE && a.plen < 31 && (netifAt(a.netif).flags & IFF_BROADCAST) != 0
  );
}

/** Mask of an IPv4 prefix length. */
export function maskOf(plen: u32): u32 {
  return plen == 0 ? 0 : 0xffffffff << (32 - plen);
}

export function networkOf(a: IfAddr): u32 {
  return addressV4(changetype<usize>(a)) & maskOf(a.plen);
}

function broadcastOf(a: IfAddr): u32 {
  return addressV4(changetype<usize>(a)) | ~maskOf(a.plen);
}

/** Enters the address in `state`; the record, or -E_EXIST if this host has it already, -E_NOSPC. Routes are not made
 * here. */
export function addressInsert(netif: u32, ip: usize, plen: u32, flags: u32, state: u32): i32 {
  if (addressRecordOf(ip) !== null) return -E_EXIST;
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (a.family != 0) continue;
    addressCopy(changetype<usize>(a), ip);
    a.plen = plen;
    a.netif = netif;
    a.family = addressIs4(ip) ? FAMILY_IPV4 : FAMILY_IPV6;
    a.order = A.order++;
    a.flags = <u16>flags;
    addressSetState(a, state);
    return <i32>changetype<usize>(a);
  }
  return -E_NOSPC;
}

export function addressRemove(a: IfAddr): void {
  timerCancel(addressTimer(a));
  memory.fill(changetype<usize>(a), 0, ADDR_BYTES);
  rebuild();
}

export function addressTimer(a: IfAddr): Timer {
  return changetype<Timer>(changetype<usize>(a) + offsetof<IfAddr>("timerNext"));
}

/** The address that a timer of kind TIMER_ADDRESS belongs to. */
export function addressOfTimer(t: Timer): IfAddr {
  return changetype<IfAddr>(changetype<usize>(t) - offsetof<IfAddr>("timerNext"));
}

/** Do both IPv4 addresses stand in the subnet of one address of the interface, in use? */
export function addressSubnetHolds(netif: u32, a: u32, b: u32): bool {
  for (let i: u32 = 0; i < A.capacity; i++) {
    const own = ifAddrAt(i);
    if (own.family != FAMILY_IPV4 || own.netif != netif || own.state != ADDR_USABLE) continue;
    const mask = maskOf(own.plen);
    const network = addressV4(changetype<usize>(own)) & mask;
    if ((a & mask) == network && (b & mask) == network) return true;
  }
  return false;
}

/** Is it a broadcast address of a subnet of this very interface? */
export function addressBroadcastHere(netif: u32, v4: u32): bool {
  for (let i: u32 = 0; i < A.capacity; i++) {
    const own = ifAddrAt(i);
    if (own.netif != netif || !hasBroadcast(own)) continue;
    if (v4 == broadcastOf(own) || v4 == networkOf(own)) return true;
  }
  return false;
}

/** The interface's IPv4 address with which to speak to `peer` (host order; 0 = nobody in particular): the first
 * whose subnet holds the peer or whose far end it is, else its primary, else 0. */
export function addressFor(netif: u32, peer: u32): u32 {
  let primary: u32 = 0;
  let primaryOrder: u32 = 0xffffffff;
  let match: u32 = 0;
  let matchOrder: u32 = 0xffffffff;
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (a.family != FAMILY_IPV4 || a.netif != netif || a.state != ADDR_USABLE) continue;
    const ip = addressV4(changetype<usize>(a));
    if (a.order < primaryOrder) {
      primary = ip;
      primaryOrder = a.order;
    }
    if ((((ip ^ peer) & maskOf(a.plen)) == 0 || isFarEnd(a, peer)) && a.order < matchOrder) {
      match = ip;
      matchOrder = a.order;
    }
  }
  return match != 0 ? match : primary;
}

function isFarEnd(a: IfAddr, peer: u32): bool {
  return peer != 0 && addressV4(changetype<usize>(a) + ADDR_PEER) == peer;
}

/** The interface's address towards `peer`; an interface without any borrows another's (unnumbered). */
export function sourceFor(netif: u32, peer: u32): u32 {
  const own = addressFor(netif, peer);
  if (own != 0) return own;
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (a.family != FAMILY_IPV4 || a.state != ADDR_USABLE) continue;
    if (netifAt(a.netif).medium != MEDIUM_LOOPBACK) return addressV4(changetype<usize>(a));
  }
  return 0;
}

if (offsetof<IfAddr>("plen") != ADDR_PLEN) ERROR("IfAddr.plen");
if (offsetof<IfAddr>("netif") != ADDR_NETIF) ERROR("IfAddr.netif");
if (offsetof<IfAddr>("family") != ADDR_FAMILY) ERROR("IfAddr.family");
if (offsetof<IfAddr>("order") != ADDR_ORDER) ERROR("IfAddr.order");
if (offsetof<IfAddr>("state") != ADDR_STATE) ERROR("IfAddr.state");
if (offsetof<IfAddr>("peer0") != ADDR_PEER) ERROR("IfAddr.peer");
if (offsetof<IfAddr>("rival") != ADDR_RIVAL) ERROR("IfAddr.rival");
if (offsetof<IfAddr>("conflicts") != ADDR_CONFLICTS) ERROR("IfAddr.conflicts");
if (offsetof<IfAddr>("timerAt") != offsetof<IfAddr>("timerNext") + offsetof<Timer>("at")) ERROR("IfAddr.timer");
if (offsetof<IfAddr>() != ADDR_BYTES) ERROR("IfAddr");
