// Datagrams with options: RFC 791 §3.1, RFC 1122 §3.2.1.8 and §3.3.5, RFC 1812 §5.2.4.1, §5.3.13. All are checked before
// anything else is done with the datagram. Source routes are refused, finished ones too, unless the interface accepts
// them (RFC 7126 §4.3, as Linux); with them a host passes a datagram on even if it is no router (RFC 1122 §3.3.5).

import { CTR_IP_SOURCE_ROUTED } from "../abi/counter";
import { DROP_IP_OPTIONS, DROP_IP_SOURCE_ROUTE, DROP_IP_SOURCE_ROUTE_FAILED } from "../abi/drop";
import { IFSW_ACCEPT_SOURCE_ROUTE } from "../abi/netif";
import { ICMP_PARAMETER_PROBLEM, ICMP_UNREACH_SRCFAIL, ICMP_UNREACHABLE, IPOPT_SSRR, IPV4_DST } from "../abi/proto";
import { NEXT_FORWARD } from "../abi/verdict";
import { count } from "../core/counter";
import { addressFind, addressKind, KIND_FOREIGN, KIND_OWN, sourceFor } from "../link/address";
import { interfaceSwitch } from "../link/interface-switch";
import { Netif } from "../link/netif";
import { addressCopy, addressEqual, addressFrom4, addressV4 } from "../memory/address";
import { load32, store32 } from "../memory/endian";
import { PB_IP_GROUP, PB_LINK_GROUP, PB_SOURCE_ROUTED, Pbuf } from "../memory/pbuf";
import { Ipv4Hdr, ipv4EmitChecksum } from "../wire/ipv4";
import {
  Ipv4Options,
  ipv4OptionsParse,
  optionAdvance,
  optionEntry,
  optionOpen,
  timestampExhausted,
} from "../wire/ipv4-options";
import { WIRE_OK } from "../wire/ok";
import { flowDestination } from "./flow";
import { icmpError } from "./icmp-error";
import { ipv4Local } from "./input";
import { PATH_BYTES, PATH_UNICAST, Path, pathFind } from "./path";
import { optionsRecord } from "./record";

const O: Ipv4Options = changetype<Ipv4Options>(memory.data(offsetof<Ipv4Options>(), 4));
const PATH: Path = changetype<Path>(memory.data(PATH_BYTES, 8));
const NEXT: usize = memory.data(16, 8);

/** The datagram at pb.l3, received on `nif`, is for this host and has options. */
export function optionsInput(nif: Netif, pb: Pbuf): u32 {
  const reason = check(nif, pb);
  if (reason != WIRE_OK) return reason;
  if (O.sourceRoute != 0 && optionOpen(pb.l3 + O.sourceRoute)) {
    return (pb.flags & (PB_LINK_GROUP | PB_IP_GROUP)) != 0 ? failed(pb) : sourceRoute(pb, pb.l3 + O.sourceRoute);
  }
  const hdrLen = <u32>(pb.l4 - pb.l3);
  const ip = changetype<Ipv4Hdr>(pb.l3);
  const own = addressFind(flowDestination()) !== null ? ip.dst : sourceFor(nif.index, ip.src);
  optionsRecord(pb.l3, hdrLen, own, own, true);
  return ipv4Local(pb);
}

/** The datagram at pb.l3, received on `nif`, is to be forwarded and has options: WIRE_OK, or why not, with its source
 * told. */
export function optionsTransit(nif: Netif, pb: Pbuf): u32 {
  if ((pb.flags & PB_SOURCE_ROUTED) != 0) return WIRE_OK;
  const reason = check(nif, pb);
  if (reason != WIRE_OK) return reason;
  // A strict source route leads to no station that it does not name.
  if (O.sourceRoute != 0 && load<u8>(pb.l3 + O.sourceRoute) == IPOPT_SSRR) return failed(pb);
  return WIRE_OK;
}

