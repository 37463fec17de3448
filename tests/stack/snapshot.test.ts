/** Snapshots in the middle of traffic: whoever goes on from one goes on to the same bytes at the same microsecond. */
import { expect, test } from "vitest";
import { SHUT_WR } from "../../assembly/abi/socket.js";
import { TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_SYN_SENT } from "../../assembly/abi/tcp.js";
import {
  type Datagram,
  SimLink,
  type SimLinkRecord,
  type Stack,
  type StackSnapshot,
  VirtualClock,
} from "../../src/index.js";
import { boot, resume, track } from "./harness.js";
import { codeOf } from "./recording-driver.js";
import type { TcbRecord } from "./tcp-records.js";
import { connect, heldConnections, listen, read, write } from "./tcp-stateless.js";

/** The host profile's tcpRanges. */
const RANGES = 32;
/** The first socket of each stack. */
const LISTENER = 0x10000;

const CONDITIONS = {
  seed: 11,
  delayUs: 700,
  jitterUs: 300,
  bitRate: 20_000_000,
  loss: 0.05,
  duplicate: 0.05,
  reorder: 0.1,
  reorderUs: 900,
};

interface World {
  clock: VirtualClock;
  link: SimLink;
  h1: Stack;
  h2: Stack;
  /** Every frame as it is sent and as it arrives, with the time. */
  log: string[];
}

function tap(link: SimLink, log: string[]): void {
  link.onFrame = (frame, { timeUs, end, event }) => {
    log.push(`${timeUs} ${end} ${event} ${Array.from(frame, (b) => b.toString(16).padStart(2, "0")).join("")}`);
  };
}

async function world(): Promise<World> {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, ...CONDITIONS });
  const h1 = await boot({ clock, name: "h1", seed: [1, 2, 3, 4] });
  const h2 = await boot({ clock, name: "h2", seed: [5, 6, 7, 8] });
  h1.addInterface(link.nic(), { address: "192.168.1.1/24" });
  h2.addInterface(link.nic(), { address: "192.168.1.2/24" });
  const log: string[] = [];
  tap(link, log);
  return { clock, link, h1, h2, log };
}

/** Programs that leave what they must know in the stacks alone: an echoing server, a client with frames under way. */
function serve(stack: Stack, handle: number): void {
  const server = stack.udp.adopt(handle);
  server.onmessage = (bytes, { address, port }) => void server.trySend(bytes, { address, port });
}

interface Moment {
  clock: ReturnType<VirtualClock["snapshot"]>;
  link: SimLinkRecord;
  h1: StackSnapshot;
  h2: StackSnapshot;
}

/** The state of all, as plain data. */
function capture({ clock, link, h1, h2 }: World): Moment {
  return structuredClone({ clock: clock.snapshot(), link: link.snapshot(), h1: h1.snapshot(), h2: h2.snapshot() });
}

/** The world itself goes back: the clock first, then the link, then its stacks. */
function goBack(w: World, moment: Moment): void {
  w.clock.restore(moment.clock);
  w.link.restore(moment.link);
  w.h1.restore(moment.h1);
  w.h2.restore(moment.h2);
}

/** Another world on another clock and another link, as that one was. */
async function copyOf(moment: Moment): Promise<World> {
  const clock = new VirtualClock();
  clock.restore(moment.clock);
  const link = new SimLink({ clock, ...CONDITIONS });
  const nics = [link.nic(), link.nic()] as const;
  const h1 = await resume(moment.h1, [nics[0]], { clock, name: "h1'" });
  const h2 = await resume(moment.h2, [nics[1]], { clock, name: "h2'" });
  link.restore(moment.link);
  const log: string[] = [];
  tap(link, log);
  return { clock, link, h1, h2, log };
}

/** A world in the middle of UDP traffic and a ping. */
async function middle() {
  const w = await world();
  const server = await w.h2.udp.bind({ port: 7 });
  server.onmessage = (bytes, { address, port }) => void server.trySend(bytes, { address, port });
  const client = await w.h1.udp.connect({ address: "192.168.1.2", port: 7 }, { port: 5000 });
  const echo = w.h1.openEcho({ address: "192.168.1.1" });
  for (let i = 0; i < 12; i++) {
    client.trySend(`before ${i} ${"x".repeat(i * 100)}`);
    echo.request("192.168.1.2", i, new Uint8Array(200));
    await w.clock.advance(333);
  }
  return { w, server, client, echo };
}

