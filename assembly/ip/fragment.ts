// Fragmenting: RFC 791 §3.2 (units of 8 bytes, copied options only in later fragments), RFC 1122 §3.3.5, RFC 1812
// §4.2.2.7. A fragment may be cut again: offset and MF of the whole are kept, and the reserved bit (RFC 1812 §5.2.5).

import { CTR_IP_FRAG_CREATES, CTR_IP_FRAG_FAILS, CTR_IP_FRAG_OKS } from "../abi/counter";
import { DROP_OUT_NO_BUFFER, DROP_OUT_TOO_LONG } from "../abi/drop";
import { E_MSGSIZE, E_NOBUFS } from "../abi/errno";
import { OWNER_TX, PBUF_HEADROOM, PBUF_SMALL, PBUF_SMALL_BYTES } from "../abi/pbuf";
import {
  IPOPT_MAX_LEN,
  IPV4_FLAG_MF,
  IPV4_FLAG_RESERVED,
  IPV4_HDR_LEN,
  IPV4_MAX_LEN,
  IPV4_OFFSET_MASK,
} from "../abi/proto";
import { count, drop } from "../core/counter";
import { Netif } from "../link/netif";
import { addressCopy } from "../memory/address";
import { store16 } from "../memory/endian";
import { Pbuf, pbufAlloc, pbufFree } from "../memory/pbuf";
import { Ipv4Hdr, ipv4EmitChecksum } from "../wire/ipv4";
import { optionsCopied } from "../wire/ipv4-options";
import { PATH_BYTES, Path } from "./path";
import { ipv4Transmit } from "./transmit";

/** Header of the fragments after the first. */
const LATER: usize = memory.data(IPV4_HDR_LEN + IPOPT_MAX_LEN, 8);

const FORWARD: Path = changetype<Path>(memory.data(PATH_BYTES, 8));

/** A fragment is a small buffer's, be the MTU larger (loopback's may be). */
const LONGEST: u32 = PBUF_SMALL_BYTES - PBUF_HEADROOM;

/** Payload that a fragment with a header of `hdrLen` bytes takes: at least 8, since no MTU is below 68. */
function roomOf(mtu: u32, hdrLen: u32): u32 {
  return (min<u32>(mtu, LONGEST) - hdrLen) & ~7;
}

/** At most so many fragments does a datagram of `len` bytes become, whose header is `hdrLen` long. */
export function ipv4Fragments(mtu: u32, len: u32, hdrLen: u32): u32 {
  if (len <= mtu) return 1;
  const room = roomOf(mtu, hdrLen);
  return (len - hdrLen + room - 1) / room;
}

/** Cuts the datagram at pb.head to the path's MTU and sends the parts: 0, or -errno once one cannot go, with the rest
 * dropped. The buffer is gone. */
export function ipv4Fragment(pb: Pbuf, path: Path): i32 {
  const ip = changetype<Ipv4Hdr>(pb.head);
  const hdrLen = ip.hdrLen;
  const payload = pb.head + hdrLen;
  const total = pb.len - hdrLen;
  const offset = ip.flagsOffset & IPV4_OFFSET_MASK;
  const more = ip.flagsOffset & IPV4_FLAG_MF;
  const reserved = ip.flagsOffset & IPV4_FLAG_RESERVED;
  // A fragment that ends beyond the longest datagram: the offsets of its pieces would have no room, and come round.
  if ((offset << 3) + total > <u32>IPV4_MAX_LEN) {
    count(CTR_IP_FRAG_FAILS);
    drop(pb, DROP_OUT_TOO_LONG);
    return -E_MSGSIZE;
  }
  const laterLen = laterHeader(pb.head, hdrLen);
  for (let at: u32 = 0; at < total; ) {
    const first = at == 0;
    const len = first ? hdrLen : laterLen;
    const size = min<u32>(roomOf(path.mtu, len), total - at);
    const f = pbufAlloc(PBUF_SMALL, OWNER_TX, false);
    if (f === null) {
      count(CTR_IP_FRAG_FAILS);
      drop(pb, DROP_OUT_NO_BUFFER);
      return -E_NOBUFS;
    }
    memory.copy(f.head, first ? pb.head : LATER, len);
    memory.copy(f.head + len, payload + at, size);
    f.len = len + size;
    f.l3 = f.head;
    const flags = reserved | (at + size < total ? <u32>IPV4_FLAG_MF : more);
    finish(f.head, len, f.len, (offset + (at >>> 3)) | flags);
    at += size;
    count(CTR_IP_FRAG_CREATES);
    const sent = ipv4Transmit(f, path);
    if (sent < 0) {
      // Counted where it failed.
      count(CTR_IP_FRAG_FAILS);
      pbufFree(pb);
      return sent;
    }
  }
  count(CTR_IP_FRAG_OKS);
  pbufFree(pb);
  return 0;
}

/** ipv4Fragment for a datagram that is forwarded: by `nif` to the 16-byte address `nextHop`. */
export function ipv4FragmentTo(pb: Pbuf, nif: Netif, nextHop: usize): i32 {
  addressCopy(changetype<usize>(FORWARD), nextHop);
  FORWARD.netif = nif.index;
  FORWARD.mtu = nif.mtu;
  return ipv4Fragment(pb, FORWARD);
}

/** Length, flags and offset, checksum. */
function finish(p: usize, hdrLen: u32, totalLen: u32, flagsOffset: u32): void {
  store16(p + 2, totalLen);
  store16(p + 6, flagsOffset);
  ipv4EmitChecksum(p, hdrLen);
}

/** Makes LATER from the header at `p`: its bytes. */
function laterHeader(p: usize, hdrLen: u32): u32 {
  memory.copy(LATER, p, IPV4_HDR_LEN);
  const len = IPV4_HDR_LEN + optionsCopied(LATER + IPV4_HDR_LEN, p + IPV4_HDR_LEN, hdrLen - IPV4_HDR_LEN);
  store<u8>(LATER, <u8>(0x40 | (len >>> 2)));
  return len;
}
