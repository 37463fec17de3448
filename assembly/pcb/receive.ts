// What waits in a block to be read: datagrams, each in its own buffer, and errors. Both queues are bounded.

import { DROP_SOCK_CLOSED, DROP_SOCK_COPY, DROP_SOCK_QUEUE_FULL, DROP_SOCK_QUOTA } from "../abi/drop";
import { EVENT_ERROR, EVENT_READABLE } from "../abi/event";
import { OWNER_SOCKET, PBUF_CLASSES } from "../abi/pbuf";
import { OPT_QUEUE } from "../abi/socket";
import { NEXT_DONE } from "../abi/verdict";
import { now } from "../core/clock";
import { count, drop } from "../core/counter";
import { eventSocket } from "../core/event";
import { arenaTake } from "../memory/arena";
import { Pbuf, pbufAlloc, pbufClassFor, pbufFree, pbufGive } from "../memory/pbuf";
import { optionOf, Pcb, pcbIndex } from "./pcb";

/** An error that waits: the destination it concerns, who reported it, and what happened. */
@unmanaged
export class SocketError {
  ip0: u64;
  ip1: u64;
  offender0: u64;
  offender1: u64;
  /** Port of the destination; of an echo, its sequence number. */
  port: u32;
  errno: u32;
  /** Type << 8 | code, and bytes 4 to 7 of the ICMP message. */
  icmp: u32;
  rest: u32;
  next: usize;
  reserved: u32;
}

const ERROR_BYTES: u32 = 56;
/** Errors that one socket may have waiting. */
const ERRORS_EACH: u32 = 8;

@unmanaged
class ErrorState {
  table: usize;
  capacity: u32;
  fresh: u32;
  free: usize;
}

const E: ErrorState = changetype<ErrorState>(memory.data(offsetof<ErrorState>(), 4));

export function receiveLayout(errors: u32): void {
  E.capacity = errors;
  E.table = arenaTake(errors, ERROR_BYTES);
}

/** Queues the datagram (pb.head and pb.len are the payload): NEXT_DONE, or why not. */
export function pcbReceive(p: Pcb, pb: Pbuf): u32 {
  if (p.rxCount >= optionOf(p, OPT_QUEUE)) return DROP_SOCK_QUEUE_FULL;
  if (!pbufGive(pb, OWNER_SOCKET)) return DROP_SOCK_QUOTA;
  pb.arrival = now();
  pb.next = null;
  const tail = p.rxTail;
  if (tail === null) p.rxHead = pb;
  else tail.next = pb;
  p.rxTail = pb;
  p.rxCount++;
  eventSocket(pcbIndex(p), EVENT_READABLE);
  return NEXT_DONE;
}

/** Queues a copy of the datagram for a block which is not the only one that wants it: whether there was room. */
export function pcbReceiveCopy(p: Pcb, pb: Pbuf): bool {
  const len = <u32>(pb.head + pb.len - pb.l3);
  const cls = pbufClassFor(len);
  const copy = cls < <u32>PBUF_CLASSES ? pbufAlloc(cls, OWNER_SOCKET, false) : null;
  if (copy === null) {
    count(DROP_SOCK_COPY);
    return false;
  }
  memory.copy(copy.head, pb.l3, len);
  copy.l3 = copy.head;
  copy.l4 = copy.l3 + (pb.l4 - pb.l3);
  copy.head = copy.l3 + (pb.head - pb.l3);
  copy.len = pb.len;
  copy.netif = pb.netif;
  const verdict = pcbReceive(p, copy);
  if (verdict != NEXT_DONE) drop(copy, verdict);
  return verdict == NEXT_DONE;
}

/** Makes the next datagram the window that the host holds, and frees the window before; null if none waits. */
export function pcbNextWindow(p: Pcb): Pbuf | null {
  const before = p.rxWindow;
  if (before !== null) {
    assert(before.owner == OWNER_SOCKET);
    pbufFree(before);
  }
  const pb = p.rxHead;
  p.rxWindow = pb;
  if (pb === null) return null;
  p.rxHead = pb.next;
  if (p.rxHead === null) p.rxTail = null;
  p.rxCount--;
  return pb;
}

/** A place for an error in the block's queue; the oldest gives way when the socket or the pool has no room. The
 * caller fills it. Null if there is no room at all. */
export function pcbQueueError(p: Pcb): SocketError | null {
  let at = p.errCount < ERRORS_EACH ? take() : 0;
  if (at == 0) at = pcbNextError(p);
  if (at == 0) return null;
  const e = changetype<SocketError>(at);
  e.next = 0;
  if (p.errTail == 0) p.errHead = at;
  else changetype<SocketError>(p.errTail).next = at;
  p.errTail = at;
  p.errCount++;
  eventSocket(pcbIndex(p), EVENT_ERROR);
  return e;
}

function take(): usize {
  const at = E.free;
  if (at != 0) {
    E.free = changetype<SocketError>(at).next;
    return at;
  }
  return E.fresh < E.capacity ? E.table + E.fresh++ * ERROR_BYTES : 0;
}

/** Takes the oldest error out of the queue (0 if there is none); the caller reads it, then gives it back. */
export function pcbNextError(p: Pcb): usize {
  const at = p.errHead;
  if (at == 0) return 0;
  p.errHead = changetype<SocketError>(at).next;
  if (p.errHead == 0) p.errTail = 0;
  p.errCount--;
  return at;
}

export function errorRelease(at: usize): void {
  changetype<SocketError>(at).next = E.free;
  E.free = at;
}

/** Lets go of all that the block holds. */
export function pcbPurge(p: Pcb): void {
  for (let pb = p.rxHead; pb !== null; ) {
    const next: Pbuf | null = pb.next;
    drop(pb, DROP_SOCK_CLOSED);
    pb = next;
  }
  const rx = p.rxWindow;
  if (rx !== null) pbufFree(rx);
  const tx = p.txWindow;
  if (tx !== null) pbufFree(tx);
  for (let at = pcbNextError(p); at != 0; at = pcbNextError(p)) errorRelease(at);
}

if (offsetof<SocketError>() != ERROR_BYTES) ERROR("SocketError");
