// The TCP header: RFC 9293 §3.1.
//
//    0               1               2               3
//   +-------------------------------+-------------------------------+
//   |            srcPort            |            dstPort            |  0
//   +-------------------------------+-------------------------------+
//   |                              seq                              |  4
//   +---------------------------------------------------------------+
//   |                              ack                              |  8
//   +-------+-------+---------------+-------------------------------+
//   | doff  | rsrvd |     flags     |             wnd               | 12
//   +-------+-------+---------------+-------------------------------+
//   |           checksum            |              urp              | 16
//   +-------------------------------+-------------------------------+
//   |                     options, 0 .. 40 bytes                    | 20

import { TCP_HDR_LEN } from "../abi/proto";
import { checksumFinish, sum } from "./checksum";

/** View of the header at an address: changetype<TcpHdr>(p). Values in host order. */
@unmanaged
export class TcpHdr {
  get srcPort(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this)));
  }
  get dstPort(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 2));
  }
  get seq(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this), 4));
  }
  get ack(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this), 8));
  }
  /** Header length in bytes, as the data offset says (unchecked: tcpHdrLen). */
  get hdrLen(): u32 {
    return (<u32>load<u8>(changetype<usize>(this), 12) >>> 4) << 2;
  }
  /** The eight control bits, TCP_FIN .. TCP_CWR. */
  get flags(): u32 {
    return <u32>load<u8>(changetype<usize>(this), 13);
  }
  get wnd(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 14));
  }
  get checksum(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 16));
  }
  /** Urgent pointer. */
  get urp(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 18));
  }
}

/** Header length in bytes of the segment of `len` bytes at `p`; 0 where the segment cannot hold its own header. */
export function tcpHdrLen(p: usize, len: u32): u32 {
  if (len < <u32>TCP_HDR_LEN) return 0;
  const hdrLen = changetype<TcpHdr>(p).hdrLen;
  return hdrLen < <u32>TCP_HDR_LEN || hdrLen > len ? 0 : hdrLen;
}

/** Writes the 20-byte header at `p` with checksum and urgent pointer 0, and answers its unfolded sum (read back, it would be
 * waited for); `hdrLen` counts the options to follow. */
export function tcpEmit(
  p: usize,
  srcPort: u32,
  dstPort: u32,
  seq: u32,
  ack: u32,
  hdrLen: u32,
  flags: u32,
  wnd: u32,
): u64 {
  const w0 = <u64>bswap<u32>((srcPort << 16) | (dstPort & 0xffff));
  const w1 = <u64>bswap<u32>(seq);
  const w2 = <u64>bswap<u32>(ack);
  const w3 = <u64>bswap<u32>((hdrLen << 26) | ((flags & 0xff) << 16) | (wnd & 0xffff));
  store<u64>(p, w0 | (w1 << 32));
  store<u64>(p, w2 | (w3 << 32), 8);
  store<u32>(p, 0, 16);
  return w0 + w1 + w2 + w3;
}

/** Writes the checksum of the header of `hdrLen` bytes at `p` (its field 0 so far) and a payload of known sum. */
export function tcpEmitChecksum(p: usize, hdrLen: u32, pseudo: u32, payloadSum: u32): void {
  store<u16>(p, <u16>checksumFinish(pseudo + payloadSum + sum(p, hdrLen)), 16);
}
