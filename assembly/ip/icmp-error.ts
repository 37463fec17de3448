// Building ICMP errors: RFC 792, RFC 1122 §3.2.2 (what must never be answered), RFC 1812 §4.3.2.3 (how much is
// quoted), §4.3.2.4 (whose address) and §4.3.2.5 (TOS). Every later layer needs it, so it stands with IP.

import {
  CTR_ICMP_OUT_DEST_UNREACHS,
  CTR_ICMP_OUT_MSGS,
  CTR_ICMP_OUT_PARM_PROBS,
  CTR_ICMP_OUT_REDIRECTS,
  CTR_ICMP_OUT_TIME_EXCDS,
} from "../abi/counter";
import { DROP_ICMP_ERROR_FORBIDDEN, DROP_OUT_NO_BUFFER, DROP_OUT_NO_ROUTE } from "../abi/drop";
import { OWNER_STACK, PBUF_SMALL } from "../abi/pbuf";
import {
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_HDR_LEN,
  ICMP_MASK_REPLY,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_TIMESTAMP,
  ICMP_UNREACHABLE,
  IPPROTO_ICMP,
} from "../abi/proto";
import { count, drop } from "../core/counter";
import { addressFind, addressKind, KIND_BROADCAST } from "../link/address";
import { address4 } from "../memory/address";
import { PB_IP_GROUP, PB_LINK_GROUP, Pbuf, pbufAlloc } from "../memory/pbuf";
import { IcmpHdr, icmpEmit } from "../wire/icmp";
import { Ipv4Hdr } from "../wire/ipv4";
import { WIRE_OK } from "../wire/ok";
import { icmpRateTake } from "./icmp-rate";
import { PATH_LOCAL, Path } from "./path";
import { replyHeaderLen, replyOutput, replyPath } from "./reply";

/** Longest error datagram (RFC 1812 §4.3.2.3). */
const ERROR_MAX: u32 = 576;

const TO: usize = memory.data(16, 8);
const FROM: usize = memory.data(16, 8);
/** RFC 1812 §4.3.2.5: errors have the precedence of internetwork control, and the TOS of what brought them about. */
const PRECEDENCE: u32 = 0xc0;
const TOS_BITS: u32 = 0x1e;

/** Sends an error about the datagram at pb.l3 to its source; `rest` is bytes 4 to 7. The caller keeps `pb`. */
export function icmpError(pb: Pbuf, type: u32, code: u32, rest: u32): void {
  if (!allowed(pb)) {
    count(DROP_ICMP_ERROR_FORBIDDEN);
    return;
  }
  const ip = changetype<Ipv4Hdr>(pb.l3);
  address4(FROM, ip.dst);
  const found = replyPath(pb, false);
  if (found < 0) {
    count(DROP_OUT_NO_ROUTE);
    return;
  }
  const path = changetype<Path>(found);
  // By another link than the one it is about it would name no first hop (RFC 1812 §5.2.7.2).
  if (type == ICMP_REDIRECT && path.netif != pb.netif) return;
  // The rate is for networks: what goes to this host itself is no flood, and a sender's to know.
  const refused = path.kind == PATH_LOCAL ? WIRE_OK : icmpRateTake(TO);
  if (refused != WIRE_OK) {
    count(refused);
    return;
  }
  const error = pbufAlloc(PBUF_SMALL, OWNER_STACK, true);
  if (error === null) {
    count(DROP_OUT_NO_BUFFER);
    return;
  }
  const quote = min<u32>(ip.totalLen, ERROR_MAX - replyHeaderLen() - ICMP_HDR_LEN);
  memory.copy(error.head + ICMP_HDR_LEN, pb.l3, quote);
  error.len = ICMP_HDR_LEN + quote;
  icmpEmit(error.head, type, code, rest, error.len);
  count(CTR_ICMP_OUT_MSGS);
  countType(type);
  // The address that was asked, if it is ours; else that of the interface the error leaves by.
  const src = addressFind(FROM) !== null || ip.dst >>> 24 == 127 ? ip.dst : path.source;
  replyOutput(error, path, src, (ip.tos & TOS_BITS) | PRECEDENCE);
}

function countType(type: u32): void {
  switch (type) {
    case ICMP_UNREACHABLE:
      count(CTR_ICMP_OUT_DEST_UNREACHS);
      break;
    case ICMP_REDIRECT:
      count(CTR_ICMP_OUT_REDIRECTS);
      break;
    case ICMP_TIME_EXCEEDED:
      count(CTR_ICMP_OUT_TIME_EXCDS);
      break;
    case ICMP_PARAMETER_PROBLEM:
      count(CTR_ICMP_OUT_PARM_PROBS);
      break;
    default:
      assert(false);
  }
}

/** Answers the datagram with an error and drops it under `reason`. */
export function icmpErrorAndDrop(pb: Pbuf, type: u32, code: u32, reason: u32): void {
  icmpError(pb, type, code, 0);
  drop(pb, reason);
}

/** RFC 1122 §3.2.2: never about an error (or an ICMP message that could be one: all but the queries and their replies),
 * a broadcast or multicast, a later fragment, or an unusable source. */
function allowed(pb: Pbuf): bool {
  if ((pb.flags & (PB_LINK_GROUP | PB_IP_GROUP)) != 0) return false;
  const ip = changetype<Ipv4Hdr>(pb.l3);
  if (ip.offsetBytes != 0) return false;
  const src = ip.src;
  if (src == 0 || src >= 0xe0000000) return false;
  address4(TO, src);
  if (addressKind(TO) == KIND_BROADCAST) return false;
  if (ip.proto != IPPROTO_ICMP) return true;
  if (ip.totalLen < ip.hdrLen + 1) return false;
  const type = changetype<IcmpHdr>(pb.l3 + ip.hdrLen).type;
  return type == ICMP_ECHO || type == ICMP_ECHO_REPLY || (type >= <u32>ICMP_TIMESTAMP && type <= <u32>ICMP_MASK_REPLY);
}
