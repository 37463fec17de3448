// Keyed hashes, so that nobody outside can choose what collides. The key is drawn from the boot seed.
// hash4/hash16: a few multiplications, for tables in memory. sipHash: SipHash-2-4 (Aumasson and Bernstein), a
// pseudo-random function, for what goes out on the wire (ports, identifiers, sequence numbers).

import { CONFIG } from "./config";

@unmanaged
class HashState {
  k0: u64;
  k1: u64;
}

const H: HashState = changetype<HashState>(memory.data(offsetof<HashState>(), 8));

export function hashInit(): void {
  H.k0 = ((<u64>CONFIG.seed1) << 32) | CONFIG.seed0;
  H.k1 = ((<u64>CONFIG.seed3) << 32) | CONFIG.seed2;
}

function mix(h: u64): u32 {
  h *= 0x9e3779b97f4a7c15;
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93;
  return <u32>(h >> 32);
}

/** Of one 64-bit value. */
export function hash8(v: u64): u32 {
  return mix(v ^ H.k0);
}

/** Of a 16-byte address at `p` and 64 bits beside it. */
export function hash16(p: usize, beside: u64): u32 {
  const h = (load<u64>(p) ^ H.k0) * 0xff51afd7ed558ccd;
  return mix((h ^ (h >> 29)) + (load<u64>(p, 8) ^ H.k1) * 0xc4ceb9fe1a85ec53 + beside);
}

/** Of two 16-byte addresses and 64 bits beside them. */
export function hash32(p: usize, q: usize, beside: u64): u32 {
  return hash16(p, <u64>hash16(q, beside));
}

@unmanaged
class Sip {
  v0: u64;
  v1: u64;
  v2: u64;
  v3: u64;
}

const V: Sip = changetype<Sip>(memory.data(offsetof<Sip>(), 8));

function sipRound(): void {
  V.v0 += V.v1;
  V.v2 += V.v3;
  V.v1 = rotl<u64>(V.v1, 13) ^ V.v0;
  V.v3 = rotl<u64>(V.v3, 16) ^ V.v2;
  V.v0 = rotl<u64>(V.v0, 32);
  V.v2 += V.v1;
  V.v0 += V.v3;
  V.v1 = rotl<u64>(V.v1, 17) ^ V.v2;
  V.v3 = rotl<u64>(V.v3, 21) ^ V.v0;
  V.v2 = rotl<u64>(V.v2, 32);
}

function sipWord(m: u64): void {
  V.v3 ^= m;
  sipRound();
  sipRound();
  V.v0 ^= m;
}

/** SipHash-2-4 of the two 16-byte addresses at `p` and `q` and of `beside`, under the boot key. */
export function sipHash(p: usize, q: usize, beside: u64): u64 {
  V.v0 = H.k0 ^ 0x736f6d6570736575;
  V.v1 = H.k1 ^ 0x646f72616e646f6d;
  V.v2 = H.k0 ^ 0x6c7967656e657261;
  V.v3 = H.k1 ^ 0x7465646279746573;
  sipWord(load<u64>(p));
  sipWord(load<u64>(p, 8));
  sipWord(load<u64>(q));
  sipWord(load<u64>(q, 8));
  sipWord(beside);
  sipWord((<u64>40) << 56);
  V.v2 ^= 0xff;
  sipRound();
  sipRound();
  sipRound();
  sipRound();
  return V.v0 ^ V.v1 ^ V.v2 ^ V.v3;
}
