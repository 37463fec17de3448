import { afterEach, describe, expect, it, vi } from "vitest";
import { type Clock, type Pollable, RealClock, VirtualClock } from "../src/clock.js";
import { Alarm } from "./drivers/alarm.js";

const always: Pollable = { pollAt: () => 0, poll: () => {} };
const code = (expected: string) => expect.objectContaining({ code: expected });

describe("VirtualClock", () => {
  it("runs participants in order of time, ties in order of registration", async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.add(new Alarm("a", [30, 50], log));
    clock.add(new Alarm("b", [10, 30, 40], log));
    clock.add(new Alarm("c", [10, 30], log));
    await clock.advance(40);
    expect(log).toEqual(["b@10", "c@10", "a@30", "b@30", "c@30", "b@40"]);
    expect(clock.now()).toBe(40);
    await clock.run();
    expect(log.at(-1)).toBe("a@50");
    expect(clock.now()).toBe(50);
  });

  it("gives each that is due one poll a round, so that none starves another", () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.add(new Alarm("a", [0, 0, 0], log));
    clock.add(new Alarm("b", [0, 0], log));
    clock.advanceSync(0);
    expect(log).toEqual(["a@0", "b@0", "a@0", "b@0", "a@0"]);
  });

  it("runs a woken participant at the same instant, in the next round", () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const sleeper = new Alarm("sleeper", [], log);
    clock.add(sleeper);
    clock.add(
      new Alarm("waker", [5], log, (nowUs) => {
        sleeper.times.push(nowUs);
        clock.wake(sleeper);
      }),
    );
    clock.add(new Alarm("other", [5], log));
    clock.advanceSync(10);
    expect(log).toEqual(["waker@5", "other@5", "sleeper@5"]);
  });

  it("sees that pollAt() has become later, and earlier after a wake", () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const alarm = new Alarm("a", [10], log);
    clock.add(alarm);
    alarm.times[0] = 20;
    clock.advanceSync(15);
    expect(log).toEqual([]);
    alarm.times[0] = 17;
    clock.wake(alarm);
    clock.advanceSync(5);
    expect(log).toEqual(["a@17"]);
  });

  it("polls late what was due in the past, and rounds fractions up", () => {
    const clock = new VirtualClock({ startUs: 1000 });
    const log: string[] = [];
    clock.add(new Alarm("past", [3], log));
    clock.add(new Alarm("fraction", [1000.25], log));
    clock.advanceSync(5);
    expect(log).toEqual(["past@1000", "fraction@1001"]);
  });

  it("lets participants come and go within a poll", () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const late = new Alarm("late", [5], log);
    const victim = new Alarm("victim", [5], log);
    const first: Alarm = new Alarm("first", [5, 6, 7], log, () => {
      clock.remove(victim);
      clock.remove(first);
      clock.add(late);
    });
    clock.add(first);
    clock.add(victim);
    clock.advanceSync(10);
    expect(log).toEqual(["first@5", "late@5"]);
    clock.wake(victim);
    clock.remove(victim);
    expect(() => clock.add(late)).toThrow(/Alarm is on this clock already/);
  });

  it("lets programs finish at each instant before time moves on", async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.add(new Alarm("tick", [100, 200, 300], log));
    const program = async (name: string) => {
      for (let i = 0; i < 2; i++) {
        await clock.sleep(100);
        for (let hop = 0; hop < 20; hop++) await null;
        log.push(`${name}@${clock.now()}`);
      }
      await clock.sleep(0);
      log.push(`${name} ends@${clock.now()}`);
    };
    const programs = [program("p"), program("q")];
    await clock.advance(300);
    await Promise.all(programs);
    expect(log).toEqual("tick@100 p@100 q@100 tick@200 p@200 q@200 p ends@200 q ends@200 tick@300".split(/ (?!ends)/));
  });

  it("starts with a turn for programs that have not come to their first wait", async () => {
    const clock = new VirtualClock();
    let wokeAtUs = -1;
    void (async () => {
      for (let hop = 0; hop < 5; hop++) await null;
      await clock.sleep(10);
      wokeAtUs = clock.now();
    })();
    await clock.advance(50);
    expect(wokeAtUs).toBe(10);
  });

  it("runs until a time, a predicate, a limit, or rest", async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.add(new Alarm("a", [10, 20, 30, 40], log));
    expect(await clock.runUntil(15)).toBe(true);
    expect(clock.now()).toBe(15);
    expect(await clock.runUntil(() => log.length === 3)).toBe(true);
    expect(clock.now()).toBe(30);
    expect(await clock.runUntil(() => false, 5)).toBe(false);
    expect(clock.now()).toBe(35);
    expect(await clock.runUntil(() => false)).toBe(false);
    expect(clock.now()).toBe(40);
    expect(await clock.runUntil(3)).toBe(true);
    expect(clock.now()).toBe(40);
    expect(await clock.runUntil(100, 10)).toBe(false);
    expect(clock.now()).toBe(50);
    expect(await clock.run()).toBe(true);
    clock.add({ pollAt: () => clock.now() + 1000, poll: () => {} });
    expect(await clock.run(5000)).toBe(false);
    expect(clock.now()).toBe(5050);
  });

  it("gives up on a participant that is always due, with a clear error", async () => {
    const clock = new VirtualClock({ maxRounds: 100 });
    clock.add(always);
    await expect(clock.advance(1)).rejects.toThrow(/still due at 0 µs after 100 rounds/);
    await expect(clock.advance(1)).rejects.toEqual(code("ERR_CLOCK_BUSY"));
    expect(() => clock.advanceSync(1)).toThrow(code("ERR_CLOCK_BUSY"));
    clock.remove(always);
    await clock.advance(1);
  });

  it("gives up on a program that never lets time pass", async () => {
    const clock = new VirtualClock({ maxRounds: 50 });
    const abort = new AbortController();
    const program = (async () => {
      for (;;) await clock.sleep(0, abort.signal);
    })();
    await expect(clock.advance(1)).rejects.toEqual(code("ERR_CLOCK_BUSY"));
    abort.abort(new Error("enough"));
    await expect(program).rejects.toThrow("enough");
  });

  it("counts rounds by instant: much work over time is no fault", () => {
    const clock = new VirtualClock({ maxRounds: 10 });
    const log: string[] = [];
    clock.add(
      new Alarm(
        "a",
        Array.from({ length: 1000 }, (_, i) => i),
        log,
      ),
    );
    clock.advanceSync(2000);
    expect(log).toHaveLength(1000);
  });

  it("takes a participant that throws off the clock and passes its error on", async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.add(
      new Alarm("bad", [5, 6], log, () => {
        throw new Error("trap");
      }),
    );
    clock.add(new Alarm("good", [5, 6], log));
    await expect(clock.advance(10)).rejects.toThrow("trap");
    expect(clock.now()).toBe(5);
    await clock.advance(10);
    expect(log).toEqual(["bad@5", "good@5", "good@6"]);
  });

  it("names a participant whose pollAt() is not a number", () => {
    const clock = new VirtualClock();
    const alarm = new Alarm("nan", [Number.NaN], []);
    expect(() => clock.add(alarm)).toThrow(/pollAt\(\) of Alarm is not a number/);
    alarm.times[0] = 5;
    clock.add(alarm);
    alarm.times[0] = Number.NaN;
    expect(() => clock.advanceSync(10)).toThrow(TypeError);
    clock.advanceSync(10);
  });

  it("is run by one at a time", async () => {
    const clock = new VirtualClock();
    const running = clock.advance(10);
    await expect(clock.run()).rejects.toEqual(code("ERR_CLOCK_RUNNING"));
    expect(() => clock.advanceSync(1)).toThrow(code("ERR_CLOCK_RUNNING"));
    await running;
    clock.add(new Alarm("a", [10], [], () => clock.advanceSync(1)));
    expect(() => clock.advanceSync(5)).toThrow(code("ERR_CLOCK_RUNNING"));
    await clock.advance(1);
  });

  it("refuses times and options that are none", async () => {
    const clock = new VirtualClock();
    for (const us of [-1, 0.5, Number.NaN, Infinity]) {
      await expect(clock.advance(us)).rejects.toThrow(RangeError);
      expect(() => clock.advanceSync(us)).toThrow(RangeError);
    }
    await expect(clock.runUntil(Number.NaN)).rejects.toThrow(RangeError);
    await expect(clock.run(-1)).rejects.toThrow(RangeError);
    expect(() => new VirtualClock({ startUs: -1 })).toThrow(/startUs/);
    expect(() => new VirtualClock({ maxRounds: 0 })).toThrow(/maxRounds/);
  });

  it("restores its time; pending sleeps of the old timeline reject, participants go on", async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const alarm = new Alarm("a", [10, 30], log);
    clock.add(alarm);
    await clock.advance(20);
    const record = structuredClone(clock.snapshot());
    expect(record).toEqual({ nowUs: 20 });
    await clock.advance(20);
    const sleep = clock.sleep(1000);
    clock.restore(record);
    await expect(sleep).rejects.toEqual(code("ERR_STACK_RESTORED"));
    expect(clock.now()).toBe(20);
    alarm.times.push(30);
    clock.wake(alarm);
    await clock.run();
    expect(log).toEqual(["a@10", "a@30", "a@30"]);
    expect(() => clock.restore({ nowUs: -1 })).toThrow(TypeError);
    expect(() => clock.restore(undefined as never)).toThrow(TypeError);
  });

  it("ends a run of the old timeline", async () => {
    const clock = new VirtualClock();
    clock.add(new Alarm("a", [10], [], () => clock.restore({ nowUs: 0 })));
    await expect(clock.advance(100)).rejects.toEqual(code("ERR_STACK_RESTORED"));
    const running = clock.advance(100);
    clock.restore({ nowUs: 7 });
    await expect(running).rejects.toEqual(code("ERR_STACK_RESTORED"));
    await clock.advance(1);
    expect(clock.now()).toBe(8);
  });

  it("does not depend on the machine's time", async () => {
    vi.useFakeTimers();
    try {
      const clock = new VirtualClock();
      const sleep = clock.sleep(3_600_000_000);
      await clock.advance(3_600_000_000);
      await sleep;
      expect(clock.now()).toBe(3_600_000_000);
    } finally {
      vi.useRealTimers();
    }
  });

  it("takes ten thousand participants", () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    for (let i = 0; i < 10_000; i++) clock.add(new Alarm(`${i}`, [(i * 7919) % 10_007, 20_000], log));
    clock.advanceSync(20_000);
    expect(log).toHaveLength(20_000);
    const times = log.map((entry) => Number(entry.split("@")[1]));
    expect(times.every((time, i) => i === 0 || time >= (times[i - 1] as number))).toBe(true);
    expect(log.slice(10_000)).toEqual(Array.from({ length: 10_000 }, (_, i) => `${i}@20000`));
  });
});

