/** Booting: options out of range, too little memory, profiles, the seed and the clock; memory that never grows after. */
import { describe, expect, test } from "vitest";
import * as CALL from "../../assembly/abi/call.js";
import * as CONFIG from "../../assembly/abi/config.js";
import { E_INVAL, E_NOMEM } from "../../assembly/abi/errno.js";
import { NETIF_MTU } from "../../assembly/abi/netif.js";
import * as ROUTE from "../../assembly/abi/route.js";
import { POLL_IDLE, REGION_CALL, REGION_CONFIG, REGION_ROUTE } from "../../assembly/abi/stack.js";
import { writeIpv4 } from "../../src/address.js";
import { type BootOptions, formatIpv4, Prng, SimLink, Stack, VirtualClock } from "../../src/index.js";
import type { Exports } from "../../src/wasm/core.js";
import { boot, module, timeWaits } from "./harness.js";
import { codeOf, Host, PEER, US } from "./recording-driver.js";
import { data } from "./wire.js";

const PAGE = 65536;

/** An instance that has not booted. */
function instance(profile: number) {
  const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
  expect(exports.stack_defaults(profile)).toBe(0);
  const word = (offset: number) =>
    new DataView(exports.memory.buffer, exports.stack_region(REGION_CONFIG) + offset, 4).getUint32(0, true);
  const put = (offset: number, value: number) =>
    new DataView(exports.memory.buffer, exports.stack_region(REGION_CONFIG) + offset, 4).setUint32(0, value, true);
  return { exports, word, put };
}

