// Route calls: their arguments and answers are one route record (abi/route.ts), too many for six integers.

import { CALL_ADDR, CALL_ADDR2, CALL_ADDR3, CALL_IFINDEX } from "../abi/call";
import { E_INVAL, E_NETUNREACH, E_NODEV } from "../abi/errno";
import { FAMILY_IPV4 } from "../abi/netif";
import {
  ROUTE_BYTES,
  ROUTE_DST,
  ROUTE_FAMILY,
  ROUTE_FLAGS,
  ROUTE_GATEWAY,
  ROUTE_IFINDEX,
  ROUTE_METRIC,
  ROUTE_ORIGIN,
  ROUTE_PLEN,
  ROUTE_SOURCE,
  RTF_REJECT,
} from "../abi/route";
import { PATH_BYTES, Path, pathFind } from "../ip/path";
import { addressKind, KIND_FOREIGN, KIND_OWN } from "../link/address";
import { netifByIndex } from "../link/netif";
import { address4, addressCopy, addressIsAny, addressV4 } from "../memory/address";
import { routeAdd, routeDelete, routeFirst, routeMatch, routeNext, routeReplace } from "../route/table";
import { CALL, callAddr, callSet } from "./call";

export const ROUTE: usize = memory.data(ROUTE_BYTES, 8);
const PATH: Path = changetype<Path>(memory.data(PATH_BYTES, 8));
const HOP: usize = memory.data(16, 8);

function u8At(offset: u32): u32 {
  return <u32>load<u8>(ROUTE + offset);
}

function u32At(offset: u32): u32 {
  return load<u32>(ROUTE + offset);
}

/** An own source, an interface that is there, and a gateway that can be reached by it without another gateway. */
function usable(): i32 {
  const source = ROUTE + ROUTE_SOURCE;
  if (!addressIsAny(source) && addressKind(source) != KIND_OWN) return -E_INVAL;
  if ((u32At(ROUTE_FLAGS) & RTF_REJECT) != 0) {
    // It leads nowhere, so by no interface.
    store<u32>(ROUTE, 0, ROUTE_IFINDEX);
    return 0;
  }
  const ifindex = u32At(ROUTE_IFINDEX);
  if (netifByIndex(ifindex) === null) return -E_NODEV;
  const gateway = ROUTE + ROUTE_GATEWAY;
  if (addressIsAny(gateway)) return 0;
  // Another host's, not ours, nor a group's.
  if (addressKind(gateway) != KIND_FOREIGN || addressV4(gateway) >= 0xe0000000) return -E_INVAL;
  const found = pathFind(PATH, gateway, 0);
  if (found < 0 || PATH.netif + 1 != ifindex) return -E_NETUNREACH;
  // The gateway must itself be the next hop: on the link, not behind another router.
  addressCopy(HOP, changetype<usize>(PATH));
  return load<u64>(HOP, 8) == load<u64>(gateway, 8) ? 0 : -E_NETUNREACH;
}

/** Adds (or, `replace`, puts in place of the one of the same metric) the record's route: 0 or -errno. */
export function routeCallAdd(replace: bool): i32 {
  const error = usable();
  if (error < 0) return error;
  const family = u8At(ROUTE_FAMILY);
  const plen = u8At(ROUTE_PLEN);
  const metric = u32At(ROUTE_METRIC);
  const ifindex = u32At(ROUTE_IFINDEX);
  const flags = u32At(ROUTE_FLAGS);
  const origin = u8At(ROUTE_ORIGIN);
  const dst = ROUTE + ROUTE_DST;
  const gateway = ROUTE + ROUTE_GATEWAY;
  const source = ROUTE + ROUTE_SOURCE;
  return replace
    ? routeReplace(family, dst, plen, metric, ifindex, flags, gateway, source, origin)
    : routeAdd(family, dst, plen, metric, ifindex, flags, gateway, source, origin);
}

/** Deletes the first route that matches the record: destination, metric, and interface and gateway if they are given. */
export function routeCallDelete(): i32 {
  return routeDelete(
    u8At(ROUTE_FAMILY),
    ROUTE + ROUTE_DST,
    u8At(ROUTE_PLEN),
    u32At(ROUTE_METRIC),
    u32At(ROUTE_IFINDEX),
    ROUTE + ROUTE_GATEWAY,
  );
}

export function routeCallFirst(family: u32): i32 {
  return routeFirst(family, ROUTE);
}

export function routeCallNext(): i32 {
  return routeNext(ROUTE);
}

/** The path that a datagram to CALL_ADDR takes, by interface `ifindex` if that is not 0: interface, next hop
 * (CALL_ADDR2) and source (CALL_ADDR3) in the call block, the route that was chosen in the record. */
export function routeCallGet(ifindex: u32): i32 {
  const error = pathFind(PATH, callAddr(), ifindex);
  if (error < 0) return error;
  callSet(CALL_IFINDEX, PATH.netif + 1);
  addressCopy(CALL + CALL_ADDR2, changetype<usize>(PATH));
  address4(CALL + CALL_ADDR3, PATH.source);
  memory.fill(ROUTE, 0, ROUTE_BYTES);
  routeMatch(FAMILY_IPV4, CALL + CALL_ADDR, ROUTE);
  return 0;
}
