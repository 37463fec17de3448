// The learning bridge by itself: frames in at one port, and where they come out.
import { beforeEach, describe, expect, test } from "vitest";
import { type DriverPort, SimLink, type SimNic, VirtualClock } from "../../src/index.js";
import { Bridge, type BridgeOptions } from "../../src/lab/index.js";

const A = 0x0a;
const B = 0x0b;
const C = 0x0c;
const BROADCAST = [255, 255, 255, 255, 255, 255];

/** A station's address by its last byte. */
const mac = (last: number) => [2, 0, 0, 0, 0, last];

function frame(to: readonly number[], from: readonly number[], mark = 0): Uint8Array {
  return Uint8Array.from([...to, ...from, 0x88, 0xb5, mark, ...new Array<number>(45).fill(0)]);
}

/** A bridge with links at its ports, and what arrives at the far end of each. */
class World {
  readonly clock = new VirtualClock();
  readonly bridge: Bridge;
  readonly links: SimLink[] = [];
  readonly ends: SimNic[] = [];
  /** "port:mark" of each frame that arrived, in order. */
  readonly heard: string[] = [];

  constructor(ports: number, options: Partial<BridgeOptions> = {}) {
    this.bridge = new Bridge({ clock: this.clock, ...options });
    for (let i = 0; i < ports; i++) {
      const link = new SimLink({ clock: this.clock, delayUs: 10 });
      const end = link.nic();
      const port: DriverPort = {
        clock: this.clock,
        receive: (bytes) => this.heard.push(`${i}:${bytes[14]}`) > 0,
        carrier: () => {},
        wake: () => {},
      };
      end.attach(port);
      this.bridge.join(link.nic());
      this.links.push(link);
      this.ends.push(end);
    }
  }

  /** Sends from the far end of a port, and lets all arrive. */
  send(port: number, bytes: Uint8Array): string[] {
    this.heard.length = 0;
    this.ends[port]?.transmit(bytes);
    this.clock.advanceSync(1000);
    return [...this.heard];
  }
}

