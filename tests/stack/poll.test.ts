/** Events and poll at the boundary: readiness, budget, deadlines. */
import { describe, expect, test } from "vitest";
import * as EVENTS from "../../assembly/abi/event.js";
import { POLL_IDLE, REGION_EVENTS } from "../../assembly/abi/stack.js";
import type { VirtualClock } from "../../src/index.js";
import { boot, checkEvents } from "./harness.js";
import { OUR_MAC } from "./recording-driver.js";
import { bare, echo, request } from "./ring-view.js";
import { ether, ipv4 } from "./wire.js";

describe("events", () => {
  test("are level-triggered: an object stands there once, and its bits gather until it is drained", async () => {
    const { host, stack } = await bare({ sockets: 4 });
    const base = stack.core.exports.stack_region(REGION_EVENTS);
    const word = (offset: number) => stack.core.u32[(base + offset) >> 2] as number;
    const socket = await stack.udp.bind({ port: 1000, queue: 1000 });
    const before = word(EVENTS.EVENTS_HEAD);
    for (let i = 0; i < 100; i++) {
      host.driver.port.receive(
        ether({ dst: OUR_MAC }, ipv4({ proto: 17 }, Uint8Array.from([7, 208, 3, 232, 0, 9, 0, 0, i]))),
      );
      if (i % 20 === 0) stack.core.exports.stack_poll(0, 0, 512);
    }
    for (let i = 0; i < 50; i++) {
      stack.core.exports.netif_carrier(2, i & 1);
      stack.core.exports.netif_up(2, i & 1);
    }
    expect((word(EVENTS.EVENTS_HEAD) - before) >>> 0).toBe(2);
    checkEvents(stack);
    let heard = 0;
    socket.onmessage = () => void heard++;
    host.run();
    expect(heard).toBeGreaterThan(20);
    expect(word(EVENTS.EVENTS_HEAD)).toBe(word(EVENTS.EVENTS_TAIL));
  });
});

describe("poll", () => {
  test("takes at most half its budget of frames, and says that work is left", async () => {
    const { eth, lo, poll, stack, exports } = await bare();
    for (let i = 0; i < 36; i++) eth.fill(echo(i));
    const taken = () => stack.interfaceAt(2)?.counters.rxPackets as number;
    let before = taken();
    for (const [budget, most] of [
      [1, 1],
      [2, 1],
      [8, 4],
      [9, 4],
      [20, 10],
    ] as const) {
      expect(poll(budget)).toBe(0);
      expect(taken() - before).toBe(most);
      before = taken();
    }
    expect(poll(512)).not.toBe(0);
    expect(taken() - before).toBe(16);
    // Interfaces by turns, a batch each.
    const handle = exports.sock_open(1);
    for (let i = 0; i < 100; i++) request(stack, handle, 8);
    for (let i = 0; i < 100; i++) {
      lo.copyDesc(lo.desc("tx", i + lo.cursors("tx")[0] - 0), lo.desc("rx", lo.cursors("rx")[0]));
      lo.setHost("rx", lo.cursors("rx")[0] + 1);
    }
    lo.setHost("tx", lo.cursors("tx")[0] + 100);
    for (let i = 0; i < 36; i++) eth.fill(echo(i));
    before = taken();
    expect(poll(128)).toBe(0);
    const share = taken() - before;
    expect(share).toBeGreaterThanOrEqual(32);
    expect(share).toBeLessThanOrEqual(36);
    exports.sock_close(handle);
  });

  test("with budget 0 moves time and takes nothing", async () => {
    const { eth, poll, stack, time } = await bare();
    eth.fill(echo(1));
    expect(poll(0)).toBe(0);
    expect(stack.interfaceAt(2)?.counters.rxPackets).toBe(0);
    const next = poll(2);
    expect(stack.interfaceAt(2)?.counters.rxPackets).toBe(1);
    expect(next).toBe(POLL_IDLE);
    expect(poll(0, time.us + 10)).toBe(POLL_IDLE);
  });

  test("says to the microsecond when it is due; early calls find nothing, late ones all", async () => {
    const { host, stack, poll, time, exports } = await bare();
    const socket = await stack.udp.bind();
    const fired = () => stack.statistics().counters.TIMERS_FIRED;
    // Three requests, a second apart, then failure.
    socket.trySend("x", { address: "192.168.1.50", port: 9 });
    let wait = poll();
    for (let i = 0; i < 3; i++) {
      expect(wait).toBeLessThanOrEqual(1_000_000);
      const due = time.us + 1_000_000;
      const before = fired();
      // Slots are found by levels: what it answers is never late.
      for (let steps = 0; time.us + wait < due; steps++) {
        time.us += wait;
        wait = poll();
        expect(fired()).toBe(before);
        expect(steps).toBeLessThan(6);
      }
      expect(time.us + wait).toBe(due);
      poll(512, due - 1);
      expect(fired()).toBe(before);
      time.us = due;
      wait = poll();
      expect(fired()).toBe(before + 1);
    }
    expect(stack.neighbours.list().find((n) => n.address === "192.168.1.50")?.state).toBe("failed");
    exports.stack_poll(0, 0, 0);
    host.run();
  });

  test("going back is no progress; a leap forward fires what was due, once", async () => {
    const { stack, poll, time } = await bare();
    const socket = await stack.udp.bind();
    socket.trySend("x", { address: "192.168.1.50", port: 9 });
    poll();
    const fired = () => stack.statistics().counters.TIMERS_FIRED;
    time.us += 500_000;
    const wait = poll();
    expect(poll(512, 0)).toBe(wait);
    expect(poll(512, time.us - 1)).toBe(wait);
    expect(fired()).toBe(0);
    for (const leap of [2 ** 31, 2 ** 32, 2 ** 36, 2 ** 40, 2 ** 52]) {
      time.us += leap;
      const before = fired();
      let left = 100;
      while (poll(1) === 0 && left-- > 0) {}
      expect(left).toBeGreaterThan(0);
      expect(fired() - before).toBeLessThanOrEqual(1);
    }
    // Beyond 2^63 is no time: nothing happens, and nothing hangs.
    const state = poll();
    expect(stack.core.exports.stack_poll(-1, -1, 512) >>> 0).toBe(state);
    expect(stack.core.exports.stack_poll(0, 0x80000000, 512) >>> 0).toBe(state);
    expect(poll()).toBe(state);
    socket.trySend("x", { address: "192.168.1.51", port: 9 });
    const before = fired();
    expect(poll()).toBeGreaterThan(500_000);
    expect(fired()).toBe(before);
  });

  test("a stack at rest is idle until something comes", async () => {
    const stack = await boot();
    await (stack.clock as VirtualClock).advance(5);
    expect(stack.core.exports.stack_poll(5, 0, 512) >>> 0).toBe(POLL_IDLE);
    expect(stack.pollAt()).toBe(Infinity);
    const reply = stack.ping("127.0.0.1");
    expect(stack.pollAt()).toBeLessThan(Infinity);
    await (stack.clock as VirtualClock).advance(1);
    await reply;
    expect(stack.pollAt()).toBe(Infinity);
  });

  test("what waits for the host alone is no work left", async () => {
    const { host, stack, poll, eth } = await bare();
    await stack.udp.bind({ port: 1000, queue: 4 });
    host.driver.busy = true;
    for (let i = 0; i < 10; i++) host.rxUdp({ dstPort: 1000 }, [i]);
    for (let i = 0; i < 10; i++) host.rxIcmp({ rest: i }, []);
    const [sent, queued] = eth.cursors("tx");
    expect(queued - sent).toBe(10);
    expect(poll()).toBe(POLL_IDLE);
  });
});
