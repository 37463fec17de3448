/** The Internet checksum (RFC 1071), for tools that look at packets; the stack has its own. */
import { u16 } from "./big-endian.js";

/** The ones' complement sum of the 16-bit words: 0xffff where a checksum that is among them is correct. */
export function onesSum(bytes: Uint8Array, start = 0): number {
  let total = start;
  for (let at = 0; at < bytes.length; at += 2) total += u16(bytes, at);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 65536);
  return total;
}

/** What the checksum field at `at` should hold. */
export function checksumFor(bytes: Uint8Array, at: number): number {
  return onesSum(bytes, 0xffff - u16(bytes, at)) ^ 0xffff;
}
