// ARP input: RFC 826 "Packet Reception", RFC 1122 §2.3.2, RFC 1027 (proxy), RFC 5227 §2.1.1 and §2.4 (a conflict is never
// learned).

import { CTR_ARP_IN_REPLIES, CTR_ARP_IN_REQUESTS, CTR_ARP_OUT_PROXIES, CTR_ARP_OUT_REPLIES } from "../abi/counter";
import { DROP_ARP_IGNORED, DROP_ARP_NOT_FOR_US, DROP_ARP_SOURCE } from "../abi/drop";
import { IFF_LOOPBACK, IFSW_ARP_IGNORE, IFSW_FORWARDING, IFSW_PROXY_ARP, NETIF_MAC } from "../abi/netif";
import { ARP_OP_REQUEST, ETHER_HDR_LEN, ETHERTYPE_ARP } from "../abi/proto";
import { RTF_REJECT } from "../abi/route";
import { NEXT_CONFLICT, NEXT_DONE, NEXT_FREE } from "../abi/verdict";
import { count } from "../core/counter";
import { address4 } from "../memory/address";
import { PB_REPLY, Pbuf } from "../memory/pbuf";
import { nexthopAt } from "../route/nexthop";
import { route4Lookup, routeMember } from "../route/table";
import { ArpHdr, arpCheck, arpReply } from "../wire/arp";
import { etherEmit, macEqual } from "../wire/ether";
import { WIRE_OK } from "../wire/ok";
import { addressFind, addressIsProbed, addressKind, KIND_FOREIGN, KIND_OWN } from "./address";
import { arpTransmit } from "./arp-output";
import { interfaceSwitch } from "./interface-switch";
import { neighLearn } from "./neigh";
import { Netif, netifAt, netifByIndex, netifCount, netifUsable } from "./netif";

const SENDER: usize = memory.data(16, 8);
const TARGET: usize = memory.data(16, 8);

/** The ARP packet at pb.l3. A request for one of our addresses (on any interface), or for what we reach on its behalf,
 * is answered in its own buffer. */
export function arpInput(nif: Netif, pb: Pbuf): u32 {
  const len = <u32>(pb.head + pb.len - pb.l3);
  const reason = arpCheck(pb.l3, len);
  if (reason != WIRE_OK) return reason;
  const arp = changetype<ArpHdr>(pb.l3);
  const spa = arp.spa;
  const tpa = arp.tpa;
  const request = arp.op == ARP_OP_REQUEST;
  address4(SENDER, spa);
  address4(TARGET, tpa);
  // No neighbour: a group's hardware address, a broadcast's or a group's IP.
  if ((load<u8>(arp.sha) & 1) != 0 || spa >= 0xe0000000 || spa >>> 24 == 127) return DROP_ARP_SOURCE;
  if (isConflict(nif, spa, request) && !isOwnHardware(arp.sha)) return NEXT_CONFLICT;
  if (addressKind(SENDER) != KIND_FOREIGN) return DROP_ARP_SOURCE;

  const own = addressKind(TARGET) == KIND_OWN && tpa >>> 24 != 127;
  if (own && request && isIgnored(nif)) return DROP_ARP_IGNORED;
  const proxied = !own && request && interfaceSwitch(nif, IFSW_PROXY_ARP) != 0 && isReachedElsewhere(nif, spa, tpa);
  const ours = own || proxied;
  // An address probe (RFC 5227 §2.1.1) has no sender to learn.
  const known = spa != 0 && neighLearn(nif, SENDER, arp.sha, ours, ours && !request);
  if (!ours && !known) return DROP_ARP_NOT_FOR_US;
  if (!request) {
    count(CTR_ARP_IN_REPLIES);
    return NEXT_FREE;
  }
  count(CTR_ARP_IN_REQUESTS);
  if (!ours) return NEXT_FREE;
  count(proxied ? CTR_ARP_OUT_PROXIES : CTR_ARP_OUT_REPLIES);
  reply(nif, pb, arp);
  return NEXT_DONE;
}

/** Does the sender use an address of this interface, or one that is being probed here; or probe for that itself? */
function isConflict(nif: Netif, spa: u32, request: bool): bool {
  const a = addressFind(SENDER);
  if (a !== null) return a.netif == nif.index;
  return addressIsProbed(nif.index, spa != 0 || !request ? SENDER : TARGET);
}

/** RFC 5227 §2.1.1: what any of our own interfaces has sent is no conflict. */
function isOwnHardware(mac: usize): bool {
  for (let i: u32 = 0; i < netifCount(); i++) {
    if (macEqual(changetype<usize>(netifAt(i)) + NETIF_MAC, mac)) return true;
  }
  return false;
}

function isIgnored(nif: Netif): bool {
  if (interfaceSwitch(nif, IFSW_ARP_IGNORE) == 0) return false;
  const a = addressFind(TARGET);
  return a !== null && a.netif != nif.index;
}

/** RFC 1027 §2.4: a router answers for what it forwards to another of its links; at once, where Linux waits a random
 * time. Not for address probes, which ask about this link. */
function isReachedElsewhere(nif: Netif, spa: u32, tpa: u32): bool {
  if (interfaceSwitch(nif, IFSW_FORWARDING) == 0 || spa == 0 || spa == tpa) return false;
  if (addressKind(TARGET) != KIND_FOREIGN || tpa >>> 24 == 0 || tpa >>> 24 == 127 || tpa >= 0xe0000000) return false;
  const found = routeMember(route4Lookup(tpa), 0);
  if (found == 0) return false;
  const hop = nexthopAt(found);
  if ((hop.flags & RTF_REJECT) != 0) return false;
  const out = netifByIndex(hop.ifindex);
  return out !== null && out.index != nif.index && (out.flags & IFF_LOOPBACK) == 0 && netifUsable(out);
}

function reply(nif: Netif, pb: Pbuf, arp: ArpHdr): void {
  const mac = changetype<usize>(nif) + NETIF_MAC;
  pb.flags |= PB_REPLY;
  arpReply(pb.l3, mac, arp.tpa);
  pb.head = pb.l3 - ETHER_HDR_LEN;
  etherEmit(pb.head, arp.tha, mac, ETHERTYPE_ARP);
  arpTransmit(nif, pb);
}
