// UDP input: RFC 768, RFC 1122 §4.1.3: length and checksum, the most specific socket, port unreachable if none.

import { CTR_UDP_IN_DATAGRAMS } from "../abi/counter";
import { DROP_ICMP_ERROR_UNMATCHED, DROP_UDP_GROUP_NO_PORT } from "../abi/drop";
import { IPPROTO_UDP, UDP_HDR_LEN } from "../abi/proto";
import { NEXT_DONE, NEXT_PORT_UNREACH } from "../abi/verdict";
import { count } from "../core/counter";
import { flowDestination, flowSource } from "../ip/flow";
import { PB_IP_GROUP, Pbuf } from "../memory/pbuf";
import { demuxFind } from "../pcb/demux";
import { pcbError } from "../pcb/error";
import { pcbReceive } from "../pcb/receive";
import { pseudoSum4Hdr } from "../wire/checksum";
import { WIRE_OK } from "../wire/ok";
import { UdpHdr, udpCheck } from "../wire/udp";

/** The datagram at pb.l4, received by interface `ifindex`. */
export function udpInput(pb: Pbuf, ifindex: u32): u32 {
  const reason = udpCheck(pb.l4, <u32>(pb.head + pb.len - pb.l4), pseudoSum4Hdr(pb.l3, IPPROTO_UDP, 0));
  if (reason != WIRE_OK) return reason;
  const udp = changetype<UdpHdr>(pb.l4);
  const p = demuxFind(IPPROTO_UDP, flowDestination(), udp.dstPort, flowSource(), udp.srcPort, ifindex);
  if (p === null) return (pb.flags & PB_IP_GROUP) != 0 ? DROP_UDP_GROUP_NO_PORT : NEXT_PORT_UNREACH;
  pb.head = pb.l4 + UDP_HDR_LEN;
  pb.len = udp.length - UDP_HDR_LEN;
  const verdict = pcbReceive(p, pb);
  if (verdict == NEXT_DONE) count(CTR_UDP_IN_DATAGRAMS);
  return verdict;
}

/** An ICMP error (at pb.l4) quotes a UDP datagram of ours, whose header is at `quoted`; the flow is as it was sent. */
export function udpError(pb: Pbuf, quoted: usize): u32 {
  const udp = changetype<UdpHdr>(quoted);
  const p = demuxFind(IPPROTO_UDP, flowSource(), udp.srcPort, flowDestination(), udp.dstPort, 0);
  if (p === null) return DROP_ICMP_ERROR_UNMATCHED;
  return pcbError(p, pb, udp.dstPort);
}
