// Counters, and drop(): the one way for a packet to end without having been of use.

import { DROP_END } from "../abi/drop";
import { DESC_FLAGS } from "../abi/ring";
import { Pbuf, pbufFree } from "../memory/pbuf";

export const COUNTERS: usize = memory.data(DROP_END * 8, 8);

/** Adds one to a counter of abi/counter.ts or abi/drop.ts. */
export function count(id: u32): void {
  const at = COUNTERS + (id << 3);
  store<u64>(at, load<u64>(at) + 1);
}

/** Adds several at once. */
export function countMany(id: u32, n: u32): void {
  const at = COUNTERS + (id << 3);
  store<u64>(at, load<u64>(at) + n);
}

/** The frame that is being received, and the descriptor it came in: captures find there why it was dropped. */
@unmanaged
class Receiving {
  pb: usize;
  desc: usize;
}

const R: Receiving = changetype<Receiving>(memory.data(offsetof<Receiving>(), 4));

/** From here on the frame in hand is `pb`, which came in `desc`. */
export function dropWatch(pb: Pbuf, desc: usize): void {
  R.pb = changetype<usize>(pb);
  R.desc = desc;
}

/** No frame is in hand any more. */
export function dropUnwatch(): void {
  R.pb = 0;
}

/** Counts the reason and frees the buffer. */
export function drop(pb: Pbuf, reason: u32): void {
  count(reason);
  if (changetype<usize>(pb) == R.pb) {
    store<u32>(R.desc, reason, DESC_FLAGS);
    R.pb = 0;
  }
  pbufFree(pb);
}
