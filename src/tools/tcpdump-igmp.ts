/** IGMP messages as tcpdump prints them (RFC 1112, 2236, 3376). */
import * as PROTO from "../../assembly/abi/proto.js";
import { formatIpv4 } from "../address.js";
import { u16, u32 } from "./big-endian.js";

const RECORDS = ["", "is_in", "is_ex", "to_in", "to_ex", "allow", "block"];

export function igmpText(message: Uint8Array, verbose: boolean): string {
  if (message.length < PROTO.IGMP_HDR_LEN) return "[|igmp]";
  const group = formatIpv4(u32(message, 4));
  switch (message[0]) {
    case PROTO.IGMP_QUERY:
      return `igmp query ${queryText(message, group)}`;
    case PROTO.IGMP_V1_REPORT:
      return `igmp v1 report ${group}`;
    case PROTO.IGMP_V2_REPORT:
      return `igmp v2 report ${group}`;
    case PROTO.IGMP_V2_LEAVE:
      return `igmp leave ${group}`;
    case PROTO.IGMP_V3_REPORT:
      return `igmp v3 report, ${u16(message, 6)} group record(s)${verbose ? records(message) : ""}`;
    default:
      return `igmp-${message[0]}`;
  }
}

function queryText(message: Uint8Array, group: string): string {
  const to = group === "0.0.0.0" ? "" : group;
  if (message.length >= 12) {
    const sources = u16(message, 10);
    const wait = v3Wait(message[1] as number);
    const asked = to === "" ? "" : ` [gaddr ${to}${sources === 0 ? "" : `, ${sources} source(s)`}]`;
    return `v3${wait === 100 ? "" : ` [max resp time ${waitText(wait)}]`}${asked}`;
  }
  if (message[1] === 0) return "v1";
  return `v2${message[1] === 100 ? "" : ` [max resp time ${message[1]}]`}${to === "" ? "" : ` [gaddr ${to}]`}`;
}

/** Tenths of a second: as they are below 128, then a mantissa and an exponent (RFC 3376 §4.1.1). */
function v3Wait(code: number): number {
  return code < 128 ? code : ((code & 15) | 16) << (((code >> 4) & 7) + 3);
}

function waitText(tenths: number): string {
  return tenths < 10 ? `0.${tenths}s` : `${Math.floor(tenths / 10)}s`;
}

function records(message: Uint8Array): string {
  let text = "";
  let at = PROTO.IGMP_HDR_LEN;
  for (let left = u16(message, 6); left > 0 && at + 8 <= message.length; left--) {
    const [type, auxiliary, sources] = [message[at] as number, message[at + 1] as number, u16(message, at + 2)];
    text += ` [gaddr ${formatIpv4(u32(message, at + 4))} ${RECORDS[type] ?? `[v3-report-#${type}]`}, ${sources} source(s)]`;
    at += 8 + sources * 4 + auxiliary * 4;
  }
  return text;
}
