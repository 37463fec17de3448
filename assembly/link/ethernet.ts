// Ethernet input: RFC 894, RFC 1122 §2.3.3 and §2.4. Whose frame it is, what it carries.

import { DROP_ETHER_NOT_FOR_US, DROP_ETHER_SOURCE_GROUP, DROP_ETHER_TYPE } from "../abi/drop";
import { NETIF_MAC } from "../abi/netif";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4 } from "../abi/proto";
import { NEXT_ARP, NEXT_IPV4 } from "../abi/verdict";
import { PB_LINK_GROUP, Pbuf } from "../memory/pbuf";
import { ETHER_PARSED, EtherHdr, etherParse, etherParsedLen, etherParsedType, macEqual } from "../wire/ether";
import { Netif } from "./netif";

/** 01:00:5e:00:00:01, all hosts (RFC 1112 §6.4), as it lies. */
const ALL_HOSTS_LOW: u32 = 0x005e0001;
const ALL_HOSTS_HIGH: u32 = 0x0100;

/** The frame at pb.head: sets pb.l3 behind the link header. */
export function etherInput(nif: Netif, pb: Pbuf): u32 {
  const parsed = etherParse(pb.head, pb.len);
  if (parsed < ETHER_PARSED) return parsed;
  const ether = changetype<EtherHdr>(pb.head);
  if (ether.dstIsGroup) {
    if (!ether.dstIsBroadcast && !groupJoined(ether)) return DROP_ETHER_NOT_FOR_US;
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

/** The group filter: every host is a member of all-hosts, on every interface. */
function groupJoined(ether: EtherHdr): bool {
  return load<u32>(ether.dst) == ALL_HOSTS_LOW && load<u16>(ether.dst, 4) == ALL_HOSTS_HIGH;
}
