/**
 * Bytes that come from outside are written into the receive ring of the connection that they are for, within its window,
 * and nowhere else: all other rings, and what is around the window, must be as they were.
 */

import { BYTE_RING_CLASSES } from "../../assembly/abi/byte-ring.js";
import { CTR_TCP_ATTEMPT_FAILS, CTR_TCP_PASSIVE_OPENS } from "../../assembly/abi/counter.js";
import { REGION_BYTE_RINGS, REGION_COUNTERS } from "../../assembly/abi/stack.js";
import { TCP_SYN_SENT } from "../../assembly/abi/tcp.js";
import type { Stack } from "../../src/index.js";
import { layoutOf } from "../checker/layout.js";
import { distance, type TcbRecord } from "./tcp-records.js";

const ROW = layoutOf("memory/byte-ring.ts", "RingClass");
const COUNTER_BYTES = 8;

/** Whose ring it was, and where its window stood; `left` undefined for what is sent. */
interface Owner {
  readonly iss: number;
  readonly left: number | undefined;
}

export class RingCanary {
  readonly #stack: Stack;
  readonly #rings: readonly { at: number; bytes: number }[];
  readonly #from: number;
  readonly #copy: Uint8Array;
  #owners = new Map<number, Owner>();
  #opened = 0;

  constructor(stack: Stack) {
    this.#stack = stack;
    this.#rings = ringsOf(stack);
    const last = this.#rings.at(-1);
    this.#from = this.#rings[0]?.at ?? 0;
    this.#copy = new Uint8Array(last === undefined ? 0 : last.at + last.bytes - this.#from);
  }

  /** Before frames come. */
  before(records: readonly TcbRecord[]): void {
    const { u8 } = this.#stack.core;
    this.#copy.set(u8.subarray(this.#from, this.#from + this.#copy.length));
    this.#owners = ownersOf(records);
    this.#opened = this.#opens();
  }

  /** Connections that began, and may be over already. */
  #opens(): number {
    const { exports, u32 } = this.#stack.core;
    const at = exports.stack_region(REGION_COUNTERS);
    const count = (id: number) => u32[(at + id * COUNTER_BYTES) >> 2] as number;
    return count(CTR_TCP_PASSIVE_OPENS) + count(CTR_TCP_ATTEMPT_FAILS);
  }

  /** After them, and before any call. */
  check(records: readonly TcbRecord[]): void {
    const owners = ownersOf(records);
    const edges = new Map(records.map((t) => [t.get("rcvRing"), t.get("rcvAdv")]));
    const isQuiet = this.#opens() === this.#opened;
    for (const { at, bytes } of this.#rings) {
      const [was, is] = [this.#owners.get(at), owners.get(at)];
      if (was === undefined && is === undefined) {
        if (isQuiet) this.#requireSame(at, 0, bytes, "a ring that is nobody's");
      } else if (was?.iss === is?.iss && was !== undefined) {
        const { left } = was;
        if (left === undefined) this.#requireSame(at, 0, bytes, "what is to be sent");
        else this.#requireAround(at, bytes, left, edges.get(at) as number);
      }
    }
  }

  /** The ring is as it was but for the window from `left` to `right`. */
  #requireAround(at: number, bytes: number, left: number, right: number): void {
    const open = distance(left, right);
    const start = (left & (bytes - 1)) >>> 0;
    const end = start + open;
    if (open >= bytes) return;
    if (end <= bytes) {
      this.#requireSame(at, 0, start, "before the window");
      this.#requireSame(at, end, bytes, "behind the window");
    } else this.#requireSame(at, end - bytes, start, "around the window");
  }

  #requireSame(at: number, from: number, to: number, what: string): void {
    const now = this.#stack.core.u8.subarray(at + from, at + to);
    const was = this.#copy.subarray(at + from - this.#from, at + to - this.#from);
    if (Buffer.compare(now, was) !== 0) throw new Error(`${what} was written to`);
  }
}

function ringsOf(stack: Stack): { at: number; bytes: number }[] {
  const { exports, u32 } = stack.core;
  const field = (row: number, name: string) => {
    const offset = ROW.fields.find((one) => one.name === name)?.offset as number;
    return u32[(exports.stack_region(REGION_BYTE_RINGS) + row * ROW.bytes + offset) >> 2] as number;
  };
  return Array.from({ length: BYTE_RING_CLASSES }, (_, row) => row).flatMap((row) =>
    Array.from({ length: field(row, "total") }, (_, i) => {
      const bytes = field(row, "bytes");
      return { at: field(row, "base") + i * bytes, bytes };
    }),
  );
}

function ownersOf(records: readonly TcbRecord[]): Map<number, Owner> {
  const owners = new Map<number, Owner>();
  for (const t of records) {
    if (t.get("rcvRing") === 0) continue;
    const iss = t.get("iss");
    owners.set(t.get("sndRing"), { iss, left: undefined });
    // Before the peer's SYN there is no window.
    if (t.get("state") !== TCP_SYN_SENT) owners.set(t.get("rcvRing"), { iss, left: t.get("rcvNxt") });
  }
  return owners;
}
