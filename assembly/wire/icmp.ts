// ICMP messages: RFC 792. All begin with the same eight bytes; `rest` depends on the type.
//
//    0       1       2               4
//   +-------+-------+---------------+-------------------------------+
//   | type  | code  |   checksum    | rest: id, seq (echo); gateway;|
//   +-------+-------+---------------+ pointer; next-hop MTU         |
//   |  data: echo's, or the header and 64 bits or more in error     |  8

import { DROP_ICMP_CHECKSUM, DROP_ICMP_SHORT } from "../abi/drop";
import { ICMP_ECHO_REPLY, ICMP_HDR_LEN, ICMP_TIMESTAMP, ICMP_TIMESTAMP_LEN, ICMP_TIMESTAMP_REPLY } from "../abi/proto";
import { checksumAdjust16, checksumFinish, sum } from "./checksum";
import { WIRE_OK } from "./ok";

/** View of the message at an address: changetype<IcmpHdr>(p). Values in host order. */
@unmanaged
export class IcmpHdr {
  get type(): u32 {
    return <u32>load<u8>(changetype<usize>(this));
  }
  get code(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 1);
  }
  get checksum(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 2));
  }
  /** Bytes 4..7: the gateway of a redirect, or what the fields below name. */
  get rest(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this), 4));
  }
  /** Echo and timestamp: identifier. */
  get id(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 4));
  }
  /** Echo and timestamp: sequence number. */
  get seq(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 6));
  }
  /** Parameter problem: octet of the quoted header in error. */
  get pointer(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 4);
  }
  /** Fragmentation needed: MTU of the next hop (RFC 1191 §4). */
  get mtu(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 6));
  }
}

/** Checks length and checksum of the message of `len` bytes at `p`; timestamps have three times behind the header. */
export function icmpCheck(p: usize, len: u32): u32 {
  if (len < <u32>ICMP_HDR_LEN) return DROP_ICMP_SHORT;
  if (sum(p, len) != 0xffff) return DROP_ICMP_CHECKSUM;
  const type = <u32>load<u8>(p);
  const timestamp = type == ICMP_TIMESTAMP || type == ICMP_TIMESTAMP_REPLY;
  return timestamp && len < <u32>ICMP_TIMESTAMP_LEN ? DROP_ICMP_SHORT : WIRE_OK;
}

/** Writes the 8-byte header in front of data already at `p` + 8, with the checksum over all `len` bytes. */
export function icmpEmit(p: usize, type: u32, code: u32, rest: u32, len: u32): void {
  icmpEmitSummed(p, type, code, rest, sum(p + ICMP_HDR_LEN, len - ICMP_HDR_LEN));
}

/** icmpEmit where the data's sum is known (copySum). */
export function icmpEmitSummed(p: usize, type: u32, code: u32, rest: u32, dataSum: u32): void {
  const w0: u32 = (type & 0xff) | ((code & 0xff) << 8);
  const w1 = bswap<u32>(rest);
  const checksum = checksumFinish(w0 + (w1 & 0xffff) + (w1 >>> 16) + dataSum);
  store<u64>(p, <u64>(w0 | (checksum << 16)) | ((<u64>w1) << 32));
}

/** Turns the echo at `p` into its reply in place: the type changes, so the checksum does by RFC 1624. */
export function icmpEchoToReply(p: usize): void {
  const checksum = checksumAdjust16(
    <u32>load<u16>(p, 2),
    <u32>load<u16>(p),
    ICMP_ECHO_REPLY | ((<u32>load<u8>(p, 1)) << 8),
  );
  store<u8>(p, ICMP_ECHO_REPLY);
  store<u16>(p, <u16>checksum, 2);
}
