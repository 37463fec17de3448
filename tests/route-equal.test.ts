// Routes of equal cost, their withdrawal with an interface, and the slow ways to ask the table, against a plain oracle.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ROUTE_ORIGIN_KERNEL, RTF_LOCAL, RTF_PROHIBIT, RTF_REJECT, RTF_UP } from "../assembly/abi/route.js";
import { Oracle, Table } from "./route-table.js";

/** The interfaces that flows to a destination go by, in no order; empty: none. Every flow goes there twice. */
function flowsOf(table: Table, dst: bigint): number[] {
  const seen = new Set<number>();
  for (let i = 0; i < 64; i++) {
    const flow = Math.imul(i, 0x9e3779b1) >>> 0;
    const ifindex = table.lookup(dst, flow);
    if (table.lookup(dst, flow) !== ifindex) return [-1];
    if (ifindex !== 0) seen.add(ifindex);
  }
  return [...seen].sort((a, b) => a - b);
}

/** Whether the table sends flows by just the interfaces that the oracle says; of many, some may see none of 64 flows. */
function sharesAs(table: Table, oracle: Oracle, dst: bigint): boolean {
  const sharers = oracle.sharers(dst);
  const flows = flowsOf(table, dst);
  if (flows.some((ifindex) => !sharers.includes(ifindex))) return false;
  return sharers.length > 4 ? flows.length > 1 : flows.length === sharers.length;
}

const INTERFACES = 6;
const change = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      prefix: fc.nat(9),
      metric: fc.nat(2),
      ifindex: fc.integer({ min: 1, max: INTERFACES }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("replace" as const),
      prefix: fc.nat(9),
      metric: fc.nat(2),
      ifindex: fc.integer({ min: 1, max: INTERFACES }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("delete" as const),
      prefix: fc.nat(9),
      metric: fc.option(fc.nat(2), { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("activate" as const),
      ifindex: fc.integer({ min: 1, max: INTERFACES }),
      active: fc.boolean(),
    }),
  },
);

/** Ten prefixes that nest, from the default to a host. */
const NESTED: readonly (readonly [bigint, number])[] = [
  [0n, 0],
  [0x0a00_0000n, 8],
  [0x0a00_0000n, 16],
  [0x0a01_0000n, 16],
  [0x0a01_0200n, 23],
  [0x0a01_0200n, 24],
  [0x0a01_0200n, 25],
  [0x0a01_0203n, 32],
  [0x0a01_0202n, 31],
  [0xc0a8_0000n, 16],
];
const NEAR = [0x0a01_0203n, 0x0a01_0202n, 0x0a01_0204n, 0x0a01_0280n, 0x0a01_0301n, 0x0a01_0001n, 0x0a00_0001n].concat([
  0x0a02_0001n,
  0xc0a8_0001n,
  0x0101_0101n,
]);

