// What IGMP knows of an interface: which version its querier speaks (RFC 3376 §7.2.1, RFC 2236 §4), the querier's
// numbers (RFC 3376 §8), and the answer that a general query waits for.

import { IFSW_IGMP_VERSION } from "../abi/netif";
import { TIMER_IGMP } from "../abi/timer";
import { now } from "../core/clock";
import { Timer, timerCancel } from "../core/timer";
import { changedLeftOf, Group, groupAt, groupCount, groupHush, LEFT_ALL } from "../link/group";
import { interfaceSwitch } from "../link/interface-switch";
import { Netif, netifAt } from "../link/netif";
import { arenaTake } from "../memory/arena";

@unmanaged
export class Querier {
  /** Of the answer to a general query of version 3. */
  timerNext: usize;
  timerPrev: usize;
  timerAt: u64;
  timerKind: u32;
  timerSlot: u32;
  /** Until when a querier of version 1, and of version 2, counts as present. */
  v1Until: u64;
  v2Until: u64;
  /** Version spoken of late; 0 = none yet. */
  version: u32;
  /** As the querier says, 0 = not yet; seconds. */
  robustness: u32;
  interval: u32;
  reserved: u32;
}

const QUERIER_BYTES: u32 = offsetof<Querier>();

@unmanaged
class IgmpState {
  table: usize;
}

const I: IgmpState = changetype<IgmpState>(memory.data(offsetof<IgmpState>(), 4));
/** RFC 3376 §8.1, §8.2. */
const ROBUSTNESS: u32 = 2;
const INTERVAL_S: u32 = 125;

export function igmpLayout(interfaces: u32): void {
  I.table = arenaTake(interfaces, QUERIER_BYTES);
}

export function querierOf(nif: Netif): Querier {
  return changetype<Querier>(I.table + nif.index * QUERIER_BYTES);
}

/** The interface whose answer the timer is of. */
export function netifOfTimer(t: Timer): Netif {
  return netifAt(<u32>(changetype<usize>(t) - I.table) / QUERIER_BYTES);
}

export function querierRobustness(nif: Netif): u32 {
  const robustness = querierOf(nif).robustness;
  return robustness != 0 ? robustness : ROBUSTNESS;
}

/** A general query of this version has come, with `maxRespUs` to answer it. */
export function querierHeard(nif: Netif, version: u32, maxRespUs: u64): void {
  const q = querierOf(nif);
  // RFC 3376 §8.12: Older Version Querier Present Timeout.
  const interval = q.interval != 0 ? q.interval : INTERVAL_S;
  const until = now() + <u64>querierRobustness(nif) * interval * 1000000 + maxRespUs;
  if (version == 1) q.v1Until = until;
  else if (version == 2) q.v2Until = until;
}

/** A querier of version 3 says its numbers; 0 = the default (RFC 3376 §4.1.6, §4.1.7). */
export function querierSays(nif: Netif, robustness: u32, interval: u32): void {
  const q = querierOf(nif);
  q.robustness = robustness;
  q.interval = interval;
}

/** The version to speak on the interface now. When it changes, what is pending is cancelled (RFC 3376 §7.2.1). */
export function igmpVersion(nif: Netif): u32 {
  const q = querierOf(nif);
  const version = spoken(nif, q);
  if (version == q.version) return version;
  if (q.version != 0) cancelAll(nif, q);
  q.version = version;
  return version;
}

/** The host's switch has the last word, but that who speaks 2 speaks 1 with a querier of version 1 (RFC 2236 §4). */
function spoken(nif: Netif, q: Querier): u32 {
  const forced = interfaceSwitch(nif, IFSW_IGMP_VERSION);
  if (forced == 3) return 3;
  if (now() < q.v1Until) return 1;
  return forced == 2 || now() < q.v2Until ? 2 : 3;
}

function cancelAll(nif: Netif, q: Querier): void {
  q.timerKind = TIMER_IGMP;
  timerCancel(changetype<Timer>(q));
  for (let i: u32 = 0; i < groupCount(); i++) {
    const g = groupAt(i);
    if (g.ip == 0 || g.netif != nif.index) continue;
    if (isNew(g)) g.answerAt = 0;
    else groupHush(g);
  }
}

/** What has not been said once is no retransmission: it is said in the new version. */
function isNew(g: Group): bool {
  if (g.modeLeft == LEFT_ALL || g.memberLeft == LEFT_ALL) return true;
  for (let i: u32 = 0; i < <u32>g.changed; i++) if (load<u8>(changedLeftOf(g, i)) == LEFT_ALL) return true;
  return false;
}
