// ARP for IPv4 over Ethernet: RFC 826.
//
//    0     2     4   5   6     8           14        18          24        28
//   +-----+-----+---+---+-----+-----------+---------+-----------+---------+
//   | hrd | pro |hln|pln| op  |    sha    |   spa   |    tha    |   tpa   |
//   +-----+-----+---+---+-----+-----------+---------+-----------+---------+

import { DROP_ARP_FORMAT, DROP_ARP_OPERATION, DROP_ARP_SHORT } from "../abi/drop";
import { ARP_LEN, ARP_OP_REPLY, ARP_OP_REQUEST } from "../abi/proto";
import { load32, store32 } from "../memory/endian";
import { macCopy } from "./ether";
import { WIRE_OK } from "./ok";

/** hrd 1 (Ethernet), pro 0x0800 (IPv4), hln 6, pln 4 as the first six bytes lie, read little-endian. */
const ARP_FORMAT: u64 = 0x0406_0008_0100;

/** View of the packet at an address: changetype<ArpHdr>(p). Protocol addresses in host order. */
@unmanaged
export class ArpHdr {
  get op(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 6));
  }
  /** Address of the sender's 6-byte hardware address. */
  get sha(): usize {
    return changetype<usize>(this) + 8;
  }
  get spa(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this), 14));
  }
  /** Address of the target's 6-byte hardware address. */
  get tha(): usize {
    return changetype<usize>(this) + 18;
  }
  get tpa(): u32 {
    return bswap<u32>(load<u32>(changetype<usize>(this), 24));
  }
}

/** Checks length, hardware and protocol space with their lengths, and the operation (request or reply). */
export function arpCheck(p: usize, len: u32): u32 {
  if (len < <u32>ARP_LEN) return DROP_ARP_SHORT;
  const head = load<u64>(p);
  if ((head & 0xffff_ffff_ffff) != ARP_FORMAT) return DROP_ARP_FORMAT;
  const op = <u32>(head >> 56) | (<u32>(head >> 40) & 0xff00);
  if (op != ARP_OP_REQUEST && op != ARP_OP_REPLY) return DROP_ARP_OPERATION;
  return WIRE_OK;
}

/** Writes the 28-byte packet at `p`; `sha` and `tha` point to 6-byte addresses, `tha` 0 writes zeros. */
export function arpEmit(p: usize, op: u32, sha: usize, spa: u32, tha: usize, tpa: u32): void {
  store<u64>(p, ARP_FORMAT | ((<u64>(op & 0xff)) << 56) | ((<u64>(op & 0xff00)) << 40));
  macCopy(p + 8, sha);
  store32(p + 14, spa);
  if (tha != 0) {
    macCopy(p + 18, tha);
  } else {
    store<u32>(p, 0, 18);
    store<u16>(p, 0, 22);
  }
  store32(p + 24, tpa);
}

/** Turns the request at `p` into the reply from `sha`/`spa`, in place (RFC 826, "swap hardware and protocol fields"). */
export function arpReply(p: usize, sha: usize, spa: u32): void {
  const to = load32(p + 14);
  macCopy(p + 18, p + 8);
  store32(p + 24, to);
  macCopy(p + 8, sha);
  store32(p + 14, spa);
  store<u16>(p, ARP_OP_REPLY << 8, 6);
}
