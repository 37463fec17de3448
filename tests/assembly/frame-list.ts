// The frames of tests/fixtures/frames.ts in linear memory, with the places of their headers, for the specs of wire/.

import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, IPV6_HDR_LEN } from "../../assembly/abi/proto";
import { pseudoSum4Hdr, pseudoSum6 } from "../../assembly/wire/checksum";
import { ETHER_PARSED, EtherHdr, etherParse, etherParsedLen, etherParsedType } from "../../assembly/wire/ether";
import { Ipv4Hdr } from "../../assembly/wire/ipv4";
import { FRAMES } from "../fixtures/frames";

/** Where a spec puts its frame: below memoryBase, free for the layout under test. */
export const AT: usize = 0x20000;

function hexDigit(c: i32): i32 {
  return c <= 57 ? c - 48 : c - 87;
}

/** Writes the bytes that `hex` says to `p`; answers their number. */
export function putHex(p: usize, hex: string): u32 {
  const n = hex.length >> 1;
  for (let i = 0; i < n; i++) {
    store<u8>(p + i, <u8>((hexDigit(hex.charCodeAt(2 * i)) << 4) | hexDigit(hex.charCodeAt(2 * i + 1))));
  }
  return n;
}

export function frameCount(): i32 {
  return FRAMES.length;
}

/** One line of the list, its bytes laid at `p`. */
export class Frame {
  name: string;
  facts: string;
  len: u32;
  /** EtherType, behind a priority tag too; 0 if the frame has none. */
  type: u32;
  /** Address of the network header; 0 where Ethernet refuses the frame. */
  net: usize;
  /** Bytes from `net` on. */
  netLen: u32;
  /** Transport: protocol, address, bytes, pseudo-header sum with length 0. */
  proto: u32;
  at: usize;
  atLen: u32;
  pseudo: u32;

  constructor(i: i32, p: usize) {
    const parts = FRAMES[i].split(" | ");
    this.name = parts[0];
    this.facts = parts[2];
    this.len = putHex(p, parts[3]);
    this.type = ETHERTYPE_IPV4;
    this.net = p;
    this.netLen = this.len;
    this.proto = 0;
    this.at = 0;
    this.atLen = 0;
    this.pseudo = 0;
    if (parts[1] == "ether") this.readEther(p);
    if (this.net != 0 && this.type == ETHERTYPE_IPV4) this.readIpv4();
    if (this.net != 0 && this.type == ETHERTYPE_IPV6) this.readIpv6();
  }

  private readEther(p: usize): void {
    const parsed = etherParse(p, this.len);
    if (parsed < ETHER_PARSED) {
      this.type = changetype<EtherHdr>(p).type;
      this.net = 0;
      return;
    }
    this.type = etherParsedType(parsed);
    this.net = p + etherParsedLen(parsed);
    this.netLen = this.len - etherParsedLen(parsed);
  }

  private readIpv4(): void {
    const h = changetype<Ipv4Hdr>(this.net);
    this.proto = h.proto;
    this.at = this.net + h.hdrLen;
    this.atLen = h.totalLen - h.hdrLen;
    this.pseudo = pseudoSum4Hdr(this.net, this.proto, 0);
  }

  private readIpv6(): void {
    this.proto = load<u8>(this.net + 6);
    this.at = this.net + IPV6_HDR_LEN;
    this.atLen = this.netLen - IPV6_HDR_LEN;
    this.pseudo = pseudoSum6(this.net + 8, this.net + 24, this.proto, 0);
  }
}

/** The line of the given name, laid at `p`. */
export function frameNamed(name: string, p: usize): Frame {
  for (let i = 0; i < FRAMES.length; i++) if (FRAMES[i].startsWith(name + " | ")) return new Frame(i, p);
  throw new Error("no frame named " + name);
}

/** Turns bit `bit` of the block at `p` over (bit 0 is the lowest of its first byte). */
export function flipBit(p: usize, bit: u32): void {
  const at = p + (bit >>> 3);
  store<u8>(at, <u8>(<u32>load<u8>(at) ^ (1 << (bit & 7))));
}

/** Where two blocks first differ, or -1. */
export function firstDifference(a: usize, b: usize, len: u32): i32 {
  for (let i: u32 = 0; i < len; i++) if (load<u8>(a + i) != load<u8>(b + i)) return i;
  return -1;
}
