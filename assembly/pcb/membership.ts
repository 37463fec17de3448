// Memberships of sockets in groups, each with a source filter of its own: RFC 1112 §6.1 and §7.1, RFC 3376 §3.1; and
// what they come to for an interface (§3.2). A filter holds a bounded number of sources; a union that is longer makes
// the interface hear all sources, and the sockets filter still.

import { E_ADDRINUSE, E_ADDRNOTAVAIL, E_INVAL, E_NOBUFS } from "../abi/errno";
import { SW_IGMP_MAX_MEMBERSHIPS } from "../abi/switch";
import { switchValue } from "../core/switch";
import { ALL_HOSTS, EXCLUDE, GROUP_SOURCES, groupSet, INCLUDE, sourceListed } from "../link/group";
import { arenaTake } from "../memory/arena";
import { Pcb } from "./pcb";

@unmanaged
export class Membership {
  next: Membership | null;
  /** Host order; 0 = the record is free. */
  group: u32;
  netif: u32;
  mode: u32;
  count: u32;
}

const SOURCES: u32 = offsetof<Membership>();
const MEMBERSHIP_BYTES: u32 = SOURCES + GROUP_SOURCES * 4;

/** What a socket says to a datagram for a group. */
export const HEARS: u32 = 0;
export const NOT_MEMBER: u32 = 1;
export const FILTERED: u32 = 2;

@unmanaged
class MembershipState {
  table: usize;
  capacity: u32;
  /** Records in use at some time. */
  fresh: u32;
}

const M: MembershipState = changetype<MembershipState>(memory.data(offsetof<MembershipState>(), 4));
/** The filter that memberships come to. */
const MERGED: usize = memory.data(GROUP_SOURCES * 4, 4);

export function membershipLayout(capacity: u32): void {
  M.capacity = capacity;
  M.table = arenaTake(capacity, MEMBERSHIP_BYTES);
}

function membershipAt(index: u32): Membership {
  return changetype<Membership>(M.table + index * MEMBERSHIP_BYTES);
}

function sourcesOf(m: Membership): usize {
  return changetype<usize>(m) + SOURCES;
}

function lists(m: Membership, source: u32): bool {
  return sourceListed(sourcesOf(m), m.count, source);
}

function firstOf(p: Pcb): Membership | null {
  return changetype<Membership | null>(p.groups);
}

/** The block's membership of the group on the interface; or null. */
export function membershipFind(p: Pcb, netif: u32, group: u32): Membership | null {
  let m = firstOf(p);
  while (m !== null && (m.group != group || m.netif != netif)) m = m.next;
  return m;
}

/** The block's membership of the group on whichever interface; or null. */
export function membershipAny(p: Pcb, group: u32): Membership | null {
  let m = firstOf(p);
  while (m !== null && m.group != group) m = m.next;
  return m;
}

/** Does the block hear what `source` sends to the group by the interface? Only a member does (RFC 3376 §3.1: by default
 * none is), but of all-hosts everyone is. */
export function membershipHears(p: Pcb, netif: u32, group: u32, source: u32): u32 {
  const m = membershipFind(p, netif, group);
  if (m === null) return group == ALL_HOSTS ? HEARS : NOT_MEMBER;
  return lists(m, source) == (m.mode == INCLUDE) ? HEARS : FILTERED;
}

/** Joins, to hear all sources: 0, -E_ADDRINUSE (is a member), -E_NOBUFS. */
export function membershipJoin(p: Pcb, netif: u32, group: u32): i32 {
  if (membershipFind(p, netif, group) !== null) return -E_ADDRINUSE;
  const m = take(p, netif, group, EXCLUDE);
  if (m === null) return -E_NOBUFS;
  settle(netif, group);
  return 0;
}

/** Joins, to hear this source, or this source too: 0, -E_ADDRNOTAVAIL (is heard), -E_INVAL (member of another kind),
 * -E_NOBUFS. */
export function membershipJoinSource(p: Pcb, netif: u32, group: u32, source: u32): i32 {
  let m = membershipFind(p, netif, group);
  if (m !== null && m.mode != INCLUDE) return -E_INVAL;
  if (m === null) {
    m = take(p, netif, group, INCLUDE);
    if (m === null) return -E_NOBUFS;
  }
  return listSource(m, source);
}

/** Hears this source no more (a member that hears all but some): 0, -E_ADDRNOTAVAIL (does not now), -E_INVAL (member of
 * another kind), -E_NOBUFS. */
export function membershipBlock(m: Membership, source: u32): i32 {
  return m.mode == EXCLUDE ? listSource(m, source) : -E_INVAL;
}

/** Hears a blocked source again: 0, -E_ADDRNOTAVAIL (was not blocked), -E_INVAL. */
export function membershipUnblock(m: Membership, source: u32): i32 {
  return m.mode == EXCLUDE ? unlistSource(m, source) : -E_INVAL;
}

