// The routing table (assembly/route/) as the compiler makes it for release: FIB against RIB against a plain oracle,
// over random and nested tables, over the Internet's, and under many updates.
import { describe, expect, it } from "vitest";
import { E_AFNOSUPPORT, E_EXIST, E_INVAL, E_SRCH } from "../assembly/abi/errno.js";
import { ROUTE_METRIC_ANY, RTF_GATEWAY, RTF_HOST, RTF_REJECT, RTF_UP } from "../assembly/abi/route.js";
import { type PrefixTable, prefixTable } from "../src/cli/demo/prefix-table.js";
import { freshFib, nestedPrefix, Oracle, probes, type Route, random, Table } from "./route-table.js";

/** Routes in and out at random, every answer compared with the oracle's; answers the number of mismatches. */
function runAgainstOracle(family: 4 | 6, directBits: number, seed: number, steps: number): number {
  const table = new Table(family, { v4: 4096, v6: 4096, nexthops: 4096, directBits });
  const oracle = new Oracle(table.width);
  const rand = random(seed);
  const standing: Route[] = [];
  let bad = 0;
  for (let step = 0; step < steps; step++) {
    // grow, shrink, grow: in waves
    const growing = Math.floor(step / 400) % 2 === 0 ? 3 : 1;
    if (standing.length === 0 || rand(4) < growing) {
      const route = { ...nestedPrefix(rand, table.width), metric: rand(3), ifindex: 1 + rand(20) };
      if ((table.add(route) === 0) !== oracle.add(route)) bad++;
      standing.push(route);
    }
    const { dst, plen, metric } = standing[rand(standing.length)];
    if (rand(4) >= growing) {
      const one = rand(2) === 0 ? metric : undefined;
      if ((table.delete(dst, plen, one) === 0) !== oracle.delete(dst, plen, one)) bad++;
    }
    for (const probe of probes(rand, table.width, dst, plen)) {
      const want = oracle.lookup(probe);
      if (table.lookup(probe) !== want || table.ribLookup(probe) !== want) bad++;
    }
  }
  expect([...table.routes()]).toEqual(oracle.routes());
  for (const { dst, plen } of oracle.routes()) if (table.delete(dst, plen) !== 0) bad++;
  expect(table.k.routeCount(family)).toBe(0);
  expect(table.k.nexthopsInUse()).toBe(0);
  for (let i = 0; i < 100; i++) if (table.lookup(nestedPrefix(rand, table.width).dst) !== 0) bad++;
  return bad;
}

describe("the table against an oracle", () => {
  for (const directBits of [0, 1, 7, 8, 13, 16, 18])
    it(`IPv4, direct table of ${directBits} bits`, () => {
      for (let seed = 1; seed <= 2; seed++) expect(runAgainstOracle(4, directBits, seed, 2400)).toBe(0);
    });
  for (const directBits of [0, 5, 8, 16, 18])
    it(`IPv6, direct table of ${directBits} bits`, () => {
      expect(runAgainstOracle(6, directBits, directBits + 1, 2000)).toBe(0);
    });
});

