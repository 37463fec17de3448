// A route table in a wasm module of its own, spoken to with bigint addresses, and an oracle of a few lines which keeps
// a Map of prefixes and tries every length.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  ROUTE_BYTES,
  ROUTE_DST,
  ROUTE_FLAGS,
  ROUTE_IFINDEX,
  ROUTE_METRIC,
  ROUTE_METRIC_ANY,
  ROUTE_ORIGIN,
  ROUTE_PLEN,
} from "../assembly/abi/route.js";

interface Kernels {
  memory: WebAssembly.Memory;
  boot(v4: number, v6: number, nexthops: number, directBits: number, scratchBytes: number): number;
  tableBytes(): number;
  routeAdd(...args: number[]): number;
  routeReplace(...args: number[]): number;
  routeDelete(...args: number[]): number;
  routeInterfaceActive(ifindex: number, active: number): number;
  route4Candidate(dst: number, k: number): number;
  route4LookupBy(dst: number, ifindex: number): number;
  routeFirst(family: number, out: number): number;
  routeNext(out: number): number;
  routeMatch(family: number, dst: number, out: number): number;
  route4Lookup(dst: number): number;
  route6Lookup(dst: number): number;
  rib4Lookup(dst: number): number;
  rib6Lookup(dst: number): number;
  routeCount(family: number): number;
  routeGeneration(): number;
  routeFibBytes(): number;
  routeRibBytes(): number;
  nexthopsInUse(): number;
  nexthopIfindex(index: number, flow: number): number;
  compare4(n: number, seed: number): number;
}

const MODULE = new WebAssembly.Module(
  readFileSync(fileURLToPath(new URL("../build/kernels-route.wasm", import.meta.url))),
);

export interface Capacities {
  v4?: number;
  v6?: number;
  nexthops?: number;
  directBits?: number;
}

/** What a route is told apart by in these tests: its interface number stands for its next hop. */
export interface Route {
  dst: bigint;
  plen: number;
  metric: number;
  ifindex: number;
}

export class Table {
  readonly k: Kernels;
  readonly width: number;
  private readonly view: DataView;
  private readonly dst: number;
  private readonly gateway: number;
  readonly record: number;

  constructor(
    readonly family: 4 | 6,
    { v4 = 0, v6 = 0, nexthops = 256, directBits = 16 }: Capacities,
  ) {
    this.k = new WebAssembly.Instance(MODULE).exports as unknown as Kernels;
    this.width = family === 4 ? 32 : 128;
    const scratch = this.k.boot(v4, v6, nexthops, directBits, 4096);
    this.view = new DataView(this.k.memory.buffer);
    this.dst = scratch;
    this.gateway = scratch + 16;
    this.record = scratch + 64;
  }

  /** Writes an address as the table's face takes it; answers where. */
  address(value: bigint, at = this.dst): number {
    const full = this.family === 4 ? 0xffff_0000_0000n | value : value;
    this.view.setBigUint64(at, full >> 64n);
    this.view.setBigUint64(at + 8, full & 0xffff_ffff_ffff_ffffn);
    return at;
  }

  add({ dst, plen, metric, ifindex }: Route, gateway = 0n, flags = 0, origin = 4): number {
    const via = gateway === 0n ? 0 : this.address(gateway, this.gateway);
    return this.k.routeAdd(this.family, this.address(dst), plen, metric, ifindex, flags, via, 0, origin);
  }

  replace({ dst, plen, metric, ifindex }: Route): number {
    return this.k.routeReplace(this.family, this.address(dst), plen, metric, ifindex, 0, 0, 0, 4);
  }

  delete(dst: bigint, plen: number, metric = ROUTE_METRIC_ANY, ifindex = 0, gateway = 0n): number {
    const via = gateway === 0n ? 0 : this.address(gateway, this.gateway);
    return this.k.routeDelete(this.family, this.address(dst), plen, metric, ifindex, via);
  }

  /** Interface that the FIB chooses for a flow; 0: none. Flow 0 goes by the oldest of equals, while that is active. */
  lookup(dst: bigint, flow = 0): number {
    if (this.family === 4) return this.k.nexthopIfindex(this.k.route4Lookup(Number(dst)), flow);
    return this.k.nexthopIfindex(this.k.route6Lookup(this.address(dst)), flow);
  }

  /** Interface that the RIB chooses. */
  ribLookup(dst: bigint): number {
    if (this.family === 4) return this.k.nexthopIfindex(this.k.rib4Lookup(Number(dst)), 0);
    return this.k.nexthopIfindex(this.k.rib6Lookup(this.address(dst)), 0);
  }

  /** Interfaces by which an IPv4 destination may be tried, in order. */
  candidates(dst: bigint): number[] {
    const all: number[] = [];
    for (let k = 0; ; k++) {
      const index = this.k.route4Candidate(Number(dst), k);
      if (index === 0) return all;
      all.push(this.k.nexthopIfindex(index, 0));
    }
  }

  /** The record at `at`. */
  read(at = this.record): Route & { origin: number; flags: number } {
    const v = this.view;
    const low = v.getBigUint64(at + ROUTE_DST + 8);
    return {
      dst: this.family === 4 ? low & 0xffff_ffffn : (v.getBigUint64(at + ROUTE_DST) << 64n) | low,
      plen: v.getUint8(at + ROUTE_PLEN),
      metric: v.getUint32(at + ROUTE_METRIC, true),
      ifindex: v.getUint32(at + ROUTE_IFINDEX, true),
      origin: v.getUint8(at + ROUTE_ORIGIN),
      flags: v.getUint32(at + ROUTE_FLAGS, true),
    };
  }

