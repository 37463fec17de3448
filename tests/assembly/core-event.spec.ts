// The event ring: each object once, bits OR together, no overflow. Switches and their ranges. The prng.

import {
  EVENTS_FIRST_NETIF,
  EVENTS_HEAD,
  EVENTS_MASK,
  EVENTS_PENDING,
  EVENTS_RING,
  EVENTS_TAIL,
} from "../../assembly/abi/event";
import { SW_IP_PORT_FIRST, SW_IP_PORT_LAST, SWITCHES } from "../../assembly/abi/switch";
import { CONFIG } from "../../assembly/core/config";
import { eventBase, eventInit, eventLayout, eventNetif, eventSocket } from "../../assembly/core/event";
import { prngInit, random, randomBelow } from "../../assembly/core/prng";
import { switchGet, switchInit, switchSet, switchUs, switchValue } from "../../assembly/core/switch";
import { arenaBegin, arenaEnd } from "../../assembly/memory/arena";

const BASE: usize = 1 << 16;

function word(offset: usize): u32 {
  return load<u32>(eventBase() + offset);
}

function begin(sockets: u32, interfaces: u32): void {
  arenaBegin(BASE);
  eventLayout(sockets, interfaces);
  memory.fill(BASE, 0, <usize>arenaEnd() - BASE);
  eventInit(sockets, interfaces);
}

/** Takes the next event as a host does: object << 8 | bits; -1 when there is none. */
function take(): i32 {
  const tail = word(EVENTS_TAIL);
  if (tail == word(EVENTS_HEAD)) return -1;
  const object = load<u32>(word(EVENTS_RING) + ((tail & word(EVENTS_MASK)) << 2));
  const pending = word(EVENTS_PENDING) + (object << 2);
  const bits = load<u32>(pending);
  store<u32>(pending, 0);
  store<u32>(eventBase(), tail + 1, EVENTS_TAIL);
  return (object << 8) | bits;
}

describe("event ring", () => {
  test("random raising and draining: each object once, with all its bits, in the order of its first", () => {
    let wrong = 0;
    let seed: u32 = 7;
    for (let size: u32 = 1; size <= 33; size += 4) {
      begin(size, 3);
      // Through the wrap of both cursors.
      store<u32>(eventBase(), 0xffffff00, EVENTS_HEAD);
      store<u32>(eventBase(), 0xffffff00, EVENTS_TAIL);
      const expected = new StaticArray<u32>(size + 3);
      const order = new StaticArray<u32>(size + 3);
      let waiting = 0;
      for (let i = 0; i < 3000; i++) {
        seed = seed * 1103515245 + 12345;
        const object = (seed >> 16) % (size + 3);
        const bits = 1 << ((seed >> 9) & 3);
        if (((seed >> 24) & 7) < 6) {
          if (expected[object] == 0) order[waiting++] = object;
          expected[object] |= bits;
          if (object < size) eventSocket(object, bits);
          else eventNetif(object - size, bits);
          if (word(EVENTS_HEAD) - word(EVENTS_TAIL) > word(EVENTS_MASK) + 1) wrong++;
          continue;
        }
        const event = take();
        if (waiting == 0) {
          if (event != -1) wrong++;
          continue;
        }
        if (event != <i32>((order[0] << 8) | expected[order[0]])) wrong++;
        expected[order[0]] = 0;
        waiting--;
        for (let k = 0; k < waiting; k++) order[k] = order[k + 1];
      }
    }
    expect(wrong).toBe(0);
  });

  test("everything at once fits, and nothing is written beside the ring", () => {
    begin(13, 4);
    const end = <usize>arenaEnd();
    store<u64>(end, 0x5a5a5a5a5a5a5a5a);
    for (let round = 0; round < 3; round++) {
      for (let i: u32 = 0; i < 13; i++) eventSocket(i, 1 << round);
      for (let i: u32 = 0; i < 4; i++) eventNetif(i, 8);
    }
    let count = 0;
    let wrong = 0;
    for (let e = take(); e != -1; e = take()) {
      const object = <u32>e >> 8;
      if ((e & 255) != (object < word(EVENTS_FIRST_NETIF) ? 7 : 8)) wrong++;
      count++;
    }
    expect(count).toBe(17);
    expect(wrong).toBe(0);
    expect(load<u64>(end)).toBe(0x5a5a5a5a5a5a5a5a);
  });
});

