// Redirects that a router sends: RFC 1812 §4.3.3.2 and §5.2.7.2, RFC 1122 §3.2.2.2. Always for the one host (code 1),
// beside the datagram itself, which goes on. A host that does not listen is told less and less: Linux's back-off.

import { IFF_BROADCAST, IFSW_SEND_REDIRECTS } from "../abi/netif";
import { ICMP_REDIRECT, ICMP_REDIRECT_HOST, IPV4_HDR_LEN } from "../abi/proto";
import { now } from "../core/clock";
import { hash16 } from "../core/hash";
import { addressSubnetHolds } from "../link/address";
import { interfaceSwitch } from "../link/interface-switch";
import { Netif } from "../link/netif";
import { addressV4 } from "../memory/address";
import { arenaTake } from "../memory/arena";
import { Pbuf } from "../memory/pbuf";
import { Ipv4Hdr } from "../wire/ipv4";
import { Ipv4Options, ipv4OptionsParse } from "../wire/ipv4-options";
import { flowSource } from "./flow";
import { icmpError } from "./icmp-error";

/** The hosts that hash alike share one; a router that tells one of them too little costs a detour, no more. */
@unmanaged
class Redirected {
  /** When one was last sent, or wanted after the last one that may be. */
  at: u64;
  sent: u32;
  reserved: u32;
}

@unmanaged
class RedirectState {
  table: usize;
  capacity: u32;
}

const OPTIONS: Ipv4Options = changetype<Ipv4Options>(memory.data(offsetof<Ipv4Options>(), 4));
const R: RedirectState = changetype<RedirectState>(memory.data(offsetof<RedirectState>(), 4));

/** LOAD_US << n pass after the n-th, and there are at most MOST. */
const LOAD_US: u64 = 20000;
const MOST: u32 = 9;
/** After such a silence it begins anew. */
const SILENCE_US: u64 = LOAD_US << (MOST + 1);

export function redirectLayout(destinations: u32): void {
  R.capacity = destinations;
  R.table = arenaTake(destinations, offsetof<Redirected>());
}

/** The datagram at pb.l3 leaves by the interface it came by, to `nextHop` (16 bytes): its sender is told, if it stands
 * on the same network as that, and the medium lets it speak there. */
export function redirectOutput(nif: Netif, pb: Pbuf, nextHop: usize): void {
  if (interfaceSwitch(nif, IFSW_SEND_REDIRECTS) == 0 || (nif.flags & IFF_BROADCAST) == 0) return;
  const ip = changetype<Ipv4Hdr>(pb.l3);
  const gateway = addressV4(nextHop);
  if (ip.src == gateway || !addressSubnetHolds(nif.index, ip.src, gateway)) return;
  if (ip.hdrLen != <u32>IPV4_HDR_LEN && isSourceRouted(ip)) return;
  if (backOff()) return;
  icmpError(pb, ICMP_REDIRECT, ICMP_REDIRECT_HOST, gateway);
}

function isSourceRouted(ip: Ipv4Hdr): bool {
  return !ipv4OptionsParse(changetype<usize>(ip), ip.hdrLen, OPTIONS) || OPTIONS.sourceRoute != 0;
}

/** Has flowSource() been told often enough for now? If not, it counts as told. */
function backOff(): bool {
  const i = <u32>((<u64>hash16(flowSource(), 0) * R.capacity) >> 32);
  const r = changetype<Redirected>(R.table + i * offsetof<Redirected>());
  if (now() - r.at > SILENCE_US) r.sent = 0;
  if (r.sent != 0 && r.sent < MOST && now() - r.at <= LOAD_US << r.sent) return true;
  r.at = now();
  if (r.sent >= MOST) return true;
  r.sent++;
  return false;
}
