// Forwarding of 64-byte frames (60 without FCS), ring to ring, through two Ethernet interfaces of a router: 16 routes, and
// the Internet's table with 256 next hops, to random addresses that have routes, from random sources.
//
// Timed are the cursor that says that a batch has come, the poll, which takes each frame through the whole path (Ethernet
// and IPv4 checked, own address or not, route, TTL, neighbour, header, descriptors both ways, buffers freed and posted
// again), and the cursor that says that it has been sent. Before the clock starts the frames and their lengths stand in
// the ring, as a network card leaves them; nothing is kept from one frame to the next. After each round one frame in
// sixteen is looked at, and the interfaces' counters.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NETIF_TX_PACKETS } from "../assembly/abi/netif.js";
import { type PrefixTable, prefixTable } from "../src/cli/demo/prefix-table.js";
import { type Contender, cPeer, published, ROOT, type Row } from "./harness.js";
import { NEXT_HOPS, nexthopOf, writeForC } from "./internet.js";
import { frameTemplate, Router } from "./router.js";

const FRAME = frameTemplate(60);
/** Slots of a ring, and frames filled in between two readings of the clock. */
const SLOTS = 256;
const BATCHES = [1, 32, 256];
const DESTINATIONS = 1 << 18;
const ROUND_MS = 120;
const C = "bench/c/forward.c";

/** What a route table's destinations may be: unicast, and none that routers refuse. */
function routable(dst: number): boolean {
  const top = dst >>> 24;
  return top > 0 && top !== 127 && top !== 10 && top < 224 && dst >>> 16 !== 0xa9fe;
}

class Forwarding {
  readonly router: Router;
  readonly #dst: Uint32Array;
  #next = 0;

  constructor(module: WebAssembly.Module, routes: number, hops: number, pick: (random: () => number) => number) {
    this.router = new Router(module, { smallBuffers: 4096, ringSlots: SLOTS, routes4: Math.max(routes + 64, 1024) });
    for (let n = 1; n <= hops; n++) this.router.neighbour(n);
    let seed = 1;
    const random = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed ^ (seed >>> 15);
    };
    this.#dst = new Uint32Array(DESTINATIONS);
    for (let i = 0; i < DESTINATIONS; i++) this.#dst[i] = pick(random);
  }

  #source(i: number): number {
    return 0x0a000002 + (Math.imul(i, 0x9e3779b1) >>> 25);
  }

  /** Forwards for ROUND_MS of timed work in batches; millions a second. */
  measure(batch: number): number {
    const { router } = this;
    const { core } = router;
    const sentAt = (router.out.record + (NETIF_TX_PACKETS >> 2)) * 4;
    const before = core.u64(sentAt);
    let frames = 0;
    let ms = 0;
    while (ms < ROUND_MS) {
      const first = core.u32[router.in.rx] as number;
      const tx = core.u32[router.out.tx] as number;
      const at = this.#next;
      for (let i = 0; i < SLOTS; i++) {
        router.fill(first + i, FRAME, this.#source(at + i), this.#dst[(at + i) & (DESTINATIONS - 1)] as number);
      }
      const start = performance.now();
      for (let i = 0; i < SLOTS; i += batch) router.step(batch);
      ms += performance.now() - start;
      frames += SLOTS;
      for (let i = frames & 15; i < SLOTS; i += 16) {
        router.check(tx + i, FRAME, this.#source(at + i), this.#dst[(at + i) & (DESTINATIONS - 1)] as number);
      }
      this.#next = (at + SLOTS) & (DESTINATIONS - 1);
    }
    if (core.u64(sentAt) - before !== frames) throw new Error("bench: frames were lost");
    return frames / ms / 1000;
  }
}

/** 16 routes of eight bits each. */
function few(module: WebAssembly.Module): Forwarding {
  const tops = [1, 2, 8, 20, 31, 42, 53, 64, 77, 88, 99, 120, 140, 160, 180, 203];
  const forwarding = new Forwarding(module, tops.length, tops.length, (random) => {
    const v = random();
    return (((tops[v & 15] as number) << 24) | (v >>> 8)) >>> 0;
  });
  tops.forEach((top, i) => {
    forwarding.router.route((top << 24) >>> 0, 8, 1 + i);
  });
  return forwarding;
}

/** The Internet's table; uniformly random addresses among those that have a route. */
function internet(module: WebAssembly.Module, table: PrefixTable): Forwarding {
  const { first, length, count } = table;
  const holds = (i: number, dst: number) => dst - (first[i] as number) < 2 ** (32 - (length[i] as number));
  const find = (dst: number): boolean => {
    let low = 0;
    let high = count;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((first[middle] as number) <= dst) low = middle;
      else high = middle;
    }
    return dst >= (first[low] as number) && holds(low, dst);
  };
  const forwarding = new Forwarding(module, count, NEXT_HOPS, (random) => {
    for (;;) {
      const dst = random() >>> 0;
      if (routable(dst) && find(dst)) return dst;
    }
  });
  for (let i = 0; i < count; i++) {
    forwarding.router.route(first[i] as number, length[i] as number, nexthopOf(table, i));
  }
  return forwarding;
}

export default async function forward(): Promise<Row[]> {
  const module = new WebAssembly.Module(readFileSync(join(ROOT, "build/release.wasm")));
  const table = prefixTable();
  if (table === undefined) throw new Error("the Internet table needs npm's @ip-location-db/asn");
  const file = writeForC(table);
  const rows = (name: string, forwarding: Forwarding, target: number, peers: () => Contender[]): Row[] =>
    BATCHES.map((batch) => ({
      name: `forward 64 B, ${name}, batch ${batch}`,
      unit: "M/s",
      better: "more",
      ours: { name: "ringstack", measure: () => forwarding.measure(batch) },
      peers: peers(),
      ...(batch === 1 ? {} : { target: { value: target, scale: "cpu" as const } }),
    }));
  const flags = process.arch === "x64" ? ["-mpopcnt"] : [];
  return [
    ...rows("16 routes", few(module), 60, () => [
      ...cPeer("C loop, gcc -O3", C, ["few"], flags),
      published("Click", 5.4),
    ]),
    ...rows("Internet", internet(module, table), 40, () => [
      ...cPeer("C loop, gcc -O3", C, ["internet", file], flags),
      published("Click", 3.6),
    ]),
  ];
}
