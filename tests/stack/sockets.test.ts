/** Sockets of both kinds: every promise settles, stale handles stay stale, wrong arguments lose nothing. */
import { describe, expect, test } from "vitest";
import { SimLink, type Stack, StackError, VirtualClock } from "../../src/index.js";
import { catchUncaught, failure } from "./failure.js";
import { boot } from "./harness.js";
import { codeOf, Host, PEER } from "./recording-driver.js";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const run = (stack: Stack, us = 10) => (stack.clock as VirtualClock).advance(us);

describe("every promise settles", () => {
  test("receive: by close, by its signal, by the stack's end", async () => {
    const stack = await boot();
    const socket = await stack.udp.bind();
    const controller = new AbortController();
    const aborted = socket.receive({ signal: controller.signal });
    const closed = socket.receive();
    controller.abort(Object.assign(new Error("enough"), { code: "ENOUGH" }));
    expect(await failure(aborted)).toBe("ENOUGH");
    expect(await failure(socket.receive({ signal: controller.signal }))).toBe("ENOUGH");
    socket.close();
    expect(await failure(closed)).toBe("EBADF");
    expect(await failure(socket.receive())).toBe("EBADF");
    const last = await stack.udp.bind();
    const waiting = last.receive();
    const ping = failure(stack.ping("127.0.0.1"));
    const iterating = (async () => {
      for await (const _ of last) throw new Error("nothing comes");
    })();
    stack.close();
    expect(await failure(waiting)).toBe("EBADF");
    expect(await failure(iterating)).toBe("resolved");
    expect(await ping).toBe("EBADF");
    // Nothing opens on what has ended, so nothing waits there for ever.
    expect(await failure(stack.udp.bind())).toBe("EBADF");
    expect(await failure(stack.udp.connect({ port: 9 }))).toBe("EBADF");
    expect(await failure(stack.ping("127.0.0.1"))).toBe("EBADF");
    expect(codeOf(() => last.trySend("x", { port: 1 }))).toBe("EBADF");
  });

  test("send: waits for room, and settles by room, close, signal, the stack's end", async () => {
    const host = await Host.create();
    host.driver.busy = true;
    const socket = await host.stack.udp.connect({ address: PEER, port: 9 });
    let queued = 0;
    while (socket.trySend("x")) queued++;
    expect(queued).toBeGreaterThan(200);
    const controller = new AbortController();
    const byRoom = socket.send("room");
    const bySignal = failure(socket.send("signal", undefined, { signal: controller.signal }));
    await host.clock.advance(1000);
    controller.abort(Object.assign(new Error("enough"), { code: "ENOUGH" }));
    expect(await bySignal).toBe("ENOUGH");
    host.driver.free();
    await host.clock.advance(10);
    await byRoom;
    const sent = host.take();
    expect(sent).toHaveLength(queued + 1);
    expect(text(sent.at(-1)?.ip?.udp?.data as Uint8Array)).toBe("room");
    host.driver.busy = true;
    while (socket.trySend("x")) {}
    const byClose = failure(socket.send("close"));
    socket.close();
    expect(await byClose).toBe("EBADF");
    const other = await host.stack.udp.connect({ address: PEER, port: 9 });
    const byEnd = failure(other.send("end"));
    host.stack.close();
    expect(await byEnd).toBe("EBADF");
  });

  test("a socket that is not asked for is not waited for: nothing is left behind by an abort", async () => {
    const stack = await boot();
    const socket = await stack.udp.bind();
    const controller = new AbortController();
    const waiting = Array.from({ length: 50 }, () => failure(socket.receive({ signal: controller.signal })));
    controller.abort(Object.assign(new Error("enough"), { code: "ENOUGH" }));
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["ENOUGH"]));
    const received = socket.receive();
    socket.trySend("x", { port: socket.address.port });
    await run(stack);
    expect((await received).size).toBe(1);
  });
});

