// The UDP header: RFC 768.
//
//    0       2       4       6       8
//   +-------+-------+-------+-------+-----
//   |srcPort|dstPort|length |checksum| payload
//   +-------+-------+-------+-------+-----
//
// `pseudo` is the pseudo-header sum of addresses and protocol with length 0 (pseudoSum4, pseudoSum6): the functions
// here add UDP's own Length, which may be less than what IP carried.

import { DROP_UDP_CHECKSUM, DROP_UDP_LENGTH, DROP_UDP_PORT_ZERO, DROP_UDP_SHORT } from "../abi/drop";
import { UDP_HDR_LEN } from "../abi/proto";
import { checksumFinishUdp, checksumFold, sum } from "./checksum";
import { WIRE_OK } from "./ok";

/** View of the header at an address: changetype<UdpHdr>(p). Values in host order. */
@unmanaged
export class UdpHdr {
  get srcPort(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this)));
  }
  get dstPort(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 2));
  }
  /** Bytes of header and payload. */
  get length(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 4));
  }
  get checksum(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 6));
  }
}

/**
 * Checks the datagram of which IP carried `len` bytes at `p`: lengths, checksum (a received 0 says that there is
 * none; over IPv6 that is not allowed, RFC 8200 §8.1, and the caller's to refuse), destination port. Bytes after
 * UDP's Length are not part of it and not read.
 */
export function udpCheck(p: usize, len: u32, pseudo: u32): u32 {
  if (len < <u32>UDP_HDR_LEN) return DROP_UDP_SHORT;
  const head = load<u64>(p);
  const lengthBe = <u32>(head >> 32) & 0xffff;
  const length = ((lengthBe << 8) | (lengthBe >>> 8)) & 0xffff;
  if (length < <u32>UDP_HDR_LEN || length > len) return DROP_UDP_LENGTH;
  if (head >> 48 != 0 && checksumFold(pseudo + lengthBe + sum(p, length)) != 0xffff) return DROP_UDP_CHECKSUM;
  if ((<u32>head & 0xffff0000) == 0) return DROP_UDP_PORT_ZERO;
  return WIRE_OK;
}

/** Writes the 8-byte header in front of payload already at `p` + 8; `length` is header and payload. */
export function udpEmit(p: usize, srcPort: u32, dstPort: u32, length: u32, pseudo: u32): void {
  udpEmitSummed(p, srcPort, dstPort, length, pseudo, sum(p + UDP_HDR_LEN, length - UDP_HDR_LEN));
}

/** udpEmit where the payload's sum is known (copySum). */
export function udpEmitSummed(p: usize, srcPort: u32, dstPort: u32, length: u32, pseudo: u32, payloadSum: u32): void {
  const ports = udpPorts(srcPort, dstPort);
  const lengthBe = ((length << 8) | (length >>> 8)) & 0xffff;
  const checksum = checksumFinishUdp(pseudo + payloadSum + (lengthBe << 1) + (ports & 0xffff) + (ports >>> 16));
  store<u64>(p, <u64>ports | ((<u64>(lengthBe | (checksum << 16))) << 32));
}

/** Writes the 8-byte header with checksum 0: "none" (RFC 768; IPv4 only). */
export function udpEmitNoChecksum(p: usize, srcPort: u32, dstPort: u32, length: u32): void {
  store<u32>(p, udpPorts(srcPort, dstPort));
  store<u32>(p, ((length << 8) | (length >>> 8)) & 0xffff, 4);
}

/** Both ports as they lie, read little-endian. */
function udpPorts(srcPort: u32, dstPort: u32): u32 {
  return bswap<u32>((srcPort << 16) | (dstPort & 0xffff));
}
