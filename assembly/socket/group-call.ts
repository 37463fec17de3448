// The host's calls about groups: RFC 1112 §7.1, RFC 3376 §3.1, with the errors of RFC 3678 as Linux has them.

import { CALL_ADDR2, CALL_IFINDEX } from "../abi/call";
import { E_ADDRNOTAVAIL, E_AFNOSUPPORT, E_BADF, E_INVAL, E_NODEV, E_OPNOTSUPP } from "../abi/errno";
import { IFF_MULTICAST } from "../abi/netif";
import { IPPROTO_TCP } from "../abi/proto";
import {
  GROUP_BLOCK,
  GROUP_JOIN,
  GROUP_JOIN_SOURCE,
  GROUP_LEAVE,
  GROUP_LEAVE_SOURCE,
  GROUP_UNBLOCK,
  OPT_INTERFACE,
  OPT_MULTICAST_INTERFACE,
} from "../abi/socket";
import { PATH_BYTES, Path, pathFind } from "../ip/path";
import { netifByIndex } from "../link/netif";
import { addressIs4, addressV4 } from "../memory/address";
import {
  Membership,
  membershipAny,
  membershipBlock,
  membershipFind,
  membershipJoin,
  membershipJoinSource,
  membershipLeave,
  membershipLeaveSource,
  membershipUnblock,
} from "../pcb/membership";
import { optionOf, Pcb, pcbOf } from "../pcb/pcb";
import { CALL, callAddr } from "./call";

const PATH: Path = changetype<Path>(memory.data(PATH_BYTES, 8));

/** Does GROUP_… with the group, the interface and the source in the call block: 0 or -errno. */
export function socketGroup(handle: u32, op: u32): i32 {
  const p = pcbOf(handle);
  if (p === null) return -E_BADF;
  if (p.proto == IPPROTO_TCP) return -E_OPNOTSUPP;
  if (op > <u32>GROUP_LEAVE_SOURCE) return -E_INVAL;
  const ofSource = op >= <u32>GROUP_BLOCK;
  if (!addressIs4(callAddr()) || (ofSource && !addressIs4(CALL + CALL_ADDR2))) return -E_AFNOSUPPORT;
  const group = addressV4(callAddr());
  const source = ofSource ? addressV4(CALL + CALL_ADDR2) : 0;
  if (group >>> 28 != 0xe || source >= 0xe0000000 || (ofSource && source == 0)) return -E_INVAL;
  if (op == GROUP_JOIN || op == GROUP_JOIN_SOURCE) return join(p, group, source);
  const m = membership(p, group);
  return m === null ? -E_ADDRNOTAVAIL : change(p, m, op, source);
}

function join(p: Pcb, group: u32, source: u32): i32 {
  const netif = interfaceFor(p);
  if (netif < 0) return netif;
  return source == 0 ? membershipJoin(p, netif, group) : membershipJoinSource(p, netif, group, source);
}

/** The interface to join on: the one asked for, else the socket's, else the one that the route to the group names. */
function interfaceFor(p: Pcb): i32 {
  let ifindex = load<u32>(CALL, CALL_IFINDEX);
  if (ifindex == 0) ifindex = optionOf(p, OPT_INTERFACE);
  if (ifindex == 0) ifindex = optionOf(p, OPT_MULTICAST_INTERFACE);
  if (ifindex == 0) return pathFind(PATH, callAddr(), 0) < 0 ? -E_NODEV : <i32>PATH.netif;
  const nif = netifByIndex(ifindex);
  return nif === null || (nif.flags & IFF_MULTICAST) == 0 ? -E_NODEV : <i32>nif.index;
}

/** The membership in question; of whichever interface if none is named. */
function membership(p: Pcb, group: u32): Membership | null {
  const ifindex = load<u32>(CALL, CALL_IFINDEX);
  return ifindex == 0 ? membershipAny(p, group) : membershipFind(p, ifindex - 1, group);
}

function change(p: Pcb, m: Membership, op: u32, source: u32): i32 {
  switch (op) {
    case GROUP_BLOCK:
      return membershipBlock(m, source);
    case GROUP_UNBLOCK:
      return membershipUnblock(m, source);
    case GROUP_LEAVE_SOURCE:
      return membershipLeaveSource(p, m, source);
    default:
      assert(op == GROUP_LEAVE);
      membershipLeave(p, m);
      return 0;
  }
}
