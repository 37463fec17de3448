// Sources that cannot be: RFC 1122 §3.2.1.3, RFC 1812 §5.3.7 (martians), RFC 3704 (reverse path), for all that is
// received from a network, for this host as for others.

import { DROP_IP_OWN_SOURCE, DROP_IP_RP_FILTER, DROP_IP_SOURCE, DROP_IP_SOURCE_LOOPBACK } from "../abi/drop";
import { IFSW_ACCEPT_LOCAL, IFSW_LOCAL_ROUTE, IFSW_RP_FILTER } from "../abi/netif";
import { RTF_REJECT } from "../abi/route";
import { addressFind, addressKind, KIND_BROADCAST, KIND_OWN } from "../link/address";
import { interfaceSwitch } from "../link/interface-switch";
import { Netif, netifAt } from "../link/netif";
import { nexthopAt } from "../route/nexthop";
import { route4Lookup, routeUses } from "../route/table";
import { WIRE_OK } from "../wire/ok";
import { flowSource } from "./flow";

const STRICT: u32 = 1;

/** Why a datagram from `src` (flowSource()) to `dst`, received on `nif`, is not to be believed; else WIRE_OK. 0.0.0.0
 * is one that does not know itself yet, and may only say so to all; the rest of 0/8 is never heard. */
export function martianSource(nif: Netif, src: u32, dst: u32): u32 {
  if (src >= 0xe0000000) return DROP_IP_SOURCE;
  if (src >>> 24 == 127) return DROP_IP_SOURCE_LOOPBACK;
  if (src >>> 24 == 0) return src == 0 && dst == 0xffffffff ? WIRE_OK : DROP_IP_SOURCE;
  const kind = addressKind(flowSource());
  if (kind == KIND_OWN) return acceptsOwn(nif) ? WIRE_OK : DROP_IP_OWN_SOURCE;
  if (kind == KIND_BROADCAST) return DROP_IP_SOURCE;
  const filter = interfaceSwitch(nif, IFSW_RP_FILTER);
  return filter == 0 || onReversePath(nif, src, filter) ? WIRE_OK : DROP_IP_RP_FILTER;
}

/** An own source comes back from a network only where that is asked for, or where the address has no route through lo
 * and so is reached by its network. */
function acceptsOwn(nif: Netif): bool {
  if (interfaceSwitch(nif, IFSW_ACCEPT_LOCAL) != 0) return true;
  const a = addressFind(flowSource());
  return a !== null && interfaceSwitch(netifAt(a.netif), IFSW_LOCAL_ROUTE) == 0;
}

/** RFC 3704 §2.2, §2.4: the route back leaves by the same interface (strict), or there is one (loose). */
function onReversePath(nif: Netif, src: u32, filter: u32): bool {
  const found = route4Lookup(src);
  if (found == 0) return false;
  if ((nexthopAt(found).flags & RTF_REJECT) != 0) return false;
  return filter != STRICT || routeUses(found, nif.index + 1);
}
