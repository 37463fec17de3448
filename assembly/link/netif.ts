// Network interfaces: the table, the two rings of each, and what crosses them. Interface 0 is loopback, whose RX
// ring is in hand-over mode (abi/ring.ts).

import {
  DROP_LO_NOT_HANDED_OVER,
  DROP_OUT_IF_DOWN,
  DROP_OUT_NO_BUFFER,
  DROP_OUT_NO_CARRIER,
  DROP_OUT_RING_FULL,
  DROP_RX_BAD_DESCRIPTOR,
  DROP_RX_TOO_LONG,
} from "../abi/drop";
import { E_INVAL, E_NETDOWN, E_NOBUFS, E_NODEV, E_NOSPC } from "../abi/errno";
import { EVENT_CHANGED } from "../abi/event";
import {
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_POINTOPOINT,
  IFF_RUNNING,
  IFF_UP,
  MEDIA,
  MEDIUM_ETHERNET,
  MEDIUM_LOOPBACK,
  NETIF_BYTES,
  NETIF_MAC,
  NETIF_MASK,
  NETIF_RX_MULTICAST,
  NETIF_RX_PACKETS,
  NETIF_RX_TAKEN,
  NETIF_SWITCHES,
} from "../abi/netif";
import {
  OWNER_FREE,
  OWNER_RX,
  OWNER_TX,
  PBUF_HEADROOM,
  PBUF_RX_HEADROOM,
  PBUF_SMALL,
  PBUF_SMALL_BYTES,
} from "../abi/pbuf";
import { ETHER_HDR_LEN, IPV4_MIN_MTU, VLAN_TAG_LEN } from "../abi/proto";
import { count, drop, dropWatch } from "../core/counter";
import { eventNetif } from "../core/event";
import { arenaTake } from "../memory/arena";
import {
  PB_LINK_GROUP,
  PB_LOOPED,
  Pbuf,
  pbufAt,
  pbufFree,
  pbufFreeList,
  pbufGive,
  pbufHeld,
  pbufLargestLen,
  pbufLimit,
  pbufQuotaLeft,
  pbufSetFreeList,
  pbufSettle,
  pbufTake,
  pbufTakeFree,
} from "../memory/pbuf";
import {
  descLen,
  descPbuf,
  descWrite,
  ringAdvance,
  ringBytes,
  ringDesc,
  ringHeld,
  ringHold,
  ringHost,
  ringShadow,
  ringStack,
} from "../memory/ring";
import { routeInvalidate } from "../route/table";
import { etherPad } from "../wire/ether";

@unmanaged
export class Netif {
  index: u32;
  medium: u32;
  flags: u32;
  mtu: u32;
  mac: u64;
  name0: u64;
  name1: u64;
  rx: usize;
  tx: usize;
  mask: u32;
  /** RX slots taken from the ring so far; TX slots whose buffer is no longer held. */
  rxRead: u32;
  txDone: u32;
  /** Longest datagram that its driver carries. */
  linkMtu: u32;
  rxPackets: u64;
  txPackets: u64;
  rxBytes: u64;
  txBytes: u64;
  rxErrors: u64;
  txErrors: u64;
  rxDropped: u64;
  txDropped: u64;
  rxOverruns: u64;
  rxFrame: u64;
  txCarrier: u64;
  rxMulticast: u64;
  /** IFSW_…, u8 each. */
  switches0: u64;
  switches8: u64;
}

@unmanaged
class NetifState {
  table: usize;
  rings: usize;
  capacity: u32;
  count: u32;
  slots: u32;
  /** RX slots that one interface may have posted: an even share of the RX quota. */
  posted: u32;
}

const N: NetifState = changetype<NetifState>(memory.data(offsetof<NetifState>(), 8));

export function netifLayout(interfaces: u32, slots: u32): void {
  N.capacity = interfaces;
  N.slots = slots;
  N.table = arenaTake(interfaces, NETIF_BYTES);
  N.rings = arenaTake(interfaces * 2, ringBytes(slots));
}

export function netifInit(): void {
  N.count = 0;
  N.posted = min<u32>(N.slots, pbufLimit(PBUF_SMALL, OWNER_RX) / max<u32>(1, N.capacity - 1));
}

export function netifCount(): u32 {
  return N.count;
}

/** The record of interface number `index`, which must be below netifCount(). */
export function netifAt(index: u32): Netif {
  return changetype<Netif>(N.table + index * NETIF_BYTES);
}

/** The record of an ifindex (1 = lo), or null. */
export function netifByIndex(ifindex: u32): Netif | null {
  return ifindex - 1 < N.count ? netifAt(ifindex - 1) : null;
}

/** Largest MTU that an interface of this medium can have here. */
function mtuLimit(medium: u32): u32 {
  return medium == MEDIUM_LOOPBACK ? pbufLargestLen() : PBUF_SMALL_BYTES - PBUF_HEADROOM;
}

