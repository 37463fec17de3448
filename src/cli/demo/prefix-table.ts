/**
 * The Internet's IPv4 table as npm's @ip-location-db/asn has it, if that package is here: ranges of addresses with the
 * autonomous system that announces them, split into prefixes.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Prefixes as columns in ascending order; none lies in another. */
export interface PrefixTable {
  /** Of the package that it comes from. */
  readonly name: string;
  readonly version: string;
  readonly count: number;
  /** First addresses, host order. */
  readonly first: Uint32Array;
  readonly length: Uint8Array;
  readonly asn: Uint32Array;
  /** Where each prefix's line begins in the text. */
  readonly lineAt: Uint32Array;
  readonly text: string;
}

const PACKAGE = "@ip-location-db/asn";

/** Undefined where the package is not installed. */
export function prefixTable(): PrefixTable | undefined {
  const require = createRequire(import.meta.url);
  let path: string;
  try {
    path = require.resolve(`${PACKAGE}/asn-ipv4-num.csv`);
  } catch {
    return undefined;
  }
  const { version } = require(`${PACKAGE}/package.json`);
  return { name: PACKAGE, version, ...parse(readFileSync(path, "latin1")) };
}

/** Lines of "first,last,number,name", addresses as numbers. */
function parse(text: string): Omit<PrefixTable, "name" | "version"> {
  const first: number[] = [];
  const length: number[] = [];
  const asn: number[] = [];
  const lineAt: number[] = [];
  for (let at = 0; at < text.length; ) {
    const comma1 = text.indexOf(",", at);
    const comma2 = text.indexOf(",", comma1 + 1);
    const comma3 = text.indexOf(",", comma2 + 1);
    if (comma3 < 0) break;
    const last = Number(text.slice(comma1 + 1, comma2));
    const number = Number(text.slice(comma2 + 1, comma3));
    for (let from = Number(text.slice(at, comma1)); from <= last; ) {
      const bits = widest(from, last);
      first.push(from);
      length.push(bits);
      asn.push(number);
      lineAt.push(at);
      from += 2 ** (32 - bits);
    }
    const end = text.indexOf("\n", comma3);
    at = end < 0 ? text.length : end + 1;
  }
  return {
    count: first.length,
    first: Uint32Array.from(first),
    length: Uint8Array.from(length),
    asn: Uint32Array.from(asn),
    lineAt: Uint32Array.from(lineAt),
    text,
  };
}

/** Length of the widest prefix that begins at `from` and does not reach beyond `last`. */
function widest(from: number, last: number): number {
  let bits = from === 0 ? 0 : Math.clz32(from & -from) + 1;
  while (from + 2 ** (32 - bits) - 1 > last) bits++;
  return bits;
}

/** Index of the prefix that holds an address, by bisection; -1 if none does. */
export function find({ first, length, count }: PrefixTable, address: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((first[middle] as number) <= address) low = middle + 1;
    else high = middle;
  }
  const index = low - 1;
  if (index < 0) return -1;
  return address - (first[index] as number) < 2 ** (32 - (length[index] as number)) ? index : -1;
}

/** Name of the autonomous system that announces prefix `index`. */
export function announcer({ text, lineAt }: PrefixTable, index: number): string {
  const from = lineAt[index] as number;
  const end = text.indexOf("\n", from);
  const [, , , ...name] = text.slice(from, end < 0 ? text.length : end).split(",");
  return name
    .join(",")
    .trim()
    .replace(/^"|"$/g, "")
    .replace(/[^\x20-\x7e]/g, "?");
}
