// The groups that this host is in, by interface: what the Ethernet filter and IP input ask. A record holds what the
// sockets' memberships come to (RFC 3376 §3.2), and what is yet to be said of it (§5.1): IGMP (igmp/) reads that when
// the record's timer expires. A group that was left stays, no longer heard, until that has been said.

import { TIMER_GROUP } from "../abi/timer";
import { now } from "../core/clock";
import { hash8 } from "../core/hash";
import { Timer, timerArm, timerCancel } from "../core/timer";
import { arenaTake } from "../memory/arena";

/** All hosts: joined on every interface, and never reported (RFC 1112 §4 and §7.2). */
export const ALL_HOSTS: u32 = 0xe0000001;

/** Filter modes: hear the listed sources only; hear all but those. INCLUDE of none is no membership. */
export const INCLUDE: u32 = 0;
export const EXCLUDE: u32 = 1;
/** Sources in a filter. */
export const GROUP_SOURCES: u32 = 8;
/** Of something to be said: as often as the interface's robustness is, not yet begun. */
export const LEFT_ALL: u8 = 0xff;
/** Of an answer: asked for as a whole, not for certain sources. */
export const ASKED_ALL: u8 = 0xff;

@unmanaged
export class Group {
  timerNext: usize;
  timerPrev: usize;
  timerAt: u64;
  timerKind: u32;
  timerSlot: u32;
  /** Host order; 0 = the record is free. */
  ip: u32;
  netif: u32;
  hashNext: Group | null;
  mode: u8;
  /** Sources in the filter; sources that changed; sources asked for. */
  count: u8;
  changed: u8;
  asked: u8;
  /** How often a change of mode (version 3), and joining or leaving (versions 1 and 2), are yet to be said. */
  modeLeft: u8;
  memberLeft: u8;
  /** The last report heard of the group was ours (RFC 2236 §3). */
  lastReporter: u8;
  reserved: u8;
  /** When a change is to be said, and when a query to be answered; 0 = not. */
  changeAt: u64;
  answerAt: u64;
  /** How often the change of each changed source is yet to be said, u8 each. */
  changedLeft: u64;
}

/** u32 each, host order: sources of the filter, changed ones, asked for ones. */
const SOURCES: u32 = offsetof<Group>();
const LIST: u32 = GROUP_SOURCES * 4;
const GROUP_BYTES: u32 = SOURCES + 3 * LIST;

@unmanaged
class GroupState {
  table: usize;
  buckets: usize;
  mask: u32;
  capacity: u32;
  /** Records in use at some time. */
  fresh: u32;
}

const G: GroupState = changetype<GroupState>(memory.data(offsetof<GroupState>(), 4));

export function groupLayout(capacity: u32): void {
  let buckets: u32 = 1;
  while (buckets < capacity) buckets <<= 1;
  G.capacity = capacity;
  G.mask = buckets - 1;
  G.table = arenaTake(capacity, GROUP_BYTES);
  G.buckets = arenaTake(buckets, 4);
}

/** Records that may be in use: those of them with an `ip` are. */
export function groupCount(): u32 {
  return G.fresh;
}

export function groupAt(index: u32): Group {
  return changetype<Group>(G.table + index * GROUP_BYTES);
}

export function groupOfTimer(t: Timer): Group {
  return changetype<Group>(changetype<usize>(t));
}

/** Address of the filter's sources. */
export function sourcesOf(g: Group): usize {
  return changetype<usize>(g) + SOURCES;
}

export function changedOf(g: Group): usize {
  return changetype<usize>(g) + SOURCES + LIST;
}

export function askedOf(g: Group): usize {
  return changetype<usize>(g) + SOURCES + 2 * LIST;
}

/** Address of the u8 that counts how often changed source `i` is yet to be told. */
export function changedLeftOf(g: Group, i: u32): usize {
  return changetype<usize>(g) + offsetof<Group>("changedLeft") + i;
}

/** Is `source` in the list of `count` at `list`? */
export function sourceListed(list: usize, count: u32, source: u32): bool {
  for (let i: u32 = 0; i < count; i++) if (load<u32>(list + (i << 2)) == source) return true;
  return false;
}

/** By what the Ethernet address has of the group, so that one table serves both (RFC 1112 §6.4). */
function bucketOf(netif: u32, low: u32): usize {
  return G.buckets + (hash8(((<u64>netif) << 32) | low) & G.mask) * 4;
}

/** The record of the group on the interface, heard or just left; or null. */
export function groupFind(netif: u32, ip: u32): Group | null {
  if (G.fresh == 0) return null;
  let g = changetype<Group | null>(load<usize>(bucketOf(netif, ip & 0x7fffff)));
  while (g !== null && (g.ip != ip || g.netif != netif)) g = g.hashNext;
  return g;
}

export function groupIsMember(g: Group): bool {
  return g.mode != INCLUDE || g.count != 0;
}

/** Is this host a member of the group on the interface? Of all-hosts always (RFC 1112 §7.2). */
export function groupIsJoined(netif: u32, ip: u32): bool {
  if (ip == ALL_HOSTS) return true;
  const g = groupFind(netif, ip);
  return g !== null && groupIsMember(g);
}

