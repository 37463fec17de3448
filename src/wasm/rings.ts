/**
 * The host's side of an interface's two descriptor rings (assembly/abi/ring.ts): which slots are ours, frames in and
 * out, and loopback's hand-over. Cursors are u32 and run freely; only the host cursors are written here.
 */
import {
  NETIF_MASK,
  NETIF_RX_FRAME,
  NETIF_RX_OVERRUNS,
  NETIF_RX_RING,
  NETIF_TX_RING,
} from "../../assembly/abi/netif.js";
import { DESC_SHIFT, RING_DESC, RING_STACK } from "../../assembly/abi/ring.js";
import type { Core } from "./core.js";

/** In units of u32, as all indices below. */
const STACK_CURSOR = RING_STACK / 4;
const DESCRIPTORS = RING_DESC / 4;
const DESCRIPTOR_SHIFT = DESC_SHIFT - 2;

export class Rings {
  readonly #core: Core;
  readonly #record: number;
  readonly #rx: number;
  readonly #tx: number;
  readonly #mask: number;

  /** @param record  address of the interface's record */
  constructor(core: Core, record: number) {
    this.#core = core;
    this.#record = record;
    this.#rx = (core.u32[(record + NETIF_RX_RING) >> 2] as number) >> 2;
    this.#tx = (core.u32[(record + NETIF_TX_RING) >> 2] as number) >> 2;
    this.#mask = core.u32[(record + NETIF_MASK) >> 2] as number;
  }

  /** Frames that wait to be sent. */
  get queued(): number {
    const u32 = this.#core.u32;
    return ((u32[this.#tx + STACK_CURSOR] as number) - (u32[this.#tx] as number)) >>> 0;
  }

  /** Loopback: moves descriptors from TX to RX, and the buffers with them. How many. */
  handOver(): number {
    const i32 = this.#core.i32;
    const tx = this.#tx;
    const rx = this.#rx;
    const mask = this.#mask;
    let from = i32[tx] as number;
    let to = i32[rx] as number;
    // Slots are few, so differences are right in int32 too.
    const queued = ((i32[tx + STACK_CURSOR] as number) - from) | 0;
    const offered = ((i32[rx + STACK_CURSOR] as number) - to) | 0;
    const count = queued < offered ? queued : offered;
    for (let i = 0; i < count; i++) {
      const source = tx + DESCRIPTORS + ((from & mask) << DESCRIPTOR_SHIFT);
      const target = rx + DESCRIPTORS + ((to & mask) << DESCRIPTOR_SHIFT);
      i32[target] = i32[source] as number;
      i32[target + 1] = i32[source + 1] as number;
      i32[target + 2] = i32[source + 2] as number;
      i32[target + 3] = i32[source + 3] as number;
      from = (from + 1) | 0;
      to = (to + 1) | 0;
    }
    i32[rx] = to;
    i32[tx] = from;
    return count;
  }

  /** Cursor of the RX slot filled next. */
  get filled(): number {
    return this.#core.i32[this.#rx] as number;
  }

  /** Makes the descriptor at an RX cursor tell anew why its frame is dropped. */
  clearReason(cursor: number): void {
    this.#core.i32[this.#rx + DESCRIPTORS + ((cursor & this.#mask) << DESCRIPTOR_SHIFT) + 3] = 0;
  }

  /** Why the stack dropped the frame at an RX cursor, which it has taken: DROP_…, 0 = it did not, or not at once. */
  reason(cursor: number): number {
    return this.#core.i32[this.#rx + DESCRIPTORS + ((cursor & this.#mask) << DESCRIPTOR_SHIFT) + 3] as number;
  }

  /** A copy of the frame in the RX slot at `cursor`. */
  frameAt(cursor: number): Uint8Array {
    const { u8, i32 } = this.#core;
    const slot = this.#rx + DESCRIPTORS + ((cursor & this.#mask) << DESCRIPTOR_SHIFT);
    const at = i32[slot] as number;
    return u8.slice(at, at + (i32[slot + 1] as number));
  }

  /** Offers each queued frame to `send`, which answers false to keep it for later. True if any was sent. */
  transmit(send: (frame: Uint8Array) => boolean): boolean {
    const { u8, i32 } = this.#core;
    const tx = this.#tx;
    const first = i32[tx] as number;
    // The driver may call back into the stack, which may queue more: the cursors are read anew each time.
    for (let cursor = first; cursor !== i32[tx + STACK_CURSOR]; cursor = i32[tx] as number) {
      const slot = tx + DESCRIPTORS + ((cursor & this.#mask) << DESCRIPTOR_SHIFT);
      const at = i32[slot] as number;
      if (!send(u8.subarray(at, at + (i32[slot + 1] as number)))) break;
      i32[tx] = cursor + 1;
    }
    return i32[tx] !== first;
  }

  /** Copies a frame into the next receive buffer; false, and counted, if none is offered or it is too long. */
  receive(frame: Uint8Array): boolean {
    const { u8, i32 } = this.#core;
    const rx = this.#rx;
    const cursor = i32[rx] as number;
    if (cursor === i32[rx + STACK_CURSOR]) {
      this.#count(NETIF_RX_OVERRUNS);
      return false;
    }
    const slot = rx + DESCRIPTORS + ((cursor & this.#mask) << DESCRIPTOR_SHIFT);
    if (frame.length > (i32[slot + 1] as number) || frame.length === 0) {
      this.#count(NETIF_RX_FRAME);
      return false;
    }
    u8.set(frame, i32[slot] as number);
    i32[slot + 1] = frame.length;
    i32[rx] = cursor + 1;
    return true;
  }

  /** Adds one to a u64 counter of the record which is the host's to write. */
  #count(offset: number): void {
    const u32 = this.#core.u32;
    const at = (this.#record + offset) >> 2;
    const low = ((u32[at] as number) + 1) >>> 0;
    u32[at] = low;
    if (low === 0) u32[at + 1] = (u32[at + 1] as number) + 1;
  }
}
