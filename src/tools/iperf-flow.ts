/**
 * One stream of an iperf test, and the lines about all of them while they last.
 */
import type { Clock } from "../clock.js";
import type { TcpSocket } from "../sockets/tcp-socket.js";
import type { StreamResult, TestTerms } from "./iperf-protocol.js";
import { intervalHeader, intervalLine, RULE, type Span } from "./iperf-text.js";

/** Counts of a stream at some time. */
interface Mark {
  readonly us: number;
  readonly bytes: number;
  readonly retransmits: number;
}

export class Flow {
  readonly id: number;
  readonly socket: TcpSocket;
  readonly sends: boolean;
  readonly #clock: Clock;
  /** Bytes on the connection that are no data: the line that begins it. */
  readonly #ahead: number;
  #startUs = 0;
  #received = 0;
  #mark: Mark = { us: 0, bytes: 0, retransmits: 0 };
  #end: Mark | undefined;

  constructor(id: number, socket: TcpSocket, sends: boolean, ahead: number, clock: Clock) {
    this.id = id;
    this.socket = socket;
    this.sends = sends;
    this.#clock = clock;
    this.#ahead = sends ? ahead : 0;
  }

  /** The test begins, for all streams at one time. */
  begin(): void {
    this.#startUs = this.#clock.now();
    this.#mark = { us: this.#startUs, bytes: 0, retransmits: 0 };
  }

  /** Sends until all is written or `over`, then waits until the peer has it all. */
  async send({ bytes, streams, length }: TestTerms, over: AbortSignal, signal: AbortSignal): Promise<void> {
    const chunk = Uint8Array.from({ length }, (_, i) => 0x30 + (i % 10));
    let left = bytes === 0 ? Infinity : Math.ceil(bytes / streams);
    try {
      for (; left > 0; left -= chunk.length) {
        await this.socket.write(left < chunk.length ? chunk.subarray(0, left) : chunk, { signal: over });
      }
    } catch (error) {
      if (!over.aborted || signal.aborted) throw error;
    }
    this.#end = this.#now();
    await this.socket.end();
  }

  /** Counts what comes until the sender's end. @param first  bytes that have come already */
  receive(first: number, signal: AbortSignal): Promise<void> {
    this.#received = first;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      const finish = (settle: () => void) => {
        signal.removeEventListener("abort", abort);
        this.#end ??= this.#now();
        settle();
      };
      this.socket.onend = () => finish(resolve);
      this.socket.onclose = (error) => finish(error === undefined ? resolve : () => reject(error));
      this.socket.ondata = (data) => {
        this.#received += data.length;
      };
    });
  }

  /** What has gone through since the last call. */
  interval(originUs: number): Span {
    const [from, to] = [this.#mark, this.#now()];
    this.#mark = to;
    const span = { id: this.id, fromUs: from.us - originUs, toUs: to.us - originUs, bytes: to.bytes - from.bytes };
    if (!this.sends) return span;
    return { ...span, retransmits: to.retransmits - from.retransmits, cwnd: this.socket.info().cwnd };
  }

  /** µs since the last interval, or 0 when it is over. */
  get sinceUs(): number {
    return this.#now().us - this.#mark.us;
  }

  result(): StreamResult {
    const { bytes, us, retransmits } = this.#now();
    return { id: this.id, bytes, us: us - this.#startUs, retransmits };
  }

  #now(): Mark {
    if (this.#end !== undefined) return this.#end;
    const us = this.#clock.now();
    if (!this.sends) return { us, bytes: this.#received, retransmits: 0 };
    const { bytesAcked, unacked, retransmits } = this.socket.info();
    return { us, bytes: Math.max(0, bytesAcked + unacked - this.#ahead), retransmits };
  }
}

/** The sum of spans of the same time. */
export function sumOf(spans: readonly Span[]): Span {
  const total = (of: (span: Span) => number) => spans.reduce((sum, span) => sum + of(span), 0);
  const sum = {
    fromUs: Math.min(...spans.map(({ fromUs }) => fromUs)),
    toUs: Math.max(...spans.map(({ toUs }) => toUs)),
    bytes: total(({ bytes }) => bytes),
  };
  if (spans.some(({ retransmits }) => retransmits === undefined)) return sum;
  return { ...sum, retransmits: total(({ retransmits }) => retransmits ?? 0) };
}

/** Begins the test, and prints a line for each stream and interval until `over`, that of the rest included. */
export async function reportIntervals(
  flows: readonly Flow[],
  everyUs: number,
  out: (line: string) => void,
  clock: Clock,
  over: AbortSignal,
): Promise<void> {
  const originUs = clock.now();
  const several = flows.length > 1;
  let isFirst = true;
  for (const flow of flows) flow.begin();
  if (everyUs > 0) out(intervalHeader(flows[0]?.sends === true));
  const show = () => {
    const spans = flows.map((flow) => flow.interval(originUs));
    if (several && !isFirst) out(RULE);
    isFirst = false;
    for (const span of spans) out(intervalLine(span));
    if (several) out(intervalLine(sumOf(spans)));
  };
  while (!over.aborted && everyUs > 0) {
    try {
      await clock.sleep(everyUs, over);
    } catch (error) {
      if (!over.aborted) throw error;
      break;
    }
    if (flows.some(({ sinceUs }) => sinceUs > 0)) show();
  }
  if (everyUs > 0 && flows.some(({ sinceUs }) => sinceUs > 0)) show();
}
