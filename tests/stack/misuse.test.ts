/** Drivers that throw, wrong arguments, snapshots that do not fit: refused as a whole, and the stack goes on. */
import { describe, expect, test } from "vitest";
import {
  type Driver,
  type Pollable,
  SimLink,
  type Stack,
  StackError,
  type UdpOptions,
  VirtualClock,
} from "../../src/index.js";
import { catchUncaught, failure } from "./failure.js";
import { boot, resume } from "./harness.js";
import { codeOf, Host, OUR_MAC, PEER, RecordingDriver } from "./recording-driver.js";
import type { ReadIpv4 } from "./wire.js";

const WRONG_TYPE = "ERR_INVALID_ARG_TYPE";

/** A driver with one number for a state; may refuse to go back to another, or to go. */
class StatefulDriver extends RecordingDriver {
  state = 1;
  refuses = false;
  attached = false;

  override attach(port: Parameters<Driver["attach"]>[0]): void {
    super.attach(port);
    this.attached = true;
  }

  detach(): void {
    this.attached = false;
    if (this.refuses) throw new Error("will not go");
  }

  snapshot(): number {
    return this.state;
  }

  restore(record: unknown): void {
    this.state = record as number;
    if (this.refuses && record === 1) throw new Error("will not go back");
  }
}

/** Knows whom it runs. */
class CountingClock extends VirtualClock {
  readonly here = new Set<Pollable>();

  override add(participant: Pollable): void {
    super.add(participant);
    this.here.add(participant);
  }

  override remove(participant: Pollable): void {
    super.remove(participant);
    this.here.delete(participant);
  }
}

async function twoDrivers(clock = new CountingClock()) {
  const stack = await boot({ clock });
  const drivers = [new StatefulDriver(), new StatefulDriver({ mac: "02:00:00:00:02:01" })] as const;
  for (const driver of drivers) stack.addInterface(driver);
  return { clock, stack, drivers };
}

describe("drivers", () => {
  test("one whose transmit() throws loses that frame; the stack stays on its clock", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind();
    const uncaught = catchUncaught(1);
    const { driver } = host;
    const transmit = driver.transmit;
    driver.transmit = () => {
      driver.transmit = transmit;
      throw new Error("a driver's own");
    };
    for (const text of ["lost", "sent"]) socket.trySend(text, { address: PEER, port: 9 });
    host.run();
    expect((await uncaught)[0]?.message).toBe("a driver's own");
    expect(new TextDecoder().decode(host.one().ip?.udp?.data)).toBe("sent");
    socket.trySend("later", { address: PEER, port: 9 });
    host.run();
    expect(host.take()).toHaveLength(1);
  });

  test("one whose detach() throws does not keep the stack from closing", async () => {
    const { clock, stack, drivers } = await twoDrivers();
    drivers[0].refuses = true;
    const uncaught = catchUncaught(1);
    stack.close();
    expect((await uncaught)[0]?.message).toBe("will not go");
    expect(drivers.map((driver) => driver.attached)).toEqual([false, false]);
    expect(stack.closed).toBe(true);
    expect(clock.here.has(stack)).toBe(false);
  });

  test("addInterface refuses before it adds anything", async () => {
    const stack = await boot();
    const driver = new RecordingDriver();
    const add = (given: unknown, options = {}) => codeOf(() => stack.addInterface(given as Driver, options));
    for (const address of ["192.168.1", "192.168.1.1/33", 7]) expect(add(driver, { address })).toBe(WRONG_TYPE);
    for (const given of [undefined, null, {}, { medium: "ethernet", mtu: 1500, attach() {} }]) {
      expect(add(given)).toBe(WRONG_TYPE);
    }
    expect(stack.interfaces).toHaveLength(1);
    stack.close();
    expect(add(driver)).toBe("EBADF");
    expect(driver.port).toBeUndefined();
  });

  test("a link's NIC joins only a stack on the link's clock", async () => {
    const stack = await boot();
    const nic = new SimLink({ clock: new VirtualClock(), seed: 1 }).nic();
    expect(codeOf(() => stack.addInterface(nic))).toBe(WRONG_TYPE);
    expect(stack.interface("eth0").hasCarrier).toBe(false);
  });
});

