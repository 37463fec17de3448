import type { Pollable } from "../../src/clock.js";

/** Due at the given times, in order; notes each poll in a log shared by several. */
export class Alarm implements Pollable {
  constructor(
    readonly name: string,
    readonly times: number[],
    readonly log: string[],
    readonly onPoll?: (nowUs: number) => void,
  ) {}
  pollAt(): number {
    return this.times[0] ?? Infinity;
  }
  poll(nowUs: number): void {
    this.log.push(`${this.name}@${nowUs}`);
    this.times.shift();
    this.onPoll?.(nowUs);
  }
}
