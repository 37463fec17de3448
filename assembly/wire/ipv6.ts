// The IPv6 fixed header: RFC 8200 §3.
//
//    0               1               2               3
//   +-------+---------------+---------------------------------------+
//   |  ver  | trafficClass  |               flowLabel               |  0
//   +-------+---------------+-------+---------------+---------------+
//   |          payloadLen           |  nextHeader   |   hopLimit    |  4
//   +-------------------------------+---------------+---------------+
//   |                         src, 16 bytes                         |  8
//   +---------------------------------------------------------------+
//   |                         dst, 16 bytes                         | 24
//   +---------------------------------------------------------------+

import { DROP_IP_SHORT, DROP_IP_TOTAL_LENGTH, DROP_IP_VERSION } from "../abi/drop";
import { IPV6_HDR_LEN } from "../abi/proto";
import { WIRE_OK } from "./ok";

/** View of the header at an address: changetype<Ipv6Hdr>(p). Values in host order. */
@unmanaged
export class Ipv6Hdr {
  get version(): u32 {
    return <u32>load<u8>(changetype<usize>(this)) >>> 4;
  }
  get trafficClass(): u32 {
    return (bswap<u32>(load<u32>(changetype<usize>(this))) >>> 20) & 0xff;
  }
  get flowLabel(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this))) & 0xfffff;
  }
  get payloadLen(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 4));
  }
  get nextHeader(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 6);
  }
  get hopLimit(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 7);
  }
  /** Address of the source's 16 bytes. */
  get src(): usize {
    return changetype<usize>(this) + 8;
  }
  /** Address of the destination's 16 bytes. */
  get dst(): usize {
    return changetype<usize>(this) + 24;
  }
}

/** Checks length, version and payload length of a packet of which `len` bytes were received at `p`. */
export function ipv6Check(p: usize, len: u32): u32 {
  if (len < <u32>IPV6_HDR_LEN) return DROP_IP_SHORT;
  const h = changetype<Ipv6Hdr>(p);
  if (h.version != 6) return DROP_IP_VERSION;
  if (<u32>IPV6_HDR_LEN + h.payloadLen > len) return DROP_IP_TOTAL_LENGTH;
  return WIRE_OK;
}

/** Writes the 40-byte header at `p`; `src` and `dst` point to 16-byte addresses. */
export function ipv6Emit(
  p: usize,
  trafficClass: u32,
  flowLabel: u32,
  payloadLen: u32,
  nextHeader: u32,
  hopLimit: u32,
  src: usize,
  dst: usize,
): void {
  const w0 = bswap<u32>(0x60000000 | ((trafficClass & 0xff) << 20) | (flowLabel & 0xfffff));
  const w1 = bswap<u32>((payloadLen << 16) | ((nextHeader & 0xff) << 8) | (hopLimit & 0xff));
  const s0 = load<u64>(src);
  const s1 = load<u64>(src, 8);
  const d0 = load<u64>(dst);
  const d1 = load<u64>(dst, 8);
  store<u32>(p, w0);
  store<u32>(p, w1, 4);
  store<u64>(p, s0, 8);
  store<u64>(p, s1, 16);
  store<u64>(p, d0, 24);
  store<u64>(p, d1, 32);
}
