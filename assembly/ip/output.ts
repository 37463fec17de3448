// IPv4 output: RFC 791 §2.3, RFC 1122 §3.2.1 and §3.3.6. The transport has put its message at pb.head and knows the
// path; here come the header, our own copy of a broadcast, fragments where there must be, and the link.

import { CTR_IP_FRAG_FAILS, CTR_IP_OUT_REQUESTS } from "../abi/counter";
import { DROP_OUT_SOURCE_LOOPBACK, DROP_OUT_TOO_LONG } from "../abi/drop";
import { E_INVAL, E_MSGSIZE } from "../abi/errno";
import { IPOPT_MAX_LEN, IPV4_FLAG_DF, IPV4_HDR_LEN, IPV4_MAX_LEN } from "../abi/proto";
import { count, drop } from "../core/counter";
import { groupIsJoined } from "../link/group";
import { netifAt } from "../link/netif";
import { PB_NO_COPY, PB_PROBE, Pbuf, pbufFree } from "../memory/pbuf";
import { Ipv4Hdr, ipv4Emit } from "../wire/ipv4";
import { ipv4Fragment } from "./fragment";
import { identificationNext } from "./identification";
import { PATH_BROADCAST, PATH_LOCAL, Path } from "./path";
import { optionsRecord } from "./record";
import { ipv4LoopCopy, ipv4Transmit } from "./transmit";

/** Sends the message at pb.head: 0, or -errno with the buffer dropped and counted. With DF, what is longer than the
 * link takes is refused; without, it goes in fragments. */
export function ipv4Output(
  pb: Pbuf,
  path: Path,
  src: u32,
  dst: u32,
  proto: u32,
  ttl: u32,
  tos: u32,
  dontFragment: bool,
): i32 {
  count(CTR_IP_OUT_REQUESTS);
  const len = pb.len + IPV4_HDR_LEN;
  if (len > <u32>IPV4_MAX_LEN || strays(src, path)) return refuse(pb, len);
  pb.head -= IPV4_HDR_LEN;
  pb.len = len;
  pb.l3 = pb.head;
  const id = identificationNext(path.ids);
  ipv4Emit(pb.head, tos, len, id, dontFragment ? IPV4_FLAG_DF : 0, ttl, proto, src, dst);
  return ipv4Send(pb, path);
}

/** As ipv4Output, with `optionsLen` (1 to 40) bytes of options from `options`, which are padded here. */
export function ipv4OutputOptions(
  pb: Pbuf,
  path: Path,
  src: u32,
  dst: u32,
  proto: u32,
  ttl: u32,
  tos: u32,
  dontFragment: bool,
  options: usize,
  optionsLen: u32,
): i32 {
  assert(optionsLen != 0 && optionsLen <= <u32>IPOPT_MAX_LEN);
  count(CTR_IP_OUT_REQUESTS);
  const hdrLen = ipv4HeaderLen(optionsLen);
  const len = pb.len + hdrLen;
  if (len > <u32>IPV4_MAX_LEN || strays(src, path)) return refuse(pb, len);
  pb.head -= hdrLen;
  pb.len = len;
  pb.l3 = pb.head;
  const id = identificationNext(path.ids);
  ipv4Emit(pb.head, tos, len, id, dontFragment ? IPV4_FLAG_DF : 0, ttl, proto, src, dst);
  store<u8>(pb.head, <u8>(0x40 | (hdrLen >>> 2)));
  // RFC 791 §3.1: the padding is zero.
  store<u32>(pb.head + hdrLen - 4, 0);
  memory.copy(pb.head + IPV4_HDR_LEN, options, optionsLen);
  optionsRecord(pb.head, hdrLen, src, src, false);
  return ipv4Send(pb, path);
}

/** Bytes of a header with so many bytes of options. */
export function ipv4HeaderLen(optionsLen: u32): u32 {
  return IPV4_HDR_LEN + ((optionsLen + 3) & ~3);
}

/** The complete datagram at pb.head (and pb.l3) leaves along the path: 0, or -errno with the buffer dropped and counted.
 * One longer than path.mtu goes in fragments; with DF not at all, unless it is a probe, which the link takes. */
export function ipv4Send(pb: Pbuf, path: Path): i32 {
  if (path.kind >= <u32>PATH_BROADCAST) {
    if (heardHere(pb, path)) ipv4LoopCopy(pb, path.netif);
    // RFC 1122 §3.2.1.7, RFC 1112 §6.1: a multicast with TTL 0 stays within this host.
    if (changetype<Ipv4Hdr>(pb.head).ttl == 0) {
      pbufFree(pb);
      return 0;
    }
  }
  return pb.len <= path.mtu ? ipv4Transmit(pb, path) : sendLong(pb, path);
}

/** A broadcast is; a multicast where this host is in the group, unless its sender would not hear it (RFC 1112 §6.1). */
function heardHere(pb: Pbuf, path: Path): bool {
  if (path.kind == PATH_BROADCAST) return true;
  return (pb.flags & PB_NO_COPY) == 0 && groupIsJoined(path.netif, changetype<Ipv4Hdr>(pb.head).dst);
}

function sendLong(pb: Pbuf, path: Path): i32 {
  if ((changetype<Ipv4Hdr>(pb.head).flagsOffset & IPV4_FLAG_DF) == 0) return ipv4Fragment(pb, path);
  if ((pb.flags & PB_PROBE) != 0 && pb.len <= netifAt(path.netif).mtu) return ipv4Transmit(pb, path);
  count(CTR_IP_FRAG_FAILS);
  drop(pb, DROP_OUT_TOO_LONG);
  return -E_MSGSIZE;
}

/** RFC 1122 §3.2.1.3 (g): a reply from 127/8 to an own address whose host route is gone would find its way out. */
function strays(src: u32, path: Path): bool {
  return src >>> 24 == 127 && path.kind != PATH_LOCAL;
}

function refuse(pb: Pbuf, len: u32): i32 {
  const long = len > <u32>IPV4_MAX_LEN;
  drop(pb, long ? DROP_OUT_TOO_LONG : DROP_OUT_SOURCE_LOOPBACK);
  return long ? -E_MSGSIZE : -E_INVAL;
}
