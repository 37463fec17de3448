/**
 * A small seeded generator of pseudo-random numbers: sfc32 (Chris Doty-Humphrey's "small fast counting" generator,
 * 128 bits of state, from PractRand). For simulation only: it repeats to the bit from the same seed and foretells
 * itself to anyone who watches. Secrets (keys, initial sequence numbers) come from elsewhere.
 */
import { typeError } from "./errors.js";

/** The generator's whole state: four unsigned 32-bit words. */
export type PrngRecord = [number, number, number, number];

const TWO_32 = 0x1_0000_0000;

export class Prng {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  /**
   * @param seed    a safe integer or a string; the same seed gives the same numbers everywhere
   * @param stream  tells apart the generators of one seed: their numbers have nothing to do with each other
   * @throws TypeError when a number is not a safe integer
   */
  constructor(seed: number | string = 0, stream: number | string = 0) {
    const [seedLow, seedHigh] = seedWords(seed, "seed");
    const [streamLow, streamHigh] = seedWords(stream, "stream");
    this.#absorb(seedLow, seedHigh, typeof seed === "string" ? 1 : 0);
    this.#absorb(streamLow, streamHigh, typeof stream === "string" ? 1 : 0);
  }

  /** The next number, 0 to 4,294,967,295. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** The next number in [0, 1), a multiple of 2^-32. */
  float(): number {
    return this.uint32() / TWO_32;
  }

  /**
   * The next whole number in [0, bound). One draw whatever the bound; the least likely number is less likely than the
   * most likely by at most bound / 2^32, which matters to no simulation.
   * @param bound  1 to 2^32
   */
  below(bound: number): number {
    return Math.floor((this.uint32() * bound) / TWO_32);
  }

  /** True with the given probability (0 never, 1 always). */
  chance(probability: number): boolean {
    return this.uint32() < probability * TWO_32;
  }

  /** Fills the array with random bytes and returns it. */
  fill(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i < bytes.length; ) {
      const word = this.uint32();
      for (let shift = 0; shift < 32 && i < bytes.length; shift += 8) bytes[i++] = word >>> shift;
    }
    return bytes;
  }

  /** The state as plain numbers (structured-cloneable). */
  snapshot(): PrngRecord {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#counter >>> 0];
  }

  /**
   * Goes on from a recorded state.
   * @throws TypeError when the record is not four unsigned 32-bit words
   */
  restore(record: PrngRecord): void {
    if (!Array.isArray(record) || record.length !== 4 || record.some((word) => word !== word >>> 0)) {
      throw typeError("a generator's record is four unsigned 32-bit words");
    }
    [this.#a, this.#b, this.#c, this.#counter] = record.map((word) => word | 0) as PrngRecord;
  }

  #absorb(low: number, high: number, tag: number): void {
    this.#a ^= tag;
    this.#b ^= low;
    this.#c ^= high;
    for (let round = 0; round < 15; round++) this.uint32();
  }
}

/** 64 bits out of a seed: the integer itself, or two FNV-1a hashes of a string's code units. */
function seedWords(seed: number | string, name: string): [number, number] {
  if (typeof seed === "string") return [fnv1a(seed, 0x811c9dc5), fnv1a(seed, 0x2b9a1f37)];
  if (!Number.isSafeInteger(seed)) throw typeError(`${name} must be a safe integer or a string, not ${seed}`);
  return [seed | 0, Math.floor(seed / TWO_32) | 0];
}

function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}
