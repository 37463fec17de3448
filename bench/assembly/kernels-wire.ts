// Exports of assembly/wire/ for benchmarks and property tests: the kernels one call at a time, and loops inside wasm
// which measure a kernel without the cost of the call from JavaScript.

import { ETHERTYPE_IPV4, IPPROTO_UDP } from "../../assembly/abi/proto";
import {
  checksumAdjust16,
  checksumAdjust32,
  checksumFinish,
  checksumFinishUdp,
  checksumFold,
  checksumJoin,
  ipv4HeaderSum,
  pseudoSum4,
  pseudoSum4Hdr,
  pseudoSum6,
  sum,
} from "../../assembly/wire/checksum";
import { copySum } from "../../assembly/wire/copy-checksum";
import { etherParse, etherParsedLen, etherParsedType } from "../../assembly/wire/ether";
import { Ipv4Hdr, ipv4Check } from "../../assembly/wire/ipv4";
import { WIRE_OK } from "../../assembly/wire/ok";
import { UdpHdr, udpCheck } from "../../assembly/wire/udp";

export {
  checksumAdjust16,
  checksumAdjust32,
  checksumFinish,
  checksumFinishUdp,
  checksumFold,
  checksumJoin,
  copySum,
  ipv4HeaderSum,
  pseudoSum4,
  pseudoSum4Hdr,
  pseudoSum6,
  sum,
};

/** `n` sums of `len` bytes, at `p` and 16 bytes on in turn. */
export function sumLoop(p: usize, len: u32, n: u32): u32 {
  let all: u32 = 0;
  for (let i: u32 = 0; i < n; i++) all += sum(p + ((i & 1) << 4), len);
  return all;
}

export function ipv4HeaderSumLoop(p: usize, n: u32): u32 {
  let all: u32 = 0;
  for (let i: u32 = 0; i < n; i++) all += ipv4HeaderSum(p + ((i & 1) << 4));
  return all;
}

export function copySumLoop(dst: usize, src: usize, len: u32, n: u32): u32 {
  let all: u32 = 0;
  for (let i: u32 = 0; i < n; i++) all += copySum(dst, src, len);
  return all;
}

export function memoryCopyLoop(dst: usize, src: usize, len: u32, n: u32): void {
  for (let i: u32 = 0; i < n; i++) memory.copy(dst, src, len);
}

/** Parses and verifies an Ethernet + IPv4 + UDP frame; answers addresses and ports mixed, or 0. */
export function parseUdpFrame(p: usize, len: u32): u32 {
  const parsed = etherParse(p, len);
  if (etherParsedType(parsed) != ETHERTYPE_IPV4) return 0;
  const etherLen = etherParsedLen(parsed);
  const h = changetype<Ipv4Hdr>(p + etherLen);
  if (ipv4Check(changetype<usize>(h), len - etherLen) != WIRE_OK) return 0;
  if (h.proto != IPPROTO_UDP || h.isFragment) return 0;
  const hdrLen = h.hdrLen;
  const u = changetype<UdpHdr>(changetype<usize>(h) + hdrLen);
  const pseudo = pseudoSum4Hdr(changetype<usize>(h), IPPROTO_UDP, 0);
  if (udpCheck(changetype<usize>(u), h.totalLen - hdrLen, pseudo) != WIRE_OK) return 0;
  return h.src ^ h.dst ^ (u.srcPort << 16) ^ u.dstPort;
}

/** `n` frames of `len` bytes, `stride` bytes apart, the `count` at `p` in turn. */
export function parseUdpLoop(p: usize, len: u32, stride: u32, count: u32, n: u32): u32 {
  let all: u32 = 0;
  let i: u32 = 0;
  while (n > 0) {
    all ^= parseUdpFrame(p + i * stride, len);
    i++;
    if (i == count) i = 0;
    n--;
  }
  return all;
}

/** The cost of a call. */
export function nothing(a: u32): u32 {
  return a;
}
