// IPv4 options: RFC 791 §3.1, the errors of RFC 1812 §5.2.4.1 and as Linux finds them. The walk is total: it reads
// nothing outside the header, and the first fault ends it. Unknown options are passed over (RFC 1122 §3.2.1.8).
//
//    0       1       2       3
//   +-------+-------+-------+----------------
//   |  type | length|pointer| addresses ...        record route (7), source routes (131 loose, 137 strict)
//   +-------+-------+-------+-------+--------
//   |  type | length|pointer|ov|flag| times ...    timestamp (68): overflow count, flags 0, 1 or 3
//   +-------+-------+-------+-------+--------
//   A pointer counts octets of its option from 1, and is past the length where nothing is left.

import {
  IPOPT_COPIED,
  IPOPT_END,
  IPOPT_LSRR,
  IPOPT_NOP,
  IPOPT_RECORD_ROUTE,
  IPOPT_ROUTER_ALERT,
  IPOPT_SSRR,
  IPOPT_TIMESTAMP,
  IPOPT_TS_ADDRESS,
  IPOPT_TS_ONLY,
  IPOPT_TS_PRESPECIFIED,
  IPV4_HDR_LEN,
} from "../abi/proto";

/** What ipv4OptionsParse found: offsets in the header; 0 = not there. */
@unmanaged
export class Ipv4Options {
  /** Of the octet in error, for the pointer of a parameter problem. */
  fault: u32;
  /** Of the loose or strict source route. */
  sourceRoute: u32;
  recordRoute: u32;
  timestamp: u32;
  routerAlert: u32;
}

/** Least pointer of a route, and of a timestamp option. */
const ROUTE_FIRST: u32 = 4;
const TIMESTAMP_FIRST: u32 = 5;
/** Overflow count of a timestamp option that can count no further. */
const OVERFLOW_FULL: u32 = 15;

/** Reads the options of the header of `hdrLen` bytes at `ip`; false if one is in error, with its place in out.fault. */
export function ipv4OptionsParse(ip: usize, hdrLen: u32, out: Ipv4Options): bool {
  out.fault = 0;
  out.sourceRoute = 0;
  out.recordRoute = 0;
  out.timestamp = 0;
  out.routerAlert = 0;
  let at: u32 = IPV4_HDR_LEN;
  while (at < hdrLen) {
    const len = optionLen(ip + at, hdrLen - at);
    if (len == 0) break;
    if (len > hdrLen - at) {
      out.fault = at;
      return false;
    }
    const fault = readOption(ip + at, len, at, out);
    if (fault != NONE) {
      out.fault = at + fault;
      return false;
    }
    at += len;
  }
  return true;
}

/** No fault, where 0 is an option's first octet. */
const NONE: u32 = 0xff;

/** Bytes of the option at `p`, of which `left` (1 or more) are there: 0 = the end of the list, more than `left` = its
 * length cannot be. */
function optionLen(p: usize, left: u32): u32 {
  const type = <u32>load<u8>(p);
  if (type == IPOPT_END) return 0;
  if (type == IPOPT_NOP) return 1;
  const len = left > 1 ? <u32>load<u8>(p, 1) : 0;
  return len < 2 ? left + 1 : len;
}

/** Checks one option, and notes where it stands: NONE, or which of its octets is in error. */
function readOption(p: usize, len: u32, at: u32, out: Ipv4Options): u32 {
  switch (<u32>load<u8>(p)) {
    case IPOPT_LSRR:
    case IPOPT_SSRR:
      // RFC 1812 §5.2.4.1: a second one, of either kind, is the error.
      if (out.sourceRoute != 0) return 0;
      out.sourceRoute = at;
      return (len & 3) != 3 ? 1 : routeFault(p, len);
    case IPOPT_RECORD_ROUTE:
      if (out.recordRoute != 0) return 0;
      out.recordRoute = at;
      return routeFault(p, len);
    case IPOPT_TIMESTAMP:
      if (out.timestamp != 0) return 0;
      out.timestamp = at;
      return timestampFault(p, len);
    case IPOPT_ROUTER_ALERT:
      out.routerAlert = at;
      return len != 4 ? 1 : NONE;
    default:
      return NONE;
  }
}

/** RFC 791: the pointer is 4 at least, and at an address; room for a part of one is an error. */
function routeFault(p: usize, len: u32): u32 {
  if (len < 3) return 1;
  const pointer = <u32>load<u8>(p, 2);
  if (pointer < ROUTE_FIRST) return 2;
  if (pointer > len) return NONE;
  return (pointer & 3) != 0 || pointer + 3 > len ? 2 : NONE;
}

/** RFC 791: likewise. */
function timestampFault(p: usize, len: u32): u32 {
  if (len < 4) return 1;
  const pointer = <u32>load<u8>(p, 2);
  if (pointer < TIMESTAMP_FIRST) return 2;
  const flags = <u32>load<u8>(p, 3) & 15;
  if (flags != IPOPT_TS_ONLY && flags != IPOPT_TS_ADDRESS && flags != IPOPT_TS_PRESPECIFIED) return 3;
  if (pointer > len) return NONE;
  return (pointer & 3) != 1 || pointer + timestampSize(p) - 1 > len ? 2 : NONE;
}

/** Can the checked timestamp option at `p` neither take nor count one more? RFC 791: an error, for who would be that
 * one. */
export function timestampExhausted(p: usize): bool {
  const flags = <u32>load<u8>(p, 3);
  return !optionOpen(p) && (flags & 15) != IPOPT_TS_PRESPECIFIED && flags >>> 4 == OVERFLOW_FULL;
}

/** Bytes of one entry of the timestamp option at `p`. */
export function timestampSize(p: usize): u32 {
  return (<u32>load<u8>(p, 3) & 15) == IPOPT_TS_ONLY ? 4 : 8;
}

/** Is there room left, in an option that has been checked: is something not yet visited or recorded? */
export function optionOpen(p: usize): bool {
  return load<u8>(p, 2) <= load<u8>(p, 1);
}

/** The entry at the pointer of the option at `p`. */
export function optionEntry(p: usize): usize {
  return p + load<u8>(p, 2) - 1;
}

/** Moves the pointer of the option at `p` on. */
export function optionAdvance(p: usize, bytes: u32): void {
  store<u8>(p, <u8>(<u32>load<u8>(p, 2) + bytes), 2);
}

/** One more that found no room in the full timestamp option at `p`. */
export function timestampOverflow(p: usize): void {
  store<u8>(p, <u8>(<u32>load<u8>(p, 3) + 16), 3);
}

/** Copies to `to` those of the `len` bytes of options at `from` that go into every fragment, padded with zeros to 32
 * bits; answers the bytes written (RFC 791 §3.1). */
export function optionsCopied(to: usize, from: usize, len: u32): u32 {
  let at: u32 = 0;
  let out: u32 = 0;
  while (at < len) {
    const size = optionLen(from + at, len - at);
    if (size == 0 || size > len - at) break;
    if ((load<u8>(from + at) & IPOPT_COPIED) != 0) {
      memory.copy(to + out, from + at, size);
      out += size;
    }
    at += size;
  }
  return optionsPad(to, out);
}

/** Fills up the `len` bytes of options at `to` with zeros, to 32 bits; answers the bytes. */
export function optionsPad(to: usize, len: u32): u32 {
  const padded = (len + 3) & ~3;
  memory.fill(to + len, <u8>IPOPT_END, padded - len);
  return padded;
}
