// Counters, and drop(): the one way for a packet to end without having been of use.

import { DROP_END } from "../abi/drop";
import { Pbuf, pbufFree } from "../memory/pbuf";

export const COUNTERS: usize = memory.data(DROP_END * 8, 8);

/** Adds one to a counter of abi/counter.ts or abi/drop.ts. */
export function count(id: u32): void {
  const at = COUNTERS + (id << 3);
  store<u64>(at, load<u64>(at) + 1);
}

/** Counts the reason and frees the buffer. */
export function drop(pb: Pbuf, reason: u32): void {
  count(reason);
  pbufFree(pb);
}
