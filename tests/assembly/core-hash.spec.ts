// SipHash-2-4 against the vectors of its authors and a plain implementation; the fast hashes: keyed, and spread.
import { CONFIG } from "../../assembly/core/config";
import { hash8, hash16, hash32, hashInit, sipHash } from "../../assembly/core/hash";

const BASE: usize = 1 << 16;

/** SipHash-2-4 of any message, straight from the paper (Aumasson and Bernstein 2012, §2). */
function reference(k0: u64, k1: u64, message: usize, length: u32): u64 {
  let v0 = k0 ^ 0x736f6d6570736575;
  let v1 = k1 ^ 0x646f72616e646f6d;
  let v2 = k0 ^ 0x6c7967656e657261;
  let v3 = k1 ^ 0x7465646279746573;
  const words = length / 8 + 1;
  for (let w: u32 = 0; w < words + 2; w++) {
    // The finalization has no word: 0xff into v2, and four rounds.
    let m: u64 = 0;
    if (w < words) {
      for (let i: u32 = 0; i < 8 && w * 8 + i < length; i++) m |= (<u64>load<u8>(message + w * 8 + i)) << (i * 8);
      if (w == words - 1) m |= (<u64>(length & 255)) << 56;
      v3 ^= m;
    } else if (w == words) {
      v2 ^= 0xff;
    }
    for (let round = 0; round < 2; round++) {
      v0 += v1;
      v1 = rotl<u64>(v1, 13) ^ v0;
      v0 = rotl<u64>(v0, 32);
      v2 += v3;
      v3 = rotl<u64>(v3, 16) ^ v2;
      v0 += v3;
      v3 = rotl<u64>(v3, 21) ^ v0;
      v2 += v1;
      v1 = rotl<u64>(v1, 17) ^ v2;
      v2 = rotl<u64>(v2, 32);
    }
    if (w < words) v0 ^= m;
  }
  return v0 ^ v1 ^ v2 ^ v3;
}

function key(k0: u64, k1: u64): void {
  CONFIG.seed0 = <u32>k0;
  CONFIG.seed1 = <u32>(k0 >> 32);
  CONFIG.seed2 = <u32>k1;
  CONFIG.seed3 = <u32>(k1 >> 32);
  hashInit();
}

describe("SipHash-2-4", () => {
  test("the reference gives the paper's answer, and the authors' for 40 bytes; so does the product", () => {
    for (let i = 0; i < 64; i++) store<u8>(BASE + i, <u8>i);
    const k0: u64 = 0x0706050403020100;
    const k1: u64 = 0x0f0e0d0c0b0a0908;
    // Appendix A: the message 00 01 … 0e.
    expect(reference(k0, k1, BASE, 15)).toBe(0xa129ca6149be45e5);
    key(k0, k1);
    // Two addresses and a word beside them are 40 bytes, one after another here.
    const answer = sipHash(BASE, BASE + 16, load<u64>(BASE, 32));
    expect(answer).toBe(reference(k0, k1, BASE, 40));
  });

  test("agrees with the reference for random keys and messages", () => {
    let seed: u64 = 99;
    let wrong = 0;
    for (let round = 0; round < 500; round++) {
      for (let i = 0; i < 7; i++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        store<u64>(BASE + i * 8, seed ^ (seed >> 29));
      }
      const k0 = load<u64>(BASE, 40);
      const k1 = load<u64>(BASE, 48);
      key(k0, k1);
      if (sipHash(BASE, BASE + 16, load<u64>(BASE, 32)) != reference(k0, k1, BASE, 40)) wrong++;
    }
    expect(wrong).toBe(0);
  });
});

/** Worst bucket of 256 with 16,384 keys in them: 64 each on average. */
function worst(kind: u32): u32 {
  memory.fill(BASE + 1024, 0, 1024);
  memory.fill(BASE, 0, 64);
  for (let i: u32 = 0; i < 16384; i++) {
    store<u32>(BASE, bswap<u32>(0x0a000000 + i), 12);
    const h =
      kind == 0
        ? hash8(i)
        : kind == 1
          ? hash16(BASE, 1)
          : kind == 2
            ? hash32(BASE + 32, BASE, 7)
            : hash8((<u64>i) << 32);
    const bucket = BASE + 1024 + ((h & 255) << 2);
    store<u32>(bucket, load<u32>(bucket) + 1);
  }
  let most: u32 = 0;
  for (let i = 0; i < 256; i++) most = max<u32>(most, load<u32>(BASE + 1024 + i * 4));
  return most;
}

describe("table hashes", () => {
  test("spread neighbouring keys evenly over the low bits", () => {
    key(0x123456789abcdef0, 0x0fedcba987654321);
    let wrong = 0;
    for (let kind: u32 = 0; kind < 4; kind++) if (worst(kind) > 120) wrong++;
    expect(wrong).toBe(0);
  });

  test("depend on the key and on every byte", () => {
    let wrong = 0;
    memory.fill(BASE, 7, 32);
    key(1, 2);
    const h = hash16(BASE, 5);
    const g = hash32(BASE, BASE + 16, 5);
    const f = hash8(5);
    for (let i: u32 = 0; i < 32; i++) {
      store<u8>(BASE + i, 8);
      if (i < 16 && hash16(BASE, 5) == h) wrong++;
      if (hash32(BASE, BASE + 16, 5) == g) wrong++;
      store<u8>(BASE + i, 7);
    }
    if (hash16(BASE, 6) == h || hash32(BASE, BASE + 16, 6) == g || hash8(6) == f) wrong++;
    key(1, 3);
    if (hash16(BASE, 5) == h) wrong++;
    key(2, 2);
    if (hash16(BASE, 5) == h || hash8(5) == f || hash32(BASE, BASE + 16, 5) == g) wrong++;
    expect(wrong).toBe(0);
  });
});
