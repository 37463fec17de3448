/**
 * Stacks for tests, on the module that the vitest project names (RINGSTACK_WASM). After every test each stack is
 * closed and drained, and then must hold nothing: all pools full, no socket open, events and memory sound.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect } from "vitest";
import { CONFIG_SOCKETS, CONFIG_TCP_BLOCKS } from "../../assembly/abi/config.js";
import * as EVENTS from "../../assembly/abi/event.js";
import * as NETIF from "../../assembly/abi/netif.js";
import { IPPROTO_TCP } from "../../assembly/abi/proto.js";
import { RING_HOST, RING_STACK } from "../../assembly/abi/ring.js";
import { HANDLE_INDEX, PCB_HANDLE, PCB_PROTO, PCB_TCB } from "../../assembly/abi/socket.js";
import { REGION_CONFIG, REGION_EVENTS } from "../../assembly/abi/stack.js";
import { TCB_F_HELD, TCB_F_QUEUED, TCB_FLAGS, TW_LOCAL_PORT } from "../../assembly/abi/tcp.js";
import { type Driver, Stack, type StackOptions, type StackSnapshot, VirtualClock } from "../../src/index.js";
import { Rings } from "../../src/wasm/rings.js";

const path = process.env.RINGSTACK_WASM ?? fileURLToPath(new URL("../../build/release.wasm", import.meta.url));
/** "release", "scalar" or "debug". */
export const build = path.replace(/^.*\/|\.wasm$/g, "");
/** The module under test, compiled once. */
export const module = await WebAssembly.compile(readFileSync(path));

interface Tracked {
  readonly stack: Stack;
  readonly memoryBytes: number;
  /** Sockets may be open in the module which no object here stands for (after restore() and resume()). */
  orphans: boolean;
}

const tracked: Tracked[] = [];

/** Checks this stack, too, after the test. */
export function track(stack: Stack, orphans = false): Stack {
  const known = tracked.find((entry) => entry.stack === stack);
  if (known === undefined) tracked.push({ stack, memoryBytes: stack.core.u8.length, orphans });
  else known.orphans ||= orphans;
  return stack;
}

/** Boots a stack: by a VirtualClock of its own and a seed by its number in the test, unless given. */
export async function boot(options: StackOptions = {}): Promise<Stack> {
  const seed = [tracked.length + 1, 0x243f6a88, 0x85a308d3, 0x13198a2e];
  return track(await Stack.create({ clock: new VirtualClock(), module, seed, ...options }));
}

/** A stack that carries on from a snapshot. */
export async function resume(
  snapshot: StackSnapshot,
  drivers: readonly Driver[],
  options: StackOptions = {},
): Promise<Stack> {
  return track(await Stack.resume(snapshot, drivers, { clock: new VirtualClock(), module, ...options }), true);
}

/** Numbers of the sockets that are open in the module. */
export function openSockets(stack: Stack): number[] {
  const { exports, u32 } = stack.core;
  const open: number[] = [];
  for (let i = 0; ; i++) {
    const at = exports.sock_record(i);
    if (at < 0) return open;
    if (u32[(at + PCB_PROTO) >> 2] === 0) continue;
    expect((u32[(at + PCB_HANDLE) >> 2] as number) & HANDLE_INDEX, "a handle names its own record").toBe(i);
    open.push(i);
  }
}

/** Does TCP go on with this socket's connection alone: has its application closed it, or is its handshake under way? */
function isOrphan(stack: Stack, index: number): boolean {
  const { exports, u32 } = stack.core;
  const at = exports.sock_record(index) >> 2;
  if (u32[at + PCB_PROTO / 4] !== IPPROTO_TCP) return false;
  return ((u32[((u32[at + PCB_TCB / 4] as number) + TCB_FLAGS) >> 2] as number) & (TCB_F_HELD | TCB_F_QUEUED)) === 0;
}

/** Connections in TIME-WAIT. */
export function timeWaits(stack: Stack): number {
  const { exports, u32 } = stack.core;
  let count = 0;
  for (let i = 0; ; i++) {
    const at = exports.time_wait_record(i);
    if (at < 0) return count;
    if (u32[(at + TW_LOCAL_PORT) >> 2] !== 0) count++;
  }
}

/** Connections that end by themselves: in TIME-WAIT, or without an application. */
function lingering(stack: Stack): number {
  return timeWaits(stack) + openSockets(stack).filter((index) => isOrphan(stack, index)).length;
}

