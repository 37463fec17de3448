// Blocks that found no room to send, first come first served: each is told when what it waits for is there, buffers or
// slots of an interface's TX ring, as many as it needs, and not before: a block that is told tries again at once.

import { OWNER_TX } from "../abi/pbuf";
import { netifAt, netifRoom } from "../link/netif";
import { pbufRoom } from "../memory/pbuf";
import { PCB_WAITS, Pcb } from "./pcb";

@unmanaged
class RoomState {
  head: Pcb | null;
  tail: Pcb | null;
  waiting: u32;
}

const R: RoomState = changetype<RoomState>(memory.data(offsetof<RoomState>(), 4));
/** What a block waits for: buffers of class n, or slots in the ring of interface n - RING; how many, from bit 16 up. */
const RING: u32 = 0x1000;

export function roomWaitBuffers(p: Pcb, cls: u32, buffers: u32): void {
  wait(p, cls | (buffers << 16));
}

export function roomWaitSlots(p: Pcb, netif: u32, slots: u32): void {
  wait(p, (RING + netif) | (slots << 16));
}

function wait(p: Pcb, what: u32): void {
  p.waitsFor = what;
  if ((p.flags & PCB_WAITS) != 0) return;
  p.flags |= PCB_WAITS;
  R.waiting++;
  append(p);
}

function append(p: Pcb): void {
  p.waitNext = null;
  const tail = R.tail;
  if (tail === null) R.head = p;
  else tail.waitNext = p;
  R.tail = p;
}

function hasRoom(waitsFor: u32): bool {
  const what = waitsFor & 0xffff;
  return waitsFor >>> 16 <= (what < RING ? pbufRoom(what, OWNER_TX) : netifRoom(netifAt(what - RING)));
}

/** How many wait. */
export function roomWaiting(): u32 {
  return R.waiting;
}

/** The one that has waited longest, if there is room for it now: it waits no more. Else null, and it goes to the end. */
export function roomNext(): Pcb | null {
  const p = R.head;
  if (p === null) return null;
  R.head = p.waitNext;
  if (R.head === null) R.tail = null;
  if (!hasRoom(p.waitsFor)) {
    append(p);
    return null;
  }
  R.waiting--;
  p.flags &= ~PCB_WAITS;
  return p;
}

/** A block that closes waits no more. */
export function roomForget(p: Pcb): void {
  if ((p.flags & PCB_WAITS) == 0) return;
  let before: Pcb | null = null;
  let q = R.head;
  while (q !== null && q !== p) {
    before = q;
    q = q.waitNext;
  }
  if (before === null) R.head = p.waitNext;
  else before.waitNext = p.waitNext;
  if (R.tail === p) R.tail = before;
  p.flags &= ~PCB_WAITS;
  R.waiting--;
}
