// The Internet checksum: RFC 1071; incremental update by RFC 1624 equation 3; UDP's zero rule by RFC 768.
//
// A `sum` is a one's-complement sum of 16-bit words folded to 16 bits (0..0xffff), in MEMORY order: the words are read
// as they lie (little-endian), which RFC 1071 §2(B) allows, so a checksum is stored by a plain store<u16> without a
// swap. Sums are added with `+` in a u32 (65,536 of them fit) and folded by checksumFold. A block that starts at an
// odd offset of its packet goes through checksumJoin. Nothing outside [p, p + len) is read.

/** Two u32 halves with end-around carry, then two u16 halves: a 64-bit sum to 16 bits. */
export function checksumFold64(s: u64): u32 {
  const t = <u32>((s + rotl<u64>(s, 32)) >> 32);
  return (t + rotl<u32>(t, 16)) >>> 16;
}

/** Folds a u32 of added sums to 16 bits. */
export function checksumFold(s: u32): u32 {
  return (s + rotl<u32>(s, 16)) >>> 16;
}

/** The checksum field (memory order) for the added sums `s` of everything else. */
export function checksumFinish(s: u32): u32 {
  return checksumFold(s) ^ 0xffff;
}

/** Like checksumFinish by UDP's rule: a computed 0 is sent as 0xffff, since 0 says "no checksum" (RFC 768). */
export function checksumFinishUdp(s: u32): u32 {
  const c = checksumFold(s) ^ 0xffff;
  return c == 0 ? 0xffff : c;
}

/** The sum of a block followed by another, where the first is `lenA` bytes long (RFC 1071 §2(B): odd swaps). */
export function checksumJoin(a: u32, lenA: u32, b: u32): u32 {
  return checksumFold(a + (lenA & 1 ? checksumSwap(b) : b));
}

/** A 16-bit sum in the other byte order. */
export function checksumSwap(s: u32): u32 {
  return ((s << 8) | (s >>> 8)) & 0xffff;
}

/** New checksum after a 16-bit word changed: HC' = ~(~HC + ~m + m'), RFC 1624 eqn 3. All three in one byte order. */
export function checksumAdjust16(checksum: u32, oldValue: u32, newValue: u32): u32 {
  return checksumFinish((checksum ^ 0xffff) + (oldValue ^ 0xffff) + newValue);
}

/** checksumAdjust16 for an aligned 32-bit field. All three in one byte order. */
export function checksumAdjust32(checksum: u32, oldValue: u32, newValue: u32): u32 {
  const gone = ~oldValue;
  return checksumFinish(
    (checksum ^ 0xffff) + (gone & 0xffff) + (gone >>> 16) + (newValue & 0xffff) + (newValue >>> 16),
  );
}

/** Pseudo-header sum for IPv4 (RFC 768, RFC 9293 §3.1): addresses, protocol and length in host order. */
export function pseudoSum4(src: u32, dst: u32, proto: u32, len: u32): u32 {
  return checksumSwap(checksumFold64(<u64>src + <u64>dst + <u64>(proto + len)));
}

/** pseudoSum4 with the addresses read from the IPv4 header at `ip`. */
export function pseudoSum4Hdr(ip: usize, proto: u32, len: u32): u32 {
  const a = load<u64>(ip, 12);
  return checksumFold64((a & 0xffffffff) + (a >> 32) + <u64>((proto << 8) + checksumSwap(len)));
}

/** Pseudo-header sum for IPv6 (RFC 8200 §8.1): pointers to 16-byte addresses, protocol and length in host order. */
export function pseudoSum6(src: usize, dst: usize, proto: u32, len: u32): u32 {
  return checksumFold64(sum16Bytes(src) + sum16Bytes(dst) + <u64>bswap<u32>(len) + <u64>bswap<u32>(proto));
}

function sum16Bytes(p: usize): u64 {
  const a = load<u64>(p);
  const b = load<u64>(p, 8);
  return (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32);
}

/** Sum of a 20-byte IPv4 header; 0xffff where its checksum field is right. */
export function ipv4HeaderSum(p: usize): u32 {
  const c = <u64>load<u32>(p, 16);
  return checksumFold64(sum16Bytes(p) + c);
}

/** Sum of `len` bytes (0..65,535) at `p`, any alignment. */
export function sum(p: usize, len: u32): u32 {
  if (ASC_SHRINK_LEVEL != 0) return checksumFold64(sumPlain(p, len));
  if (len < 64) return checksumFold64(sumShort(p, len));
  if (ASC_FEATURE_SIMD) {
    return checksumFold64(sumVectors(p, len));
  } else {
    return checksumFold64(sumWords(p, len));
  }
}

