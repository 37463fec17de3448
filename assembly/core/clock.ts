// Virtual or real, time is what the last poll said: microseconds, monotonic, from an origin of the host's choice.

import { CLOCK_UNKNOWN } from "../abi/config";
import { CONFIG } from "./config";

@unmanaged
class ClockState {
  now: u64;
}

const C: ClockState = changetype<ClockState>(memory.data(offsetof<ClockState>(), 8));
const DAY_MS: u64 = 86400000;

export function now(): u64 {
  return C.now;
}

/** Moves time forward; going back counts as no progress. */
export function clockAdvance(to: u64): void {
  if (to > C.now) C.now = to;
}

/** Milliseconds since midnight UT, or any value with the high-order bit set if that is not known (RFC 792). */
export function clockDayMs(): u32 {
  if (CONFIG.dayMs == CLOCK_UNKNOWN) return <u32>(C.now / 1000) | 0x80000000;
  return <u32>((CONFIG.dayMs + C.now / 1000) % DAY_MS);
}
