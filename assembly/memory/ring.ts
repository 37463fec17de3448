// Descriptor rings: the stack's side of abi/ring.ts. Two free-running cursors, one writer each; a private shadow
// of which buffer stands in which slot, so that nothing which the host writes can lose or double a buffer.

import { DESC_BYTES, DESC_LEN, DESC_PBUF, DESC_PTR, DESC_SHIFT, RING_DESC, RING_HOST, RING_STACK } from "../abi/ring";

/** Bytes of a ring: cursors, descriptors, shadow; whole cache lines. */
export function ringBytes(slots: u32): u32 {
  return (RING_DESC + slots * (DESC_BYTES + 4) + 63) & ~63;
}

export function ringHost(ring: usize): u32 {
  return load<u32>(ring, RING_HOST);
}

export function ringStack(ring: usize): u32 {
  return load<u32>(ring, RING_STACK);
}

export function ringAdvance(ring: usize, cursor: u32): void {
  store<u32>(ring, cursor, RING_STACK);
}

/** Address of the descriptor at `cursor`. */
export function ringDesc(ring: usize, mask: u32, cursor: u32): usize {
  return ring + RING_DESC + ((cursor & mask) << DESC_SHIFT);
}

export function descWrite(desc: usize, ptr: usize, len: u32, pbuf: u32): void {
  store<u32>(desc, ptr, DESC_PTR);
  store<u32>(desc, len, DESC_LEN);
  store<u32>(desc, pbuf, DESC_PBUF);
}

export function descLen(desc: usize): u32 {
  return load<u32>(desc, DESC_LEN);
}

export function descPbuf(desc: usize): u32 {
  return load<u32>(desc, DESC_PBUF);
}

/** Address of the shadow of a ring. */
export function ringShadow(ring: usize, mask: u32): usize {
  return ring + RING_DESC + ((mask + 1) << DESC_SHIFT);
}

/** Record in the slot at `cursor`, by the shadow. */
export function shadowHeld(shadow: usize, mask: u32, cursor: u32): usize {
  return load<u32>(shadow + ((cursor & mask) << 2));
}

/** Notes which record stands in the slot (0 = none). */
export function ringHold(ring: usize, mask: u32, cursor: u32, record: usize): void {
  store<u32>(ringShadow(ring, mask) + ((cursor & mask) << 2), record);
}

export function ringHeld(ring: usize, mask: u32, cursor: u32): usize {
  return shadowHeld(ringShadow(ring, mask), mask, cursor);
}
