/**
 * What iperf's two ends say to each other. It is this stack's own: iperf3 speaks another protocol, with JSON. A test has
 * a connection for control and one for each stream, all to the server's port. A line begins each:
 *
 *   control   "iperf 1 STREAMS REVERSE BYTES MS LENGTH WINDOW NODELAY"; the server answers "ok TEST"
 *   stream    "stream TEST NUMBER", then data from the one end or, with REVERSE, from the other, until FIN
 *
 * When all streams are over the server says on the control connection what it knows of each, as
 * "result NUMBER BYTES US RETRANSMITS" in lines, and ends it. Numbers are decimal.
 */
import { TCP_CONGESTIONS, type TcpCongestion } from "../sockets/tcp-info.js";
import type { TcpSocket } from "../sockets/tcp-socket.js";

export interface TestTerms {
  readonly streams: number;
  /** The server sends. */
  readonly reverse: boolean;
  /** Bytes of all streams; 0: as many as there is time for. */
  readonly bytes: number;
  /** How long the sender sends; 0: until all bytes are sent. */
  readonly ms: number;
  /** Bytes of one write. */
  readonly length: number;
  /** Buffers, bytes; 0: the stack's own. */
  readonly window: number;
  readonly noDelay: boolean;
  /** Of whichever sends; undefined: the stack's own. */
  readonly congestion?: TcpCongestion | undefined;
}

export interface StreamResult {
  readonly id: number;
  readonly bytes: number;
  readonly us: number;
  readonly retransmits: number;
}

export const STREAMS_MOST = 128;
export const LENGTH_MOST = 1 << 20;
const LINE_MOST = 200;

export function offerLine({ streams, reverse, bytes, ms, length, window, noDelay, congestion }: TestTerms): string {
  const words = [streams, Number(reverse), bytes, ms, length, window, Number(noDelay), congestion ?? ""];
  return `iperf 1 ${words.join(" ").trimEnd()}\n`;
}

/** The terms in a line; undefined if there are none, or none to agree to. */
export function parseOffer(line: string): TestTerms | undefined {
  const numbers = numbersOf(line, /^iperf 1((?: \d{1,15}){7})(?: [a-z]+)?$/);
  if (numbers === undefined) return undefined;
  const [streams, reverse, bytes, ms, length, window, noDelay] = numbers as [number, ...number[]] & { length: 7 };
  if (streams < 1 || streams > STREAMS_MOST || length < 1 || length > LENGTH_MOST) return undefined;
  if (bytes === 0 && ms === 0) return undefined;
  const terms = { streams, reverse: reverse !== 0, bytes, ms, length, window, noDelay: noDelay !== 0 };
  const name = / ([a-z]+)$/.exec(line)?.[1];
  if (name === undefined) return terms;
  const congestion = TCP_CONGESTIONS.find((known) => known === name);
  return congestion === undefined ? undefined : { ...terms, congestion };
}

export function streamLine(test: number, id: number): string {
  return `stream ${test} ${id}\n`;
}

/** Test and number of the stream that a line begins. */
export function parseStream(line: string): readonly [number, number] | undefined {
  const numbers = numbersOf(line, /^stream((?: \d{1,9}){2})$/);
  return numbers === undefined ? undefined : [numbers[0] as number, numbers[1] as number];
}

export function resultLine({ id, bytes, us, retransmits }: StreamResult): string {
  return `result ${id} ${bytes} ${us} ${retransmits}\n`;
}

export function parseResult(line: string): StreamResult | undefined {
  const numbers = numbersOf(line, /^result((?: \d{1,16}){4})$/);
  if (numbers === undefined) return undefined;
  const [id = 0, bytes = 0, us = 0, retransmits = 0] = numbers;
  return { id, bytes, us, retransmits };
}

function numbersOf(line: string, form: RegExp): number[] | undefined {
  return form.exec(line)?.[1]?.trim().split(" ").map(Number);
}

/** Reads lines from a connection, and what comes behind them. */
export class LineReader {
  readonly #socket: TcpSocket;
  #rest = new Uint8Array(0);

  constructor(socket: TcpSocket) {
    this.#socket = socket;
  }

  /** Bytes that came behind the last line. */
  get rest(): Uint8Array {
    return this.#rest;
  }

  /** The next line; undefined at the connection's end, or where none ends within reason. */
  async line(signal: AbortSignal): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(10);
      if (end >= 0) {
        const line = String.fromCharCode(...this.#rest.subarray(0, end));
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      if (this.#rest.length > LINE_MOST) return undefined;
      const more = await this.#socket.read({ signal, max: LINE_MOST });
      if (more === null) return undefined;
      const joined = new Uint8Array(this.#rest.length + more.length);
      joined.set(this.#rest);
      joined.set(more, this.#rest.length);
      this.#rest = joined;
    }
  }
}
