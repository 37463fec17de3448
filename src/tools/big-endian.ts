/** Numbers of a packet in network order; what is cut off reads as 0. */

export function u16(from: Uint8Array, at: number): number {
  return ((from[at] ?? 0) << 8) | (from[at + 1] ?? 0);
}

export function u32(from: Uint8Array, at: number): number {
  return u16(from, at) * 65536 + u16(from, at + 2);
}
