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

/** SipHash-2-4 of the two 16-byte addresses at `p` and `q` and of `beside`, under the boot key. */
export function sipHash(p: usize, q: usize, beside: u64): u64 {
  let v0 = H.k0 ^ 0x736f6d6570736575;
  let v1 = H.k1 ^ 0x646f72616e646f6d;
  let v2 = H.k0 ^ 0x6c7967656e657261;
  let v3 = H.k1 ^ 0x7465646279746573;
  // Six words, the last of which is the message's length; then the end, which is none.
  for (let i: u32 = 0; i < 7; i++) {
    let word: u64 = 0;
    if (i < 4) word = load<u64>((i < 2 ? p : q) + ((i & 1) << 3));
    else if (i == 4) word = beside;
    else if (i == 5) word = (<u64>40) << 56;
    else v2 ^= 0xff;
    v3 ^= word;
    for (let rounds: u32 = i < 6 ? 2 : 4; rounds != 0; rounds--) {
      v0 += v1;
      v2 += v3;
      v1 = rotl<u64>(v1, 13) ^ v0;
      v3 = rotl<u64>(v3, 16) ^ v2;
      v0 = rotl<u64>(v0, 32);
      v2 += v1;
      v0 += v3;
      v1 = rotl<u64>(v1, 17) ^ v2;
      v3 = rotl<u64>(v3, 21) ^ v0;
      v2 = rotl<u64>(v2, 32);
    }
    v0 ^= word;
  }
  return v0 ^ v1 ^ v2 ^ v3;
}
