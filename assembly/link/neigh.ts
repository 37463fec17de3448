// Neighbour cache: next hop on a link -> hardware address, for both families. States and their timers are those of
// RFC 4861 §7.3 as Linux applies them to ARP; RFC 1122 §2.3.2: entries age out, one request a second and no more
// per destination, packets for an unresolved one are held back (the oldest give way), and "unresolved" by itself is
// never "unreachable": only probes without answer are.

import { CTR_NEIGH_FAILED, CTR_NEIGH_RESOLVED } from "../abi/counter";
import { DROP_NEIGH_FLUSHED, DROP_NEIGH_QUEUE_FULL, DROP_NEIGH_TABLE_FULL } from "../abi/drop";
import { E_INVAL, E_NOBUFS, E_NODEV, E_NOENT, E_NOSPC, E_OPNOTSUPP } from "../abi/errno";
import {
  IFF_UP,
  MEDIUM_ETHERNET,
  NEIGH_BYTES,
  NEIGH_DELAY,
  NEIGH_ETHER,
  NEIGH_FAILED,
  NEIGH_INCOMPLETE,
  NEIGH_NETIF,
  NEIGH_NONE,
  NEIGH_PERMANENT,
  NEIGH_PROBE,
  NEIGH_REACHABLE,
  NEIGH_STALE,
  NEIGH_STATE,
  NETIF_MAC,
} from "../abi/netif";
import { OWNER_NEIGH } from "../abi/pbuf";
import { ETHER_HDR_LEN, ETHERTYPE_IPV4 } from "../abi/proto";
import {
  SW_NEIGH_DELAY_MS,
  SW_NEIGH_PROBES,
  SW_NEIGH_QUEUE,
  SW_NEIGH_REACHABLE_MS,
  SW_NEIGH_RETRANS_MS,
  SW_NEIGH_STALE_MS,
} from "../abi/switch";
import { TIMER_NEIGH } from "../abi/timer";
import { now } from "../core/clock";
import { count, drop } from "../core/counter";
import { hash16 } from "../core/hash";
import { switchUs, switchValue } from "../core/switch";
import { Timer, timerArm, timerCancel } from "../core/timer";
import { addressCopy, addressEqual, addressIsAny, addressV4 } from "../memory/address";
import { arenaTake } from "../memory/arena";
import { Pbuf, pbufGive, pbufTake } from "../memory/pbuf";
import { routeInvalidate } from "../route/table";
import { etherCopy, etherEmit, macEqual } from "../wire/ether";
import { addressKind, KIND_BROADCAST } from "./address";
import { arpRequest } from "./arp-output";
import { Netif, netifAt, netifByIndex, netifTransmit } from "./netif";

@unmanaged
export class Neigh {
  ip0: u64;
  ip1: u64;
  hashNext: Neigh | null;
  netif: u32;
  /** 14 bytes of Ethernet header to it (8 + 6), then state and probes. */
  ether: u64;
  ether8: u32;
  ether12: u16;
  state: u8;
  probes: u8;
  queueHead: Pbuf | null;
  queueTail: Pbuf | null;
  queueLen: u32;
  /** A number of its own, anew each time it becomes READY; 0 while it is not. */
  lease: u32;
  timerNext: usize;
  timerPrev: usize;
  timerAt: u64;
  timerKind: u32;
  timerSlot: u32;
  /** Last time a packet went to it. */
  used: u64;
}

@unmanaged
class NeighState {
  table: usize;
  capacity: u32;
  buckets: usize;
  mask: u32;
  /** Where the search for an entry to reuse begins. */
  hand: u32;
  /** Entries that are NEIGH_FAILED. */
  failed: u32;
  /** Last lease given. */
  leases: u32;
}

const N: NeighState = changetype<NeighState>(memory.data(offsetof<NeighState>(), 8));

export function neighLayout(capacity: u32): void {
  let buckets: u32 = 4;
  while (buckets < capacity) buckets <<= 1;
  N.capacity = capacity;
  N.mask = buckets - 1;
  N.table = arenaTake(capacity, NEIGH_BYTES);
  N.buckets = arenaTake(buckets, 4);
}

function neighAt(i: u32): Neigh {
  return changetype<Neigh>(N.table + i * NEIGH_BYTES);
}

function timerOf(n: Neigh): Timer {
  return changetype<Timer>(changetype<usize>(n) + offsetof<Neigh>("timerNext"));
}

