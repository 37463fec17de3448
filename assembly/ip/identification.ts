// The identification of what we send: RFC 6864 §4 (unique for source, destination and protocol while a datagram may
// live), RFC 7739 §5.3 (who sees the numbers towards one destination learns nothing of those towards another). Counters
// chosen by a keyed hash of the destination, each from a random start: what is unique to a destination is so to each
// source and protocol as well. A path keeps the address of its counter, so that sending only counts up.

import { sipHash } from "../core/hash";
import { random } from "../core/prng";
import { arenaTake } from "../memory/arena";

@unmanaged
class IdentificationState {
  table: usize;
  mask: u32;
}

const I: IdentificationState = changetype<IdentificationState>(memory.data(offsetof<IdentificationState>(), 8));
/** What the hash is for: other uses of the key give other numbers. */
const PURPOSE: u64 = 0x6970_6964;
const MOST: u32 = 4096;

export function identificationLayout(destinations: u32): void {
  let counters: u32 = 4;
  while (counters < destinations * 2 && counters < MOST) counters <<= 1;
  I.mask = counters - 1;
  I.table = arenaTake(counters, 4);
}

/** Address of the counter for the 16-byte address `dst`. */
export function identificationOf(dst: usize): usize {
  const counter = I.table + ((<u32>sipHash(dst, dst, PURPOSE) & I.mask) << 2);
  // Bit 16 stands so that a counter which has begun is not zero.
  if (load<u32>(counter) == 0) store<u32>(counter, random() | 0x10000);
  return counter;
}

/** The next number of a counter. */
export function identificationNext(counter: usize): u32 {
  const id = load<u32>(counter);
  store<u32>(counter, id + 1);
  return id & 0xffff;
}