describe("options", () => {
  /** Least and most of every capacity. */
  const ranges: [keyof BootOptions, number, number][] = [
    ["smallBuffers", 12, 2 ** 20],
    ["largeBuffers", 0, 2 ** 15],
    ["interfaces", 1, 255],
    ["ringSlots", 4, 2 ** 15],
    ["addresses", 1, 2 ** 14],
    ["neighbours", 1, 2 ** 16],
    ["routes4", 4, 2 ** 22],
    ["routes6", 0, 2 ** 22],
    ["nextHops", 4, ROUTE.ROUTE_MAX_NEXTHOPS],
    ["fibDirectBits", 0, ROUTE.ROUTE_MAX_DIRECT_BITS],
    ["sockets", 1, 2 ** 15],
    ["socketErrors", 0, 2 ** 16],
    ["tcpBlocks", 0, 2 ** 15],
    ["tcpRanges", 1, 255],
    ["timeWaits", 0, 2 ** 20],
    ["rings2K", 0, 2 ** 20],
    ["rings16K", 0, 2 ** 17],
    ["rings64K", 0, 2 ** 15],
    ["rings1M", 0, 2 ** 11],
  ];

  test.each(ranges)("%s is taken from %d to %d, and refused by name beyond", async (name, least, most) => {
    const offsets: Record<string, number> = Object.fromEntries(
      Object.entries(CONFIG).map(([key, value]) => [key.replace(/_/g, "").toLowerCase(), value]),
    );
    const offset = offsets[`config${name.toLowerCase()}`] as number;
    for (const value of [least, most]) {
      const { exports, put } = instance(CONFIG.PROFILE_HOST);
      put(offset, value);
      if (name === "smallBuffers") put(CONFIG.CONFIG_INTERFACES, 1);
      if (name === "interfaces") put(CONFIG.CONFIG_SMALL_BUFFERS, 4096);
      expect(exports.stack_size(), `${name} ${value}`).not.toBe(-E_INVAL);
    }
    for (const value of [least - 1, most + 1, 2 ** 32 - 1]) {
      if (value < 0) continue;
      const error = await Stack.create({ module, [name]: value }).catch((e: unknown) => e as Error);
      expect(error).toMatchObject({ code: "EINVAL", syscall: "boot" });
      expect(String(error)).toContain(`option ${name}`);
      expect(String(error)).toContain(String(value));
    }
    for (const value of [-1, 1.5, Number.NaN, 2 ** 32, "7" as unknown as number]) {
      const error = await Stack.create({ module, [name]: value }).catch((e: unknown) => e as Error);
      expect(error).toBeInstanceOf(RangeError);
      expect(String(error)).toContain(name);
    }
  });

  test("what does not go together is refused", async () => {
    const refused = async (options: BootOptions, name: string) => {
      const error = await Stack.create({ module, ...options }).catch((e: unknown) => e as Error);
      expect(error, name).toMatchObject({ code: "EINVAL" });
      expect(String(error)).toContain(`option ${name}`);
    };
    await refused({ ringSlots: 48 }, "ringSlots");
    // A quarter of the buffers is posted for receiving: one for each interface beside lo, at least.
    await refused({ smallBuffers: 16, interfaces: 6 }, "smallBuffers");
    // The quotas of so few would be none.
    await refused({ largeBuffers: 3 }, "largeBuffers");
    await refused({ dayMs: 86_400_000 }, "dayMs");
    await refused({ seed: [0, 0, 0, 0] }, "seed");
    expect((await boot({ smallBuffers: 20, interfaces: 6 })).memory().small.total).toBe(20);
    expect((await boot({ largeBuffers: 4 })).memory().large.quota).toMatchObject({ tx: 1, socket: 1 });
  });

  test("wrong kinds of options are errors, too", async () => {
    await expect(Stack.create({ module, seed: [1, 2, 3] })).rejects.toThrow(/^seed/);
    await expect(Stack.create({ module, profile: "huge" as "host" })).rejects.toThrow(/^profile.*huge/);
  });

  test("with four large buffers a datagram of 60,000 bytes passes lo", async () => {
    const stack = await boot({ largeBuffers: 4 });
    const socket = await stack.udp.bind();
    const received = socket.receive();
    await socket.send(new Uint8Array(60_000), { port: socket.address.port });
    await (stack.clock as VirtualClock).advance(0);
    expect((await received).size).toBe(60_000);
  });

  test("more memory than there can be is refused, by the bytes where they can be said", async () => {
    const error = await Stack.create({ module, smallBuffers: 2 ** 20, largeBuffers: 2 ** 15 }).catch((e) => e as Error);
    expect(error).toMatchObject({ code: "ENOMEM", syscall: "boot" });
    const { exports, put } = instance(CONFIG.PROFILE_HOST);
    put(CONFIG.CONFIG_SMALL_BUFFERS, 2 ** 20);
    put(CONFIG.CONFIG_LARGE_BUFFERS, 2 ** 15);
    expect(exports.stack_size()).toBe(-E_NOMEM);
  });
});

