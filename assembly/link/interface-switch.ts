// Switches of an interface (abi/netif.ts, IFSW_…): a byte each in its record. Interface 0 stands for all: setting one
// there sets it on every interface, and on those to come.

import { E_INVAL, E_NODEV } from "../abi/errno";
import {
  IF_SWITCHES,
  IFSW_ACCEPT_REDIRECTS,
  IFSW_FORWARDING,
  IFSW_IGMP_VERSION,
  IFSW_LOCAL_ROUTE,
  IFSW_RP_FILTER,
  IFSW_SEND_REDIRECTS,
  NETIF_SWITCHES,
} from "../abi/netif";
import { SW_IP_FORWARD } from "../abi/switch";
import { switchSet } from "../core/switch";
import { Netif, netifAt, netifByIndex, netifCount } from "./netif";

/** What a new interface begins with, u8 each. */
const DEFAULTS: usize = memory.data(16, 8);

export function interfaceSwitchInit(): void {
  store<u8>(DEFAULTS, 1, IFSW_SEND_REDIRECTS);
  store<u8>(DEFAULTS, 1, IFSW_ACCEPT_REDIRECTS);
  store<u8>(DEFAULTS, 1, IFSW_LOCAL_ROUTE);
}

/** Gives a new interface its switches. */
export function interfaceSwitchDefaults(nif: Netif): void {
  memory.copy(changetype<usize>(nif) + NETIF_SWITCHES, DEFAULTS, IF_SWITCHES);
}

export function interfaceSwitch(nif: Netif, id: u32): u32 {
  return <u32>load<u8>(changetype<usize>(nif) + id, NETIF_SWITCHES);
}

function most(id: u32): u32 {
  if (id == IFSW_RP_FILTER) return 2;
  return id == IFSW_IGMP_VERSION ? 3 : 1;
}

/** Sets the switch of interface `ifindex` (0: of all, and the default): 0, -E_NODEV, -E_INVAL. What follows from the
 * change is for the caller to do. */
export function interfaceSwitchStore(ifindex: u32, id: u32, value: u32): i32 {
  if (id >= <u32>IF_SWITCHES || value > most(id) || (id == IFSW_IGMP_VERSION && value == 1)) return -E_INVAL;
  if (ifindex != 0) {
    const nif = netifByIndex(ifindex);
    if (nif === null) return -E_NODEV;
    store<u8>(changetype<usize>(nif) + id, <u8>value, NETIF_SWITCHES);
    return 0;
  }
  // Without lo the stack has not booted.
  if (netifCount() == 0) return -E_NODEV;
  store<u8>(DEFAULTS + id, <u8>value);
  for (let i: u32 = 0; i < netifCount(); i++) {
    store<u8>(changetype<usize>(netifAt(i)) + id, <u8>value, NETIF_SWITCHES);
  }
  if (id == IFSW_FORWARDING) switchSet(SW_IP_FORWARD, value);
  return 0;
}

/** Value of the switch, of interface 0 the default; -E_NODEV, -E_INVAL. */
export function interfaceSwitchGet(ifindex: u32, id: u32): i32 {
  if (id >= <u32>IF_SWITCHES) return -E_INVAL;
  if (ifindex == 0) return netifCount() == 0 ? -E_NODEV : <i32>load<u8>(DEFAULTS + id);
  const nif = netifByIndex(ifindex);
  return nif === null ? -E_NODEV : <i32>interfaceSwitch(nif, id);
}
