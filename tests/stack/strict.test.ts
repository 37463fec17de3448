/** What a program gets wrong is named: options that do not exist, values out of range, what is no boolean. */
import { describe, expect, test } from "vitest";
import { SWITCH_RANGES } from "../../src/control/switch-ranges.js";
import { SWITCH_NAMES } from "../../src/control/switches.js";
import { boot } from "./harness.js";
import { RecordingDriver } from "./recording-driver.js";

/** "Error: text", or "none". */
async function saying(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "none";
}

/** As an untyped program has it. */
// biome-ignore lint/suspicious/noExplicitAny: what TypeScript would refuse is what is tested
const untyped = (value: unknown) => value as any;

describe("an option that does not exist is refused by its name", () => {
  test("by every call that takes options, and leaves no socket open", async () => {
    const stack = await boot({ sockets: 1 });
    const calls: Record<string, (options: unknown) => unknown> = {
      adress: (options) => stack.udp.bind(untyped(options)),
      ttl: (options) => stack.udp.connect({ port: 7 }, untyped(options)),
      prot: (options) => stack.udp.connect({ port: 7, ...untyped(options) }),
      adres: (options) => stack.addInterface(new RecordingDriver(), untyped(options)),
      timeout: (options) => stack.ping("127.0.0.1", untyped(options)),
      TTL: (options) => stack.openEcho(untyped(options)),
      proto: (options) => stack.openRaw(untyped(options)),
    };
    for (const [name, call] of Object.entries(calls)) {
      expect(await saying(() => call({ [name]: 3 }))).toBe(`TypeError: ${name}: no such option`);
    }
    expect(stack.interfaces).toHaveLength(1);
    stack.openEcho().close();
  });

  test("what is no object is none for options", async () => {
    const stack = await boot();
    for (const call of [
      () => stack.udp.bind(untyped(null)),
      () => stack.addInterface(new RecordingDriver(), untyped(null)),
      () => stack.ping("127.0.0.1", untyped(null)),
      () => stack.openEcho(untyped(null)),
      () => stack.openRaw(untyped(null)),
    ]) {
      expect(await saying(call)).toBe("TypeError: options: an object is needed, not null");
    }
    expect(await saying(() => untyped(stack).openRaw())).toBe("TypeError: options: an object is needed, not undefined");
    expect(await saying(() => stack.udp.bind(untyped("7")))).toBe('TypeError: options: an object is needed, not "7"');
  });

  test("a datagram that came in names the peer to connect to", async () => {
    const stack = await boot();
    const [a, b] = [await stack.udp.bind(), await stack.udp.bind()];
    const received = b.receive();
    a.trySend("x", { port: b.address.port });
    stack.poll(stack.clock.now());
    b.connect(await received);
    expect(b.remoteAddress).toEqual({ address: "127.0.0.1", port: a.address.port });
  });
});

describe("a switch", () => {
  test("takes what its range says, and an error names the range", async () => {
    const stack = await boot();
    const { switches } = stack;
    switches.set("IP_PORT_FIRST", 1);
    switches.set("IP_PORT_LAST", 65_535);
    expect(Object.keys(SWITCH_RANGES)).toEqual(SWITCH_NAMES);
    for (const name of SWITCH_NAMES) {
      const [least, most] = SWITCH_RANGES[name];
      const before = switches.get(name);
      for (const value of [least, most, before]) switches.set(name, value);
      for (const value of least > 0 ? [least - 1, most + 1] : [most + 1]) {
        const said = await saying(() => switches.set(name, value));
        expect(said).toBe(`StackError: switch EINVAL (${name} = ${value}: ${least} to ${most})`);
      }
      expect(switches.get(name)).toBe(before);
    }
  });

  test("whose value is in its range, and stands against another, is named with the value alone", async () => {
    const stack = await boot();
    const set = () => stack.switches.set("IP_PORT_FIRST", 65_535);
    expect(await saying(set)).toBe("StackError: switch EINVAL (IP_PORT_FIRST = 65535)");
  });
});

