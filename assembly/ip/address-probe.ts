// An address is ours only if it is nobody else's: RFC 5227 §2.1 (probe before use), §2.3 (announce), §2.4 (b) (defend
// once in ten seconds, then give up). So for addresses that were assigned to be probed; the others are in use at once
// and for good, and a conflict is counted and told. Choosing another address, and how soon (§2.1.1, MAX_CONFLICTS), is
// the application's.

import { CTR_ARP_IN_CONFLICTS } from "../abi/counter";
import { DROP_ARP_CONFLICT } from "../abi/drop";
import { EVENT_ADDRESS } from "../abi/event";
import {
  ADDR_CONFLICT,
  ADDR_PROBING,
  ADDR_RIVAL,
  ADDR_USABLE,
  ADDRF_PROBE,
  FAMILY_IPV4,
  IFF_BROADCAST,
} from "../abi/netif";
import { TIMER_ADDRESS } from "../abi/timer";
import { now } from "../core/clock";
import { count } from "../core/counter";
import { eventNetif } from "../core/event";
import { randomBelow } from "../core/prng";
import { Timer, timerArm, timerCancel } from "../core/timer";
import {
  addressCapacity,
  addressOfTimer,
  addressRecordOf,
  addressSetState,
  addressTimer,
  IfAddr,
  ifAddrAt,
} from "../link/address";
import { arpAnnounce, arpProbe } from "../link/arp-output";
import { Netif, netifAt, netifUsable } from "../link/netif";
import { address4, addressV4 } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { ArpHdr } from "../wire/arp";
import { macCopy } from "../wire/ether";
import { interfaceSettle } from "./interface-route";

// RFC 5227 §1.1, microseconds.
const PROBE_WAIT: u32 = 1000000;
const PROBES: u32 = 3;
const PROBE_MIN: u32 = 1000000;
const PROBE_MAX: u32 = 2000000;
const ANNOUNCE_WAIT: u32 = 2000000;
const ANNOUNCES: u32 = 2;
const ANNOUNCE_INTERVAL: u32 = 2000000;
const DEFEND_INTERVAL: u32 = 10000000;

const IP: usize = memory.data(16, 8);

/** Is an address with these flags (ADDRF_…) to be probed on the interface? Where there is no ARP there is no conflict. */
export function probeWanted(nif: Netif, flags: u32): bool {
  return (flags & ADDRF_PROBE) != 0 && (nif.flags & IFF_BROADCAST) != 0;
}

/** The interface has become usable: what is to be probed is, anew (§2.1: on every change of the link), the other
 * addresses are announced. Or it is no longer: what was going on waits for that. */
export function probeLinkChanged(nif: Netif): void {
  const usable = netifUsable(nif);
  for (let i: u32 = 0; i < addressCapacity(); i++) {
    const a = ifAddrAt(i);
    if (a.family != FAMILY_IPV4 || a.netif != nif.index) continue;
    if (usable) probeOrAnnounce(nif, a);
    else timerCancel(addressTimer(a));
  }
}

/** Begins to probe the address, or announces it, if there is a link on which to. */
export function probeOrAnnounce(nif: Netif, a: IfAddr): void {
  if (!netifUsable(nif) || (nif.flags & IFF_BROADCAST) == 0) return;
  if (!probeWanted(nif, a.flags)) {
    arpAnnounce(nif, addressV4(changetype<usize>(a)));
    return;
  }
  if (a.state != ADDR_PROBING) become(nif, a, ADDR_PROBING);
  a.sent = 0;
  arm(a, randomBelow(PROBE_WAIT));
}

function arm(a: IfAddr, waitUs: u32): void {
  const t = addressTimer(a);
  t.kind = TIMER_ADDRESS;
  timerArm(t, now() + waitUs);
}

/** The address, its routes and what the host sees of it change their state. -E_NOSPC: without all its routes. */
function become(nif: Netif, a: IfAddr, state: u32): i32 {
  addressSetState(a, state);
  eventNetif(nif.index, EVENT_ADDRESS);
  return interfaceSettle(nif);
}

/** The timer of an address has expired: the next probe is due, or the next announcement. */
export function probeTimer(t: Timer): void {
  const a = addressOfTimer(t);
  const nif = netifAt(a.netif);
  const v4 = addressV4(changetype<usize>(a));
  if (a.state == ADDR_PROBING) {
    if (a.sent < PROBES) {
      arpProbe(nif, v4);
      a.sent++;
      arm(a, a.sent < PROBES ? PROBE_MIN + randomBelow(PROBE_MAX - PROBE_MIN) : ANNOUNCE_WAIT);
      return;
    }
    if (become(nif, a, ADDR_USABLE) < 0) {
      // No room for its routes: it stays on probation until there is.
      become(nif, a, ADDR_PROBING);
      arm(a, ANNOUNCE_WAIT);
      return;
    }
    a.sent = 0;
  }
  arpAnnounce(nif, v4);
  a.sent++;
  if (a.sent < ANNOUNCES) arm(a, ANNOUNCE_INTERVAL);
}

/** The ARP packet at pb.l3, received on `nif`, is of a station that uses an address of ours there, or wants to while we
 * do (RFC 5227 §2.1.1, §2.4). */
export function addressConflict(nif: Netif, pb: Pbuf): u32 {
  const arp = changetype<ArpHdr>(pb.l3);
  const spa = arp.spa;
  address4(IP, spa != 0 ? spa : arp.tpa);
  const a = addressRecordOf(IP);
  if (a === null) return DROP_ARP_CONFLICT;
  count(CTR_ARP_IN_CONFLICTS);
  a.conflicts++;
  macCopy(changetype<usize>(a) + ADDR_RIVAL, arp.sha);
  eventNetif(nif.index, EVENT_ADDRESS);
  if (a.state == ADDR_PROBING) giveUp(nif, a);
  else if (probeWanted(nif, a.flags)) defend(nif, a);
  return DROP_ARP_CONFLICT;
}

function giveUp(nif: Netif, a: IfAddr): void {
  timerCancel(addressTimer(a));
  become(nif, a, ADDR_CONFLICT);
}

/** §2.4 (b): one announcement; a second conflict within ten seconds, and the address is the other's. */
function defend(nif: Netif, a: IfAddr): void {
  if (now() < a.defendedUntil) {
    giveUp(nif, a);
    return;
  }
  a.defendedUntil = now() + DEFEND_INTERVAL;
  arpAnnounce(nif, addressV4(changetype<usize>(a)));
}
