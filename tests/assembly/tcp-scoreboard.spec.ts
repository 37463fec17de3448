// The scoreboard against a map of bytes: what was sent when, and what became of it. With room for all runs they say the
// same; with room for four, the scoreboard may forget, but claims nothing that is not.
import { TCB_F_SACK } from "../../assembly/abi/tcp";
import { clockAdvance, now } from "../../assembly/core/clock";
import { store32 } from "../../assembly/memory/endian";
import { DELIVERY, deliveryBegin } from "../../assembly/tcp/delivery";
import {
  inFlight,
  RUN_AGAIN,
  RUN_LOST,
  RUN_SACKED,
  runAt,
  runBegin,
  scoreboardAck,
  scoreboardInit,
  scoreboardLose,
  scoreboardLost,
  scoreboardLostEnd,
  scoreboardSack,
  scoreboardSent,
} from "../../assembly/tcp/scoreboard";
import { Tcb } from "../../assembly/tcp/tcb";
import { TCPOPTS_SACK, TcpOptions } from "../../assembly/wire/tcp-options";
import { below, block, seedWith } from "./tcb-world";

const BYTES: u32 = 1 << 12;
const WINDOW: u32 = 160;
const options = changetype<TcpOptions>(0x9000);
const BLOCKS: usize = 0x9100;
/** RUN_… of each byte, and when it was sent last. */
const fate = new StaticArray<u8>(BYTES);
const sentAt = new StaticArray<u32>(BYTES);
let origin: u32 = 0;
let una: u32 = 0;
let top: u32 = 0;
/** Of the ACK in hand: bytes that it delivers, and the latest time of one that was sent once. */
let arrived: u32 = 0;
let exact: bool = false;

function begin(ranges: u32, first: u32, seed: u64): Tcb {
  const t = block(ranges, 8);
  t.flags = TCB_F_SACK;
  seedWith(seed);
  for (let i: u32 = 0; i < BYTES; i++) fate[i] = 0;
  una = 32;
  top = 32;
  origin = first - una;
  t.sndUna = first;
  t.sndMax = first;
  scoreboardInit(t);
  return t;
}

function send(t: Tcb, from: u32, to: u32): void {
  scoreboardSent(t, origin + from, origin + to);
  for (let i = from; i < to; i++) {
    if ((fate[i] & RUN_SACKED) != 0) continue;
    fate[i] = i < top ? <u8>RUN_AGAIN : 0;
    sentAt[i] = <u32>now();
  }
  if (to > top) top = to;
  t.sndMax = origin + top;
}

function sendNew(t: Tcb): void {
  const to = min<u32>(top + 1 + below(20), una + WINDOW);
  if (to > top) send(t, top, to);
}

function sendLost(t: Tcb): void {
  if (t.lostBytes == 0) return;
  const from = scoreboardLost(t) - origin;
  const to = scoreboardLostEnd(t, origin + from) - origin;
  // Perhaps with something new behind it.
  const most = to == top ? min<u32>(to + below(5), una + WINDOW) : to;
  send(t, from, min<u32>(most, from + 1 + below(12)));
}

function loseSome(t: Tcb): void {
  if (una == top) return;
  const from = una + below(top - una);
  const to = from + 1 + below(min<u32>(top - from, 20));
  scoreboardLose(t, origin + from, origin + to);
  for (let i = from; i < to; i++) if ((fate[i] & RUN_SACKED) == 0) fate[i] |= <u8>RUN_LOST;
}

function sackSome(t: Tcb): bool {
  options.seen = TCPOPTS_SACK;
  options.sackAt = BLOCKS;
  options.sackCount = 1 + below(4);
  let told = false;
  for (let n: u32 = 0; n < options.sackCount; n++) {
    const left = una + below(WINDOW) - 10;
    const right = left + below(24) - 2;
    store32(BLOCKS + (n << 3), origin + left);
    store32(BLOCKS + (n << 3) + 4, origin + right);
    if (left <= una || left >= right || right > top) continue;
    for (let i = left; i < right; i++) {
      if ((fate[i] & RUN_SACKED) != 0) continue;
      told = true;
      arrived++;
      fate[i] = (fate[i] | <u8>RUN_SACKED) & <u8>~RUN_LOST;
    }
  }
  return scoreboardSack(t, options, t.sndUna) == told || !exact;
}

function ackSome(t: Tcb): void {
  const to = min<u32>(una + 1 + below(30), top);
  if (to <= una) return;
  for (let i = una; i < to; i++) if ((fate[i] & RUN_SACKED) == 0) arrived++;
  scoreboardAck(t, origin + to);
  una = to;
  t.sndUna = origin + una;
  if (to == top || (fate[to] & RUN_SACKED) == 0) return;
  // The peer has given up what it said it has. Which part of that was sent again is not known any more.
  for (let k: u32 = 0; k < <u32>t.runCount; k++) {
    for (let i = runBegin(t, k) - origin; i < runAt(t, k).end - origin; i++) {
      if ((fate[i] & RUN_SACKED) != 0) fate[i] = <u8>(runAt(t, k).info & RUN_AGAIN);
    }
  }
}

