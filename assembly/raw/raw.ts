// Raw sockets: which there are, and which of them want a datagram. They are few, so they stand in one list, which costs
// nothing while it is empty.

import { OPT_INTERFACE, SOCK_RAW } from "../abi/socket";
import { addressEqual, addressIsAny } from "../memory/address";
import { localOf, optionOf, Pcb, remoteOf } from "../pcb/pcb";

@unmanaged
class RawState {
  /** Linked by demuxNext, the newest first. */
  first: Pcb | null;
}

const R: RawState = changetype<RawState>(memory.data(offsetof<RawState>(), 4));

export function rawAdd(p: Pcb): void {
  p.demuxNext = R.first;
  R.first = p;
}

export function rawRemove(p: Pcb): void {
  let at = changetype<usize>(R) + offsetof<RawState>("first");
  while (load<usize>(at) != changetype<usize>(p)) at = load<usize>(at) + offsetof<Pcb>("demuxNext");
  store<usize>(at, changetype<usize>(p.demuxNext));
}

/** Is there any raw socket at all? */
export function rawAny(): bool {
  return R.first !== null;
}

/** The next socket behind `after` (null: the first) for protocol `proto` between `local` and `remote`, by interface
 * `ifindex` (0: by whichever); or null. */
export function rawNext(after: Pcb | null, proto: u32, local: usize, remote: usize, ifindex: u32): Pcb | null {
  let p = after === null ? R.first : after.demuxNext;
  while (p !== null) {
    if (p.proto == (proto | SOCK_RAW) && isEnd(localOf(p), local) && isEnd(remoteOf(p), remote)) {
      const bound = optionOf(p, OPT_INTERFACE);
      if (bound == 0 || ifindex == 0 || bound == ifindex) return p;
    }
    p = p.demuxNext;
  }
  return null;
}

function isEnd(own: usize, ip: usize): bool {
  return addressIsAny(own) || addressEqual(own, ip);
}
