// A TAP device that cannot take more for now: the kernel's write() says EAGAIN, poll() says when there is room.
import { expect, vi } from "vitest";
import { RealClock } from "../../src/clock.js";
import { TapDriver } from "../../src/drivers/tap.js";
import type * as TapNative from "../../src/drivers/tap-native.js";
import { FakePort, numberedFrame } from "../drivers/fake-port.js";
import { interop } from "./need.js";
import { Kernel } from "./world.js";

const EAGAIN = 11;
/** How many calls of write() for a frame shall fail. */
const refusals = vi.hoisted(() => ({ left: 0 }));

vi.mock("../../src/drivers/tap-native.js", async (original) => {
  const actual = await original<typeof TapNative>();
  return {
    ...actual,
    async loadNative(): Promise<TapNative.Native> {
      const native = await actual.loadNative();
      let failed = false;
      return {
        ...native,
        write(fd, from, lenBytes) {
          failed = lenBytes > 8 && refusals.left-- > 0;
          return failed ? -1 : native.write(fd, from, lenBytes);
        },
        errno: () => (failed ? EAGAIN : native.errno()),
      };
    },
  };
});

interop("answers busy, is woken by the poll, and loses nothing of what it took", [], async () => {
  const kernel = await Kernel.create();
  try {
    const driver = await TapDriver.open({ name: "tap7", netns: kernel.name });
    await kernel.do("ip link set tap7 up");
    const port = new FakePort(driver, new RealClock());
    refusals.left = 3;
    expect(port.send(numberedFrame(0, 60))).toBe(false);
    for (let i = 1; i < 5; i++) expect(port.send(numberedFrame(i, 60)), "behind the first").toBe(false);
    for (let i = 0; i < 100 && port.waiting.length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(port.wakes).toBe(3);
    expect(port.waiting).toEqual([]);
    expect(driver.counters).toEqual({ received: 0, sent: 5, refused: 0 });
    await driver.close();
  } finally {
    await kernel.delete();
  }
});