/** The neighbour that a timer of kind TIMER_NEIGH belongs to. */
export function neighOfTimer(t: Timer): Neigh {
  return changetype<Neigh>(changetype<usize>(t) - offsetof<Neigh>("timerNext"));
}

function bucketOf(netif: u32, ip: usize): usize {
  return N.buckets + (hash16(ip, netif) & N.mask) * 4;
}

export function neighFind(netif: u32, ip: usize): Neigh | null {
  let n = changetype<Neigh | null>(load<usize>(bucketOf(netif, ip)));
  while (n !== null) {
    if (addressEqual(changetype<usize>(n), ip) && n.netif == netif) return n;
    n = n.hashNext;
  }
  return null;
}

/** Are there neighbours that do not answer? */
export function neighAnyFailed(): bool {
  return N.failed != 0;
}

/** Has `ip` lately not answered on this interface (RFC 1122 §3.3.1.4: what the link layer says of a gateway)? */
export function neighIsFailed(netif: u32, ip: usize): bool {
  const n = neighFind(netif, ip);
  return n !== null && n.state == NEIGH_FAILED;
}

/** States in which packets leave at once and nothing else is to be done. */
const READY: u32 = (1 << NEIGH_REACHABLE) | (1 << NEIGH_DELAY) | (1 << NEIGH_PROBE) | (1 << NEIGH_PERMANENT);

/** The one place where a state changes: paths by a gateway that fails, or may be tried again, are to be found anew. */
function become(n: Neigh, state: u32): void {
  const failed = n.state == NEIGH_FAILED;
  n.state = <u8>state;
  if (((READY >>> state) & 1) == 0) n.lease = 0;
  else if (n.lease == 0) n.lease = newLease();
  if (failed == (state == NEIGH_FAILED)) return;
  if (failed) N.failed--;
  else N.failed++;
  routeInvalidate();
}

/** Never 0; should they run out, old ones must have been forgotten by then. */
function newLease(): u32 {
  N.leases = max<u32>(1, N.leases + 1);
  return N.leases;
}

function unhash(n: Neigh): void {
  const bucket = bucketOf(n.netif, changetype<usize>(n));
  let at = bucket;
  while (load<usize>(at) != changetype<usize>(n)) at = load<usize>(at) + offsetof<Neigh>("hashNext");
  store<usize>(at, changetype<usize>(n.hashNext));
}

/** An entry for (netif, ip): a free one, or the one least in need among some (not permanent, holding no packets). */
function create(netif: u32, ip: usize): Neigh | null {
  let victim: Neigh | null = null;
  for (let i: u32 = 0; i < N.capacity; i++) {
    const n = neighAt((N.hand + i) % N.capacity);
    if (n.state == NEIGH_NONE) {
      victim = n;
      break;
    }
    if (n.state == NEIGH_PERMANENT || n.queueLen != 0) continue;
    if (victim === null || n.used < victim.used) victim = n;
    // Enough have been looked at: a full scan for each newcomer would be a gift to a flood.
    if (i >= 64) break;
  }
  if (victim === null) return null;
  if (victim.state != NEIGH_NONE) remove(victim);
  N.hand = (<u32>(changetype<usize>(victim) - N.table) / NEIGH_BYTES + 1) % N.capacity;
  addressCopy(changetype<usize>(victim), ip);
  victim.netif = netif;
  become(victim, NEIGH_INCOMPLETE);
  victim.used = now();
  const bucket = bucketOf(netif, ip);
  victim.hashNext = changetype<Neigh | null>(load<usize>(bucket));
  store<usize>(bucket, changetype<usize>(victim));
  return victim;
}

function remove(n: Neigh): void {
  timerCancel(timerOf(n));
  for (let pb = neighDequeue(n); pb !== null; pb = neighDequeue(n)) drop(pb, DROP_NEIGH_FLUSHED);
  unhash(n);
  become(n, NEIGH_NONE);
}

function enter(n: Neigh, state: u32, waitUs: u64): void {
  become(n, state);
  const t = timerOf(n);
  t.kind = TIMER_NEIGH;
  timerArm(t, now() + waitUs);
}

function solicit(n: Neigh): void {
  n.probes++;
  const mac = n.state == NEIGH_PROBE ? changetype<usize>(n) + NEIGH_ETHER : 0;
  arpRequest(netifAt(n.netif), addressV4(changetype<usize>(n)), mac);
}

