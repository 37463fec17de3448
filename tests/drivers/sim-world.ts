/** A simulated link with a port at each end, and seeded traffic over it. */
import { expect } from "vitest";
import { VirtualClock } from "../../src/clock.js";
import type { LinkConditions } from "../../src/drivers/sim-conditions.js";
import { SimLink, type SimLinkOptions } from "../../src/drivers/sim-link.js";
import type { SimNic } from "../../src/drivers/sim-nic.js";
import { FakePort, numberedFrame } from "./fake-port.js";

/** A link with two ends or more, a port at each. */
export function world(options: Partial<SimLinkOptions> = {}, ends = 2, mtu = 1500) {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed: 1, ...options });
  const nics = Array.from({ length: ends }, () => link.nic({ mtu }));
  const ports = nics.map((nic) => new FakePort(nic, clock));
  const [a, b] = ports as [FakePort, FakePort];
  const [nicA, nicB] = nics as [SimNic, SimNic];
  return { clock, link, nics, ports, a, b, nicA, nicB };
}

export const numberOf = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(14);

/** Everything that arrived where and when, to the byte. */
export const logOf = ({ ports }: { ports: FakePort[] }) =>
  ports.map((port) => port.received.map((frame, i) => `${port.receivedAtUs[i]} ${frame.join()}`));

export const ROUGH: Partial<LinkConditions> = {
  delayUs: 2000,
  jitterUs: 700,
  bitRate: 30_000_000,
  queueFrames: 20,
  loss: 0.1,
  duplicate: 0.1,
  reorder: 0.1,
  reorderUs: 1500,
  corrupt: 0.1,
};

/** Seeded traffic from all ends over 40 ms; begins at a round number so that a part can be repeated. */
export function traffic({ clock, ports }: { clock: VirtualClock; ports: FakePort[] }, from = 0, to = 200): void {
  for (let i = from; i < to; i++) {
    ports[(i * 7) % ports.length]?.send(numberedFrame(i, 60 + ((i * 97) % 1400)));
    clock.advanceSync((i * 13) % 400);
  }
}

export function expectAllAccountedFor(nics: readonly SimNic[]): void {
  for (const { counters: c } of nics) {
    expect(c.sent + c.duplicated).toBe(c.arrived + c.lost + c.dropped + c.oversize + c.carrierLost + c.inFlight);
  }
}
