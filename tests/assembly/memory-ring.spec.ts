// Descriptor rings: cursors that run freely through the wrap of u32. The arena: sums beyond 32 bits.
import { DESC_BYTES, RING_DESC, RING_HOST, RING_STACK } from "../../assembly/abi/ring";
import { arenaBegin, arenaEnd, arenaTake } from "../../assembly/memory/arena";
import {
  descLen,
  descPbuf,
  descWrite,
  ringAdvance,
  ringBytes,
  ringDesc,
  ringHeld,
  ringHold,
  ringHost,
  ringStack,
} from "../../assembly/memory/ring";

const BASE: usize = 1 << 16;

describe("ring", () => {
  test("a queue through the wrap of both cursors loses and doubles nothing", () => {
    let wrong = 0;
    for (let slots: u32 = 4; slots <= 32; slots <<= 1) {
      arenaBegin(BASE);
      const ring = arenaTake(1, ringBytes(slots));
      const mask = slots - 1;
      const start: u32 = 0xffffffff - 500;
      store<u32>(ring, start, RING_HOST);
      store<u32>(ring, start, RING_STACK);
      let put: u32 = 0;
      let taken: u32 = 0;
      for (let round = 0; round < 2000; round++) {
        for (let burst = (round * 5) % (slots + 3); burst > 0; burst--) {
          if (ringStack(ring) - ringHost(ring) > mask) break;
          const at = ringStack(ring);
          descWrite(ringDesc(ring, mask, at), 1000 + put, put * 3, put);
          ringHold(ring, mask, at, put + 1);
          ringAdvance(ring, at + 1);
          put++;
        }
        for (let burst = (round * 3) % (slots + 2); burst > 0 && ringHost(ring) != ringStack(ring); burst--) {
          const at = ringHost(ring);
          const desc = ringDesc(ring, mask, at);
          if (load<u32>(desc) != 1000 + taken || descLen(desc) != taken * 3 || descPbuf(desc) != taken) wrong++;
          if (ringHeld(ring, mask, at) != taken + 1) wrong++;
          store<u32>(ring, at + 1, RING_HOST);
          taken++;
        }
      }
      if (ringStack(ring) >= start || ringHost(ring) >= start || ringStack(ring) - ringHost(ring) != put - taken)
        wrong++;
    }
    expect(wrong).toBe(0);
  });

  test("descriptors and the shadow stay within the ring's bytes and do not overlap", () => {
    arenaBegin(BASE);
    const first = arenaTake(1, ringBytes(8));
    const second = arenaTake(1, ringBytes(8));
    memory.fill(first, 0, 2 * ringBytes(8));
    for (let i: u32 = 0; i < 8; i++) {
      descWrite(ringDesc(first, 7, i), 0x01010101 * (i + 1), 0x01010101 * (i + 1), 0x01010101 * (i + 1));
      ringHold(first, 7, i, 0x5a5a5a00 + i);
    }
    let wrong = 0;
    for (let i: u32 = 0; i < 8; i++) {
      if (descLen(ringDesc(first, 7, i)) != 0x01010101 * (i + 1)) wrong++;
      if (ringHeld(first, 7, i) != 0x5a5a5a00 + i) wrong++;
    }
    for (let i: u32 = 0; i < ringBytes(8); i++) if (load<u8>(second + i) != 0) wrong++;
    if (ringDesc(first, 7, 9) != first + RING_DESC + DESC_BYTES) wrong++;
    if (ringBytes(8) % 64 != 0 || second - first != ringBytes(8)) wrong++;
    expect(wrong).toBe(0);
  });
});

describe("arena", () => {
  test("regions are laid on cache lines one after another", () => {
    arenaBegin(BASE + 5);
    expect(arenaTake(3, 7)).toBe(BASE + 64);
    expect(arenaTake(0, 100)).toBe(BASE + 128);
    expect(arenaTake(1, 64)).toBe(BASE + 128);
    expect(arenaTake(1, 1)).toBe(BASE + 192);
    expect(arenaEnd()).toBe(BASE + 193);
  });

  test("absurd capacities make a large number, never a small wrong one", () => {
    arenaBegin(BASE);
    arenaTake(0xffffffff, 0xffffffff);
    expect(arenaEnd()).toBe(<u64>BASE + <u64>0xffffffff * 0xffffffff);
    arenaBegin(BASE);
    arenaTake(1 << 20, 2048);
    arenaTake(1 << 20, 2048);
    expect(arenaEnd()).toBe(<u64>BASE + ((<u64>1) << 32));
  });
});
