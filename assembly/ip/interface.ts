// An interface as IP sees it: its addresses, its switches, up and down. What follows from a change takes effect at
// once: routes (interface-route.ts), probes and announcements (address-probe.ts), neighbours.

import { E_ADDRNOTAVAIL, E_AFNOSUPPORT, E_INVAL, E_NODEV } from "../abi/errno";
import {
  ADDR_CONFLICT,
  ADDR_PEER,
  ADDR_PROBING,
  ADDR_USABLE,
  ADDRF_ALL,
  ADDRF_PEER,
  IFF_LOOPBACK,
  IFF_NOARP,
  IFF_RUNNING,
  IFF_UP,
  IFSW_FORWARDING,
  IFSW_LOCAL_ROUTE,
} from "../abi/netif";
import { SW_ADDR_FOLLOWS_CARRIER, SW_IP_FORWARD, SW_ROUTES_FOLLOW_CARRIER } from "../abi/switch";
import { switchSet, switchValue } from "../core/switch";
import { addressInsert, addressKind, addressRecordOf, addressRemove, IfAddr, KIND_OWN } from "../link/address";
import { groupRestart } from "../link/group";
import { interfaceSwitchDefaults, interfaceSwitchStore } from "../link/interface-switch";
import { neighFlush } from "../link/neigh";
import { Netif, netifAdd, netifAt, netifByIndex, netifCount, netifSetFlag, netifUsable } from "../link/netif";
import { addressCopy, addressIs4, addressV4 } from "../memory/address";
import { routeInvalidate } from "../route/table";
import { probeLinkChanged, probeOrAnnounce, probeWanted } from "./address-probe";
import { addressSettle, interfaceActivate, interfaceSettle } from "./interface-route";

/** Assigns the address to the interface with its routes, and announces it; with ADDRF_PROBE once nobody else turns out
 * to have it, with ADDRF_PEER as one end of a link to `peer`. 0; -E_NODEV, -E_INVAL, -E_EXIST, -E_NOSPC with nothing
 * changed. */
export function interfaceAddressAdd(ifindex: u32, ip: usize, plen: u32, flags: u32, peer: usize): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  if (!addressIs4(ip)) return -E_AFNOSUPPORT;
  if (flags > <u32>ADDRF_ALL || plen > 32 || !assignable(nif, addressV4(ip), plen)) return -E_INVAL;
  if ((flags & ADDRF_PEER) != 0 && (plen != 32 || !canBePeer(nif, ip, peer))) return -E_INVAL;
  const probed = probeWanted(nif, flags);
  const added = addressInsert(nif.index, ip, plen, flags, probed ? ADDR_PROBING : ADDR_USABLE);
  if (added < 0) return added;
  const a = changetype<IfAddr>(added);
  if ((flags & ADDRF_PEER) != 0) addressCopy(changetype<usize>(a) + ADDR_PEER, peer);
  const error = probed ? 0 : addressSettle(nif, a);
  if (error < 0) withdraw(nif, a);
  else probeOrAnnounce(nif, a);
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

/** The far end of a link: another host's unicast address. */
function canBePeer(nif: Netif, ip: usize, peer: usize): bool {
  if ((nif.flags & IFF_LOOPBACK) != 0 || !addressIs4(peer) || addressKind(peer) == KIND_OWN) return false;
  const v4 = addressV4(peer);
  return v4 != addressV4(ip) && v4 >>> 24 != 0 && v4 >>> 24 != 127 && v4 < 0xe0000000;
}

/** Takes the address away with its routes; -E_NODEV, -E_ADDRNOTAVAIL. */
export function interfaceAddressDelete(ifindex: u32, ip: usize): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  const a = addressRecordOf(ip);
  if (a === null || a.netif != nif.index) return -E_ADDRNOTAVAIL;
  withdraw(nif, a);
  return 0;
}

function withdraw(nif: Netif, a: IfAddr): void {
  // In use no more, so it is to have no routes.
  a.state = ADDR_CONFLICT;
  addressSettle(nif, a);
  addressRemove(a);
  // A route that was kept out by one of these may stand now.
  interfaceSettle(nif);
}

/** Brings the interface up or down. The routes by it go and come with it; the host routes of its addresses stay (as
 * Linux): an own address answers through lo all the same. -E_NODEV; -E_NOSPC, and it stays down. */
export function interfaceUp(ifindex: u32, on: bool): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  if (!netifSetFlag(nif, IFF_UP, on)) return 0;
  const error = interfaceActivate(nif);
  if (error < 0) {
    netifSetFlag(nif, IFF_UP, false);
    return error;
  }
  if (!on) neighFlush(nif.index);
  probeLinkChanged(nif);
  if (on && netifUsable(nif)) groupRestart(nif.index);
  return 0;
}

/** The driver says that the medium is there or gone. What was learned of the link goes with it, and by switch the
 * routes by the interface and the use of its own addresses. Without room for its routes they stay withdrawn. */
export function interfaceCarrier(ifindex: u32, on: bool): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  if (!netifSetFlag(nif, IFF_RUNNING, on)) return 0;
  if (!on) neighFlush(nif.index);
  const error = interfaceActivate(nif);
  if (switchValue(SW_ADDR_FOLLOWS_CARRIER) != 0) interfaceSettle(nif);
  probeLinkChanged(nif);
  if (on && netifUsable(nif)) groupRestart(nif.index);
  return error;
}

/** Adds an interface (netifAdd), with its switches as the defaults are. */
export function interfaceAdd(medium: u32, mtu: u32, mac: usize, name: usize): i32 {
  const ifindex = netifAdd(medium, mtu, mac, name);
  if (ifindex < 0) return ifindex;
  const nif = netifAt(ifindex - 1);
  interfaceSwitchDefaults(nif);
  interfaceActivate(nif);
  return ifindex;
}

/** Sets a switch of one interface (0: of all), and lets it take effect at once. */
export function interfaceSwitchSet(ifindex: u32, id: u32, value: u32): i32 {
  const error = interfaceSwitchStore(ifindex, id, value);
  if (error < 0) return error;
  if (id == IFSW_LOCAL_ROUTE) return settleAll();
  // Paths may go by it: whether a redirect is followed, for one.
  routeInvalidate();
  return 0;
}

/** Sets a switch of the stack, and lets it take effect at once where it changes what is so. */
export function stackSwitchSet(id: u32, value: u32): i32 {
  const error = switchSet(id, value);
  if (error < 0) return error;
  if (id == SW_IP_FORWARD) return interfaceSwitchSet(0, IFSW_FORWARDING, value);
  return id == SW_ADDR_FOLLOWS_CARRIER || id == SW_ROUTES_FOLLOW_CARRIER ? settleAll() : 0;
}

function settleAll(): i32 {
  let error: i32 = 0;
  for (let i: u32 = 0; i < netifCount(); i++) {
    error = min<i32>(error, interfaceActivate(netifAt(i)));
    error = min<i32>(error, interfaceSettle(netifAt(i)));
  }
  return error;
}
