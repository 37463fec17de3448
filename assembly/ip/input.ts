// IPv4 input: the checks of RFC 1122 §3.2.1 in order, each with its own drop reason, then whose datagram it is
// (weak host model: an own address is ours on any interface, but 127/8 never from a wire) and what it carries.

import { CTR_IP_IN_DELIVERS, CTR_IP_IN_RECEIVES } from "../abi/counter";
import {
  DROP_FIRST,
  DROP_IP_DEST,
  DROP_IP_DEST_LOOPBACK,
  DROP_IP_DIRECTED_BROADCAST,
  DROP_IP_GROUP,
  DROP_IP_LINK_BROADCAST,
} from "../abi/drop";
import { IFSW_BC_FORWARDING, IFSW_FORWARDING, MEDIUM_LOOPBACK } from "../abi/netif";
import { IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP, IPV4_DST, IPV4_HDR_LEN, IPV4_SRC } from "../abi/proto";
import {
  NEXT_FORWARD,
  NEXT_ICMP,
  NEXT_IGMP,
  NEXT_OPTIONS,
  NEXT_RAW,
  NEXT_REASSEMBLE,
  NEXT_TCP,
  NEXT_UDP,
} from "../abi/verdict";
import { count } from "../core/counter";
import { addressBroadcastHere, addressKind, KIND_BROADCAST, KIND_OWN } from "../link/address";
import { groupIsJoined } from "../link/group";
import { interfaceSwitch } from "../link/interface-switch";
import { Netif } from "../link/netif";
import { addressFrom4 } from "../memory/address";
import { PB_IP_GROUP, PB_LINK_GROUP, PB_LOOPED, Pbuf } from "../memory/pbuf";
import { Ipv4Hdr, ipv4Check } from "../wire/ipv4";
import { WIRE_OK } from "../wire/ok";
import { flowDestination, flowSource } from "./flow";
import { martianSource } from "./martian";

const FOR_US: u32 = 0;
const FOR_OTHERS: u32 = 1;
/** A broadcast of a network of ours, received on another one. */
const FOR_NETWORK: u32 = 2;

/** The datagram at pb.l3, received on `nif`: afterwards pb.head and pb.len are the datagram without padding, and
 * pb.l4 stands behind the header. */
export function ipv4Input(nif: Netif, pb: Pbuf): u32 {
  count(CTR_IP_IN_RECEIVES);
  const reason = ipv4Check(pb.l3, <u32>(pb.head + pb.len - pb.l3));
  if (reason != WIRE_OK) return reason;
  const ip = changetype<Ipv4Hdr>(pb.l3);
  pb.head = pb.l3;
  pb.len = ip.totalLen;
  pb.l4 = pb.l3 + ip.hdrLen;
  addressFrom4(flowSource(), pb.l3 + IPV4_SRC);
  addressFrom4(flowDestination(), pb.l3 + IPV4_DST);
  const dst = ip.dst;

  const looped = (pb.flags & PB_LOOPED) != 0;
  const loopback = nif.medium == MEDIUM_LOOPBACK;
  if (!loopback && !looped) {
    const bad = martianSource(nif, ip.src, dst);
    if (bad != WIRE_OK && !namelessMember(ip)) return bad;
  }
  let whose = destination(nif, dst, pb, loopback || looped);
  if (whose == FOR_NETWORK) whose = directedBroadcast(nif, pb);
  if (whose >= <u32>DROP_FIRST) return whose;
  if ((pb.flags & (PB_LINK_GROUP | PB_IP_GROUP)) == PB_LINK_GROUP) return DROP_IP_LINK_BROADCAST;
  if (whose == FOR_OTHERS) return NEXT_FORWARD;
  if (pb.l4 != pb.l3 + IPV4_HDR_LEN) return NEXT_OPTIONS;
  return ipv4Local(pb);
}

/** Where a datagram for this host goes, whose options have been dealt with. */
export function ipv4Local(pb: Pbuf): u32 {
  return changetype<Ipv4Hdr>(pb.l3).isFragment ? <u32>NEXT_REASSEMBLE : ipv4Deliver(pb);
}

/** RFC 3376 §4.2.13: members and queriers without an address of their own yet speak IGMP from 0.0.0.0. */
function namelessMember(ip: Ipv4Hdr): bool {
  return ip.src == 0 && ip.proto == IPPROTO_IGMP && ip.dst >>> 28 == 0xe;
}

/** FOR_US, FOR_OTHERS, FOR_NETWORK, or a drop reason; marks datagrams to a group. */
function destination(nif: Netif, dst: u32, pb: Pbuf, inside: bool): u32 {
  if (dst >>> 24 == 127) return nif.medium == MEDIUM_LOOPBACK ? FOR_US : DROP_IP_DEST_LOOPBACK;
  const kind = addressKind(flowDestination());
  if (kind == KIND_OWN) return FOR_US;
  // RFC 1122 §3.3.6: the limited broadcast, and its old form of all zeros.
  if (kind == KIND_BROADCAST || dst == 0xffffffff || dst == 0) {
    pb.flags |= PB_IP_GROUP;
    return inside || kind != KIND_BROADCAST || addressBroadcastHere(nif.index, dst) ? FOR_US : FOR_NETWORK;
  }
  if (dst >>> 28 == 0xe) {
    pb.flags |= PB_IP_GROUP;
    return groupIsJoined(pb.netif, dst) ? FOR_US : DROP_IP_GROUP;
  }
  return dst >>> 28 == 0xf ? DROP_IP_DEST : FOR_OTHERS;
}

/** To a host it is addressed all the same (RFC 1122 §3.3.6, weak host model). A router stops it (RFC 2644), or with
 * IFSW_BC_FORWARDING sends it on, which brings its own copy about; never what was a broadcast of the link already. */
function directedBroadcast(nif: Netif, pb: Pbuf): u32 {
  if (interfaceSwitch(nif, IFSW_FORWARDING) == 0) return FOR_US;
  if (interfaceSwitch(nif, IFSW_BC_FORWARDING) == 0) return DROP_IP_DIRECTED_BROADCAST;
  return (pb.flags & PB_LINK_GROUP) != 0 ? FOR_US : FOR_OTHERS;
}

/** Where a whole datagram for this host goes. */
export function ipv4Deliver(pb: Pbuf): u32 {
  count(CTR_IP_IN_DELIVERS);
  switch (changetype<Ipv4Hdr>(pb.l3).proto) {
    case IPPROTO_UDP:
      return NEXT_UDP;
    case IPPROTO_ICMP:
      return NEXT_ICMP;
    case IPPROTO_IGMP:
      return NEXT_IGMP;
    case IPPROTO_TCP:
      return NEXT_TCP;
    default:
      return NEXT_RAW;
  }
}
