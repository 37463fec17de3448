// The stream of bytes that every TCP contender sends: what stands at a place follows from the place alone, with a period
// that is no ring's size, so that a byte in a wrong place shows.

/** A prime: no power of two goes into it. */
const PERIOD = 65521;
/** Twice the period: any piece of one is contiguous. */
const BYTES = bytes();

function bytes(): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(2 * PERIOD);
  let state = 0x9e3779b9;
  for (let i = 0; i < PERIOD; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    made[i] = made[i + PERIOD] = state >>> 24;
  }
  return made;
}

/** At most `most` of the stream's bytes from place `at` on: a view. */
export function piece(at: number, most: number): Uint8Array<ArrayBuffer> {
  const from = at % PERIOD;
  return BYTES.subarray(from, from + Math.min(most, PERIOD));
}

/** Receivers' memory: what comes is copied into it, over and over. */
const MEMORY = new Uint8Array(1 << 20);

/** A receiver. */
export class Sink {
  received = 0;

  /** @param verify  every byte is compared; else the first and the last of each piece */
  constructor(readonly verify: boolean) {}

  /** The next bytes of the stream, in memory that may be another's. */
  take(data: Uint8Array): void {
    MEMORY.set(data);
    this.check(MEMORY, data.length);
  }

  /** The next bytes of the stream, which are the receiver's own already. */
  check(data: Uint8Array, length: number): void {
    if (this.verify) for (let i = 0; i < length; i++) this.#compare(data, i);
    else if (length > 0) {
      this.#compare(data, 0);
      this.#compare(data, length - 1);
    }
    this.received += length;
  }

  #compare(data: Uint8Array, i: number): void {
    if (data[i] !== BYTES[(this.received + i) % PERIOD]) throw new Error(`bench: byte ${this.received + i} is wrong`);
  }
}
