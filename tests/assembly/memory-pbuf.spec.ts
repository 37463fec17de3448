// Packet buffers against a model: who owns which, the quotas, the reserve.
import {
  OWNER_FREE,
  OWNER_NEIGH,
  OWNER_REASSEMBLY,
  OWNER_RX,
  OWNER_SOCKET,
  OWNER_STACK,
  OWNER_TX,
  OWNERS,
  PBUF_CLASSES,
  PBUF_HEADROOM,
  PBUF_LARGE,
  PBUF_LARGE_BYTES,
  PBUF_SMALL,
  PBUF_SMALL_BYTES,
} from "../../assembly/abi/pbuf";
import { arenaBegin, arenaEnd } from "../../assembly/memory/arena";
import {
  PB_REPLY,
  PBUF_RECORD,
  Pbuf,
  pbufAlloc,
  pbufAt,
  pbufAvailable,
  pbufClassFor,
  pbufFree,
  pbufGive,
  pbufHeldTable,
  pbufInit,
  pbufLargestLen,
  pbufLayout,
  pbufLimit,
  pbufTake,
} from "../../assembly/memory/pbuf";

const BASE: usize = 1 << 16;
const SMALL: u32 = 64;
const LARGE: u32 = 16;
const TOTAL: i32 = 80;

let seed: u32 = 1;
function below(n: u32): u32 {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed % n;
}

function begin(small: u32, large: u32): void {
  arenaBegin(BASE);
  pbufLayout(small, large);
  memory.fill(BASE, 0, <usize>arenaEnd() - BASE);
  pbufInit();
}

/** The record of a buffer that there is. */
function at(index: u32): Pbuf {
  return changetype<Pbuf>(changetype<usize>(pbufAt(index)));
}

function held(cls: u32, owner: u32): u32 {
  return load<u32>(pbufHeldTable() + ((cls * OWNERS + owner) << 2));
}

// The model: an owner for each buffer (index of pbufAt), by the book's rules alone.
const owner = new StaticArray<u32>(TOTAL);
const reply = new StaticArray<bool>(TOTAL);

function classOf(index: u32): u32 {
  return index < SMALL ? PBUF_SMALL : PBUF_LARGE;
}

function modelHeld(cls: u32, who: u32): u32 {
  let n: u32 = 0;
  for (let i = 0; i < TOTAL; i++) if (classOf(i) == cls && owner[i] == who) n++;
  return n;
}

function quota(cls: u32, who: u32): u32 {
  const count = cls == PBUF_SMALL ? SMALL : LARGE;
  if (who == OWNER_STACK) return count;
  if (cls == PBUF_LARGE && (who == OWNER_RX || who == OWNER_NEIGH)) return 0;
  if (who == OWNER_NEIGH) return count / 16;
  if (who == OWNER_REASSEMBLY) return (count / 16) * 2;
  if (who == OWNER_SOCKET && cls == PBUF_SMALL) return (count * 3) / 16;
  return cls == PBUF_LARGE ? (count * 3) / 8 : count / 4;
}

function reserve(cls: u32): u32 {
  return (cls == PBUF_SMALL ? SMALL : LARGE) / 8;
}

/** Does every count agree with the model, and is every record's owner the model's? */
function agrees(): bool {
  for (let cls: u32 = 0; cls < <u32>PBUF_CLASSES; cls++) {
    for (let who: u32 = 0; who < <u32>OWNERS; who++) if (held(cls, who) != modelHeld(cls, who)) return false;
  }
  for (let i = 0; i < TOTAL; i++) if (at(i).owner != owner[i]) return false;
  return true;
}

function step(): bool {
  const index = below(TOTAL);
  const pb = at(index);
  const cls = classOf(index);
  const who = 1 + below(OWNERS - 1);
  if (below(3) == 0) {
    const urgent = below(4) == 0;
    const free = modelHeld(cls, OWNER_FREE);
    const expected = free > (urgent ? 0 : reserve(cls)) && (urgent || modelHeld(cls, who) < quota(cls, who));
    const available = free > reserve(cls) && modelHeld(cls, who) < quota(cls, who);
    if (pbufAvailable(cls, who) != available) return false;
    const got = pbufAlloc(cls, who, urgent);
    if ((got !== null) != expected) return false;
    if (got === null) return true;
    if (owner[got.index] != OWNER_FREE || got.cls != cls || got.len != 0) return false;
    if (got.head != got.data + PBUF_HEADROOM) return false;
    owner[got.index] = who;
    reply[got.index] = urgent;
    return true;
  }
  if (owner[index] == OWNER_FREE) return true;
  if (below(3) == 0) {
    pbufFree(pb);
    owner[index] = OWNER_FREE;
    return true;
  }
  if (below(4) == 0) {
    pbufTake(pb);
    owner[index] = OWNER_STACK;
    return true;
  }
  const most = quota(cls, who) + (reply[index] && who == OWNER_TX ? reserve(cls) : 0);
  const expected = owner[index] == who || modelHeld(cls, who) < most;
  if (pbufGive(pb, who) != expected) return false;
  if (expected) owner[index] = who;
  return true;
}

