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
    const u32 = this.#core.u32;
    const tx = this.#tx;
    const rx = this.#rx;
    const mask = this.#mask;
    // As int32, which the engine computes with in registers: slots are few, so differences are right.
    let from = (u32[tx] as number) | 0;
    let to = (u32[rx] as number) | 0;
    const queued = ((u32[tx + STACK_CURSOR] as number) - from) | 0;
    const offered = ((u32[rx + STACK_CURSOR] as number) - to) | 0;
    const count = Math.min(queued, offered);
    for (let i = 0; i < count; i++) {
      const source = (tx + DESCRIPTORS + ((from & mask) << DESCRIPTOR_SHIFT)) | 0;
      const target = (rx + DESCRIPTORS + ((to & mask) << DESCRIPTOR_SHIFT)) | 0;
      u32[target] = u32[source] as number;
      u32[target + 1] = u32[source + 1] as number;
      u32[target + 2] = u32[source + 2] as number;
      u32[target + 3] = u32[source + 3] as number;
      from = (from + 1) | 0;
      to = (to + 1) | 0;
    }
    u32[rx] = to;
    u32[tx] = from;
    return count;
  }

  /** Offers each queued frame to `send`, which answers false to keep it for later. True if any was sent. */
  transmit(send: (frame: Uint8Array) => boolean): boolean {
    const { u8, u32 } = this.#core;
    const tx = this.#tx;
    const first = u32[tx] as number;
    // The driver may call back into the stack, which may queue more: the cursors are read anew each time.
    for (let cursor = first; cursor !== u32[tx + STACK_CURSOR]; cursor = u32[tx] as number) {
      const slot = tx + DESCRIPTORS + ((cursor & this.#mask) << DESCRIPTOR_SHIFT);
      const at = u32[slot] as number;
      if (!send(u8.subarray(at, at + (u32[slot + 1] as number)))) break;
      u32[tx] = cursor + 1;
    }
    return u32[tx] !== first;
  }

  /** Copies a frame into the next receive buffer; false, and counted, if none is offered or it is too long. */
  receive(frame: Uint8Array): boolean {
    const { u8, u32 } = this.#core;
    const rx = this.#rx;
    const cursor = u32[rx] as number;
    if (cursor === u32[rx + STACK_CURSOR]) {
      this.#count(NETIF_RX_OVERRUNS);
      return false;
    }
    const slot = rx + DESCRIPTORS + ((cursor & this.#mask) << DESCRIPTOR_SHIFT);
    if (frame.length > (u32[slot + 1] as number) || frame.length === 0) {
      this.#count(NETIF_RX_FRAME);
      return false;
    }
    u8.set(frame, u32[slot] as number);
    u32[slot + 1] = frame.length;
    u32[rx] = cursor + 1;
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