/** What is done after the moment, by the handles alone. */
async function goOn(w: World, handles: { client: number; echo: number }): Promise<string[]> {
  const { exports, u8 } = w.h1.core;
  w.log.length = 0;
  for (let i = 0; i < 20; i++) {
    const at = exports.sock_window(handles.client, 300);
    u8.fill(i, at, at + 300);
    exports.sock_send(handles.client, 300, 0);
    const window = exports.sock_window(handles.echo, 64);
    u8.fill(0, window, window + 64);
    u8[window] = 8;
    u8[window + 7] = 100 + i;
    w.h1.core.putPeer(0xc0a80102, 0);
    exports.sock_send(handles.echo, 64, 1);
    w.h1.work();
    await w.clock.advance(500);
  }
  await w.clock.advance(50_000);
  // What has arrived in the sockets is part of it.
  for (const handle of [handles.client, handles.echo]) {
    for (let length = exports.sock_recv(handle); length >= 0; length = exports.sock_recv(handle)) {
      const at = w.h1.core.get(56);
      w.log.push(`read ${u8.slice(at, at + length).join()}`);
    }
  }
  return w.log.slice();
}

test("the original, the restored one and a copy go on to the same bytes at the same time", async () => {
  const { w, server, client, echo } = await middle();
  const moment = capture(w);
  expect(
    moment.link.ends.some((end) => end.flights.length > 0),
    "frames are on their way",
  ).toBe(true);
  const handles = { client: client.handle, echo: echo.handle };
  const first = await goOn(w, handles);
  expect(first.length).toBeGreaterThan(80);
  expect(first.filter((line) => line.startsWith("read")).length).toBeGreaterThan(20);

  // In place, twice.
  for (let i = 0; i < 2; i++) {
    goBack(w, moment);
    expect(await goOn(w, handles)).toEqual(first);
  }

  // The original has gone on meanwhile.
  const copy = await copyOf(moment);
  serve(copy.h2, server.handle);
  expect(copy.h1.interfaces.map((nif) => nif.name)).toEqual(["lo", "eth0"]);
  expect(copy.h1.neighbours.list()).toEqual(
    expect.arrayContaining([expect.objectContaining({ address: "192.168.1.2" })]),
  );
  expect(await goOn(copy, handles)).toEqual(first);

  // The two do not touch one another.
  goBack(w, moment);
  expect(await goOn(w, handles)).toEqual(first);
});

/** Connections in the middle of what they do, of applications that keep nothing: one in each direction, one that nobody
 * reads, one that closes, one that opens; frames are lost, and the link's ends know of all this only what the stacks do. */
async function streams(): Promise<World> {
  const w = await world();
  for (const stack of [w.h1, w.h2]) {
    track(stack, true);
    listen(stack, 7, 8);
  }
  for (let i = 0; i < 4; i++) connect(w.h1, 0xc0a80102, 7);
  connect(w.h2, 0xc0a80101, 7);
  for (let i = 0; i < 200; i++) await speak(w);
  const [closing] = heldConnections(w.h1, RANGES);
  w.h1.core.exports.sock_shutdown((closing as TcbRecord).handle, SHUT_WR);
  connect(w.h1, 0xc0a80102, 7);
  await w.clock.advance(200);
  return w;
}

/** Every application reads and writes once, and a millisecond passes. */
async function speak({ clock, h1, h2, log }: World): Promise<void> {
  for (const stack of [h1, h2]) {
    while (stack.core.exports.sock_accept(LISTENER) > 0);
    for (const [i, t] of heldConnections(stack, RANGES).entries()) {
      const bytes = i === 2 ? 0 : read(stack, t, 3000);
      const state = `${t.get("state")} ${t.get("recovery")} ${t.get("cwnd")} ${t.get("rtoUs")} ${t.get("sndMax")}`;
      log.push(`${stack === h1 ? 1 : 2} ${t.name} read ${bytes} wrote ${write(stack, t, 4000)} ${state}`);
    }
    stack.work();
  }
  await clock.advance(1000);
}

test("connections go on to the same bytes at the same time: the original, the restored one and a copy", async () => {
  const w = await streams();
  const states = [...heldConnections(w.h1, RANGES), ...heldConnections(w.h2, RANGES)].map((t) => t.get("state"));
  expect(new Set(states)).toEqual(new Set([TCP_SYN_SENT, TCP_ESTABLISHED, TCP_FIN_WAIT_1]));
  expect(w.h1.statistics().counters.TCP_SACK_RECOVERIES).toBeGreaterThan(0);
  const moment = capture(w);
  expect(moment.link.ends.every((end) => end.flights.length > 0)).toBe(true);
  const goOn = async (of: World) => {
    of.log.length = 0;
    for (let i = 0; i < 400; i++) await speak(of);
    return of.log.slice();
  };
  const first = await goOn(w);
  expect(first.length).toBeGreaterThan(4000);
  expect(w.h1.statistics().counters.TCP_RETRANS_SEGS).toBeGreaterThan(20);

  goBack(w, moment);
  expect(await goOn(w)).toEqual(first);

  const copy = await copyOf(moment);
  expect(await goOn(copy)).toEqual(first);
});

