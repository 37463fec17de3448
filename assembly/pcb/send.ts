// What every datagram protocol does before it sends: the path (a connected block keeps its own), the permission to
// broadcast, the room; and after: TTL, TOS and DF as the socket has them.

import { E_ACCES, E_AGAIN, E_HOSTUNREACH, E_INVAL, E_MSGSIZE } from "../abi/errno";
import { IFF_UP } from "../abi/netif";
import { OWNER_TX, PBUF_SMALL } from "../abi/pbuf";
import { IPV4_HDR_LEN, IPV4_MAX_LEN } from "../abi/proto";
import {
  OPT_BROADCAST,
  OPT_INTERFACE,
  OPT_MTU_DISCOVER,
  OPT_MULTICAST_INTERFACE,
  OPT_MULTICAST_LOOP,
  OPT_MULTICAST_TTL,
  OPT_TOS,
  OPT_TTL,
  PMTUDISC_DO,
  PMTUDISC_PROBE,
  PMTUDISC_WANT,
} from "../abi/socket";
import { SW_IP_DEFAULT_TTL } from "../abi/switch";
import { hash16 } from "../core/hash";
import { switchValue } from "../core/switch";
import { ipv4Fragments } from "../ip/fragment";
import { ipv4Output, ipv4OutputOptions } from "../ip/output";
import {
  PATH_BROADCAST,
  PATH_BYTES,
  PATH_LOCAL,
  PATH_LOCKED,
  PATH_MULTICAST,
  PATH_SPREAD,
  Path,
  pathFindFlow,
  pathIsGood,
} from "../ip/path";
import { pathTo } from "../ip/path-cache";
import { addressKind, KIND_OWN } from "../link/address";
import { netifAt, netifHasRoom, netifRoom } from "../link/netif";
import { addressEqual, addressV4 } from "../memory/address";
import { PB_NO_COPY, PB_PROBE, Pbuf, pbufLimit, pbufRoom } from "../memory/pbuf";
import { pseudoSum4 } from "../wire/checksum";
import { pcbFirstHop, pcbOptions, pcbStrict } from "./options";
import { localOf, optionOf, PCB_BOUND, Pcb, remoteOf } from "./pcb";
import { roomWaitBuffers, roomWaitSlots } from "./room";

/** A path of the cache with another source: that of the block which sends now. */
const OTHER_SOURCE: Path = changetype<Path>(memory.data(PATH_BYTES, 8));

/** The block's own path, good while connected. */
export function pathOf(p: Pcb): Path {
  return changetype<Path>(changetype<usize>(p) + offsetof<Pcb>("path0"));
}

/** Address of the Path to `dst`, whose source is the one to send from; or -errno. A connected block keeps its own. */
export function pcbPath(p: Pcb, dst: usize, connected: bool): i32 {
  return connected ? keptPath(p, dst) : cachedPath(p, dst);
}

function keptPath(p: Pcb, dst: usize): i32 {
  const path = pathOf(p);
  if (pathIsGood(path)) return <i32>changetype<usize>(path);
  const error = pcbFindPath(p, path, dst, p.remotePort);
  if (error < 0) {
    path.generation = 0;
    return error;
  }
  setSource(path, sourceOf(p, path), dst);
  return <i32>changetype<usize>(path);
}

function cachedPath(p: Pcb, dst: usize): i32 {
  const found = pathTo(pcbFirstHop(p, dst), interfaceFor(p, dst));
  if (found < 0) return found;
  const path = changetype<Path>(found);
  const error = permitted(p, path);
  if (error < 0) return error;
  const source = sourceOf(p, path);
  if (source == path.source && p.sourceRoute == 0) return found;
  memory.copy(changetype<usize>(OTHER_SOURCE), found, PATH_BYTES);
  setSource(OTHER_SOURCE, source, dst);
  return <i32>changetype<usize>(OTHER_SOURCE);
}

function setSource(path: Path, source: u32, dst: usize): void {
  path.source = source;
  path.pseudo = pseudoSum4(source, addressV4(dst), 0, 0);
}

/** Finds the path of this block's datagrams to `dst`:`port`, with a source address that suits it: 0 or -errno. */
export function pcbFindPath(p: Pcb, path: Path, dst: usize, port: u32): i32 {
  const flow = hash16(dst, ((<u64>p.proto) << 32) | (p.localPort << 16) | port);
  const error = pathFindFlow(path, pcbFirstHop(p, dst), interfaceFor(p, dst), flow);
  return error < 0 ? error : permitted(p, path);
}

/** The block has a peer, a port and an address now. The path that pcbFindPath() had found to the peer before, in the table's
 * `generation`, is the one to keep, unless it was chosen for a flow without that port. */
export function pcbKeepPath(p: Pcb, generation: u32): void {
  const path = pathOf(p);
  if ((path.flags & PATH_SPREAD) != 0) return;
  path.generation = generation;
  setSource(path, sourceOf(p, path), remoteOf(p));
}

