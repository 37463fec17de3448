// Local ports: who holds which, and unpredictable ones for those who name none (RFC 6056 §3.3.1, with a keyed hash
// as the source of randomness).

import { E_ADDRINUSE } from "../abi/errno";
import { OPT_REUSE } from "../abi/socket";
import { SW_IP_PORT_FIRST, SW_IP_PORT_LAST } from "../abi/switch";
import { hash8, sipHash } from "../core/hash";
import { switchValue } from "../core/switch";
import { addressEqual, addressIsAny } from "../memory/address";
import { arenaTake } from "../memory/arena";
import { localOf, optionOf, PCB_ACCEPTED, Pcb, remoteOf } from "./pcb";

@unmanaged
class PortState {
  buckets: usize;
  mask: u32;
  drawn: u32;
}

const P: PortState = changetype<PortState>(memory.data(offsetof<PortState>(), 4));

export function portLayout(sockets: u32): void {
  let buckets: u32 = 8;
  while (buckets < sockets) buckets <<= 1;
  P.mask = buckets - 1;
  P.buckets = arenaTake(buckets, 4);
}

function bucketOf(proto: u32, port: u32): usize {
  return P.buckets + (hash8(((<u64>proto) << 16) | port) & P.mask) * 4;
}

/** The first block of the protocol with this local port; or null. */
export function portFirst(proto: u32, port: u32): Pcb | null {
  return among(changetype<Pcb | null>(load<usize>(bucketOf(proto, port))), proto, port);
}

/** The block behind `p` that has its port, too; or null. */
export function portNext(p: Pcb): Pcb | null {
  return among(p.portNext, p.proto, p.localPort);
}

function among(p: Pcb | null, proto: u32, port: u32): Pcb | null {
  while (p !== null && (p.localPort != port || p.proto != proto)) p = p.portNext;
  return p;
}

/** Does another block hold this port at the address, or at all addresses; if `sharing`, without sharing it with this? */
function taken(p: Pcb, port: u32, sharing: bool): bool {
  let q = portFirst(p.proto, port);
  while (q !== null) {
    const shared = sharing && optionOf(q, OPT_REUSE) != 0;
    if (q !== p && !shared && overlap(localOf(p), localOf(q))) return true;
    q = portNext(q);
  }
  return false;
}

/** The same address, or one that stands for all. */
function overlap(a: usize, b: usize): bool {
  return addressIsAny(a) || addressIsAny(b) || addressEqual(a, b);
}

/** Takes `port` (0 = any free one) for the block at its local address: 0 or -E_ADDRINUSE. */
export function portBind(p: Pcb, port: u32): i32 {
  const chosen = port != 0 ? port : draw(p);
  if (chosen == 0 || (port != 0 && taken(p, port, optionOf(p, OPT_REUSE) != 0))) return -E_ADDRINUSE;
  const bucket = bucketOf(p.proto, chosen);
  p.localPort = chosen;
  p.portNext = changetype<Pcb | null>(load<usize>(bucket));
  store<usize>(bucket, changetype<usize>(p));
  return 0;
}

/** A free port of the range, 0 if there is none. */
function draw(p: Pcb): u32 {
  const first = switchValue(SW_IP_PORT_FIRST);
  const range = switchValue(SW_IP_PORT_LAST) - first + 1;
  const start = <u32>(sipHash(localOf(p), remoteOf(p), ((<u64>p.proto) << 32) | P.drawn++) % range);
  for (let i: u32 = 0; i < range; i++) {
    const port = first + ((start + i) % range);
    if (!taken(p, port, false)) return port;
  }
  return 0;
}

export function portRelease(p: Pcb): void {
  if (p.localPort == 0 || (p.flags & PCB_ACCEPTED) != 0) return;
  let at = bucketOf(p.proto, p.localPort);
  while (load<usize>(at) != changetype<usize>(p)) at = load<usize>(at) + offsetof<Pcb>("portNext");
  store<usize>(at, changetype<usize>(p.portNext));
  p.localPort = 0;
}
