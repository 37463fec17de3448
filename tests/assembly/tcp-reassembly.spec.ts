// Ranges out of order against a map that says of each byte when it last came.
import { load32 } from "../../assembly/memory/endian";
import { rangeAdd, rangesPut, rangeTake } from "../../assembly/tcp/reassembly";
import { rangesOf, Tcb } from "../../assembly/tcp/tcb";
import { below, block, seedWith } from "./tcb-world";

const RANGES: u32 = 5;
const WINDOW: u32 = 120;
const BYTES: u32 = 1 << 14;
/** 0 = has not come. */
const came = new StaticArray<u32>(BYTES);
let step: u32 = 0;
let origin: u32 = 0;

function runsWith(left: u32, right: u32, from: u32): u32 {
  let runs: u32 = 0;
  let inside = false;
  for (let i = from; i < from + 2 * WINDOW; i++) {
    const here = came[i] != 0 || (i >= left && i < right);
    if (here && !inside) runs++;
    inside = here;
  }
  return runs;
}

/** What is wrong with range `i`: it is a whole run of bytes; its latest byte's time goes to `latest`. */
let latest: u32 = 0;
function rangeWrong(t: Tcb, i: u32): bool {
  const at = rangesOf(t) + (i << 3);
  const left = load<u32>(at) - origin;
  const right = load<u32>(at, 4) - origin;
  latest = 0;
  if (left >= right || came[left - 1] != 0 || came[right] != 0) return true;
  for (let k = left; k < right; k++) {
    if (came[k] == 0) return true;
    latest = max<u32>(latest, came[k]);
  }
  return false;
}

function wrong(t: Tcb): u32 {
  let bad: u32 = 0;
  let before: u32 = 0xffffffff;
  for (let i: u32 = 0; i < <u32>t.rangeCount; i++) {
    if (rangeWrong(t, i) || latest >= before) bad++;
    before = latest;
  }
  if (runsWith(0, 0, t.rcvNxt - origin) != <u32>t.rangeCount) bad++;
  return bad;
}

/** A segment comes at random; how many things are wrong then. */
function segment(t: Tcb): u32 {
  const nxt = t.rcvNxt - origin;
  const left = nxt + (below(3) == 0 ? 0 : 1 + below(WINDOW - 1));
  const right = left + 1 + below(12);
  step++;
  if (left != nxt) {
    const fits = runsWith(left, right, nxt) <= RANGES;
    if (rangeAdd(t, origin + left, origin + right) != fits) return 1;
    if (fits) for (let k = left; k < right; k++) came[k] = step;
    return wrong(t);
  }
  let end = right;
  while (came[end] != 0) end++;
  t.rcvNxt = origin + right;
  t.rcvNxt = rangeTake(t);
  if (t.rcvNxt != origin + end) return 1;
  for (let k = nxt; k < end; k++) came[k] = 0;
  return wrong(t);
}

/** Many segments, from a first sequence number on. */
function play(first: u32, seed: u64): u32 {
  const t = block(RANGES, 10);
  seedWith(seed);
  for (let i: u32 = 0; i < BYTES; i++) came[i] = 0;
  // One in front, so that there is always a byte before.
  origin = first - 1;
  t.rcvNxt = first;
  let bad: u32 = 0;
  while (bad == 0 && t.rcvNxt - origin < BYTES - 3 * WINDOW) bad += segment(t);
  return bad;
}

describe("what comes out of order", () => {
  it("is kept in ranges as they were received, the latest first, wherever sequence numbers wrap", () => {
    for (let i: u32 = 0; i < 12; i++) expect<u32>(play(i * 0x15555555 - 5000, i + 1)).toBe(0);
  });

  it("is told in SACK blocks, as many as are asked for (RFC 2018 §3)", () => {
    const t = block(RANGES, 10);
    t.rcvNxt = 0xfffffff0;
    const p: usize = 0x9000;
    expect<usize>(rangesPut(t, p, 4)).toBe(p);
    rangeAdd(t, 0xfffffff8, 0xfffffffc);
    rangeAdd(t, 0x10, 0x20);
    rangeAdd(t, 0x30, 0x40);
    expect<usize>(rangesPut(t, p, 2)).toBe(p + 20);
    expect<u32>(load32(p)).toBe(0x01010512);
    expect<u32>(load32(p + 4)).toBe(0x30);
    expect<u32>(load32(p + 8)).toBe(0x40);
    expect<u32>(load32(p + 12)).toBe(0x10);
    expect<usize>(rangesPut(t, p, 4)).toBe(p + 28);
    expect<u32>(load32(p + 20)).toBe(0xfffffff8);
    expect<u32>(load32(p + 24)).toBe(0xfffffffc);
    t.rangeCount = 0;
    expect<usize>(rangesPut(t, p, 4)).toBe(p);
  });
});
