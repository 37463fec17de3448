/**
 * `ping`, with iputils' own lines. Each request carries the time at which it left, as iputils' do, so that nothing need
 * be remembered of what is on its way; 16 bits of sequence number tell duplicates.
 */
import { ICMP_HDR_LEN, IPV4_HDR_LEN } from "../../assembly/abi/proto.js";
import { formatIpv4, ipv4 } from "../address.js";
import { requireInteger, StackError } from "../errors.js";
import type { DatagramError, DatagramInfo } from "../sockets/datagram.js";
import { type EchoSocket, readEcho } from "../sockets/echo.js";
import type { Stack } from "../stack.js";
import { type PingSummary, PingTally } from "./ping-tally.js";
import { icmpErrorText, timeText } from "./ping-texts.js";
import { errorText } from "./strerror.js";

export type { PingSummary } from "./ping-tally.js";

export interface PingRunOptions {
  /** Requests to send; without end unless given. */
  readonly count?: number;
  /** From one request to the next, µs; 1,000,000 unless given. */
  readonly intervalUs?: number;
  /** Bytes of data, 56 unless given; below 16 there is no room for the time. */
  readonly size?: number;
  readonly ttl?: number;
  /** Wait for a first reply behind the last request, µs; 10,000,000 unless given. After a reply the wait is twice the
   * longest round trip, and an interval at least. */
  readonly timeoutUs?: number;
}

/** Bytes of data in front of the pattern: the time of sending, µs, as two 32-bit halves, and as many zeros. */
const TIME_BYTES = 16;
const MAX_SIZE = 65507;
const MAX_TIME_US = 2 ** 48;

/**
 * Sends echo requests and prints what comes back.
 * @param target  "192.168.1.2" or "localhost"
 * @param output  called with each line, without its end
 * @param signal  ends it as ^C does: the statistics are printed and the promise resolves
 * @returns what was counted; nothing is transmitted where there is no way to the target, which is printed
 * @throws (by rejection) TypeError for the target; RangeError for an option; StackError EBADF when the stack is closed,
 *   ENOBUFS when it has no socket left; an Error with code ERR_STACK_RESTORED when its clock is restored meanwhile
 */
export async function ping(
  stack: Stack,
  target: string,
  output: (line: string) => void,
  options: PingRunOptions = {},
  signal?: AbortSignal,
): Promise<PingSummary> {
  requireOptions(options);
  const run = new Run(stack, target, output, options);
  try {
    stack.routes.get(run.address);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    output(`ping: connect: ${errorText(error.code)}`);
    return run.tally.summary();
  }
  await run.go(signal);
  for (const line of run.tally.lines(target)) output(line);
  return run.tally.summary();
}

function requireOptions({ count = Infinity, intervalUs = 0, size = 0, timeoutUs = 0 }: PingRunOptions): void {
  if (count !== Infinity) requireInteger("count", count, 1, Number.MAX_SAFE_INTEGER);
  requireInteger("intervalUs", intervalUs, 0, MAX_TIME_US);
  requireInteger("size", size, 0, MAX_SIZE);
  requireInteger("timeoutUs", timeoutUs, 0, MAX_TIME_US);
}

class Run {
  readonly tally = new PingTally();
  readonly address: string;
  readonly #stack: Stack;
  readonly #target: string;
  readonly #output: (line: string) => void;
  readonly #count: number;
  readonly #intervalUs: number;
  readonly #size: number;
  readonly #ttl: number | undefined;
  readonly #timeoutUs: number;
  /** Called when the last request has been sent and all have had their answers. */
  #onComplete: (() => void) | undefined;

  constructor(stack: Stack, target: string, output: (line: string) => void, options: PingRunOptions) {
    this.address = formatIpv4(ipv4(target, "target"));
    this.#stack = stack;
    this.#target = target;
    this.#output = output;
    this.#count = options.count ?? Infinity;
    this.#intervalUs = options.intervalUs ?? 1_000_000;
    this.#size = options.size ?? 56;
    this.#ttl = options.ttl;
    this.#timeoutUs = options.timeoutUs ?? 10_000_000;
  }

