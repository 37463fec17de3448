import { describe, expect, it } from "vitest";
import { VirtualClock } from "../src/clock.js";
import { type FrameInfo, SimLink } from "../src/drivers/sim-link.js";
import { FakePort, numberedFrame } from "./drivers/fake-port.js";
import { expectAllAccountedFor, numberOf, world } from "./drivers/sim-world.js";

describe("SimLink: queue", () => {
  it("drops at the tail and counts, beside the frame being sent", () => {
    const { clock, a, b, nicA } = world({ bitRate: 8_000_000, queueFrames: 3 });
    for (let i = 0; i < 10; i++) expect(a.send(numberedFrame(i, 100))).toBe(true);
    expect(nicA.counters).toMatchObject({ sent: 10, dropped: 6, inFlight: 4 });
    clock.advanceSync(100); // one is through: one place
    for (let i = 10; i < 12; i++) a.send(numberedFrame(i, 100));
    clock.advanceSync(10_000);
    expect(b.received.map(numberOf)).toEqual([0, 1, 2, 3, 10]);
    expect(b.receivedAtUs).toEqual([100, 200, 300, 400, 500]);
  });

  it("or answers busy, and wakes when the next frame begins to be sent", () => {
    const { clock, a, b, nicA } = world({ bitRate: 8_000_000, queueFrames: 1, whenFull: "busy" });
    for (let i = 0; i < 6; i++) a.send(numberedFrame(i, 100));
    expect(a.waiting).toHaveLength(4);
    expect(nicA.counters).toMatchObject({ sent: 2, dropped: 0, busy: 1 });
    clock.advanceSync(100);
    expect(a.waiting).toHaveLength(3);
    clock.advanceSync(10_000);
    expect(b.receivedAtUs).toEqual([100, 200, 300, 400, 500, 600]);
    expect(b.received.map(numberOf)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(a.wakes).toBe(4);
  });

  it("does without any queue", () => {
    const { clock, a, b } = world({ bitRate: 8_000_000, queueFrames: 0, whenFull: "busy" });
    for (let i = 0; i < 3; i++) a.send(numberedFrame(i, 100));
    clock.advanceSync(1000);
    expect(b.receivedAtUs).toEqual([100, 200, 300]);
  });

  it("bounds what is on its way", () => {
    const { clock, a, b, nicA } = world({ delayUs: 1_000_000, flightLimit: 5 });
    for (let i = 0; i < 8; i++) a.send(numberedFrame(i, 100));
    expect(nicA.counters).toMatchObject({ inFlight: 5, dropped: 3 });
    clock.advanceSync(2_000_000);
    expect(b.received).toHaveLength(5);
  });

  it("drops what is longer than the MTU allows, header and one tag included", () => {
    const { clock, a, b, nicA } = world();
    a.send(numberedFrame(0, 1518));
    a.send(numberedFrame(1, 1519));
    clock.advanceSync(1);
    expect(b.received.map(numberOf)).toEqual([0]);
    expect(nicA.counters).toMatchObject({ oversize: 1, arrived: 1 });
  });
});

describe("SimLink: ends and carrier", () => {
  it("brings a frame to every other end, as a hub", () => {
    const { clock, ports, nics } = world({ delayUs: 10 }, 4);
    ports[2]?.send(numberedFrame(1, 64));
    clock.advanceSync(10);
    expect(ports.map((port) => port.received.length)).toEqual([1, 1, 0, 1]);
    expect(nics[2]?.counters).toMatchObject({ sent: 1, arrived: 1 });
  });

  it("loses and counts what is on its way when the link goes down", () => {
    const { clock, link, a, b, nicA, nicB } = world({ delayUs: 1000, bitRate: 8_000_000 });
    for (let i = 0; i < 5; i++) a.send(numberedFrame(i, 100));
    b.send(numberedFrame(9, 100));
    clock.advanceSync(500);
    link.down();
    link.down();
    expect(link.carrier || nicA.carrier || nicB.carrier).toBe(false);
    expect([a.carriers, b.carriers]).toEqual([[false], [false]]);
    expect(nicA.counters).toMatchObject({ carrierLost: 5, inFlight: 0 });
    expect(nicB.counters).toMatchObject({ carrierLost: 1, inFlight: 0 });
    a.send(numberedFrame(10, 100));
    link.up();
    clock.advanceSync(100);
    expect(a.carriers).toEqual([false, true]);
    expect(nicA.counters).toMatchObject({ sent: 6, carrierLost: 6 });
    a.send(numberedFrame(11, 100));
    clock.advanceSync(10_000);
    expect(b.received.map(numberOf)).toEqual([11]);
    expect(b.receivedAtUs).toEqual([600 + 100 + 1000]);
    expectAllAccountedFor([nicA, nicB]);
  });

  it("unplugs one end of a hub: only what concerns it is lost", () => {
    const { clock, ports, nics } = world({ delayUs: 1000 }, 3);
    const [a, b, c] = ports as [FakePort, FakePort, FakePort];
    a.send(numberedFrame(1, 64));
    b.send(numberedFrame(2, 64));
    clock.advanceSync(500);
    nics[1]?.unplug();
    expect([a.carriers, b.carriers, c.carriers]).toEqual([[], [false], []]);
    a.send(numberedFrame(3, 64));
    clock.advanceSync(100);
    nics[1]?.plug();
    a.send(numberedFrame(4, 64));
    clock.advanceSync(5000);
    expect(b.carriers).toEqual([false, true]);
    expect(b.received.map(numberOf)).toEqual([4]);
    expect(c.received.map(numberOf)).toEqual([1, 3, 4]);
    expect(nics[1]?.counters).toMatchObject({ missed: 1, carrierLost: 1, received: 1 });
    expectAllAccountedFor(nics);
  });

  it("loses at once what nobody is left to hear", () => {
    const { clock, a, nicA, nicB } = world({ delayUs: 1000 });
    a.send(numberedFrame(1, 64));
    nicB.unplug();
    expect(nicA.counters).toMatchObject({ carrierLost: 1, inFlight: 0 });
    a.send(numberedFrame(2, 64));
    expect(nicA.counters).toMatchObject({ carrierLost: 2 });
    clock.advanceSync(2000);
    expectAllAccountedFor([nicA, nicB]);
  });

  it.each(["down", "unplug"])("starts afresh after %s: nothing waits, the sender is free", (how) => {
    const { clock, link, a, b, nicA } = world({
      bitRate: 8_000_000,
      delayUs: 50_000,
      queueFrames: 4,
      whenFull: "busy",
    });
    for (let i = 0; i < 8; i++) a.send(numberedFrame(i, 1000));
    expect(a.waiting).toHaveLength(3);
    clock.advanceSync(500);
    if (how === "down") link.down();
    else nicA.unplug();
    expect(a.waiting, "woken, and lost like the rest").toEqual([]);
    expect(nicA.counters).toMatchObject({ sent: 8, carrierLost: 8, inFlight: 0 });
    if (how === "down") link.up();
    else nicA.plug();
    link.configure({ delayUs: 0 });
    a.send(numberedFrame(9, 1000));
    clock.advanceSync(100_000);
    expect(b.receivedAtUs).toEqual([1500]);
  });

  it("delivers to nobody who loses the carrier during the delivery", () => {
    const { clock, ports, nics } = world({}, 3);
    const [a, b, c] = ports as [FakePort, FakePort, FakePort];
    b.receive = () => {
      nics[2]?.unplug();
      return true;
    };
    a.send(numberedFrame(1, 64));
    clock.advanceSync(1);
    expect(c.received).toEqual([]);
    expect(nics[2]?.counters.missed).toBe(1);
  });

  it("does not hang when two ends echo for ever in no time", () => {
    const clock = new VirtualClock({ maxRounds: 1000 });
    const link = new SimLink({ clock });
    const [a, b] = [link.nic(), link.nic()].map((nic) => new FakePort(nic, clock)) as [FakePort, FakePort];
    for (const port of [a, b]) port.receive = (frame) => port.send(frame.slice());
    a.send(numberedFrame(1, 64));
    expect(() => clock.advanceSync(1)).toThrow(/SimLink is still due at 0 µs/);
  });

  it("tells a port that is attached without carrier, and calls a detached one no more", () => {
    const { clock, link, a, nicA, nicB } = world();
    nicB.detach();
    link.down();
    const late = new FakePort(nicB, clock);
    expect(late.carriers).toEqual([false]);
    expect(() => new FakePort(nicB, clock)).toThrow(/attached already/);
    link.up();
    expect(late.carriers).toEqual([false, true]);
    nicB.detach();
    a.send(numberedFrame(1, 64));
    clock.advanceSync(1);
    expect(nicB.counters.missed).toBe(1);
    expect(nicA.counters.arrived).toBe(1);
  });

  it("takes one port of an ip link's two ends, without MAC", () => {
    const { clock, link, a, b, nicA } = world({ medium: "ip" }, 2, 576);
    expect(nicA.mac).toBeUndefined();
    expect(nicA.medium).toBe("ip");
    a.send(numberedFrame(1, 576));
    a.send(numberedFrame(2, 577));
    clock.advanceSync(1);
    expect(b.received.map(numberOf)).toEqual([1]);
    expect(() => link.nic()).toThrow(/ends/);
  });

  it("closes: down, and off its clock", () => {
    const { clock, link, a, b } = world({ delayUs: 10 });
    a.send(numberedFrame(1, 64));
    link.close();
    clock.advanceSync(100);
    expect(b.received).toEqual([]);
    expect(a.carriers).toEqual([false]);
  });
});

describe("SimLink: changing conditions", () => {
  it("leaves frames on their way as they are, and holds for those sent later", () => {
    const { clock, link, a, b, nicA, nicB } = world({ delayUs: 1000 });
    a.send(numberedFrame(0, 100));
    nicA.configure({ delayUs: 3000, bitRate: 8_000_000 });
    a.send(numberedFrame(1, 100));
    b.send(numberedFrame(2, 100));
    clock.advanceSync(10_000);
    expect(b.receivedAtUs).toEqual([1000, 3100]);
    expect(a.receivedAtUs).toEqual([1000]);
    link.configure({ delayUs: 50 });
    expect(nicA.conditions).toMatchObject({ delayUs: 50, bitRate: 8_000_000 });
    expect(nicB.conditions).toMatchObject({ delayUs: 50, bitRate: Infinity });
    expect(link.nic().conditions.delayUs).toBe(50);
    link.configure({ loss: 1 });
    a.send(numberedFrame(3, 100));
    clock.advanceSync(10_000);
    expect(b.received).toHaveLength(2);
  });

  it("lets no frame overtake when the delay is cut or the rate lifted", () => {
    const { clock, a, b, nicA } = world({ delayUs: 1000, bitRate: 7_000_000 });
    for (let i = 0; i < 4; i++) a.send(numberedFrame(i, 100));
    nicA.configure({ delayUs: 0 });
    a.send(numberedFrame(4, 100));
    nicA.configure({ bitRate: 11_000_000 });
    a.send(numberedFrame(5, 100));
    nicA.configure({ bitRate: Infinity });
    a.send(numberedFrame(6, 100));
    clock.advanceSync(10_000);
    expect(b.received.map(numberOf)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("rounds a started microsecond up when the rate changes", () => {
    const { clock, a, b, nicA } = world({ bitRate: 3_000_000_000 });
    a.send(numberedFrame(0, 64)); // 0.17 µs
    nicA.configure({ bitRate: 8_000_000 });
    a.send(numberedFrame(1, 100));
    clock.advanceSync(1000);
    expect(b.receivedAtUs).toEqual([1, 101]);
  });

  it("wakes one who waits for room that is there now", () => {
    const { clock, a, b, nicA } = world({ bitRate: 8_000_000, queueFrames: 0, whenFull: "busy" });
    for (let i = 0; i < 4; i++) a.send(numberedFrame(i, 100));
    nicA.configure({ queueFrames: 10 });
    expect(a.waiting).toEqual([]);
    clock.advanceSync(1000);
    expect(b.receivedAtUs).toEqual([100, 200, 300, 400]);
  });
});

describe("SimLink: tap", () => {
  it("shows what was sent and what became of it", () => {
    const seen: (FrameInfo & { number: number })[] = [];
    const { clock, link, a, nicB } = world({ delayUs: 100, queueFrames: 1, bitRate: 8_000_000 });
    link.onFrame = (frame, info) => seen.push({ ...info, number: numberOf(frame) });
    for (let i = 0; i < 3; i++) a.send(numberedFrame(i, 100));
    clock.advanceSync(250);
    nicB.unplug();
    link.onFrame = undefined;
    a.send(numberedFrame(9, 100));
    expect(seen).toEqual([
      { timeUs: 0, end: 0, event: "sent", number: 0 },
      { timeUs: 0, end: 0, event: "sent", number: 1 },
      { timeUs: 0, end: 0, event: "sent", number: 2 },
      { timeUs: 0, end: 0, event: "dropped", number: 2 },
      { timeUs: 200, end: 0, event: "arrived", number: 0 },
      { timeUs: 250, end: 0, event: "carrier", number: 1 },
    ]);
  });

  it("shows a frame lost by chance, and each copy", () => {
    const events: string[] = [];
    const { clock, link, a } = world({ loss: 1, onFrame: (_frame, { event }) => events.push(event) });
    a.send(numberedFrame(0, 100));
    link.configure({ loss: 0, duplicate: 1 });
    a.send(numberedFrame(1, 100));
    clock.advanceSync(1);
    expect(events).toEqual(["sent", "lost", "sent", "arrived", "arrived"]);
  });
});