describe("too little memory", () => {
  test("stack_init says so and changes nothing; with the bytes of stack_size() it can be had again", () => {
    const { exports, word, put } = instance(CONFIG.PROFILE_HOST);
    put(CONFIG.CONFIG_SEED, 1);
    const bytes = exports.stack_size();
    expect(bytes).toBeGreaterThan(PAGE);
    for (let i = 0; i < 3; i++) {
      expect(exports.stack_init()).toBe(-E_NOMEM);
      expect(word(CONFIG.CONFIG_ERROR)).toBe(CONFIG.CONFIG_BYTES);
      expect(exports.stack_poll(0, 0, 100) >>> 0).toBe(POLL_IDLE);
      expect(exports.sock_open(17)).toBeLessThan(0);
      expect(exports.memory.buffer.byteLength).toBe(PAGE);
    }
    exports.memory.grow(Math.ceil(bytes / PAGE) - 1);
    expect(exports.stack_size()).toBe(bytes);
    expect(exports.stack_init()).toBe(0);
    expect(exports.sock_open(17)).toBeGreaterThan(0);
    expect(exports.stack_init()).toBe(-E_INVAL);
    expect(exports.stack_size()).toBe(-E_INVAL);
  });

  test("one page short is short", () => {
    const { exports, put } = instance(CONFIG.PROFILE_HOST);
    put(CONFIG.CONFIG_SEED, 1);
    const pages = Math.ceil(exports.stack_size() / PAGE);
    exports.memory.grow(pages - 2);
    expect(exports.stack_init()).toBe(-E_NOMEM);
    exports.memory.grow(1);
    expect(exports.stack_init()).toBe(0);
  });

  test("a smaller profile boots where a larger one did not", () => {
    const { exports, put } = instance(CONFIG.PROFILE_ROUTER);
    put(CONFIG.CONFIG_SEED, 1);
    expect(exports.stack_init()).toBe(-E_NOMEM);
    expect(exports.stack_defaults(CONFIG.PROFILE_TINY)).toBe(0);
    expect(exports.stack_init()).toBe(0);
    const record = exports.netif_record(1);
    expect(new DataView(exports.memory.buffer).getUint32(record + NETIF_MTU, true)).toBe(1920);
  });

  test.each([false, true])("no export traps or takes anything before boot (sized: %s)", (sized) => {
    const { exports } = instance(CONFIG.PROFILE_HOST);
    if (sized) expect(exports.stack_size()).toBeGreaterThan(PAGE);
    const before = new Uint8Array(exports.memory.buffer).slice();
    const skip = new Set([
      "memory",
      "stack_version",
      "stack_defaults",
      "stack_size",
      "stack_init",
      "stack_set",
      "stack_region",
    ]);
    for (const [name, call] of Object.entries(exports) as [string, (...args: number[]) => number][]) {
      if (skip.has(name)) continue;
      for (const args of [
        [0, 0, 0],
        [1, 1, 1],
        [17, 64, 0],
        [-1, -1, -1],
        [0x10000, 0, 0],
      ]) {
        const result = call(...args);
        if (name === "stack_poll") expect(result >>> 0).toBe(POLL_IDLE);
        else if (name !== "stack_get" && name !== "route_first" && name !== "route_next") {
          expect(result, `${name}(${args})`).toBeLessThan(0);
        }
      }
    }
    expect(new Uint8Array(exports.memory.buffer).length).toBe(before.length);
    const { exports: again, put } = instance(CONFIG.PROFILE_TINY);
    put(CONFIG.CONFIG_SEED, 1);
    expect(again.stack_init()).toBe(0);
  });

  test("no profile of that number", () => {
    const { exports } = instance(CONFIG.PROFILE_HOST);
    expect(exports.stack_defaults(CONFIG.PROFILES)).toBe(-E_INVAL);
  });
});

describe("seed and clock", () => {
  test("without a seed the module does not boot; Stack.create draws one", async () => {
    const { exports, word } = instance(CONFIG.PROFILE_TINY);
    expect(exports.stack_init()).toBe(-E_INVAL);
    expect(word(CONFIG.CONFIG_ERROR)).toBe(CONFIG.CONFIG_SEED);
    const ports = new Set<number>();
    for (let i = 0; i < 4; i++) {
      const stack = await Stack.create({ clock: new VirtualClock(), module });
      ports.add((await stack.udp.bind()).address.port);
      stack.close();
    }
    expect(ports.size).toBeGreaterThan(1);
  });

  test("the same seed makes the same choices", async () => {
    const ports = async (seed: number[]) => {
      const stack = await boot({ seed });
      const sockets = await Promise.all(Array.from({ length: 20 }, () => stack.udp.bind()));
      return sockets.map((socket) => socket.address.port);
    };
    expect(await ports([1, 2, 3, 4])).toEqual(await ports([1, 2, 3, 4]));
    expect(await ports([1, 2, 3, 4])).not.toEqual(await ports([1, 2, 3, 5]));
  });

  test("a clock that begins late, and one of centuries", async () => {
    for (const startUs of [0, 2 ** 32 - 1, 2 ** 32, 2 ** 52]) {
      const clock = new VirtualClock({ startUs });
      const stack = await boot({ clock });
      const reply = stack.ping("127.0.0.1");
      await clock.advance(10);
      expect((await reply).timeUs).toBe(0);
      stack.close();
    }
  });
});

