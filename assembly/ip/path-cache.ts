// Paths to destinations lately sent to, for those who keep none of their own: sockets that are not connected, replies.
// Direct-mapped: a destination has one place, and takes it from who had it before.

import { hash8 } from "../core/hash";
import { addressV4 } from "../memory/address";
import { arenaTake } from "../memory/arena";
import { pseudoSum4 } from "../wire/checksum";
import { Path, pathFind, pathIsGood } from "./path";

@unmanaged
class CachedPath extends Path {
  dst: u32;
  ifindex: u32;
}

@unmanaged
class CacheState {
  table: usize;
  mask: u32;
}

const C: CacheState = changetype<CacheState>(memory.data(offsetof<CacheState>(), 8));
const MOST: u32 = 256;

export function pathCacheLayout(destinations: u32): void {
  let paths: u32 = 1;
  while (paths < destinations && paths < MOST) paths <<= 1;
  C.mask = paths - 1;
  C.table = arenaTake(paths, offsetof<CachedPath>());
}

/** Address of a path to the IPv4 address `dst` (16 bytes), by interface `ifindex` if that is not 0, with the sum of its
 * own source and `dst`; or -errno. It is the cache's: to be read only, and soon. */
export function pathTo(dst: usize, ifindex: u32): i32 {
  const v4 = addressV4(dst);
  const at = C.table + (hash8(((<u64>ifindex) << 32) | v4) & C.mask) * offsetof<CachedPath>();
  const path = changetype<CachedPath>(at);
  if (path.dst == v4 && path.ifindex == ifindex && pathIsGood(path)) return <i32>at;
  const error = pathFind(path, dst, ifindex);
  if (error < 0) return error;
  path.dst = v4;
  path.ifindex = ifindex;
  path.pseudo = pseudoSum4(path.source, v4, 0, 0);
  return <i32>at;
}