describe("switches", () => {
  test("each takes its least and its most and nothing beyond, and keeps its value then", () => {
    switchInit();
    let wrong = 0;
    for (let id: u32 = 0; id < <u32>SWITCHES; id++) {
      if (id == SW_IP_PORT_FIRST || id == SW_IP_PORT_LAST) continue;
      const before = switchValue(id);
      if (switchGet(id) != <i32>before || switchSet(id, before) != 0) wrong++;
      // Ranges are intervals: found by walking outwards from the default, by halves.
      let low: u32 = 0;
      let high = before;
      while (low < high) {
        const middle = low + ((high - low) >> 1);
        if (switchSet(id, middle) == 0) high = middle;
        else low = middle + 1;
      }
      const least = low;
      low = before;
      high = 0xffffffff;
      while (low < high) {
        const middle = low + ((high - low) >> 1) + 1;
        if (switchSet(id, middle) == 0) low = middle;
        else high = middle - 1;
      }
      const most = low;
      switchSet(id, before);
      if (least > before || most < before || most == 0xffffffff) wrong++;
      if (least != 0 && switchSet(id, least - 1) >= 0) wrong++;
      if (switchSet(id, most + 1) >= 0 || switchSet(id, 0xffffffff) >= 0) wrong++;
      if (switchValue(id) != before) wrong++;
      if (switchSet(id, least) != 0 || switchValue(id) != least) wrong++;
      if (switchSet(id, most) != 0 || switchUs(id) != <u64>most * 1000) wrong++;
    }
    expect(wrong).toBe(0);
    expect(switchGet(SWITCHES)).toBe(-22);
    expect(switchSet(SWITCHES, 0)).toBe(-22);
    expect(switchGet(0xffffffff)).toBe(-22);
  });

  test("the first port is never above the last", () => {
    switchInit();
    expect(switchSet(SW_IP_PORT_FIRST, 61000)).toBe(-22);
    expect(switchSet(SW_IP_PORT_LAST, 32767)).toBe(-22);
    expect(switchSet(SW_IP_PORT_FIRST, 60999)).toBe(0);
    expect(switchSet(SW_IP_PORT_LAST, 65536)).toBe(-22);
    expect(switchSet(SW_IP_PORT_LAST, 65535)).toBe(0);
    expect(switchSet(SW_IP_PORT_FIRST, 0)).toBe(-22);
  });
});

describe("prng", () => {
  test("depends on each word of the seed, and repeats", () => {
    const draws = new StaticArray<u32>(5);
    for (let k = 0; k < 5; k++) {
      CONFIG.seed0 = k == 0 ? 2 : 1;
      CONFIG.seed1 = k == 1 ? 2 : 1;
      CONFIG.seed2 = k == 2 ? 2 : 1;
      CONFIG.seed3 = k == 3 ? 3 : 1;
      prngInit();
      draws[k] = random();
    }
    let equal = 0;
    for (let a = 0; a < 5; a++) for (let b = a + 1; b < 5; b++) if (draws[a] == draws[b]) equal++;
    expect(equal).toBe(0);
    prngInit();
    expect(random()).toBe(draws[4]);
  });

  test("is uniform below a bound, and never reaches it", () => {
    CONFIG.seed0 = 5;
    CONFIG.seed1 = CONFIG.seed2 = CONFIG.seed3 = 0;
    prngInit();
    const hits = new StaticArray<u32>(10);
    let wrong = 0;
    for (let i = 0; i < 100000; i++) {
      const n = randomBelow(10);
      if (n > 9) wrong++;
      else hits[n]++;
    }
    for (let i = 0; i < 10; i++) if (hits[i] < 9500 || hits[i] > 10500) wrong++;
    for (let i = 0; i < 100; i++) if (randomBelow(1) != 0) wrong++;
    expect(wrong).toBe(0);
  });
});
