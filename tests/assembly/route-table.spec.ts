import { arenaBegin, arenaEnd } from "../../assembly/memory/arena";
import { store32 } from "../../assembly/memory/endian";
import { RIB4, ribMatch, routeNextHop } from "../../assembly/route/rib";
import {
  route4Lookup,
  routeAdd,
  routeCount,
  routeDelete,
  routeInit,
  routeLayout,
  routeMember,
} from "../../assembly/route/table";

const AT: usize = 65536;
const DST: usize = 16 << 20;

function boot(routes: u32, directBits: u32): void {
  arenaBegin(AT);
  routeLayout(routes, 0, 64, directBits);
  memory.fill(AT, 0, <usize>arenaEnd() - AT);
  routeInit();
}

function dst(address: u32): usize {
  store<u64>(DST, 0);
  store<u32>(DST, 0xffff0000, 8);
  store32(DST + 12, address);
  return DST;
}

function add(address: u32, plen: u32, ifindex: u32): i32 {
  return routeAdd(4, dst(address), plen, 0, ifindex, 0, 0, 0, 0);
}

function ribLookup(address: u32): u32 {
  const e = ribMatch(RIB4, (<u64>address) << 32, 0, 32, 0, 0);
  return e == 0 ? 0 : routeNextHop(e);
}

/** The FIB's answer; of a set the first member, which is the best route's. */
function fibLookup(address: u32): u32 {
  return routeMember(route4Lookup(address), 0);
}

/** Adds and deletes among few nested prefixes; counts where the FIB does not answer as the RIB. */
function churn(directBits: u32, steps: u32): u32 {
  boot(512, directBits);
  let bad: u32 = 0;
  let s: u32 = directBits + 1;
  for (let i: u32 = 0; i < steps; i++) {
    s = s * 1664525 + 1013904223;
    const plen = (s >> 8) % 33;
    const address = plen == 0 ? 0 : (s >> 3) & 0x80c0a003 & ((<u32>-1) << (32 - plen));
    if (((s >> 16) & 3) < 2) add(address, plen, 1 + ((s >> 20) & 15));
    else routeDelete(4, dst(address), plen, 0xffffffff, 0, 0);
    const last = address + (plen == 0 ? <u32>-1 : ((<u32>1) << (32 - plen)) - 1);
    if (fibLookup(address) != ribLookup(address)) bad++;
    if (fibLookup(last) != ribLookup(last)) bad++;
    if (fibLookup(last + 1) != ribLookup(last + 1)) bad++;
    if (fibLookup(address - 1) != ribLookup(address - 1)) bad++;
    if (fibLookup(s) != ribLookup(s)) bad++;
  }
  return bad;
}

describe("the table", () => {
  it("chooses host, then network by longest mask, then default", () => {
    boot(16, 0);
    add(0, 0, 1);
    add(0x0a000000, 8, 2);
    add(0x0a010200, 24, 3);
    add(0x0a010203, 32, 4);
    expect(route4Lookup(0x0a010203)).toBe(4);
    expect(route4Lookup(0x0a010204)).toBe(3);
    expect(route4Lookup(0x0a020304)).toBe(2);
    expect(route4Lookup(0xc0a80001)).toBe(1);
    routeDelete(4, dst(0x0a010200), 24, 0xffffffff, 0, 0);
    expect(route4Lookup(0x0a010204)).toBe(2);
    expect(routeCount(4)).toBe(3);
  });

  it("answers as the RIB does through additions and deletions, for each width of the direct table", () => {
    let bad: u32 = 0;
    for (let bits: u32 = 0; bits <= 18; bits += 3) bad += churn(bits, 3000);
    bad += churn(16, 3000);
    expect(bad).toBe(0);
  });
});
