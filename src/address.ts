/**
 * Addresses as text and as bytes. Everywhere below 16 bytes in network order hold an address; IPv4 is ::ffff:a.b.c.d
 * (RFC 4291 §2.5.5.2).
 */
import { typeError } from "./errors.js";

const DOT = 0x2e;
const ZERO = 0x30;

/** IPv4 address as a number in host order, from its four decimal parts. Undefined if it is not one. */
export function parseIpv4(text: string): number | undefined {
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === DOT) {
      if (digits === 0 || ++dots > 3) return undefined;
      value = value * 256 + part;
      part = digits = 0;
    } else {
      // No sign, no zero in front, nothing above 255.
      if (char < ZERO || char > ZERO + 9 || (part === 0 && digits > 0)) return undefined;
      part = part * 10 + (char - ZERO);
      if (part > 255) return undefined;
      digits++;
    }
  }
  return dots === 3 && digits > 0 ? value * 256 + part : undefined;
}

function requireText(text: unknown, what: string): void {
  if (typeof text !== "string") throw typeError(`${what}: a string is needed, not ${typeof text}`);
}

/** Dotted decimal of an IPv4 address in host order. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/**
 * IPv4 address from text; "localhost" is 127.0.0.1.
 * @throws TypeError naming `what`
 */
export function ipv4(text: string, what = "address"): number {
  requireText(text, what);
  const value = text === "localhost" ? 0x7f000001 : parseIpv4(text);
  if (value === undefined) throw typeError(`${what}: ${JSON.stringify(text)} is not an IPv4 address`);
  return value;
}

/** An address and the bits of its network. */
export interface Prefix {
  /** Host order. */
  readonly address: number;
  readonly length: number;
}

/**
 * "10.0.0.0/8"; without a length it is 32; "default" is 0.0.0.0/0.
 * @throws TypeError naming `what`
 */
export function ipv4Prefix(text: string, what = "prefix"): Prefix {
  requireText(text, what);
  if (text === "default") return { address: 0, length: 0 };
  const [address, length, ...rest] = text.split("/");
  const bits = length === undefined ? 32 : /^\d{1,2}$/.test(length) ? Number(length) : 33;
  if (bits > 32 || rest.length > 0) throw typeError(`${what}: ${JSON.stringify(text)} is not address/length`);
  return { address: ipv4(address as string, what), length: bits };
}

/** Mask of a prefix length, host order. */
export function maskOf(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

/** Writes an IPv4 address (host order) as 16 bytes at `at`. */
export function writeIpv4(bytes: Uint8Array, at: number, value: number): void {
  bytes.fill(0, at, at + 10);
  bytes[at + 10] = 255;
  bytes[at + 11] = 255;
  bytes[at + 12] = value >>> 24;
  bytes[at + 13] = value >>> 16;
  bytes[at + 14] = value >>> 8;
  bytes[at + 15] = value;
}

/** The IPv4 address (host order) of the 16 bytes at `at`. */
export function readIpv4(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at + 12] as number) << 24) |
      ((bytes[at + 13] as number) << 16) |
      ((bytes[at + 14] as number) << 8) |
      (bytes[at + 15] as number)) >>>
    0
  );
}

/**
 * Six bytes from "00:0c:29:c2:8d:7e".
 * @throws TypeError
 */
export function parseMac(text: string): Uint8Array {
  requireText(text, "mac");
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) {
    throw typeError(`mac: ${JSON.stringify(text)} is not a hardware address`);
  }
  return Uint8Array.from(text.split(":"), (part) => Number.parseInt(part, 16));
}

/** "00:0c:29:c2:8d:7e" from six bytes. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
