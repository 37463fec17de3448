// Blocks that found no room to send: told once when a driver has completed frames, first come first served.

import { EVENT_WRITABLE } from "../abi/event";
import { eventSocket } from "../core/event";
import { PCB_WAITS, Pcb, pcbIndex } from "./pcb";

@unmanaged
class RoomState {
  head: Pcb | null;
  tail: Pcb | null;
}

const R: RoomState = changetype<RoomState>(memory.data(offsetof<RoomState>(), 4));

export function roomWait(p: Pcb): void {
  if ((p.flags & PCB_WAITS) != 0) return;
  p.flags |= PCB_WAITS;
  p.waitNext = null;
  const tail = R.tail;
  if (tail === null) R.head = p;
  else tail.waitNext = p;
  R.tail = p;
}

/** There is room again. */
export function roomWake(): void {
  let p = R.head;
  while (p !== null) {
    p.flags &= ~PCB_WAITS;
    eventSocket(pcbIndex(p), EVENT_WRITABLE);
    p = p.waitNext;
  }
  R.head = null;
  R.tail = null;
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
}
