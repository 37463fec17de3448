// IGMP messages: RFC 1112 appendix I (version 1), RFC 2236 §2 (version 2), RFC 3376 §4 (version 3).
//
//    0       1       2               4
//   +-------+-------+---------------+-------------------------------+
//   | type  |maxResp|   checksum    |             group             |   queries; reports and leaves of versions 1 and 2
//   +-------+-------+---------------+-------------------------------+
//   |S  qrv | qqic  |     count     |  sources, 4 bytes each        | 8 queries of version 3
//   +-------+-------+---------------+-------------------------------+
//
//   +-------+-------+---------------+-------------------------------+
//   | 0x22  |   0   |   checksum    |       0       |    records    |   reports of version 3
//   +-------+-------+---------------+-------------------------------+
//   | type  |  aux  |     count     |             group             | 8 a record, sources behind it, 4 bytes each
//   +-------+-------+---------------+-------------------------------+

import { DROP_IGMP_CHECKSUM, DROP_IGMP_SHORT } from "../abi/drop";
import { IGMP_HDR_LEN, IGMP_V3_REPORT } from "../abi/proto";
import { load16, load32, store16, store32 } from "../memory/endian";
import { sum } from "./checksum";
import { WIRE_OK } from "./ok";

/** Length of a version 3 query without sources. */
export const IGMP_V3_QUERY_LEN: u32 = 12;
/** Length of a record of a version 3 report without sources. */
export const IGMP_RECORD_LEN: u32 = 8;

/** Types of records (RFC 3376 §4.2.12). */
export const MODE_IS_INCLUDE: u32 = 1;
export const MODE_IS_EXCLUDE: u32 = 2;
export const CHANGE_TO_INCLUDE: u32 = 3;
export const CHANGE_TO_EXCLUDE: u32 = 4;
export const ALLOW_NEW_SOURCES: u32 = 5;
export const BLOCK_OLD_SOURCES: u32 = 6;

/** View of the message at an address: changetype<IgmpHdr>(p). Values in host order. */
@unmanaged
export class IgmpHdr {
  get type(): u32 {
    return <u32>load<u8>(changetype<usize>(this));
  }
  /** Max Resp Code: tenths of a second, of version 3 as igmpCode() has it. */
  get maxResp(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 1);
  }
  get group(): u32 {
    return load32(changetype<usize>(this) + 4);
  }
  /** Version 3 queries: the querier's robustness variable. */
  get qrv(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 8) & 7;
  }
  /** Version 3 queries: the querier's query interval, as igmpCode() has it. */
  get qqic(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 9);
  }
  /** Version 3 queries: sources. */
  get count(): u32 {
    return load16(changetype<usize>(this) + 10);
  }
  source(i: u32): u32 {
    return load32(changetype<usize>(this) + IGMP_V3_QUERY_LEN + (i << 2));
  }
}

/** The number that a code of version 3 stands for: itself, or from 128 up floating point (RFC 3376 §4.1.1). */
export function igmpCode(code: u32): u32 {
  return code < 128 ? code : ((code & 15) | 16) << (((code >>> 4) & 7) + 3);
}

/** Checks length and checksum of the message of `len` bytes at `p`. */
export function igmpCheck(p: usize, len: u32): u32 {
  if (len < <u32>IGMP_HDR_LEN) return DROP_IGMP_SHORT;
  return sum(p, len) == 0xffff ? WIRE_OK : DROP_IGMP_CHECKSUM;
}

/** Writes a report or leave of versions 1 and 2 at `p`. */
export function igmpEmit(p: usize, type: u32, group: u32): void {
  store<u32>(p, type);
  store32(p + 4, group);
  store<u16>(p, <u16>(sum(p, IGMP_HDR_LEN) ^ 0xffff), 2);
}

/** Writes the header of a version 3 report of `len` bytes at `p`, whose records stand behind it. */
export function igmpEmitReport(p: usize, records: u32, len: u32): void {
  store<u32>(p, IGMP_V3_REPORT);
  store16(p + 4, 0);
  store16(p + 6, records);
  store<u16>(p, <u16>(sum(p, len) ^ 0xffff), 2);
}

/** Writes a record at `p`; `sources` are u32 each in host order. Its length. */
export function igmpEmitRecord(p: usize, type: u32, group: u32, sources: usize, count: u32): u32 {
  store16(p, type << 8);
  store16(p + 2, count);
  store32(p + 4, group);
  for (let i: u32 = 0; i < count; i++) store32(p + IGMP_RECORD_LEN + (i << 2), load<u32>(sources + (i << 2)));
  return IGMP_RECORD_LEN + (count << 2);
}
