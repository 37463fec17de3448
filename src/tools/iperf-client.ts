/**
 * iperf's client: agrees on a test with a server, sends or receives, and prints lines while it lasts.
 */

import { TcpSocket } from "../sockets/tcp-socket.js";
import type { Stack } from "../stack.js";
import { Flow, reportIntervals, sumOf } from "./iperf-flow.js";
import { LineReader, offerLine, parseResult, type StreamResult, streamLine, type TestTerms } from "./iperf-protocol.js";
import { RULE, type Span, SUMMARY_HEADER, summaryLine } from "./iperf-text.js";

export interface IperfClientOptions {
  readonly address: string;
  readonly port: number;
  readonly terms: TestTerms;
  /** Between lines, µs; 0: none but the summary. */
  readonly everyUs: number;
}

/** The test cannot be, or has come to nothing. */
export class IperfError extends Error {}

/**
 * Runs a test to its end, or to the signal.
 * @param out  called with each line
 * @throws (by rejection) IperfError; StackError when a connection cannot be made, or breaks
 */
export async function iperfClient(
  stack: Stack,
  options: IperfClientOptions,
  out: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { terms, address, port } = options;
  const sockets: TcpSocket[] = [];
  const connect = async () => {
    const window = terms.window === 0 ? {} : { sendBuffer: terms.window, receiveBuffer: terms.window };
    const socket = await TcpSocket.connect(stack, { address, port, noDelay: terms.noDelay, signal, ...window });
    sockets.push(socket);
    return socket;
  };
  try {
    const control = await connect();
    const lines = new LineReader(control);
    await control.write(offerLine(terms), { signal });
    const answer = /^ok (\d{1,9})$/.exec((await lines.line(signal)) ?? "");
    if (answer === null) throw new IperfError("the server does not speak this iperf's protocol, or refuses");
    const test = Number(answer[1]);
    const flows: Flow[] = [];
    for (let id = 1; id <= terms.streams; id++) {
      const socket = await connect();
      if (terms.congestion !== undefined) socket.setCongestion(terms.congestion);
      const line = streamLine(test, id);
      await socket.write(line, { signal });
      out(`[${String(id).padStart(3)}] local ${endText(socket.address)} connected to ${endText({ address, port })}`);
      flows.push(new Flow(id, socket, !terms.reverse, line.length, stack.clock));
    }
    await transfer(stack, flows, options, out, signal);
    const results = signal.aborted ? [] : await resultsOf(lines, signal);
    summarize(flows, results, terms.reverse, out);
    for (const socket of sockets) socket.close();
  } finally {
    // What is still open has no use any more.
    for (const socket of sockets) socket.abort();
  }
}

function endText({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address} port ${port}`;
}

/** All streams until their ends, with a line for each interval. The signal ends it early, and is no error. */
async function transfer(
  stack: Stack,
  flows: readonly Flow[],
  { terms, everyUs }: IperfClientOptions,
  out: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const end = () => over.abort();
  signal.addEventListener("abort", end, { once: true });
  const sent = new AbortController();
  const lines = reportIntervals(flows, everyUs, out, stack.clock, sent.signal);
  try {
    if (terms.ms > 0 && !terms.reverse) stack.clock.sleep(terms.ms * 1000, over.signal).then(end, () => {});
    await Promise.all(
      flows.map((flow) => (terms.reverse ? flow.receive(0, signal) : flow.send(terms, over.signal, signal))),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    over.abort();
    sent.abort();
    signal.removeEventListener("abort", end);
    await lines;
  }
}

/** What the server knows, until it ends the connection. */
async function resultsOf(lines: LineReader, signal: AbortSignal): Promise<StreamResult[]> {
  const results: StreamResult[] = [];
  for (let line = await lines.line(signal); line !== undefined; line = await lines.line(signal)) {
    const result = parseResult(line);
    if (result !== undefined && results.length < 1000) results.push(result);
  }
  return results;
}

function summarize(
  flows: readonly Flow[],
  results: readonly StreamResult[],
  reverse: boolean,
  out: (line: string) => void,
): void {
  const spanOf = ({ id, bytes, us, retransmits }: StreamResult, sends: boolean): Span => {
    const span = { id, fromUs: 0, toUs: us, bytes };
    return sends ? { ...span, retransmits } : span;
  };
  const own = flows.map((flow) => spanOf(flow.result(), !reverse));
  const theirs = results.map((result) => spanOf(result, reverse));
  const [senders, receivers] = reverse ? [theirs, own] : [own, theirs];
  out(RULE);
  out(SUMMARY_HEADER);
  for (const { id } of flows) {
    for (const span of senders) if (span.id === id) out(summaryLine(span, "sender"));
    for (const span of receivers) if (span.id === id) out(summaryLine(span, "receiver"));
  }
  if (flows.length < 2) return;
  if (senders.length > 0) out(summaryLine(sumOf(senders), "sender"));
  if (receivers.length > 0) out(summaryLine(sumOf(receivers), "receiver"));
}
