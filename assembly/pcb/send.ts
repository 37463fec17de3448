// What every datagram protocol does before it sends: the path (a connected block keeps its own), the permission to
// broadcast, the room; and after: TTL, TOS and DF as the socket has them.

import { E_ACCES, E_AGAIN, E_INVAL, E_MSGSIZE } from "../abi/errno";
import { IFF_UP } from "../abi/netif";
import {
  OPT_BROADCAST,
  OPT_INTERFACE,
  OPT_MTU_DISCOVER,
  OPT_MULTICAST_TTL,
  OPT_TOS,
  OPT_TTL,
  PMTUDISC_DO,
} from "../abi/socket";
import { SW_IP_DEFAULT_TTL } from "../abi/switch";
import { switchValue } from "../core/switch";
import { ipv4Output, ipv4Room } from "../ip/output";
import { PATH_BROADCAST, PATH_BYTES, PATH_LOCAL, PATH_MULTICAST, Path, pathFind } from "../ip/path";
import { addressKind, KIND_OWN } from "../link/address";
import { netifAt, netifHasRoom } from "../link/netif";
import { addressV4 } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { routeGeneration } from "../route/table";
import { pseudoSum4 } from "../wire/checksum";
import { localOf, optionOf, PCB_BOUND, Pcb } from "./pcb";
import { roomWaitSlot } from "./room";

const UNCONNECTED: Path = changetype<Path>(memory.data(PATH_BYTES, 8));

/** The block's own path, good while connected. */
export function pathOf(p: Pcb): Path {
  return changetype<Path>(changetype<usize>(p) + offsetof<Pcb>("path0"));
}

/** Address of the Path to `dst`, whose source is the one to send from; or -errno. A connected block keeps its own. */
export function pcbPath(p: Pcb, dst: usize, connected: bool): i32 {
  const path = connected ? pathOf(p) : UNCONNECTED;
  if (connected && path.generation == routeGeneration()) return <i32>changetype<usize>(path);
  const error = pcbFindPath(p, path, dst);
  if (error < 0) {
    path.generation = 0;
    return error;
  }
  path.source = sourceOf(p, path);
  path.pseudo = pseudoSum4(path.source, addressV4(dst), 0, 0);
  return <i32>changetype<usize>(path);
}

/** Finds the path to `dst` for this block, with the source address that suits the path: 0 or -errno. */
export function pcbFindPath(p: Pcb, path: Path, dst: usize): i32 {
  const error = pathFind(path, dst, optionOf(p, OPT_INTERFACE));
  if (error < 0 || path.kind == PATH_LOCAL) return error;
  if (path.kind == PATH_BROADCAST && optionOf(p, OPT_BROADCAST) == 0) return -E_ACCES;
  // A block bound to 127/8 speaks only within this host (RFC 1122 §3.2.1.3 (g); Linux says EINVAL, too).
  if ((p.flags & PCB_BOUND) != 0 && addressV4(localOf(p)) >>> 24 == 127) return -E_INVAL;
  return 0;
}

/** Source address (host order): the socket's own, else the path's. */
function sourceOf(p: Pcb, path: Path): u32 {
  const local = addressV4(localOf(p));
  if (local == 0) return path.source;
  if (local >>> 24 == 127) return path.kind == PATH_LOCAL ? local : path.source;
  return addressKind(localOf(p)) == KIND_OWN ? local : path.source;
}

/** May a message of `len` bytes go now? 0, -E_MSGSIZE, or -E_AGAIN (the socket is told when there is room). */
export function pcbRoom(p: Pcb, path: Path, len: u32): i32 {
  if (len > ipv4Room(path)) return -E_MSGSIZE;
  const nif = netifAt(path.netif);
  // What is down has no room to wait for: netifTransmit() says so.
  if ((nif.flags & IFF_UP) == 0 || netifHasRoom(nif)) return 0;
  roomWaitSlot(p, path.netif);
  return -E_AGAIN;
}

/** Sends the message at pb.head as the socket's options say. */
export function pcbOutput(p: Pcb, pb: Pbuf, path: Path, dst: usize, proto: u32): i32 {
  let ttl = optionOf(p, OPT_TTL);
  if (path.kind == PATH_MULTICAST) ttl = optionOf(p, OPT_MULTICAST_TTL);
  else if (ttl == 0) ttl = switchValue(SW_IP_DEFAULT_TTL);
  const dontFragment = optionOf(p, OPT_MTU_DISCOVER) >= <u32>PMTUDISC_DO;
  return ipv4Output(pb, path, path.source, addressV4(dst), proto, ttl, optionOf(p, OPT_TOS), dontFragment);
}