/** Hears a listed source no more, and leaves with the last one: 0, -E_ADDRNOTAVAIL, -E_INVAL. */
export function membershipLeaveSource(p: Pcb, m: Membership, source: u32): i32 {
  if (m.mode != INCLUDE) return -E_INVAL;
  if (m.count == 1 && lists(m, source)) {
    membershipLeave(p, m);
    return 0;
  }
  return unlistSource(m, source);
}

export function membershipLeave(p: Pcb, m: Membership): void {
  let at = changetype<usize>(p) + offsetof<Pcb>("groups");
  // `next` is a membership's first field: one load serves for it and for the head.
  while (load<usize>(at) != changetype<usize>(m)) at = load<usize>(at);
  store<usize>(at, changetype<usize>(m.next));
  const group = m.group;
  m.group = 0;
  settle(m.netif, group);
}

/** Leaves all groups. */
export function membershipLeaveAll(p: Pcb): void {
  let m = firstOf(p);
  while (m !== null) {
    membershipLeave(p, m);
    m = firstOf(p);
  }
}

function membershipsOf(p: Pcb): u32 {
  let own: u32 = 0;
  let m = firstOf(p);
  while (m !== null) {
    own++;
    m = m.next;
  }
  return own;
}

function take(p: Pcb, netif: u32, group: u32, mode: u32): Membership | null {
  let index: u32 = 0;
  while (index < M.fresh && membershipAt(index).group != 0) index++;
  if (membershipsOf(p) >= switchValue(SW_IGMP_MAX_MEMBERSHIPS) || index == M.capacity) return null;
  if (index == M.fresh) M.fresh++;
  const m = membershipAt(index);
  m.group = group;
  m.netif = netif;
  m.mode = mode;
  m.count = 0;
  m.next = firstOf(p);
  p.groups = changetype<usize>(m);
  return m;
}

function listSource(m: Membership, source: u32): i32 {
  if (lists(m, source)) return -E_ADDRNOTAVAIL;
  if (m.count == GROUP_SOURCES) return -E_NOBUFS;
  store<u32>(sourcesOf(m) + (m.count++ << 2), source);
  settle(m.netif, m.group);
  return 0;
}

function unlistSource(m: Membership, source: u32): i32 {
  if (!lists(m, source)) return -E_ADDRNOTAVAIL;
  const list = sourcesOf(m);
  const last = load<u32>(list + (--m.count << 2));
  for (let i: u32 = 0; i < m.count; i++) if (load<u32>(list + (i << 2)) == source) store<u32>(list + (i << 2), last);
  settle(m.netif, m.group);
  return 0;
}

/** Gives the interface the filter to which all memberships of the group come (RFC 3376 §3.2). */
function settle(netif: u32, group: u32): void {
  if (group == ALL_HOSTS) return;
  const first = next(0, netif, group, EXCLUDE);
  if (first < M.fresh) groupSet(netif, group, EXCLUDE, MERGED, excluded(first, netif, group));
  else included(netif, group);
}

/** The next membership of the group in this mode, from number `index` on; M.fresh if there is none. */
function next(index: u32, netif: u32, group: u32, mode: u32): u32 {
  for (; index < M.fresh; index++) {
    const m = membershipAt(index);
    if (m.group == group && m.netif == netif && m.mode == mode) break;
  }
  return index;
}

/** Sources that every EXCLUDE lists and no INCLUDE does; how many. */
function excluded(first: u32, netif: u32, group: u32): u32 {
  const m = membershipAt(first);
  let count: u32 = 0;
  for (let i: u32 = 0; i < m.count; i++) {
    const source = load<u32>(sourcesOf(m) + (i << 2));
    if (!nobodyHears(source, netif, group)) continue;
    store<u32>(MERGED + (count++ << 2), source);
  }
  return count;
}

function nobodyHears(source: u32, netif: u32, group: u32): bool {
  for (let i: u32 = 0; i < M.fresh; i++) {
    const m = membershipAt(i);
    if (m.group == group && m.netif == netif && lists(m, source) == (m.mode == INCLUDE)) return false;
  }
  return true;
}

/** No membership is an EXCLUDE: the sources that any lists, or all sources if those are too many. */
function included(netif: u32, group: u32): void {
  let count: u32 = 0;
  for (let at = next(0, netif, group, INCLUDE); at < M.fresh; at = next(at + 1, netif, group, INCLUDE)) {
    const m = membershipAt(at);
    for (let i: u32 = 0; i < m.count; i++) {
      const source = load<u32>(sourcesOf(m) + (i << 2));
      if (sourceListed(MERGED, count, source)) continue;
      if (count == GROUP_SOURCES) {
        groupSet(netif, group, EXCLUDE, MERGED, 0);
        return;
      }
      store<u32>(MERGED + (count++ << 2), source);
    }
  }
  groupSet(netif, group, INCLUDE, MERGED, count);
}
