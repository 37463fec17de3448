// Demultiplexing: which block a packet is for. One hash table, three levels of how much a block says of itself:
// the whole four-tuple (connected), local address and port, local port alone. The most specific match wins
// (RFC 1122 §4.1.3.5 for UDP). A level that nobody uses is not looked up.

import { OPT_INTERFACE } from "../abi/socket";
import { hash8, hash16, hash32 } from "../core/hash";
import { addressEqual, addressIsAny } from "../memory/address";
import { arenaTake } from "../memory/arena";
import { localOf, optionOf, Pcb, remoteOf } from "./pcb";

const DEMUX_NONE: u32 = 0;
const DEMUX_PORT: u32 = 1;
const DEMUX_LOCAL: u32 = 2;
export const DEMUX_FULL: u32 = 3;

const LASTS: u32 = 16;

@unmanaged
class DemuxState {
  buckets: usize;
  mask: u32;
  /** Blocks at each level. */
  none: u32;
  port: u32;
  local: u32;
  full: u32;
}

const D: DemuxState = changetype<DemuxState>(memory.data(offsetof<DemuxState>(), 4));

/** The blocks found last by their four-tuple, by local port: packets come in trains (McKenney and Dove, 1992). */
const LAST: usize = memory.data(LASTS * 4, 4);

function lastOf(localPort: u32): usize {
  return LAST + ((localPort & (LASTS - 1)) << 2);
}

export function demuxLayout(sockets: u32): void {
  let buckets: u32 = 8;
  while (buckets < sockets) buckets <<= 1;
  D.mask = buckets - 1;
  D.buckets = arenaTake(buckets, 4);
}

function beside(proto: u32, localPort: u32, remotePort: u32): u64 {
  return (((<u64>localPort) << 16) | remotePort | ((<u64>proto) << 32)) * 0x9e3779b97f4a7c15;
}

function bucketPort(proto: u32, port: u32): usize {
  return D.buckets + (hash8(beside(proto, port, 0)) & D.mask) * 4;
}

function bucketLocal(proto: u32, local: usize, port: u32): usize {
  return D.buckets + (hash16(local, beside(proto, port, 0)) & D.mask) * 4;
}

function bucketFull(proto: u32, local: usize, port: u32, remote: usize, remotePort: u32): usize {
  return D.buckets + (hash32(local, remote, beside(proto, port, remotePort)) & D.mask) * 4;
}

function bucketOf(p: Pcb): usize {
  if (p.level == DEMUX_FULL) return bucketFull(p.proto, localOf(p), p.localPort, remoteOf(p), p.remotePort);
  if (p.level == DEMUX_LOCAL) return bucketLocal(p.proto, localOf(p), p.localPort);
  return bucketPort(p.proto, p.localPort);
}

function levelCell(level: u32): usize {
  return changetype<usize>(D) + offsetof<DemuxState>("none") + level * 4;
}

/** Enters the block by what it says of itself now; one without a port (a raw one) is not looked for here. */
export function demuxInsert(p: Pcb): void {
  if (p.localPort == 0) return;
  p.level = p.remotePort != 0 ? DEMUX_FULL : addressIsAny(localOf(p)) ? DEMUX_PORT : DEMUX_LOCAL;
  const bucket = bucketOf(p);
  p.demuxNext = changetype<Pcb | null>(load<usize>(bucket));
  store<usize>(bucket, changetype<usize>(p));
  const cell = levelCell(p.level);
  store<u32>(cell, load<u32>(cell) + 1);
}

/** Takes the block out, before anything that it is found by changes. */
export function demuxRemove(p: Pcb): void {
  if (p.level == DEMUX_NONE) return;
  store<usize>(lastOf(p.localPort), 0);
  let at = bucketOf(p);
  while (load<usize>(at) != changetype<usize>(p)) at = load<usize>(at) + offsetof<Pcb>("demuxNext");
  store<usize>(at, changetype<usize>(p.demuxNext));
  const cell = levelCell(p.level);
  store<u32>(cell, load<u32>(cell) - 1);
  p.level = DEMUX_NONE;
}

function listensOn(p: Pcb, ifindex: u32): bool {
  const bound = optionOf(p, OPT_INTERFACE);
  return bound == 0 || ifindex == 0 || bound == ifindex;
}

function hasPort(p: Pcb, level: u32, proto: u32, localPort: u32): bool {
  return p.level == level && p.localPort == localPort && p.proto == proto;
}

/** The block for a packet from remote:remotePort to local:localPort that came by interface `ifindex` (0: by
 * whichever); or null. */
export function demuxFind(
  proto: u32,
  local: usize,
  localPort: u32,
  remote: usize,
  remotePort: u32,
  ifindex: u32,
): Pcb | null {
  const p = demuxConnected(proto, local, localPort, remote, remotePort, ifindex);
  return p !== null ? p : demuxBound(proto, local, localPort, ifindex);
}

/** The one connected to the packet's sender, or null. */
export function demuxConnected(
  proto: u32,
  local: usize,
  localPort: u32,
  remote: usize,
  remotePort: u32,
  ifindex: u32,
): Pcb | null {
  if (D.full == 0) return null;
  const p = findFull(proto, local, localPort, remote, remotePort);
  return p !== null && listensOn(p, ifindex) ? p : null;
}

/** The one that hears everyone at the address and port, or at the port alone; or null. */
export function demuxBound(proto: u32, local: usize, localPort: u32, ifindex: u32): Pcb | null {
  if (D.local != 0) {
    let p = changetype<Pcb | null>(load<usize>(bucketLocal(proto, local, localPort)));
    while (p !== null) {
      if (hasPort(p, DEMUX_LOCAL, proto, localPort) && addressEqual(localOf(p), local) && listensOn(p, ifindex))
        return p;
      p = p.demuxNext;
    }
  }
  if (D.port == 0) return null;
  let p = changetype<Pcb | null>(load<usize>(bucketPort(proto, localPort)));
  while (p !== null) {
    if (hasPort(p, DEMUX_PORT, proto, localPort) && listensOn(p, ifindex)) return p;
    p = p.demuxNext;
  }
  return null;
}

/** Would the block hear such a packet, whoever else does? The port is the caller's affair. */
export function demuxMatches(p: Pcb, local: usize, remote: usize, remotePort: u32, ifindex: u32): bool {
  if (!listensOn(p, ifindex)) return false;
  if (!addressIsAny(localOf(p)) && !addressEqual(localOf(p), local)) return false;
  return p.level != DEMUX_FULL || (p.remotePort == remotePort && addressEqual(remoteOf(p), remote));
}

function findFull(proto: u32, local: usize, localPort: u32, remote: usize, remotePort: u32): Pcb | null {
  const last = lastOf(localPort);
  let p = changetype<Pcb | null>(load<usize>(last));
  if (p !== null && isFull(p, proto, local, localPort, remote, remotePort)) return p;
  p = changetype<Pcb | null>(load<usize>(bucketFull(proto, local, localPort, remote, remotePort)));
  while (p !== null && !isFull(p, proto, local, localPort, remote, remotePort)) p = p.demuxNext;
  if (p !== null) store<usize>(last, changetype<usize>(p));
  return p;
}

function isFull(p: Pcb, proto: u32, local: usize, localPort: u32, remote: usize, remotePort: u32): bool {
  if (!hasPort(p, DEMUX_FULL, proto, localPort) || p.remotePort != remotePort) return false;
  return addressEqual(remoteOf(p), remote) && addressEqual(localOf(p), local);
}
