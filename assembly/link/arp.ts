// ARP input: RFC 826 "Packet Reception", RFC 1122 §2.3.2, RFC 5227 §2.4 (a conflict is counted, never learned).

import { CTR_ARP_IN_REPLIES, CTR_ARP_IN_REQUESTS, CTR_ARP_OUT_REPLIES } from "../abi/counter";
import { DROP_ARP_NOT_FOR_US, DROP_ARP_SOURCE } from "../abi/drop";
import { NETIF_MAC } from "../abi/netif";
import { ARP_OP_REQUEST, ETHER_HDR_LEN, ETHERTYPE_ARP } from "../abi/proto";
import { NEXT_DONE, NEXT_FREE } from "../abi/verdict";
import { count } from "../core/counter";
import { address4 } from "../memory/address";
import { PB_REPLY, Pbuf } from "../memory/pbuf";
import { ArpHdr, arpCheck, arpReply } from "../wire/arp";
import { etherEmit } from "../wire/ether";
import { WIRE_OK } from "../wire/ok";
import { addressKind, KIND_FOREIGN, KIND_OWN } from "./address";
import { arpTransmit } from "./arp-output";
import { neighLearn } from "./neigh";
import { Netif } from "./netif";

const SENDER: usize = memory.data(16, 8);
const TARGET: usize = memory.data(16, 8);

/** The ARP packet at pb.l3. A request for one of our addresses (on any interface) is answered in its own buffer. */
export function arpInput(nif: Netif, pb: Pbuf): u32 {
  const len = <u32>(pb.head + pb.len - pb.l3);
  const reason = arpCheck(pb.l3, len);
  if (reason != WIRE_OK) return reason;
  const arp = changetype<ArpHdr>(pb.l3);
  const spa = arp.spa;
  address4(SENDER, spa);
  address4(TARGET, arp.tpa);
  // No neighbour: a group's hardware address, a broadcast's or a group's IP, or one of our own (a conflict).
  const group = (load<u8>(arp.sha) & 1) != 0 || spa >= 0xe0000000 || spa >>> 24 == 127;
  if (group || addressKind(SENDER) != KIND_FOREIGN) return DROP_ARP_SOURCE;

  const request = arp.op == ARP_OP_REQUEST;
  const ours = addressKind(TARGET) == KIND_OWN && arp.tpa >>> 24 != 127;
  // An address probe (RFC 5227 §2.1.1) has no sender to learn.
  const known = spa != 0 && neighLearn(nif, SENDER, arp.sha, ours, ours && !request);
  if (!ours && !known) return DROP_ARP_NOT_FOR_US;
  if (!request) {
    count(CTR_ARP_IN_REPLIES);
    return NEXT_FREE;
  }
  count(CTR_ARP_IN_REQUESTS);
  if (!ours) return NEXT_FREE;
  reply(nif, pb, arp);
  return NEXT_DONE;
}

function reply(nif: Netif, pb: Pbuf, arp: ArpHdr): void {
  const mac = changetype<usize>(nif) + NETIF_MAC;
  count(CTR_ARP_OUT_REPLIES);
  pb.flags |= PB_REPLY;
  arpReply(pb.l3, mac, arp.tpa);
  pb.head = pb.l3 - ETHER_HDR_LEN;
  etherEmit(pb.head, arp.tha, mac, ETHERTYPE_ARP);
  arpTransmit(nif, pb);
}
