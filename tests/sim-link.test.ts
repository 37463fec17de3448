import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RealClock } from "../src/clock.js";
import type { LinkConditions } from "../src/drivers/sim-conditions.js";
import { SimLink } from "../src/drivers/sim-link.js";
import { FakePort, numberedFrame } from "./drivers/fake-port.js";
import { expectAllAccountedFor, logOf, numberOf, ROUGH, traffic, world } from "./drivers/sim-world.js";

describe("SimLink: determinism", () => {
  it.each([2, 3])("gives the same bytes at the same microsecond for the same seed, with %i ends", (ends) => {
    const logs = ["x", "x", "y"].map((seed) => {
      const made = world({ ...ROUGH, seed }, ends);
      traffic(made);
      made.clock.advanceSync(1_000_000);
      return logOf(made);
    });
    expect(logs[0]?.flat().length).toBeGreaterThan(100);
    expect(logs[1]).toEqual(logs[0]);
    expect(logs[2]).not.toEqual(logs[0]);
  });

  it("is the same in one advance or many, synchronous or not", async () => {
    const one = world(ROUGH);
    const many = world(ROUGH);
    for (const made of [one, many]) for (let i = 0; i < 40; i++) made.a.send(numberedFrame(i, 500));
    await one.clock.advance(50_000);
    for (let i = 0; i < 500; i++) many.clock.advanceSync(100);
    expect(logOf(many)).toEqual(logOf(one));
  });

  it("lets one direction's chances not depend on the other's traffic", () => {
    const quiet = world(ROUGH);
    const loud = world(ROUGH);
    for (let i = 0; i < 100; i++) {
      for (const made of [quiet, loud]) made.a.send(numberedFrame(i, 300));
      loud.b.send(numberedFrame(i, 700));
      for (const made of [quiet, loud]) made.clock.advanceSync(500);
    }
    expect(logOf(loud)[1]).toEqual(logOf(quiet)[1]);
  });

  it("hits the same frames with one condition whatever the others are", () => {
    const arrivedOf = (conditions: Partial<LinkConditions>) => {
      const made = world({ loss: 0.2, ...conditions });
      for (let i = 0; i < 300; i++) made.a.send(numberedFrame(i, 100));
      made.clock.advanceSync(1_000_000);
      return [...new Set(made.b.received.map(numberOf))].sort((x, y) => x - y);
    };
    expect(arrivedOf({ duplicate: 0.5, reorder: 0.3, jitterUs: 50 })).toEqual(arrivedOf({}));
  });

  it("derives locally administered MACs from seed and end", () => {
    const macs = [world({ seed: 5 }, 3), world({ seed: 5 }, 3), world({ seed: 6 }, 3)].map(({ nics }) =>
      nics.map((nic) => Array.from(nic.mac ?? [])),
    );
    expect(macs[1]).toEqual(macs[0]);
    expect(new Set([...(macs[0] ?? []), ...(macs[2] ?? [])].map(String)).size).toBe(6);
    for (const mac of macs.flat()) {
      expect(mac).toHaveLength(6);
      expect(mac[0]).toBe(2);
    }
  });
});

