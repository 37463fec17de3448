// The pool of byte rings against a model of it; sizes, order, places, what stands in no ring.
import {
  BYTE_RING_BYTES,
  BYTE_RING_CLASSES,
  BYTE_RING_FREE,
  BYTE_RING_ROW,
  BYTE_RING_TOTAL,
} from "../../assembly/abi/byte-ring";
import { arenaBegin, arenaEnd } from "../../assembly/memory/arena";
import {
  byteRingFree,
  byteRingGrow,
  byteRingLargest,
  byteRingLayout,
  byteRingSize,
  byteRingTable,
  byteRingTake,
} from "../../assembly/memory/byte-ring";

const BASE: usize = 1 << 20;

function begin(a: u32, b: u32, c: u32, d: u32): void {
  arenaBegin(BASE);
  byteRingLayout(a, b, c, d);
}

function cell(cls: u32, field: u32): u32 {
  return load<u32>(byteRingTable() + cls * BYTE_RING_ROW + field);
}

function freeOf(cls: u32): u32 {
  return cell(cls, BYTE_RING_FREE);
}

function sizeOf(cls: u32): u32 {
  return cls == 3 ? 1 << 20 : (<u32>2048) << (cls == 2 ? 5 : cls * 3);
}

let seed: u32 = 7;
function below(n: u32): u32 {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed % n;
}

const MOST = 40;
const held = new StaticArray<usize>(MOST);
const classes = new StaticArray<u32>(MOST);

/** Class that a ring for `wanted` bytes comes from, by the rule alone; BYTE_RING_CLASSES if there is none. */
function expected(wanted: u32): u32 {
  for (let cls: u32 = 0; cls < <u32>BYTE_RING_CLASSES; cls++) if (sizeOf(cls) >= wanted && freeOf(cls) != 0) return cls;
  for (let cls: u32 = BYTE_RING_CLASSES; cls-- != 0; ) if (freeOf(cls) != 0) return cls;
  return BYTE_RING_CLASSES;
}

/** Does the ring at `at` share a byte with one that is held, or lie outside the arena? */
function misplaced(at: usize, size: u32, count: i32): bool {
  if (at < BASE || <u64>(at + size) > arenaEnd() || (at & 63) != 0) return true;
  for (let i = 0; i < count; i++) if (at < held[i] + sizeOf(classes[i]) && held[i] < at + size) return true;
  return false;
}

/** Random takes and frees; how often the pool did otherwise than the model. */
function run(steps: i32, totals: StaticArray<u32>): i32 {
  let wrong = 0;
  let count = 0;
  for (let i = 0; i < steps; i++) {
    if (below(2) == 0 && count < MOST) {
      const wanted = below(3) == 0 ? below(1 << 21) : below(70000);
      const cls = expected(wanted);
      const at = byteRingTake(wanted);
      if (cls == BYTE_RING_CLASSES) {
        if (at != 0) wrong++;
        continue;
      }
      if (at == 0 || byteRingSize(at) != sizeOf(cls) || misplaced(at, sizeOf(cls), count)) wrong++;
      // Whoever has a ring may fill it: no bookkeeping suffers.
      store<u64>(at, u64.MAX_VALUE);
      store<u64>(at + sizeOf(cls) - 8, u64.MAX_VALUE);
      held[count] = at;
      classes[count++] = cls;
    } else if (count != 0) {
      const chosen = below(count);
      byteRingFree(held[chosen]);
      count--;
      held[chosen] = held[count];
      classes[chosen] = classes[count];
    }
    for (let cls: u32 = 0; cls < <u32>BYTE_RING_CLASSES; cls++) {
      let taken: u32 = 0;
      for (let j = 0; j < count; j++) if (classes[j] == cls) taken++;
      if (freeOf(cls) + taken != totals[cls]) wrong++;
    }
  }
  while (count != 0) byteRingFree(held[--count]);
  for (let cls: u32 = 0; cls < <u32>BYTE_RING_CLASSES; cls++) if (freeOf(cls) != totals[cls]) wrong++;
  return wrong;
}

function totals(a: u32, b: u32, c: u32, d: u32): StaticArray<u32> {
  const four = new StaticArray<u32>(4);
  four[0] = a;
  four[1] = b;
  four[2] = c;
  four[3] = d;
  return four;
}

