// ICMP input: RFC 792, RFC 1122 §3.2.2. Echoes are answered in their own buffer; echo replies go to the socket that
// asked; errors go, by verdict, to the transport whose datagram they quote; other types are dropped in silence.

import {
  CTR_ICMP_IN_DEST_UNREACHS,
  CTR_ICMP_IN_ECHO_REPS,
  CTR_ICMP_IN_ECHOS,
  CTR_ICMP_IN_MSGS,
  CTR_ICMP_IN_PARM_PROBS,
  CTR_ICMP_IN_REDIRECTS,
  CTR_ICMP_IN_SRC_QUENCHS,
  CTR_ICMP_IN_TIME_EXCDS,
  CTR_ICMP_IN_TIMESTAMP_REPS,
  CTR_ICMP_OUT_ECHO_REPS,
} from "../abi/counter";
import { DROP_ICMP_DEPRECATED, DROP_ICMP_ECHO_GROUP, DROP_ICMP_REPLY_UNWANTED, DROP_ICMP_TYPE } from "../abi/drop";
import {
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_INFO_REPLY,
  ICMP_INFO_REQUEST,
  ICMP_MASK_REPLY,
  ICMP_MASK_REQUEST,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_TIMESTAMP,
  ICMP_TIMESTAMP_REPLY,
  ICMP_UNREACHABLE,
} from "../abi/proto";
import { SW_ICMP_ECHO_BROADCASTS, SW_ICMP_ECHO_IGNORE_ALL } from "../abi/switch";
import { NEXT_ICMP_ERROR } from "../abi/verdict";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { netifAt } from "../link/netif";
import { PB_IP_GROUP, Pbuf } from "../memory/pbuf";
import { IcmpHdr, icmpCheck, icmpEchoToReply } from "../wire/icmp";
import { WIRE_OK } from "../wire/ok";
import { echoReplyInput } from "./echo";
import { quoteInput } from "./quote";
import { redirectInput } from "./redirect";
import { icmpReply } from "./reply";
import { timestampInput } from "./timestamp";

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
      return quoteInput(pb, len);
    case ICMP_REDIRECT: {
      count(CTR_ICMP_IN_REDIRECTS);
      const quoted = quoteInput(pb, len);
      return quoted == NEXT_ICMP_ERROR ? redirectInput(netifAt(ifindex - 1), pb) : quoted;
    }
    case ICMP_TIME_EXCEEDED:
      count(CTR_ICMP_IN_TIME_EXCDS);
      return quoteInput(pb, len);
    case ICMP_PARAMETER_PROBLEM:
      count(CTR_ICMP_IN_PARM_PROBS);
      return quoteInput(pb, len);
    case ICMP_TIMESTAMP:
      return timestampInput(pb, len);
    case ICMP_TIMESTAMP_REPLY:
      count(CTR_ICMP_IN_TIMESTAMP_REPS);
      return DROP_ICMP_REPLY_UNWANTED;
    case ICMP_SOURCE_QUENCH:
      // RFC 6633 §3: ignored.
      count(CTR_ICMP_IN_SRC_QUENCHS);
      return DROP_ICMP_DEPRECATED;
    case ICMP_INFO_REQUEST:
    case ICMP_INFO_REPLY:
    case ICMP_MASK_REQUEST:
    case ICMP_MASK_REPLY:
      // RFC 6918 §2.
      return DROP_ICMP_DEPRECATED;
    default:
      return DROP_ICMP_TYPE;
  }
}

/** RFC 1122 §3.2.2.6: answered with its own data. */
function echoInput(pb: Pbuf): u32 {
  count(CTR_ICMP_IN_ECHOS);
  if (switchValue(SW_ICMP_ECHO_IGNORE_ALL) != 0) return DROP_ICMP_ECHO_GROUP;
  const group = (pb.flags & PB_IP_GROUP) != 0;
  if (group && switchValue(SW_ICMP_ECHO_BROADCASTS) == 0) return DROP_ICMP_ECHO_GROUP;
  icmpEchoToReply(pb.l4);
  return icmpReply(pb, CTR_ICMP_OUT_ECHO_REPS);
}
