import { E_EXIST, E_NOSPC } from "../../assembly/abi/errno";
import { arenaBegin, arenaEnd } from "../../assembly/memory/arena";
import { nexthopInit, nexthopLayout } from "../../assembly/route/nexthop";
import {
  maskHi,
  maskLo,
  RIB4,
  RIB6,
  ribAdd,
  ribAfter,
  ribBest,
  ribBytes,
  ribInit,
  ribLayout,
  ribMatch,
  ribRemove,
  routeNextHop,
} from "../../assembly/route/rib";
import { entryHi, entryLo, entryPlen, entryRank, Tree } from "../../assembly/route/tree-page";

const AT: usize = 65536;
/** Next hops that entries may name; none of them says anything. */
const HOPS: u32 = 1000;
const HOPS_AT: usize = 16 << 20;

function boot(v4Routes: u32, v6Routes: u32): void {
  arenaBegin(HOPS_AT);
  nexthopLayout(HOPS);
  memory.fill(HOPS_AT, 0, <usize>arenaEnd() - HOPS_AT);
  arenaBegin(AT);
  ribLayout(v4Routes, v6Routes);
  memory.fill(AT, 0, <usize>arenaEnd() - AT);
  nexthopInit();
  ribInit();
}

/** The i-th of a sequence of distinct keys in no order, left-aligned. */
function hiOf(i: u32): u64 {
  return (<u64>(i * 0x9e3779b1)) << 32;
}

/** Whether the enumeration ascends and has `count` entries. */
function inOrder(t: Tree, count: u32): bool {
  let n: u32 = 0;
  let e = ribAfter(t, 0, 0, 0, 0);
  while (e != 0) {
    const hi = entryHi(t, e);
    const lo = entryLo(t, e);
    const plen = entryPlen(e);
    n++;
    e = ribAfter(t, hi, lo, plen, entryRank(e));
    if (e == 0) break;
    if (entryHi(t, e) < hi || (entryHi(t, e) == hi && entryLo(t, e) < lo)) return false;
  }
  return n == count;
}

/** Fills a tree of several levels, empties it by another order, and counts what goes wrong. */
function fillAndEmpty(t: Tree, routes: u32, plen: u32): u32 {
  boot(t == RIB4 ? routes : 0, t == RIB6 ? routes : 0);
  let bad: u32 = 0;
  for (let i: u32 = 0; i < routes; i++) if (ribAdd(t, 0, hiOf(i), 0, plen, 0, i % HOPS, 0) != 0) bad++;
  if (ribAdd(t, 0, hiOf(routes), 0, plen, 0, 1, 0) != -E_NOSPC) bad++;
  if (!inOrder(t, routes)) bad++;
  for (let i: u32 = 0; i < routes; i++) {
    const e = ribBest(t, hiOf(i), 0, plen);
    if (e == 0 || routeNextHop(e) != i % HOPS) bad++;
  }
  for (let i: u32 = 0; i < routes; i += 2) ribRemove(t, hiOf(i), 0, plen, 2);
  if (!inOrder(t, routes - ((routes + 1) >> 1))) bad++;
  for (let i: u32 = 0; i < routes; i++) {
    if ((ribBest(t, hiOf(i), 0, plen) != 0) != ((i & 1) == 1)) bad++;
  }
  for (let i: u32 = 1; i < routes; i += 2) ribRemove(t, hiOf(i), 0, plen, 2);
  if (t.count != 0 || ribAfter(t, 0, 0, 0, 0) != 0) bad++;
  return bad;
}

describe("the RIB's tree", () => {
  it("holds its limit, in order, and gives it back (32-bit keys)", () => {
    expect(fillAndEmpty(RIB4, 20000, 32)).toBe(0);
    expect(ribBytes(RIB4)).toBe(16 + 63 * 16);
  });

  it("holds its limit, in order, and gives it back (128-bit keys)", () => {
    expect(fillAndEmpty(RIB6, 6000, 128)).toBe(0);
  });

  it("fills its pages when loaded in order", () => {
    boot(6300, 0);
    for (let i: u32 = 0; i < 6300; i++) ribAdd(RIB4, 0, (<u64>i) << 40, 0, 24, 0, 1, 0);
    // a hundred full leaves and a few pages above
    expect(ribBytes(RIB4) < 106 * (16 + 63 * 16)).toBe(true);
  });

  it("is one short page where there are few routes", () => {
    boot(16, 0);
    expect(arenaEnd() - AT).toBe(16 + 16 * 16 + 48 + 16);
  });
});

describe("the RIB", () => {
  it("matches the longest prefix up to a length", () => {
    boot(0, 100);
    const hi: u64 = 0x20010db800000000;
    let bad = 0;
    for (let plen: u32 = 0; plen <= 128; plen += 8) {
      if (ribAdd(RIB6, 0, hi & maskHi(plen), 0, plen, 0, plen + 1, 0) != 0) bad++;
    }
    // neighbours which come before in order and cover nothing
    ribAdd(RIB6, 0, hi - 0x100000000, 0, 64, 0, 999, 0);
    ribAdd(RIB6, 0, hi & maskHi(60), 0, 62, 0, 998, 0);
    for (let max: u32 = 0; max <= 128; max++) {
      const want = max >= 62 && max < 64 ? 998 : (max & ~7) + 1;
      if (routeNextHop(ribMatch(RIB6, hi, 0, max, 0, 0)) != want) bad++;
    }
    expect(bad).toBe(0);
    expect(maskLo(64)).toBe(0);
    expect(maskLo(65)).toBe(0x8000000000000000);
  });

  it("tells equals apart by their age", () => {
    boot(100, 0);
    expect(ribAdd(RIB4, 0, 0, 0, 0, 5, 1, 0)).toBe(0);
    expect(ribAdd(RIB4, ribBest(RIB4, 0, 0, 0), 0, 0, 0, 5, 1, 0)).toBe(-E_EXIST);
    expect(ribAdd(RIB4, ribBest(RIB4, 0, 0, 0), 0, 0, 0, 5, 2, 0)).toBe(0);
    expect(ribAdd(RIB4, ribBest(RIB4, 0, 0, 0), 0, 0, 0, 4, 3, 0)).toBe(0);
    expect(routeNextHop(ribBest(RIB4, 0, 0, 0))).toBe(3);
    ribRemove(RIB4, 0, 0, 0, ((<u64>4) << 32) | 2);
    expect(routeNextHop(ribBest(RIB4, 0, 0, 0))).toBe(1);
  });
});
