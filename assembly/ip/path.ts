// The path of a datagram that we send: interface, next hop, source address, MTU. RFC 1122 §3.3.1 (routing outbound
// datagrams), §3.3.4.3 (source address), §3.3.6 (broadcasts). A Path is kept, by its socket or among those of the
// destinations lately sent to (ip/path-cache.ts), and stays good while the table's generation is the same.

import { E_ACCES, E_ADDRNOTAVAIL, E_AFNOSUPPORT, E_HOSTUNREACH, E_INVAL, E_NETUNREACH } from "../abi/errno";
import { IFF_BROADCAST, IFF_MULTICAST, IFF_POINTOPOINT, IFF_UP, MEDIUM_LOOPBACK } from "../abi/netif";
import { DEST_GATEWAY, DEST_ROUTER, RTF_BLACKHOLE, RTF_PROHIBIT, RTF_REJECT } from "../abi/route";
import { SW_IP_PMTU_LEAST } from "../abi/switch";
import { now } from "../core/clock";
import { hash8 } from "../core/hash";
import { switchValue } from "../core/switch";
import { addressKind, KIND_BROADCAST, KIND_OWN, sourceFor } from "../link/address";
import { neighAnyFailed, neighDoubt, neighIsFailed } from "../link/neigh";
import { Netif, netifAt, netifByIndex, netifCount } from "../link/netif";
import { addressCopy, addressEqual, addressIs4, addressIsAny, addressV4 } from "../memory/address";
import { route4LookupBy } from "../route/candidate";
import { Destination, destinationFind } from "../route/destination";
import { NextHop, nexthopAt } from "../route/nexthop";
import { route4Lookup, routeGeneration, routeMember } from "../route/table";
import { gatewayAlive } from "./gateway";
import { identificationOf } from "./identification";

export const PATH_UNICAST: u32 = 0;
/** Through loopback. */
export const PATH_LOCAL: u32 = 1;
export const PATH_BROADCAST: u32 = 2;
export const PATH_MULTICAST: u32 = 3;

@unmanaged
export class Path {
  nextHop0: u64;
  nextHop1: u64;
  /** Source address that suits the path (IPv4, host order). */
  source: u32;
  netif: u32;
  kind: u8;
  /** PATH_LOCKED, PATH_SPREAD. */
  flags: u8;
  reserved: u16;
  /** Generation of the table it was found in; 0 = none. */
  generation: u32;
  /** Pseudo-header sum of the addresses, where the path is kept. */
  pseudo: u32;
  /** Longest datagram that goes unfragmented: the interface's MTU, or the path's where that is known to be less. */
  mtu: u32;
  /** Counter of the identification (ip/identification.ts). */
  ids: usize;
  /** Time at which it ends to be good, in units of 2^20 us: what was learned of a path is believed for a while. */
  until: u32;
}

/** Bytes of a Path. */
export const PATH_BYTES: u32 = 48;
/** The path MTU may be less than `mtu`: nothing is sent with DF (RFC 1191 §3). */
export const PATH_LOCKED: u32 = 1;
/** It is one of several of equal cost: another flow's may be another. */
export const PATH_SPREAD: u32 = 2;

const LO_IFINDEX: u32 = 1;
const GATEWAY: u32 = offsetof<NextHop>("gateway0");

/** May the path be used now? */
export function pathIsGood(path: Path): bool {
  return path.generation == routeGeneration() && <u32>(now() >> 20) < path.until;
}

/** Advice of a transport that hears nothing along the path (RFC 1122 §3.3.1.4): its first hop is asked, and the path found
 * anew. */
export function pathDoubt(path: Path): void {
  neighDoubt(path.netif, changetype<usize>(path));
  path.generation = 0;
}

/** Finds the path to the 16-byte address `dst`, by interface `ifindex` if that is not 0: 0 or -errno. */
export function pathFind(path: Path, dst: usize, ifindex: u32): i32 {
  return pathFindFlow(path, dst, ifindex, hash8(<u64>addressV4(dst)));
}

/** pathFind for one flow: where several next hops are of equal cost, its hash says which. */
export function pathFindFlow(path: Path, dst: usize, ifindex: u32, flow: u32): i32 {
  const error = find(path, dst, ifindex, flow);
  if (error < 0) {
    path.generation = 0;
    return error;
  }
  path.ids = identificationOf(dst);
  path.generation = routeGeneration();
  return 0;
}

function find(path: Path, dst: usize, ifindex: u32, flow: u32): i32 {
  if (!addressIs4(dst)) return -E_AFNOSUPPORT;
  path.flags = 0;
  path.until = 0xffffffff;
  const v4 = addressV4(dst);
  if (v4 == 0xffffffff) return groupPath(path, dst, ifindex, PATH_BROADCAST, IFF_BROADCAST | IFF_POINTOPOINT);
  if (v4 >>> 28 == 0xe) return groupPath(path, dst, ifindex, PATH_MULTICAST, IFF_MULTICAST);
  if (v4 >>> 24 == 0 || v4 >>> 28 == 0xf) return -E_NETUNREACH;
  const route = route4Lookup(v4);
  const found = routeMember(route, flow);
  if (found != route) path.flags = <u8>PATH_SPREAD;
  // What goes through loopback stays in this host, whatever interface the socket is bound to.
  if (ifindex != 0 && nexthopAt(found).ifindex != LO_IFINDEX) return byInterface(path, dst, ifindex);
  return found == 0 ? -E_NETUNREACH : follow(path, dst, found, 0);
}

