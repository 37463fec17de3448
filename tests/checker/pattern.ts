/** The two sides, and the bytes of the two streams: each byte follows from its place, so none can stand for another's. */

/** 0 is called A, 1 is called B. */
export type Side = 0 | 1;

export const NAMES = ["A", "B"] as const;

export function other(side: Side): Side {
  return side === 0 ? 1 : 0;
}

/** Byte number `place` of what a side writes. Neighbours differ, and so do places a power of two apart. */
export function byteAt(side: Side, place: number): number {
  return (Math.imul(place, 0x9e3779b1) >>> 24) ^ (side === 0 ? 0x35 : 0xca);
}

export function fillPattern(side: Side, place: number, into: Uint8Array): void {
  for (let i = 0; i < into.length; i++) into[i] = byteAt(side, place + i);
}

/** Where `bytes` cease to be the side's from `place` on; -1 if they do not. */
export function patternBreak(side: Side, place: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== byteAt(side, place + i)) return i;
  return -1;
}

/** A sequence number less another, where they are within 2^31 of each other. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}