describe("SimLink: time", () => {
  it("serialises exactly: 1500 bytes at 10 Mbit/s take 1200 µs, and frames queue", () => {
    const { clock, a, b } = world({ bitRate: 10_000_000 });
    for (let i = 0; i < 3; i++) a.send(numberedFrame(i, 1500));
    clock.advanceSync(1199);
    expect(b.received).toHaveLength(0);
    clock.advanceSync(100_000);
    expect(b.receivedAtUs).toEqual([1200, 2400, 3600]);
  });

  it("keeps the fractions of microseconds over any number of frames", () => {
    const { clock, a, b } = world({ bitRate: 3_000_000_000, queueFrames: 10_000 });
    for (let i = 0; i < 7000; i++) a.send(numberedFrame(i, 64)); // 64 * 8 / 3000 = 0.17066… µs each
    clock.advanceSync(10_000);
    const expected = Array.from({ length: 7000 }, (_, i) => Math.ceil(((i + 1) * 512) / 3000));
    expect(b.receivedAtUs).toEqual(expected);
  });

  it("adds the delay after the last bit, and starts afresh when the sender was idle", () => {
    const { clock, a, b } = world({ bitRate: 8_000_000, delayUs: 10_000 });
    a.send(numberedFrame(0, 100));
    clock.advanceSync(5000);
    a.send(numberedFrame(1, 100));
    clock.advanceSync(100_000);
    expect(b.receivedAtUs).toEqual([10_100, 15_100]);
  });

  it("delivers at once without delay and rate, but never within transmit()", () => {
    const { clock, a, b } = world();
    a.send(numberedFrame(0, 60));
    expect(b.received).toHaveLength(0);
    clock.advanceSync(0);
    expect(b.receivedAtUs).toEqual([0]);
  });

  it("jitters evenly between delay and delay + jitter", () => {
    const { clock, a, b } = world({ delayUs: 1000, jitterUs: 99 });
    const sentAtUs: number[] = [];
    for (let i = 0; i < 5000; i++) {
      sentAtUs.push(clock.now());
      a.send(numberedFrame(i, 60));
      clock.advanceSync(200);
    }
    clock.advanceSync(2000);
    const tookUs = b.receivedAtUs.map((atUs, i) => atUs - (sentAtUs[i] as number));
    expect(Math.min(...tookUs)).toBe(1000);
    expect(Math.max(...tookUs)).toBe(1099);
    expect(tookUs.reduce((sum, us) => sum + us, 0) / tookUs.length).toBeCloseTo(1049.5, -0.5);
    const firstHalf = tookUs.filter((us) => us < 1050).length;
    expect(firstHalf / tookUs.length).toBeGreaterThan(0.46);
    expect(firstHalf / tookUs.length).toBeLessThan(0.54);
  });

  it("never reorders by jitter, and stays within its bounds back to back", () => {
    const { clock, a, b } = world({ delayUs: 1000, jitterUs: 5000 });
    const sentAtUs: number[] = [];
    for (let i = 0; i < 1000; i++) {
      sentAtUs.push(clock.now());
      a.send(numberedFrame(i, 60));
      clock.advanceSync(i % 50);
    }
    clock.advanceSync(10_000);
    expect(b.received.map(numberOf)).toEqual(sentAtUs.map((_, i) => i));
    const tookUs = b.receivedAtUs.map((atUs, i) => atUs - (sentAtUs[i] as number));
    expect(Math.min(...tookUs)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...tookUs)).toBeLessThanOrEqual(6000);
  });

  it("lets no frame overtake the copy of one before", () => {
    const { clock, a, b } = world({ delayUs: 100, jitterUs: 5000, duplicate: 0.5 });
    for (let i = 0; i < 500; i++) {
      a.send(numberedFrame(i, 60));
      clock.advanceSync(i % 50);
    }
    clock.advanceSync(10_000);
    const numbers = b.received.map(numberOf);
    expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
  });

  it("reorders by holding frames back for exactly reorderUs", () => {
    const { clock, a, b, nicA } = world({ delayUs: 1000, reorder: 0.2, reorderUs: 350 });
    for (let i = 0; i < 1000; i++) {
      a.send(numberedFrame(i, 60));
      clock.advanceSync(100);
    }
    clock.advanceSync(10_000);
    const lateness = b.received.map((frame, i) => (b.receivedAtUs[i] as number) - 1000 - numberOf(frame) * 100);
    expect(new Set(lateness)).toEqual(new Set([0, 350]));
    const held = lateness.filter((us) => us === 350).length;
    expect(held).toBe(nicA.counters.reordered);
    expect(held).toBeGreaterThan(150);
    expect(held).toBeLessThan(250);
    const order = b.received.map(numberOf);
    expect(order).not.toEqual([...order].sort((x, y) => x - y));
    expect(order).toHaveLength(1000);
  });
});