describe("byte rings", () => {
  test("20,000 random takes and frees as the model has them", () => {
    begin(8, 6, 4, 2);
    expect(run(20000, totals(8, 6, 4, 2))).toBe(0);
  });

  test("any sizes may be without rings", () => {
    let wrong = 0;
    for (let mask: u32 = 0; mask < 16; mask++) {
      const a: u32 = (mask & 1) * 3;
      const b: u32 = ((mask >> 1) & 1) * 2;
      const c: u32 = ((mask >> 2) & 1) * 2;
      const d: u32 = mask >> 3;
      begin(a, b, c, d);
      wrong += run(300, totals(a, b, c, d));
    }
    expect(wrong).toBe(0);
  });

  test("the table says bytes, how many, how many are free", () => {
    begin(3, 2, 1, 1);
    const ring = byteRingTake(2049);
    expect(byteRingSize(ring)).toBe(16384);
    let wrong = 0;
    for (let cls: u32 = 0; cls < 4; cls++) if (cell(cls, BYTE_RING_BYTES) != sizeOf(cls)) wrong++;
    expect(wrong).toBe(0);
    expect(cell(0, BYTE_RING_TOTAL)).toBe(3);
    expect(cell(1, BYTE_RING_TOTAL)).toBe(2);
    expect(freeOf(0)).toBe(3);
    expect(freeOf(1)).toBe(1);
    byteRingFree(ring);
    expect(freeOf(1)).toBe(2);
  });

  test("what is exactly a size is of that size; more than the largest is the largest", () => {
    begin(1, 1, 1, 1);
    expect(byteRingSize(byteRingTake(1 << 20))).toBe(1 << 20);
    expect(byteRingSize(byteRingTake(0xffffffff))).toBe(65536);
    expect(byteRingSize(byteRingTake(2048))).toBe(2048);
    expect(byteRingSize(byteRingTake(0))).toBe(16384);
    expect(byteRingTake(1)).toBe(0);
  });

  test("the ring freed last is taken first, one that was never in use last", () => {
    begin(3, 0, 0, 0);
    const a = byteRingTake(1);
    const b = byteRingTake(1);
    byteRingFree(a);
    byteRingFree(b);
    expect(byteRingTake(1)).toBe(b);
    expect(byteRingTake(1)).toBe(a);
    expect(byteRingTake(1)).toBe(b + 2048);
  });

  test("with no rings at all there is none to be had", () => {
    begin(0, 0, 0, 0);
    expect(byteRingTake(1)).toBe(0);
    expect(<usize>arenaEnd()).toBe(BASE);
  });

  test("a ring freed twice, or an address inside one, is caught in debug", () => {
    expect(() => {
      begin(2, 0, 0, 0);
      const ring = byteRingTake(1);
      byteRingFree(ring);
      byteRingFree(ring);
    }).toThrow();
    expect(() => {
      begin(2, 0, 0, 0);
      byteRingFree(byteRingTake(1) + 64);
    }).toThrow();
    expect(() => {
      begin(2, 0, 0, 0);
      byteRingFree(BASE);
    }).toThrow();
  });
});

describe("a ring that grows", () => {
  it("becomes the next larger one of which a quarter then stays free, or none", () => {
    begin(2, 4, 2, 1);
    expect<u32>(byteRingLargest()).toBe(1 << 20);
    const small = byteRingTake(1);
    // Of four, three may go so.
    const first = byteRingGrow(small);
    expect<u32>(byteRingSize(first)).toBe(16384);
    expect<u32>(byteRingSize(byteRingGrow(small))).toBe(16384);
    expect<u32>(byteRingSize(byteRingGrow(small))).toBe(16384);
    // Then it is one of the next size: of two, one. Of the largest there is but one.
    expect<u32>(byteRingSize(byteRingGrow(first))).toBe(65536);
    expect<usize>(byteRingGrow(small)).toBe(0);
    expect<u32>(freeOf(1)).toBe(1);
    expect<u32>(freeOf(2)).toBe(1);
    expect<u32>(freeOf(3)).toBe(1);
    begin(3, 0, 0, 0);
    expect<u32>(byteRingLargest()).toBe(2048);
    expect<usize>(byteRingGrow(byteRingTake(1))).toBe(0);
  });
});
