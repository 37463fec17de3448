/**
 * Network masks as the tools write them.
 */

/** Prefix length of a mask (host order); undefined where a one follows a zero. */
export function maskLength(mask: number): number | undefined {
  const length = Math.clz32(~mask);
  return mask === (length === 0 ? 0 : (-1 << (32 - length)) >>> 0) ? length : undefined;
}

/** The length that an address's class gives (RFC 791 §3.2): 8, 16 or 24; 0 for 0.0.0.0. */
export function classLength(address: number): number {
  if (address === 0) return 0;
  const first = address >>> 24;
  if (first < 128) return 8;
  return first < 192 ? 16 : 24;
}