/** What is wrong with the runs, byte by byte and in sum. */
function compare(t: Tcb): u32 {
  let bad: u32 = 0;
  let seq = una;
  let lost: u32 = 0;
  let known: u32 = 0;
  for (let k: u32 = 0; k < <u32>t.runCount; k++) {
    const run = runAt(t, k);
    const end = run.end - origin;
    if (runBegin(t, k) - origin != seq || end <= seq || end > top) return 1;
    const flags = run.info & 7;
    const spread = run.info >>> 3;
    if ((flags & RUN_LOST) != 0) lost += end - seq;
    if ((flags & RUN_SACKED) != 0) known += end - seq;
    for (; seq < end; seq++) {
      const known = (flags & RUN_SACKED) != 0;
      if (exact && flags != fate[seq] && (!known || (flags ^ fate[seq]) != RUN_AGAIN)) bad |= 2;
      // Forgotten may be much, but nothing is made up.
      if (known && (fate[seq] & RUN_SACKED) == 0) bad |= 4;
      if ((flags & RUN_LOST) != 0 && (fate[seq] & RUN_LOST) == 0 && (fate[seq] & RUN_SACKED) == 0) bad |= 8;
      if (!known && (fate[seq] & RUN_AGAIN) != 0 && (flags & RUN_AGAIN) == 0) bad |= 16;
      // Sent not after `at`, and not before `spread` before.
      if (!known && run.at - sentAt[seq] > spread) bad |= 32;
    }
  }
  if (seq != top) bad |= 64;
  if (lost != t.lostBytes || known != t.sackedBytes || inFlight(t) != top - una - lost - known) bad |= 128;
  if (exact && DELIVERY.bytes != arrived) bad |= 256;
  return bad;
}

/** Random sending, losses, blocks and acknowledgments; what went wrong. */
function play(ranges: u32, first: u32, seed: u64): u32 {
  const t = begin(ranges, first, seed);
  exact = ranges > WINDOW / 2;
  while (top < BYTES - 2 * WINDOW) {
    deliveryBegin(t);
    arrived = 0;
    clockAdvance(now() + below(3) * 1000);
    const move = below(9);
    let bad: u32 = 0;
    if (move == 0) ackSome(t);
    else if (move < 4) sendNew(t);
    else if (move < 6) sendLost(t);
    else if (move == 6) loseSome(t);
    else if (!sackSome(t)) bad = 512;
    // What nobody remembers is not SACKed, for the model as well: it may be sent again.
    bad |= compare(t);
    if (bad != 0) return bad;
    if (!exact) forget(t);
  }
  return 0;
}

/** The model learns what the scoreboard has forgotten. */
function forget(t: Tcb): void {
  for (let k: u32 = 0; k < <u32>t.runCount; k++) {
    const run = runAt(t, k);
    for (let i = runBegin(t, k) - origin; i < run.end - origin; i++) {
      fate[i] = <u8>(run.info & 7);
      if ((run.info & RUN_SACKED) == 0) sentAt[i] = run.at;
    }
  }
}

describe("the scoreboard", () => {
  it("knows of each byte what became of it, and when it was sent, wherever sequence numbers wrap", () => {
    for (let i: u32 = 0; i < 12; i++) expect<u32>(play(120, i * 0x15555555 - 2000, i + 77)).toBe(0);
  });

  it("with too little room forgets, and makes nothing up", () => {
    for (let i: u32 = 0; i < 24; i++) expect<u32>(play(1 + (i & 3), i * 0x15555555 - 2000, i + 177)).toBe(0);
  });

  it("is one run for a burst, and for what follows within a sixteenth of a round trip", () => {
    const t = begin(4, 1000, 1);
    t.srttUs = 16000;
    for (let i = 0; i < 5; i++) send(t, top, top + 10);
    expect<u8>(t.runCount).toBe(1);
    clockAdvance(now() + 600);
    send(t, top, top + 10);
    clockAdvance(now() + 400);
    send(t, top, top + 10);
    expect<u8>(t.runCount).toBe(1);
    expect<u32>(runAt(t, 0).info >>> 3).toBe(1000);
    clockAdvance(now() + 1);
    send(t, top, top + 10);
    expect<u8>(t.runCount).toBe(2);
  });

  it("hears nothing from a peer with whom SACK was not agreed on (RFC 2018 §2)", () => {
    const t = begin(4, 100, 1);
    send(t, top, top + 100);
    options.seen = TCPOPTS_SACK;
    options.sackAt = BLOCKS;
    options.sackCount = 1;
    store32(BLOCKS, 110);
    store32(BLOCKS + 4, 120);
    t.flags = 0;
    expect<bool>(scoreboardSack(t, options, 100)).toBe(false);
    t.flags = TCB_F_SACK;
    expect<bool>(scoreboardSack(t, options, 100)).toBe(true);
  });
});