describe("arguments", () => {
  test("of the wrong kind are errors with a code, and leave no socket open", async () => {
    const stack = await boot({ sockets: 1 });
    const bind = (options: unknown) => failure(stack.udp.bind(options as UdpOptions));
    for (const options of [null, 7, "7"]) expect(await bind(options)).toBe(WRONG_TYPE);
    expect(await bind({ address: 7 })).toBe(WRONG_TYPE);
    expect(await bind({ onmessage: "no function" })).toBe(WRONG_TYPE);
    expect(await bind({ queue: 1.5 })).toBe("ERR_OUT_OF_RANGE");
    expect(await failure(stack.udp.connect(undefined as unknown as { port: number }))).toBe(WRONG_TYPE);
    const socket = await stack.udp.bind();
    expect(codeOf(() => socket.trySend("x", null as unknown as { port: number }))).toBe(WRONG_TYPE);
    expect(codeOf(() => socket.trySend("x", { port: 0 }))).toBe("ERR_SOCKET_BAD_PORT");
    expect(codeOf(() => stack.routes.get(["10.0.0.1"] as unknown as string))).toBe(WRONG_TYPE);
    expect(codeOf(() => stack.udp.adopt(socket.handle))).toBe("EEXIST");
  });

  test("receive() with a signal aborted already rejects, though a datagram waits", async () => {
    const stack = await boot();
    const socket = await stack.udp.bind();
    socket.trySend("x", { port: socket.address.port });
    (stack.clock as VirtualClock).advanceSync(10);
    const reason = Object.assign(new Error("enough"), { code: "ENOUGH" });
    expect(await failure(socket.receive({ signal: AbortSignal.abort(reason) }))).toBe("ENOUGH");
    expect((await socket.receive()).size).toBe(1);
  });

  test("closing a socket makes work: others may wait for its buffers", async () => {
    const stack = await boot();
    const socket = await stack.udp.bind();
    (stack.clock as VirtualClock).advanceSync(10);
    expect(stack.pollAt()).not.toBe(0);
    socket.close();
    expect(stack.pollAt()).toBe(0);
  });
});

describe("ping", () => {
  test("fails with StackErrors whose code and errno agree", async () => {
    const host = await Host.create();
    const reason = (promise: Promise<unknown>) => promise.catch((error: unknown) => error as StackError);
    const silent = reason(host.stack.ping(PEER, { timeoutUs: 1000 }));
    await host.clock.advance(2000);
    expect(await silent).toBeInstanceOf(StackError);
    expect(await silent).toMatchObject({ code: "ETIMEDOUT", errno: -110, address: PEER });
    host.take();
    for (const [code, name, errno] of [
      [3, "ECONNREFUSED", -111],
      [1, "EHOSTUNREACH", -113],
    ] as const) {
      const refused = reason(host.stack.ping(PEER));
      host.run();
      const { ip, frame } = host.one();
      host.rxIcmp({ type: 3, code }, frame.subarray(14, 14 + (ip as ReadIpv4).totalLen));
      expect(await refused).toBeInstanceOf(StackError);
      expect(await refused).toMatchObject({ code: name, errno });
    }
  });

  test("refuses numbers out of range", async () => {
    const stack = await boot();
    const refused = (options: object) => stack.ping("127.0.0.1", options).catch((error: unknown) => error);
    for (const options of [{ timeoutUs: -1 }, { sequence: 70_000 }, { size: -1 }]) {
      expect(await refused(options)).toBeInstanceOf(RangeError);
      expect(await refused(options)).toMatchObject({ code: "ERR_OUT_OF_RANGE" });
    }
  });
});

describe("snapshots", () => {
  test("restore: when a driver throws, all is as before", async () => {
    const { stack, drivers } = await twoDrivers();
    const moment = stack.snapshot();
    for (const driver of drivers) driver.state = 2;
    const socket = await stack.udp.bind({ port: 7000 });
    const before = stack.snapshot();
    drivers[1].refuses = true;
    expect(() => stack.restore(moment)).toThrow("will not go back");
    drivers[1].refuses = false;
    const after = stack.snapshot();
    expect(Buffer.compare(after.memory, before.memory)).toBe(0);
    expect(after.drivers).toEqual(before.drivers);
    expect(socket.address.port).toBe(7000);
    expect(drivers.map((driver) => driver.state)).toEqual([2, 2]);
  });

  test("resume: a driver of another medium or MAC is refused", async () => {
    const { stack } = await twoDrivers();
    const moment = stack.snapshot();
    const right = () => new StatefulDriver({ mac: OUR_MAC });
    for (const wrong of [right(), new StatefulDriver({ medium: "ip" }), {} as Driver]) {
      const clock = new CountingClock();
      const first = right();
      expect(await failure(resume(moment, [first, wrong], { clock }))).toBe(WRONG_TYPE);
      expect(first.attached).toBe(false);
      expect(clock.here.size).toBe(0);
    }
  });

  test("resume: when a driver throws, none stays attached and nothing is on the clock", async () => {
    const { stack, drivers } = await twoDrivers();
    const moment = stack.snapshot();
    const clock = new CountingClock();
    const copies = drivers.map((driver) => {
      const copy = new StatefulDriver();
      return Object.assign(copy, { mac: driver.mac });
    });
    const uncaught = catchUncaught(1);
    Object.assign(copies[1] as StatefulDriver, { refuses: true });
    expect(String(await failure(resume(moment, copies, { clock })))).toContain("will not go back");
    expect((await uncaught)[0]?.message).toBe("will not go");
    expect(copies.map((copy) => copy.attached)).toEqual([false, false]);
    expect(clock.here.size).toBe(0);
    const running: Stack = await resume(moment, [...drivers], { clock });
    expect(clock.here.has(running)).toBe(true);
  });
});