describe("pbuf", () => {
  test("20,000 random operations as the model has them", () => {
    begin(SMALL, LARGE);
    let wrong = 0;
    for (let i = 0; i < 20000; i++) {
      if (!step()) wrong++;
      if (i % 50 == 0 && !agrees()) wrong++;
    }
    for (let i: u32 = 0; i < <u32>TOTAL; i++) {
      if (owner[i] == OWNER_FREE) continue;
      pbufFree(at(i));
      owner[i] = OWNER_FREE;
    }
    expect(wrong).toBe(0);
    expect(agrees()).toBe(true);
    expect(held(PBUF_SMALL, OWNER_FREE)).toBe(SMALL);
    expect(held(PBUF_LARGE, OWNER_FREE)).toBe(LARGE);
  });

  test("the quotas and the reserve together are never more than the pool", () => {
    let wrong = 0;
    for (let small: u32 = 16; small < 300; small++) {
      begin(small, small / 4);
      for (let cls: u32 = 0; cls < 2; cls++) {
        const count = cls == PBUF_SMALL ? small : small / 4;
        let sum = count >> 3;
        for (let who: u32 = OWNER_RX; who < <u32>OWNERS; who++) sum += pbufLimit(cls, who);
        if (sum > count) wrong++;
      }
      if (pbufLimit(PBUF_SMALL, OWNER_NEIGH) == 0 || pbufLimit(PBUF_SMALL, OWNER_REASSEMBLY) == 0) wrong++;
      if (pbufLimit(PBUF_LARGE, OWNER_TX) == 0 || pbufLimit(PBUF_LARGE, OWNER_SOCKET) == 0) wrong++;
    }
    expect(wrong).toBe(0);
  });

  test("with every holder at its quota the reserve is there for who is urgent, and no more", () => {
    begin(SMALL, 0);
    for (let who: u32 = OWNER_RX; who < <u32>OWNERS; who++) while (pbufAlloc(PBUF_SMALL, who, false) !== null) {}
    const left = held(PBUF_SMALL, OWNER_FREE);
    expect(left).toBe(SMALL / 8);
    expect(pbufAlloc(PBUF_SMALL, OWNER_STACK, false) === null).toBe(true);
    let urgent: u32 = 0;
    while (pbufAlloc(PBUF_SMALL, OWNER_STACK, true) !== null) urgent++;
    expect(urgent).toBe(SMALL / 8);
  });

  test("replies alone go beyond the TX quota, by the reserve", () => {
    begin(SMALL, 0);
    let queued: u32 = 0;
    for (let pb = pbufAlloc(PBUF_SMALL, OWNER_STACK, true); pb !== null && pbufGive(pb, OWNER_TX); queued++) {
      pb = pbufAlloc(PBUF_SMALL, OWNER_STACK, true);
    }
    expect(queued).toBe(SMALL / 4 + SMALL / 8);
    const plain = changetype<Pbuf>(pbufAlloc(PBUF_SMALL, OWNER_STACK, false));
    expect(pbufGive(plain, OWNER_TX)).toBe(false);
    const other = changetype<Pbuf>(pbufAlloc(PBUF_SMALL, OWNER_STACK, true));
    other.flags = PB_REPLY;
    let waiting: u32 = 0;
    for (let pb: Pbuf | null = other; pb !== null && pbufGive(pb, OWNER_NEIGH); waiting++) {
      pb = pbufAlloc(PBUF_SMALL, OWNER_STACK, true);
    }
    expect(waiting).toBe(SMALL / 16);
  });

  test("buffers do not overlap, and stand on cache lines", () => {
    begin(20, 4);
    let wrong = 0;
    // A record is written when its buffer is first used.
    for (let i = 0; i < 20; i++) if (pbufAlloc(PBUF_SMALL, OWNER_STACK, true) === null) wrong++;
    for (let i = 0; i < 4; i++) if (pbufAlloc(PBUF_LARGE, OWNER_STACK, true) === null) wrong++;
    let end = BASE + 24 * PBUF_RECORD;
    for (let i: u32 = 0; i < 24; i++) {
      const pb = at(i);
      if (pb.index != i || pb.data < end || pb.data % 64 != 0) wrong++;
      if (pb.cap != <u32>(i < 20 ? PBUF_SMALL_BYTES : PBUF_LARGE_BYTES)) wrong++;
      end = pb.data + pb.cap;
    }
    if (end > <usize>arenaEnd()) wrong++;
    expect(wrong).toBe(0);
    expect(pbufAt(24) === null).toBe(true);
    expect(pbufAt(0xffffffff) === null).toBe(true);
  });

  test("the class for a length", () => {
    begin(16, 4);
    expect(pbufClassFor(0)).toBe(PBUF_SMALL);
    expect(pbufClassFor(PBUF_SMALL_BYTES - PBUF_HEADROOM)).toBe(PBUF_SMALL);
    expect(pbufClassFor(PBUF_SMALL_BYTES - PBUF_HEADROOM + 1)).toBe(PBUF_LARGE);
    expect(pbufClassFor(65536)).toBe(PBUF_LARGE);
    expect(pbufClassFor(65537)).toBe(PBUF_CLASSES);
    expect(pbufClassFor(0xffffffff)).toBe(PBUF_CLASSES);
    expect(pbufLargestLen()).toBe(65536);
    begin(16, 0);
    expect(pbufClassFor(PBUF_SMALL_BYTES)).toBe(PBUF_CLASSES);
    expect(pbufLargestLen()).toBe(PBUF_SMALL_BYTES - PBUF_HEADROOM);
  });
});
