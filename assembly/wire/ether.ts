// Ethernet II and the 802.1Q tag: RFC 894, RFC 1122 §2.3.3, IEEE 802.1Q.
//
//    0       6       12    14          12    14    16    18
//   +-------+-------+-----+-----      +-----+-----+-----+-----
//   |  dst  |  src  | type| payload   | 8100| TCI | type| payload     TCI: PCP 3 bits, DEI 1, VID 12
//   +-------+-------+-----+-----      +-----+-----+-----+-----
//
// A tag with VID 0 (priority only) is accepted; other tags, a second tag and 802.3 length frames are not.

import { DROP_ETHER_8023_LENGTH, DROP_ETHER_SHORT, DROP_ETHER_VLAN } from "../abi/drop";
import {
  ETHER_HDR_LEN,
  ETHER_MIN_LEN,
  ETHERTYPE_IPV4,
  ETHERTYPE_MIN,
  ETHERTYPE_VLAN,
  VLAN_TAG_LEN,
} from "../abi/proto";
import { load16, store16 } from "../memory/endian";

/** etherParse answers below this are drop reasons. */
export const ETHER_PARSED: u32 = 0x10000;

/** ETHERTYPE_IPV4 read little-endian. */
const IPV4_AS_IT_LIES: u16 = 0x0008;

/** View of the header at an address: changetype<EtherHdr>(p). */
@unmanaged
export class EtherHdr {
  /** Address of the destination's 6 bytes. */
  get dst(): usize {
    return changetype<usize>(this);
  }
  /** Address of the source's 6 bytes. */
  get src(): usize {
    return changetype<usize>(this) + 6;
  }
  /** EtherType, or the tag protocol, or an 802.3 length. */
  get type(): u32 {
    return <u32>bswap<u16>(load<u16>(changetype<usize>(this), 12));
  }
  /** Group (multicast or broadcast) bit of the destination. */
  get dstIsGroup(): bool {
    return (load<u8>(changetype<usize>(this)) & 1) != 0;
  }
  get srcIsGroup(): bool {
    return (load<u8>(changetype<usize>(this), 6) & 1) != 0;
  }
  get dstIsBroadcast(): bool {
    const p = changetype<usize>(this);
    return load<u32>(p) == 0xffffffff && load<u16>(p, 4) == 0xffff;
  }
}

/**
 * Checks the format of the frame of `len` bytes at `p`: a drop reason (below ETHER_PARSED), or
 * EtherType << 16 | header bytes (14, or 18 with a priority tag).
 */
export function etherParse(p: usize, len: u32): u32 {
  if (len < <u32>ETHER_HDR_LEN) return DROP_ETHER_SHORT;
  if (load<u16>(p, 12) == IPV4_AS_IT_LIES) return (ETHERTYPE_IPV4 << 16) | ETHER_HDR_LEN;
  const type = load16(p + 12);
  if (type == ETHERTYPE_VLAN) return etherParseTagged(p, len);
  if (type < <u32>ETHERTYPE_MIN) return DROP_ETHER_8023_LENGTH;
  return (type << 16) | ETHER_HDR_LEN;
}

function etherParseTagged(p: usize, len: u32): u32 {
  if (len < <u32>(ETHER_HDR_LEN + VLAN_TAG_LEN)) return DROP_ETHER_SHORT;
  if ((load16(p + 14) & 0xfff) != 0) return DROP_ETHER_VLAN;
  const type = load16(p + 16);
  if (type == ETHERTYPE_VLAN) return DROP_ETHER_VLAN;
  if (type < <u32>ETHERTYPE_MIN) return DROP_ETHER_8023_LENGTH;
  return (type << 16) | (ETHER_HDR_LEN + VLAN_TAG_LEN);
}

/** EtherType of an etherParse answer. */
export function etherParsedType(parsed: u32): u32 {
  return parsed >>> 16;
}

/** Header bytes of an etherParse answer. */
export function etherParsedLen(parsed: u32): u32 {
  return parsed & 0xffff;
}

/** Are the 6-byte addresses at `a` and `b` the same? */
export function macEqual(a: usize, b: usize): bool {
  return load<u32>(a) == load<u32>(b) && load<u16>(a, 4) == load<u16>(b, 4);
}

/** Copies a 6-byte address. */
export function macCopy(to: usize, from: usize): void {
  const low = load<u32>(from);
  const high = load<u16>(from, 4);
  store<u32>(to, low);
  store<u16>(to, high, 4);
}

/** Writes the 14-byte header at `p`; `dst` and `src` point to 6-byte addresses. */
export function etherEmit(p: usize, dst: usize, src: usize, type: u32): void {
  macCopy(p, dst);
  macCopy(p + 6, src);
  store16(p + 12, type);
}

/** Writes the 18-byte header with an 802.1Q tag (tag control information `tci`) at `p`. */
export function etherEmitTagged(p: usize, dst: usize, src: usize, tci: u32, type: u32): void {
  etherEmit(p, dst, src, ETHERTYPE_VLAN);
  store16(p + 14, tci);
  store16(p + 16, type);
}

/** Copies a ready 14-byte header (a neighbour's) to `p`; the two must not overlap. */
export function etherCopy(p: usize, from: usize): void {
  const low = load<u64>(from);
  const high = load<u64>(from, 6);
  store<u64>(p, low);
  store<u64>(p, high, 6);
}

/** Pads the frame of `len` bytes at `p` with zeros to 60 bytes; answers the length to send. */
export function etherPad(p: usize, len: u32): u32 {
  if (len >= <u32>ETHER_MIN_LEN) return len;
  memory.fill(p + len, 0, ETHER_MIN_LEN - len);
  return ETHER_MIN_LEN;
}
