// Copy and Internet checksum (RFC 1071) in one pass: every byte is read once (twice in the size build). Sums and
// arithmetic are checksum.ts'.

import { checksumFold64, sum, sumTail } from "./checksum";

/** Copies `len` bytes (0..65,535) from `src` to `dst`, which must not overlap, and answers their sum. */
export function copySum(dst: usize, src: usize, len: u32): u32 {
  if (ASC_SHRINK_LEVEL != 0) {
    memory.copy(dst, src, len);
    return sum(dst, len);
  }
  if (len < 64) return checksumFold64(copyShort(dst, src, len));
  if (ASC_FEATURE_SIMD) {
    return checksumFold64(copyVectors(dst, src, len));
  } else {
    return checksumFold64(copyWords(dst, src, len));
  }
}

function copy8(dst: usize, src: usize): u64 {
  const v = load<u64>(src);
  store<u64>(dst, v);
  return (v & 0xffffffff) + (v >> 32);
}

/** 0..63 bytes, without a loop. */
function copyShort(dst: usize, src: usize, len: u32): u64 {
  if (len < 8) return copyTiny(dst, src, len);
  let acc = copyTail(dst + len, src + len, len);
  if (len & 32) {
    acc += copy8(dst, src) + copy8(dst + 8, src + 8);
    acc += copy8(dst + 16, src + 16) + copy8(dst + 24, src + 24);
    dst += 32;
    src += 32;
  }
  if (len & 16) {
    acc += copy8(dst, src) + copy8(dst + 8, src + 8);
    dst += 16;
    src += 16;
  }
  if (len & 8) acc += copy8(dst, src);
  return acc;
}

/** The last `len` & 7 bytes, by a word of the 8 bytes or more there are before both ends. */
function copyTail(dstEnd: usize, srcEnd: usize, len: u32): u64 {
  const last8 = load<u64>(srcEnd - 8);
  store<u64>(dstEnd - 8, last8);
  return sumTail(last8, len);
}

function copyTiny(dst: usize, src: usize, len: u32): u64 {
  let acc: u64 = 0;
  if (len & 4) {
    const v = load<u32>(src);
    store<u32>(dst, v);
    acc = <u64>v;
    dst += 4;
    src += 4;
  }
  if (len & 2) {
    const v = <u32>load<u16>(src);
    store<u16>(dst, <u16>v);
    acc += <u64>v;
    dst += 2;
    src += 2;
  }
  if (len & 1) {
    const v = <u32>load<u8>(src);
    store<u8>(dst, <u8>v);
    acc += <u64>v;
  }
  return acc;
}

/** 64 bytes or more: checksum.ts' sumVectors with stores. */
function copyVectors(dst: usize, src: usize, len: u32): u64 {
  const stop = src + (len & ~63);
  const stop16 = src + (len & ~15);
  let a0 = i64x2.splat(0);
  let b0 = a0;
  let a1 = a0;
  let b1 = a0;
  do {
    const v0 = v128.load(src);
    const v1 = v128.load(src, 16);
    const v2 = v128.load(src, 32);
    const v3 = v128.load(src, 48);
    v128.store(dst, v0);
    v128.store(dst, v1, 16);
    v128.store(dst, v2, 32);
    v128.store(dst, v3, 48);
    a0 = i64x2.add(a0, v0);
    b0 = i64x2.add(b0, i64x2.shr_u(v0, 32));
    a1 = i64x2.add(a1, v1);
    b1 = i64x2.add(b1, i64x2.shr_u(v1, 32));
    a0 = i64x2.add(a0, v2);
    b0 = i64x2.add(b0, i64x2.shr_u(v2, 32));
    a1 = i64x2.add(a1, v3);
    b1 = i64x2.add(b1, i64x2.shr_u(v3, 32));
    src += 64;
    dst += 64;
  } while (src < stop);
  while (src < stop16) {
    const v0 = v128.load(src);
    v128.store(dst, v0);
    a0 = i64x2.add(a0, v0);
    b0 = i64x2.add(b0, i64x2.shr_u(v0, 32));
    src += 16;
    dst += 16;
  }
  const b = i64x2.add(b0, b1);
  const s = i64x2.add(i64x2.sub(i64x2.add(a0, a1), i64x2.shl(b, 32)), b);
  let acc = i64x2.extract_lane(s, 0) + i64x2.extract_lane(s, 1);
  const left = len & 15;
  if (left == 0) return acc;
  if (left & 8) acc += copy8(dst, src);
  return acc + copyTail(dst + left, src + left, len);
}

/** 64 bytes or more: checksum.ts' sumWords with stores. */
function copyWords(dst: usize, src: usize, len: u32): u64 {
  const stop = src + (len & ~31);
  let a: u64 = 0;
  let b0: u64 = 0;
  let b1: u64 = 0;
  do {
    const v0 = load<u64>(src);
    const v1 = load<u64>(src, 8);
    const v2 = load<u64>(src, 16);
    const v3 = load<u64>(src, 24);
    store<u64>(dst, v0);
    store<u64>(dst, v1, 8);
    store<u64>(dst, v2, 16);
    store<u64>(dst, v3, 24);
    a += v0 + v1;
    b0 += v0 >> 32;
    b1 += v1 >> 32;
    a += v2 + v3;
    b0 += v2 >> 32;
    b1 += v3 >> 32;
    src += 32;
    dst += 32;
  } while (src < stop);
  const b = b0 + b1;
  return a - (b << 32) + b + copyShort(dst, src, len & 31);
}