/** The datagram at pb.l3 is about to leave by the interface `out` to `nextHop`. */
export function optionsForward(out: Netif, nextHop: usize, pb: Pbuf): void {
  // RFC 1812 §4.2.2.2: the address on the side of departure, for timestamps too. Linux enters that of arrival there.
  const own = sourceFor(out.index, addressV4(nextHop));
  optionsRecord(pb.l3, changetype<Ipv4Hdr>(pb.l3).hdrLen, own, own, true);
}

/** Are all options right, and no source route that is not accepted? Leaves them in O. */
function check(nif: Netif, pb: Pbuf): u32 {
  const ip = changetype<Ipv4Hdr>(pb.l3);
  let right = ipv4OptionsParse(pb.l3, ip.hdrLen, O);
  if (right && O.timestamp != 0 && timestampExhausted(pb.l3 + O.timestamp)) {
    O.fault = O.timestamp + 3;
    right = false;
  }
  if (!right) {
    // RFC 1122 §3.2.2.5, RFC 792: the pointer is in the first octet.
    icmpError(pb, ICMP_PARAMETER_PROBLEM, 0, O.fault << 24);
    return DROP_IP_OPTIONS;
  }
  if (O.sourceRoute == 0 || interfaceSwitch(nif, IFSW_ACCEPT_SOURCE_ROUTE) != 0) return WIRE_OK;
  icmpError(pb, ICMP_UNREACHABLE, ICMP_UNREACH_SRCFAIL, 0);
  return DROP_IP_SOURCE_ROUTE;
}

function failed(pb: Pbuf): u32 {
  // Some stops may be behind it.
  ipv4EmitChecksum(pb.l3, <u32>(pb.l4 - pb.l3));
  icmpError(pb, ICMP_UNREACHABLE, ICMP_UNREACH_SRCFAIL, 0);
  return DROP_IP_SOURCE_ROUTE_FAILED;
}

/** The route at `route` is not at its end: the next stop becomes the destination, and in its place stands the address
 * by which we go there (RFC 791 §3.1, RFC 1812 §5.2.4.1). Stops that are ourselves are passed at once. */
function sourceRoute(pb: Pbuf, route: usize): u32 {
  const hdrLen = <u32>(pb.l4 - pb.l3);
  while (optionOpen(route)) {
    const entry = optionEntry(route);
    addressFrom4(NEXT, entry);
    // 127/8 is ours, but no stop on a way over wires.
    const own = addressKind(NEXT) == KIND_OWN && addressV4(NEXT) >>> 24 != 127;
    const from = own ? changetype<Ipv4Hdr>(pb.l3).dst : departure(route);
    if (from == 0) return failed(pb);
    store<u32>(pb.l3, load<u32>(entry), IPV4_DST);
    store32(entry, from);
    optionAdvance(route, 4);
    if (own) continue;
    ipv4EmitChecksum(pb.l3, hdrLen);
    addressCopy(flowDestination(), NEXT);
    pb.flags |= PB_SOURCE_ROUTED;
    count(CTR_IP_SOURCE_ROUTED);
    return NEXT_FORWARD;
  }
  ipv4EmitChecksum(pb.l3, hdrLen);
  addressCopy(flowDestination(), NEXT);
  const dst = load32(pb.l3 + IPV4_DST);
  optionsRecord(pb.l3, hdrLen, dst, dst, true);
  return ipv4Local(pb);
}

/** The address by which this host goes to the stop NEXT; 0 if it is none, or out of reach: a strict route asks for one on
 * a connected network. */
function departure(route: usize): u32 {
  const v4 = addressV4(NEXT);
  if (v4 >>> 24 == 0 || v4 >>> 24 == 127 || v4 >= 0xe0000000 || addressKind(NEXT) != KIND_FOREIGN) return 0;
  if (pathFind(PATH, NEXT, 0) < 0 || PATH.kind != PATH_UNICAST) return 0;
  if (load<u8>(route) == IPOPT_SSRR && !addressEqual(changetype<usize>(PATH), NEXT)) return 0;
  return PATH.source;
}
