/**
 * Rings that grow (assembly/tcp/autotune.ts): what it is worth over a long fat link, that it is bounded and leaves rings
 * for others, that every byte stays at its place however rings move, and that a window which somebody holds does not.
 */
import { expect, test } from "vitest";
import { OPT_TCP_RECEIVE_BUFFER, OPT_TCP_SEND_BUFFER } from "../../assembly/abi/socket.js";
import type { LinkConditions } from "../../src/drivers/sim-conditions.js";
import { SimLink, type Stack, VirtualClock } from "../../src/index.js";
import type { StackOptions } from "../../src/stack.js";
import { boot, checkPools, drain } from "./harness.js";
import { TcpEnd, TcpListener, type TcpOptions } from "./tcp-end.js";
import { Pair, pattern } from "./tcp-pair.js";

interface World {
  readonly clock: VirtualClock;
  readonly link: SimLink;
  readonly a: Stack;
  readonly b: Stack;
}

async function world(link: Partial<LinkConditions>, options: StackOptions = {}, seed = 1): Promise<World> {
  const clock = new VirtualClock();
  const wire = new SimLink({ clock, seed, ...link });
  const join = async (number: number) => {
    const stack = await boot({ clock, name: `s${number}`, seed: [seed, number, 1, 1], ...options });
    stack.addInterface(wire.nic(), { address: `10.0.0.${number}/24` });
    return stack;
  };
  return { clock, link: wire, a: await join(1), b: await join(2) };
}

const moved = (...stacks: Stack[]) =>
  stacks.reduce((sum, stack) => sum + stack.statistics().counters.TCP_RINGS_MOVED, 0);

/** Sends so much both ways: seconds of virtual time until all was read. */
function transfer(w: World, there: number, back: number, limitS: number, options: TcpOptions = {}): number {
  const from = w.clock.now();
  const writes = { key: 1, bytes: there };
  const reads = { key: 2, bytes: back };
  const listener = new TcpListener(w.b, 7, { writes: reads, reads: writes, shuts: true }, options);
  const client = TcpEnd.connect(w.a, "10.0.0.2", 7, { writes, reads, shuts: true }, options);
  const isOver = () => client.doneUs !== undefined && listener.ends[0]?.doneUs !== undefined;
  while (w.clock.now() - from < limitS * 1e6 && !isOver()) w.clock.advanceSync(10_000);
  const server = listener.ends[0] as TcpEnd;
  expect([client.failed, server.failed, server.read, client.read]).toEqual([0, 0, there, back]);
  const tookUs = Math.max(client.doneUs as number, server.doneUs as number) - from;
  for (const end of [client, server]) end.close();
  listener.close();
  w.clock.advanceSync(200_000_000);
  for (const stack of [w.a, w.b]) {
    drain(stack);
    checkPools(stack);
  }
  return tookUs / 1e6;
}

/** 0.2 s there and back. */
const LONG_AND_FAT: Partial<LinkConditions> = { delayUs: 100_000, bitRate: 100_000_000 };

test("over a long fat link a connection is many times as fast, and what it took is given back", async () => {
  const bytes = 8_000_000;
  const grows = await world(LONG_AND_FAT, { rings1M: 4 });
  const with1M = transfer(grows, bytes, 0, 60);
  // One ring of each end: what is sent, and what is received.
  expect([moved(grows.a), moved(grows.b)]).toEqual([1, 1]);
  const fixed = await world(LONG_AND_FAT, { rings1M: 4 });
  for (const stack of [fixed.a, fixed.b]) stack.switches.set("TCP_AUTOTUNING", 0);
  const with64K = transfer(fixed, bytes, 0, 60);
  expect(moved(fixed.a, fixed.b)).toBe(0);
  expect(with64K / with1M).toBeGreaterThan(4);
  // And as fast as if 1 MiB had been asked for, but for the first round trips.
  const asked = await world(LONG_AND_FAT, { rings1M: 4 });
  const most = 1 << 20;
  const fastest = transfer(asked, bytes, 0, 60, { [OPT_TCP_SEND_BUFFER]: most, [OPT_TCP_RECEIVE_BUFFER]: most });
  expect(moved(asked.a, asked.b)).toBe(0);
  expect(with1M - fastest).toBeLessThan(2);
});

test("over a short way, and where a path is full, rings stay as they are", async () => {
  const short = await world({ delayUs: 10, bitRate: 10_000_000_000 });
  transfer(short, 3_000_000, 0, 60);
  const full = await world({ delayUs: 20_000, bitRate: 8_000_000, queueFrames: 200 });
  transfer(full, 3_000_000, 0, 60);
  expect(moved(short.a, short.b, full.a, full.b)).toBe(0);
});