describe("profiles", () => {
  test("host: about 10 MiB", async () => {
    const stack = await boot({ profile: "host" });
    const { bytes, memoryBytes, byteRings } = stack.memory();
    // The size build has no FIB.
    expect(bytes).toBeGreaterThan(9 * 2 ** 20);
    expect(bytes).toBeLessThan(10 * 2 ** 20);
    expect(byteRings).toEqual([
      { size: 2 ** 11, total: 128, free: 128 },
      { size: 2 ** 14, total: 64, free: 64 },
      { size: 2 ** 16, total: 32, free: 32 },
      { size: 2 ** 20, total: 2, free: 2 },
    ]);
    expect(memoryBytes - bytes).toBeLessThan(PAGE);
    expect(stack.interfaceNamed("lo")?.mtu).toBe(65536);
  });

  test("tiny: one page", async () => {
    const stack = await boot({ profile: "tiny" });
    expect(stack.memory().memoryBytes).toBe(PAGE);
    expect(stack.memory().byteRings.map(({ total }) => total)).toEqual([8, 0, 0, 0]);
    expect(stack.memory().small).toMatchObject({ size: 2048 });
    expect(stack.memory().small.total).toBeGreaterThanOrEqual(12);
    expect(stack.memory().large.total).toBe(0);
    expect(stack.interfaceNamed("lo")?.mtu).toBeGreaterThanOrEqual(576);
  });

  test("tiny serves: ping and UDP echo on lo and over a link, ARP", async () => {
    const clock = new VirtualClock();
    const link = new SimLink({ clock, seed: 3, delayUs: 500 });
    const a = await boot({ clock, profile: "tiny", name: "a" });
    const b = await boot({ clock, profile: "tiny", name: "b" });
    a.addInterface(link.nic(), { address: "10.0.0.1/24" });
    b.addInterface(link.nic(), { address: "10.0.0.2/24" });
    a.routes.add({ destination: "default", gateway: "10.0.0.2" });
    for (const [stack, address] of [
      [a, "127.0.0.1"],
      [a, "10.0.0.1"],
      [a, "10.0.0.2"],
      [b, "10.0.0.1"],
    ] as const) {
      const reply = stack.ping(address, { size: 500 });
      await clock.advance(1_000_000);
      expect((await reply).bytes).toBe(508);
    }
    expect(a.neighbours.list()).toMatchObject([{ address: "10.0.0.2", state: "reachable" }]);
    // The largest datagram is one buffer.
    const largest = (a.interfaceNamed("lo")?.mtu ?? 0) - 28;
    for (const [server, address, size] of [
      [a, "127.0.0.1", largest],
      [b, "10.0.0.2", 1472],
    ] as const) {
      const echo = await server.udp.bind({ port: 7 });
      echo.onmessage = (bytes, { address: to, port }) => void echo.trySend(bytes, { address: to, port });
      const client = await a.udp.connect({ address, port: 7 });
      for (let i = 0; i < 50; i++) {
        const sent = data(size - i);
        const back = client.receive();
        await client.send(sent);
        await clock.advance(2000);
        expect((await back).data).toEqual(sent);
      }
      expect(() => client.trySend(new Uint8Array(largest + 29))).toThrow(/EMSGSIZE/);
      client.close();
      echo.close();
    }
    expect(a.memory().memoryBytes).toBe(PAGE);
  });

  test("tiny: a listener and four TCP connections of 2 KiB each way, between two of one page each", async () => {
    const clock = new VirtualClock();
    const link = new SimLink({ clock, seed: 3, delayUs: 500 });
    const server = await boot({ clock, profile: "tiny", name: "server" });
    const client = await boot({ clock, profile: "tiny", name: "client" });
    server.addInterface(link.nic(), { address: "10.0.0.1/24" });
    client.addInterface(link.nic(), { address: "10.0.0.2/24" });
    const echo = await server.tcp.listen({
      port: 7,
      onconnection: (socket) => void socket.readable.pipeTo(socket.writable),
    });
    const to = { address: "10.0.0.1", port: 7 };
    const connecting = Promise.all(Array.from({ length: 4 }, () => client.tcp.connect(to)));
    await clock.advance(5_000_000);
    const sockets = await connecting;
    expect(echo.connections).toBe(4);
    for (const stack of [server, client]) expect(stack.memory().byteRings[0]).toMatchObject({ total: 8, free: 0 });
    // Of each, as many as the connections need: there is none for a fifth.
    await expect(client.tcp.connect(to)).rejects.toMatchObject({ code: "ENOBUFS" });
    const texts = sockets.map((_, i) => data(20_000 + i * 1000));
    const echoed = sockets.map(async (socket, i) => {
      const sending = socket.end(texts[i] as Uint8Array);
      const parts: number[] = [];
      for await (const part of socket) parts.push(...part);
      await sending;
      return Uint8Array.from(parts);
    });
    await clock.advance(60_000_000);
    expect(await Promise.all(echoed)).toEqual(texts);
    await clock.advance(60_000_000);
    for (const stack of [server, client]) {
      expect(stack.memory()).toMatchObject({ memoryBytes: PAGE, byteRings: [{ free: 8 }, {}, {}, {}] });
      expect(stack.statistics().counters).toMatchObject({ TCP_ESTAB_RESETS: 0, TCP_ATTEMPT_FAILS: 0 });
    }
    expect(timeWaits(client)).toBe(0);
    expect(echo.connections).toBe(0);
    echo.close();
  });

  test("tiny: any set of routes fits, up to as many as there may be", async () => {
    const stack = await boot({ profile: "tiny" });
    const random = new Prng(3);
    const held = stack.routes.list().length;
    const most = held + 5;
    for (let round = 0; round < 400; round++) {
      // Long and short, near one another in all bits but some, so that nodes are of every shape.
      const base = random.uint32();
      const added: string[] = [];
      while (added.length < most - held) {
        const length = random.uint32() % 3 === 0 ? random.uint32() % 33 : 32 - (random.uint32() % 3);
        const near = (base ^ ((random.uint32() & 3) << (random.uint32() % 32))) >>> 0;
        const network = length === 0 ? 0 : (near & (0xffffffff << (32 - length))) >>> 0;
        const destination = `${formatIpv4(network)}/${length}`;
        if (network >>> 24 === 127 || added.includes(destination)) continue;
        stack.routes.add({ destination, dev: "lo" });
        added.push(destination);
      }
      expect(codeOf(() => stack.routes.add({ destination: "1.2.3.4/31", dev: "lo", metric: 9 }))).toBe("ENOSPC");
      expect(stack.routes.list()).toHaveLength(most);
      for (const destination of added) stack.routes.delete({ destination });
    }
    expect(stack.routes.list()).toHaveLength(held);
  });

  test("router: a million routes", async () => {
    const stack = await boot({ profile: "router" });
    const { exports, u8, u32 } = stack.core;
    const record = exports.stack_region(REGION_ROUTE);
    const call = exports.stack_region(REGION_CALL);
    u8.fill(0, record, record + ROUTE.ROUTE_BYTES);
    u8[record + ROUTE.ROUTE_FAMILY] = 4;
    u32[(record + ROUTE.ROUTE_IFINDEX) >> 2] = 1;
    const random = new Prng(7);
    const held = stack.routes.list().length;
    const began = performance.now();
    let added = 0;
    let refused = 0;
    const samples: [number, number][] = [];
    while (added < 1_000_000 - held) {
      // Lengths about as the Internet has them: most are 24, the rest 16 to 23.
      const length = random.uint32() % 5 < 3 ? 24 : 16 + (random.uint32() % 8);
      const destination = (random.uint32() & (0xffffffff << (32 - length))) >>> 0;
      const first = destination >>> 24;
      if (first === 127 || first === 0 || first >= 224) continue;
      u8[record + ROUTE.ROUTE_PLEN] = length;
      writeIpv4(u8, record + ROUTE.ROUTE_DST, destination);
      const result = exports.route_add();
      if (result === 0) added++;
      else if (result === -17) refused++;
      else throw new Error(`route_add: ${result} after ${added}`);
      if (added % 50_000 === 0) samples.push([destination, length]);
    }
    // Generous: it takes a second or two, alone and on the release build.
    expect(performance.now() - began).toBeLessThan(40_000);
    expect(refused).toBeGreaterThan(0);
    u8[record + ROUTE.ROUTE_PLEN] = 32;
    writeIpv4(u8, record + ROUTE.ROUTE_DST, 0x01020304);
    expect(exports.route_add()).toBe(-28);
    for (const [destination, length] of samples) {
      writeIpv4(u8, call + CALL.CALL_ADDR, destination + 1);
      expect(exports.route_get(0)).toBe(0);
      expect(u8[record + ROUTE.ROUTE_PLEN]).toBeGreaterThanOrEqual(length);
      expect(u32[(call + CALL.CALL_IFINDEX) >> 2]).toBe(1);
    }
  });
});