/** Adds an interface, down and without carrier (loopback: up and running). `mac` and `name` point to 6 and 16
 * bytes. The ifindex, or -E_INVAL, -E_NOSPC. */
export function netifAdd(medium: u32, mtu: u32, mac: usize, name: usize): i32 {
  if (N.count == N.capacity) return -E_NOSPC;
  if (medium >= <u32>MEDIA || mtu < <u32>IPV4_MIN_MTU || mtu > mtuLimit(medium)) return -E_INVAL;
  if (medium == MEDIUM_ETHERNET && ((load<u8>(mac) & 1) != 0 || (load<u32>(mac) == 0 && load<u16>(mac, 4) == 0))) {
    return -E_INVAL;
  }
  const index = N.count++;
  const nif = netifAt(index);
  nif.index = index;
  nif.medium = medium;
  nif.mtu = mtu;
  nif.linkMtu = mtu;
  nif.mac = medium == MEDIUM_ETHERNET ? ((<u64>load<u16>(mac, 4)) << 32) | load<u32>(mac) : 0;
  nif.name0 = load<u64>(name);
  nif.name1 = load<u64>(name, 8);
  nif.rx = N.rings + index * 2 * ringBytes(N.slots);
  nif.tx = nif.rx + ringBytes(N.slots);
  nif.mask = N.slots - 1;
  if (medium == MEDIUM_LOOPBACK) nif.flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  else if (medium == MEDIUM_ETHERNET) nif.flags = IFF_BROADCAST | IFF_MULTICAST;
  else nif.flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
  netifOffer(nif);
  return <i32>index + 1;
}

/** Sets the MTU, at most what the link takes (RFC 1812 §3.3.4): 0, -E_NODEV, -E_INVAL. */
export function netifSetMtu(ifindex: u32, mtu: u32): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  if (mtu < <u32>IPV4_MIN_MTU || mtu > nif.linkMtu) return -E_INVAL;
  nif.mtu = mtu;
  // Paths hold it.
  routeInvalidate();
  if (nif.medium != MEDIUM_LOOPBACK) describePosted(nif);
  eventNetif(nif.index, EVENT_CHANGED);
  return 0;
}

/** Sets or clears IFF_UP or IFF_RUNNING; true if that changed anything. Loopback is always up. */
export function netifSetFlag(nif: Netif, flag: u32, on: bool): bool {
  const flags = on ? nif.flags | flag : nif.flags & ~flag;
  if (flags == nif.flags || nif.medium == MEDIUM_LOOPBACK) return false;
  nif.flags = flags;
  eventNetif(nif.index, EVENT_CHANGED);
  return true;
}

