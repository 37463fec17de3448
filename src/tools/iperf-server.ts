/**
 * iperf's server: takes tests from clients, several at a time if they come so, and prints lines for each.
 */

import { TcpServer } from "../sockets/tcp-server.js";
import type { TcpSocket } from "../sockets/tcp-socket.js";
import type { Stack } from "../stack.js";
import { Flow, reportIntervals, sumOf } from "./iperf-flow.js";
import { LineReader, parseOffer, parseStream, resultLine, type TestTerms } from "./iperf-protocol.js";
import { RULE, SUMMARY_HEADER, summaryLine } from "./iperf-text.js";

export interface IperfServerOptions {
  readonly port: number;
  /** Between lines, µs; 0: none but the summary. */
  readonly everyUs: number;
  /** Ends after one test. */
  readonly once: boolean;
}

/** Tests at a time. */
const TESTS_MOST = 64;
const LISTENING = "-----------------------------------------------------------";

/** A test that a client has asked for. */
interface Test {
  readonly terms: TestTerms;
  readonly flows: Flow[];
  /** The client's number of each stream, and the bytes that came with the line that begins it. */
  readonly begun: { readonly number: number; readonly early: number }[];
  /** Called when all streams are there. */
  readonly ready: () => void;
}

class Server {
  readonly #stack: Stack;
  readonly #options: IperfServerOptions;
  readonly #out: (line: string) => void;
  readonly #tests = new Map<number, Test>();
  #last = 0;
  /** Streams of all tests that run together have numbers of their own here. */
  #streams = 0;

  constructor(stack: Stack, options: IperfServerOptions, out: (line: string) => void) {
    this.#stack = stack;
    this.#options = options;
    this.#out = out;
  }

  /** A new connection: its first line says what it is for. @returns true when it was a test, now over */
  async serve(socket: TcpSocket, signal: AbortSignal): Promise<boolean> {
    const reader = new LineReader(socket);
    try {
      const line = (await reader.line(signal)) ?? "";
      const terms = parseOffer(line);
      if (terms !== undefined && this.#tests.size < TESTS_MOST) {
        await this.#test(terms, socket, signal);
        return true;
      }
      if (!this.#isStream(line, socket, reader)) socket.abort();
    } catch {
      // A peer that goes away in the midst of it is its own affair.
      socket.abort();
    }
    return false;
  }

  #isStream(line: string, socket: TcpSocket, reader: LineReader): boolean {
    const [wanted = 0, number = 0] = parseStream(line) ?? [];
    const test = this.#tests.get(wanted);
    if (test === undefined || test.flows.length >= test.terms.streams) return false;
    const id = ++this.#streams;
    if (test.terms.congestion !== undefined) socket.setCongestion(test.terms.congestion);
    const { remoteAddress: remote, address: local } = socket;
    const there = remote === undefined ? "nobody" : `${remote.address} port ${remote.port}`;
    this.#out(`[${String(id).padStart(3)}] local ${local.address} port ${local.port} connected to ${there}`);
    test.flows.push(new Flow(id, socket, test.terms.reverse, 0, this.#stack.clock));
    test.begun.push({ number, early: reader.rest.length });
    if (test.flows.length === test.terms.streams) test.ready();
    return true;
  }

  async #test(terms: TestTerms, control: TcpSocket, signal: AbortSignal): Promise<void> {
    const number = ++this.#last;
    if (this.#tests.size === 0) this.#streams = 0;
    let ready = () => {};
    const begun = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const test: Test = { terms, flows: [], begun: [], ready };
    this.#tests.set(number, test);
    const peer = control.remoteAddress;
    this.#out(`Accepted connection from ${peer?.address}, port ${peer?.port}`);
    const gone = new AbortController();
    const leave = () => gone.abort();
    signal.addEventListener("abort", leave, { once: true });
    // The client says no more on the control connection: its end is that of the test, too.
    const left = control.closed.then(leave, leave);
    try {
      await control.write(`ok ${number}\n`, { signal });
      await Promise.race([begun, left]);
      if (test.flows.length < terms.streams) return;
      await this.#transfer(test, gone.signal);
      const results = test.flows.map((flow, i) => ({ ...flow.result(), id: test.begun[i]?.number ?? 0 }));
      this.#summarize(test);
      await control.write(results.map(resultLine).join(""), { signal });
      await control.end();
    } finally {
      signal.removeEventListener("abort", leave);
      this.#tests.delete(number);
      for (const { socket } of test.flows) socket.close();
      control.close();
    }
  }

  async #transfer({ terms, flows, begun }: Test, gone: AbortSignal): Promise<void> {
    const { clock } = this.#stack;
    const over = new AbortController();
    const end = () => over.abort();
    gone.addEventListener("abort", end, { once: true });
    const sent = new AbortController();
    const lines = reportIntervals(flows, this.#options.everyUs, this.#out, clock, sent.signal);
    try {
      if (terms.ms > 0 && terms.reverse) clock.sleep(terms.ms * 1000, over.signal).then(end, () => {});
      await Promise.all(
        flows.map((flow, i) =>
          terms.reverse ? flow.send(terms, over.signal, gone) : flow.receive(begun[i]?.early ?? 0, gone),
        ),
      );
    } finally {
      over.abort();
      sent.abort();
      gone.removeEventListener("abort", end);
      await lines;
    }
  }

  #summarize({ flows, terms }: Test): void {
    const spans = flows.map((flow) => {
      const { id, bytes, us, retransmits } = flow.result();
      const span = { id, fromUs: 0, toUs: us, bytes };
      return terms.reverse ? { ...span, retransmits } : span;
    });
    this.#out(RULE);
    this.#out(SUMMARY_HEADER);
    const all = spans.length > 1 ? [...spans, sumOf(spans)] : spans;
    for (const span of all) this.#out(summaryLine(span, terms.reverse ? "sender" : "receiver"));
  }
}

/**
 * Serves until the signal; with `once`, until a test is over.
 * @throws (by rejection) StackError EADDRINUSE …
 */
export async function iperfServer(
  stack: Stack,
  options: IperfServerOptions,
  out: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const listener = TcpServer.listen(stack, { port: options.port });
  const over = new AbortController();
  const end = () => over.abort();
  signal.addEventListener("abort", end, { once: true });
  const server = new Server(stack, options, out);
  try {
    out(`${LISTENING}\nServer listening on ${options.port}\n${LISTENING}`);
    for (;;) {
      const socket = await listener.accept({ signal: over.signal });
      server.serve(socket, over.signal).then(
        (isOver) => {
          if (isOver && options.once) end();
        },
        () => {},
      );
    }
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", end);
    over.abort();
    listener.close();
  }
}
