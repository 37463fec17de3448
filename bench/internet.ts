// The Internet's IPv4 table as benchmarks use it: its routes over 256 next hops, and a file of them for peers in C.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PrefixTable } from "../src/cli/demo/prefix-table.js";
import { ROOT } from "./harness.js";

export const NEXT_HOPS = 256;

/** Next hop of prefix i, from 1: one autonomous system, one next hop. */
export function nexthopOf(table: PrefixTable, i: number): number {
  return 1 + ((Math.imul(table.asn[i], 0x9e3779b1) >>> 8) % NEXT_HOPS);
}

/** The prefixes as bench/c/fib.h reads them; answers the file's path. */
export function writeForC(table: PrefixTable): string {
  const view = new DataView(new ArrayBuffer(table.count * 8));
  for (let i = 0; i < table.count; i++) {
    view.setUint32(i * 8, table.first[i], true);
    view.setUint16(i * 8 + 4, nexthopOf(table, i), true);
    view.setUint8(i * 8 + 6, table.length[i]);
  }
  const path = join(ROOT, "build", "internet-table.bin");
  mkdirSync(join(ROOT, "build"), { recursive: true });
  writeFileSync(path, new Uint8Array(view.buffer));
  return path;
}
