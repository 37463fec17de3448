// The IPv4 header: RFC 791 §3.1; the checks of RFC 1122 §3.2.1 in its order.
//
//    0               1               2               3
//   +-------+-------+---------------+-------------------------------+
//   |  ver  |  ihl  |      tos      |           totalLen            |  0
//   +-------+-------+---------------+-----+-------------------------+
//   |              id               |flags|         offset          |  4
//   +---------------+---------------+-----+-------------------------+
//   |      ttl      |     proto     |           checksum            |  8
//   +---------------+---------------+-------------------------------+
//   |                              src                              | 12
//   +---------------------------------------------------------------+
//   |                              dst                              | 16
//   +---------------------------------------------------------------+
//   |                     options, 0 .. 40 bytes                    | 20

import {
  DROP_IP_CHECKSUM,
  DROP_IP_HEADER_LENGTH,
  DROP_IP_SHORT,
  DROP_IP_TOTAL_LENGTH,
  DROP_IP_VERSION,
} from "../abi/drop";
import { IPV4_HDR_LEN, IPV4_OFFSET_MASK } from "../abi/proto";
import { checksumFold64, ipv4HeaderSum, sum } from "./checksum";
import { WIRE_OK } from "./ok";

/** View of the header at an address: changetype<Ipv4Hdr>(p). Values in host order. */
@unmanaged
export class Ipv4Hdr {
  get version(): u32 {
    return <u32>load<u8>(changetype<usize>(this)) >>> 4;
  }
  /** Header length in 32-bit words. */
  get ihl(): u32 {
    return <u32>load<u8>(changetype<usize>(this)) & 15;
  }
  /** Header length in bytes. */
  get hdrLen(): u32 {
    return (<u32>load<u8>(changetype<usize>(this)) & 15) << 2;
  }
  get tos(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 1);
  }
  get totalLen(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 2));
  }
  get id(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 4));
  }
  /** Flags and fragment offset as one word: IPV4_FLAG_DF, IPV4_FLAG_MF, IPV4_OFFSET_MASK. */
  get flagsOffset(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 6));
  }
  /** Fragment offset in bytes. */
  get offsetBytes(): u32 {
    return (<u32>bswap<u16>(load<u16>(changetype<usize>(this), 6)) & IPV4_OFFSET_MASK) << 3;
  }
  /** More fragments, or an offset: a part of a datagram (MF and offset as they lie, 0x3fff swapped). */
  get isFragment(): bool {
    return (<u32>load<u16>(changetype<usize>(this), 6) & 0xff3f) != 0;
  }
  get ttl(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 8);
  }
  get proto(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 9);
  }
  get checksum(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 10));
  }
  get src(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this), 12));
  }
  get dst(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this), 16));
  }
}

/**
 * Checks the header of a datagram of which `len` bytes were received at `p`: RFC 1122 §3.2.1.1 (version),
 * §3.2.1.2 (checksum), RFC 791 §3.1 (lengths).
 */
export function ipv4Check(p: usize, len: u32): u32 {
  if (len < <u32>IPV4_HDR_LEN) return DROP_IP_SHORT;
  const word = load<u32>(p);
  const totalLen = ((word >>> 8) & 0xff00) | (word >>> 24);
  let hdrLen: u32 = IPV4_HDR_LEN;
  if ((word & 0xff) == 0x45) {
    if (ipv4HeaderSum(p) != 0xffff) return DROP_IP_CHECKSUM;
  } else {
    if ((word & 0xf0) != 0x40) return DROP_IP_VERSION;
    hdrLen = (word & 15) << 2;
    if (hdrLen < <u32>IPV4_HDR_LEN || hdrLen > len) return DROP_IP_HEADER_LENGTH;
    if (sum(p, hdrLen) != 0xffff) return DROP_IP_CHECKSUM;
  }
  if (totalLen < hdrLen || totalLen > len) return DROP_IP_TOTAL_LENGTH;
  return WIRE_OK;
}

/** Writes a 20-byte header with its checksum at `p`. Everything in host order. */
export function ipv4Emit(
  p: usize,
  tos: u32,
  totalLen: u32,
  id: u32,
  flagsOffset: u32,
  ttl: u32,
  proto: u32,
  src: u32,
  dst: u32,
): void {
  const w0: u32 = 0x45 | ((tos & 0xff) << 8) | ((totalLen & 0xff) << 24) | ((totalLen & 0xff00) << 8);
  const w1: u32 =
    ((id & 0xff) << 8) | ((id >>> 8) & 0xff) | ((flagsOffset & 0xff) << 24) | ((flagsOffset & 0xff00) << 8);
  const w2: u32 = (ttl & 0xff) | ((proto & 0xff) << 8);
  const w3 = bswap<u32>(src);
  const w4 = bswap<u32>(dst);
  const s = checksumFold64(<u64>w0 + <u64>w1 + <u64>w2 + <u64>w3 + <u64>w4);
  store<u64>(p, <u64>w0 | ((<u64>w1) << 32));
  store<u64>(p, <u64>(w2 | ((s ^ 0xffff) << 16)) | ((<u64>w3) << 32), 8);
  store<u32>(p, w4, 16);
}

/** Writes the checksum of the header of `hdrLen` bytes (with options) at `p`. */
export function ipv4EmitChecksum(p: usize, hdrLen: u32): void {
  store<u16>(p, 0, 10);
  store<u16>(p, <u16>(sum(p, hdrLen) ^ 0xffff), 10);
}

/** One hop less to live, of at least one; the checksum by RFC 1624 (a sum less by one makes a checksum more by one, and
 * 0xffff is written 0). */
export function ipv4DecrementTtl(p: usize): void {
  const word = load<u32>(p, 8);
  store<u32>(p, word + 0xffff + (word >= 0xfffe0000 ? 0x10000 : 0), 8);
}
