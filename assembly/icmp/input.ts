// ICMP input: RFC 792, RFC 1122 §3.2.2. Echoes are answered in their own buffer; echo replies go to the socket that
// asked; errors go, by verdict, to the transport whose datagram they quote; other types are dropped in silence.

import {
  CTR_ICMP_IN_DEST_UNREACHS,
  CTR_ICMP_IN_ECHO_REPS,
  CTR_ICMP_IN_ECHOS,
  CTR_ICMP_IN_MSGS,
  CTR_ICMP_IN_PARM_PROBS,
  CTR_ICMP_IN_TIME_EXCDS,
  CTR_ICMP_OUT_ECHO_REPS,
  CTR_ICMP_OUT_MSGS,
} from "../abi/counter";
import {
  DROP_ICMP_ECHO_GROUP,
  DROP_ICMP_QUOTE_FOREIGN,
  DROP_ICMP_QUOTE_SHORT,
  DROP_ICMP_TYPE,
  DROP_OUT_NO_ROUTE,
} from "../abi/drop";
import {
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_HDR_LEN,
  ICMP_PARAMETER_PROBLEM,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  IPPROTO_ICMP,
  IPV4_HDR_LEN,
} from "../abi/proto";
import { SW_ICMP_ECHO_BROADCASTS, SW_IP_DEFAULT_TTL } from "../abi/switch";
import { NEXT_DONE, NEXT_ICMP_ERROR } from "../abi/verdict";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { flowDestination, flowSource } from "../ip/flow";
import { ipv4Output } from "../ip/output";
import { PATH_BYTES, Path, pathFind } from "../ip/path";
import { addressFind } from "../link/address";
import { address4 } from "../memory/address";
import { PB_IP_GROUP, PB_REPLY, Pbuf } from "../memory/pbuf";
import { IcmpHdr, icmpCheck, icmpEchoToReply } from "../wire/icmp";
import { Ipv4Hdr } from "../wire/ipv4";
import { WIRE_OK } from "../wire/ok";
import { echoReplyInput } from "./echo";

const PATH: Path = changetype<Path>(memory.data(PATH_BYTES, 8));

/** The message at pb.l4. */
export function icmpInput(pb: Pbuf, ifindex: u32): u32 {
  const len = <u32>(pb.head + pb.len - pb.l4);
  const reason = icmpCheck(pb.l4, len);
  if (reason != WIRE_OK) return reason;
  count(CTR_ICMP_IN_MSGS);
  const icmp = changetype<IcmpHdr>(pb.l4);
  switch (icmp.type) {
    case ICMP_ECHO:
      return echoInput(pb);
    case ICMP_ECHO_REPLY:
      count(CTR_ICMP_IN_ECHO_REPS);
      return echoReplyInput(pb, icmp.id, ifindex);
    case ICMP_UNREACHABLE:
      count(CTR_ICMP_IN_DEST_UNREACHS);
      return errorInput(pb, len);
    case ICMP_TIME_EXCEEDED:
      count(CTR_ICMP_IN_TIME_EXCDS);
      return errorInput(pb, len);
    case ICMP_PARAMETER_PROBLEM:
      count(CTR_ICMP_IN_PARM_PROBS);
      return errorInput(pb, len);
    default:
      return DROP_ICMP_TYPE;
  }
}

/** RFC 1122 §3.2.2.6: the reply comes from the address that was asked, with the data and the TOS of the request. */
function echoInput(pb: Pbuf): u32 {
  count(CTR_ICMP_IN_ECHOS);
  const group = (pb.flags & PB_IP_GROUP) != 0;
  if (group && switchValue(SW_ICMP_ECHO_BROADCASTS) == 0) return DROP_ICMP_ECHO_GROUP;
  const ip = changetype<Ipv4Hdr>(pb.l3);
  const to = ip.src;
  if (pathFind(PATH, flowSource(), 0) < 0) return DROP_OUT_NO_ROUTE;
  const from = group ? PATH.source : ip.dst;
  const tos = ip.tos;
  pb.len -= <u32>(pb.l4 - pb.head);
  pb.head = pb.l4;
  pb.flags = PB_REPLY;
  icmpEchoToReply(pb.head);
  count(CTR_ICMP_OUT_MSGS);
  count(CTR_ICMP_OUT_ECHO_REPS);
  ipv4Output(pb, PATH, from, to, IPPROTO_ICMP, switchValue(SW_IP_DEFAULT_TTL), tos, false);
  return NEXT_DONE;
}

/** An error must quote a header and 64 bits of a datagram that this host has sent. The flow becomes the quoted one. */
function errorInput(pb: Pbuf, len: u32): u32 {
  const quote = pb.l4 + ICMP_HDR_LEN;
  const room = len - ICMP_HDR_LEN;
  if (room < <u32>IPV4_HDR_LEN + 8) return DROP_ICMP_QUOTE_SHORT;
  const ip = changetype<Ipv4Hdr>(quote);
  const hdrLen = ip.hdrLen;
  if (ip.version != 4 || hdrLen < <u32>IPV4_HDR_LEN || room < hdrLen + 8) return DROP_ICMP_QUOTE_SHORT;
  address4(flowSource(), ip.src);
  address4(flowDestination(), ip.dst);
  if (addressFind(flowSource()) === null && ip.src >>> 24 != 127) return DROP_ICMP_QUOTE_FOREIGN;
  // A later fragment has no transport header to be found by.
  if (ip.offsetBytes != 0) return DROP_ICMP_QUOTE_FOREIGN;
  return NEXT_ICMP_ERROR;
}

/** Header of the datagram which the error at pb.l4 quotes. */
export function icmpQuoted(pb: Pbuf): Ipv4Hdr {
  return changetype<Ipv4Hdr>(pb.l4 + ICMP_HDR_LEN);
}