describe("many routes", () => {
  it("FIB and RIB agree through 100,000 random updates, and all is given back", () => {
    const table = new Table(4, { v4: 50_000, nexthops: 4096 });
    const used = freshFib(table);
    const rand = random(7);
    const standing: Route[] = [];
    let bad = 0;
    for (let i = 0; i < 100_000; i++) {
      if (standing.length < 1000 || (rand(2) === 0 && standing.length < 49_000)) {
        const plen = rand(20) === 0 ? rand(33) : 16 + rand(17);
        const host = BigInt(32 - plen);
        // a hundredth of the space, so that prefixes meet
        const dst = ((BigInt(rand(2 ** 32)) & 0x0fff_3fffn) >> host) << host;
        const route = { dst, plen, metric: 0, ifindex: 1 + rand(300) };
        const r = table.add(route);
        if (r === 0) standing.push(route);
        else if (r !== -E_EXIST) bad++;
      } else {
        const at = rand(standing.length);
        const { dst, plen, ifindex } = standing[at];
        standing[at] = standing[standing.length - 1];
        standing.pop();
        if (table.delete(dst, plen, 0, ifindex) !== 0) bad++;
      }
      if (i % 10 === 0) {
        const { dst, plen } = standing[rand(standing.length)];
        for (const probe of [dst, dst + (1n << BigInt(32 - plen)) - 1n, BigInt(rand(2 ** 32)) & 0x0fff_3fffn])
          if (table.lookup(probe) !== table.ribLookup(probe)) bad++;
      }
    }
    expect(bad).toBe(0);
    expect(table.k.compare4(200_000, 1)).toBe(0);
    for (const { dst, plen, ifindex } of standing) if (table.delete(dst, plen, 0, ifindex) !== 0) bad++;
    expect(bad).toBe(0);
    expect(table.k.nexthopsInUse()).toBe(0);
    // no node is left, only the written answers of next hops
    expect(used()).toBeLessThanOrEqual(4097 * 40);
  });

  it("the Internet table, with a million places, stands in 3 MiB of FIB", () => {
    const internet = prefixTable() as PrefixTable;
    expect(internet.count).toBeGreaterThan(500_000);
    const table = new Table(4, { v4: 1_000_000, nexthops: 2048 });
    const used = freshFib(table);
    const last = new Map<number, number>();
    let bad = 0;
    for (let i = 0; i < internet.count; i++) {
      const ifindex = 1 + (internet.asn[i] % 256);
      const route = { dst: BigInt(internet.first[i]), plen: internet.length[i], metric: 0, ifindex };
      const r = table.add(route);
      if (r !== 0 && r !== -E_EXIST) bad++;
      else if (!last.has(internet.first[i] * 64 + internet.length[i]))
        last.set(internet.first[i] * 64 + internet.length[i], ifindex);
    }
    expect(bad).toBe(0);
    expect(table.k.routeFibBytes()).toBeLessThanOrEqual(3 * 1024 * 1024);
    expect(table.k.compare4(1_000_000, 5)).toBe(0);
    const rand = random(11);
    for (let i = 0; i < 100_000; i++) {
      const dst = rand(2 ** 32);
      let want = 0;
      for (let plen = 32; plen > 0 && want === 0; plen--)
        want = last.get((((dst >>> (32 - plen)) << (32 - plen)) >>> 0) * 64 + plen) ?? 0;
      if (table.lookup(BigInt(dst)) !== want) bad++;
    }
    expect(bad).toBe(0);

    // a default route under all of it, and away again
    const routes = table.k.routeCount(4);
    expect(table.add({ dst: 0n, plen: 0, metric: 0, ifindex: 999 })).toBe(0);
    expect(table.k.compare4(200_000, 6)).toBe(0);
    expect(table.lookup(0xf000_0001n)).toBe(999);
    expect(table.delete(0n, 0)).toBe(0);
    expect(table.k.compare4(200_000, 7)).toBe(0);
    let enumerated = 0;
    let before = -1;
    for (let r = table.k.routeFirst(4, table.record); r === 1; r = table.k.routeNext(table.record)) {
      const { dst, plen } = table.read();
      const order = Number(dst) * 64 + plen;
      if (order < before) bad++;
      before = order;
      enumerated++;
    }
    expect(enumerated).toBe(routes);
    for (let i = internet.count - 1; i >= 0; i--) {
      // in no order: by a step which has no factor in common with the count
      const at = (i * 611_953) % internet.count;
      const r = table.delete(BigInt(internet.first[at]), internet.length[at]);
      if (r !== 0 && r !== -E_SRCH) bad++;
    }
    for (const { dst, plen, metric, ifindex } of [...table.routes()]) table.delete(dst, plen, metric, ifindex);
    expect(bad).toBe(0);
    expect(table.k.routeCount(4)).toBe(0);
    expect(table.k.nexthopsInUse()).toBe(0);
    expect(used()).toBeLessThanOrEqual(2049 * 40);
  }, 60_000);

  it("holds a million routes of a growing Internet", () => {
    const table = new Table(4, { v4: 1_000_000, nexthops: 1024 });
    const rand = random(3);
    let bad = 0;
    for (let i = 0; i < 1_000_000; i++) {
      // a /24 apart from the others, and a /20 to /23 around some
      const plen = i % 8 === 0 ? 20 + rand(4) : 24;
      const dst = (((Math.imul(i, 0x9e3779b1) >>> 0) >>> (32 - plen)) << (32 - plen)) >>> 0;
      const r = table.add({ dst: BigInt(dst), plen, metric: i >>> 16, ifindex: 1 + (i & 255) });
      if (r !== 0 && r !== -E_EXIST) bad++;
    }
    expect(bad).toBe(0);
    expect(table.k.routeCount(4)).toBeGreaterThan(990_000);
    expect(table.k.compare4(300_000, 9)).toBe(0);
  }, 60_000);
});

