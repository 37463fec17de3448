// The scoreboard against a map of bytes, with RFC 6675's definitions written down byte by byte.
import { TCB_F_SACK } from "../../assembly/abi/tcp";
import { store32 } from "../../assembly/memory/endian";
import {
  sackAdvance,
  sackBefore,
  sackClear,
  sackedBelow,
  sackedBytes,
  sackInput,
  sackIsLost,
  sackLast,
  sackLimit,
  sackNext,
  sackPipe,
  sackSkip,
} from "../../assembly/tcp/sack";
import { sackedOf, Tcb } from "../../assembly/tcp/tcb";
import { TCPOPTS_SACK, TcpOptions } from "../../assembly/wire/tcp-options";
import { below, block, seedWith } from "./tcb-world";

const RANGES: u32 = 6;
const MSS: u32 = 8;
const BYTES: u32 = 1 << 12;
const WINDOW: u32 = 160;
const options = changetype<TcpOptions>(0x9000);
const BLOCKS: usize = 0x9100;
const has = new StaticArray<u8>(BYTES);
let origin: u32 = 0;
let una: u32 = 0;
let top: u32 = 0;

/** How many runs there are from `from` on. */
function runs(from: u32): u32 {
  let n: u32 = 0;
  for (let i = from; i < top; i++) if (has[i] != 0 && (i == from || has[i - 1] == 0)) n++;
  return n;
}

function bytes(from: u32, to: u32): u32 {
  let n: u32 = 0;
  for (let i = from; i < to; i++) n += has[i];
  return n;
}

/** RFC 6675 §4, of a byte that is not SACKed. */
function isLost(i: u32): bool {
  return runs(i) >= 3 || bytes(i, top) > 2 * MSS;
}

function pipe(highRxt: u32): u32 {
  let n: u32 = 0;
  for (let i = una; i < top; i++) {
    if (has[i] != 0) continue;
    if (!isLost(i)) n++;
    if (i < highRxt) n++;
  }
  return n;
}

function nextSeg(highRxt: u32, lostOnly: bool): u32 {
  let highest = top;
  while (highest > una && has[highest - 1] == 0) highest--;
  for (let i = max<u32>(una, highRxt); i < highest; i++) {
    if (has[i] == 0 && (!lostOnly || isLost(i))) return i;
  }
  return top;
}

function skip(i: u32): u32 {
  while (has[i] != 0) i++;
  return i;
}

function limit(i: u32): u32 {
  i = skip(i);
  while (i < top && has[i] == 0) i++;
  return i;
}

function lastMissing(): u32 {
  let i = top;
  while (has[i - 1] != 0) i--;
  return i;
}

function edgeBefore(i: u32): u32 {
  while (i > una && has[i - 1] == 0) i--;
  return i;
}

/** A random block goes into the option at place `n`; true if the model learned of it. */
function randomBlock(n: u32): bool {
  const left = una + below(WINDOW) - 10;
  const right = left + below(24) - 2;
  store32(BLOCKS + (n << 3), origin + left);
  store32(BLOCKS + (n << 3) + 4, origin + right);
  if (left <= una || left >= right || right > top || bytes(left, right) == right - left) return false;
  const kept = new StaticArray<u8>(32);
  for (let i = left; i < right; i++) {
    kept[i - left] = has[i];
    has[i] = 1;
  }
  if (runs(una) <= RANGES) return true;
  for (let i = left; i < right; i++) has[i] = kept[i - left];
  return false;
}

function input(t: Tcb): bool {
  options.seen = TCPOPTS_SACK;
  options.sackAt = BLOCKS;
  options.sackCount = 1 + below(4);
  let told = false;
  for (let n: u32 = 0; n < options.sackCount; n++) if (randomBlock(n)) told = true;
  return sackInput(t, options, t.sndUna) == told;
}