describe("handles", () => {
  test("a closed handle is stale, for a long time: slots are used again first in, first out", async () => {
    const stack = await boot({ sockets: 4 });
    const { exports } = stack.core;
    const first = exports.sock_open(17);
    const seen = new Set([first]);
    exports.sock_close(first);
    for (let i = 0; i < 4 * 1000; i++) {
      const handle = exports.sock_open(17);
      expect(handle).toBeGreaterThan(0xffff);
      seen.add(handle);
      expect(exports.sock_close(first)).toBe(-9);
      exports.sock_close(handle);
    }
    expect(seen.size).toBe(4001);
    for (const stale of [first, 0, -1, 4, 0x10004, 0x7fffffff, 0x80010000 | 0]) {
      for (const call of [
        "sock_close",
        "sock_bind",
        "sock_connect",
        "sock_disconnect",
        "sock_recv",
        "sock_error",
        "sock_ready",
      ] as const) {
        expect(exports[call](stale), `${call} ${stale}`).toBe(-9);
      }
      expect(exports.sock_window(stale, 10)).toBe(-9);
      expect(exports.sock_send(stale, 10, 0)).toBe(-9);
      expect(exports.sock_set(stale, 0, 0)).toBe(-9);
      expect(exports.sock_get(stale, 0)).toBe(-9);
    }
  });

  test("generations go round from 0x7fff to 1, and no handle is ever negative", async () => {
    const stack = await boot({ sockets: 1 });
    const { exports } = stack.core;
    let before = 0;
    let turned = 0;
    for (let i = 0; i < 0x8010; i++) {
      const handle = exports.sock_open(17);
      if (handle <= 0 || (handle & 0xffff) !== 0) throw new Error(`handle ${handle}`);
      if (handle < before) turned++;
      before = handle;
      exports.sock_close(handle);
    }
    expect(turned).toBe(1);
    expect(before >>> 16).toBe(0x8010 - 0x7fff);
  });

  test("1,000 sockets at once, each heard by itself alone; one more than there are is ENOBUFS", async () => {
    const host = await Host.create({ sockets: 1000 });
    const heard = new Map<number, number>();
    const sockets = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => host.stack.udp.bind({ port: 10_000 + i })),
    );
    for (const [i, socket] of sockets.entries()) {
      socket.onmessage = (bytes) => void heard.set(i, (heard.get(i) ?? 0) + (bytes[0] as number) + 1);
    }
    expect(await failure(host.stack.udp.bind())).toBe("ENOBUFS");
    for (let i = 0; i < 1000; i++) host.rxUdp({ dstPort: 10_000 + ((i * 7) % 1000) }, [((i * 7) % 1000) & 63]);
    expect(heard.size).toBe(1000);
    expect([...heard].filter(([i, sum]) => sum !== (i & 63) + 1)).toEqual([]);
    for (const socket of sockets) socket.close();
    expect((await host.stack.udp.bind({ port: 10_000 })).address.port).toBe(10_000);
  });
});