describe("SimLink: chance", () => {
  const N = 20_000;
  const after = (conditions: Partial<LinkConditions>) => {
    const made = world({ queueFrames: N, ...conditions });
    for (let i = 0; i < N; i++) made.a.send(numberedFrame(i, 64));
    made.clock.advanceSync(1_000_000);
    return made;
  };

  it("loses about as many as asked, none at 0 and all at 1", () => {
    const { nicA, b } = after({ loss: 0.05 });
    expect(nicA.counters.lost / N).toBeGreaterThan(0.043);
    expect(nicA.counters.lost / N).toBeLessThan(0.057);
    expect(b.received).toHaveLength(N - nicA.counters.lost);
    expect(after({ loss: 0 }).b.received).toHaveLength(N);
    expect(after({ loss: 1 }).b.received).toHaveLength(0);
  });

  it("doubles about as many as asked, the copy after the original", () => {
    const { nicA, b } = after({ duplicate: 0.05 });
    expect(nicA.counters.duplicated / N).toBeGreaterThan(0.043);
    expect(nicA.counters.duplicated / N).toBeLessThan(0.057);
    expect(b.received).toHaveLength(N + nicA.counters.duplicated);
    const numbers = b.received.map(numberOf);
    expect(numbers).toEqual([...numbers].sort((x, y) => x - y));
    expect(after({ duplicate: 1 }).b.received).toHaveLength(2 * N);
  });

  it("flips one bit in about as many as asked, any bit", () => {
    const { nicA, b } = after({ corrupt: 0.1 });
    const positions: number[] = [];
    for (const [i, frame] of b.received.entries()) {
      const good = numberedFrame(i, 64);
      for (let byte = 0; byte < 64; byte++) {
        const wrong = (frame[byte] as number) ^ (good[byte] as number);
        for (let bit = 0; bit < 8; bit++) if ((wrong >> bit) & 1) positions.push(byte * 8 + bit);
      }
    }
    expect(positions).toHaveLength(nicA.counters.corrupted);
    expect(positions.length / N).toBeGreaterThan(0.09);
    expect(positions.length / N).toBeLessThan(0.11);
    expect(new Set(positions).size).toBeGreaterThan(480); // of 512, by about 2,000 hits
  });
});

describe("SimLink: on the real clock", () => {
  it("delivers no frame early, and keeps the order", async () => {
    const clock = new RealClock();
    const link = new SimLink({ clock, delayUs: 3000, bitRate: 8_000_000 });
    const a = new FakePort(link.nic(), clock);
    const b = new FakePort(link.nic(), clock);
    const startUs = clock.now();
    for (let i = 0; i < 20; i++) a.send(numberedFrame(i, 100));
    while (b.received.length < 20 && clock.now() - startUs < 3_000_000) await clock.sleep(1000);
    expect(b.received.map(numberOf)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    for (const [i, atUs] of b.receivedAtUs.entries()) {
      expect(atUs - startUs).toBeGreaterThanOrEqual(3000 + 100 * (i + 1));
    }
    link.close();
  });
});

describe("SimLink: nothing invented, nothing lost uncounted", () => {
  const conditions = fc.record({
    delayUs: fc.nat(3000),
    jitterUs: fc.nat(2000),
    bitRate: fc.constantFrom(Infinity, 1_000_000, 7_777_777, 1_000_000_000),
    queueFrames: fc.nat(8),
    whenFull: fc.constantFrom("drop" as const, "busy" as const),
    loss: fc.constantFrom(0, 0.2, 1),
    duplicate: fc.constantFrom(0, 0.3, 1),
    reorder: fc.constantFrom(0, 0.3),
    reorderUs: fc.nat(4000),
    flightLimit: fc.integer({ min: 1, max: 30 }),
  });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("send" as const),
        end: fc.nat(2),
        len: fc.integer({ min: 18, max: 1600 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), us: fc.nat(1500) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("down" as const, "up" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("plug" as const, "unplug" as const), end: fc.nat(2) }) },
  );

  it("whatever the conditions and whatever happens", () => {
    fc.assert(
      fc.property(
        conditions,
        fc.integer({ min: 2, max: 3 }),
        fc.array(step, { maxLength: 80 }),
        (options, ends, steps) => {
          const made = world(options, ends);
          const { clock, link, nics, ports } = made;
          let number = 0;
          let offered = 0;
          for (const action of steps) {
            if (action.do === "send" && action.end < ends) {
              ports[action.end]?.send(numberedFrame(number++, action.len));
              offered++;
            } else if (action.do === "pass") clock.advanceSync(action.us);
            else if (action.do === "down") link.down();
            else if (action.do === "up") link.up();
            else if (action.do === "plug") nics[action.end]?.plug();
            else if (action.do === "unplug") nics[action.end]?.unplug();
            expectAllAccountedFor(nics);
          }
          clock.advanceSync(100_000_000);
          expectAllAccountedFor(nics);
          const sum = (name: "sent" | "inFlight" | "arrived" | "received" | "missed" | "refused") =>
            nics.reduce((total, nic) => total + nic.counters[name], 0);
          expect(sum("inFlight")).toBe(0);
          expect(sum("sent")).toBe(offered);
          expect(ports.every((port) => port.waiting.length === 0)).toBe(true);
          expect(sum("received")).toBe(ports.reduce((total, port) => total + port.received.length, 0));
          expect(sum("refused")).toBe(0);
          expect(sum("received")).toBeLessThanOrEqual(sum("arrived") * (ends - 1));
          for (const port of ports) {
            for (const frame of port.received) expect(frame).toEqual(numberedFrame(numberOf(frame), frame.length));
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
