// Forwarding: RFC 1812 §5.2.1.2 and §5.3 in that order. May it be forwarded at all, by which route, has it time to
// live, is its sender told of a better first hop, does it fit the next link. One drop reason a guard. What does not end
// at a guard goes on in the buffer it came in.

import { CTR_IP_FORW_DATAGRAMS } from "../abi/counter";
import {
  DROP_FWD_BLACKHOLE,
  DROP_FWD_DEST,
  DROP_FWD_NEED_FRAGMENT,
  DROP_FWD_NO_ROUTE,
  DROP_FWD_PROHIBITED,
  DROP_FWD_TTL,
  DROP_FWD_UNREACHABLE,
  DROP_IP_NOT_FORWARDING,
} from "../abi/drop";
import { IFSW_FORWARDING, MEDIUM_ETHERNET, MEDIUM_LOOPBACK } from "../abi/netif";
import {
  ICMP_TIME_EXCEEDED,
  ICMP_TIME_EXCEEDED_TRANSIT,
  ICMP_UNREACH_HOST,
  ICMP_UNREACH_NEEDFRAG,
  ICMP_UNREACH_NET,
  ICMP_UNREACH_PROHIBITED,
  ICMP_UNREACHABLE,
  IPV4_FLAG_DF,
  IPV4_HDR_LEN,
} from "../abi/proto";
import { RTF_BLACKHOLE, RTF_GATEWAY, RTF_MULTIPATH, RTF_PROHIBIT, RTF_REJECT } from "../abi/route";
import { NEXT_DONE } from "../abi/verdict";
import { count } from "../core/counter";
import { hash8 } from "../core/hash";
import { interfaceSwitch } from "../link/interface-switch";
import { neighAnyFailed, neighOutput } from "../link/neigh";
import { Netif, netifByIndex, netifTransmit } from "../link/netif";
import { PB_IP_GROUP, PB_SOURCE_ROUTED, Pbuf } from "../memory/pbuf";
import { NextHop, nexthopAt } from "../route/nexthop";
import { route4Lookup, routeMember } from "../route/table";
import { Ipv4Hdr, ipv4DecrementTtl } from "../wire/ipv4";
import { WIRE_OK } from "../wire/ok";
import { flowDestination } from "./flow";
import { ipv4FragmentTo } from "./fragment";
import { gatewayAlive } from "./gateway";
import { icmpError } from "./icmp-error";
import { optionsForward, optionsTransit } from "./options";
import { ipv4Send } from "./output";
import { PATH_BROADCAST, PATH_BYTES, Path } from "./path";
import { redirectOutput } from "./redirect";

const PATH: Path = changetype<Path>(memory.data(PATH_BYTES, 8));
const GATEWAY: u32 = offsetof<NextHop>("gateway0");

/** 169.254/16 */
function isLinkLocal(v4: u32): bool {
  return v4 >>> 16 == 0xa9fe;
}

/** The datagram at pb.l3, received on `nif`, is for somebody else. */
export function ipv4Forward(nif: Netif, pb: Pbuf): u32 {
  if (interfaceSwitch(nif, IFSW_FORWARDING) == 0 && (pb.flags & PB_SOURCE_ROUTED) == 0) return DROP_IP_NOT_FORWARDING;
  const ip = changetype<Ipv4Hdr>(pb.l3);
  const plain = pb.l4 == pb.l3 + IPV4_HDR_LEN;
  if (!plain) {
    const bad = optionsTransit(nif, pb);
    if (bad != WIRE_OK) return bad;
  }
  const dst = ip.dst;
  // RFC 1812 §5.3.7, RFC 3927 §7. Input has sorted out 127/8, groups, class E and bad sources; but over lo comes what
  // this host source-routes from 127/8 (RFC 1122 §3.2.1.3 g).
  const src = ip.src;
  if (dst >>> 24 == 0 || isLinkLocal(dst) || isLinkLocal(src) || src >>> 24 == 127) return DROP_FWD_DEST;

  // All of a flow goes by one of several ways of equal cost (RFC 2992).
  let found = route4Lookup(dst);
  if ((nexthopAt(found).flags & RTF_MULTIPATH) != 0) found = routeMember(found, hash8(((<u64>ip.src) << 32) | dst));
  if (neighAnyFailed()) found = gatewayAlive(dst, found, 0);
  if (found == 0) return unreachable(pb, ICMP_UNREACH_NET, DROP_FWD_NO_ROUTE);
  const hop = nexthopAt(found);
  if ((hop.flags & RTF_REJECT) != 0) return rejected(pb, hop.flags);
  const out = netifByIndex(hop.ifindex);
  // A route of our own into lo swallows what is behind it.
  if (out === null || out.medium == MEDIUM_LOOPBACK) return unreachable(pb, ICMP_UNREACH_HOST, DROP_FWD_UNREACHABLE);
  if (ip.ttl <= 1) {
    icmpError(pb, ICMP_TIME_EXCEEDED, ICMP_TIME_EXCEEDED_TRANSIT, 0);
    return DROP_FWD_TTL;
  }
  const long = pb.len > out.mtu;
  if (long && (ip.flagsOffset & IPV4_FLAG_DF) != 0) {
    // RFC 1191 §4: the next hop's MTU, where the field was unused.
    icmpError(pb, ICMP_UNREACHABLE, ICMP_UNREACH_NEEDFRAG, out.mtu);
    return DROP_FWD_NEED_FRAGMENT;
  }
  ipv4DecrementTtl(pb.l3);
  count(CTR_IP_FORW_DATAGRAMS);
  pb.netif = out.index;
  if ((pb.flags & PB_IP_GROUP) != 0) {
    if (!plain) optionsForward(out, flowDestination(), pb);
    return broadcast(pb, out);
  }
  const nextHop = (hop.flags & RTF_GATEWAY) != 0 ? changetype<usize>(hop) + GATEWAY : flowDestination();
  if (out == nif) redirectOutput(nif, pb, nextHop);
  if (!plain) optionsForward(out, nextHop, pb);
  if (long) ipv4FragmentTo(pb, out, nextHop);
  else if (out.medium == MEDIUM_ETHERNET) neighOutput(out, nextHop, pb);
  else netifTransmit(out, pb);
  return NEXT_DONE;
}

/** A directed broadcast goes on as one of that link, and like all that we send to a group comes back by lo. */
function broadcast(pb: Pbuf, out: Netif): u32 {
  PATH.netif = out.index;
  PATH.mtu = out.mtu;
  PATH.kind = <u8>PATH_BROADCAST;
  ipv4Send(pb, PATH);
  return NEXT_DONE;
}

function unreachable(pb: Pbuf, code: u32, reason: u32): u32 {
  icmpError(pb, ICMP_UNREACHABLE, code, 0);
  return reason;
}

/** By a route that rejects: in silence, as prohibited (RFC 1812 §5.2.7.1, code 13), or as unreachable. */
function rejected(pb: Pbuf, flags: u32): u32 {
  if ((flags & RTF_BLACKHOLE) != 0) return DROP_FWD_BLACKHOLE;
  if ((flags & RTF_PROHIBIT) != 0) return unreachable(pb, ICMP_UNREACH_PROHIBITED, DROP_FWD_PROHIBITED);
  return unreachable(pb, ICMP_UNREACH_HOST, DROP_FWD_UNREACHABLE);
}
