// Answers to ICMP queries, in the query's own buffer: RFC 1122 §3.2.2.6 and §3.2.2.8. From the address that was asked,
// with the TOS and precedence of the query (RFC 1812 §4.3.2.5), and with its options (ip/reply.ts).

import { CTR_ICMP_OUT_MSGS } from "../abi/counter";
import { DROP_OUT_NO_ROUTE } from "../abi/drop";
import { NEXT_DONE } from "../abi/verdict";
import { count } from "../core/counter";
import { Path } from "../ip/path";
import { replyOutput, replyPath } from "../ip/reply";
import { PB_IP_GROUP, PB_REPLY, Pbuf } from "../memory/pbuf";
import { Ipv4Hdr } from "../wire/ipv4";

/** Sends the message at pb.l4, which has become the answer to the query that it was, and counts it under `counter`. */
export function icmpReply(pb: Pbuf, counter: u32): u32 {
  const found = replyPath(pb, true);
  if (found < 0) return DROP_OUT_NO_ROUTE;
  const path = changetype<Path>(found);
  const ip = changetype<Ipv4Hdr>(pb.l3);
  const from = (pb.flags & PB_IP_GROUP) != 0 ? path.source : ip.dst;
  const tos = ip.tos;
  pb.len -= <u32>(pb.l4 - pb.head);
  pb.head = pb.l4;
  pb.flags = PB_REPLY;
  count(CTR_ICMP_OUT_MSGS);
  count(counter);
  replyOutput(pb, path, from, tos);
  return NEXT_DONE;
}