/** Every object stands in the event ring exactly as often as it has pending bits: once or not at all. */
export function checkEvents(stack: Stack): void {
  const { exports, u32 } = stack.core;
  const base = exports.stack_region(REGION_EVENTS);
  const word = (offset: number) => u32[(base + offset) >> 2] as number;
  const mask = word(EVENTS.EVENTS_MASK);
  const waiting = (word(EVENTS.EVENTS_HEAD) - word(EVENTS.EVENTS_TAIL)) >>> 0;
  expect(waiting, "events waiting").toBeLessThanOrEqual(mask + 1);
  const inRing = new Set<number>();
  for (let i = 0; i < waiting; i++) {
    inRing.add(u32[(word(EVENTS.EVENTS_RING) >> 2) + ((word(EVENTS.EVENTS_TAIL) + i) & mask)] as number);
  }
  expect(inRing.size, "an object stands in the event ring once").toBe(waiting);
  const objects = word(EVENTS.EVENTS_FIRST_NETIF) + stack.interfaces.length;
  const pending: number[] = [];
  for (let i = 0; i < objects; i++) if (u32[(word(EVENTS.EVENTS_PENDING) >> 2) + i] !== 0) pending.push(i);
  expect(pending, "objects with pending events").toEqual([...inRing].sort((a, b) => a - b));
}

/** Each pool's books balance: what is free and what is held make the total. */
export function checkBooks(stack: Stack): void {
  const memory = stack.memory();
  for (const name of ["small", "large"] as const) {
    const { total, free, held } = memory[name];
    const sum = Object.values(held).reduce((a, b) => a + b, free);
    expect(sum, `${stack.name}: ${name} buffers, free and held`).toBe(total);
  }
}

/** Nobody but RX rings holds a buffer, and nobody a byte ring. */
export function checkPools(stack: Stack): void {
  const memory = stack.memory();
  for (const name of ["small", "large"] as const) {
    const { total, free, held } = memory[name];
    const label = `${stack.name}: ${name} buffers`;
    expect(held, label).toEqual({ stack: 0, rx: held.rx, tx: 0, socket: 0, neighbour: 0, reassembly: 0 });
    expect(free + held.rx, `${label}, free and posted`).toBe(total);
  }
  for (const { size, total, free } of memory.byteRings) {
    expect(free, `${stack.name}: byte rings of ${size} bytes, free`).toBe(total);
  }
}

/** With no socket open, as many TCP sockets can be had as there are control blocks. Closes them again. */
export function checkBlocks(stack: Stack): void {
  const { exports, u32 } = stack.core;
  const capacity = (offset: number) => u32[(exports.stack_region(REGION_CONFIG) + offset) >> 2] as number;
  const handles: number[] = [];
  for (let handle = exports.sock_open(IPPROTO_TCP); handle > 0; handle = exports.sock_open(IPPROTO_TCP)) {
    handles.push(handle);
  }
  expect(handles.length, `${stack.name}: TCP control blocks, free`).toBe(
    Math.min(capacity(CONFIG_TCP_BLOCKS), capacity(CONFIG_SOCKETS)),
  );
  for (const handle of handles) exports.sock_close(handle);
}

/** High half of a time that no test reaches. */
export const LATE = 0x1000000;

/** Lets what is underway end: frames are taken as sent, loopback runs empty, interfaces go down, whatever waits for its
 * time has had it; connections without an application have theirs, too, an hour after the other. */
export function drain(stack: Stack): void {
  const { exports, u32 } = stack.core;
  const records = stack.interfaces.map((nif) => exports.netif_record(nif.index));
  const lo = new Rings(stack.core, records[0] as number);
  for (const nif of stack.interfaces.slice(1)) exports.netif_up(nif.index, 0);
  let high = LATE;
  for (let round = 0; round < 10_000; round++) {
    for (const record of records.slice(1)) {
      const tx = u32[(record + NETIF.NETIF_TX_RING) >> 2] as number;
      u32[(tx + RING_HOST) >> 2] = u32[(tx + RING_STACK) >> 2] as number;
    }
    const moved = lo.handOver();
    const wait = exports.stack_poll(0, high, 512);
    if (moved !== 0 || lo.queued !== 0 || wait === 0) continue;
    if (lingering(stack) === 0) return;
    high++;
  }
  throw new Error(`${stack.name}: loopback does not run empty, or a connection does not end`);
}

function finish({ stack, memoryBytes, orphans }: Tracked): void {
  const { exports, u32 } = stack.core;
  checkBooks(stack);
  checkEvents(stack);
  stack.close();
  for (const index of openSockets(stack)) {
    if (isOrphan(stack, index)) continue;
    expect(orphans, `${stack.name}: socket ${index} is open though its stack is closed`).toBe(true);
    exports.sock_close(u32[((exports.sock_record(index) as number) + PCB_HANDLE) >> 2] as number);
  }
  drain(stack);
  checkEvents(stack);
  checkPools(stack);
  checkBlocks(stack);
  expect(exports.memory.buffer.byteLength, `${stack.name}: memory`).toBe(memoryBytes);
}

afterEach(() => {
  // Every stack is closed, whatever another one's check says.
  const failures: unknown[] = [];
  for (const entry of tracked.splice(0)) {
    try {
      finish(entry);
    } catch (error) {
      failures.push(error);
      entry.stack.close();
    }
  }
  if (failures.length > 0) throw failures[0];
});
