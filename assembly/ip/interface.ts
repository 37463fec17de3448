// An interface as IP sees it: its addresses bring routes with them (the host route of an own address through lo, the
// connected network), and those follow the interface up and down.

import { E_ADDRNOTAVAIL, E_AFNOSUPPORT, E_EXIST, E_INVAL, E_NODEV, E_NOSPC } from "../abi/errno";
import {
  FAMILY_IPV4,
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_NOARP,
  IFF_RUNNING,
  IFF_UP,
  IFSW_FORWARDING,
} from "../abi/netif";
import { ROUTE_ORIGIN_KERNEL, RTF_HOST, RTF_LOCAL, RTF_UP } from "../abi/route";
import { SW_ADDR_FOLLOWS_CARRIER, SW_IP_FORWARD } from "../abi/switch";
import { switchSet, switchValue } from "../core/switch";
import {
  addressCapacity,
  addressFind,
  addressInsert,
  addressRemove,
  IfAddr,
  ifAddrAt,
  networkOf,
} from "../link/address";
import { arpAnnounce } from "../link/arp-output";
import { interfaceSwitchDefaults, interfaceSwitchStore } from "../link/interface-switch";
import { neighFlush } from "../link/neigh";
import { Netif, netifAdd, netifAt, netifByIndex, netifCount, netifSetFlag, netifUsable } from "../link/netif";
import { address4, addressIs4, addressV4 } from "../memory/address";
import { routeAdd, routeDelete, routeInvalidate } from "../route/table";

const LO_IFINDEX: u32 = 1;
const NETWORK: usize = memory.data(16, 8);

/** Assigns the address to the interface with its routes, and announces it: 0; -E_NODEV, -E_INVAL, -E_EXIST,
 * -E_NOSPC with nothing changed. */
export function interfaceAddressAdd(ifindex: u32, ip: usize, plen: u32): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  if (!addressIs4(ip)) return -E_AFNOSUPPORT;
  const v4 = addressV4(ip);
  if (plen > 32 || !assignable(nif, v4, plen)) return -E_INVAL;
  const added = addressInsert(nif.index, ip, plen);
  if (added < 0) return added;
  // Routes may not change with it; source addresses do.
  routeInvalidate();
  const a = changetype<IfAddr>(added);
  const error = settleAddress(nif, a);
  if (error < 0) withdraw(nif, a);
  else announce(nif, v4);
  return error;
}

/** A unicast address that may stand on an interface: 127/8 only on loopback, no host part of all ones or zeros. */
function assignable(nif: Netif, v4: u32, plen: u32): bool {
  if (v4 >>> 24 == 0 || v4 >= 0xe0000000) return false;
  if (v4 >>> 24 == 127 && (nif.flags & IFF_LOOPBACK) == 0) return false;
  if (plen >= 31 || (nif.flags & (IFF_LOOPBACK | IFF_NOARP)) != 0) return true;
  const host = v4 & (0xffffffff >>> plen);
  return host != 0 && host != 0xffffffff >>> plen;
}

/** Takes the address away with its routes; -E_NODEV, -E_ADDRNOTAVAIL. */
export function interfaceAddressDelete(ifindex: u32, ip: usize): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  const a = addressFind(ip);
  if (a === null || a.netif != nif.index) return -E_ADDRNOTAVAIL;
  withdraw(nif, a);
  return 0;
}

function withdraw(nif: Netif, a: IfAddr): void {
  connectedRoute(a, false);
  hostRoute(a, false);
  addressRemove(a);
  routeInvalidate();
  // Another address may stand in the same network: its route was the same one, or was kept out by it.
  settleRoutes(nif);
}

/** The host route of an own address, through loopback (127/8 has its network route there). */
function hostRoute(a: IfAddr, on: bool): i32 {
  const ip = changetype<usize>(a);
  const flags = RTF_UP | RTF_HOST | RTF_LOCAL;
  if (!on) return routeDelete(FAMILY_IPV4, ip, 32, 0, LO_IFINDEX, 0);
  return existsIsFine(routeAdd(FAMILY_IPV4, ip, 32, 0, LO_IFINDEX, flags, 0, ip, ROUTE_ORIGIN_KERNEL));
}

/** The network of the address, directly connected. Addresses of one network share the route, which names no source:
 * the path's next hop chooses it. */