/** Sends the IP datagram to `nextHop` on the Ethernet interface: 0 also while it waits for an answer; -errno with
 * the buffer dropped and counted. */
export function neighOutput(nif: Netif, nextHop: usize, pb: Pbuf): i32 {
  // Refused, and counted: on an interface that is down no neighbour is asked for and nothing waits.
  if ((nif.flags & IFF_UP) == 0) return netifTransmit(nif, pb);
  let n = neighFind(nif.index, nextHop);
  if (n === null) {
    n = create(nif.index, nextHop);
    if (n === null) {
      drop(pb, DROP_NEIGH_TABLE_FULL);
      return -E_NOBUFS;
    }
    resolve(n);
  } else if (n.state == NEIGH_FAILED) {
    resolve(n);
  }
  n.used = now();
  if (n.state == NEIGH_INCOMPLETE) return enqueue(n, pb);
  if (n.state == NEIGH_STALE) {
    n.probes = 0;
    enter(n, NEIGH_DELAY, switchUs(SW_NEIGH_DELAY_MS));
  }
  return transmit(n, nif, pb);
}

function resolve(n: Neigh): void {
  n.probes = 0;
  enter(n, NEIGH_INCOMPLETE, switchUs(SW_NEIGH_RETRANS_MS));
  solicit(n);
}

function transmit(n: Neigh, nif: Netif, pb: Pbuf): i32 {
  pb.head -= ETHER_HDR_LEN;
  etherCopy(pb.head, changetype<usize>(n) + NEIGH_ETHER);
  pb.len += ETHER_HDR_LEN;
  return netifTransmit(nif, pb);
}

function enqueue(n: Neigh, pb: Pbuf): i32 {
  if (n.queueLen >= switchValue(SW_NEIGH_QUEUE)) dropOldest(n);
  if (!pbufGive(pb, OWNER_NEIGH)) {
    dropOldest(n);
    if (!pbufGive(pb, OWNER_NEIGH)) {
      drop(pb, DROP_NEIGH_QUEUE_FULL);
      return -E_NOBUFS;
    }
  }
  const tail = n.queueTail;
  if (tail === null) n.queueHead = pb;
  else tail.next = pb;
  n.queueTail = pb;
  n.queueLen++;
  return 0;
}

function dropOldest(n: Neigh): void {
  const oldest = neighDequeue(n);
  if (oldest !== null) drop(oldest, DROP_NEIGH_QUEUE_FULL);
}

/** The packet that waits longest, now the stack's own; null if none does. */
export function neighDequeue(n: Neigh): Pbuf | null {
  const pb = n.queueHead;
  if (pb === null) return null;
  assert(pb.owner == OWNER_NEIGH);
  n.queueHead = pb.next;
  if (n.queueHead === null) n.queueTail = null;
  n.queueLen--;
  pb.next = null;
  pbufTake(pb);
  return pb;
}

function setHardware(n: Neigh, nif: Netif, mac: usize): void {
  etherEmit(changetype<usize>(n) + NEIGH_ETHER, mac, changetype<usize>(nif) + NETIF_MAC, ETHERTYPE_IPV4);
}

/** A transport hears nothing from beyond `ip`: it is to be asked whether it is there, when next it is used (RFC 1122
 * §3.3.1.4). */
export function neighDoubt(netif: u32, ip: usize): void {
  const n = neighFind(netif, ip);
  if (n !== null && n.state == NEIGH_REACHABLE) enter(n, NEIGH_STALE, switchUs(SW_NEIGH_STALE_MS));
}

/** Notes that `ip` answers at `mac` (RFC 826's merge). `create` also makes a new entry; `confirmed` says that it
 * answered us, not only spoke. True if an entry was there before. */
export function neighLearn(nif: Netif, ip: usize, mac: usize, mayCreate: bool, confirmed: bool): bool {
  let n = neighFind(nif.index, ip);
  const known = n !== null;
  if (n === null) {
    n = mayCreate ? create(nif.index, ip) : null;
    if (n === null) return false;
  }
  if (n.state == NEIGH_PERMANENT) return true;
  const waiting = n.state == NEIGH_INCOMPLETE || n.state == NEIGH_FAILED;
  const moved = waiting || !macEqual(changetype<usize>(n) + NEIGH_ETHER, mac);
  if (!confirmed && !moved) return known;
  setHardware(n, nif, mac);
  n.probes = 0;
  if (confirmed || n.queueLen != 0) {
    enter(n, NEIGH_REACHABLE, switchUs(SW_NEIGH_REACHABLE_MS));
  } else {
    enter(n, NEIGH_STALE, switchUs(SW_NEIGH_STALE_MS));
  }
  if (waiting) count(CTR_NEIGH_RESOLVED);
  for (let pb = neighDequeue(n); pb !== null; pb = neighDequeue(n)) transmit(n, nif, pb);
  return known;
}

