/**
 * The time in front of a packet: of day by default; with -t none, -tt seconds since 1970, -ttt since the packet before,
 * -tttt with the date. UTC, so that the same packets print the same everywhere.
 */
export class Stamp {
  readonly #form: number;
  #before: bigint | undefined;

  /** @param form  how many -t were given */
  constructor(form: number) {
    this.#form = form;
  }

  /** With the blank behind it. */
  text(timeNs: bigint): string {
    const us = timeNs / 1000n;
    switch (this.#form) {
      case 0:
        return `${timeOfDay(us)} `;
      case 1:
        return "";
      case 2:
        return `${us / 1_000_000n}.${fraction(us)} `;
      case 3: {
        const since = this.#before === undefined ? 0n : us - this.#before;
        this.#before = us;
        return since < 0n ? `-${timeOfDay(-since)} ` : ` ${timeOfDay(since)} `;
      }
      default:
        return `${new Date(Number(us / 1000n)).toISOString().slice(0, 10)} ${timeOfDay(us)} `;
    }
  }
}

function fraction(us: bigint): string {
  return String(us % 1_000_000n).padStart(6, "0");
}

function timeOfDay(us: bigint): string {
  return `${clockText(Number((us / 1_000_000n) % 86400n))}.${fraction(us)}`;
}

/** Seconds of a day as "01:02:03". */
export function clockText(seconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}
