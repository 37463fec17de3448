// Ethernet input: RFC 894, RFC 1122 §2.3.3 and §2.4. Whose frame it is, what it carries.

import { DROP_ETHER_NOT_FOR_US, DROP_ETHER_SOURCE_GROUP, DROP_ETHER_TYPE } from "../abi/drop";
import { NETIF_MAC } from "../abi/netif";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4 } from "../abi/proto";
import { NEXT_ARP, NEXT_IPV4 } from "../abi/verdict";
import { load16, load32 } from "../memory/endian";
import { PB_LINK_GROUP, Pbuf } from "../memory/pbuf";
import { ETHER_PARSED, EtherHdr, etherParse, etherParsedLen, etherParsedType, macEqual } from "../wire/ether";
import { groupHearsLow } from "./group";
import { Netif } from "./netif";

/** The frame at pb.head: sets pb.l3 behind the link header. */
export function etherInput(nif: Netif, pb: Pbuf): u32 {
  const parsed = etherParse(pb.head, pb.len);
  if (parsed < ETHER_PARSED) return parsed;
  const ether = changetype<EtherHdr>(pb.head);
  if (ether.dstIsGroup) {
    if (!ether.dstIsBroadcast && !groupJoined(nif, ether)) return DROP_ETHER_NOT_FOR_US;
    pb.flags |= PB_LINK_GROUP;
    nif.rxMulticast++;
  } else if (!macEqual(ether.dst, changetype<usize>(nif) + NETIF_MAC)) {
    return DROP_ETHER_NOT_FOR_US;
  }
  if (ether.srcIsGroup) return DROP_ETHER_SOURCE_GROUP;
  pb.l3 = pb.head + etherParsedLen(parsed);
  switch (etherParsedType(parsed)) {
    case ETHERTYPE_IPV4:
      return NEXT_IPV4;
    case ETHERTYPE_ARP:
      return NEXT_ARP;
    default:
      return DROP_ETHER_TYPE;
  }
}

/** The group filter: 01:00:5e and the last 23 bits of a group that we are in (RFC 1112 §6.4). */
function groupJoined(nif: Netif, ether: EtherHdr): bool {
  const low = load32(ether.dst + 2);
  return load16(ether.dst) == 0x0100 && low >>> 23 == 0x5e << 1 && groupHearsLow(nif.index, low & 0x7fffff);
}
