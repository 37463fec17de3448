import { E_NOSPC } from "../../assembly/abi/errno";
import { arenaBegin, arenaEnd } from "../../assembly/memory/arena";
import {
  nexthopAt,
  nexthopInit,
  nexthopIntern,
  nexthopLayout,
  nexthopRelease,
  nexthopsInUse,
  routeMember,
  routeUses,
  setAdd,
  setBegin,
  setFind,
  setSize,
  setTake,
} from "../../assembly/route/nexthop";

const AT: usize = 65536;
/** A gateway and a source, behind the region. */
const GATEWAY: usize = 1 << 20;
const SOURCE: usize = GATEWAY + 16;

function boot(capacity: u32): void {
  arenaBegin(AT);
  nexthopLayout(capacity);
  memory.fill(AT, 0, <usize>arenaEnd() - AT);
  nexthopInit();
}

function gateway(last: u32): usize {
  store<u64>(GATEWAY, 0);
  store<u64>(GATEWAY, 0xffff0000 | ((<u64>last) << 32), 8);
  return GATEWAY;
}

describe("next hops", () => {
  it("are found again by what they are", () => {
    boot(8);
    const a = nexthopIntern(1, 1, 0, 0);
    const b = nexthopIntern(2, 1, 0, 0);
    const c = nexthopIntern(1, 3, gateway(7), 0);
    expect(a).toBe(1);
    expect(b).toBe(2);
    expect(c).toBe(3);
    expect(nexthopIntern(1, 3, gateway(7), 0)).toBe(3);
    expect(nexthopIntern(1, 3, gateway(8), 0)).toBe(4);
    memory.fill(SOURCE, 5, 16);
    expect(nexthopIntern(1, 3, gateway(7), SOURCE)).toBe(5);
    expect(nexthopAt(3).refs).toBe(2);
    expect(nexthopAt(5).source1).toBe(0x0505050505050505);
    expect(nexthopsInUse()).toBe(5);
  });

  it("are given back with the last reference, and bounded", () => {
    boot(100);
    let bad = 0;
    for (let i: u32 = 1; i <= 100; i++) if (nexthopIntern(i, 0, 0, 0) != i) bad++;
    for (let i: u32 = 1; i <= 100; i++) if (nexthopIntern(i, 0, 0, 0) != i) bad++;
    if (nexthopIntern(101, 0, 0, 0) != -E_NOSPC) bad++;
    for (let i: u32 = 1; i <= 100; i++) nexthopRelease(i);
    if (nexthopIntern(101, 0, 0, 0) != -E_NOSPC) bad++;
    for (let i: u32 = 100; i != 0; i--) nexthopRelease(i);
    if (nexthopsInUse() != 0) bad++;
    for (let i: u32 = 1; i <= 100; i++) if (nexthopIntern(1000 + i, 0, 0, 0) < 1) bad++;
    for (let i: u32 = 1; i <= 100; i++) if (nexthopIntern(1000 + i, 0, 0, 0) < 1) bad++;
    expect(bad).toBe(0);
    expect(nexthopsInUse()).toBe(100);
  });

  it("a set is a record of its members, in order, and is given back as any", () => {
    boot(5);
    for (let i: u32 = 1; i <= 4; i++) nexthopIntern(i, 1, 0, 0);
    setBegin();
    setAdd(2);
    setAdd(4);
    expect(setSize()).toBe(2);
    expect(setTake()).toBe(5);
    expect(setFind()).toBe(5);
    expect(setTake()).toBe(5);
    expect(nexthopAt(5).refs).toBe(2);
    expect(routeMember(5, 0)).toBe(2);
    expect(routeMember(5, 0xffffffff)).toBe(4);
    expect(routeMember(3, 0xffffffff)).toBe(3);
    expect(routeUses(5, 4)).toBe(true);
    expect(routeUses(5, 3)).toBe(false);
    expect(routeUses(3, 3)).toBe(true);
    setBegin();
    setAdd(4);
    setAdd(2);
    expect(setTake()).toBe(-E_NOSPC);
    nexthopRelease(5);
    nexthopRelease(5);
    expect(setTake()).toBe(5);
    expect(routeMember(5, 0)).toBe(4);
    expect(nexthopsInUse()).toBe(5);
  });
});