describe("a socket option", () => {
  test("that is out of range is named with its value and its range", async () => {
    const stack = await boot();
    const socket = await stack.udp.bind();
    const wrong: readonly [() => unknown, string][] = [
      [() => socket.setTTL(256), "ttl = 256: 0 to 255"],
      [() => socket.setTOS(256), "tos = 256: 0 to 255"],
      [() => socket.setQueue(0), "queue = 0: 1 to 65536"],
      [() => socket.setMulticastTTL(256), "multicastTTL = 256: 0 to 255"],
      [() => stack.openRaw({ protocol: 7, ttl: 999 }), "ttl = 999: 0 to 255"],
      [() => stack.openEcho({ tos: 300 }), "tos = 300: 0 to 255"],
      [() => stack.udp.bind({ queue: 65_537 }), "queue = 65537: 1 to 65536"],
      [() => socket.setOptions(new Uint8Array(41)), "IP options of 41 bytes"],
      [() => stack.tcp.listen({ mss: 65_536 }), "mss = 65536: 0, 48 to 65535"],
      [() => stack.tcp.listen({ mss: 47 }), "mss = 47: 0, 48 to 65535"],
      [() => stack.tcp.listen({ sendBuffer: 0 }), "sendBuffer = 0: 1 to 1048576"],
      [() => stack.tcp.listen({ userTimeoutMs: 86_400_001 }), "userTimeoutMs = 86400001: 0 to 86400000"],
      [() => stack.tcp.listen({ keepAlive: { count: 128 } }), "count = 128: 1 to 127"],
    ];
    for (const [act, text] of wrong) expect(await saying(act)).toBe(`StackError: setsockopt EINVAL (${text})`);
    expect(await saying(() => socket.bindToInterface(9))).toBe("StackError: setsockopt ENODEV (ifindex = 9)");
  });

  test("that is no whole number is told its own range", async () => {
    const stack = await boot();
    const socket = await stack.udp.bind();
    const wrong: readonly [() => unknown, string][] = [
      [() => socket.setTOS(-1), "tos: -1 is not an integer from 0 to 255"],
      [() => socket.setTTL(1.5), "ttl: 1.5 is not an integer from 0 to 255"],
      [() => socket.setTTL(untyped("5")), 'ttl: "5" is not an integer from 0 to 255'],
      [() => socket.setTTL(2 ** 32 + 1), "ttl: 4294967297 is not an integer from 0 to 255"],
      [() => socket.setQueue(Number.NaN), "queue: NaN is not an integer from 1 to 65536"],
      [() => socket.setMulticastTTL(untyped(undefined)), "multicastTTL: undefined is not an integer from 0 to 255"],
    ];
    for (const [act, text] of wrong) expect(await saying(act)).toBe(`RangeError: ${text}`);
  });

  test("that is a switch takes true and false, and nothing in their place", async () => {
    const stack = await boot();
    const socket = await stack.udp.bind();
    const raw = stack.openRaw({ protocol: 7 });
    const wrong: readonly [(value: unknown) => unknown, string][] = [
      [(value) => socket.setMulticastLoopback(untyped(value)), "multicastLoopback"],
      [(value) => socket.setBroadcast(untyped(value)), "broadcast"],
      [(value) => socket.setDontFragment(untyped(value)), "dontFragment"],
      [(value) => raw.setDontFragment(untyped(value)), "dontFragment"],
      [(value) => stack.udp.bind({ broadcast: untyped(value) }), "broadcast"],
      [(value) => stack.udp.bind({ reuseAddr: untyped(value) }), "reuseAddr"],
      [(value) => stack.openRaw({ protocol: 7, headerIncluded: untyped(value) }), "headerIncluded"],
      [(value) => stack.openRaw({ protocol: 7, broadcast: untyped(value) }), "broadcast"],
      [(value) => stack.openEcho({ dontFragment: untyped(value) }), "dontFragment"],
      [(value) => stack.openEcho({ broadcast: untyped(value) }), "broadcast"],
      [(value) => stack.addInterface(new RecordingDriver(), { up: untyped(value) }), "up"],
      [(value) => stack.interface("lo").addAddress("10.0.0.1/32", { probe: untyped(value) }), "probe"],
    ];
    for (const [act, name] of wrong) {
      expect(await saying(() => act("no"))).toBe(`TypeError: ${name}: a boolean is needed, not "no"`);
      expect(await saying(() => act(0))).toBe(`TypeError: ${name}: a boolean is needed, not 0`);
    }
    expect(await saying(() => untyped(socket).setDontFragment())).toBe(
      "TypeError: dontFragment: a boolean is needed, not undefined",
    );
    for (const on of [true, false]) {
      socket.setMulticastLoopback(on);
      socket.setBroadcast(on);
      socket.setDontFragment(on);
    }
  });
});

test("a closed stack obeys no more", async () => {
  const stack = await boot();
  const nif = stack.addInterface(new RecordingDriver(), { address: "10.0.0.1/8" });
  stack.close();
  const before = stack.core.u8.slice();
  const calls: Record<string, () => unknown> = {
    addAddress: () => nif.addAddress("10.0.0.2/8"),
    removeAddress: () => nif.removeAddress("10.0.0.1"),
    up: () => nif.up(),
    down: () => nif.down(),
    mtu: () => {
      nif.mtu = 1000;
    },
  };
  for (const [name, call] of Object.entries(calls)) {
    expect(await saying(call)).toBe(`StackError: ${name} EBADF (closed or no such handle)`);
  }
  const others: readonly (readonly [string, () => unknown])[] = [
    ["switch", () => stack.switches.set("IP_FORWARD", 1)],
    ["switch", () => stack.interfaceSwitches.set("FORWARDING", 1)],
    ["switch", () => nif.switches.set("FORWARDING", 1)],
    ["route", () => stack.routes.add({ destination: "default", gateway: "10.0.0.9" })],
    ["route", () => stack.routes.replace({ destination: "default", gateway: "10.0.0.9" })],
    ["route", () => stack.routes.delete({ destination: "10.0.0.0/8" })],
    ["route", () => stack.routes.flushCache()],
    ["neighbour", () => stack.neighbours.add(nif, "10.0.0.9", "02:00:00:00:00:09")],
    ["neighbour", () => stack.neighbours.delete(nif, "10.0.0.9")],
    ["addInterface", () => stack.addInterface(new RecordingDriver())],
  ];
  for (const [syscall, call] of others)
    expect(await saying(call)).toMatch(new RegExp(`^StackError: ${syscall} EBADF `));
  // What it was can still be read, and is as it was.
  expect(nif.addresses.map(({ address }) => address)).toEqual(["10.0.0.1"]);
  expect(Buffer.compare(stack.core.u8, before)).toBe(0);
});
