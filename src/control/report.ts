/**
 * What a stack can say of itself: counters, drops, and where its memory is.
 */
import * as RING from "../../assembly/abi/byte-ring.js";
import * as PBUF from "../../assembly/abi/pbuf.js";
import { REGION_BYTE_RINGS, REGION_COUNTERS, REGION_HELD, REGION_LIMITS } from "../../assembly/abi/stack.js";
import { COUNTERS, type CounterName, DROPS, type DropName } from "../text/drops.js";
import type { Core } from "../wasm/core.js";

export interface Statistics {
  /** What was done, by name (assembly/abi/counter.ts). */
  readonly counters: Readonly<Record<CounterName, number>>;
  /** Why packets were dropped, by reason (assembly/abi/drop.ts). */
  readonly drops: Readonly<Record<DropName, number>>;
}

export function readStatistics(core: Core): Statistics {
  const table = core.exports.stack_region(REGION_COUNTERS);
  const read = <N extends string>(names: ReadonlyMap<N, number>) =>
    Object.fromEntries(Array.from(names, ([name, index]) => [name, core.u64(table + index * 8)])) as Record<N, number>;
  return { counters: read(COUNTERS), drops: read(DROPS) };
}

/** Buffers of one size. */
export interface BufferPool {
  /** Capacity of each, bytes. */
  readonly size: number;
  readonly total: number;
  readonly free: number;
  /** Held by the stack itself, on receive and transmit rings, in sockets, for neighbours, in reassembly. */
  readonly held: Readonly<Record<"stack" | "rx" | "tx" | "socket" | "neighbour" | "reassembly", number>>;
  readonly quota: Readonly<Record<"rx" | "tx" | "socket" | "neighbour" | "reassembly", number>>;
}

/** TCP's byte rings of one size. */
export interface ByteRingPool {
  /** Bytes of each. */
  readonly size: number;
  readonly total: number;
  readonly free: number;
}

export interface MemoryReport {
  /** Bytes that the stack uses, fixed at boot, and bytes of the module's memory, whole pages of 64 KiB. */
  readonly bytes: number;
  readonly memoryBytes: number;
  readonly small: BufferPool;
  readonly large: BufferPool;
  /** Each size of byte rings, the smallest first. */
  readonly byteRings: readonly ByteRingPool[];
}

export function readMemory(core: Core): MemoryReport {
  const pool = (cls: number, size: number): BufferPool => {
    const cell = (region: number, owner: number) =>
      core.u32[(core.exports.stack_region(region) >> 2) + cls * PBUF.OWNERS + owner] as number;
    const held = (owner: number) => cell(REGION_HELD, owner);
    const quota = (owner: number) => cell(REGION_LIMITS, owner);
    return {
      size,
      total: quota(PBUF.OWNER_FREE),
      free: held(PBUF.OWNER_FREE),
      held: {
        stack: held(PBUF.OWNER_STACK),
        rx: held(PBUF.OWNER_RX),
        tx: held(PBUF.OWNER_TX),
        socket: held(PBUF.OWNER_SOCKET),
        neighbour: held(PBUF.OWNER_NEIGH),
        reassembly: held(PBUF.OWNER_REASSEMBLY),
      },
      quota: {
        rx: quota(PBUF.OWNER_RX),
        tx: quota(PBUF.OWNER_TX),
        socket: quota(PBUF.OWNER_SOCKET),
        neighbour: quota(PBUF.OWNER_NEIGH),
        reassembly: quota(PBUF.OWNER_REASSEMBLY),
      },
    };
  };
  const rings = core.exports.stack_region(REGION_BYTE_RINGS);
  const byteRings = Array.from({ length: RING.BYTE_RING_CLASSES }, (_, cls): ByteRingPool => {
    const word = (offset: number) => core.u32[(rings + cls * RING.BYTE_RING_ROW + offset) >> 2] as number;
    return { size: word(RING.BYTE_RING_BYTES), total: word(RING.BYTE_RING_TOTAL), free: word(RING.BYTE_RING_FREE) };
  });
  return {
    bytes: core.bytes,
    memoryBytes: core.u8.byteLength,
    small: pool(PBUF.PBUF_SMALL, PBUF.PBUF_SMALL_BYTES),
    large: pool(PBUF.PBUF_LARGE, PBUF.PBUF_LARGE_BYTES),
    byteRings,
  };
}
