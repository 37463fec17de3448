// Virtual or real, time is what the last poll said: microseconds, monotonic, from an origin of the host's choice.

import { CLOCK_UNKNOWN } from "../abi/config";
import { CONFIG } from "./config";

@unmanaged
class ClockState {
  now: u64;
  /** When the next millisecond begins: few calls go so far, and a division is slow. */
  next: u64;
  /** Time in milliseconds, modulo 2^32. */
  ms: u32;
}

const C: ClockState = changetype<ClockState>(memory.data(offsetof<ClockState>(), 8));
const DAY_MS: u64 = 86400000;
/** Sums of times below it, with whatever is added to them, fit 64 bits. */
const END: u64 = (<u64>1) << 63;

export function now(): u64 {
  return C.now;
}

/** Milliseconds, modulo 2^32. */
export function nowMs(): u32 {
  return C.ms;
}

/** Moves time forward, by any distance; going back counts as no progress, and so does what lies beyond 2^63. */
export function clockAdvance(to: u64): void {
  if (to <= C.now || to >= END) return;
  C.now = to;
  if (to < C.next) return;
  const ms = to / 1000;
  C.next = (ms + 1) * 1000;
  C.ms = <u32>ms;
}

/** Milliseconds since midnight UT, or any value with the high-order bit set if that is not known (RFC 792). */
export function clockDayMs(): u32 {
  if (CONFIG.dayMs == CLOCK_UNKNOWN) return <u32>(C.now / 1000) | 0x80000000;
  return <u32>((CONFIG.dayMs + C.now / 1000) % DAY_MS);
}
