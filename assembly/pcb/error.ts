// ICMP errors on their way to a socket: RFC 1122 §3.2.2.1 and §4.1.3.3. A connected socket gets the error on its next
// call, as Linux maps it; an unconnected one finds it in a bounded queue with the destination it concerns, and its
// calls never fail for another peer.

import { CTR_ICMP_IN_ERRORS_MATCHED } from "../abi/counter";
import { DROP_ICMP_PMTU } from "../abi/drop";
import {
  E_CONNREFUSED,
  E_HOSTDOWN,
  E_HOSTUNREACH,
  E_MSGSIZE,
  E_NETUNREACH,
  E_NONET,
  E_NOPROTOOPT,
  E_OPNOTSUPP,
  E_PROTO,
  E_REMOTEIO,
} from "../abi/errno";
import { EVENT_ERROR } from "../abi/event";
import {
  ICMP_HDR_LEN,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_UNREACH_HOST_UNKNOWN,
  ICMP_UNREACH_ISOLATED,
  ICMP_UNREACH_NEEDFRAG,
  ICMP_UNREACH_NET,
  ICMP_UNREACH_NET_PROHIBITED,
  ICMP_UNREACH_NET_TOS,
  ICMP_UNREACH_NET_UNKNOWN,
  ICMP_UNREACH_PORT,
  ICMP_UNREACH_PROTOCOL,
  ICMP_UNREACH_SRCFAIL,
  ICMP_UNREACHABLE,
  IPPROTO_UDP,
} from "../abi/proto";
import { OPT_MTU_DISCOVER, PMTUDISC_DONT } from "../abi/socket";
import { NEXT_FREE } from "../abi/verdict";
import { count } from "../core/counter";
import { eventSocket } from "../core/event";
import { flowDestination } from "../ip/flow";
import { pathMtuInput } from "../ip/path-mtu";
import { address4, addressCopy } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { IcmpHdr } from "../wire/icmp";
import { Ipv4Hdr } from "../wire/ipv4";
import { DEMUX_FULL } from "./demux";
import { pcbFirstHop } from "./options";
import { optionOf, Pcb, pcbIndex } from "./pcb";
import { pcbQueueError } from "./receive";

/** The errno of an ICMP error, as Linux maps it (net/ipv4/icmp.c, icmp_err_convert; 11 EHOSTUNREACH, 12 EPROTO,
 * and 5 EREMOTEIO in the queue only). */
export function errnoOfIcmp(type: u32, code: u32): u32 {
  if (type == ICMP_PARAMETER_PROBLEM) return E_PROTO;
  if (type == ICMP_REDIRECT) return E_REMOTEIO;
  if (type != ICMP_UNREACHABLE) return E_HOSTUNREACH;
  switch (code) {
    case ICMP_UNREACH_NET:
    case ICMP_UNREACH_NET_UNKNOWN:
    case ICMP_UNREACH_NET_PROHIBITED:
    case ICMP_UNREACH_NET_TOS:
      return E_NETUNREACH;
    case ICMP_UNREACH_HOST_UNKNOWN:
      return E_HOSTDOWN;
    case ICMP_UNREACH_ISOLATED:
      return E_NONET;
    case ICMP_UNREACH_PROTOCOL:
      return E_NOPROTOOPT;
    case ICMP_UNREACH_PORT:
      return E_CONNREFUSED;
    case ICMP_UNREACH_NEEDFRAG:
      return E_MSGSIZE;
    case ICMP_UNREACH_SRCFAIL:
      return E_OPNOTSUPP;
    default:
      return E_HOSTUNREACH;
  }
}

/** The error at pb.l4 concerns a datagram of this block to flowDestination(), `port` (an echo's sequence number). */
export function pcbError(p: Pcb, pb: Pbuf, port: u32): u32 {
  const icmp = changetype<IcmpHdr>(pb.l4);
  const tooLong = icmp.type == ICMP_UNREACHABLE && icmp.code == ICMP_UNREACH_NEEDFRAG;
  const quoted = changetype<Ipv4Hdr>(pb.l4 + ICMP_HDR_LEN);
  // With a source route, it is the way to the first stop that this block looks up.
  if (tooLong && !pathMtuInput(quoted, pcbFirstHop(p, flowDestination()), icmp.mtu)) return DROP_ICMP_PMTU;
  count(CTR_ICMP_IN_ERRORS_MATCHED);
  // Who wants fragments has them from now on, and lost nothing that it could send otherwise.
  if (tooLong && optionOf(p, OPT_MTU_DISCOVER) == PMTUDISC_DONT) return NEXT_FREE;
  const errno = errnoOfIcmp(icmp.type, icmp.code);
  if (p.level == DEMUX_FULL && p.proto == IPPROTO_UDP) {
    // A redirect is no failure of what was sent.
    if (icmp.type == ICMP_REDIRECT) return NEXT_FREE;
    p.error = errno;
    eventSocket(pcbIndex(p), EVENT_ERROR);
    return NEXT_FREE;
  }
  pcbReport(p, pb, port, errno);
  return NEXT_FREE;
}

/** Queues the error at pb.l4 for the application. */
export function pcbReport(p: Pcb, pb: Pbuf, port: u32, errno: u32): void {
  const icmp = changetype<IcmpHdr>(pb.l4);
  const e = pcbQueueError(p);
  if (e === null) return;
  addressCopy(changetype<usize>(e), flowDestination());
  address4(changetype<usize>(e) + 16, changetype<Ipv4Hdr>(pb.l3).src);
  e.port = port;
  e.errno = errno;
  e.icmp = (icmp.type << 8) | icmp.code;
  e.rest = icmp.rest;
}