test("taking a snapshot changes nothing", async () => {
  const run = async (watched: boolean) => {
    const { w, client, echo } = await middle();
    if (watched) for (let i = 0; i < 3; i++) capture(w);
    return goOn(w, { client: client.handle, echo: echo.handle });
  };
  expect(await run(true)).toEqual(await run(false));
});

test("calls of the old timeline reject with ERR_STACK_RESTORED; sockets of the moment stay good", async () => {
  const { w, server, client } = await middle();
  for (let i = 0; i < 30; i++) {
    if (client.nextError() === undefined) break;
  }
  await w.clock.advance(100_000);
  const drained: Datagram[] = [];
  for (;;) {
    const controller = new AbortController();
    const next = client.receive({ signal: controller.signal }).catch(() => undefined);
    controller.abort();
    const datagram = await next;
    if (datagram === undefined) break;
    drained.push(datagram);
  }
  expect(drained.length).toBeGreaterThan(5);
  const moment = capture(w);
  const receiving = client.receive();
  const late = await w.h1.udp.bind({ port: 6000 });
  const lateReceiving = late.receive();
  const iterating = (async () => {
    for await (const _ of late) throw new Error("nothing comes");
  })();
  const sleeping = w.clock.sleep(1000);
  const ping = w.h1.ping("192.168.1.2");
  const settled = Promise.allSettled([receiving, lateReceiving, iterating, sleeping, ping]);
  track(w.h1, true);
  goBack(w, moment);
  for (const result of await settled) {
    expect(result).toMatchObject({ status: "rejected", reason: { code: "ERR_STACK_RESTORED" } });
  }
  // One that was opened later is gone for good; its number may be another's now, whom it does not disturb.
  expect(codeOf(() => late.address)).toBe("ERR_STACK_RESTORED");
  const again = await w.h1.udp.bind({ port: 6001 });
  expect(again.handle).toBe(late.handle);
  expect(codeOf(() => late.trySend("x", { port: 1 }))).toBe("ERR_STACK_RESTORED");
  late.close();
  expect(again.address.port).toBe(6001);
  // What was open is as good as then.
  const answer = client.receive();
  for (let i = 0; i < 20; i++) client.trySend("after");
  await w.clock.advance(50_000);
  expect(new TextDecoder().decode((await answer).data)).toBe("after");
  expect(server.closed).toBe(false);
});

test("a socket that was closed since is open again, for whoever takes it over", async () => {
  const clock = new VirtualClock();
  const stack = track(await boot({ clock }), true);
  const socket = await stack.udp.bind({ port: 7000 });
  const moment = { stack: structuredClone(stack.snapshot()), clock: clock.snapshot() };
  socket.close();
  const other = await stack.udp.bind({ port: 7000 });
  expect(codeOf(() => stack.udp.adopt(socket.handle))).toBe("EBADF");
  clock.restore(moment.clock);
  stack.restore(moment.stack);
  expect(codeOf(() => other.address)).toBe("ERR_STACK_RESTORED");
  const taken = stack.udp.adopt(socket.handle);
  expect(taken.address.port).toBe(7000);
  const received = taken.receive();
  taken.trySend("to myself", { port: 7000 });
  await clock.advance(10);
  expect((await received).size).toBe(9);
  expect(codeOf(() => stack.udp.adopt(0x7fff0005))).toBe("EBADF");
});

test("what is no snapshot of this stack is refused, and nothing is changed", async () => {
  const clock = new VirtualClock();
  const stack = await boot({ clock });
  const tiny = await boot({ clock, profile: "tiny" });
  const socket = await stack.udp.bind({ port: 7000 });
  const receiving = socket.receive();
  expect(() => stack.restore(tiny.snapshot())).toThrow(TypeError);
  const link = new SimLink({ clock, seed: 1 });
  const before = stack.snapshot();
  stack.addInterface(link.nic());
  expect(() => stack.restore(before)).toThrow(TypeError);
  socket.trySend("still here", { port: 7000 });
  await clock.advance(10);
  expect((await receiving).size).toBe(10);
  // A driver that cannot say its state: no snapshot.
  stack.addInterface({ medium: "ip", mtu: 1500, attach() {}, transmit: () => true });
  expect(() => stack.snapshot()).toThrow(/ppp0/);
});

test("a copy needs a driver for each interface", async () => {
  const clock = new VirtualClock();
  const stack = await boot({ clock });
  stack.addInterface(new SimLink({ clock, seed: 1 }).nic());
  await expect(resume(stack.snapshot(), [])).rejects.toThrow(/1 drivers are needed, 0 given/);
});