  *routes(): Generator<Route> {
    for (let r = this.k.routeFirst(this.family, this.record); r === 1; r = this.k.routeNext(this.record)) {
      const { dst, plen, metric, ifindex } = this.read();
      yield { dst, plen, metric, ifindex };
    }
  }

  /** Bytes of a record, for tests that keep several. */
  static readonly recordBytes = ROUTE_BYTES;
}

export class Oracle {
  private readonly prefixes = new Map<string, Route[]>();
  private readonly withdrawn = new Set<number>();
  constructor(readonly width: number) {}

  private mask(dst: bigint, plen: number): bigint {
    const host = BigInt(this.width - plen);
    return (dst >> host) << host;
  }

  /** By metric, then age. */
  at(dst: bigint, plen: number): Route[] {
    return this.prefixes.get(`${dst}/${plen}`) ?? [];
  }

  /** Whether it was new. */
  add(route: Route): boolean {
    const routes = this.at(route.dst, route.plen);
    if (routes.some((r) => r.metric === route.metric && r.ifindex === route.ifindex)) return false;
    const after = routes.findIndex((r) => r.metric > route.metric);
    routes.splice(after < 0 ? routes.length : after, 0, { ...route });
    this.prefixes.set(`${route.dst}/${route.plen}`, routes);
    return true;
  }

  /** Puts the route in place of the oldest of its metric, or adds it; false: it is another one of them already. */
  replace(route: Route): boolean {
    const equals = this.at(route.dst, route.plen).filter(({ metric }) => metric === route.metric);
    const [oldest] = equals;
    if (oldest === undefined) return this.add(route);
    if (equals.slice(1).some(({ ifindex }) => ifindex === route.ifindex)) return false;
    oldest.ifindex = route.ifindex;
    return true;
  }

  /** Deletes the first that matches; whether there was one. */
  delete(dst: bigint, plen: number, metric?: number): boolean {
    const routes = this.at(dst, plen);
    const index = routes.findIndex((r) => metric === undefined || r.metric === metric);
    if (index < 0) return false;
    routes.splice(index, 1);
    if (routes.length === 0) this.prefixes.delete(`${dst}/${plen}`);
    return true;
  }

  /** Takes an interface's routes out of use, or back. */
  activate(ifindex: number, active: boolean): void {
    if (active) this.withdrawn.delete(ifindex);
    else this.withdrawn.add(ifindex);
  }

  isActive({ ifindex }: Route): boolean {
    return !this.withdrawn.has(ifindex);
  }

  /** Active routes for a destination: by length, longest first, then metric, then age. */
  ways(dst: bigint): Route[] {
    const all: Route[] = [];
    for (let plen = this.width; plen >= 0; plen--) {
      all.push(...this.at(this.mask(dst, plen), plen).filter((route) => this.isActive(route)));
    }
    return all;
  }

  lookup(dst: bigint): number {
    return this.ways(dst)[0]?.ifindex ?? 0;
  }

  /** Interfaces that share the traffic to a destination, when the routes are of interfaces' own. */
  sharers(dst: bigint): number[] {
    const ways = this.ways(dst);
    const [best] = ways;
    // a set has room for sixteen, withdrawn ones among them
    const group = best ? this.at(best.dst, best.plen).filter(({ metric }) => metric === best.metric) : [];
    const active = group.slice(0, 16).filter((route) => this.isActive(route));
    return active.map(({ ifindex }) => ifindex);
  }

  /** In the order of an enumeration. */
  routes(): Route[] {
    const all = [...this.prefixes.values()].flat();
    // sort() is stable: equals stay in the order of their age
    return all.sort((a, b) => (a.dst < b.dst ? -1 : a.dst > b.dst ? 1 : a.plen - b.plen || a.metric - b.metric));
  }
}

/** Numbers below n, the same for the same seed. */
export function random(seed: number): (n: number) => number {
  let s = seed >>> 0;
  return (n) => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return Math.floor((s / 2 ** 32) * n);
  };
}

/** A prefix of any length whose bits come from few values, so that prefixes nest and meet. */
export function nestedPrefix(rand: (n: number) => number, width: number): { dst: bigint; plen: number } {
  const plen = rand(8) === 0 ? [0, width, width - 1][rand(3)] : rand(width + 1);
  let dst = 0n;
  for (let i = 0; i < width; i += 8) dst = (dst << 8n) | BigInt([0, 0, 255, 128, 1, 64][rand(6)]);
  const host = BigInt(width - plen);
  return { dst: (dst >> host) << host, plen };
}

export function probes(rand: (n: number) => number, width: number, dst: bigint, plen: number): bigint[] {
  const all = (1n << BigInt(width)) - 1n;
  const last = dst + (1n << BigInt(width - plen)) - 1n;
  const near = nestedPrefix(rand, width).dst;
  return [dst, last, (dst - 1n) & all, (last + 1n) & all, near, near | BigInt(rand(256))];
}

/** FIB bytes of nodes in use. */
export function freshFib(table: Table): () => number {
  const before = table.k.routeFibBytes();
  return () => table.k.routeFibBytes() - before;
}
