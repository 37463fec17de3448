/** The Internet checksum (RFC 1071), for tools that look at packets; the stack has its own. */

/** The ones' complement sum of the 16-bit words: 0xffff where a checksum that is among them is correct. */
export function onesSum(bytes: Uint8Array, start = 0): number {
  let total = start;
  for (let at = 0; at < bytes.length; at += 2) total += ((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 65536);
  return total;
}

/** What the checksum field at `at` should hold. */
export function checksumFor(bytes: Uint8Array, at: number): number {
  const have = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return onesSum(bytes, 0xffff - have) ^ 0xffff;
}
