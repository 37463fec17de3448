// Addresses of both families are 16 bytes in network order; IPv4 is ::ffff:a.b.c.d (RFC 4291 §2.5.5.2).

import { load32 } from "./endian";

/** The bytes 00 00 ff ff that precede an IPv4 address, read little-endian. */
const MAPPED: u32 = 0xffff0000;

/** Writes an IPv4 address (host order) at `p`. */
export function address4(p: usize, v4: u32): void {
  store<u64>(p, 0);
  store<u64>(p, <u64>MAPPED | ((<u64>bswap<u32>(v4)) << 32), 8);
}

/** Writes the IPv4 address whose four bytes stand at `from`, in a header or a table. */
export function addressFrom4(p: usize, from: usize): void {
  const v4 = load<u32>(from);
  store<u64>(p, 0);
  store<u64>(p, <u64>MAPPED | ((<u64>v4) << 32), 8);
}

/** Is it an IPv4 address? */
export function addressIs4(p: usize): bool {
  return load<u64>(p) == 0 && load<u32>(p, 8) == MAPPED;
}

/** The IPv4 address (host order) in the last four bytes. */
export function addressV4(p: usize): u32 {
  return load32(p + 12);
}

/** No address at all: :: or 0.0.0.0. */
export function addressIsAny(p: usize): bool {
  return load<u64>(p) == 0 && (load<u64>(p, 8) == 0 || load<u64>(p, 8) == <u64>MAPPED);
}

export function addressEqual(p: usize, q: usize): bool {
  return load<u64>(p) == load<u64>(q) && load<u64>(p, 8) == load<u64>(q, 8);
}

export function addressCopy(to: usize, from: usize): void {
  const high = load<u64>(from);
  const low = load<u64>(from, 8);
  store<u64>(to, high);
  store<u64>(to, low, 8);
}
