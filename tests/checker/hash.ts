/** A 53-bit hash of 32-bit words: two lanes of multiply and rotate, so that a million states hardly share one. */
export class Hash {
  #a = 0x243f6a88;
  #b = 0x85a308d3;

  reset(): void {
    this.#a = 0x243f6a88;
    this.#b = 0x85a308d3;
  }

  add(word: number): void {
    const a = Math.imul(this.#a ^ word, 0x85ebca6b);
    const b = Math.imul(this.#b ^ word, 0xc2b2ae35);
    this.#a = ((a << 13) | (a >>> 19)) + 0x165667b1;
    this.#b = ((b << 17) | (b >>> 15)) ^ a;
  }

  /** An exact integer below 2^53. */
  get value(): number {
    const a = Math.imul(this.#a ^ (this.#a >>> 15), 0x2c1b3c6d);
    const b = Math.imul(this.#b ^ (this.#b >>> 13), 0x297a2d39);
    return ((a ^ (a >>> 12)) >>> 0) * 0x200000 + ((b ^ (b >>> 15)) >>> 11);
  }
}
