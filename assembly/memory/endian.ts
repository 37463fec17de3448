// Big-endian access: network byte order at any alignment (wasm loads may be unaligned).

/** 16-bit value at `p`, in host order. */
export function load16(p: usize): u32 {
  const v = <u32>load<u16>(p);
  return ((v << 8) | (v >> 8)) & 0xffff;
}

/** Stores the low 16 bits of `v` at `p` in network order. */
export function store16(p: usize, v: u32): void {
  store<u16>(p, <u16>((v << 8) | ((v >> 8) & 0xff)));
}

/** 32-bit value at `p`, in host order. */
export function load32(p: usize): u32 {
  return bswap<u32>(load<u32>(p));
}

/** Stores `v` at `p` in network order. */
export function store32(p: usize, v: u32): void {
  store<u32>(p, bswap<u32>(v));
}