describe("routes of one prefix", () => {
  const dst = 0xc0a8_0a00n;
  const at = (metric: number, ifindex: number): Route => ({ dst, plen: 24, metric, ifindex });

  it("the lowest metric is the best, then the oldest", () => {
    const table = new Table(4, { v4: 16, nexthops: 16, directBits: 0 });
    expect(table.add(at(5, 1))).toBe(0);
    expect(table.add(at(5, 2))).toBe(0);
    expect(table.lookup(dst)).toBe(1);
    expect(table.add(at(2, 3))).toBe(0);
    expect(table.lookup(dst)).toBe(3);
    expect(table.add(at(5, 2))).toBe(-E_EXIST);
    expect([...table.routes()]).toEqual([at(2, 3), at(5, 1), at(5, 2)]);
    expect(table.delete(dst, 24)).toBe(0);
    expect(table.lookup(dst)).toBe(1);
    expect(table.delete(dst, 24, 5, 2)).toBe(0);
    expect(table.lookup(dst)).toBe(1);
    expect(table.delete(dst, 24, 4)).toBe(-E_SRCH);
    expect(table.delete(dst, 24, ROUTE_METRIC_ANY, 9)).toBe(-E_SRCH);
    expect(table.delete(dst, 24)).toBe(0);
    expect(table.delete(dst, 24)).toBe(-E_SRCH);
    expect(table.lookup(dst)).toBe(0);
  });

  it("equals come and go without end and keep their order", () => {
    const table = new Table(4, { v4: 16, nexthops: 16, directBits: 0 });
    table.add(at(0, 1));
    for (let i = 0; i < 70_000; i++) {
      table.add(at(0, 2 + (i & 1)));
      if (table.delete(dst, 24) !== 0) throw new Error("delete");
    }
    expect([...table.routes()]).toEqual([at(0, 3)]);
  });

  it("a replacement takes the place of the oldest of its metric, or is added", () => {
    const table = new Table(4, { v4: 16, nexthops: 16 });
    expect(table.replace(at(1, 1))).toBe(0);
    expect(table.replace(at(1, 2))).toBe(0);
    expect(table.lookup(dst)).toBe(2);
    expect(table.add(at(1, 3))).toBe(0);
    expect(table.replace(at(1, 3))).toBe(-E_EXIST);
    expect(table.replace(at(0, 4))).toBe(0);
    expect([...table.routes()]).toEqual([at(0, 4), at(1, 2), at(1, 3)]);
    expect(table.lookup(dst)).toBe(4);
    // and the set of the two equal ones
    expect(table.k.nexthopsInUse()).toBe(4);
  });

  it("a deletion can name the gateway", () => {
    const table = new Table(4, { v4: 16, nexthops: 16 });
    table.add(at(0, 1), 0x0a000001n);
    table.add(at(0, 1), 0x0a000002n);
    expect(table.k.nexthopsInUse()).toBe(3);
    expect(table.delete(dst, 24, ROUTE_METRIC_ANY, 0, 0x0a000003n)).toBe(-E_SRCH);
    expect(table.delete(dst, 24, ROUTE_METRIC_ANY, 1, 0x0a000002n)).toBe(0);
    expect(table.k.nexthopsInUse()).toBe(1);
  });
});

