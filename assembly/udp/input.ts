// UDP input: RFC 768, RFC 1122 §4.1.3: length and checksum, the most specific socket, port unreachable if none; what was
// sent to a group is for every socket that hears it.

import { CTR_UDP_IN_DATAGRAMS } from "../abi/counter";
import { DROP_ICMP_ERROR_UNMATCHED, DROP_SOCK_FILTERED, DROP_UDP_GROUP_NO_PORT } from "../abi/drop";
import { IPPROTO_UDP, UDP_HDR_LEN } from "../abi/proto";
import { NEXT_DONE, NEXT_PORT_UNREACH } from "../abi/verdict";
import { count } from "../core/counter";
import { flowDestination, flowSource } from "../ip/flow";
import { PB_IP_GROUP, Pbuf } from "../memory/pbuf";
import { demuxFind, demuxMatches } from "../pcb/demux";
import { pcbError } from "../pcb/error";
import { FILTERED, HEARS, membershipHears, NOT_MEMBER } from "../pcb/membership";
import { Pcb } from "../pcb/pcb";
import { portFirst, portNext } from "../pcb/port";
import { pcbReceive, pcbReceiveCopy } from "../pcb/receive";
import { pseudoSum4Hdr } from "../wire/checksum";
import { Ipv4Hdr } from "../wire/ipv4";
import { WIRE_OK } from "../wire/ok";
import { UdpHdr, udpCheck } from "../wire/udp";

/** The datagram at pb.l4, received by interface `ifindex`. */
export function udpInput(pb: Pbuf, ifindex: u32): u32 {
  const reason = udpCheck(pb.l4, <u32>(pb.head + pb.len - pb.l4), pseudoSum4Hdr(pb.l3, IPPROTO_UDP, 0));
  if (reason != WIRE_OK) return reason;
  const udp = changetype<UdpHdr>(pb.l4);
  if ((pb.flags & PB_IP_GROUP) != 0) return groupInput(pb, udp, ifindex);
  const p = demuxFind(IPPROTO_UDP, flowDestination(), udp.dstPort, flowSource(), udp.srcPort, ifindex);
  if (p === null) return NEXT_PORT_UNREACH;
  toPayload(pb, udp);
  return receive(p, pb);
}

function receive(p: Pcb, pb: Pbuf): u32 {
  const verdict = pcbReceive(p, pb);
  if (verdict == NEXT_DONE) count(CTR_UDP_IN_DATAGRAMS);
  return verdict;
}

/** Broadcast or multicast: the last socket that hears it gets it, those before copies. */
function groupInput(pb: Pbuf, udp: UdpHdr, ifindex: u32): u32 {
  let taker: Pcb | null = null;
  let missed: u32 = NOT_MEMBER;
  toPayload(pb, udp);
  let p = portFirst(IPPROTO_UDP, udp.dstPort);
  while (p !== null) {
    if (demuxMatches(p, flowDestination(), flowSource(), udp.srcPort, ifindex)) {
      const hears = groupHears(p, pb);
      if (hears == HEARS) {
        if (taker !== null && pcbReceiveCopy(taker, pb)) count(CTR_UDP_IN_DATAGRAMS);
        taker = p;
      } else {
        missed = max<u32>(missed, hears);
      }
    }
    p = portNext(p);
  }
  if (taker !== null) return receive(taker, pb);
  return missed == FILTERED ? DROP_SOCK_FILTERED : DROP_UDP_GROUP_NO_PORT;
}

function groupHears(p: Pcb, pb: Pbuf): u32 {
  const ip = changetype<Ipv4Hdr>(pb.l3);
  return ip.dst >>> 28 == 0xe ? membershipHears(p, pb.netif, ip.dst, ip.src) : HEARS;
}

function toPayload(pb: Pbuf, udp: UdpHdr): void {
  pb.head = pb.l4 + UDP_HDR_LEN;
  pb.len = udp.length - UDP_HDR_LEN;
}

/** An ICMP error (at pb.l4) quotes a UDP datagram of ours, whose header is at `quoted`; the flow is as it was sent. */
export function udpError(pb: Pbuf, quoted: usize): u32 {
  const udp = changetype<UdpHdr>(quoted);
  const p = demuxFind(IPPROTO_UDP, flowSource(), udp.srcPort, flowDestination(), udp.dstPort, 0);
  if (p === null) return DROP_ICMP_ERROR_UNMATCHED;
  return pcbError(p, pb, udp.dstPort);
}