describe("wrong arguments", () => {
  test("are errors by name, and lose nothing", async () => {
    const stack = await boot();
    const socket = await stack.udp.bind();
    const bad: unknown[] = [];
    const kind = (act: () => unknown) => {
      try {
        act();
        return "none";
      } catch (error) {
        bad.push(error);
        return error instanceof StackError ? error.code : (error as Error).name;
      }
    };
    for (const port of [-1, 65_536, 1.5, Number.NaN, "7" as unknown as number]) {
      expect(await failure(stack.udp.bind({ port }))).toBe("ERR_SOCKET_BAD_PORT");
      expect(kind(() => socket.trySend("x", { port }))).toBe("RangeError");
      expect(kind(() => socket.connect({ port }))).toBe("RangeError");
    }
    expect(kind(() => socket.trySend("x", { port: 0 }))).toBe("RangeError");
    for (const address of ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "::1", "example.org", " 1.2.3.4"]) {
      expect(
        kind(() => socket.trySend("x", { address, port: 1 })),
        address,
      ).toBe("TypeError");
      expect(await failure(stack.udp.bind({ address }))).toBe("ERR_INVALID_ARG_TYPE");
    }
    for (const payload of [
      undefined,
      null,
      5,
      {},
      { length: 5 },
      [1, 2],
      new ArrayBuffer(4),
      new Uint16Array(2),
      new DataView(new ArrayBuffer(4)),
    ]) {
      expect(
        kind(() => socket.trySend(payload as Uint8Array, { port: 1 })),
        String(payload),
      ).toBe("TypeError");
    }
    expect(kind(() => socket.setTTL(256))).toBe("EINVAL");
    expect(kind(() => socket.setTTL(-1))).toBe("RangeError");
    expect(kind(() => socket.setTTL(2 ** 32 + 1))).toBe("RangeError");
    expect(kind(() => socket.setTOS(1.5))).toBe("RangeError");
    expect(kind(() => socket.setQueue(0))).toBe("EINVAL");
    expect(kind(() => socket.setQueue(65_537))).toBe("EINVAL");
    expect(kind(() => socket.bindToInterface(9))).toBe("ENODEV");
    expect(kind(() => stack.switches.set("IP_DEFAULT_TTL", 0))).toBe("EINVAL");
    expect(kind(() => stack.switches.set("IP_DEFAULT_TTL", 1.5))).toBe("RangeError");
    expect(kind(() => stack.switches.set("NO_SUCH" as "ICMP_RATE", 5))).toBe("TypeError");
    expect(kind(() => stack.interface("eth9"))).toBe("ENODEV");
    const before = stack.memory().small.held;
    expect(before).toMatchObject({ stack: 0, tx: 0, socket: 0 });
    for (const error of bad) expect((error as Error).message.length).toBeGreaterThan(5);
    const { exports } = stack.core;
    expect(exports.sock_open(132)).toBe(-93);
    expect(exports.sock_set(socket.handle, 99, 0)).toBe(-22);
    expect(exports.sock_get(socket.handle, 99)).toBe(-22);
    // The same window again; another class gives the first one back.
    const at = exports.sock_window(socket.handle, 100);
    expect(exports.sock_window(socket.handle, 500)).toBe(at);
    expect(exports.sock_send(socket.handle, 5000, 0)).toBe(-22);
    expect(exports.sock_send(socket.handle, 10, 2)).toBe(-22);
    expect(exports.sock_window(socket.handle, 5000)).not.toBe(at);
    expect(stack.memory().small.held.tx).toBe(0);
    expect(stack.memory().large.held.tx).toBe(1);
    expect(exports.sock_send(socket.handle, 100, 0)).toBe(-89);
    expect(stack.memory().large.held.tx).toBe(0);
  });

  test("the stack still works after all that, and after a callback that throws", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    socket.onmessage = () => {
      throw new Error("a program's own");
    };
    const uncaught = catchUncaught(3);
    for (let i = 0; i < 2; i++) host.rxUdp({}, [1]);
    host.stack.onchange = () => {
      throw new Error("a program's own");
    };
    host.nif.mtu = 1400;
    host.run();
    expect((await uncaught).map((error) => error.message)).toEqual(Array(3).fill("a program's own"));
    let heard = 0;
    socket.onmessage = () => void heard++;
    host.rxUdp({}, [1]);
    expect(heard).toBe(1);
  });
});

describe("echo", () => {
  test("several ask at once, each with its identifier, and hear their own replies", async () => {
    const clock = new VirtualClock();
    const link = new SimLink({ clock, seed: 5, delayUs: 100 });
    const a = await boot({ clock });
    const b = await boot({ clock });
    a.addInterface(link.nic(), { address: "10.0.0.1/24" });
    b.addInterface(link.nic(), { address: "10.0.0.2/24" });
    const first = a.ping("10.0.0.2");
    await clock.advance(1000);
    expect((await first).timeUs).toBe(300);
    const replies = Array.from({ length: 20 }, (_, i) =>
      a.ping(i % 2 === 0 ? "10.0.0.2" : "127.3.2.1", { sequence: i, size: i * 10 }),
    );
    await clock.advance(2_000_000);
    const results = await Promise.all(replies);
    expect(results.map((reply) => [reply.sequence, reply.bytes])).toEqual(results.map((_, i) => [i, 8 + i * 10]));
  });

  test("what does not come back times out; what cannot go fails at once; a signal ends it", async () => {
    const host = await Host.create();
    const silent = failure(host.stack.ping(PEER, { timeoutUs: 300_000 }));
    const nowhere = failure(host.stack.ping("8.8.8.8"));
    const controller = new AbortController();
    const aborted = failure(host.stack.ping(PEER, { signal: controller.signal }));
    const unresolved = failure(host.stack.ping("192.168.1.99", { timeoutUs: 10_000_000 }));
    expect(await nowhere).toBe("ENETUNREACH");
    await host.clock.advance(100);
    controller.abort(Object.assign(new Error("enough"), { code: "ENOUGH" }));
    expect(await aborted).toBe("ENOUGH");
    await host.clock.advance(300_000);
    expect(await silent).toBe("ETIMEDOUT");
    await host.clock.advance(4_000_000);
    expect(await unresolved).toBe("EHOSTUNREACH");
    expect(host.stack.statistics().drops.ICMP_REPLY_UNWANTED).toBe(0);
    host.take();
  });
});
