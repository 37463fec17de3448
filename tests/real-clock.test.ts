import { describe, expect, it } from "vitest";
import { type Pollable, RealClock } from "../src/clock.js";
import { Alarm } from "./drivers/alarm.js";

/** How many timers keep this process alive. */
const liveTimers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

describe("RealClock", () => {
  it("tells whole microseconds that never go back", async () => {
    const clock = new RealClock();
    let last = clock.now();
    expect(last).toBeLessThan(1_000_000);
    for (let i = 0; i < 1000; i++) {
      const now = clock.now();
      expect(Number.isInteger(now) && now >= last).toBe(true);
      last = now;
    }
    await clock.sleep(5000);
    expect(clock.now() - last).toBeGreaterThanOrEqual(5000);
  });

  it("polls when due, never early", async () => {
    const clock = new RealClock();
    const log: string[] = [];
    const start = clock.now();
    const alarm = new Alarm("a", [start + 2000, start + 7300, start + 7400], log);
    clock.add(alarm);
    while (alarm.times.length > 0 && clock.now() - start < 2_000_000) await clock.sleep(1000);
    expect(log).toHaveLength(3);
    const times = log.map((entry) => Number(entry.split("@")[1]) - start);
    expect(times[0]).toBeGreaterThanOrEqual(2000);
    expect(times[1]).toBeGreaterThanOrEqual(7300);
    expect(times[2]).toBeGreaterThanOrEqual(7400);
  });

  it("makes one round of many wakes, before the next macrotask", async () => {
    const clock = new RealClock();
    const log: string[] = [];
    const a = new Alarm("a", [], log);
    const b = new Alarm("b", [], log);
    clock.add(a);
    clock.add(b);
    b.times.push(0);
    for (let i = 0; i < 100; i++) clock.wake(b);
    a.times.push(0);
    clock.wake(a);
    expect(log).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.map((entry) => entry[0])).toEqual(["a", "b"]);
  });

  it("moves its timer forward when a participant is woken for an earlier time", async () => {
    const clock = new RealClock();
    const alarm = new Alarm("a", [clock.now() + 60_000_000], []);
    clock.add(alarm);
    alarm.times[0] = clock.now() + 1000;
    clock.wake(alarm);
    const start = clock.now();
    while (alarm.times.length > 0 && clock.now() - start < 2_000_000) await clock.sleep(1000);
    expect(alarm.times).toEqual([]);
  });

  it("lets the event loop turn under work without end", async () => {
    const clock = new RealClock();
    let polls = 0;
    const busy: Pollable = { pollAt: () => 0, poll: () => void polls++ };
    clock.add(busy);
    await new Promise((resolve) => setTimeout(resolve, 15));
    clock.remove(busy);
    expect(polls).toBeGreaterThan(10);
  });

  it("keeps the process alive for ref() and sleeps, not for an idle or a waiting participant", async () => {
    const clock = new RealClock();
    const before = liveTimers();
    clock.add(new Alarm("later", [clock.now() + 50_000], []));
    expect(liveTimers()).toBe(before);
    clock.ref();
    clock.ref();
    expect(liveTimers()).toBe(before + 1);
    clock.unref();
    expect(liveTimers()).toBe(before + 1);
    clock.unref();
    expect(liveTimers()).toBe(before);
    expect(() => clock.unref()).toThrow(/without ref/);

    const idle = new RealClock();
    const keeps = () => {
      const others = liveTimers();
      idle.ref();
      const withRef = liveTimers();
      idle.unref();
      return withRef === others; // no more with a ref() than without
    };
    expect(keeps()).toBe(false);
    const sleep = idle.sleep(1000);
    expect(keeps()).toBe(true);
    await sleep;
    expect(keeps()).toBe(false);
  });

  it("reports a participant's error as uncaught, takes it off, and goes on", async () => {
    const clock = new RealClock();
    const log: string[] = [];
    const uncaught: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error));
    try {
      clock.add(
        new Alarm("bad", [0, 0], log, () => {
          throw new Error("trap");
        }),
      );
      clock.add(new Alarm("good", [0], log));
      await new Promise((resolve) => setTimeout(resolve, 5));
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
    expect(uncaught).toEqual([new Error("trap")]);
    expect(log.map((entry) => entry.split("@")[0])).toEqual(["bad", "good"]);
  });

  it("goes forward to a record of a later time, never back", async () => {
    const clock = new RealClock();
    clock.restore({ nowUs: 1e12 });
    expect(clock.now()).toBeGreaterThanOrEqual(1e12);
    clock.restore({ nowUs: 5 });
    expect(clock.now()).toBeGreaterThanOrEqual(1e12);
    const sleep = clock.sleep(10_000_000);
    clock.restore(clock.snapshot());
    await expect(sleep).rejects.toEqual(expect.objectContaining({ code: "ERR_STACK_RESTORED" }));
  });
});