/** A timer of this neighbour has expired. True if resolution failed: the packets still in its queue go to the
 * caller, who tells their senders. */
export function neighTimer(n: Neigh): bool {
  switch (<u32>n.state) {
    case NEIGH_INCOMPLETE:
    case NEIGH_PROBE:
      if (n.probes >= switchValue(SW_NEIGH_PROBES)) {
        count(CTR_NEIGH_FAILED);
        enter(n, NEIGH_FAILED, switchUs(SW_NEIGH_STALE_MS));
        return true;
      }
      enter(n, n.state, switchUs(SW_NEIGH_RETRANS_MS));
      solicit(n);
      return false;
    case NEIGH_REACHABLE:
      enter(n, NEIGH_STALE, switchUs(SW_NEIGH_STALE_MS));
      return false;
    case NEIGH_DELAY:
      enter(n, NEIGH_PROBE, switchUs(SW_NEIGH_RETRANS_MS));
      solicit(n);
      return false;
    default:
      return expireUnused(n);
  }
}

/** Stale or failed: gone if nobody used it lately (RFC 1122 §2.3.2.1, "flush out-of-date cache entries"). */
function expireUnused(n: Neigh): bool {
  const until = n.used + switchUs(SW_NEIGH_STALE_MS);
  if (n.state == NEIGH_STALE && until > now()) enter(n, NEIGH_STALE, until - now());
  else remove(n);
  return false;
}

/** Enters a permanent neighbour, in place of what was learned: 0; -E_NODEV, -E_OPNOTSUPP where the medium has no
 * hardware addresses, -E_INVAL for a group's address of either kind, -E_NOSPC. */
export function neighAdd(ifindex: u32, ip: usize, mac: usize): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  if (nif.medium != MEDIUM_ETHERNET) return -E_OPNOTSUPP;
  if ((load<u8>(mac) & 1) != 0 || addressIsAny(ip)) return -E_INVAL;
  if (addressKind(ip) == KIND_BROADCAST || addressV4(ip) >= 0xe0000000) return -E_INVAL;
  const found = neighFind(nif.index, ip);
  const n = found !== null ? found : create(nif.index, ip);
  if (n === null) return -E_NOSPC;
  setHardware(n, nif, mac);
  timerCancel(timerOf(n));
  become(n, NEIGH_PERMANENT);
  for (let pb = neighDequeue(n); pb !== null; pb = neighDequeue(n)) transmit(n, nif, pb);
  return 0;
}

/** Forgets the neighbour; -E_NODEV, -E_NOENT. */
export function neighDelete(ifindex: u32, ip: usize): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  const n = neighFind(nif.index, ip);
  if (n === null) return -E_NOENT;
  remove(n);
  return 0;
}

/** Address of record `index` for the host (its state may be NEIGH_NONE); -E_NOENT. */
export function neighRecord(index: u32): i32 {
  return index < N.capacity ? <i32>changetype<usize>(neighAt(index)) : -E_NOENT;
}

/** Forgets all that was learned on an interface. */
export function neighFlush(netif: u32): void {
  for (let i: u32 = 0; i < N.capacity; i++) {
    const n = neighAt(i);
    if (n.state != NEIGH_NONE && n.state != NEIGH_PERMANENT && n.netif == netif) remove(n);
  }
}

if (offsetof<Neigh>("netif") != NEIGH_NETIF) ERROR("Neigh.netif");
if (offsetof<Neigh>("ether") != NEIGH_ETHER) ERROR("Neigh.ether");
if (offsetof<Neigh>("state") != NEIGH_STATE) ERROR("Neigh.state");
if (offsetof<Neigh>("timerAt") != offsetof<Neigh>("timerNext") + offsetof<Timer>("at")) ERROR("Neigh.timer");
if (offsetof<Neigh>() > <usize>NEIGH_BYTES) ERROR("Neigh");
