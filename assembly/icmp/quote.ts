// What an ICMP error quotes: RFC 792, RFC 1122 §3.2.2. A datagram that this host has sent, of which enough is there to
// find who sent it.

import { DROP_ICMP_QUOTE_FOREIGN, DROP_ICMP_QUOTE_SHORT } from "../abi/drop";
import { MEDIUM_LOOPBACK } from "../abi/netif";
import { ICMP_HDR_LEN, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPV4_HDR_LEN } from "../abi/proto";
import { NEXT_ICMP_ERROR } from "../abi/verdict";
import { flowDestination, flowSource } from "../ip/flow";
import { addressFind } from "../link/address";
import { netifAt } from "../link/netif";
import { address4, addressFrom4 } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { Ipv4Hdr } from "../wire/ipv4";
import { Ipv4Options, ipv4OptionsParse, optionOpen } from "../wire/ipv4-options";

const OPTIONS: Ipv4Options = changetype<Ipv4Options>(memory.data(offsetof<Ipv4Options>(), 4));

/** Header of the datagram which the error at pb.l4 quotes. */
export function icmpQuoted(pb: Pbuf): Ipv4Hdr {
  return changetype<Ipv4Hdr>(pb.l4 + ICMP_HDR_LEN);
}

/** The error of `len` bytes at pb.l4 must quote a header and 64 bits of a datagram of ours: NEXT_ICMP_ERROR, or why it is
 * dropped. The flow becomes the quoted one, from our end to the other. */
export function quoteInput(pb: Pbuf, len: u32): u32 {
  const room = len - ICMP_HDR_LEN;
  if (room < <u32>IPV4_HDR_LEN) return DROP_ICMP_QUOTE_SHORT;
  const ip = icmpQuoted(pb);
  const hdrLen = ip.hdrLen;
  if (ip.version != 4 || hdrLen < <u32>IPV4_HDR_LEN || room < hdrLen + quotedLeast(ip)) return DROP_ICMP_QUOTE_SHORT;
  address4(flowSource(), ip.src);
  address4(flowDestination(), ip.dst);
  if (hdrLen != IPV4_HDR_LEN) endOfRoute(ip, hdrLen);
  if (!isOurs(pb, ip.src)) return DROP_ICMP_QUOTE_FOREIGN;
  // A later fragment has no transport header to be found by.
  if (ip.offsetBytes != 0) return DROP_ICMP_QUOTE_FOREIGN;
  return NEXT_ICMP_ERROR;
}

/** May this host have sent from `src` (flowSource()) what the error at pb.l4 is about? From 127/8 nothing goes by a wire
 * (RFC 1122 §3.2.1.3 g), so none can tell of it. */
function isOurs(pb: Pbuf, src: u32): bool {
  if (src >>> 24 == 127) return netifAt(pb.netif).medium == MEDIUM_LOOPBACK;
  return addressFind(flowSource()) !== null;
}

/** RFC 792: 64 bits behind the header, which hold what a port or an identifier is found by; of a protocol whose datagrams
 * may be shorter, all there was. */
function quotedLeast(ip: Ipv4Hdr): u32 {
  const proto = ip.proto;
  if (proto == IPPROTO_UDP || proto == IPPROTO_ICMP || proto == IPPROTO_TCP) return 8;
  return ip.totalLen > ip.hdrLen ? min<u32>(8, ip.totalLen - ip.hdrLen) : 0;
}

/** RFC 791 §3.1: while a source route has stops left, the header names the next one, and whom its sender meant stands
 * last in the route. */
function endOfRoute(ip: Ipv4Hdr, hdrLen: u32): void {
  const at = changetype<usize>(ip);
  if (!ipv4OptionsParse(at, hdrLen, OPTIONS) || OPTIONS.sourceRoute == 0) return;
  const route = at + OPTIONS.sourceRoute;
  if (optionOpen(route)) addressFrom4(flowDestination(), route + load<u8>(route, 1) - 4);
}
