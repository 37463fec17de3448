// Route calls: their arguments and answers are one route record (abi/route.ts), too many for six integers.

import { CALL_ADDR, CALL_ADDR2, CALL_ADDR3, CALL_IFINDEX } from "../abi/call";
import { E_INVAL, E_NETUNREACH, E_NODEV } from "../abi/errno";
import { FAMILY_IPV4, IFF_POINTOPOINT, MEDIUM_IP } from "../abi/netif";
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
  RTF_BLACKHOLE,
  RTF_GATEWAY,
  RTF_PROHIBIT,
  RTF_REJECT,
} from "../abi/route";
import { PATH_BYTES, Path, pathFind } from "../ip/path";
import { addressKind, KIND_FOREIGN, KIND_OWN } from "../link/address";
import { netifByIndex } from "../link/netif";
import { address4, addressCopy, addressIsAny, addressV4 } from "../memory/address";
import { nexthopAt } from "../route/nexthop";
import { route4LookupBy, routeAdd, routeDelete, routeFirst, routeMatch, routeNext, routeReplace } from "../route/table";
import { CALL, callAddr, callSet } from "./call";

export const ROUTE: usize = memory.data(ROUTE_BYTES, 8);
const PATH: Path = changetype<Path>(memory.data(PATH_BYTES, 8));
const LO_IFINDEX: u32 = 1;
const REFUSALS: u32 = RTF_REJECT | RTF_PROHIBIT | RTF_BLACKHOLE;

function u8At(offset: u32): u32 {
  return <u32>load<u8>(ROUTE + offset);
}

function u32At(offset: u32): u32 {
  return load<u32>(ROUTE + offset);
}

/** Completes and checks the record: an own source, an interface that is there, and a gateway that can be reached by it
 * without another gateway. */
function usable(): i32 {
  const source = ROUTE + ROUTE_SOURCE;
  if (!addressIsAny(source) && addressKind(source) != KIND_OWN) return -E_INVAL;
  const gateway = ROUTE + ROUTE_GATEWAY;
  if ((u32At(ROUTE_FLAGS) & REFUSALS) != 0) {
    // It leads nowhere: by no interface, to no gateway.
    store<u32>(ROUTE, 0, ROUTE_IFINDEX);
    address4(gateway, 0);
    return 0;
  }
  const via = addressV4(gateway);
  if (!addressIsAny(gateway) && via >>> 24 == 127) return byLoopback();
  const ifindex = u32At(ROUTE_IFINDEX);
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NODEV;
  if (addressIsAny(gateway)) return 0;
  // Another host's, not ours, nor a group's.
  if (addressKind(gateway) != KIND_FOREIGN || via >= 0xe0000000) return -E_INVAL;
  // At the other end of a line is whoever is there.
  if (nif.medium == MEDIUM_IP || (nif.flags & IFF_POINTOPOINT) != 0) return 0;
  // The gateway must itself be the next hop: on the link, not behind another router.
  const found = route4LookupBy(via, ifindex);
  return found == 0 || (nexthopAt(found).flags & RTF_GATEWAY) != 0 ? -E_NETUNREACH : 0;
}

/** A gateway in 127/8 is this host: the route stays inside, and what goes to an own address comes from it. */
function byLoopback(): i32 {
  const nif = netifByIndex(LO_IFINDEX);
  if (nif === null) return -E_NODEV;
  if (u32At(ROUTE_IFINDEX) > LO_IFINDEX) return -E_INVAL;
  store<u32>(ROUTE, LO_IFINDEX, ROUTE_IFINDEX);
  const isHost = u8At(ROUTE_PLEN) == 32 && addressKind(ROUTE + ROUTE_DST) == KIND_OWN;
  if (isHost && addressIsAny(ROUTE + ROUTE_SOURCE)) addressCopy(ROUTE + ROUTE_SOURCE, ROUTE + ROUTE_DST);
  return 0;
}

/** Adds (or, `replace`, puts in place of the one of the same metric) the record's route: 0 or -errno. */
export function routeCallAdd(replace: bool): i32 {
  const error = usable();
  if (error < 0) return error;
  const family = u8At(ROUTE_FAMILY);
  const plen = u8At(ROUTE_PLEN);
  const metric = u32At(ROUTE_METRIC);
  const ifindex = u32At(ROUTE_IFINDEX);
  // The others follow from the rest, or are the stack's own to give.
  const flags = u32At(ROUTE_FLAGS) & REFUSALS;
  const origin = u8At(ROUTE_ORIGIN);
  const dst = ROUTE + ROUTE_DST;
  const gateway = ROUTE + ROUTE_GATEWAY;
  const source = ROUTE + ROUTE_SOURCE;
  return replace
    ? routeReplace(family, dst, plen, metric, ifindex, flags, gateway, source, origin)
    : routeAdd(family, dst, plen, metric, ifindex, flags, gateway, source, origin);
}

/** Deletes the first route that matches the record: destination, metric, and interface, gateway and kind
 * of refusal if they are given. */
export function routeCallDelete(): i32 {
  return routeDelete(
    u8At(ROUTE_FAMILY),
    ROUTE + ROUTE_DST,
    u8At(ROUTE_PLEN),
    u32At(ROUTE_METRIC),
    u32At(ROUTE_IFINDEX),
    ROUTE + ROUTE_GATEWAY,
    u32At(ROUTE_FLAGS) & REFUSALS,
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