function permitted(p: Pcb, path: Path): i32 {
  if (path.kind == PATH_LOCAL) return 0;
  // As on Linux: no route by which a strict one could begin.
  if (pcbStrict(p) && !addressEqual(changetype<usize>(path), pcbFirstHop(p, 0))) return -E_HOSTUNREACH;
  if (path.kind == PATH_BROADCAST && optionOf(p, OPT_BROADCAST) == 0) return -E_ACCES;
  // A block bound to 127/8 speaks only within this host (RFC 1122 §3.2.1.3 (g); Linux says EINVAL, too).
  if ((p.flags & PCB_BOUND) != 0 && addressV4(localOf(p)) >>> 24 == 127) return -E_INVAL;
  return 0;
}

/** The interface that a datagram to `dst` is to leave by, 0 = any. */
function interfaceFor(p: Pcb, dst: usize): u32 {
  const own = optionOf(p, OPT_INTERFACE);
  return own == 0 && addressV4(dst) >>> 28 == 0xe ? optionOf(p, OPT_MULTICAST_INTERFACE) : own;
}

/** Source address (host order): the socket's own, else the path's. */
function sourceOf(p: Pcb, path: Path): u32 {
  const local = addressV4(localOf(p));
  if (local == 0) return path.source;
  if (local >>> 24 == 127) return path.kind == PATH_LOCAL ? local : path.source;
  return addressKind(localOf(p)) == KIND_OWN ? local : path.source;
}

/** Path MTU towards the connected peer, bytes; -errno when there is no path. */
export function pcbMtu(p: Pcb): i32 {
  const found = keptPath(p, remoteOf(p));
  return found < 0 ? found : <i32>changetype<Path>(found).mtu;
}

/** May a message of `len` bytes go now? 0, -E_MSGSIZE, or -E_AGAIN (the socket is told when there is room for all of
 * it). One that could never be sent whole may go: as far as it does. */
export function pcbRoom(p: Pcb, path: Path, len: u32): i32 {
  const total = len + IPV4_HDR_LEN + p.optionsLen;
  if (total > path.mtu) return roomForLong(p, path, total);
  const nif = netifAt(path.netif);
  // What is down has no room to wait for: netifTransmit() says so.
  if ((nif.flags & IFF_UP) == 0 || netifHasRoom(nif)) return 0;
  roomWaitSlots(p, path.netif, 1);
  return -E_AGAIN;
}

/** Longer than the path's MTU: whole all the same, in fragments, or refused, as OPT_MTU_DISCOVER says. */
function roomForLong(p: Pcb, path: Path, total: u32): i32 {
  const nif = netifAt(path.netif);
  const discover = optionOf(p, OPT_MTU_DISCOVER);
  if (discover == PMTUDISC_DO || total > <u32>IPV4_MAX_LEN) return -E_MSGSIZE;
  let slots: u32 = 1;
  if (discover == PMTUDISC_PROBE) {
    if (total > nif.mtu) return -E_MSGSIZE;
  } else {
    slots = ipv4Fragments(path.mtu, total, IPV4_HDR_LEN + p.optionsLen);
  }
  if ((nif.flags & IFF_UP) == 0) return 0;
  // While it is cut up, the message itself may hold one more, which it has already.
  if (slots > 1 && slots < pbufLimit(PBUF_SMALL, OWNER_TX) && slots > pbufRoom(PBUF_SMALL, OWNER_TX)) {
    roomWaitBuffers(p, PBUF_SMALL, slots + 1);
    return -E_AGAIN;
  }
  if (slots <= nif.mask + 1 && slots > netifRoom(nif)) {
    roomWaitSlots(p, path.netif, slots);
    return -E_AGAIN;
  }
  return 0;
}

/** Sends the message at pb.head as the socket's options say; `ecn`: bits of the TOS that its transport adds. */
export function pcbOutput(p: Pcb, pb: Pbuf, path: Path, dst: usize, proto: u32, ecn: u32): i32 {
  let ttl = optionOf(p, OPT_TTL);
  if (path.kind == PATH_MULTICAST) {
    ttl = optionOf(p, OPT_MULTICAST_TTL);
    if (optionOf(p, OPT_MULTICAST_LOOP) == 0) pb.flags |= PB_NO_COPY;
  } else if (ttl == 0) ttl = switchValue(SW_IP_DEFAULT_TTL);
  const discover = optionOf(p, OPT_MTU_DISCOVER);
  if (discover == PMTUDISC_PROBE) pb.flags |= PB_PROBE;
  const df = dontFragment(discover, path, pb.len + IPV4_HDR_LEN + p.optionsLen);
  const tos = optionOf(p, OPT_TOS) | ecn;
  if (p.optionsLen == 0) return ipv4Output(pb, path, path.source, addressV4(dst), proto, ttl, tos, df);
  const options = pcbOptions(p, addressV4(dst));
  const to = addressV4(pcbFirstHop(p, dst));
  return ipv4OutputOptions(pb, path, path.source, to, proto, ttl, tos, df, options, p.optionsLen);
}

/** RFC 1191 §3: DF on all that need not be fragmented, unless the socket wants none or the path is known to be bad. */
function dontFragment(discover: u32, path: Path, total: u32): bool {
  if (discover != PMTUDISC_WANT) return discover >= <u32>PMTUDISC_DO;
  return total <= path.mtu && (path.flags & PATH_LOCKED) == 0;
}
