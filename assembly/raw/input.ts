// Raw input: whole datagrams, header first, to every raw socket that wants them; and the errors about what they sent.

import { CTR_RAW_IN_DATAGRAMS } from "../abi/counter";
import { NEXT_DONE, NEXT_PROTO_UNREACH } from "../abi/verdict";
import { count } from "../core/counter";
import { flowDestination, flowSource } from "../ip/flow";
import { Pbuf } from "../memory/pbuf";
import { pcbError } from "../pcb/error";
import { HEARS, membershipHears } from "../pcb/membership";
import { Pcb } from "../pcb/pcb";
import { pcbReceive, pcbReceiveCopy } from "../pcb/receive";
import { Ipv4Hdr } from "../wire/ipv4";
import { rawNext } from "./raw";

/** The next socket behind `after` that wants the datagram; of what was sent to a group, members only. */
function wants(after: Pcb | null, pb: Pbuf, ifindex: u32): Pcb | null {
  const ip = changetype<Ipv4Hdr>(pb.l3);
  let p = rawNext(after, ip.proto, flowDestination(), flowSource(), ifindex);
  if (ip.dst >>> 28 != 0xe) return p;
  while (p !== null && membershipHears(p, pb.netif, ip.dst, ip.src) != HEARS) {
    p = rawNext(p, ip.proto, flowDestination(), flowSource(), ifindex);
  }
  return p;
}

/** The datagram at pb.l3 has a home of its own: those who want it as it is get copies. */
export function rawCopies(pb: Pbuf, ifindex: u32): void {
  let p = wants(null, pb, ifindex);
  while (p !== null) {
    if (pcbReceiveCopy(p, pb)) count(CTR_RAW_IN_DATAGRAMS);
    p = wants(p, pb, ifindex);
  }
}

/** The datagram at pb.l3 is of a protocol without a home: the last one to want it gets it, those before copies. */
export function rawInput(pb: Pbuf, ifindex: u32): u32 {
  let p = wants(null, pb, ifindex);
  if (p === null) return NEXT_PROTO_UNREACH;
  let next = wants(p, pb, ifindex);
  while (next !== null) {
    if (pcbReceiveCopy(p, pb)) count(CTR_RAW_IN_DATAGRAMS);
    p = next;
    next = wants(p, pb, ifindex);
  }
  const verdict = pcbReceive(p, pb);
  if (verdict == NEXT_DONE) count(CTR_RAW_IN_DATAGRAMS);
  return verdict;
}

/** An ICMP error (at pb.l4) quotes a datagram of ours of this protocol; the flow is as it was sent. Whether a raw socket
 * may have sent it; the caller keeps the buffer. */
export function rawError(pb: Pbuf, proto: u32): bool {
  let p = rawNext(null, proto, flowSource(), flowDestination(), 0);
  const any = p !== null;
  while (p !== null) {
    pcbError(p, pb, 0);
    p = rawNext(p, proto, flowSource(), flowDestination(), 0);
  }
  return any;
}
