// The TAP driver: what every driver owes its stack, errors, carrier, closing, many devices at once.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect } from "vitest";
import { RealClock, TapDriver } from "../../src/index.js";
import { FakePort, numberedFrame } from "../drivers/fake-port.js";
import { driverSuite } from "../drivers/suite.js";
import { interop, misses } from "./need.js";
import { Kernel } from "./world.js";

const INDEX = new URL("../../dist/src/index.js", import.meta.url).href;
const PUMP = fileURLToPath(new URL("pump.py", import.meta.url));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Settles when nothing has come for a while. */
async function quiet(drivers: readonly TapDriver[]): Promise<void> {
  const total = () => drivers.reduce((sum, { counters }) => sum + counters.received, 0);
  for (let before = -1; before !== total(); await pause(60)) before = total();
}

const kernels: Kernel[] = [];
afterAll(async () => {
  for (const kernel of kernels) await kernel.delete();
});

/** Two devices in a namespace of their own, joined by a cable. */
async function pair(mtu: number) {
  const kernel = await Kernel.create();
  kernels.push(kernel);
  const open = (name: string) => TapDriver.open({ name, netns: kernel.name, mtu });
  const [a, b] = await Promise.all([open("left"), open("right")]);
  await kernel.do("ip link set left up; ip link set right up");
  const pump = kernel.start("python3", PUMP, "left", "right");
  await new Promise((resolve) => pump.stdout.once("data", resolve));
  const close = () => {
    pump.kill();
    a.close();
    b.close();
  };
  return { a, b, clock: new RealClock(), settle: () => quiet([a, b]), close };
}

if (misses("python3") === undefined) {
  driverSuite("TAP", () => pair(1500));
  driverSuite("TAP, MTU 9000", () => pair(9000));
}

async function inKernel(body: (kernel: Kernel) => Promise<void>): Promise<void> {
  const kernel = await Kernel.create();
  try {
    await body(kernel);
  } finally {
    await kernel.delete();
  }
}

