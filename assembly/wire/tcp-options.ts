// TCP options: RFC 9293 §3.2 (end, no-operation, MSS), RFC 7323 (window scale, timestamps), RFC 2018 (SACK).
// The parser is total: an illegal length ends it (RFC 9293 MUST-7) and what stood before counts; an unknown option, or
// a known one whose length is not its own, is skipped (MUST-6).

import {
  TCPOPT_END,
  TCPOPT_MSS,
  TCPOPT_NOP,
  TCPOPT_SACK,
  TCPOPT_SACK_PERMITTED,
  TCPOPT_TIMESTAMP,
  TCPOPT_WSCALE,
} from "../abi/proto";
import { load16, load32, store32 } from "../memory/endian";

/** Bits of TcpOptions.seen: the option stood there; 1 << kind. TCPOPTS_MALFORMED: an illegal length. */
export const TCPOPTS_MALFORMED: u32 = 1;
export const TCPOPTS_MSS: u32 = 4;
export const TCPOPTS_WSCALE: u32 = 8;
export const TCPOPTS_SACK_PERMITTED: u32 = 16;
export const TCPOPTS_SACK: u32 = 32;
export const TCPOPTS_TIMESTAMP: u32 = 256;

/** RFC 7323 §2.3: a larger shift is used as 14. */
export const TCP_MAX_WSCALE: u32 = 14;

/** What tcpOptionsParse found; a field counts only if its bit of `seen` is set. */
@unmanaged
export class TcpOptions {
  seen: u32;
  mss: u32;
  /** Shift count, 0..14. */
  wscale: u32;
  tsVal: u32;
  tsEcr: u32;
  /** Number of SACK blocks, 1..4. */
  sackCount: u32;
  /** Address of the first SACK block: left edge and right edge, 4 bytes each in network order. */
  sackAt: usize;
}

/** NOP NOP TS 10 as it lies, read little-endian: the timestamps alone, aligned as RFC 7323 appendix A advises. */
const TIMESTAMP_ALIGNED: u32 = 0x0a080101;

/** Reads the `len` bytes (header length - 20) of options at `p` into `out`; answers `out.seen`. */
export function tcpOptionsParse(p: usize, len: u32, out: TcpOptions): u32 {
  if (len == 12 && load<u32>(p) == TIMESTAMP_ALIGNED) {
    out.tsVal = load32(p + 4);
    out.tsEcr = load32(p + 8);
    out.seen = TCPOPTS_TIMESTAMP;
    return TCPOPTS_TIMESTAMP;
  }
  let seen: u32 = 0;
  let left = len;
  while (left > 0) {
    const kind = <u32>load<u8>(p);
    if (kind == TCPOPT_END) break;
    let size: u32 = 1;
    if (kind != TCPOPT_NOP) {
      size = left > 1 ? <u32>load<u8>(p, 1) : 0;
      if (size < 2 || size > left) {
        seen |= TCPOPTS_MALFORMED;
        break;
      }
      seen |= readOption(p, kind, size, out);
    }
    p += size;
    left -= size;
  }
  out.seen = seen;
  return seen;
}

/** Reads one option of `size` bytes; answers its bit, or 0 if unknown or of another length. */
function readOption(p: usize, kind: u32, size: u32, out: TcpOptions): u32 {
  switch (kind) {
    case TCPOPT_MSS: {
      if (size != 4) return 0;
      out.mss = load16(p + 2);
      return TCPOPTS_MSS;
    }
    case TCPOPT_WSCALE: {
      if (size != 3) return 0;
      const shift = <u32>load<u8>(p, 2);
      out.wscale = shift > TCP_MAX_WSCALE ? TCP_MAX_WSCALE : shift;
      return TCPOPTS_WSCALE;
    }
    case TCPOPT_SACK_PERMITTED:
      return size == 2 ? TCPOPTS_SACK_PERMITTED : 0;
    case TCPOPT_SACK: {
      if (size < 10 || (size & 7) != 2) return 0;
      out.sackCount = (size - 2) >>> 3;
      out.sackAt = p + 2;
      return TCPOPTS_SACK;
    }
    case TCPOPT_TIMESTAMP: {
      if (size != 10) return 0;
      out.tsVal = load32(p + 2);
      out.tsEcr = load32(p + 6);
      return TCPOPTS_TIMESTAMP;
    }
    default:
      return 0;
  }
}

/** Left edge of SACK block `i`. */
export function tcpSackLeft(o: TcpOptions, i: u32): u32 {
  return load32(o.sackAt + (i << 3));
}

/** Right edge (one past the last byte) of SACK block `i`. */
export function tcpSackRight(o: TcpOptions, i: u32): u32 {
  return load32(o.sackAt + (i << 3) + 4);
}

/** Writes the MSS option; like all below it answers the address after it, a multiple of 4 bytes on. */
export function tcpPutMss(p: usize, mss: u32): usize {
  store32(p, (TCPOPT_MSS << 24) | (4 << 16) | (mss & 0xffff));
  return p + 4;
}

/** NOP and window scale. */
export function tcpPutWscale(p: usize, shift: u32): usize {
  store32(p, (TCPOPT_NOP << 24) | (TCPOPT_WSCALE << 16) | (3 << 8) | (shift & 0xff));
  return p + 4;
}

/** NOP, NOP, SACK permitted. */
export function tcpPutSackPermitted(p: usize): usize {
  store32(p, (TCPOPT_NOP << 24) | (TCPOPT_NOP << 16) | (TCPOPT_SACK_PERMITTED << 8) | 2);
  return p + 4;
}

/** NOP, NOP, timestamps (RFC 7323 appendix A). */
export function tcpPutTimestamp(p: usize, tsVal: u32, tsEcr: u32): usize {
  store<u32>(p, TIMESTAMP_ALIGNED);
  store32(p + 4, tsVal);
  store32(p + 8, tsEcr);
  return p + 12;
}

/** tcpPutTimestamp() that answers the unfolded sum of what it writes. */
export function tcpPutTimestampSum(p: usize, tsVal: u32, tsEcr: u32): u64 {
  const w1 = <u64>bswap<u32>(tsVal);
  const w2 = <u64>bswap<u32>(tsEcr);
  store<u64>(p, <u64>TIMESTAMP_ALIGNED | (w1 << 32));
  store<u32>(p, <u32>w2, 8);
  return <u64>TIMESTAMP_ALIGNED + w1 + w2;
}

/** NOP, NOP and the head of a SACK option of `count` blocks; the blocks follow by tcpPutSackBlock. */
export function tcpPutSackHead(p: usize, count: u32): usize {
  store32(p, (TCPOPT_NOP << 24) | (TCPOPT_NOP << 16) | (TCPOPT_SACK << 8) | (2 + (count << 3)));
  return p + 4;
}

export function tcpPutSackBlock(p: usize, left: u32, right: u32): usize {
  store32(p, left);
  store32(p + 4, right);
  return p + 8;
}
