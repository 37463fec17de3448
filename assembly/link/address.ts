// The addresses of this host: one list over all interfaces (weak host model, RFC 1122 §3.3.4.2), and a hash table
// which says what kind of address something is to us. Input asks here, output asks the routing table.

import { E_ADDRNOTAVAIL, E_EXIST, E_NOENT, E_NOSPC } from "../abi/errno";
import {
  ADDR_BYTES,
  ADDR_FAMILY,
  ADDR_NETIF,
  ADDR_ORDER,
  ADDR_PLEN,
  ADDR_STATE,
  FAMILY_IPV4,
  FAMILY_IPV6,
  IFF_BROADCAST,
  MEDIUM_LOOPBACK,
} from "../abi/netif";
import { hash16 } from "../core/hash";
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
  probes: u32;
  timerNext: usize;
  timerPrev: usize;
  timerAt: u64;
  timerKind: u32;
  timerSlot: u32;
  /** When a conflict was last defended against. */
  defended: u64;
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

/** The own address `ip`, or null. */
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
}

function rebuild(): void {
  memory.fill(A.slots, 0, (A.mask + 1) * SLOT);
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (a.family != 0) enter(changetype<usize>(a), KIND_OWN, a);
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
  return a.family == FAMILY_IPV4 && a.plen < 31 && (netifAt(a.netif).flags & IFF_BROADCAST) != 0;
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

/** Is this host a member of the IPv4 group? Of all-hosts always (RFC 1112 §7.2). */
export function groupIsJoined(group: u32): bool {
  return group == 0xe0000001;
}

/** Enters the address; the record, or -E_EXIST if this host has it already, -E_NOSPC. Routes are not made here. */
export function addressInsert(netif: u32, ip: usize, plen: u32): i32 {
  if (addressKind(ip) == KIND_OWN) return -E_EXIST;
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (a.family != 0) continue;
    addressCopy(changetype<usize>(a), ip);
    a.plen = plen;
    a.netif = netif;
    a.family = addressIs4(ip) ? FAMILY_IPV4 : FAMILY_IPV6;
    a.order = A.order++;
    rebuild();
    return <i32>changetype<usize>(a);
  }
  return -E_NOSPC;
}

export function addressRemove(a: IfAddr): i32 {
  if (a.family == 0) return -E_ADDRNOTAVAIL;
  a.family = 0;
  rebuild();
  return 0;
}

/** The interface's IPv4 address with which to speak to `peer` (host order; 0 = nobody in particular): the first
 * whose subnet holds the peer, else its primary, else 0. */
export function addressFor(netif: u32, peer: u32): u32 {
  let primary: u32 = 0;
  let primaryOrder: u32 = 0xffffffff;
  let match: u32 = 0;
  let matchOrder: u32 = 0xffffffff;
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (a.family != FAMILY_IPV4 || a.netif != netif) continue;
    const ip = addressV4(changetype<usize>(a));
    if (a.order < primaryOrder) {
      primary = ip;
      primaryOrder = a.order;
    }
    if (((ip ^ peer) & maskOf(a.plen)) == 0 && a.order < matchOrder) {
      match = ip;
      matchOrder = a.order;
    }
  }
  return match != 0 ? match : primary;
}

/** The interface's address towards `peer`; an interface without any borrows another's (unnumbered). */
export function sourceFor(netif: u32, peer: u32): u32 {
  const own = addressFor(netif, peer);
  if (own != 0) return own;
  for (let i: u32 = 0; i < A.capacity; i++) {
    const a = ifAddrAt(i);
    if (a.family != 0 && netifAt(a.netif).medium != MEDIUM_LOOPBACK) return addressV4(changetype<usize>(a));
  }
  return 0;
}

if (offsetof<IfAddr>("plen") != ADDR_PLEN) ERROR("IfAddr.plen");
if (offsetof<IfAddr>("netif") != ADDR_NETIF) ERROR("IfAddr.netif");
if (offsetof<IfAddr>("family") != ADDR_FAMILY) ERROR("IfAddr.family");
if (offsetof<IfAddr>("order") != ADDR_ORDER) ERROR("IfAddr.order");
if (offsetof<IfAddr>("state") != ADDR_STATE) ERROR("IfAddr.state");
if (offsetof<IfAddr>() != ADDR_BYTES) ERROR("IfAddr");
