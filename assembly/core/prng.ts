// Pseudo-random numbers: xoshiro128++ (Blackman and Vigna, 2018), started from the boot record's seed. For jitter
// and choice only; what an attacker must not predict goes through the keyed hash of core/hash.ts.

import { CONFIG } from "./config";

@unmanaged
class PrngState {
  s0: u32;
  s1: u32;
  s2: u32;
  s3: u32;
}

const R: PrngState = changetype<PrngState>(memory.data(offsetof<PrngState>(), 8));

export function prngInit(): void {
  R.s0 = CONFIG.seed0 ^ 0x9e3779b9;
  R.s1 = CONFIG.seed1 ^ 0x243f6a88;
  R.s2 = CONFIG.seed2 ^ 0xb7e15162;
  R.s3 = CONFIG.seed3 | 1;
  for (let i = 0; i < 16; i++) random();
}

/** 32 uniform bits. */
export function random(): u32 {
  const result = rotl<u32>(R.s0 + R.s3, 7) + R.s0;
  const t = R.s1 << 9;
  R.s2 ^= R.s0;
  R.s3 ^= R.s1;
  R.s1 ^= R.s2;
  R.s0 ^= R.s3;
  R.s2 ^= t;
  R.s3 = rotl<u32>(R.s3, 11);
  return result;
}

/** Uniform in 0 .. bound-1 (Lemire's multiplication; the bias is below 2^-32 * bound). */
export function randomBelow(bound: u32): u32 {
  return <u32>((<u64>random() * bound) >> 32);
}
