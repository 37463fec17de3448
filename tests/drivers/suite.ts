/**
 * What every driver owes its stack, as tests. A driver's own test file calls
 *
 *     driverSuite("my driver", () => ({ a, b, clock, settle, close }), { carrier: true });
 *
 * with two fresh drivers, connected with each other, neither attached yet.
 */
import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/clock.js";
import type { Driver } from "../../src/drivers/driver.js";
import { FakePort, numberedFrame } from "./fake-port.js";

export interface DriverPair {
  readonly a: Driver;
  readonly b: Driver;
  readonly clock: Clock;
  /** Settles when what was sent before has arrived. */
  settle(): Promise<void>;
  /** Takes the carrier from both or gives it back; needed for `carrier`. */
  setCarrier?(up: boolean): void;
  close?(): void;
}

/** What the driver offers beyond what it must; each is then tested. */
export interface DriverOffers {
  /** transmit() answers false when there is too much to do: within 10,000 frames sent in one go. */
  busy?: boolean;
  /** It knows when the medium is gone. */
  carrier?: boolean;
  /** snapshot() and restore(); the pair's clock is a virtual one. */
  snapshot?: boolean;
}

export function driverSuite(
  name: string,
  makePair: () => DriverPair | Promise<DriverPair>,
  offers: DriverOffers = {},
): void {
  describe(`driver: ${name}`, () => {
    const testPair = (title: string, body: (pair: DriverPair, a: FakePort, b: FakePort) => Promise<void>) =>
      it(title, async () => {
        const pair = await makePair();
        try {
          await body(pair, new FakePort(pair.a, pair.clock), new FakePort(pair.b, pair.clock));
        } finally {
          pair.close?.();
        }
      });

    it("says what it is", async () => {
      const pair = await makePair();
      for (const driver of [pair.a, pair.b]) {
        expect(["ethernet", "ip"]).toContain(driver.medium);
        expect(driver.mtu).toBeGreaterThanOrEqual(68);
        expect(driver.mtu).toBeLessThanOrEqual(65535);
        if (driver.medium === "ip") expect(driver.mac).toBeUndefined();
        else expect(driver.mac).toHaveLength(6);
      }
      if (pair.a.medium === "ethernet") {
        expect((pair.a.mac?.[0] ?? 1) & 1).toBe(0);
        expect(pair.a.mac).not.toEqual(pair.b.mac);
      }
      pair.close?.();
    });

    testPair("delivers both ways, in order, to the other side only", async ({ settle }, a, b) => {
      const frames = Array.from({ length: 64 }, (_, i) => numberedFrame(i, 60 + i * 8));
      for (const [i, frame] of frames.entries()) (i % 3 === 0 ? b : a).send(frame);
      await settle();
      expect(b.received).toEqual(frames.filter((_, i) => i % 3 !== 0));
      expect(a.received).toEqual(frames.filter((_, i) => i % 3 === 0));
    });

    testPair("keeps no view of the stack's memory", async ({ settle }, a, b) => {
      a.send(numberedFrame(1, 200)); // the port overwrites its memory as soon as transmit() returns
      a.send(numberedFrame(2, 100));
      await settle();
      expect(b.received).toEqual([numberedFrame(1, 200), numberedFrame(2, 100)]);
    });

    testPair("carries the longest and the shortest frames", async ({ settle, a: driver }, a, b) => {
      const header = driver.medium === "ethernet" ? 14 : 0;
      const lengths = [driver.mtu + header, driver.medium === "ethernet" ? 60 : 20, driver.mtu + header - 1];
      const frames = lengths.map((lenBytes, i) => numberedFrame(i, lenBytes));
      for (const frame of frames) a.send(frame);
      await settle();
      expect(b.received).toEqual(frames);
    });

    testPair("goes on after its frames were refused for want of a buffer", async ({ settle }, a, b) => {
      b.posted = 2;
      for (let i = 0; i < 5; i++) a.send(numberedFrame(i, 80));
      await settle();
      expect(b.received).toEqual([numberedFrame(0, 80), numberedFrame(1, 80)]);
      expect(b.overruns).toBe(3);
      b.posted = 1;
      a.send(numberedFrame(9, 80));
      await settle();
      expect(b.received.at(-1)).toEqual(numberedFrame(9, 80));
    });

    testPair("lets receive() transmit", async ({ settle }, a, b) => {
      const receive = b.receive.bind(b);
      b.receive = (frame) => {
        b.send(frame.slice());
        return receive(frame);
      };
      a.send(numberedFrame(1, 90));
      await settle();
      expect(a.received).toEqual([numberedFrame(1, 90)]);
      expect(b.received).toEqual([numberedFrame(1, 90)]);
    });

    testPair("leaves a detached port alone", async ({ settle, a: driver }, a, b) => {
      driver.detach?.();
      const before = { carriers: a.carriers.length, wakes: a.wakes };
      b.send(numberedFrame(1, 80));
      await settle();
      expect(a.received).toEqual([]);
      expect({ carriers: a.carriers.length, wakes: a.wakes }).toEqual(before);
    });

    if (offers.busy) {
      testPair("answers busy, wakes, and loses none that it took", async ({ settle }, a, b) => {
        let sent = 0;
        while (sent < 10_000 && a.send(numberedFrame(sent, 100))) sent++;
        expect(a.waiting).toHaveLength(1);
        for (let more = 0; more < 10; more++) a.send(numberedFrame(++sent, 100));
        await settle();
        expect(a.wakes).toBeGreaterThan(0);
        expect(a.waiting).toEqual([]);
        expect(b.received).toEqual(Array.from({ length: sent + 1 }, (_, i) => numberedFrame(i, 100)));
      });
    }

    if (offers.carrier) {
      testPair("says when the carrier goes and comes, and carries nothing meanwhile", async (pair, a, b) => {
        pair.setCarrier?.(false);
        await pair.settle();
        expect([a.carriers.at(-1), b.carriers.at(-1)]).toEqual([false, false]);
        expect(a.send(numberedFrame(1, 80)), "lost, not kept").toBe(true);
        await pair.settle();
        pair.setCarrier?.(true);
        await pair.settle();
        expect([a.carriers.at(-1), b.carriers.at(-1)]).toEqual([true, true]);
        expect(b.received).toEqual([]);
        a.send(numberedFrame(2, 80));
        await pair.settle();
        expect(b.received).toEqual([numberedFrame(2, 80)]);
      });
    }

    if (offers.snapshot) {
      testPair("goes on from a snapshot to the same frames", async ({ settle, clock, a: left, b: right }, a, b) => {
        for (let i = 0; i < 20; i++) (i % 2 ? a : b).send(numberedFrame(i, 60 + i));
        const record = structuredClone({ clock: clock.snapshot(), left: left.snapshot?.(), right: right.snapshot?.() });
        const goOn = async () => {
          for (const port of [a, b]) port.received.length = port.receivedAtUs.length = 0;
          a.send(numberedFrame(100, 99));
          await settle();
          return structuredClone([a.received, a.receivedAtUs, b.received, b.receivedAtUs]);
        };
        const first = await goOn();
        expect(first[2]).toHaveLength(11);
        clock.restore(record.clock);
        left.restore?.(record.left);
        right.restore?.(record.right);
        expect(await goOn()).toEqual(first);
      });
    }
  });
}
