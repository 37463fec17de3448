// IGMP input: queries and, for the sake of suppression, reports: RFC 2236 §3, RFC 3376 §5.2, §7 and §9.

import { CTR_IGMP_IN_QUERIES, CTR_IGMP_IN_REPORTS } from "../abi/counter";
import { DROP_IGMP_NOT_MEMBER, DROP_IGMP_SHORT, DROP_IGMP_SOURCE, DROP_IGMP_TYPE } from "../abi/drop";
import { IGMP_HDR_LEN, IGMP_QUERY, IGMP_V1_REPORT, IGMP_V2_REPORT } from "../abi/proto";
import { TIMER_IGMP } from "../abi/timer";
import { NEXT_FREE } from "../abi/verdict";
import { now } from "../core/clock";
import { count } from "../core/counter";
import { randomBelow } from "../core/prng";
import { Timer, timerArm, timerArmed } from "../core/timer";
import {
  ALL_HOSTS,
  ASKED_ALL,
  askedOf,
  GROUP_SOURCES,
  Group,
  groupArm,
  groupAt,
  groupCount,
  groupFind,
  groupHush,
  groupIsMember,
  sourceListed,
} from "../link/group";
import { Netif } from "../link/netif";
import { PB_IP_GROUP, Pbuf } from "../memory/pbuf";
import { IGMP_V3_QUERY_LEN, IgmpHdr, igmpCheck, igmpCode } from "../wire/igmp";
import { Ipv4Hdr } from "../wire/ipv4";
import { Ipv4Options, ipv4OptionsParse } from "../wire/ipv4-options";
import { WIRE_OK } from "../wire/ok";
import { igmpVersion, Querier, querierHeard, querierOf, querierSays } from "./querier";

/** RFC 2236 §4: a querier of version 1 gives ten seconds. */
const V1_RESP_TENTHS: u32 = 100;
const TENTH_US: u32 = 100000;

const OPTIONS: Ipv4Options = changetype<Ipv4Options>(memory.data(offsetof<Ipv4Options>(), 4));

/** The message at pb.l4, received on `nif`. */
export function igmpInput(nif: Netif, pb: Pbuf): u32 {
  const len = <u32>(pb.head + pb.len - pb.l4);
  const reason = igmpCheck(pb.l4, len);
  if (reason != WIRE_OK) return reason;
  const igmp = changetype<IgmpHdr>(pb.l4);
  switch (igmp.type) {
    case IGMP_QUERY:
      return queryInput(nif, pb, igmp, len);
    case IGMP_V1_REPORT:
    case IGMP_V2_REPORT:
      return reportInput(nif, pb, igmp);
    default:
      return DROP_IGMP_TYPE;
  }
}

/** RFC 3376 §7.1: which version a query is of; 0 = it has no length that a query can have. */
function versionOf(igmp: IgmpHdr, len: u32): u32 {
  if (len == <u32>IGMP_HDR_LEN) return igmp.maxResp == 0 ? 1 : 2;
  return len >= IGMP_V3_QUERY_LEN && IGMP_V3_QUERY_LEN + (igmp.count << 2) <= len ? 3 : 0;
}

/** RFC 3376 §9.1: queries of version 2 and 3 carry the router alert option, general queries are sent to all hosts. */
function believable(pb: Pbuf, group: u32, version: u32): bool {
  const ip = changetype<Ipv4Hdr>(pb.l3);
  if (group == 0 && ip.dst != ALL_HOSTS) return false;
  return version == 1 || (ipv4OptionsParse(pb.l3, ip.hdrLen, OPTIONS) && OPTIONS.routerAlert != 0);
}

