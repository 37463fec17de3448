// The event ring of abi/event.ts: the stack's side.

import { EVENTS_BYTES, EVENTS_FIRST_NETIF, EVENTS_HEAD, EVENTS_MASK, EVENTS_PENDING, EVENTS_RING } from "../abi/event";
import { arenaTake } from "../memory/arena";

@unmanaged
class EventState {
  base: usize;
}

const E: EventState = changetype<EventState>(memory.data(offsetof<EventState>(), 8));

function slotsFor(objects: u32): u32 {
  let slots: u32 = 1;
  while (slots < objects) slots <<= 1;
  return slots;
}

export function eventLayout(sockets: u32, interfaces: u32): void {
  const objects = sockets + interfaces;
  E.base = arenaTake(1, EVENTS_BYTES + (slotsFor(objects) + objects) * 4);
}

export function eventInit(sockets: u32, interfaces: u32): void {
  const slots = slotsFor(sockets + interfaces);
  store<u32>(E.base, slots - 1, EVENTS_MASK);
  store<u32>(E.base, E.base + EVENTS_BYTES, EVENTS_RING);
  store<u32>(E.base, E.base + EVENTS_BYTES + slots * 4, EVENTS_PENDING);
  store<u32>(E.base, sockets, EVENTS_FIRST_NETIF);
}

export function eventBase(): usize {
  return E.base;
}

function raise(object: u32, bits: u32): void {
  const pending = load<u32>(E.base, EVENTS_PENDING) + (object << 2);
  const before = load<u32>(pending);
  store<u32>(pending, before | bits);
  if (before != 0) return;
  const head = load<u32>(E.base, EVENTS_HEAD);
  const slot = head & load<u32>(E.base, EVENTS_MASK);
  store<u32>(load<u32>(E.base, EVENTS_RING) + (slot << 2), object);
  store<u32>(E.base, head + 1, EVENTS_HEAD);
}

export function eventSocket(index: u32, bits: u32): void {
  raise(index, bits);
}

export function eventNetif(index: u32, bits: u32): void {
  raise(load<u32>(E.base, EVENTS_FIRST_NETIF) + index, bits);
}