  async go(signal: AbortSignal | undefined): Promise<void> {
    const socket = this.#stack.openEcho(this.#ttl === undefined ? {} : { ttl: this.#ttl });
    socket.onmessage = (message, info) => this.#reply(message, info);
    socket.onerror = (error) => this.#icmpError(error);
    const total = this.#size + ICMP_HDR_LEN + IPV4_HDR_LEN;
    this.#output(`PING ${this.#target} (${this.address}) ${this.#size}(${total}) bytes of data.`);
    try {
      await this.#sendAll(socket, signal);
      if (!this.tally.isAnswered) await this.#linger(signal);
    } catch (error) {
      if (!signal?.aborted) throw error;
    } finally {
      socket.close();
    }
  }

  async #sendAll(socket: EchoSocket, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#stack;
    const startUs = clock.now();
    while (!signal?.aborted) {
      this.#send(socket);
      if (this.tally.transmitted >= this.#count) return;
      const nextUs = startUs + this.tally.transmitted * this.#intervalUs;
      await clock.sleep(Math.max(0, nextUs - clock.now()), signal);
    }
  }

  #send(socket: EchoSocket): void {
    const data = new Uint8Array(this.#size);
    for (let i = 0; i < data.length; i++) data[i] = i;
    const nowUs = this.#stack.clock.now();
    if (this.#size >= TIME_BYTES) writeTime(data, nowUs);
    const sequence = this.tally.send(nowUs);
    try {
      if (!socket.request(this.address, sequence, data)) this.#sendError(sequence, "ENOBUFS");
    } catch (error) {
      if (!(error instanceof StackError) || error.code === "EBADF") throw error;
      this.#sendError(sequence, error.code);
    }
  }

  #sendError(sequence: number, code: string): void {
    this.tally.error(sequence);
    this.#output(`ping: ${code === "EMSGSIZE" ? this.#tooLong() : `sendmsg: ${errorText(code)}`}`);
  }

  #tooLong(): string {
    const { dev } = this.#stack.routes.get(this.address);
    return `local error: message too long, mtu=${this.#stack.interface(dev).mtu}`;
  }

  /** Waits for what is on its way. */
  async #linger(signal: AbortSignal | undefined): Promise<void> {
    const { received, rttMaxUs } = this.tally;
    const waitUs = received === 0 ? this.#timeoutUs : Math.max(2 * rttMaxUs, this.#intervalUs);
    const over = new AbortController();
    const end = () => over.abort();
    this.#onComplete = end;
    signal?.addEventListener("abort", end, { once: true });
    try {
      await this.#stack.clock.sleep(waitUs, over.signal);
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      signal?.removeEventListener("abort", end);
    }
  }

  #reply(message: Uint8Array, { address, ttl }: DatagramInfo): void {
    const { sequence, data } = readEcho(message);
    const isDuplicate = this.tally.reply(sequence);
    let time = "";
    if (this.#size >= TIME_BYTES && data.length >= TIME_BYTES) {
      const us = Math.max(0, this.#stack.clock.now() - readTime(data));
      this.tally.roundTrip(us);
      time = ` time=${timeText(us)} ms`;
    }
    const from = this.#target === this.address ? address : `${this.#target} (${address})`;
    const tail = isDuplicate ? " (DUP!)" : "";
    this.#output(`${message.length} bytes from ${from}: icmp_seq=${sequence} ttl=${ttl}${time}${tail}`);
    if (this.tally.isAnswered) this.#onComplete?.();
  }

  #icmpError(error: DatagramError | StackError): void {
    if (error instanceof StackError) return;
    // An echo socket's error names the request by its sequence number, in place of a port.
    this.tally.error(error.port);
    this.#output(`From ${error.reporter} icmp_seq=${error.port} ${icmpErrorText(error)}`);
    if (this.tally.isAnswered) this.#onComplete?.();
  }
}

function writeTime(data: Uint8Array, us: number): void {
  const view = new DataView(data.buffer);
  view.setUint32(0, Math.floor(us / 2 ** 32));
  view.setUint32(4, us % 2 ** 32);
  data.fill(0, 8, TIME_BYTES);
}

function readTime(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4);
}
