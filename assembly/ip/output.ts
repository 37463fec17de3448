// IPv4 output: RFC 791 §2.3, RFC 1122 §3.2.1 and §3.3.6. The transport has put its message at pb.head and knows the
// path; here come the header, our own copy of a broadcast, and the link.

import { CTR_IP_LOOP_COPIES, CTR_IP_OUT_REQUESTS } from "../abi/counter";
import { DROP_OUT_LOOP_COPY, DROP_OUT_SOURCE_LOOPBACK, DROP_OUT_TOO_LONG } from "../abi/drop";
import { E_INVAL, E_MSGSIZE } from "../abi/errno";
import { MEDIUM_ETHERNET, NETIF_MAC } from "../abi/netif";
import { OWNER_TX, PBUF_CLASSES } from "../abi/pbuf";
import { ETHER_HDR_LEN, ETHERTYPE_IPV4, IPV4_FLAG_DF, IPV4_HDR_LEN, IPV4_MAX_LEN } from "../abi/proto";
import { count, drop } from "../core/counter";
import { random } from "../core/prng";
import { etherBroadcast } from "../link/arp-output";
import { neighOutput } from "../link/neigh";
import { Netif, netifAt, netifTransmit } from "../link/netif";
import { addressV4 } from "../memory/address";
import { PB_LINK_GROUP, PB_LOOPED, Pbuf, pbufAlloc, pbufClassFor, pbufFree } from "../memory/pbuf";
import { etherEmit } from "../wire/ether";
import { Ipv4Hdr, ipv4Emit } from "../wire/ipv4";
import { PATH_BROADCAST, PATH_LOCAL, PATH_MULTICAST, Path } from "./path";

@unmanaged
class OutputState {
  id: u32;
}

const O: OutputState = changetype<OutputState>(memory.data(offsetof<OutputState>(), 4));
const GROUP_MAC: usize = memory.data(8, 8);

export function ipv4OutputInit(): void {
  O.id = random();
}

/** Longest message that a transport may put into one datagram on this path. */
export function ipv4Room(path: Path): u32 {
  return min<u32>(netifAt(path.netif).mtu, IPV4_MAX_LEN) - IPV4_HDR_LEN;
}

/** Sends the message at pb.head: 0, or -errno with the buffer dropped and counted. */
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
  if (pb.len > ipv4Room(path)) {
    drop(pb, DROP_OUT_TOO_LONG);
    return -E_MSGSIZE;
  }
  // RFC 1122 §3.2.1.3 (g): a reply from 127/8 to an own address whose host route is gone would find its way out.
  if (src >>> 24 == 127 && path.kind != PATH_LOCAL) {
    drop(pb, DROP_OUT_SOURCE_LOOPBACK);
    return -E_INVAL;
  }
  pb.head -= IPV4_HDR_LEN;
  pb.len += IPV4_HDR_LEN;
  pb.l3 = pb.head;
  const id = O.id++ & 0xffff;
  ipv4Emit(pb.head, tos, pb.len, id, dontFragment ? IPV4_FLAG_DF : 0, ttl, proto, src, dst);
  return transmit(pb, path);
}

function transmit(pb: Pbuf, path: Path): i32 {
  const nif = netifAt(path.netif);
  pb.netif = path.netif;
  if (path.kind == PATH_LOCAL) return netifTransmit(nif, pb);
  const group = path.kind == PATH_BROADCAST || path.kind == PATH_MULTICAST;
  if (group) loopCopy(pb);
  // RFC 1122 §3.2.1.7, RFC 1112 §6.1: a multicast with TTL 0 stays within this host.
  if (group && changetype<Ipv4Hdr>(pb.l3).ttl == 0) {
    pbufFree(pb);
    return 0;
  }
  if (nif.medium != MEDIUM_ETHERNET) return netifTransmit(nif, pb);
  if (!group) return neighOutput(nif, changetype<usize>(path), pb);
  return transmitGroup(nif, pb, path);
}

/** The hardware address of a group: all ones, or 01:00:5e and the low 23 bits (RFC 1112 §6.4). */
function transmitGroup(nif: Netif, pb: Pbuf, path: Path): i32 {
  let to = etherBroadcast();
  if (path.kind == PATH_MULTICAST) {
    const low = addressV4(changetype<usize>(path)) & 0x7fffff;
    store<u64>(GROUP_MAC, 0x5e0001 | ((<u64>bswap<u32>(low << 8)) << 24));
    to = GROUP_MAC;
  }
  pb.head -= ETHER_HDR_LEN;
  etherEmit(pb.head, to, changetype<usize>(nif) + NETIF_MAC, ETHERTYPE_IPV4);
  pb.len += ETHER_HDR_LEN;
  return netifTransmit(nif, pb);
}

/** A group that we send to includes ourselves: a second buffer passes lo, and counts as received where the first
 * one leaves. With no buffer free only the copy is lost. */
function loopCopy(pb: Pbuf): void {
  const cls = pbufClassFor(pb.len);
  const copy = cls < <u32>PBUF_CLASSES ? pbufAlloc(cls, OWNER_TX, false) : null;
  if (copy === null) {
    count(DROP_OUT_LOOP_COPY);
    return;
  }
  memory.copy(copy.head, pb.head, pb.len);
  copy.len = pb.len;
  copy.flags |= PB_LOOPED | PB_LINK_GROUP;
  copy.netif = pb.netif;
  count(CTR_IP_LOOP_COPIES);
  netifTransmit(netifAt(0), copy);
}
