// How many ICMP errors leave: RFC 1812 §4.3.2.8. Token buckets, one for the whole stack and some for destinations, found
// by a keyed hash: destinations that fall into one bucket share it, which nobody outside can bring about on purpose.

import { DROP_ICMP_ERROR_HOST_RATE, DROP_ICMP_ERROR_RATE } from "../abi/drop";
import { SW_ICMP_BURST, SW_ICMP_HOST_BURST, SW_ICMP_HOST_RATE, SW_ICMP_RATE } from "../abi/switch";
import { now } from "../core/clock";
import { hash16 } from "../core/hash";
import { switchValue } from "../core/switch";
import { arenaTake } from "../memory/arena";
import { WIRE_OK } from "../wire/ok";

/** What has been taken and not come back yet, in millionths of a message, and when that was so. Zero is a full one. */
@unmanaged
class Bucket {
  spent: u64;
  at: u64;
}

@unmanaged
class RateState {
  buckets: usize;
  capacity: u32;
}

const ALL: Bucket = changetype<Bucket>(memory.data(offsetof<Bucket>(), 8));
const R: RateState = changetype<RateState>(memory.data(offsetof<RateState>(), 4));
const MESSAGE: u64 = 1000000;
/** A silence beyond this fills any bucket. */
const LONG_US: u64 = (<u64>1) << 40;

export function icmpRateLayout(destinations: u32): void {
  R.capacity = destinations;
  R.buckets = arenaTake(destinations, offsetof<Bucket>());
}

/** May one more error go to the 16-byte address now? WIRE_OK, and it is counted; or the reason why not. The whole
 * stack's rate is not spent on what a destination's own refuses. */
export function icmpRateTake(to: usize): u32 {
  const host = changetype<Bucket>(R.buckets + <u32>((<u64>hash16(to, 0) * R.capacity) >> 32) * offsetof<Bucket>());
  refill(host, switchValue(SW_ICMP_HOST_RATE));
  refill(ALL, switchValue(SW_ICMP_RATE));
  if (host.spent + MESSAGE > switchValue(SW_ICMP_HOST_BURST) * MESSAGE) return DROP_ICMP_ERROR_HOST_RATE;
  if (ALL.spent + MESSAGE > switchValue(SW_ICMP_BURST) * MESSAGE) return DROP_ICMP_ERROR_RATE;
  host.spent += MESSAGE;
  ALL.spent += MESSAGE;
  return WIRE_OK;
}

function refill(b: Bucket, rate: u32): void {
  const back = min<u64>(now() - b.at, LONG_US) * rate;
  b.spent -= min<u64>(b.spent, back);
  b.at = now();
}