/** The size build's: as short as it can be. */
function sumPlain(p: usize, len: u32): u64 {
  let acc: u64 = 0;
  for (; len >= 4; len -= 4) {
    acc += load<u32>(p);
    p += 4;
  }
  return acc + sumTiny(p, len);
}

/** The last `len` & 7 bytes before `end`, at least 8 of which are in the block: moved down to an even offset. */
export function sumTail(last8: u64, len: u32): u64 {
  const v = (last8 >> 8) >> <u64>((7 - (len & 7)) << 3);
  return (v & 0xffffffff) + (v >> 32);
}

/** Unfolded sum of 0..63 bytes, without a loop. */
function sumShort(p: usize, len: u32): u64 {
  if (len < 8) return sumTiny(p, len);
  let acc = sumTail(load<u64>(p + len - 8), len);
  if (len & 32) {
    acc += sum16Bytes(p) + sum16Bytes(p + 16);
    p += 32;
  }
  if (len & 16) {
    acc += sum16Bytes(p);
    p += 16;
  }
  if (len & 8) {
    const v = load<u64>(p);
    acc += (v & 0xffffffff) + (v >> 32);
  }
  return acc;
}

function sumTiny(p: usize, len: u32): u64 {
  let acc: u64 = 0;
  if (len & 4) {
    acc = <u64>load<u32>(p);
    p += 4;
  }
  if (len & 2) {
    acc += <u64>load<u16>(p);
    p += 2;
  }
  if (len & 1) acc += <u64>load<u8>(p);
  return acc;
}

/**
 * Unfolded sum of 64 bytes or more. `a` adds whole 64-bit lanes modulo 2^64, `b` their high halves exactly; so the low
 * halves are a - (b << 32), exact again: one shift and two additions for 16 bytes.
 */
function sumVectors(p: usize, len: u32): u64 {
  const stop = p + (len & ~63);
  const stop16 = p + (len & ~15);
  const tail = sumTail(load<u64>(p + len - 8), len);
  let a0 = i64x2.splat(0);
  let b0 = a0;
  let a1 = a0;
  let b1 = a0;
  do {
    const v0 = v128.load(p);
    const v1 = v128.load(p, 16);
    const v2 = v128.load(p, 32);
    const v3 = v128.load(p, 48);
    a0 = i64x2.add(a0, v0);
    b0 = i64x2.add(b0, i64x2.shr_u(v0, 32));
    a1 = i64x2.add(a1, v1);
    b1 = i64x2.add(b1, i64x2.shr_u(v1, 32));
    a0 = i64x2.add(a0, v2);
    b0 = i64x2.add(b0, i64x2.shr_u(v2, 32));
    a1 = i64x2.add(a1, v3);
    b1 = i64x2.add(b1, i64x2.shr_u(v3, 32));
    p += 64;
  } while (p < stop);
  while (p < stop16) {
    const v0 = v128.load(p);
    a0 = i64x2.add(a0, v0);
    b0 = i64x2.add(b0, i64x2.shr_u(v0, 32));
    p += 16;
  }
  const b = i64x2.add(b0, b1);
  const s = i64x2.add(i64x2.sub(i64x2.add(a0, a1), i64x2.shl(b, 32)), b);
  let acc = i64x2.extract_lane(s, 0) + i64x2.extract_lane(s, 1) + tail;
  if (len & 8) {
    const v = load<u64>(p);
    acc += (v & 0xffffffff) + (v >> 32);
  }
  return acc;
}

/** sumVectors without SIMD, by the same arithmetic. */
function sumWords(p: usize, len: u32): u64 {
  const stop = p + (len & ~31);
  let a0: u64 = 0;
  let a1: u64 = 0;
  let b0: u64 = 0;
  let b1: u64 = 0;
  do {
    const v0 = load<u64>(p);
    const v1 = load<u64>(p, 8);
    const v2 = load<u64>(p, 16);
    const v3 = load<u64>(p, 24);
    a0 += v0;
    b0 += v0 >> 32;
    a1 += v1;
    b1 += v1 >> 32;
    a0 += v2;
    b0 += v2 >> 32;
    a1 += v3;
    b1 += v3 >> 32;
    p += 32;
  } while (p < stop);
  const b = b0 + b1;
  return a0 + a1 - (b << 32) + b + sumShort(p, len & 31);
}
