// Redirects that a host follows: RFC 1122 §3.2.2.2 (checks, each under its reason) and §3.3.1.2. All four codes count for
// the one host (a network's mask is not said). What is learned stands in the destination cache, until it expires or the
// new first hop does not answer; a router follows none (RFC 1812 §5.2.7.2).

import { CTR_ICMP_REDIRECTS_ACCEPTED } from "../abi/counter";
import { DROP_ICMP_REDIRECT_GATEWAY, DROP_ICMP_REDIRECT_SENDER } from "../abi/drop";
import { FAMILY_IPV4, IFSW_ACCEPT_REDIRECTS, IFSW_FORWARDING } from "../abi/netif";
import { DEST_ROUTER, ROUTE_BYTES, ROUTE_PLEN, RTF_DYNAMIC, RTF_MODIFIED } from "../abi/route";
import { SW_REDIRECT_MS } from "../abi/switch";
import { NEXT_ICMP_ERROR, NEXT_REDIRECT_OFF } from "../abi/verdict";
import { now } from "../core/clock";
import { count } from "../core/counter";
import { switchUs } from "../core/switch";
import { flowDestination } from "../ip/flow";
import { Path } from "../ip/path";
import { pathTo } from "../ip/path-cache";
import { addressKind, addressSubnetHolds, KIND_FOREIGN } from "../link/address";
import { interfaceSwitch } from "../link/interface-switch";
import { Netif } from "../link/netif";
import { address4, addressCopy, addressEqual, addressV4 } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { Destination, destinationFind, destinationForget, destinationRedirect } from "../route/destination";
import { routeMatch } from "../route/table";
import { IcmpHdr } from "../wire/icmp";
import { Ipv4Hdr } from "../wire/ipv4";
import { icmpQuoted } from "./quote";

const SENDER: usize = memory.data(16, 8);
const ROUTER: usize = memory.data(16, 8);
const GATEWAY: usize = memory.data(16, 8);
const DESTINATION: usize = memory.data(16, 8);
const ROUTE: usize = memory.data(ROUTE_BYTES, 8);

/** The redirect at pb.l4, received on `nif`, about a datagram of ours to flowDestination(). Once it is followed, or
 * not to be, the sender of that datagram may know, as on Linux; of one that fails a check it hears nothing. */
export function redirectInput(nif: Netif, pb: Pbuf): u32 {
  if (interfaceSwitch(nif, IFSW_FORWARDING) != 0 || interfaceSwitch(nif, IFSW_ACCEPT_REDIRECTS) == 0) {
    return NEXT_REDIRECT_OFF;
  }
  const gateway = changetype<IcmpHdr>(pb.l4).rest;
  address4(GATEWAY, gateway);
  address4(SENDER, changetype<Ipv4Hdr>(pb.l3).src);
  if (addressEqual(GATEWAY, SENDER) || !addressSubnetHolds(nif.index, gateway, gateway))
    return DROP_ICMP_REDIRECT_GATEWAY;
  if (addressKind(GATEWAY) != KIND_FOREIGN) return DROP_ICMP_REDIRECT_GATEWAY;
  // RFC 1812 §5.2.7.2: no router says so of a datagram with a source route.
  if (addressV4(flowDestination()) != icmpQuoted(pb).dst || !isFirstHop(nif)) return DROP_ICMP_REDIRECT_SENDER;
  follow(nif);
  return NEXT_ICMP_ERROR;
}

/** Is SENDER the gateway that our datagrams to flowDestination() go to now, by this interface? */
function isFirstHop(nif: Netif): bool {
  if (addressEqual(SENDER, flowDestination())) return false;
  const found = pathTo(flowDestination(), 0);
  return found >= 0 && changetype<Path>(found).netif == nif.index && addressEqual(found, SENDER);
}

function follow(nif: Netif): void {
  // A redirect by a gateway that was itself named by one is in place of the table's own router still.
  addressCopy(ROUTER, SENDER);
  const known = destinationFind(flowDestination());
  if (known !== null && known.redirectUntil != 0) addressCopy(ROUTER, changetype<usize>(known) + DEST_ROUTER);
  routeMatch(FAMILY_IPV4, flowDestination(), ROUTE);
  const flags = load<u8>(ROUTE, ROUTE_PLEN) == 32 ? RTF_MODIFIED : RTF_DYNAMIC;
  const until = now() + switchUs(SW_REDIRECT_MS);
  if (destinationRedirect(flowDestination(), GATEWAY, nif.index + 1, ROUTER, until, flags)) {
    count(CTR_ICMP_REDIRECTS_ACCEPTED);
  }
}

/** The neighbour at `hop` (16 bytes) did not answer, to which the datagram at pb.l3 was to go: if a redirect said so, it
 * is forgotten, and the next one goes by the table's own router again. */
export function redirectFailed(pb: Pbuf, hop: usize): void {
  address4(DESTINATION, changetype<Ipv4Hdr>(pb.l3).dst);
  const d = destinationFind(DESTINATION);
  if (
    d !== null &&
    d.redirectUntil != 0 &&
    addressEqual(changetype<usize>(d) + offsetof<Destination>("gateway0"), hop)
  ) {
    destinationForget(DESTINATION);
  }
}