/** Below is forgotten; so is a run that should have been acknowledged to its end. */
function advance(t: Tcb): void {
  const to = una + 1 + below(30);
  if (to > top) return;
  for (let i = una; i < to; i++) has[i] = 0;
  for (let i = to; has[i] != 0; i++) has[i] = 0;
  una = to;
  t.sndUna = origin + una;
  sackAdvance(t);
}

function sameBytes(t: Tcb): bool {
  const map = new StaticArray<u8>(WINDOW);
  let before = t.sndUna;
  for (let k: u32 = 0; k < <u32>t.sackCount; k++) {
    const left = load<u32>(sackedOf(t) + (k << 3));
    const right = load<u32>(sackedOf(t) + (k << 3), 4);
    // In order, with a gap before each.
    if (left - t.sndUna <= before - t.sndUna || right - left > WINDOW) return false;
    for (let i = left - t.sndUna; i < right - t.sndUna; i++) map[i] = 1;
    before = right;
  }
  for (let i = una; i < top; i++) if (map[i - una] != has[i]) return false;
  return true;
}

function compare(t: Tcb): u32 {
  if (!sameBytes(t)) return 1;
  if (una == top) return t.sackCount;
  const highRxt = una + below(top - una + 1);
  t.highRxt = origin + highRxt;
  const i = una + below(top - una);
  const seq = origin + i;
  let bad: u32 = 0;
  if (sackedBytes(t) != bytes(una, top) || sackedBelow(t, seq) != bytes(una, i)) bad |= 2;
  if (sackPipe(t) != pipe(highRxt)) bad |= 4;
  if (has[i] == 0 && sackIsLost(t, seq) != isLost(i)) bad |= 8;
  if (sackNext(t, true) - origin != nextSeg(highRxt, true)) bad |= 16;
  if (sackNext(t, false) - origin != nextSeg(highRxt, false)) bad |= 32;
  if (sackSkip(t, seq) - origin != skip(i) || sackLimit(t, seq) - origin != limit(i)) bad |= 64;
  const end = lastMissing();
  if (sackLast(t) - origin != end || sackBefore(t, origin + end) - origin != edgeBefore(end)) bad |= 128;
  return bad;
}

/** Random blocks, acknowledgments and sending, from a first sequence number on; what went wrong. */
function play(first: u32, seed: u64): u32 {
  const t = block(RANGES, MSS);
  t.flags = TCB_F_SACK;
  seedWith(seed);
  for (let i: u32 = 0; i < BYTES; i++) has[i] = 0;
  una = 32;
  top = 32;
  origin = first - una;
  t.sndUna = first;
  t.sndMax = first;
  let bad: u32 = 0;
  while (bad == 0 && top < BYTES - 2 * WINDOW) {
    const move = below(8);
    if (move == 0) advance(t);
    else if (move < 3) top = min<u32>(top + below(20), una + WINDOW);
    else if (!input(t)) bad = 256;
    t.sndMax = origin + top;
    bad |= compare(t);
    if (below(500) == 0) {
      sackClear(t);
      for (let i = una; i < top; i++) has[i] = 0;
    }
  }
  return bad;
}

describe("the scoreboard", () => {
  it("is what RFC 6675 defines, byte for byte, wherever sequence numbers wrap", () => {
    for (let i: u32 = 0; i < 12; i++) expect<u32>(play(i * 0x15555555 - 2000, i + 77)).toBe(0);
  });

  it("hears nothing from a peer with whom SACK was not agreed on (RFC 2018 §2)", () => {
    const t = block(RANGES, MSS);
    t.sndMax = 100;
    options.seen = TCPOPTS_SACK;
    options.sackAt = BLOCKS;
    options.sackCount = 1;
    store32(BLOCKS, 10);
    store32(BLOCKS + 4, 20);
    expect<bool>(sackInput(t, options, 0)).toBe(false);
    t.flags = TCB_F_SACK;
    expect<bool>(sackInput(t, options, 0)).toBe(true);
  });
});
