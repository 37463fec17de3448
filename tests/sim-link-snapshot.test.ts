import { describe, expect, it } from "vitest";
import { numberedFrame } from "./drivers/fake-port.js";
import { logOf, ROUGH, traffic, world } from "./drivers/sim-world.js";

describe("SimLink: snapshot", () => {
  it.each([2, 3])("goes on to the same log, in place and on a fork, with %i ends", (ends) => {
    const original = world({ ...ROUGH, whenFull: "busy" }, ends);
    traffic(original, 0, 80);
    const record = structuredClone({ clock: original.clock.snapshot(), link: original.link.snapshot() });
    expect(record.link.ends.some((end) => end.flights.length > 2)).toBe(true);
    const goOn = (made: typeof original) => {
      for (const port of made.ports) port.received.length = port.receivedAtUs.length = port.waiting.length = 0;
      traffic(made, 80, 200);
      made.clock.advanceSync(1_000_000);
      return { log: logOf(made), counters: made.nics.map((nic) => nic.counters) };
    };
    const expected = goOn(original);
    expect(expected.log.flat().length).toBeGreaterThan(50);

    const fork = world({ seed: "another" }, ends);
    fork.clock.restore(record.clock);
    fork.link.restore(record.link);
    expect(fork.link.snapshot()).toEqual(record.link);
    expect(goOn(fork)).toEqual(expected);

    original.clock.restore(record.clock);
    original.link.restore(record.link);
    expect(goOn(original)).toEqual(expected);
  });

  it("can be taken and restored end by end, in any order", () => {
    const made = world(ROUGH);
    traffic(made, 0, 50);
    const clock = made.clock.snapshot();
    const ends = structuredClone(made.nics.map((nic) => nic.snapshot()));
    const goOn = () => {
      for (const port of made.ports) port.received.length = port.receivedAtUs.length = 0;
      made.clock.advanceSync(50_000);
      return logOf(made);
    };
    const expected = goOn();
    made.clock.restore(clock);
    for (const i of [1, 0]) made.nics[i]?.restore(ends[i] as (typeof ends)[number]);
    expect(goOn()).toEqual(expected);
  });

  it("keeps the carrier, the plugs, and who waits for room", () => {
    const made = world({ bitRate: 8_000_000, queueFrames: 0, whenFull: "busy" }, 3);
    made.nics[2]?.unplug();
    made.a.send(numberedFrame(0, 100));
    made.a.send(numberedFrame(1, 100));
    const waiting = structuredClone(made.link.snapshot());
    made.link.down();
    const down = structuredClone(made.link.snapshot());

    const fork = world({}, 3);
    fork.link.restore(down);
    expect(fork.nics.map((nic) => nic.carrier)).toEqual([false, false, false]);
    fork.link.restore(waiting);
    expect(fork.nics.map((nic) => nic.carrier)).toEqual([true, true, false]);
    fork.clock.advanceSync(99);
    expect([fork.a.wakes, fork.b.received.length]).toEqual([0, 0]);
    fork.clock.advanceSync(1);
    expect([fork.a.wakes, fork.b.received.length]).toEqual([1, 1]);
    expect(fork.ports.flatMap((port) => port.carriers)).toEqual([]);
  });

  it("forgets who heard whom before", () => {
    const made = world();
    made.nicB.unplug();
    const record = made.link.snapshot();
    made.nicB.plug();
    made.a.send(numberedFrame(0, 64));
    made.link.restore(record);
    made.a.send(numberedFrame(1, 64));
    expect(made.nicA.counters).toMatchObject({ sent: 1, carrierLost: 1, inFlight: 0 });
  });

  it("shares no memory with the link", () => {
    const made = world(ROUGH);
    traffic(made, 0, 50);
    const record = made.link.snapshot();
    const copy = structuredClone(record);
    traffic(made, 50, 150);
    made.link.restore(record);
    traffic(made, 50, 150);
    expect(record).toEqual(copy);
  });

  it("refuses records of other links", () => {
    const record = world({}, 3).link.snapshot();
    expect(() => world({}, 2).link.restore(record)).toThrow(TypeError);
    expect(() => world({ medium: "ip" }).link.restore(world().link.snapshot())).toThrow(TypeError);
    expect(() => world({}, 3, 1400).link.restore(record)).toThrow(/end 0 with an MTU of 1400/);
    expect(() => world().nicA.restore(world().nicB.snapshot())).toThrow(TypeError);
    expect(() => world().link.restore(undefined as never)).toThrow(TypeError);
    const three = world({ delayUs: 10 }, 3);
    three.a.send(numberedFrame(0, 64));
    expect(() => world().nicA.restore(three.nicA.snapshot())).toThrow(/ends that the link has not/);
  });
});
