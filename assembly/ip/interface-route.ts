// The routes that an interface's own addresses bring: the host route of each through lo, and its network, or its far
// end, directly connected. What is to stand in the table follows from the address, its interface and the switches;
// settling makes it so. All routes by an interface are withdrawn while it is down or, by switch, without carrier.

import { E_EXIST, E_NOSPC } from "../abi/errno";
import { FAMILY_IPV4, IFF_RUNNING, IFF_UP, IFSW_LOCAL_ROUTE, MEDIUM_LOOPBACK } from "../abi/netif";
import { ROUTE_ORIGIN_KERNEL, RTF_HOST, RTF_LOCAL, RTF_REJECT, RTF_UP } from "../abi/route";
import { SW_ADDR_FOLLOWS_CARRIER, SW_ROUTES_FOLLOW_CARRIER } from "../abi/switch";
import { switchValue } from "../core/switch";
import { addressCapacity, addressUsable, IfAddr, ifAddrAt, networkOf } from "../link/address";
import { interfaceSwitch } from "../link/interface-switch";
import { Netif } from "../link/netif";
import { address4, addressCopy, addressEqual, addressIsAny } from "../memory/address";
import { routeAdd, routeDelete, routeInterfaceActive, routeInvalidate } from "../route/table";

const LO_IFINDEX: u32 = 1;

// IfAddr.hostRoute
const HOST_NONE: u32 = 0;
/** Through loopback. */
const HOST_LOCAL: u32 = 1;
/** The address has gone with the carrier: unreachable, whatever other route would cover it. */
const HOST_REJECT: u32 = 2;

/** Prefixes of an address and of another. */
const ONE: usize = memory.data(16, 8);
const OTHER: usize = memory.data(16, 8);

/** Makes or withdraws the routes of all addresses of the interface, as they are to be now: 0, or -E_NOSPC with some
 * missing. */
export function interfaceSettle(nif: Netif): i32 {
  let error: i32 = 0;
  for (let i: u32 = 0; i < addressCapacity(); i++) {
    const a = ifAddrAt(i);
    if (a.family == FAMILY_IPV4 && a.netif == nif.index && addressSettle(nif, a) < 0) error = -E_NOSPC;
  }
  return error;
}

/** The same for one address. Routes may stay as they are; source addresses and paths change with it. */
export function addressSettle(nif: Netif, a: IfAddr): i32 {
  routeInvalidate();
  const host = settleHost(a, hostRouteFor(nif, a));
  const network = settleNetwork(a, addressUsable(a));
  return host == -E_NOSPC || network == -E_NOSPC ? -E_NOSPC : 0;
}

/** Withdraws the routes by the interface, or lets them come back: 0 or -E_NOSPC with nothing changed. */
export function interfaceActivate(nif: Netif): i32 {
  const up = (nif.flags & IFF_UP) != 0;
  const gone = (nif.flags & IFF_RUNNING) == 0 && (followsCarrier() || switchValue(SW_ROUTES_FOLLOW_CARRIER) != 0);
  return routeInterfaceActive(nif.index + 1, up && !gone);
}

function followsCarrier(): bool {
  return switchValue(SW_ADDR_FOLLOWS_CARRIER) != 0;
}

/** An own address has its host route, be the interface up or down (as Linux); with the switch it answers "unreachable"
 * while there is no carrier. */
function hostRouteFor(nif: Netif, a: IfAddr): u32 {
  if (!addressUsable(a)) return HOST_NONE;
  if (followsCarrier() && (nif.flags & IFF_RUNNING) == 0) return HOST_REJECT;
  if (nif.medium == MEDIUM_LOOPBACK) return HOST_LOCAL;
  return interfaceSwitch(nif, IFSW_LOCAL_ROUTE) != 0 ? HOST_LOCAL : HOST_NONE;
}

function settleHost(a: IfAddr, want: u32): i32 {
  const ip = changetype<usize>(a);
  const has = <u32>a.hostRoute;
  if (has != HOST_NONE && has != want) routeDelete(FAMILY_IPV4, ip, 32, 0, LO_IFINDEX, 0);
  a.hostRoute = <u8>want;
  if (want == HOST_NONE) return 0;
  const reject = want == HOST_REJECT;
  const flags = RTF_UP | RTF_HOST | RTF_LOCAL | (reject ? RTF_REJECT : 0);
  return existsIsFine(routeAdd(FAMILY_IPV4, ip, 32, 0, LO_IFINDEX, flags, 0, reject ? 0 : ip, ROUTE_ORIGIN_KERNEL));
}

/** The network of the address, or its far end. Addresses of one network share the route, which names no source: the
 * path's next hop chooses it. */
function settleNetwork(a: IfAddr, want: bool): i32 {
  const plen = connectedPrefix(ONE, a);
  if (plen == 0xff) return 0;
  if (want) {
    a.networkRoute = 1;
    return existsIsFine(routeAdd(FAMILY_IPV4, ONE, plen, 0, a.netif + 1, RTF_UP, 0, 0, ROUTE_ORIGIN_KERNEL));
  }
  if (a.networkRoute == 0) return 0;
  a.networkRoute = 0;
  return isShared(a, plen) ? 0 : routeDelete(FAMILY_IPV4, ONE, plen, 0, a.netif + 1, 0);
}

/** Writes the prefix that the address connects to at `to`: its length, 0xff for none. */
function connectedPrefix(to: usize, a: IfAddr): u32 {
  const peer = changetype<usize>(a) + offsetof<IfAddr>("peer0");
  if (!addressIsAny(peer)) {
    addressCopy(to, peer);
    return 32;
  }
  address4(to, networkOf(a));
  return a.plen == 32 ? 0xff : a.plen;
}

/** Does another address of the interface want the route in ONE, too? */
function isShared(a: IfAddr, plen: u32): bool {
  for (let i: u32 = 0; i < addressCapacity(); i++) {
    const b = ifAddrAt(i);
    if (b.networkRoute == 0 || b.netif != a.netif) continue;
    if (connectedPrefix(OTHER, b) == plen && addressEqual(ONE, OTHER)) return true;
  }
  return false;
}

function existsIsFine(result: i32): i32 {
  return result == -E_EXIST ? 0 : result;
}