function connectedRoute(a: IfAddr, on: bool): i32 {
  if (a.plen == 32) return 0;
  address4(NETWORK, networkOf(a));
  if (!on) return routeDelete(FAMILY_IPV4, NETWORK, a.plen, 0, a.netif + 1, 0);
  return existsIsFine(routeAdd(FAMILY_IPV4, NETWORK, a.plen, 0, a.netif + 1, RTF_UP, 0, 0, ROUTE_ORIGIN_KERNEL));
}

function existsIsFine(result: i32): i32 {
  return result == -E_EXIST ? 0 : result;
}

/** Makes or withdraws an address's routes, as it is to be now: its host route always (as Linux), its network while the
 * interface is up; with the switch, both only while there is carrier too. 0 or -E_NOSPC. */
function settleAddress(nif: Netif, a: IfAddr): i32 {
  const host = switchValue(SW_ADDR_FOLLOWS_CARRIER) == 0 || (nif.flags & IFF_RUNNING) != 0;
  const one = hostRoute(a, host);
  const other = connectedRoute(a, host && (nif.flags & IFF_UP) != 0);
  return one == -E_NOSPC || other == -E_NOSPC ? -E_NOSPC : 0;
}

/** The same for all addresses of the interface: 0, or -E_NOSPC with some routes missing. */
function settleRoutes(nif: Netif): i32 {
  let error: i32 = 0;
  for (let i: u32 = 0; i < addressCapacity(); i++) {
    const a = ifAddrAt(i);
    if (a.family == FAMILY_IPV4 && a.netif == nif.index && settleAddress(nif, a) < 0) error = -E_NOSPC;
  }
  return error;
}

/** Tells the link that the address is here (RFC 5227 §2.3), if there is one to tell. */
function announce(nif: Netif, v4: u32): void {
  if (netifUsable(nif) && (nif.flags & IFF_BROADCAST) != 0) arpAnnounce(nif, v4);
}

function announceAll(nif: Netif): void {
  for (let i: u32 = 0; i < addressCapacity(); i++) {
    const a = ifAddrAt(i);
    if (a.family == FAMILY_IPV4 && a.netif == nif.index) announce(nif, addressV4(changetype<usize>(a)));
  }
}

/** Brings the interface up or down. Its connected networks go and come with it; the host routes of its addresses
 * stay (as Linux): an own address answers through lo all the same. -E_NODEV; -E_NOSPC, and it stays down. */
export function interfaceUp(ifindex: u32, on: bool): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  if (!netifSetFlag(nif, IFF_UP, on)) return 0;
  if (settleRoutes(nif) < 0) {
    netifSetFlag(nif, IFF_UP, false);
    settleRoutes(nif);
    return -E_NOSPC;
  }
  if (on) announceAll(nif);
  else neighFlush(nif.index);
  return 0;
}

/** The driver says that the medium is there or gone. What was learned of the link goes with it; with the switch, so
 * do all routes of the interface's own addresses. */
export function interfaceCarrier(ifindex: u32, on: bool): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  if (!netifSetFlag(nif, IFF_RUNNING, on)) return 0;
  if (!on) neighFlush(nif.index);
  if (switchValue(SW_ADDR_FOLLOWS_CARRIER) != 0) settleRoutes(nif);
  if (on) announceAll(nif);
  return 0;
}

/** Adds an interface (netifAdd), with its switches as the defaults are. */
export function interfaceAdd(medium: u32, mtu: u32, mac: usize, name: usize): i32 {
  const ifindex = netifAdd(medium, mtu, mac, name);
  if (ifindex > 0) interfaceSwitchDefaults(netifAt(ifindex - 1));
  return ifindex;
}

/** Sets a switch of one interface (0: of all), and lets it take effect at once. */
export function interfaceSwitchSet(ifindex: u32, id: u32, value: u32): i32 {
  return interfaceSwitchStore(ifindex, id, value);
}

/** Sets a switch of the stack, and lets it take effect at once where it changes what is so. */
export function stackSwitchSet(id: u32, value: u32): i32 {
  const error = switchSet(id, value);
  if (error < 0) return error;
  if (id == SW_IP_FORWARD) return interfaceSwitchStore(0, IFSW_FORWARDING, value);
  if (id != SW_ADDR_FOLLOWS_CARRIER) return 0;
  for (let i: u32 = 0; i < netifCount(); i++) {
    const nif = netifAt(i);
    if ((nif.flags & IFF_RUNNING) == 0) settleRoutes(nif);
  }
  return 0;
}
