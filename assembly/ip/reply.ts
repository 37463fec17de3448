// Where an answer goes and with which options: back the way that the datagram's source route came (RFC 1122 §3.2.1.8 c,
// RFC 1812 §4.3.2.6), an echo's and a timestamp's with record route and timestamp options too (RFC 1122 §3.2.2.6 and
// §3.2.2.8).

import { E_NETUNREACH } from "../abi/errno";
import { IFSW_ACCEPT_SOURCE_ROUTE } from "../abi/netif";
import { IPOPT_MAX_LEN, IPPROTO_ICMP, IPV4_HDR_LEN } from "../abi/proto";
import { SW_IP_DEFAULT_TTL } from "../abi/switch";
import { switchValue } from "../core/switch";
import { addressFind } from "../link/address";
import { interfaceSwitch } from "../link/interface-switch";
import { netifAt } from "../link/netif";
import { address4, addressFrom4 } from "../memory/address";
import { store32 } from "../memory/endian";
import { Pbuf } from "../memory/pbuf";
import { Ipv4Hdr } from "../wire/ipv4";
import { Ipv4Options, ipv4OptionsParse, optionAdvance, optionEntry, optionsPad } from "../wire/ipv4-options";
import { optionsReply, returnHop, returnRoute } from "../wire/ipv4-return";
import { ipv4Output, ipv4OutputOptions } from "./output";
import { PATH_BROADCAST, Path } from "./path";
import { pathTo } from "./path-cache";

@unmanaged
class ReplyState {
  /** First stop of the answer. */
  hop: u32;
  optionsLen: u32;
}

const R: ReplyState = changetype<ReplyState>(memory.data(offsetof<ReplyState>(), 4));
const O: Ipv4Options = changetype<Ipv4Options>(memory.data(offsetof<Ipv4Options>(), 4));
/** The header that is answered, as it reached us, and the options of the answer. */
const HEADER: usize = memory.data(IPV4_HDR_LEN + IPOPT_MAX_LEN, 4);
const OPTIONS: usize = memory.data(IPOPT_MAX_LEN, 4);
const ADDRESS: usize = memory.data(16, 8);

/** Address of the Path of an answer to the datagram at pb.l3, the cache's; or -errno. `reflect`: record route and
 * timestamp options go with it. replyOutput() sends it. */
export function replyPath(pb: Pbuf, reflect: bool): i32 {
  const ip = changetype<Ipv4Hdr>(pb.l3);
  R.hop = ip.src;
  R.optionsLen = 0;
  const hdrLen = ip.hdrLen;
  if (hdrLen != IPV4_HDR_LEN && ipv4OptionsParse(pb.l3, hdrLen, O)) takeOptions(pb, hdrLen, reflect);
  address4(ADDRESS, R.hop);
  const found = pathTo(ADDRESS, 0);
  if (found < 0) return found;
  // RFC 1122 §3.2.2: an answer goes to one host, whatever a source route has recorded.
  return changetype<Path>(found).kind >= <u32>PATH_BROADCAST ? -E_NETUNREACH : found;
}

function takeOptions(pb: Pbuf, hdrLen: u32, reflect: bool): void {
  memory.copy(HEADER, pb.l3, hdrLen);
  // RFC 1812 §4.3.2.6: not where source routes are refused.
  if (interfaceSwitch(netifAt(pb.netif), IFSW_ACCEPT_SOURCE_ROUTE) == 0) O.sourceRoute = 0;
  if (O.sourceRoute != 0) forgetOurselves(HEADER + O.sourceRoute);
  R.hop = bswap<u32>(returnHop(HEADER, O));
  R.optionsLen = reflect ? optionsReply(OPTIONS, HEADER, O) : optionsPad(OPTIONS, returnRoute(OPTIONS, HEADER, O));
}

/** Writes to `to` the way back to the source of the datagram at pb.l3, as a socket has a source route: the first stop
 * first. Answers its bytes; 0 if the datagram came by none, or by one that is not accepted. */
export function replyRoute(pb: Pbuf, to: usize): u32 {
  const ip = changetype<Ipv4Hdr>(pb.l3);
  const hdrLen = ip.hdrLen;
  if (hdrLen == IPV4_HDR_LEN || !ipv4OptionsParse(pb.l3, hdrLen, O)) return 0;
  takeOptions(pb, hdrLen, false);
  if (R.optionsLen == 0) return 0;
  const len = <u32>load<u8>(OPTIONS, 1);
  memory.copy(to, OPTIONS, 3);
  store32(to + 3, R.hop);
  // The source, which stands last, is whom the socket sends to.
  memory.copy(to + 7, OPTIONS + 3, len - 7);
  return len;
}

/** What we have entered into the route since it came is no stop on the way back. */
function forgetOurselves(route: usize): void {
  // A pointer may be anywhere behind the end.
  store<u8>(route, <u8>min<u32>(load<u8>(route, 2), <u32>load<u8>(route, 1) + 1), 2);
  while (load<u8>(route, 2) > 4) {
    addressFrom4(ADDRESS, optionEntry(route) - 4);
    if (addressFind(ADDRESS) === null) return;
    optionAdvance(route, -4);
  }
}

/** Bytes of the answer's IP header. */
export function replyHeaderLen(): u32 {
  return IPV4_HDR_LEN + R.optionsLen;
}

/** Sends the ICMP message at pb.head from `src` by the path that replyPath() found: as ipv4Output. */
export function replyOutput(pb: Pbuf, path: Path, src: u32, tos: u32): i32 {
  const ttl = switchValue(SW_IP_DEFAULT_TTL);
  if (R.optionsLen == 0) return ipv4Output(pb, path, src, R.hop, IPPROTO_ICMP, ttl, tos, false);
  return ipv4OutputOptions(pb, path, src, R.hop, IPPROTO_ICMP, ttl, tos, false, OPTIONS, R.optionsLen);
}