/** A socket bound to an interface follows the routes by that one; where there is none, it speaks there to anyone as if
 * on the link, as on Linux. */
function byInterface(path: Path, dst: usize, ifindex: u32): i32 {
  const found = route4LookupBy(addressV4(dst), ifindex);
  return found == 0 ? settle(path, ifindex, dst, dst, 0) : follow(path, dst, found, ifindex);
}

/** The path by a next hop of the table. */
function follow(path: Path, dst: usize, found: u32, ifindex: u32): i32 {
  const hop = nexthopAt(neighAnyFailed() ? gatewayAlive(addressV4(dst), found, ifindex) : found);
  if ((hop.flags & RTF_REJECT) != 0) return -rejectErrno(hop.flags);
  const gateway = changetype<usize>(hop) + GATEWAY;
  const router = addressIsAny(gateway) ? dst : gateway;
  const known = destinationFind(dst);
  const first = known === null ? router : redirected(path, known, router, hop.ifindex);
  const error = settle(path, hop.ifindex, dst, first, preferredSource(hop));
  if (error == 0 && known !== null) limit(path, known);
  return error;
}

/** The first hop in place of `router`: what a redirect says, while it is of that router on that interface and the other
 * one answers (RFC 1122 §3.3.1.2). */
function redirected(path: Path, known: Destination, router: usize, ifindex: u32): usize {
  const gateway = changetype<usize>(known) + DEST_GATEWAY;
  if (known.redirectUntil == 0 || known.ifindex != ifindex) return router;
  if (!addressEqual(changetype<usize>(known) + DEST_ROUTER, router)) return router;
  if (neighAnyFailed() && neighIsFailed(ifindex - 1, gateway)) return router;
  holdsUntil(path, known.redirectUntil);
  return gateway;
}

/** RFC 1191 §3 and §6.3: the path takes less than its first link. A path that is said to take less than is reasonable is
 * sent that least, without DF: its routers may fragment (as Linux). */
function limit(path: Path, known: Destination): void {
  if (known.mtuUntil == 0 || path.kind != PATH_UNICAST) return;
  holdsUntil(path, known.mtuUntil);
  const least = switchValue(SW_IP_PMTU_LEAST);
  if (known.mtu < least) path.flags |= <u8>PATH_LOCKED;
  path.mtu = min<u32>(path.mtu, max<u32>(known.mtu, least));
}

function holdsUntil(path: Path, time: u64): void {
  path.until = min<u32>(path.until, <u32>(time >> 20));
}

/** What a sender is told of a reject route, as on Linux. */
function rejectErrno(flags: u32): i32 {
  if ((flags & RTF_BLACKHOLE) != 0) return E_INVAL;
  return (flags & RTF_PROHIBIT) != 0 ? E_ACCES : E_HOSTUNREACH;
}

/** The source that a route names, while it is one of ours; else 0. */
function preferredSource(hop: NextHop): u32 {
  const source = changetype<usize>(hop) + offsetof<NextHop>("source0");
  return addressKind(source) == KIND_OWN ? addressV4(source) : 0;
}

function settle(path: Path, ifindex: u32, dst: usize, nextHop: usize, source: u32): i32 {
  const nif = netifByIndex(ifindex);
  if (nif === null) return -E_NETUNREACH;
  // RFC 1122 §3.2.1.3 (g): 127/8 never leaves the host, be there a route or none.
  if (nif.medium != MEDIUM_LOOPBACK && addressV4(dst) >>> 24 == 127) return -E_NETUNREACH;
  path.netif = nif.index;
  path.mtu = nif.mtu;
  addressCopy(changetype<usize>(path), nextHop);
  path.source = source != 0 ? source : sourceFor(nif.index, addressV4(nextHop));
  if (path.source == 0) return -E_ADDRNOTAVAIL;
  if (nif.medium == MEDIUM_LOOPBACK) path.kind = <u8>PATH_LOCAL;
  // A broadcast of a network that is reached through a gateway is the gateway's to make.
  else path.kind = <u8>(nextHop == dst && addressKind(dst) == KIND_BROADCAST ? PATH_BROADCAST : PATH_UNICAST);
  return 0;
}

/** Limited broadcast and multicast: the socket's interface, else the default route's, else the first that can. */
function groupPath(path: Path, dst: usize, ifindex: u32, kind: u32, flag: u32): i32 {
  const nif = ifindex != 0 ? netifByIndex(ifindex) : groupInterface(kind == PATH_MULTICAST ? addressV4(dst) : 0, flag);
  if (nif === null || (nif.flags & flag) == 0) return -E_NETUNREACH;
  path.netif = nif.index;
  path.mtu = nif.mtu;
  path.kind = <u8>kind;
  addressCopy(changetype<usize>(path), dst);
  path.source = sourceFor(nif.index, 0);
  return path.source != 0 ? 0 : -E_ADDRNOTAVAIL;
}

function groupInterface(dst: u32, flag: u32): Netif | null {
  const found = routeMember(route4Lookup(dst), hash8(dst));
  if (found != 0) {
    const nif = netifByIndex(nexthopAt(found).ifindex);
    if (nif !== null && (nif.flags & flag) != 0) return nif;
  }
  for (let i: u32 = 0; i < netifCount(); i++) {
    const nif = netifAt(i);
    if ((nif.flags & flag) != 0 && (nif.flags & IFF_UP) != 0) return nif;
  }
  return null;
}

if (offsetof<Path>() != PATH_BYTES) ERROR("Path");
