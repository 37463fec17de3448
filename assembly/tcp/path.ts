// The connection's path, and the size of its segments: RFC 9293 §3.7.1, RFC 6691, RFC 1191.

import { E_ADDRNOTAVAIL } from "../abi/errno";
import { IPV4_HDR_LEN, TCP_HDR_LEN } from "../abi/proto";
import { OPT_TCP_MSS } from "../abi/socket";
import { TCB_F_TIMESTAMPS } from "../abi/tcp";
import { Path } from "../ip/path";
import { addressV4 } from "../memory/address";
import { localOf, remoteOf } from "../pcb/pcb";
import { pcbPath } from "../pcb/send";
import { TIMESTAMP_LEN } from "./answer";
import { Tcb, tcpOption } from "./tcb";

/** Payload of a segment whose headers take all that there is: it goes in fragments, if it must. */
const PAYLOAD_LEAST: u32 = 8;

/** Largest segment over a link or path of this MTU, fixed headers only (RFC 9293 §3.7.1): what we offer to receive, and
 * what we may send. */
export function mssOffered(t: Tcb, mtu: u32): u32 {
  const most = min<u32>(mtu, 0xffff) - IPV4_HDR_LEN - TCP_HDR_LEN;
  const own = tcpOption(t, OPT_TCP_MSS);
  return own != 0 ? min<u32>(own, most) : most;
}

/** Address of the connection's path, 0 if there is none (why stands in t.softError); the payload of a full segment
 * follows its MTU. */
export function tcpPath(t: Tcb): usize {
  const p = t.pcb;
  const found = pcbPath(p, remoteOf(p), true);
  if (found < 0) {
    t.softError = -found;
    return 0;
  }
  const path = changetype<Path>(found);
  // The connection's address is one of its names: with another it is none of the peer's.
  if (path.source != addressV4(localOf(p))) {
    t.softError = E_ADDRNOTAVAIL;
    return 0;
  }
  t.sndMss = segmentBytes(t, t.mtuCap != 0 ? min<u32>(path.mtu, t.mtuCap) : path.mtu);
  return <usize>found;
}

/** Payload of a full segment over a path of this MTU. RFC 9293 §3.7.1: Eff.snd.MSS, the options taken off (RFC 6691). */
export function segmentBytes(t: Tcb, mtu: u32): u32 {
  const options = optionBytes(t);
  const most = min<u32>(t.peerMss, mssOffered(t, mtu));
  return most > options + PAYLOAD_LEAST ? most - options : PAYLOAD_LEAST;
}

/** What each segment with data has in front of it, IP's header too. */
export function headerBytes(t: Tcb): u32 {
  return IPV4_HDR_LEN + TCP_HDR_LEN + optionBytes(t);
}

function optionBytes(t: Tcb): u32 {
  return t.pcb.optionsLen + ((t.flags & TCB_F_TIMESTAMPS) != 0 ? TIMESTAMP_LEN : 0);
}