describe("equal cost and withdrawal", () => {
  for (const directBits of [0, 8, 16]) {
    it(`flows, candidates and the ways by one interface are the oracle's (direct table of ${directBits} bits)`, () => {
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 60 }), (changes) => {
          const table = new Table(4, { v4: 128, nexthops: 256, directBits });
          const oracle = new Oracle(32);
          for (const one of changes) {
            if (one.kind === "activate") {
              expect(table.k.routeInterfaceActive(one.ifindex, Number(one.active))).toBe(0);
              oracle.activate(one.ifindex, one.active);
            } else {
              const [dst, plen] = NESTED[one.prefix] as (typeof NESTED)[number];
              if (one.kind === "delete") {
                expect(table.delete(dst, plen, one.metric) === 0).toBe(oracle.delete(dst, plen, one.metric));
              } else {
                const route = { dst, plen, metric: one.metric, ifindex: one.ifindex };
                if (one.kind === "add") expect(table.add(route) === 0).toBe(oracle.add(route));
                else expect(table.replace(route) === 0).toBe(oracle.replace(route));
              }
            }
            for (const probe of NEAR) {
              const ways = oracle.ways(probe);
              expect(sharesAs(table, oracle, probe)).toBe(true);
              expect(table.candidates(probe)).toEqual(ways.map(({ ifindex }) => ifindex));
              for (let ifindex = 1; ifindex <= INTERFACES; ifindex++) {
                const by = table.k.nexthopIfindex(table.k.route4LookupBy(Number(probe), ifindex), 0);
                expect(by).toBe(ways.some((way) => way.ifindex === ifindex) ? ifindex : 0);
              }
            }
          }
          expect([...table.routes()]).toEqual(oracle.routes());
          for (const { dst, plen } of oracle.routes()) expect(table.delete(dst, plen)).toBe(0);
          expect(table.k.nexthopsInUse()).toBe(0);
        }),
        { numRuns: 150 },
      );
    });
  }

  it("a flow stays with its member while others of the set are withdrawn", () => {
    const table = new Table(4, { v4: 16, nexthops: 16 });
    for (let ifindex = 1; ifindex <= 4; ifindex++) table.add({ dst: 0n, plen: 0, metric: 0, ifindex });
    const flows = Array.from({ length: 400 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 0);
    const before = flows.map((flow) => table.lookup(1n, flow));
    for (let ifindex = 1; ifindex <= 4; ifindex++) {
      const share = before.filter((chosen) => chosen === ifindex).length;
      expect(share).toBeGreaterThan(80);
      expect(share).toBeLessThan(120);
    }
    expect(table.k.routeInterfaceActive(2, 0)).toBe(0);
    const during = flows.map((flow) => table.lookup(1n, flow));
    const moved = during.filter((_, i) => before[i] === 2);
    expect(during.filter((chosen, i) => before[i] !== 2 && chosen !== before[i])).toEqual([]);
    // those of the lost one spread over all others
    for (const ifindex of [1, 3, 4]) expect(moved.filter((chosen) => chosen === ifindex).length).toBeGreaterThan(20);
    expect(table.k.routeInterfaceActive(2, 1)).toBe(0);
    expect(flows.map((flow) => table.lookup(1n, flow))).toEqual(before);
  });

  it("a set has sixteen members; the routes beyond wait for a place", () => {
    const table = new Table(4, { v4: 32, nexthops: 64 });
    for (let ifindex = 1; ifindex <= 20; ifindex++) {
      expect(table.add({ dst: 0n, plen: 0, metric: 0, ifindex })).toBe(0);
    }
    const seen = () =>
      new Set(Array.from({ length: 4096 }, (_, i) => table.lookup(1n, Math.imul(i, 0x9e3779b1) >>> 0)));
    expect(Math.max(...seen())).toBe(16);
    expect(seen().size).toBe(16);
    expect(table.delete(0n, 0, 0, 3)).toBe(0);
    expect(seen()).toContain(17);
    expect(seen()).not.toContain(3);
  });

  it("the listing shows a withdrawn route without UP, and one added meanwhile too", () => {
    const table = new Table(4, { v4: 16, nexthops: 16 });
    table.add({ dst: 0n, plen: 0, metric: 0, ifindex: 2 });
    expect(table.k.routeInterfaceActive(2, 0)).toBe(0);
    table.add({ dst: 0x0a000000n, plen: 8, metric: 0, ifindex: 2 });
    const flags = () => {
      const all: number[] = [];
      for (let r = table.k.routeFirst(4, table.record); r === 1; r = table.k.routeNext(table.record)) {
        all.push(table.read().flags);
      }
      return all;
    };
    expect(flags()).toEqual([0, 0]);
    expect([table.lookup(0x0a000001n), table.lookup(1n)]).toEqual([0, 0]);
    expect(table.k.routeInterfaceActive(2, 1)).toBe(0);
    expect(flags()).toEqual([RTF_UP, RTF_UP]);
    expect([table.lookup(0x0a000001n), table.lookup(1n)]).toEqual([2, 2]);
  });

  it("refusals and own addresses are not withdrawn, and an own address is hidden by nothing", () => {
    const table = new Table(4, { v4: 16, nexthops: 16 });
    const host = { dst: 0x0a000001n, plen: 32, metric: 0 };
    table.add({ ...host, ifindex: 2 });
    table.add({ ...host, ifindex: 1 }, 0n, RTF_LOCAL, ROUTE_ORIGIN_KERNEL);
    table.add({ dst: 0x0b000000n, plen: 8, metric: 0, ifindex: 3 }, 0n, RTF_PROHIBIT);
    for (const flow of [0, 0x7fffffff, 0xffffffff]) expect(table.lookup(0x0a000001n, flow)).toBe(1);
    for (const ifindex of [1, 2, 3]) expect(table.k.routeInterfaceActive(ifindex, 0)).toBe(0);
    expect(table.lookup(0x0a000001n)).toBe(1);
    expect(table.lookup(0x0b000001n)).toBe(3);
    expect(table.replace({ ...host, ifindex: 4 })).toBe(0);
    expect([...table.routes()].slice(0, 2)).toEqual([
      { ...host, ifindex: 1 },
      { ...host, ifindex: 4 },
    ]);
  });

  it("what the stack made itself does not share: the oldest of two connected networks serves", () => {
    const table = new Table(4, { v4: 16, nexthops: 16 });
    for (const ifindex of [2, 3]) {
      table.add({ dst: 0x0a000000n, plen: 8, metric: 0, ifindex }, 0n, 0, ROUTE_ORIGIN_KERNEL);
    }
    expect(flowsOf(table, 0x0a000001n)).toEqual([2]);
    expect(table.k.routeInterfaceActive(2, 0)).toBe(0);
    expect(flowsOf(table, 0x0a000001n)).toEqual([3]);
  });

  it("a candidate after a refusal is none", () => {
    const table = new Table(4, { v4: 16, nexthops: 16 });
    table.add({ dst: 0n, plen: 0, metric: 0, ifindex: 2 });
    table.add({ dst: 0x0a000000n, plen: 8, metric: 1, ifindex: 3 });
    table.add({ dst: 0x0a000000n, plen: 8, metric: 2, ifindex: 4 }, 0n, RTF_REJECT);
    expect(table.candidates(0x0a000001n)).toEqual([3, 4]);
    expect(table.candidates(0x0b000001n)).toEqual([2]);
  });
});
