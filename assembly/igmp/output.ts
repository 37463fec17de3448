// IGMP output: RFC 2236 §3 and §9, RFC 3376 §4 and §4.2: TTL 1, router alert, internetwork control precedence; from the
// interface's address, or 0.0.0.0 while it has none. Records are gathered into as few reports as hold them.

import { CTR_IGMP_OUT_LEAVES, CTR_IGMP_OUT_REPORTS } from "../abi/counter";
import { DROP_OUT_NO_BUFFER } from "../abi/drop";
import { OWNER_STACK, PBUF_HEADROOM, PBUF_SMALL, PBUF_SMALL_BYTES } from "../abi/pbuf";
import { IGMP_HDR_LEN, IGMP_V1_REPORT, IGMP_V2_LEAVE, IGMP_V2_REPORT, IPPROTO_IGMP, IPV4_HDR_LEN } from "../abi/proto";
import { count } from "../core/counter";
import { identificationOf } from "../ip/identification";
import { ipv4OutputOptions } from "../ip/output";
import { PATH_BYTES, PATH_MULTICAST, Path } from "../ip/path";
import { addressFor } from "../link/address";
import { Netif, netifAt } from "../link/netif";
import { address4 } from "../memory/address";
import { PB_NO_COPY, Pbuf, pbufAlloc } from "../memory/pbuf";
import {
  CHANGE_TO_EXCLUDE,
  IGMP_RECORD_LEN,
  igmpEmit,
  igmpEmitRecord,
  igmpEmitReport,
  MODE_IS_EXCLUDE,
} from "../wire/igmp";

const ALL_ROUTERS: u32 = 0xe0000002;
const V3_ROUTERS: u32 = 0xe0000016;
const TOS_CONTROL: u32 = 0xc0;
/** The router alert option, value 0 (RFC 2113), as it lies. */
const ALERT_WORD: u32 = 0x00000494;
const ALERT_LEN: u32 = 4;

@unmanaged
class ReportState {
  /** Report in the making, or null. */
  pb: Pbuf | null;
  netif: u32;
  records: u32;
  alert: u32;
}

const R: ReportState = changetype<ReportState>(memory.data(offsetof<ReportState>(), 4));
const PATH: Path = changetype<Path>(memory.data(PATH_BYTES, 8));

function message(): Pbuf | null {
  const pb = pbufAlloc(PBUF_SMALL, OWNER_STACK, true);
  if (pb === null) count(DROP_OUT_NO_BUFFER);
  return pb;
}

function send(nif: Netif, pb: Pbuf, dst: u32): void {
  address4(changetype<usize>(PATH), dst);
  PATH.netif = nif.index;
  PATH.kind = <u8>PATH_MULTICAST;
  PATH.mtu = nif.mtu;
  PATH.ids = identificationOf(changetype<usize>(PATH));
  // What we say to routers and other members is not for ourselves.
  pb.flags |= PB_NO_COPY;
  R.alert = ALERT_WORD;
  const alert = changetype<usize>(R) + offsetof<ReportState>("alert");
  const src = addressFor(nif.index, 0);
  ipv4OutputOptions(pb, PATH, src, dst, IPPROTO_IGMP, 1, TOS_CONTROL, true, alert, ALERT_LEN);
}

/** Reports the group in version 1 or 2, to the group. */
export function igmpReport(nif: Netif, version: u32, group: u32): void {
  const pb = message();
  if (pb === null) return;
  pb.len = IGMP_HDR_LEN;
  igmpEmit(pb.head, version == 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT, group);
  count(CTR_IGMP_OUT_REPORTS);
  send(nif, pb, group);
}

/** Says in version 2 that the group was left, to all routers. */
export function igmpLeave(nif: Netif, group: u32): void {
  const pb = message();
  if (pb === null) return;
  pb.len = IGMP_HDR_LEN;
  igmpEmit(pb.head, IGMP_V2_LEAVE, group);
  count(CTR_IGMP_OUT_LEAVES);
  send(nif, pb, ALL_ROUTERS);
}

/** Begins a report of version 3. */
export function reportBegin(nif: Netif): void {
  R.netif = nif.index;
  R.pb = null;
}

/** Adds a record. One that fits no report whole is divided; of an EXCLUDE, which cannot be, only the first sources go
 * (RFC 3376 §4.2.16). */
export function reportAdd(type: u32, group: u32, sources: usize, sourceCount: u32): void {
  let left = sourceCount;
  let at = sources;
  for (;;) {
    const pb = roomFor(left);
    if (pb === null) return;
    const taken = min<u32>(left, (limit() - pb.len - IGMP_RECORD_LEN) >>> 2);
    pb.len += igmpEmitRecord(pb.head + pb.len, type, group, at, taken);
    R.records++;
    left -= taken;
    at += taken << 2;
    if (left == 0 || type == MODE_IS_EXCLUDE || type == CHANGE_TO_EXCLUDE) return;
  }
}

/** Longest message: the least MTU has room for one record with sources. */
function limit(): u32 {
  const mtu = min<u32>(netifAt(R.netif).mtu, PBUF_SMALL_BYTES - PBUF_HEADROOM);
  return mtu - IPV4_HDR_LEN - ALERT_LEN;
}

/** The report in the making, if a record of so many sources fits it; else a new one. */
function roomFor(sourceCount: u32): Pbuf | null {
  const before = R.pb;
  if (before !== null && before.len + IGMP_RECORD_LEN + (sourceCount << 2) <= limit()) return before;
  reportEnd();
  const pb = message();
  if (pb === null) return null;
  pb.len = IGMP_HDR_LEN;
  R.pb = pb;
  R.records = 0;
  return pb;
}

/** Sends the report, if there is anything in it. */
export function reportEnd(): void {
  const pb = R.pb;
  if (pb === null) return;
  R.pb = null;
  igmpEmitReport(pb.head, R.records, pb.len);
  count(CTR_IGMP_OUT_REPORTS);
  send(netifAt(R.netif), pb, V3_ROUTERS);
}
