// Timestamp requests: RFC 792, RFC 1122 §3.2.2.8. Times are milliseconds since midnight UT, with the high-order bit set
// where the host has not said what time of day it is.

import { CTR_ICMP_IN_TIMESTAMPS, CTR_ICMP_OUT_TIMESTAMP_REPS } from "../abi/counter";
import { DROP_ICMP_ECHO_GROUP } from "../abi/drop";
import { ICMP_TIMESTAMP_REPLY } from "../abi/proto";
import { clockDayMs } from "../core/clock";
import { count } from "../core/counter";
import { PB_IP_GROUP, Pbuf } from "../memory/pbuf";
import { IcmpHdr, icmpEmit } from "../wire/icmp";
import { icmpReply } from "./reply";

/** Where the times of receipt and of transmission stand; the time of origin goes back as it came. */
const RECEIVED: usize = 12;
const TRANSMITTED: usize = 16;

/** The request of `len` bytes at pb.l4. One to a group is not answered (RFC 1122 §3.2.2.8: may be discarded). */
export function timestampInput(pb: Pbuf, len: u32): u32 {
  count(CTR_ICMP_IN_TIMESTAMPS);
  if ((pb.flags & PB_IP_GROUP) != 0) return DROP_ICMP_ECHO_GROUP;
  const icmp = changetype<IcmpHdr>(pb.l4);
  // Received in this poll, answered in it: one time.
  const time = bswap<u32>(clockDayMs());
  store<u32>(pb.l4, time, RECEIVED);
  store<u32>(pb.l4, time, TRANSMITTED);
  icmpEmit(pb.l4, ICMP_TIMESTAMP_REPLY, icmp.code, icmp.rest, len);
  return icmpReply(pb, CTR_ICMP_OUT_TIMESTAMP_REPS);
}
