/**
 * An IPv4 datagram in a line: what its sender decided, without what chance decided (identifications, ports, times). So
 * two stacks' frames can be held side by side.
 */
import { type Bytes, readIpv4 } from "../stack/wire.js";

const ERRORS: readonly number[] = [3, 5, 11, 12];
const hex = (bytes: ArrayLike<number>) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Options in hexadecimal digits, each apart; a timestamp's times are t. */
function optionsText(options: Bytes): string {
  const words: string[] = [];
  for (let at = 0; at < options.length; ) {
    const type = options[at] as number;
    const length = type < 2 ? 1 : (options[at + 1] as number);
    const option = options.subarray(at, at + length);
    if (type !== 0x44) words.push(hex(option));
    else {
      const parts = [hex(option.subarray(0, 4))];
      // Up to the pointer, and what is still free.
      for (let i = 4; i + 8 <= length; i += 8)
        parts.push(`${hex(option.subarray(i, i + 4))}${i + 8 < (option[2] as number) ? "t" : ""}`);
      words.push(parts.join(","));
    }
    at += Math.max(1, length);
  }
  return words.join(" ");
}

/** @param packet  from its IPv4 header on; of a quoted one as much as there is */
export function facts(packet: Bytes, isQuoted = false): string {
  const { src, dst, tos, ttl, totalLen, flagsOffset, options, payload, good, icmp, udp, proto } = readIpv4(packet);
  const words = [`${src} > ${dst}`, `ttl ${ttl}`];
  if (tos !== 0) words.push(`tos ${tos.toString(16)}`);
  if (flagsOffset & 0x4000) words.push("DF");
  if (flagsOffset & 0x3fff) words.push(`at ${(flagsOffset & 0x1fff) * 8}${flagsOffset & 0x2000 ? "+" : ""}`);
  words.push(`len ${totalLen}`);
  if (options.length > 0) words.push(`[${optionsText(options)}]`);
  if (!good) words.push("BAD HEADER");
  if (icmp !== undefined) {
    words.push(`icmp ${icmp.type}/${icmp.code}`);
    if (!isQuoted && !icmp.good) words.push("BAD CHECKSUM");
    if (ERRORS.includes(icmp.type))
      words.push(`${hex(payload.subarray(4, 8))} of ${icmp.data.length}: {${facts(icmp.data, true)}}`);
  } else if (udp !== undefined) {
    words.push(`udp to ${udp.dstPort}, ${udp.length}`);
    if (!isQuoted && !udp.good) words.push("BAD CHECKSUM");
  } else words.push(`proto ${proto}`);
  return words.join(" ");
}