describe("a TAP device", () => {
  interop("is there while it is open, with the MTU that was asked for, and gone when close() settles", [], () =>
    inKernel(async (kernel) => {
      const driver = await TapDriver.open({ name: "tap7", netns: kernel.name, mtu: 1280 });
      expect(driver).toMatchObject({ name: "tap7", mtu: 1280, medium: "ethernet" });
      expect((driver.mac?.[0] ?? 0) & 3).toBe(2);
      expect(await kernel.do("ip link show tap7")).toContain("mtu 1280");
      const port = new FakePort(driver, new RealClock());
      await driver.close();
      expect((await kernel.run("ip link show tap7")).status).not.toBe(0);
      expect(port.carriers).toEqual([]);
      expect(() => driver.attach(port)).toThrow("tap7 is closed");
    }),
  );

  interop("leaves this process in its own namespace", [], () =>
    inKernel(async (kernel) => {
      const here = () => spawnSync("readlink", ["/proc/self/ns/net"], { encoding: "utf8" }).stdout;
      const before = here();
      await (await TapDriver.open({ name: "tap7", netns: kernel.name })).close();
      await expect(TapDriver.open({ name: "tap7", netns: kernel.name, mtu: 65535 })).rejects.toMatchObject({
        code: "EINVAL",
        syscall: "SIOCSIFMTU",
      });
      expect(here()).toBe(before);
      expect((await kernel.run("ip link show tap7")).status, "nothing is left of what failed").not.toBe(0);
    }),
  );

  interop("opened twice is EBUSY, of another kind EINVAL, in no namespace ENOENT; each says what to do", [], () =>
    inKernel(async (kernel) => {
      const driver = await TapDriver.open({ name: "tap7", netns: kernel.name });
      const again = { name: "tap7", netns: kernel.name };
      await expect(TapDriver.open(again)).rejects.toMatchObject({ code: "EBUSY", message: /another program/ });
      await expect(TapDriver.open({ ...again, medium: "ip" })).rejects.toMatchObject({ code: "EINVAL" });
      await expect(TapDriver.open({ name: "x", netns: `${kernel.name}-none` })).rejects.toMatchObject({
        code: "ENOENT",
        message: /ip netns add/,
      });
      await driver.close();
    }),
  );

  interop("that somebody deletes takes its carrier along, and the program goes on", [], () =>
    inKernel(async (kernel) => {
      const driver = await TapDriver.open({ name: "tap7", netns: kernel.name });
      const port = new FakePort(driver, new RealClock());
      await kernel.do("ip link del tap7");
      for (let i = 0; i < 100 && port.carriers.length === 0; i++) await pause(20);
      expect(port.carriers).toEqual([false]);
      expect(port.send(numberedFrame(1, 60)), "lost, not kept").toBe(true);
      expect(driver.counters.refused).toBe(1);
      await driver.close();
    }),
  );

  interop("whose kernel's end is down loses what is sent, and carries it once it is up", [], () =>
    inKernel(async (kernel) => {
      const driver = await TapDriver.open({ name: "tap7", netns: kernel.name });
      const port = new FakePort(driver, new RealClock());
      expect(port.send(numberedFrame(1, 60))).toBe(true);
      expect(driver.counters).toEqual({ received: 0, sent: 0, refused: 1 });
      await kernel.do("ip link set tap7 up");
      expect(port.send(numberedFrame(2, 60))).toBe(true);
      expect(driver.counters).toEqual({ received: 0, sent: 1, refused: 1 });
      await driver.close();
    }),
  );

  interop("is one of many: twenty share one poll", [], () =>
    inKernel(async (kernel) => {
      const open = (_: unknown, i: number) => TapDriver.open({ name: `tap${i}`, netns: kernel.name, medium: "ip" });
      const drivers = await Promise.all(Array.from({ length: 20 }, open));
      const ports = drivers.map((driver) => new FakePort(driver, new RealClock()));
      const lines = drivers.map(({ name }, i) => `ip addr add 10.8.${i}.1/24 dev ${name}; ip link set ${name} up`);
      await kernel.do(lines.join("; "));
      await kernel.run(drivers.map((_, i) => `ping -n -c 1 -W 0.01 10.8.${i}.2`).join("; "));
      await quiet(drivers);
      for (const [i, { received }] of ports.entries()) {
        const echo = received.find((packet) => packet[9] === 1);
        expect([...(echo ?? []).slice(16, 20)], `tap${i}`).toEqual([10, 8, i, 2]);
      }
      await Promise.all(drivers.map((driver) => driver.close()));
    }),
  );

  interop("keeps the process alive while it is attached, and no longer; process.exit() ends it at once", [], () =>
    inKernel(async (kernel) => {
      const program = (end: string) => `
        import { Stack, TapDriver } from ${JSON.stringify(INDEX)};
        const stack = await Stack.create();
        stack.addInterface(await TapDriver.open({ name: "tap7", netns: "${kernel.name}" }));
        setTimeout(() => { console.log("alive"); ${end}; }, 200);`;
      for (const [end, status] of [
        ["stack.close()", 0],
        ["process.exit(7)", 7],
      ] as const) {
        const args = ["--input-type=module", "-e", program(end)];
        const ended = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 10_000 });
        expect(ended).toMatchObject({ stdout: "alive\n", stderr: "", status });
      }
      const args = ["--input-type=module", "-e", program("")];
      expect(spawnSync(process.execPath, args, { timeout: 1500 }).error).toMatchObject({ code: "ETIMEDOUT" });
    }),
  );

  interop("refuses a name, a medium, an MTU or a MAC that is none", [], async () => {
    for (const wrong of [{ name: "" }, { name: "sixteen-letters-" }, { name: "a/b" }, { name: "tap%d" }]) {
      await expect(TapDriver.open(wrong), wrong.name).rejects.toThrow(TypeError);
    }
    await expect(TapDriver.open({ name: "x", medium: "tap" as "ip" })).rejects.toThrow(TypeError);
    await expect(TapDriver.open({ name: "x", mtu: 67 })).rejects.toThrow(RangeError);
    await expect(TapDriver.open({ name: "x", mac: Uint8Array.of(3, 0, 0, 0, 0, 1) })).rejects.toThrow(TypeError);
  });
});
