// Longest-prefix match and updates on the Internet table, 256 next hops: uniformly random addresses, looked up in a
// loop inside wasm; then each address depending on the answer before; then one route deleted or added at a time; then
// the memory. Peers: npm's longest-prefix-match, a Map for each length, and the same structure in C.
import { createRequire } from "node:module";
import { type PrefixTable, prefixTable } from "../src/cli/demo/prefix-table.js";
import { type Contender, cPeer, loadKernels, perSecond, type Row } from "./harness.js";
import { nexthopOf, writeForC } from "./internet.js";

interface Kernels {
  memory: WebAssembly.Memory;
  boot(v4: number, v6: number, nexthops: number, directBits: number, scratchBytes: number): number;
  routeAdd(...args: number[]): number;
  routeDelete(family: number, dst: number, plen: number, metric: number, ifindex: number, gateway: number): number;
  lookupRandom(n: number, seed: number): number;
  lookupDependent(n: number, seed: number): number;
  routeFibBytes(): number;
  routeRibBytes(): number;
}

/** The part of npm's longest-prefix-match that is used. */
interface PrefixMatcher {
  addPrefix(prefix: string, data: number): void;
  getMatch(prefix: string): number[];
}

const ANY_METRIC = 0xffffffff;
const UPDATES = 30_000;

/** Where results go, never read, so that no engine can leave the work out. */
let _sink = 0;

/** Ours: the table in a wasm module, and single changes to it. */
class Router {
  readonly k: Kernels;
  private readonly dst: number;
  private readonly view: DataView;

  constructor(
    readonly table: PrefixTable,
    kernels: string,
  ) {
    this.k = loadKernels<Kernels>(kernels);
    this.dst = this.k.boot(1_000_000, 0, 4096, 16, 64);
    this.view = new DataView(this.k.memory.buffer);
    this.view.setUint16(this.dst + 10, 0xffff);
    for (let i = 0; i < table.count; i++) this.add(i);
  }

  add(i: number): void {
    this.view.setUint32(this.dst + 12, this.table.first[i]);
    this.k.routeAdd(4, this.dst, this.table.length[i], 0, nexthopOf(this.table, i), 0, 0, 0, 0);
  }

  delete(i: number): void {
    this.view.setUint32(this.dst + 12, this.table.first[i]);
    this.k.routeDelete(4, this.dst, this.table.length[i], ANY_METRIC, 0, 0);
  }

  /** Microseconds of single changes, ascending: random routes, each deleted and added again. */
  changes(): Float64Array {
    const us = new Float64Array(UPDATES);
    for (let n = 0; n < UPDATES; n += 2) {
      const i = Math.floor(Math.random() * this.table.count);
      const start = process.hrtime.bigint();
      this.delete(i);
      const middle = process.hrtime.bigint();
      this.add(i);
      const end = process.hrtime.bigint();
      us[n] = Number(middle - start) / 1000;
      us[n + 1] = Number(end - middle) / 1000;
    }
    return us.sort();
  }
}

function lookups(name: string, work: (n: number) => number): Contender {
  return {
    name,
    measure: () =>
      perSecond((n) => {
        _sink ^= work(n * 1000);
      }) / 1000,
  };
}

/** A Map for each length, longest first: what one writes in JavaScript. */
function mapsByLength(table: PrefixTable): (dst: number) => number {
  const maps = Array.from({ length: 33 }, () => new Map<number, number>());
  for (let i = 0; i < table.count; i++) maps[table.length[i]].set(table.first[i], nexthopOf(table, i));
  const used = [...maps.keys()].filter((plen) => maps[plen].size > 0).reverse();
  return (dst) => {
    for (const plen of used) {
      const found = maps[plen].get(plen === 0 ? 0 : ((dst >>> (32 - plen)) << (32 - plen)) >>> 0);
      if (found !== undefined) return found;
    }
    return 0;
  };
}

function dotted(dst: number): string {
  return `${dst >>> 24}.${(dst >>> 16) & 255}.${(dst >>> 8) & 255}.${dst & 255}`;
}

function npmMatcher(table: PrefixTable): (dst: number) => number {
  const LongestPrefixMatch = createRequire(import.meta.url)("longest-prefix-match") as new () => PrefixMatcher;
  const matcher = new LongestPrefixMatch();
  for (let i = 0; i < table.count; i++)
    matcher.addPrefix(`${dotted(table.first[i])}/${table.length[i]}`, nexthopOf(table, i));
  return (dst) => matcher.getMatch(`${dotted(dst)}/32`)[0] ?? 0;
}

/** The generator of lookupRandom and lookupDependent, around another's lookup. */
function loop(lookup: (dst: number) => number, dependent: boolean): (n: number) => number {
  let dst = 1;
  return (n) => {
    let sum = 0;
    let value = 0;
    for (let i = 0; i < n; i++) {
      dst = (Math.imul(dst, 1664525) + 1013904223) >>> 0;
      if (dependent) dst = (dst ^ value) >>> 0;
      value = lookup(dst);
      sum += value;
    }
    return sum;
  };
}

export default async function lookup(): Promise<Row[]> {
  const table = prefixTable();
  if (table === undefined) throw new Error("the Internet table needs npm's @ip-location-db/asn");
  const router = new Router(table, "kernels-route");
  const scalar = new Router(table, "kernels-route-scalar");
  const maps = mapsByLength(table);
  const npm = npmMatcher(table);
  const file = writeForC(table);

  const seed = () => (Math.random() * 2 ** 32) | 0;
  const rows = [
    { name: "random", target: 160, dependent: false },
    { name: "dependent", target: 46, dependent: true },
  ].map(({ name, target, dependent }): Row => {
    const ours = ({ k }: Router) =>
      dependent ? (n: number) => k.lookupDependent(n, seed()) : (n: number) => k.lookupRandom(n, seed());
    return {
      name: `longest-prefix match, ${name}`,
      unit: "M/s",
      better: "more",
      ours: lookups("wasm SIMD", ours(router)),
      peers: [
        lookups("wasm scalar", ours(scalar)),
        lookups("Map per length", loop(maps, dependent)),
        lookups("npm longest-prefix-match", loop(npm, dependent)),
        ...cPeer("C, gcc -O3", "bench/c/lookup.c", [name, file], process.arch === "x64" ? ["-mpopcnt"] : []),
      ],
      target: { value: target, scale: "cpu" },
    };
  });

  const change = (name: string, part: number, target: number): Row => ({
    name: `one route added or removed, ${name}`,
    unit: "us",
    better: "less",
    ours: { name: "wasm SIMD", measure: () => router.changes()[Math.floor(UPDATES * part)] },
    peers: [{ name: "wasm scalar", measure: () => scalar.changes()[Math.floor(UPDATES * part)] }],
    target: { value: target, scale: "cpu" },
  });

  const MIB = 1024 * 1024;
  const memory: Row = {
    name: "FIB of the Internet table",
    unit: "MiB",
    better: "less",
    ours: { name: "FIB", measure: () => router.k.routeFibBytes() / MIB },
    peers: [{ name: "RIB, for comparison", measure: () => router.k.routeRibBytes() / MIB }],
    target: { value: 3, scale: "none" },
  };

  return [...rows, change("median", 0.5, 1.5), change("99th percentile", 0.99, 40), memory];
}
