import { describe, expect, it } from "vitest";
import { VirtualClock } from "../src/clock.js";
import { SimLink, type SimLinkOptions } from "../src/drivers/sim-link.js";

describe("SimLink: bad options", () => {
  const clock = new VirtualClock();
  it.each<[Record<string, unknown>, typeof RangeError, RegExp]>([
    [{ delayUs: -1 }, RangeError, /delayUs/],
    [{ delayUs: 0.5 }, RangeError, /delayUs/],
    [{ delayUs: "5" }, TypeError, /delayUs/],
    [{ jitterUs: Number.NaN }, RangeError, /jitterUs/],
    [{ bitRate: 0 }, RangeError, /bitRate/],
    [{ bitRate: 1e13 }, RangeError, /bitRate/],
    [{ queueFrames: -1 }, RangeError, /queueFrames/],
    [{ markFrames: 0.5 }, RangeError, /markFrames/],
    [{ whenFull: "wait" }, TypeError, /whenFull/],
    [{ loss: 1.01 }, RangeError, /loss/],
    [{ duplicate: -0.1 }, RangeError, /duplicate/],
    [{ reorder: Number.NaN }, RangeError, /reorder/],
    [{ reorderUs: Infinity }, RangeError, /reorderUs/],
    [{ corrupt: null }, TypeError, /corrupt/],
  ])("refuses %o", (bad, kind, message) => {
    const link = new SimLink({ clock });
    const nic = link.nic();
    const was = nic.conditions;
    for (const attempt of [
      () => new SimLink({ clock, ...bad }),
      () => link.nic(bad),
      () => link.configure(bad),
      () => nic.configure(bad),
    ]) {
      expect(attempt).toThrow(kind);
      expect(attempt).toThrow(message);
    }
    expect(nic.conditions).toEqual(was);
    expect(link.nics).toHaveLength(1);
  });

  it.each<[Record<string, unknown>, typeof RangeError, RegExp]>([
    [{ clock: undefined }, TypeError, /clock/],
    [{ medium: "token ring" }, TypeError, /medium/],
    [{ ends: 1 }, RangeError, /ends/],
    [{ ends: 257 }, RangeError, /ends/],
    [{ ends: 3, medium: "ip" }, RangeError, /ends/],
    [{ flightLimit: 0 }, RangeError, /flightLimit/],
    [{ seed: 0.5 }, TypeError, /seed/],
    [{ delay: 5 }, TypeError, /delay: no such option/],
  ])("refuses a link with %o", (bad, kind, message) => {
    expect(() => new SimLink({ clock, ...bad } as SimLinkOptions)).toThrow(kind);
    expect(() => new SimLink({ clock, ...bad } as SimLinkOptions)).toThrow(message);
  });

  it.each<[Record<string, unknown>, typeof RangeError, RegExp]>([
    [{ mtu: 67 }, RangeError, /mtu/],
    [{ mtu: 65536 }, RangeError, /mtu/],
    [{ mac: "02:00:00:00:00:01" }, TypeError, /mac/],
    [{ mac: new Uint8Array(5) }, RangeError, /mac/],
    [{ mac: Uint8Array.of(1, 0, 0, 0, 0, 1) }, RangeError, /mac/],
    [{ mac: new Uint8Array(6) }, RangeError, /mac/],
    [{ seed: 1 }, TypeError, /seed: no such option/],
  ])("refuses a NIC with %o", (bad, kind, message) => {
    expect(() => new SimLink({ clock }).nic(bad)).toThrow(kind);
    expect(() => new SimLink({ clock }).nic(bad)).toThrow(message);
  });

  it("refuses a MAC on an ip link, and more NICs than ends", () => {
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
    expect(() => new SimLink({ clock, medium: "ip" }).nic({ mac })).toThrow(/mac/);
    const small = new SimLink({ clock, ends: 2 });
    expect([...(small.nic({ mac }).mac ?? [])]).toEqual([...mac]);
    small.nic();
    expect(() => small.nic()).toThrow(RangeError);
  });
});
