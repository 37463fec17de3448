/** What is flooded over many links stands in memory once; what a link does to a frame stays on that link. */
import { describe, expect, it } from "vitest";
import { SimLink, VirtualClock } from "../src/index.js";
import { Bridge } from "../src/lab/index.js";
import { FakePort, numberedFrame } from "./drivers/fake-port.js";
import { world } from "./drivers/sim-world.js";

/** A bridge with a station on a link of its own at each port. */
function domain(stations: number, corrupt = 0) {
  const clock = new VirtualClock();
  const bridge = new Bridge({ clock });
  const ports = Array.from({ length: stations }, (_, i) => {
    const link = new SimLink({ clock, seed: i, delayUs: 10 });
    const port = new FakePort(link.nic(), clock);
    bridge.join(link.nic({ corrupt }));
    return port;
  });
  return { clock, bridge, ports };
}

/** A broadcast from a station that `i` names. */
function announcement(i: number, length = 60): Uint8Array {
  const frame = numberedFrame(i, length);
  frame.fill(0xff, 0, 6);
  frame.set([2, 0, 0, 0, i >> 8, i & 255], 6);
  return frame;
}

describe("a flood", () => {
  it("of a frame from each of 300 stations takes room for the frames, not for each on each link", () => {
    const { clock, ports } = domain(300);
    const before = process.memoryUsage().arrayBuffers;
    for (const [i, port] of ports.entries()) port.send(announcement(i, 1500));
    // At the bridge, and on their way from it: 89,700 of them.
    clock.advanceSync(15);
    const held = process.memoryUsage().arrayBuffers - before;
    expect(held).toBeLessThan(300 * 2048 * 2 + 1_000_000);
    clock.advanceSync(10);
    for (const port of ports) expect(port.received).toHaveLength(299);
    expect(ports[7]?.received[5]).toEqual(announcement(5, 1500));
  });

  it("is the sender's no more when it goes on: the bridge keeps bytes of its own", () => {
    const { clock, ports } = domain(3);
    const frame = announcement(0);
    ports[0]?.send(frame);
    clock.advanceSync(15);
    frame.fill(0);
    clock.advanceSync(10);
    expect(ports[1]?.received).toEqual([announcement(0)]);
  });

  it("that a link spoils is spoilt for those behind that link alone", () => {
    const { clock, ports } = domain(40, 0.5);
    ports[0]?.send(announcement(0));
    clock.advanceSync(100);
    const heard = ports.slice(1).map((port) => port.received[0]?.join());
    const whole = heard.filter((frame) => frame === announcement(0).join()).length;
    expect(whole).toBeGreaterThan(8);
    expect(whole).toBeLessThan(32);
    // Each of the others has its own bit flipped.
    expect(new Set(heard).size).toBeGreaterThan(8);
  });
});

describe("transmitLasting", () => {
  it("brings the very bytes, twice where they are doubled, and leaves them alone where one is flipped", () => {
    const { a, b, nicA, clock } = world({ duplicate: 1 });
    const frame = numberedFrame(1, 300);
    expect(a.send(numberedFrame(0, 300))).toBe(true);
    nicA.transmitLasting(frame);
    nicA.configure({ corrupt: 1 });
    nicA.transmitLasting(frame);
    clock.advanceSync(10);
    expect(frame).toEqual(numberedFrame(1, 300));
    expect(b.received.slice(2, 4)).toEqual([frame, frame]);
    expect(b.received[4]).toEqual(b.received[5]);
    expect(b.received[4]).not.toEqual(frame);
  });

  it("a snapshot has bytes of its own", () => {
    const { nicA, link, clock, b } = world({ delayUs: 5 });
    const frame = numberedFrame(1, 300);
    nicA.transmitLasting(frame);
    const record = link.snapshot();
    frame.fill(0);
    link.restore(record);
    clock.advanceSync(10);
    expect(b.received).toEqual([numberedFrame(1, 300)]);
  });
});