/** Up, and with carrier. */
export function netifUsable(nif: Netif): bool {
  return (nif.flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

/** Keeps RX slots on offer: empty ones on loopback, a buffer in each elsewhere. */
export function netifOffer(nif: Netif): void {
  const ring = nif.rx;
  let cursor = ringStack(ring);
  if (nif.medium == MEDIUM_LOOPBACK) {
    ringAdvance(ring, nif.rxRead + nif.mask + 1);
    return;
  }
  const posted = cursor - nif.rxRead;
  if (posted >= N.posted) return;
  const wanted = min<u32>(N.posted - posted, pbufHeld(PBUF_SMALL, OWNER_FREE));
  const mask = nif.mask;
  const room = netifRxRoom(nif);
  let free = pbufFreeList();
  for (let end = cursor + wanted; cursor != end; cursor++) {
    const pb = pbufTakeFree(free);
    free = pb.next;
    pb.owner = <u8>OWNER_RX;
    const head = pb.data + PBUF_RX_HEADROOM;
    pb.head = head;
    ringHold(ring, mask, cursor, changetype<usize>(pb));
    descWrite(ringDesc(ring, mask, cursor), head, room, pb.index);
  }
  pbufSetFreeList(free);
  pbufSettle(OWNER_FREE, OWNER_RX, wanted);
  ringAdvance(ring, cursor);
}

/** Writes the room of the slots that are on offer and not yet filled anew. */
function describePosted(nif: Netif): void {
  for (let cursor = nif.rxRead + netifRxWaiting(nif); cursor != ringStack(nif.rx); cursor++) {
    const pb = changetype<Pbuf>(ringHeld(nif.rx, nif.mask, cursor));
    descWrite(ringDesc(nif.rx, nif.mask, cursor), pb.head, netifRxRoom(nif), pb.index);
  }
}

/** Longest frame an interface takes: its MTU and the link header, with a tag. */
export function netifRxRoom(nif: Netif): u32 {
  return nif.medium == MEDIUM_ETHERNET ? nif.mtu + ETHER_HDR_LEN + VLAN_TAG_LEN : nif.mtu;
}

/** Frames that the driver has filled and the stack has not taken; a cursor beyond what was offered is no frame. */
export function netifRxWaiting(nif: Netif): u32 {
  const waiting = ringHost(nif.rx) - nif.rxRead;
  return waiting <= ringStack(nif.rx) - nif.rxRead ? waiting : 0;
}

/** Takes the next received frame, now the stack's own; null if it was unusable (dropped and counted). */
export function netifReceive(nif: Netif): Pbuf | null {
  const cursor = nif.rxRead++;
  const desc = ringDesc(nif.rx, nif.mask, cursor);
  const pb = nif.medium == MEDIUM_LOOPBACK ? handedOver(nif, desc) : posted(nif, desc, cursor);
  if (pb === null) {
    nif.rxErrors++;
    return null;
  }
  dropWatch(pb, desc);
  nif.rxPackets++;
  nif.rxBytes += pb.len;
  return pb;
}

function posted(nif: Netif, desc: usize, cursor: u32): Pbuf | null {
  const pb = changetype<Pbuf>(ringHeld(nif.rx, nif.mask, cursor));
  const len = descLen(desc);
  assert(pb.owner == OWNER_RX);
  if (descPbuf(desc) != pb.index || len == 0) {
    drop(pb, DROP_RX_BAD_DESCRIPTOR);
    return null;
  }
  if (len > netifRxRoom(nif)) {
    drop(pb, DROP_RX_TOO_LONG);
    return null;
  }
  pbufTake(pb);
  pb.len = len;
  pb.next = null;
  pb.flags = 0;
  pb.netif = nif.index;
  return pb;
}

/** The descriptor must name a buffer that still stands in loopback's TX ring, with the length it had there. */
function handedOver(nif: Netif, desc: usize): Pbuf | null {
  const pb = pbufAt(descPbuf(desc));
  if (pb === null || ringHeld(nif.tx, nif.mask, pb.slot) != changetype<usize>(pb) || pb.len != descLen(desc)) {
    count(DROP_RX_BAD_DESCRIPTOR);
    return null;
  }
  assert(pb.owner == OWNER_TX);
  // The slot is empty from here on, wherever the buffer goes next.
  ringHold(nif.tx, nif.mask, pb.slot, 0);
  pbufTake(pb);
  // As from a wire: only how it was sent comes along, no privilege of its sender.
  pb.flags &= PB_LOOPED | PB_LINK_GROUP;
  return pb;
}

/** Counts host cursors beyond what there is to fill or to send: such a ring stands still until they are right. */
export function netifCheckCursors(nif: Netif): void {
  if (ringHost(nif.rx) - nif.rxRead > ringStack(nif.rx) - nif.rxRead) nif.rxErrors++;
  if (ringHost(nif.tx) - nif.txDone > ringStack(nif.tx) - nif.txDone) nif.txErrors++;
}

/** Takes back the TX slots that the driver has completed. */
export function netifReclaim(nif: Netif): void {
  const completed = ringHost(nif.tx);
  if (completed - nif.txDone > ringStack(nif.tx) - nif.txDone) return;
  if (nif.medium == MEDIUM_LOOPBACK) reclaimLoopback(nif, completed);
  else reclaimSent(nif, completed);
}

function reclaimSent(nif: Netif, completed: u32): void {
  const ring = nif.tx;
  const mask = nif.mask;
  let small: u32 = 0;
  let free = pbufFreeList();
  for (let cursor = nif.txDone; cursor != completed; cursor++) {
    const pb = changetype<Pbuf>(ringHeld(ring, mask, cursor));
    assert(pb.owner == OWNER_TX);
    if (pb.cls != PBUF_SMALL) {
      pbufFree(pb);
      continue;
    }
    pb.owner = <u8>OWNER_FREE;
    pb.next = free;
    free = pb;
    small++;
  }
  pbufSetFreeList(free);
  pbufSettle(OWNER_TX, OWNER_FREE, small);
  nif.txDone = completed;
}

/** A buffer that still stands in RX waits to be taken; with nothing waiting there, the driver has lost it. */
function reclaimLoopback(nif: Netif, completed: u32): void {
  while (nif.txDone != completed) {
    const pb = changetype<Pbuf | null>(ringHeld(nif.tx, nif.mask, nif.txDone));
    if (pb !== null) {
      assert(pb.owner == OWNER_TX);
      if (netifRxWaiting(nif) != 0) return;
      ringHold(nif.tx, nif.mask, nif.txDone, 0);
      drop(pb, DROP_LO_NOT_HANDED_OVER);
    }
    nif.txDone++;
  }
}

/** Is there a TX slot for one more frame? */
export function netifHasRoom(nif: Netif): bool {
  return ringStack(nif.tx) - nif.txDone <= nif.mask || roomAfterReclaim(nif);
}

function roomAfterReclaim(nif: Netif): bool {
  netifReclaim(nif);
  return ringStack(nif.tx) - nif.txDone <= nif.mask;
}

/** TX slots free for frames. */
export function netifRoom(nif: Netif): u32 {
  return netifHasRoom(nif) ? nif.mask + 1 - (ringStack(nif.tx) - nif.txDone) : 0;
}

/** Queues the frame for the driver: 0, or -errno with the frame dropped and counted. */
export function netifTransmit(nif: Netif, pb: Pbuf): i32 {
  if (!netifUsable(nif)) return withoutLink(nif, pb);
  if (!netifHasRoom(nif)) return refuse(nif, pb, DROP_OUT_RING_FULL, E_NOBUFS);
  if (!pbufGive(pb, OWNER_TX)) return refuse(nif, pb, DROP_OUT_NO_BUFFER, E_NOBUFS);
  nif.txPackets++;
  nif.txBytes += pb.len;
  // Padding is the link's own affair: it is not counted.
  if (nif.medium == MEDIUM_ETHERNET) pb.len = etherPad(pb.head, pb.len);
  const cursor = ringStack(nif.tx);
  pb.slot = cursor;
  ringHold(nif.tx, nif.mask, cursor, changetype<usize>(pb));
  descWrite(ringDesc(nif.tx, nif.mask, cursor), pb.head, pb.len, pb.index);
  ringAdvance(nif.tx, cursor + 1);
  return 0;
}

// From ring to ring: what is sent on as it came, many at once. Between the first and netifPassed() nobody else may look
// at accounts and cursors.

/** How many of the frames that wait on `nif` may be passed on before TX has its quota. */
export function netifMayPass(nif: Netif): u32 {
  return min<u32>(netifRxWaiting(nif), pbufQuotaLeft(PBUF_SMALL, OWNER_TX));
}

/** The next free TX slot's descriptor, and where it notes its buffer. */
export function netifTxDesc(nif: Netif): usize {
  return ringDesc(nif.tx, nif.mask, ringStack(nif.tx));
}

export function netifTxHeld(nif: Netif): usize {
  return ringShadow(nif.tx, nif.mask) + ((ringStack(nif.tx) & nif.mask) << 2);
}

/** How many free TX slots follow one another from there, whatever the driver may have completed by now. */
export function netifTxRun(nif: Netif): u32 {
  const cursor = ringStack(nif.tx);
  const slots = nif.mask + 1;
  return min<u32>(nif.txDone + slots - cursor, slots - (cursor & nif.mask));
}

/** So many frames have been queued, of `bytes` without padding. */
export function netifSent(nif: Netif, frames: u32, bytes: u32): void {
  nif.txPackets += frames;
  nif.txBytes += bytes;
  ringAdvance(nif.tx, ringStack(nif.tx) + frames);
}

/** The first `frames` of the RX ring of `nif`, of `bytes` in all, stand in TX rings now. */
export function netifPassed(nif: Netif, frames: u32, bytes: u32): void {
  pbufSettle(OWNER_RX, OWNER_TX, frames);
  nif.rxRead += frames;
  nif.rxPackets += frames;
  nif.rxBytes += bytes;
}

/** Down is an error of the sender's; without carrier the frame is lost, as on any wire. */
function withoutLink(nif: Netif, pb: Pbuf): i32 {
  if ((nif.flags & IFF_UP) == 0) return refuse(nif, pb, DROP_OUT_IF_DOWN, E_NETDOWN);
  nif.txCarrier++;
  nif.txErrors++;
  drop(pb, DROP_OUT_NO_CARRIER);
  return 0;
}

function refuse(nif: Netif, pb: Pbuf, reason: u32, errno: i32): i32 {
  nif.txDropped++;
  drop(pb, reason);
  return -errno;
}

/** Address of the record of an ifindex, for the host; -E_NODEV. */
export function netifRecord(ifindex: u32): i32 {
  const nif = netifByIndex(ifindex);
  return nif === null ? -E_NODEV : <i32>changetype<usize>(nif);
}

if (offsetof<Netif>("mac") != NETIF_MAC) ERROR("Netif.mac");
if (offsetof<Netif>("mask") != NETIF_MASK) ERROR("Netif.mask");
if (offsetof<Netif>("rxRead") != NETIF_RX_TAKEN) ERROR("Netif.rxRead");
if (offsetof<Netif>("rxPackets") != NETIF_RX_PACKETS) ERROR("Netif.rxPackets");
if (offsetof<Netif>("rxMulticast") != NETIF_RX_MULTICAST) ERROR("Netif.rxMulticast");
if (offsetof<Netif>("switches0") != NETIF_SWITCHES) ERROR("Netif.switches0");
if (offsetof<Netif>() > <usize>NETIF_BYTES) ERROR("Netif");
