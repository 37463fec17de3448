/**
 * iperf's lines, as iperf3 prints them: intervals, summaries, amounts.
 */

/** What went through a stream in a span of time. */
export interface Span {
  /** Number of the stream; undefined for the sum of all. */
  readonly id?: number;
  /** µs since the test began. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly bytes: number;
  /** A sender's: segments retransmitted, and the congestion window at the end, bytes. */
  readonly retransmits?: number;
  readonly cwnd?: number;
}

export const RULE = "- ".repeat(25).trimEnd();

/** The line above intervals; senders have two more columns. */
export function intervalHeader(isSender: boolean): string {
  return `[ ID] Interval           Transfer     Bitrate${isSender ? "         Retr  Cwnd" : ""}`;
}

/** A line for an interval. */
export function intervalLine(span: Span): string {
  const { retransmits, cwnd } = span;
  if (retransmits === undefined) return ratesOf(span);
  const window = cwnd === undefined ? "" : `   ${bytesText(cwnd)}`;
  return `${ratesOf(span)}  ${String(retransmits).padStart(3)}${window}`;
}

/** The line above summaries. */
export const SUMMARY_HEADER = "[ ID] Interval           Transfer     Bitrate         Retr";

/** A summary of one end. */
export function summaryLine(span: Span, end: "sender" | "receiver"): string {
  const retransmits = span.retransmits === undefined ? "" : String(span.retransmits).padStart(3);
  return `${ratesOf(span)}  ${retransmits.padEnd(16)}${end}`;
}

function ratesOf({ id, fromUs, toUs, bytes }: Span): string {
  const name = id === undefined ? "SUM" : String(id).padStart(3);
  const seconds = (us: number) => (us / 1e6).toFixed(2);
  const time = `${seconds(fromUs).padStart(6)}-${seconds(toUs).padEnd(6)} sec`;
  const lastedUs = toUs - fromUs;
  const bitrate = lastedUs === 0 ? 0 : (bytes * 8e6) / lastedUs;
  return `[${name}] ${time}  ${bytesText(bytes)}  ${bitsText(bitrate)}/sec`;
}

/** " 112 MBytes": by 1024, in four characters. */
export function bytesText(bytes: number): string {
  return scaled(bytes, 1024, ["Bytes", "KBytes", "MBytes", "GBytes", "TBytes"]);
}

/** " 941 Mbits": by 1000, in four characters. */
export function bitsText(bits: number): string {
  return scaled(bits, 1000, ["bits", "Kbits", "Mbits", "Gbits", "Tbits"]);
}

function scaled(value: number, by: number, units: readonly string[]): string {
  let amount = value;
  let unit = 0;
  while (amount >= by && unit < units.length - 1) {
    amount /= by;
    unit++;
  }
  const digits = amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
  return `${amount.toFixed(digits).padStart(4)} ${units[unit]}`;
}

/** "10", "10K", "1.5M", "1G" by 1024, as an amount of bytes; undefined for what is none. */
export function amountOf(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)([kmg]?)$/i.exec(text);
  if (match === null) return undefined;
  const power = ["", "k", "m", "g"].indexOf((match[2] as string).toLowerCase());
  return Math.floor(Number(match[1]) * 1024 ** power);
}
