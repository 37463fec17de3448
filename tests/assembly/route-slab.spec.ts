import { arenaBegin, arenaEnd } from "../../assembly/memory/arena";
import {
  S,
  slabBytes,
  slabCold,
  slabFree,
  slabHotBytes,
  slabInit,
  slabLayout,
  slabTake,
} from "../../assembly/route/slab";

const AT: usize = 65536;
/** A cell for each block: the test is the owner of them all. */
const CELLS: usize = 16 << 20;

function boot(bytes: u64, largest: u32): void {
  arenaBegin(AT);
  slabLayout(4, bytes, largest);
  memory.fill(AT, 0, <usize>arenaEnd() - AT);
  slabInit();
}

function cell(i: u32): usize {
  return CELLS + ((<usize>i) << 2);
}

/** Takes block i and writes its number into all of it. */
function take(i: u32, bytes: u32): bool {
  const ref = slabTake(bytes);
  store<u32>(cell(i), ref);
  if (ref == 0) return false;
  memory.fill(S.base + ref, <u8>i, bytes);
  store<u32>(S.base + ref, i);
  store<u32>(slabCold(ref), i);
  return true;
}

function free(i: u32): void {
  const moved = slabFree(load<u32>(cell(i)));
  if (moved != 0) store<u32>(cell(load<u32>(S.base + moved)), moved);
  store<u32>(cell(i), 0);
}

/** Whether block i still has what was written into it. */
function whole(i: u32, bytes: u32): bool {
  const ref = load<u32>(cell(i));
  if (load<u32>(S.base + ref) != i || load<u32>(slabCold(ref)) != i || slabHotBytes(ref) < bytes) return false;
  for (let b: u32 = 4; b < bytes; b++) if (load<u8>(S.base + ref + b) != <u8>i) return false;
  return true;
}

describe("the slab", () => {
  it("keeps blocks whole while others come, go and move", () => {
    boot(1 << 19, 1572);
    const count: u32 = 2000;
    let bad = 0;
    for (let i: u32 = 0; i < count; i++) if (!take(i, 40 + (i % 37) * 8)) bad++;
    for (let round: u32 = 0; round < 4; round++) {
      for (let i: u32 = round; i < count; i += 3) free(i);
      for (let i: u32 = 0; i < count; i++) {
        if (load<u32>(cell(i)) != 0 && !whole(i, 40 + (i % 37) * 8)) bad++;
      }
      for (let i: u32 = round; i < count; i += 3) if (!take(i, 40 + (i % 37) * 8)) bad++;
    }
    for (let i: u32 = 0; i < count; i++) free(i);
    expect(bad).toBe(0);
    expect(slabBytes()).toBe(0);
  });

  it("fails only when its pages are gone, and serves another class once they are back", () => {
    boot(1 << 16, 1572);
    let small: u32 = 0;
    while (take(small, 40)) small++;
    expect(slabTake(1572)).toBe(0);
    // every other one: the blocks move together, so half the pages come back
    for (let i: u32 = 0; i < small; i += 2) free(i);
    let large: u32 = 0;
    while (take(small + large, 1572)) large++;
    expect(large >= S.pages / 2 - 1).toBe(true);
    let bad = 0;
    for (let i: u32 = 1; i < small; i += 2) if (!whole(i, 40)) bad++;
    for (let i: u32 = 0; i < large; i++) if (!whole(small + i, 1572)) bad++;
    expect(bad).toBe(0);
  });
});