describe("the face", () => {
  it("tells wrong arguments", () => {
    const table = new Table(4, { v4: 16, v6: 16, nexthops: 16 });
    const v4 = (dst: bigint, plen: number, metric = 0) => table.add({ dst, plen, metric, ifindex: 1 });
    expect(v4(0x0a000001n, 24)).toBe(-E_INVAL);
    expect(v4(1n, 0)).toBe(-E_INVAL);
    expect(v4(0n, 33)).toBe(-E_INVAL);
    expect(v4(0n, 0, ROUTE_METRIC_ANY)).toBe(-E_INVAL);
    expect(table.delete(0x0a000001n, 8)).toBe(-E_INVAL);
    expect(table.k.routeAdd(5, table.address(0n), 0, 0, 1, 0, 0, 0, 0)).toBe(-E_AFNOSUPPORT);
    expect(table.k.routeFirst(0, table.record)).toBe(-E_AFNOSUPPORT);
    const v6 = new Table(6, { v4: 16, v6: 16, nexthops: 16 });
    expect(v6.add({ dst: 1n, plen: 127, metric: 0, ifindex: 1 })).toBe(-E_INVAL);
    expect(v6.add({ dst: 0n, plen: 129, metric: 0, ifindex: 1 })).toBe(-E_INVAL);
    // an IPv6 address is no IPv4 destination
    expect(v6.k.routeAdd(4, v6.address(1n << 127n), 1, 0, 1, 0, 0, 0, 0)).toBe(-E_INVAL);
    expect(table.k.routeCount(4) + v6.k.routeCount(6)).toBe(0);
  });

  it("derives UP, HOST and GATEWAY, and keeps the rest", () => {
    const table = new Table(4, { v4: 16, nexthops: 16 });
    table.add({ dst: 0x0a000001n, plen: 32, metric: 7, ifindex: 3 }, 0x0a000002n, RTF_REJECT, 16);
    expect(table.k.routeFirst(4, table.record)).toBe(1);
    expect(table.read()).toEqual({
      dst: 0x0a000001n,
      plen: 32,
      metric: 7,
      ifindex: 3,
      origin: 16,
      flags: RTF_UP | RTF_HOST | RTF_GATEWAY | RTF_REJECT,
    });
    expect(table.k.routeNext(table.record)).toBe(0);
    table.add({ dst: 0n, plen: 0, metric: 0, ifindex: 4 });
    expect(table.k.routeMatch(4, table.address(0x0b000000n), table.record)).toBe(1);
    expect(table.read()).toMatchObject({ dst: 0n, plen: 0, ifindex: 4, flags: RTF_UP });
  });

  it("an enumeration goes on where its route was deleted", () => {
    const table = new Table(4, { v4: 300, nexthops: 16 });
    for (let i = 0; i < 300; i++) table.add({ dst: BigInt(i) << 8n, plen: 24, metric: 0, ifindex: 1 + (i % 7) });
    const seen: number[] = [];
    for (let r = table.k.routeFirst(4, table.record); r === 1; r = table.k.routeNext(table.record)) {
      const { dst, plen } = table.read();
      seen.push(Number(dst >> 8n));
      // itself, and one further on
      table.delete(dst, plen);
      table.delete(dst + 0x500n, plen);
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(table.k.routeCount(4)).toBe(0);
  });

  it("the generation moves with every change", () => {
    const table = new Table(6, { v4: 100, v6: 100, nexthops: 16 });
    const generations = [table.k.routeGeneration()];
    const after = (what: number) => {
      expect(what).toBe(0);
      expect(generations).not.toContain(table.k.routeGeneration());
      generations.push(table.k.routeGeneration());
    };
    after(table.add({ dst: 0n, plen: 32, metric: 0, ifindex: 1 }));
    after(table.replace({ dst: 0n, plen: 32, metric: 0, ifindex: 2 }));
    after(table.k.routeInterfaceActive(2, 0));
    after(table.k.routeInterfaceActive(2, 1));
    after(table.delete(0n, 32));
    expect(table.delete(0n, 32)).toBe(-E_SRCH);
    expect(table.k.routeInterfaceActive(2, 1)).toBe(0);
    expect(table.k.routeGeneration()).toBe(generations.at(-1));
  });

  it("a small table is small", () => {
    const tiny = new Table(4, { v4: 16, nexthops: 16, directBits: 0 });
    expect(tiny.k.tableBytes()).toBeLessThan(10 * 1024);
    // and takes any sixteen routes
    const rand = random(5);
    for (let i = 0; i < 16; i++) {
      const dst = BigInt(rand(2 ** 32));
      expect(tiny.add({ dst, plen: 32, metric: 0, ifindex: 1 + i })).toBe(0);
      expect(tiny.lookup(dst)).toBe(1 + i);
    }
  });
});
