// What every datagram protocol does before it sends: the path (a connected block keeps its own), the permission to
// broadcast, the room; and after: TTL, TOS and DF as the socket has them.

import { E_ACCES, E_AGAIN, E_MSGSIZE } from "../abi/errno";
import { OPT_BROADCAST, OPT_DF, OPT_INTERFACE, OPT_MULTICAST_TTL, OPT_TOS, OPT_TTL } from "../abi/socket";
import { SW_IP_DEFAULT_TTL } from "../abi/switch";
import { switchValue } from "../core/switch";
import { ipv4Output, ipv4Room } from "../ip/output";
import { PATH_BROADCAST, PATH_BYTES, PATH_MULTICAST, Path, pathFind } from "../ip/path";
import { addressKind, KIND_OWN } from "../link/address";
import { netifAt, netifHasRoom } from "../link/netif";
import { addressV4 } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { routeGeneration } from "../route/table";
import { localOf, optionOf, Pcb } from "./pcb";
import { roomWait } from "./room";

const UNCONNECTED: Path = changetype<Path>(memory.data(PATH_BYTES, 8));

/** The block's own path, good while connected. */
export function pathOf(p: Pcb): Path {
  return changetype<Path>(changetype<usize>(p) + offsetof<Pcb>("path0"));
}

/** Address of the Path to `dst`, or -errno. */
export function pcbPath(p: Pcb, dst: usize, connected: bool): i32 {
  const path = connected ? pathOf(p) : UNCONNECTED;
  if (!connected || path.generation != routeGeneration()) {
    path.generation = 0;
    const error = pathFind(path, dst, optionOf(p, OPT_INTERFACE));
    if (error < 0) {
      path.generation = 0;
      return error;
    }
  }
  if (path.kind == PATH_BROADCAST && optionOf(p, OPT_BROADCAST) == 0) return -E_ACCES;
  return <i32>changetype<usize>(path);
}

/** May a message of `len` bytes go now? 0, -E_MSGSIZE, or -E_AGAIN (the socket is told when there is room). */
export function pcbRoom(p: Pcb, path: Path, len: u32): i32 {
  if (len > ipv4Room(path)) return -E_MSGSIZE;
  if (netifHasRoom(netifAt(path.netif))) return 0;
  roomWait(p);
  return -E_AGAIN;
}

/** Source address (host order): the socket's own, else the path's. */
export function pcbSource(p: Pcb, path: Path): u32 {
  const local = addressV4(localOf(p));
  if (local == 0) return path.source;
  return local >>> 24 == 127 || addressKind(localOf(p)) == KIND_OWN ? local : path.source;
}

/** Sends the message at pb.head as the socket's options say. */
export function pcbOutput(p: Pcb, pb: Pbuf, path: Path, src: u32, dst: u32, proto: u32): i32 {
  let ttl = optionOf(p, OPT_TTL);
  if (path.kind == PATH_MULTICAST) ttl = optionOf(p, OPT_MULTICAST_TTL);
  else if (ttl == 0) ttl = switchValue(SW_IP_DEFAULT_TTL);
  return ipv4Output(pb, path, src, dst, proto, ttl, optionOf(p, OPT_TOS), optionOf(p, OPT_DF) != 0);
}
