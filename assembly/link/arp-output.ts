// ARP packets that we send: requests, to all or to a known neighbour (RFC 826), probes for an address that we might use
// and announcements of one that we do (RFC 5227 §2.1.1, §2.3).

import { CTR_ARP_OUT_ANNOUNCES, CTR_ARP_OUT_PROBES, CTR_ARP_OUT_REQUESTS } from "../abi/counter";
import { DROP_OUT_NO_BUFFER } from "../abi/drop";
import { NETIF_MAC } from "../abi/netif";
import { OWNER_STACK, PBUF_SMALL } from "../abi/pbuf";
import { ARP_LEN, ARP_OP_REQUEST, ETHER_HDR_LEN, ETHERTYPE_ARP } from "../abi/proto";
import { count } from "../core/counter";
import { Pbuf, pbufAlloc } from "../memory/pbuf";
import { arpEmit } from "../wire/arp";
import { etherEmit } from "../wire/ether";
import { sourceFor } from "./address";
import { Netif, netifTransmit } from "./netif";

const BROADCAST: usize = memory.data(8, 8);

/** Address of the broadcast hardware address. */
export function etherBroadcast(): usize {
  store<u64>(BROADCAST, 0xffffffffffffffff);
  return BROADCAST;
}

/** Sends a request for `target`; to the hardware address at `to`, or to all if that is 0. */
export function arpRequest(nif: Netif, target: u32, to: usize): void {
  count(CTR_ARP_OUT_REQUESTS);
  arpSend(nif, sourceFor(nif.index, target), target, to != 0 ? to : etherBroadcast());
}

/** Asks whether anybody has the address, without saying that we might (RFC 5227 §2.1.1: sender 0.0.0.0). */
export function arpProbe(nif: Netif, ip: u32): void {
  count(CTR_ARP_OUT_PROBES);
  arpSend(nif, 0, ip, etherBroadcast());
}

/** Announces an own address: a request whose sender and target are that address. */
export function arpAnnounce(nif: Netif, ip: u32): void {
  count(CTR_ARP_OUT_ANNOUNCES);
  arpSend(nif, ip, ip, etherBroadcast());
}

function arpSend(nif: Netif, spa: u32, tpa: u32, to: usize): void {
  const pb = pbufAlloc(PBUF_SMALL, OWNER_STACK, true);
  if (pb === null) {
    count(DROP_OUT_NO_BUFFER);
    return;
  }
  const mac = changetype<usize>(nif) + NETIF_MAC;
  etherEmit(pb.head, to, mac, ETHERTYPE_ARP);
  arpEmit(pb.head + ETHER_HDR_LEN, ARP_OP_REQUEST, mac, spa, 0, tpa);
  arpTransmit(nif, pb);
}

/** Sends the ARP frame at the buffer's head. */
export function arpTransmit(nif: Netif, pb: Pbuf): void {
  pb.len = ETHER_HDR_LEN + ARP_LEN;
  netifTransmit(nif, pb);
}