/** Does the interface's filter let the group address pass of which the last 23 bits are `low`? */
export function groupHearsLow(netif: u32, low: u32): bool {
  if (low == (ALL_HOSTS & 0x7fffff)) return true;
  if (G.fresh == 0) return false;
  let g = changetype<Group | null>(load<usize>(bucketOf(netif, low)));
  while (g !== null && ((g.ip & 0x7fffff) != low || g.netif != netif || !groupIsMember(g))) g = g.hashNext;
  return g !== null;
}

/** The interface's filter for the group is to be this from now on; what that changes is to be said at once. There is a
 * record for each membership of a socket, so never too few. */
export function groupSet(netif: u32, ip: u32, mode: u32, sources: usize, count: u32): void {
  let g = groupFind(netif, ip);
  if (g === null) {
    if (mode == INCLUDE && count == 0) return;
    g = take(netif, ip);
  }
  const was = groupIsMember(g);
  if (mode != g.mode) groupSayMode(g);
  else noteSources(g, sources, count);
  g.mode = <u8>mode;
  g.count = <u8>count;
  memory.copy(sourcesOf(g), sources, count << 2);
  if (groupIsMember(g) != was) g.memberLeft = LEFT_ALL;
  if ((g.modeLeft | g.changed | g.memberLeft) != 0) sayNow(g);
}

function sayNow(g: Group): void {
  g.changeAt = max<u64>(1, now());
  groupArm(g);
}

/** The whole filter is to be said, which says its changes, too. */
function groupSayMode(g: Group): void {
  g.modeLeft = LEFT_ALL;
  g.changed = 0;
}

/** Notes the sources in which the filter and the new one differ; more than there is place for: the whole filter. */
function noteSources(g: Group, sources: usize, count: u32): void {
  const old = sourcesOf(g);
  for (let i: u32 = 0; i < <u32>g.count; i++) {
    const source = load<u32>(old + (i << 2));
    if (!sourceListed(sources, count, source)) noteSource(g, source);
  }
  for (let i: u32 = 0; i < count; i++) {
    const source = load<u32>(sources + (i << 2));
    if (!sourceListed(old, g.count, source)) noteSource(g, source);
  }
}

function noteSource(g: Group, source: u32): void {
  if (g.modeLeft != 0) {
    g.modeLeft = LEFT_ALL;
    return;
  }
  let i: u32 = 0;
  while (i < <u32>g.changed && load<u32>(changedOf(g) + (i << 2)) != source) i++;
  if (i == GROUP_SOURCES) {
    groupSayMode(g);
    return;
  }
  store<u32>(changedOf(g) + (i << 2), source);
  store<u8>(changedLeftOf(g, i), LEFT_ALL);
  if (i == <u32>g.changed) g.changed++;
}

/** A free record; else that of a group which was left, of which the rest then goes unsaid. */
function take(netif: u32, ip: u32): Group {
  let index: u32 = 0;
  while (index < G.fresh && groupAt(index).ip != 0) index++;
  if (index == G.capacity) {
    index = 0;
    while (groupIsMember(groupAt(index))) index++;
    groupRelease(groupAt(index));
  }
  if (index == G.fresh) G.fresh++;
  const g = groupAt(index);
  const bucket = bucketOf(netif, ip & 0x7fffff);
  memory.fill(changetype<usize>(g), 0, GROUP_BYTES);
  g.timerKind = TIMER_GROUP;
  g.ip = ip;
  g.netif = netif;
  g.hashNext = changetype<Group | null>(load<usize>(bucket));
  store<usize>(bucket, changetype<usize>(g));
  return g;
}

/** Forgets a group that is no longer heard. */
export function groupRelease(g: Group): void {
  assert(!groupIsMember(g));
  timerCancel(changetype<Timer>(g));
  let at = bucketOf(g.netif, g.ip & 0x7fffff);
  while (load<usize>(at) != changetype<usize>(g)) at = load<usize>(at) + offsetof<Group>("hashNext");
  store<usize>(at, changetype<usize>(g.hashNext));
  g.ip = 0;
}

/** Sets the timer to what is due first; with nothing to be said a group that was left is forgotten. */
export function groupArm(g: Group): void {
  const timer = changetype<Timer>(g);
  if ((g.changeAt | g.answerAt) == 0) {
    timerCancel(timer);
    if (!groupIsMember(g)) groupRelease(g);
    return;
  }
  // Of what is not due at all the time is the last there is.
  timerArm(timer, min<u64>(g.changeAt - 1, g.answerAt - 1) + 1);
}

/** Nothing is to be said of the group any more. */
export function groupHush(g: Group): void {
  g.modeLeft = 0;
  g.memberLeft = 0;
  g.changed = 0;
  g.asked = 0;
  g.changeAt = 0;
  g.answerAt = 0;
  groupArm(g);
}

/** The interface speaks again: all its groups are said anew. */
export function groupRestart(netif: u32): void {
  for (let i: u32 = 0; i < G.fresh; i++) {
    const g = groupAt(i);
    if (g.ip == 0 || g.netif != netif || !groupIsMember(g)) continue;
    groupSayMode(g);
    g.memberLeft = LEFT_ALL;
    sayNow(g);
  }
}

if (offsetof<Group>("changeAt") % 8 != 0) ERROR("Group");
if (GROUP_BYTES % 8 != 0) ERROR("GROUP_BYTES");
