// The Internet's IPv4 table as npm's @ip-location-db/asn has it: ranges of addresses with the autonomous system that
// announces them, here split into prefixes (some 564,000). Shared by the lookup benchmark and the route tests.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Prefixes as columns, in the file's order, which is ascending. */
export interface PrefixTable {
  count: number;
  /** IPv4 addresses in host order. */
  dst: Uint32Array;
  plen: Uint8Array;
  asn: Uint32Array;
}

/** Reads and splits the table; takes about 0.3 s. */
export function internetTable(): PrefixTable {
  const path = createRequire(import.meta.url).resolve("@ip-location-db/asn/asn-ipv4-num.csv");
  const text = readFileSync(path, "latin1");
  const dst: number[] = [];
  const plen: number[] = [];
  const asn: number[] = [];
  for (let at = 0; at < text.length; ) {
    const comma1 = text.indexOf(",", at);
    const comma2 = text.indexOf(",", comma1 + 1);
    const comma3 = text.indexOf(",", comma2 + 1);
    if (comma3 < 0) break;
    const from = Number(text.slice(at, comma1));
    const to = Number(text.slice(comma1 + 1, comma2));
    const as = Number(text.slice(comma2 + 1, comma3));
    for (const [address, length] of prefixesOf(from, to)) {
      dst.push(address);
      plen.push(length);
      asn.push(as);
    }
    const end = text.indexOf("\n", comma3);
    at = end < 0 ? text.length : end + 1;
  }
  return { count: dst.length, dst: Uint32Array.from(dst), plen: Uint8Array.from(plen), asn: Uint32Array.from(asn) };
}

/** The fewest prefixes that cover the addresses from..to, ascending. */
export function* prefixesOf(from: number, to: number): Generator<[number, number]> {
  for (let at = from; at <= to; ) {
    let length = at === 0 ? 0 : Math.clz32(at & -at) + 1;
    while (at + 2 ** (32 - length) - 1 > to) length++;
    yield [at, length];
    at += 2 ** (32 - length);
  }
}