describe("fixed memory", () => {
  test("a busy stack's memory is as long as it was, and its views stay good", async () => {
    const host = await Host.create();
    const { stack, clock } = host;
    const { buffer } = stack.core.exports.memory;
    const sockets = await Promise.all(Array.from({ length: 500 }, () => stack.udp.bind({ queue: 2 })));
    for (let i = 0; i < 3000; i++) {
      const from = sockets[i % 500];
      const to = sockets[(i * 7) % 500];
      from?.trySend(data(i % 1400), { address: i % 2 === 0 ? "127.0.0.1" : US, port: to?.address.port ?? 1 });
      if (i % 3 === 0) from?.trySend("out", { address: PEER, port: 9 });
      if (i % 5 === 0) host.rxIcmp({ rest: i }, data(100));
      if (i % 64 === 0) await clock.advance(1000);
    }
    await clock.advance(100_000);
    expect(stack.core.exports.memory.buffer).toBe(buffer);
    expect(stack.core.u8.length).toBe(buffer.byteLength);
  });

  test("an MTU beyond what the link or the largest buffer takes is refused, by its number", async () => {
    const stack = await boot();
    const link = new SimLink({ clock: stack.clock, seed: 1 });
    expect(() => stack.addInterface(link.nic({ mtu: 1921 }))).toThrow(/EINVAL.*1921/);
    expect(stack.interfaces).toHaveLength(1);
    const nif = stack.addInterface(link.nic({ mtu: 1920 }), { address: "10.0.0.1/24" });
    expect(codeOf(() => (nif.mtu = 1921))).toBe("EINVAL");
    expect(codeOf(() => (nif.mtu = 67))).toBe("EINVAL");
    expect(() => (nif.mtu = 1500.5)).toThrow(RangeError);
    expect(() => (nif.mtu = Number.NaN)).toThrow(RangeError);
    expect(nif.mtu).toBe(1920);
    const lo = stack.interface("lo");
    expect(codeOf(() => (lo.mtu = 65537))).toBe("EINVAL");
    const slow = stack.addInterface(link.nic({ mtu: 576 }));
    slow.mtu = 68;
    slow.mtu = 576;
    expect(
      codeOf(() => (slow.mtu = 577)),
      "beyond what the driver carries (RFC 1812 §3.3.4)",
    ).toBe("EINVAL");
    const small = await boot({ largeBuffers: 0 });
    expect(small.interface("lo").mtu).toBe(1920);
  });
});
