// Loopback as an ill path: before frames are handed over, some are altered, which their checksum shows, and some change
// places with one behind. By a generator with a fixed seed: what happens is the same in each run.
import { NETIF_MASK, NETIF_TX_RING } from "../assembly/abi/netif.js";
import { DESC_BYTES, DESC_LEN, DESC_PTR, RING_DESC, RING_HOST, RING_STACK } from "../assembly/abi/ring.js";
import type { Core } from "../src/wasm/core.js";

/** Of a hundred frames, how many are lost, and how many come late. */
export interface Disturbance {
  readonly lost?: number;
  readonly late?: number;
}

/** By how many places a frame comes late. */
const LATE = 5;

export class Ill {
  readonly #core: Core;
  readonly #tx: number;
  readonly #mask: number;
  readonly #lost: number;
  readonly #late: number;
  #state = 1;

  constructor(core: Core, { lost = 0, late = 0 }: Disturbance) {
    const record = core.exports.netif_record(1);
    this.#core = core;
    this.#tx = core.u32[(record + NETIF_TX_RING) >> 2] as number;
    this.#mask = core.u32[(record + NETIF_MASK) >> 2] as number;
    this.#lost = (lost / 100) * 2 ** 32;
    this.#late = (late / 100) * 2 ** 32;
  }

  /** 0 to 2^32 - 1 (xorshift). */
  #next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** What waits to be handed over. */
  disturb(): void {
    const { i32, u8 } = this.#core;
    const first = i32[(this.#tx + RING_HOST) >> 2] as number;
    const count = ((i32[(this.#tx + RING_STACK) >> 2] as number) - first) | 0;
    for (let i = 0; i < count; i++) {
      const at = this.#slot(first + i);
      if (this.#next() < this.#late && i + LATE < count) this.#swap(at, this.#slot(first + i + LATE));
      if (this.#next() >= this.#lost) continue;
      const last = (i32[at + (DESC_PTR >> 2)] as number) + (i32[at + (DESC_LEN >> 2)] as number) - 1;
      u8[last] = (u8[last] as number) ^ 1;
    }
  }

  /** Index of the descriptor's first word. */
  #slot(cursor: number): number {
    return (this.#tx + RING_DESC + (cursor & this.#mask) * DESC_BYTES) >> 2;
  }

  #swap(a: number, b: number): void {
    const { i32 } = this.#core;
    for (let word = 0; word < DESC_BYTES >> 2; word++) {
      const value = i32[a + word] as number;
      i32[a + word] = i32[b + word] as number;
      i32[b + word] = value;
    }
  }
}