function queryInput(nif: Netif, pb: Pbuf, igmp: IgmpHdr, len: u32): u32 {
  const version = versionOf(igmp, len);
  if (version == 0) return DROP_IGMP_SHORT;
  // RFC 1112 appendix I: version 1 asks of all groups, and its group field is ignored.
  const group = version == 1 ? 0 : igmp.group;
  if (!believable(pb, group, version)) return DROP_IGMP_SOURCE;
  let tenths = version == 3 ? igmpCode(igmp.maxResp) : igmp.maxResp;
  if (version == 1) tenths = V1_RESP_TENTHS;
  const respUs = tenths * TENTH_US;
  if (version == 3) querierSays(nif, igmp.qrv, igmpCode(igmp.qqic));
  // RFC 3376 §7.2.1: who asks of one group does not say what the querier speaks. To Linux it does.
  if (group == 0) querierHeard(nif, version, respUs);
  const spoken = igmpVersion(nif);
  if (group == 0) {
    count(CTR_IGMP_IN_QUERIES);
    if (spoken == 3) answerGeneral(querierOf(nif), respUs);
    else answerEach(nif, respUs);
    return NEXT_FREE;
  }
  const g = groupFind(nif.index, group);
  if (g === null || !groupIsMember(g)) return DROP_IGMP_NOT_MEMBER;
  count(CTR_IGMP_IN_QUERIES);
  if (spoken == 3) answerOne(querierOf(nif), g, igmp, version == 3 ? igmp.count : 0, respUs);
  else answerLater(g, respUs);
  return NEXT_FREE;
}

function after(respUs: u32): u64 {
  return now() + 1 + randomBelow(max<u32>(1, respUs));
}

/** Version 3, rules 1 and 2: an answer that comes sooner serves for this query, too. */
function answerGeneral(q: Querier, respUs: u32): void {
  const t = changetype<Timer>(q);
  const at = after(respUs);
  q.timerKind = TIMER_IGMP;
  if (!timerArmed(t) || at < q.timerAt) timerArm(t, at);
}

/** Version 3, rules 1 and 3 to 5: what is asked of a group adds up until the answer. */
function answerOne(q: Querier, g: Group, igmp: IgmpHdr, sources: u32, respUs: u32): void {
  const at = after(respUs);
  if (timerArmed(changetype<Timer>(q)) && q.timerAt <= at) return;
  if (g.answerAt == 0) g.asked = 0;
  if (sources == 0 || g.asked == ASKED_ALL) g.asked = ASKED_ALL;
  else for (let i: u32 = 0; i < sources && g.asked != ASKED_ALL; i++) ask(g, igmp.source(i));
  g.answerAt = g.answerAt == 0 ? at : min<u64>(g.answerAt, at);
  groupArm(g);
}

/** More sources than there is place for: the whole filter answers them all. */
function ask(g: Group, source: u32): void {
  if (sourceListed(askedOf(g), g.asked, source)) return;
  if (<u32>g.asked == GROUP_SOURCES) {
    g.asked = ASKED_ALL;
    return;
  }
  store<u32>(askedOf(g) + ((<u32>g.asked) << 2), source);
  g.asked++;
}

/** Versions 1 and 2: each group has its own delay. */
function answerEach(nif: Netif, respUs: u32): void {
  for (let i: u32 = 0; i < groupCount(); i++) {
    const g = groupAt(i);
    if (g.ip != 0 && g.netif == nif.index && groupIsMember(g)) answerLater(g, respUs);
  }
}

/** RFC 2236 §3: a delay that runs already is set anew only if it would be too long. */
function answerLater(g: Group, respUs: u32): void {
  if (g.answerAt != 0 && g.answerAt <= now() + respUs) return;
  g.answerAt = after(respUs);
  groupArm(g);
}

/** Another member has reported the group: in versions 1 and 2 we then need not (RFC 2236 §3). The querier has heard it
 * only if it was sent to a group; to this host alone anybody may say anything. */
function reportInput(nif: Netif, pb: Pbuf, igmp: IgmpHdr): u32 {
  if ((pb.flags & PB_IP_GROUP) == 0) return DROP_IGMP_SOURCE;
  const g = groupFind(nif.index, igmp.group);
  if (g === null || !groupIsMember(g)) return DROP_IGMP_NOT_MEMBER;
  count(CTR_IGMP_IN_REPORTS);
  if (igmpVersion(nif) == 3) return NEXT_FREE;
  g.lastReporter = 0;
  groupHush(g);
  return NEXT_FREE;
}