test("connections that grow leave a quarter of the larger rings to others", async () => {
  const w = await world(LONG_AND_FAT, { rings1M: 8 });
  const listener = new TcpListener(w.b, 7, { writes: { key: 2, bytes: 0 }, reads: { key: 1 }, shuts: true });
  const plan = { writes: { key: 1, bytes: 2_000_000 }, reads: { key: 2 }, shuts: true };
  const clients = Array.from({ length: 12 }, () => TcpEnd.connect(w.a, "10.0.0.2", 7, plan));
  const large = (stack: Stack) => stack.memory().byteRings.find(({ size }) => size === 1 << 20) as { free: number };
  let least = Infinity;
  for (let i = 0; i < 3000 && listener.ends.filter((end) => end.ended).length < clients.length; i++) {
    w.clock.advanceSync(10_000);
    least = Math.min(least, large(w.a).free, large(w.b).free);
  }
  expect(listener.ends.map((end) => end.read)).toEqual(clients.map(() => plan.writes.bytes));
  expect([moved(w.a), moved(w.b), least]).toEqual([6, 6, 2]);
  for (const end of [...clients, ...listener.ends]) end.close();
  listener.close();
});

test("however rings move, every byte stays at its place", async () => {
  let moves = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const rough = { loss: 0.02, reorder: 0.1, reorderUs: 8000, duplicate: 0.05, jitterUs: 2000 };
    const link = { delayUs: 5000 + 9000 * (seed % 4), bitRate: 50_000_000, ...(seed % 3 === 0 ? {} : rough) };
    const w = await world(link, { rings2K: 8, rings16K: 8, rings64K: 8, rings1M: 8 }, seed);
    for (const stack of [w.a, w.b]) {
      stack.switches.set("TCP_SEND_BUFFER", seed % 2 === 0 ? 2048 : 16384);
      stack.switches.set("TCP_RECEIVE_BUFFER", seed % 4 < 2 ? 2048 : 16384);
    }
    transfer(w, 300_000, seed % 2 === 0 ? 300_000 : 0, 300);
    moves += moved(w.a, w.b);
  }
  expect(moves).toBeGreaterThan(30);
});

test("a window that is held does not move; it does when it is used up", async () => {
  const pair = await Pair.linked({ delayUs: 50_000 });
  for (const stack of [pair.a, pair.b]) {
    stack.switches.set("TCP_SEND_BUFFER", 2048);
    stack.switches.set("TCP_RECEIVE_BUFFER", 2048);
  }
  const { client, peer } = await pair.connect();
  const bytes = pattern(2048);
  // A window ends where the ring does.
  const first = client.sendWindow().subarray(0, 1000);
  first.set(bytes.subarray(0, first.length));
  client.commit(first.length);
  const held = peer.receiveWindow.bind(peer);
  expect(held()).toHaveLength(0);
  await pair.run(200_000);
  const window = held() as Uint8Array;
  const rest = client.sendWindow();
  const moves = moved(pair.a, pair.b);
  await pair.run(2_000_000);
  expect(held()?.byteOffset).toBe(window.byteOffset);
  expect(client.sendWindow().byteOffset).toBe(rest.byteOffset);
  expect(moved(pair.a, pair.b)).toBe(moves);
  expect(window).toEqual(bytes.subarray(0, window.length));
  peer.consume(window.length);
  // Now it fills what it has, and asks for more.
  const more = pattern(100_000, window.length);
  const read = (async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of peer) chunks.push(chunk);
    return Buffer.concat(chunks);
  })();
  await pair.within(client.write(more));
  await pair.within(client.end());
  expect(Buffer.compare(await pair.within(read), more)).toBe(0);
  expect(moved(pair.a)).toBeGreaterThan(0);
  expect(moved(pair.b)).toBeGreaterThan(0);
});

test("a snapshot between two moves carries on to the bit", async () => {
  const w = await world(LONG_AND_FAT, { rings1M: 4 });
  const bytes = pattern(3_000_000);
  const server = await w.b.tcp.listen({ port: 7 });
  const connecting = Promise.all([w.a.tcp.connect({ address: "10.0.0.2", port: 7 }), server.accept()]);
  await w.clock.runUntil(() => false, 500_000);
  const [client, peer] = await connecting;
  let got = 0;
  let isSound = true;
  peer.ondata = (data) => {
    isSound &&= Buffer.compare(data, bytes.subarray(got, got + data.length)) === 0;
    got += data.length;
  };
  let put = 0;
  const fill = () => {
    put += client.tryWrite(bytes.subarray(put));
    client.ondrain = fill;
  };
  fill();
  await w.clock.runUntil(() => moved(w.a, w.b) === 1, 10e6);
  const moment = structuredClone({
    a: w.a.snapshot(),
    b: w.b.snapshot(),
    clock: w.clock.snapshot(),
    link: w.link.snapshot(),
  });
  const place = { put, got };
  // Programs are no part of a snapshot: these begin anew where they were.
  const play = async () => {
    w.clock.restore(moment.clock);
    w.link.restore(moment.link);
    w.a.restore(moment.a);
    w.b.restore(moment.b);
    ({ put, got } = place);
    fill();
    await w.clock.runUntil(() => got === bytes.length, 60e6);
    return { at: w.clock.now(), a: w.a.statistics(), b: w.b.statistics(), got, isSound };
  };
  const once = await play();
  expect([once.got, once.isSound, moved(w.a, w.b)]).toEqual([bytes.length, true, 2]);
  expect(await play()).toEqual(once);
  client.abort();
  peer.abort();
  server.close();
});
