/**
 * What ping counts: requests, replies, duplicates, errors, round trips; and the statistics that it ends with.
 */
import { cut, percentText } from "./ping-texts.js";

/** What came of a ping. */
export interface PingSummary {
  readonly transmitted: number;
  readonly received: number;
  readonly duplicates: number;
  /** ICMP errors that came back, and requests that could not be sent. */
  readonly errors: number;
  /** From the first request to the last, µs. */
  readonly timeUs: number;
  /** Round trips, µs; undefined where none was timed. */
  readonly rttUs?: { readonly min: number; readonly avg: number; readonly max: number; readonly mdev: number };
}

export class PingTally {
  transmitted = 0;
  received = 0;
  rttMaxUs = 0;
  #duplicates = 0;
  #errors = 0;
  #startUs = 0;
  #lastUs = 0;
  #rttMin = Infinity;
  #rttSum = 0;
  #rttSum2 = 0;
  /** Most requests that were on their way at once. */
  #pipe = 0;
  /** A bit for each sequence number that was answered. */
  readonly #answered = new Uint8Array(65536 / 8);

  /** Counts a request that leaves now; its sequence number. */
  send(nowUs: number): number {
    if (this.transmitted === 0) this.#startUs = nowUs;
    this.#lastUs = nowUs;
    this.transmitted++;
    const sequence = this.transmitted & 0xffff;
    this.#answered[sequence >> 3] = (this.#answered[sequence >> 3] as number) & ~(1 << (sequence & 7));
    return sequence;
  }

  /** Counts a reply; true if there was one before. */
  reply(sequence: number): boolean {
    const bits = this.#answered[sequence >> 3] as number;
    const bit = 1 << (sequence & 7);
    this.#answered[sequence >> 3] = bits | bit;
    this.#arrived(sequence);
    const isDuplicate = (bits & bit) !== 0;
    if (isDuplicate) this.#duplicates++;
    else this.received++;
    return isDuplicate;
  }

  roundTrip(us: number): void {
    this.#rttMin = Math.min(this.#rttMin, us);
    this.rttMaxUs = Math.max(this.rttMaxUs, us);
    this.#rttSum += us;
    this.#rttSum2 += us * us;
  }

  error(sequence: number): void {
    this.#errors++;
    this.#arrived(sequence);
  }

  /** Every request has had its answer, be it an error. */
  get isAnswered(): boolean {
    return this.received + this.#errors >= this.transmitted;
  }

  /** Something has come back for a request: how many were out? */
  #arrived(sequence: number): void {
    const behind = (this.transmitted - sequence) & 0xffff;
    if (behind < 0x8000) this.#pipe = Math.max(this.#pipe, behind + 1);
  }

  summary(): PingSummary {
    const counts = {
      transmitted: this.transmitted,
      received: this.received,
      duplicates: this.#duplicates,
      errors: this.#errors,
      timeUs: this.#lastUs - this.#startUs,
    };
    if (this.#rttMin === Infinity) return counts;
    const total = this.received + this.#duplicates;
    const avg = Math.floor(this.#rttSum / total);
    const variance = (this.#rttSum2 - (this.#rttSum * this.#rttSum) / total) / total;
    const mdev = Math.floor(Math.sqrt(Math.max(0, variance)));
    return { ...counts, rttUs: { min: this.#rttMin, avg, max: this.rttMaxUs, mdev } };
  }

  /** iputils' statistics, the empty line in front included. */
  lines(target: string): string[] {
    const { transmitted, received, duplicates, errors, timeUs, rttUs } = this.summary();
    const parts = [`${transmitted} packets transmitted`, `${received} received`];
    if (duplicates > 0) parts.push(`+${duplicates} duplicates`);
    if (errors > 0) parts.push(`+${errors} errors`);
    if (transmitted > 0) {
      parts.push(`${percentText(transmitted - received, transmitted)}% packet loss`);
      parts.push(`time ${Math.floor((timeUs + 500) / 1000)}ms`);
    }
    const last: string[] = [];
    if (rttUs !== undefined) {
      const times = [rttUs.min, rttUs.avg, rttUs.max, rttUs.mdev].map((us) => cut(us, 3));
      last.push(`rtt min/avg/max/mdev = ${times.join("/")} ms`);
    }
    if (this.#pipe > 1) last.push(`pipe ${this.#pipe}`);
    return ["", `--- ${target} ping statistics ---`, parts.join(", "), last.join(", ")];
  }
}
