// What "fragmentation needed" says of a path: RFC 1191 §3 to §6, RFC 1122 §3.2.2.1. Believed when it quotes what this
// host has sent (the caller has found the socket), with DF, and longer than what is said to fit: so nobody who does not
// see our datagrams can make them small. Never does it raise what is known; that ages instead (§6.3).

import { CTR_IP_PMTU_LEARNED } from "../abi/counter";
import { IPV4_FLAG_DF, IPV4_MIN_MTU } from "../abi/proto";
import { SW_IP_PMTU_MS } from "../abi/switch";
import { now } from "../core/clock";
import { count } from "../core/counter";
import { switchUs } from "../core/switch";
import { destinationFind, destinationSetMtu } from "../route/destination";
import { Ipv4Hdr } from "../wire/ipv4";

/** An error about the datagram `ip`, sent to the 16-byte address `dst`, says that the next link takes `mtu` bytes; 0: it
 * is of a router older than that field. False: it cannot be. */
export function pathMtuInput(ip: Ipv4Hdr, dst: usize, mtu: u32): bool {
  const next = pathMtuClaimed(ip, mtu);
  if (next != 0) pathMtuLearn(dst, next);
  return next != 0;
}

/** What such an error claims the path to take; 0: it cannot be. */
export function pathMtuClaimed(ip: Ipv4Hdr, mtu: u32): u32 {
  const sent = ip.totalLen;
  const next = mtu != 0 ? mtu : plateauBelow(sent);
  return (ip.flagsOffset & IPV4_FLAG_DF) == 0 || next < <u32>IPV4_MIN_MTU || next >= sent ? 0 : next;
}

/** The path to the 16-byte address `dst` is believed to take `mtu` bytes. */
export function pathMtuLearn(dst: usize, mtu: u32): void {
  const known = destinationFind(dst);
  // About what was sent before the last one was heard.
  if (known !== null && known.mtu != 0 && known.mtu < mtu) return;
  if (destinationSetMtu(dst, mtu, now() + switchUs(SW_IP_PMTU_MS))) count(CTR_IP_PMTU_LEARNED);
}

/** RFC 1191 §7.1: MTUs as links have them; the next one below what did not fit. */
function plateauBelow(len: u32): u32 {
  if (len > 32000) return 32000;
  if (len > 17914) return 17914;
  if (len > 8166) return 8166;
  if (len > 4352) return 4352;
  if (len > 2002) return 2002;
  if (len > 1492) return 1492;
  if (len > 1006) return 1006;
  if (len > 508) return 508;
  return len > 296 ? 296 : IPV4_MIN_MTU;
}