describe.each<[string, () => Clock, (clock: Clock) => Promise<unknown>]>([
  ["VirtualClock", () => new VirtualClock(), (clock) => (clock as VirtualClock).advance(5000)],
  ["RealClock", () => new RealClock(), (clock) => clock.sleep(5000)],
])("sleep on a %s", (_name, make, pass) => {
  const settled = vi.fn();
  afterEach(() => settled.mockClear());

  it("settles when the time has passed", async () => {
    const clock = make();
    const start = clock.now();
    const sleep = clock.sleep(1500).then(() => clock.now() - start);
    await pass(clock);
    expect(await sleep).toBeGreaterThanOrEqual(1500);
  });

  it("rejects with the signal's reason when aborted, before or meanwhile", async () => {
    const clock = make();
    const reason = new Error("no longer wanted");
    await expect(clock.sleep(10, AbortSignal.abort(reason))).rejects.toBe(reason);
    const abort = new AbortController();
    const remove = vi.spyOn(abort.signal, "removeEventListener");
    const sleep = clock.sleep(1e9, abort.signal);
    abort.abort(reason);
    await expect(sleep).rejects.toBe(reason);
    expect(remove).toHaveBeenCalledOnce();
    await pass(clock);
  });

  it("leaves no listener on the signal behind", async () => {
    const clock = make();
    const abort = new AbortController();
    const sleep = clock.sleep(100, abort.signal).then(settled);
    await pass(clock);
    await sleep;
    abort.abort();
    await pass(clock);
    expect(settled).toHaveBeenCalledOnce();
  });

  it("refuses times that are none", async () => {
    const clock = make();
    for (const us of [-1, Number.NaN, Infinity, "5" as never]) {
      await expect(clock.sleep(us)).rejects.toThrow(RangeError);
    }
  });
});

describe("turn", () => {
  it.each(["setImmediate", "MessageChannel", "setTimeout"])("runs all waiting microtasks first, by %s", async (by) => {
    if (by !== "setImmediate") vi.stubGlobal("setImmediate", undefined);
    if (by === "setTimeout") vi.stubGlobal("MessageChannel", undefined);
    vi.resetModules();
    try {
      const { turn } = await import("../src/clock/turn.js");
      const log: string[] = [];
      const program = async (name: string) => {
        for (let hop = 0; hop < 100; hop++) await null;
        log.push(name);
      };
      const turns = [turn().then(() => log.push("turn 1")), turn().then(() => log.push("turn 2"))];
      void program("a");
      void program("b");
      await Promise.all(turns);
      expect(log).toEqual(["a", "b", "turn 1", "turn 2"]);
    } finally {
      vi.unstubAllGlobals();
      vi.resetModules();
    }
  });
});