describe("a bridge", () => {
  let world: World;
  beforeEach(() => {
    world = new World(3);
  });

  test("floods what is for everyone, and never back to the port it came by (802.1D §7.7.1)", () => {
    expect(world.send(0, frame(BROADCAST, mac(A), 1))).toEqual(["1:1", "2:1"]);
    expect(world.send(2, frame([1, 0, 0x5e, 0, 0, 1], mac(C), 2))).toEqual(["0:2", "1:2"]);
    expect(world.bridge.counters).toMatchObject({ received: 2, flooded: 2, forwarded: 0 });
  });

  test("floods what is for a station it does not know, and learns where the sender is (802.1D §7.8)", () => {
    expect(world.send(0, frame(mac(B), mac(A), 1))).toEqual(["1:1", "2:1"]);
    expect(world.send(1, frame(mac(A), mac(B), 2))).toEqual(["0:2"]);
    expect(world.send(0, frame(mac(B), mac(A), 3))).toEqual(["1:3"]);
    expect(world.bridge.counters).toMatchObject({ flooded: 1, forwarded: 2 });
    expect(world.bridge.stations()).toMatchObject([
      { mac: "02:00:00:00:00:0a", port: 0 },
      { mac: "02:00:00:00:00:0b", port: 1 },
    ]);
  });

  test("keeps what is for a station behind the same port", () => {
    world.send(0, frame(BROADCAST, mac(A)));
    world.send(0, frame(BROADCAST, mac(B)));
    expect(world.send(0, frame(mac(A), mac(B)))).toEqual([]);
    expect(world.bridge.counters.filtered).toBe(1);
  });

  test("follows a station that moves to another port", () => {
    world.send(0, frame(BROADCAST, mac(A)));
    world.send(2, frame(BROADCAST, mac(A)));
    expect(world.send(1, frame(mac(A), mac(B), 9))).toEqual(["2:9"]);
  });

  test("forgets a station that is not heard of for the ageing time (802.1D §7.9.2)", () => {
    world = new World(3, { ageingUs: 10e6 });
    world.send(0, frame(BROADCAST, mac(A)));
    world.clock.advanceSync(9e6);
    expect(world.send(1, frame(mac(A), mac(B), 1))).toEqual(["0:1"]);
    world.clock.advanceSync(1e6);
    expect(world.bridge.stations().map((station) => station.port)).toEqual([1]);
    expect(world.send(1, frame(mac(A), mac(B), 2))).toEqual(["0:2", "2:2"]);
  });

  test("goes on remembering one that is heard now and then", () => {
    world = new World(3, { ageingUs: 10e6 });
    for (let i = 0; i < 5; i++) {
      world.send(0, frame(BROADCAST, mac(A)));
      world.clock.advanceSync(8e6);
    }
    expect(world.send(1, frame(mac(A), mac(B), 1))).toEqual(["0:1"]);
  });

  test("remembers so many stations and no more: the one not heard of for longest gives way", () => {
    world = new World(3, { stations: 2 });
    for (const [port, station] of [A, B].entries()) {
      world.send(port, frame(BROADCAST, mac(station)));
      world.clock.advanceSync(2e6);
    }
    world.send(0, frame(BROADCAST, mac(A)));
    world.send(2, frame(BROADCAST, mac(C)));
    expect(world.bridge.stations().map((station) => station.mac.slice(-2))).toEqual(["0a", "0c"]);
    for (let i = 0; i < 5000; i++) {
      const random = frame(BROADCAST, [2, 1, 0, 0, i >> 8, i & 255]);
      world.ends[0]?.transmit(random);
    }
    world.clock.advanceSync(1000);
    expect(world.bridge.stations()).toHaveLength(2);
  });

  test("forgets what was behind a port whose carrier goes, and sends nothing there", () => {
    world.send(0, frame(BROADCAST, mac(A)));
    world.send(1, frame(BROADCAST, mac(B)));
    world.links[0]?.down();
    expect(world.bridge.stations().map((station) => station.port)).toEqual([1]);
    expect(world.send(1, frame(mac(A), mac(B), 1))).toEqual(["2:1"]);
    world.links[0]?.up();
    expect(world.send(1, frame(mac(A), mac(B), 2))).toEqual(["0:2", "2:2"]);
  });

  test("passes on no frame to 802.1D's reserved addresses, none from a group, none without a header", () => {
    expect(world.send(0, frame([1, 0x80, 0xc2, 0, 0, 0], mac(A)))).toEqual([]);
    expect(world.send(0, frame([1, 0x80, 0xc2, 0, 0, 15], mac(A)))).toEqual([]);
    expect(world.send(0, frame(BROADCAST, [3, 0, 0, 0, 0, 1]))).toEqual([]);
    expect(world.send(0, frame(BROADCAST, mac(A)).subarray(0, 13))).toEqual([]);
    expect(world.bridge.counters).toMatchObject({ received: 4, refused: 4 });
    expect(world.send(0, frame([1, 0x80, 0xc2, 0, 0, 16], mac(A), 1))).toEqual(["1:1", "2:1"]);
  });

  test("floods so many frames of a port in a second and no more", () => {
    world = new World(3, { floodLimit: 5 });
    for (let i = 0; i < 8; i++) world.ends[0]?.transmit(frame(BROADCAST, mac(A), i));
    expect(world.send(1, frame(BROADCAST, mac(B), 99))).toContain("2:99");
    expect(world.bridge.counters).toMatchObject({ flooded: 6, stormDropped: 3 });
    world.clock.advanceSync(1e6);
    expect(world.send(0, frame(BROADCAST, mac(A), 9))).toEqual(["1:9", "2:9"]);
  });

  test("joins Ethernet alone, and refuses options that make no sense", () => {
    const { clock, bridge } = world;
    expect(() => bridge.join(new SimLink({ clock, medium: "ip" }).nic())).toThrow("Ethernet links only");
    expect(() => new Bridge({ clock, ageingUs: 999_999 })).toThrow("ageingUs");
    expect(() => new Bridge({ clock, stations: 0 })).toThrow("stations");
    expect(() => new Bridge({ clock, size: 1 } as unknown as BridgeOptions)).toThrow("size: no such option");
  });

  test("leaves its links when it is closed", () => {
    world.bridge.close();
    expect(world.send(0, frame(BROADCAST, mac(A)))).toEqual([]);
    expect(world.ends[0]?.counters.arrived).toBe(1);
  });
});

test("a loop of two bridges without delay stays finite, in time and in memory", () => {
  const clock = new VirtualClock();
  const trunks = [0, 1].map((seed) => new SimLink({ clock, seed, flightLimit: 64 }));
  const bridges = [0, 1].map(() => new Bridge({ clock, floodLimit: 100 }));
  for (const bridge of bridges) for (const trunk of trunks) bridge.join(trunk.nic());
  const edge = new SimLink({ clock });
  bridges[0]?.join(edge.nic());
  edge.nic().transmit(frame(BROADCAST, mac(A)));
  clock.advanceSync(3e6);
  expect(bridges[0]?.counters.flooded).toBeLessThanOrEqual(2 * 100 + 1);
  expect(bridges[1]?.counters.flooded).toBeLessThanOrEqual(2 * 100);
  expect(bridges.reduce((sum, bridge) => sum + bridge.counters.stormDropped, 0)).toBe(2);
  expect(trunks.flatMap((trunk) => trunk.nics.map((nic) => nic.counters.inFlight))).toEqual([0, 0, 0, 0]);
});
