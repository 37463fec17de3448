// The routing table at its limits: routes, next hops, FIB nodes. What does not fit is refused with nothing changed.
import { describe, expect, it } from "vitest";
import { E_NOSPC } from "../assembly/abi/errno.js";
import { freshFib, probes, type Route, random, Table } from "./route-table.js";

/** Tries to add what does not fit and checks that nothing of it is left. */
function refused(table: Table, route: Route, seed: number, prepare = () => 0): void {
  expect(prepare()).toBe(0);
  const rand = random(seed);
  const where = probes(rand, table.width, route.dst, route.plen);
  const state = () => [
    table.k.routeCount(table.family),
    table.k.routeGeneration(),
    table.k.nexthopsInUse(),
    table.k.routeFibBytes(),
    ...where.map((probe) => table.lookup(probe)),
    ...where.map((probe) => table.ribLookup(probe)),
  ];
  const before = state();
  expect(table.add(route)).toBe(-E_NOSPC);
  expect(state()).toEqual(before);
}

describe("a full table", () => {
  it("of routes answers -ENOSPC and is unchanged", () => {
    const table = new Table(4, { v4: 100, nexthops: 8 });
    for (let i = 0; i < 100; i++) expect(table.add({ dst: BigInt(i) << 8n, plen: 24, metric: 0, ifindex: 1 })).toBe(0);
    const routes = [...table.routes()];
    refused(table, { dst: 0x0a000000n, plen: 8, metric: 0, ifindex: 1 }, 1);
    refused(table, { dst: 0x500n, plen: 24, metric: 1, ifindex: 2 }, 2);
    expect([...table.routes()]).toEqual(routes);
    expect(table.delete(0x500n, 24)).toBe(0);
    expect(table.add({ dst: 0x0a000000n, plen: 8, metric: 0, ifindex: 1 })).toBe(0);
  });

  it("of next hops answers -ENOSPC and is unchanged", () => {
    const table = new Table(4, { v4: 100, nexthops: 8 });
    for (let i = 1; i <= 8; i++) table.add({ dst: BigInt(i) << 8n, plen: 24, metric: 0, ifindex: i });
    refused(table, { dst: 0x900n, plen: 24, metric: 0, ifindex: 9 }, 3);
    expect(table.replace({ dst: 0x100n, plen: 24, metric: 0, ifindex: 9 })).toBe(-E_NOSPC);
    expect(table.lookup(0x100n)).toBe(1);
    expect(table.add({ dst: 0x900n, plen: 24, metric: 0, ifindex: 3 })).toBe(0);
    expect(table.delete(0x100n, 24)).toBe(0);
    expect(table.add({ dst: 0xa00n, plen: 24, metric: 0, ifindex: 9 })).toBe(0);
  });

  it("of FIB nodes answers -ENOSPC, is unchanged, and still takes deletions and other next hops", () => {
    for (const family of [4, 6] as const) {
      const table = new Table(family, { v4: 60_000, v6: family === 6 ? 20_000 : 0, nexthops: 300 });
      const used = freshFib(table);
      const rand = random(family);
      const standing: Route[] = [];
      let refusals = 0;
      for (let i = 0; refusals < 200; i++) {
        // host routes far apart: each wants nodes of its own, several at once
        let dst = 0n;
        for (let bits = 0; bits < table.width; bits += 16) dst = (dst << 16n) | BigInt(rand(65_536));
        const route = { dst, plen: table.width, metric: 0, ifindex: 1 + (i & 63) };
        if (table.k.routeCount(family) > 0 && table.add(route) === -E_NOSPC) {
          refused(table, route, i);
          refusals++;
        } else if (table.k.routeCount(family) === 0) {
          expect(table.add(route)).toBe(0);
          standing.push(route);
        } else standing.push(route);
      }
      expect(standing.length).toBeGreaterThan(1000);
      expect(standing.length).toBeLessThan(family === 4 ? 60_000 : 20_000);
      const wrong = () => standing.filter(({ dst }) => table.lookup(dst) !== table.ribLookup(dst)).length;
      expect(wrong()).toBe(0);
      for (const route of standing) route.ifindex = 1 + ((route.ifindex + 7) & 63);
      expect(standing.filter((route) => table.replace(route) !== 0).length).toBe(0);
      expect(standing.filter(({ dst, ifindex }) => table.lookup(dst) !== ifindex).length).toBe(0);
      expect(wrong()).toBe(0);
      let bad = 0;
      while (standing.length > 0) {
        const at = rand(standing.length);
        const { dst, plen } = standing[at];
        standing[at] = standing[standing.length - 1];
        standing.pop();
        if (table.delete(dst, plen) !== 0 || table.lookup(dst) !== 0) bad++;
      }
      expect(bad).toBe(0);
      expect(table.k.nexthopsInUse()).toBe(0);
      expect(used()).toBeLessThanOrEqual(65 * 40);
    }
  });

  it("of next hops refuses what would need another set, and is unchanged", () => {
    const table = new Table(4, { v4: 100, nexthops: 5 });
    const at = (ifindex: number, dst = 0n, plen = 0): Route => ({ dst, plen, metric: 0, ifindex });
    for (const ifindex of [1, 2, 3]) expect(table.add(at(ifindex))).toBe(0);
    // three next hops, the sets of three and of two: the pool is full
    for (const ifindex of [1, 2]) expect(table.add(at(ifindex, 0x0a000000n, 8))).toBe(0);
    expect(table.k.nexthopsInUse()).toBe(5);
    refused(table, at(3, 0x0b000000n, 8), 1, () => table.add(at(1, 0x0b000000n, 8)));
    expect(table.add(at(3, 0x0a000000n, 8))).toBe(0);
    expect(table.k.nexthopsInUse()).toBe(4);
    expect(table.add(at(4, 0x0c000000n, 8))).toBe(0);
    // those left of either set would be a new one
    expect(table.delete(0n, 0, 0, 2)).toBe(-E_NOSPC);
    expect([0, 0x60000000, 0xffffffff].map((flow) => table.lookup(1n, flow))).toEqual([1, 2, 3]);
    expect(table.delete(0x0c000000n, 8)).toBe(0);
    expect(table.delete(0n, 0, 0, 2)).toBe(0);
    // a set that only this prefix has makes room for its successor
    expect(table.delete(0x0a000000n, 8, 0, 1)).toBe(0);
    expect([0, 0xffffffff].map((flow) => table.lookup(0x0a000001n, flow))).toEqual([2, 3]);
    expect([0, 0xffffffff].map((flow) => table.lookup(1n, flow))).toEqual([1, 3]);
    for (const { dst, plen } of [...table.routes()]) expect(table.delete(dst, plen)).toBe(0);
    expect(table.k.nexthopsInUse()).toBe(0);
  });

  it("of FIB nodes: routes that no longer fit stay withdrawn, all of an interface together", () => {
    const table = new Table(4, { v4: 60_000, nexthops: 16 });
    const rand = random(11);
    const far = () => (BigInt(rand(65_536)) << 16n) | BigInt(rand(65_536));
    const fill = (ifindex: number, most: number) => {
      const added: Route[] = [];
      for (let tries = 0; added.length < most && tries < 60_000; tries++) {
        const route = { dst: far(), plen: 32, metric: 0, ifindex };
        const r = table.add(route);
        if (r === -E_NOSPC) break;
        if (r === 0) added.push(route);
      }
      return added;
    };
    const first = fill(1, 3000);
    expect(first.length).toBe(3000);
    expect(table.k.routeInterfaceActive(1, 0)).toBe(0);
    const second = fill(2, Infinity);
    expect(second.length).toBeGreaterThan(3000);
    const state = () => [table.k.routeGeneration(), table.k.nexthopsInUse(), table.k.routeFibBytes()];
    const before = state();
    expect(table.k.routeInterfaceActive(1, 1)).toBe(-E_NOSPC);
    expect(state()).toEqual(before);
    expect(first.filter(({ dst }) => table.lookup(dst) === 1)).toEqual([]);
    expect(second.filter(({ dst }) => table.lookup(dst) !== 2)).toEqual([]);
    expect(second.filter(({ dst }) => table.delete(dst, 32, 0, 2) !== 0)).toEqual([]);
    expect(table.k.routeInterfaceActive(1, 1)).toBe(0);
    expect(first.filter(({ dst }) => table.lookup(dst) !== 1)).toEqual([]);
    expect(first.filter(({ dst }) => table.delete(dst, 32) !== 0)).toEqual([]);
    expect(table.k.nexthopsInUse()).toBe(0);
  });
});
