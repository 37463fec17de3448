// What a host says of its groups, when it is due: changes at once and then again at random (RFC 2236 §3, RFC 3376
// §5.1), answers to queries after their delay (§5.2).

import { IFF_MULTICAST } from "../abi/netif";
import { now } from "../core/clock";
import { randomBelow } from "../core/prng";
import { Timer } from "../core/timer";
import {
  ASKED_ALL,
  askedOf,
  changedLeftOf,
  changedOf,
  EXCLUDE,
  GROUP_SOURCES,
  Group,
  groupArm,
  groupAt,
  groupCount,
  groupHush,
  groupIsMember,
  groupOfTimer,
  INCLUDE,
  LEFT_ALL,
  sourceListed,
  sourcesOf,
} from "../link/group";
import { Netif, netifAt, netifUsable } from "../link/netif";
import {
  ALLOW_NEW_SOURCES,
  BLOCK_OLD_SOURCES,
  CHANGE_TO_EXCLUDE,
  CHANGE_TO_INCLUDE,
  MODE_IS_EXCLUDE,
  MODE_IS_INCLUDE,
} from "../wire/igmp";
import { igmpLeave, igmpReport, reportAdd, reportBegin, reportEnd } from "./output";
import { igmpVersion, netifOfTimer, querierRobustness } from "./querier";

/** Unsolicited Report Interval: RFC 2236 §8.10, RFC 3376 §8.11. */
const AGAIN_V2_US: u32 = 10000000;
const AGAIN_V3_US: u32 = 1000000;

/** Sources for a record, u32 each. */
const LIST: usize = memory.data(GROUP_SOURCES * 4, 4);

/** Something about a group is due. */
export function igmpGroupTimer(t: Timer): void {
  const g = groupOfTimer(t);
  const nif = netifAt(g.netif);
  // All is said anew when the interface is back.
  if (!netifUsable(nif) || (nif.flags & IFF_MULTICAST) == 0) {
    groupHush(g);
    return;
  }
  const version = igmpVersion(nif);
  if (g.ip == 0) return;
  if (isDue(g.changeAt)) {
    if (version == 3) sayChange(nif, g);
    else sayMember(nif, g, version);
  }
  if (isDue(g.answerAt)) {
    if (version == 3) answer(nif, g);
    else if (groupIsMember(g)) sayReport(nif, g, version);
    g.answerAt = 0;
    g.asked = 0;
  }
  groupArm(g);
}

function isDue(at: u64): bool {
  return at != 0 && at <= now();
}

function again(left: u32, us: u32): u64 {
  return left != 0 ? now() + 1 + randomBelow(us) : 0;
}

/** Versions 1 and 2: joined, or left; they know no sources. */
function sayMember(nif: Netif, g: Group, version: u32): void {
  g.modeLeft = 0;
  g.changed = 0;
  if (!groupIsMember(g)) {
    // RFC 2236 §3: only who reported last need say that it leaves.
    if (g.memberLeft != 0 && version == 2 && g.lastReporter != 0) igmpLeave(nif, g.ip);
    g.memberLeft = 0;
    g.lastReporter = 0;
  } else if (g.memberLeft != 0) {
    if (g.memberLeft == LEFT_ALL) g.memberLeft = <u8>querierRobustness(nif);
    g.memberLeft--;
    sayReport(nif, g, version);
  }
  g.changeAt = again(g.memberLeft, AGAIN_V2_US);
}

function sayReport(nif: Netif, g: Group, version: u32): void {
  igmpReport(nif, version, g.ip);
  g.lastReporter = 1;
}

/** Version 3: the whole filter when its mode has changed, else what has changed in its sources. */
function sayChange(nif: Netif, g: Group): void {
  g.memberLeft = 0;
  reportBegin(nif);
  if (g.modeLeft != 0) {
    if (g.modeLeft == LEFT_ALL) g.modeLeft = <u8>querierRobustness(nif);
    g.modeLeft--;
    reportAdd(g.mode == INCLUDE ? CHANGE_TO_INCLUDE : CHANGE_TO_EXCLUDE, g.ip, sourcesOf(g), g.count);
  } else {
    sayChanged(g, true, ALLOW_NEW_SOURCES);
    sayChanged(g, false, BLOCK_OLD_SOURCES);
    countChanged(g, <u8>querierRobustness(nif));
  }
  reportEnd();
  g.changeAt = again(g.modeLeft | g.changed, AGAIN_V3_US);
}

/** A record of the changed sources that are heard now, or that are not. */
function sayChanged(g: Group, heard: bool, type: u32): void {
  let count: u32 = 0;
  for (let i: u32 = 0; i < <u32>g.changed; i++) {
    const source = load<u32>(changedOf(g) + (i << 2));
    if (hears(g, source) == heard) store<u32>(LIST + (count++ << 2), source);
  }
  if (count != 0) reportAdd(type, g.ip, LIST, count);
}

function hears(g: Group, source: u32): bool {
  return sourceListed(sourcesOf(g), g.count, source) == (g.mode == INCLUDE);
}

/** Each changed source has been said once more; those that were said often enough are done with. */
function countChanged(g: Group, robustness: u8): void {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < <u32>g.changed; i++) {
    let left = load<u8>(changedLeftOf(g, i));
    if (left == LEFT_ALL) left = robustness;
    if (--left == 0) continue;
    store<u32>(changedOf(g) + (kept << 2), load<u32>(changedOf(g) + (i << 2)));
    store<u8>(changedLeftOf(g, kept), left);
    kept++;
  }
  g.changed = <u8>kept;
}

/** RFC 3376 §5.2, the answer to a query of this group: the filter, or which of the sources asked for are heard. */
function answer(nif: Netif, g: Group): void {
  if (!groupIsMember(g)) return;
  reportBegin(nif);
  if (g.asked == ASKED_ALL) addState(g);
  else addAsked(g);
  reportEnd();
}

function addState(g: Group): void {
  reportAdd(g.mode == EXCLUDE ? MODE_IS_EXCLUDE : MODE_IS_INCLUDE, g.ip, sourcesOf(g), g.count);
}

function addAsked(g: Group): void {
  let count: u32 = 0;
  for (let i: u32 = 0; i < <u32>g.asked; i++) {
    const source = load<u32>(askedOf(g) + (i << 2));
    if (hears(g, source)) store<u32>(LIST + (count++ << 2), source);
  }
  if (count != 0) reportAdd(MODE_IS_INCLUDE, g.ip, LIST, count);
}

/** The answer to a general query of version 3 is due: the filters of all groups of the interface. */
export function igmpTimer(t: Timer): void {
  const nif = netifOfTimer(t);
  if (!netifUsable(nif) || igmpVersion(nif) != 3) return;
  reportBegin(nif);
  for (let i: u32 = 0; i < groupCount(); i++) {
    const g = groupAt(i);
    if (g.ip != 0 && g.netif == nif.index && groupIsMember(g)) addState(g);
  }
  reportEnd();
}
