// One datagram, no longer than the link takes, leaves along a path: to loopback, to a next hop, to a group.

import { CTR_IP_LOOP_COPIES } from "../abi/counter";
import { DROP_OUT_LOOP_COPY } from "../abi/drop";
import { MEDIUM_ETHERNET, NETIF_MAC } from "../abi/netif";
import { OWNER_TX, PBUF_CLASSES } from "../abi/pbuf";
import { ETHER_HDR_LEN, ETHERTYPE_IPV4 } from "../abi/proto";
import { count } from "../core/counter";
import { etherBroadcast } from "../link/arp-output";
import { neighOutput } from "../link/neigh";
import { Netif, netifAt, netifTransmit } from "../link/netif";
import { addressV4 } from "../memory/address";
import { PB_LINK_GROUP, PB_LOOPED, Pbuf, pbufAlloc, pbufClassFor } from "../memory/pbuf";
import { etherEmit } from "../wire/ether";
import { PATH_BROADCAST, PATH_MULTICAST, Path } from "./path";

const GROUP_MAC: usize = memory.data(8, 8);

/** Gives the datagram at pb.head to the link: 0, or -errno with the buffer dropped and counted. */
export function ipv4Transmit(pb: Pbuf, path: Path): i32 {
  const nif = netifAt(path.netif);
  pb.netif = path.netif;
  if (nif.medium != MEDIUM_ETHERNET) return netifTransmit(nif, pb);
  if (path.kind < <u32>PATH_BROADCAST) return neighOutput(nif, changetype<usize>(path), pb);
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
export function ipv4LoopCopy(pb: Pbuf, netif: u32): void {
  const cls = pbufClassFor(pb.len);
  const copy = cls < <u32>PBUF_CLASSES ? pbufAlloc(cls, OWNER_TX, false) : null;
  if (copy === null) {
    count(DROP_OUT_LOOP_COPY);
    return;
  }
  memory.copy(copy.head, pb.head, pb.len);
  copy.len = pb.len;
  copy.flags |= PB_LOOPED | PB_LINK_GROUP;
  copy.netif = netif;
  count(CTR_IP_LOOP_COPIES);
  netifTransmit(netifAt(0), copy);
}
