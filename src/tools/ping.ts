/**
 * `ping`, with iputils' own lines, those about errors of this host on `err`. Each request carries the time at which it left, as iputils' do, so that nothing need
 * be remembered of what is on its way; 16 bits of sequence number tell duplicates.
 */
import {
  ICMP_HDR_LEN,
  ICMP_REDIRECT,
  ICMP_UNREACH_NEEDFRAG,
  ICMP_UNREACHABLE,
  IPOPT_MAX_LEN,
  IPV4_HDR_LEN,
} from "../../assembly/abi/proto.js";
import { formatIpv4, ipv4, parseIpv4 } from "../address.js";
import { refuseUnknown, requireInteger, StackError } from "../errors.js";
import type { DatagramInfo, PathMtuDiscovery } from "../sockets/datagram.js";
import { type EchoSocket, readEcho } from "../sockets/echo.js";
import type { DatagramError } from "../sockets/socket.js";
import type { Stack } from "../stack.js";
import { OptionPrinter } from "./ip-options.js";
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
  /** End after this long, µs, whatever has been answered (-w). */
  readonly deadlineUs?: number;
  /** Printed for the target; itself unless given. */
  readonly name?: string;
  /** No line for each reply and error (-q), no names in replies (-n). */
  readonly quiet?: boolean;
  readonly numeric?: boolean;
  readonly tos?: number;
  /** Own address to speak from, and name of the interface to speak by (-I). */
  readonly source?: string;
  readonly device?: string;
  /** Broadcast addresses may be asked, too (-b). */
  readonly broadcast?: boolean;
  /** How DF is used (-M); as the stack's switch says unless given. */
  readonly discover?: PathMtuDiscovery;
  /** IP options to send (-R, -T): at most 40 bytes. */
  readonly ipOptions?: Uint8Array;
  /** Called with lines about errors of this host; as `output` unless given. */
  readonly err?: (line: string) => void;
}

/** Bytes of data in front of the pattern: the time of sending, µs, as two 32-bit halves, and as many zeros. */
const TIME_BYTES = 16;
const MAX_SIZE = 65507;
const MAX_TIME_US = 2 ** 48;

/**
 * Sends echo requests and prints what comes back.
 * @param target  "192.168.1.2" or "localhost"; "0.0.0.0" is this host
 * @param output  called with each line, without its end; a reply's with IP options are several
 * @param signal  ends it as ^C does: the statistics are printed and the promise resolves
 * @returns what was counted; nothing is transmitted where there is no way to the target, which is printed
 * @throws (by rejection) TypeError for the target; RangeError, TypeError for an option; StackError EBADF when the stack is closed,
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
  let socket: EchoSocket | undefined;
  try {
    run.requireWay();
    socket = run.open();
  } catch (error) {
    if (!(error instanceof StackError) || UNSAID.includes(error.code)) throw error;
    (options.err ?? output)(`ping: ${error.syscall === "bind" ? "bind" : "connect"}: ${errorText(error.code)}`);
    return run.tally.summary();
  }
  await run.go(socket, signal);
  for (const line of run.tally.lines(options.name ?? target)) output(line);
  return run.tally.summary();
}

/** What is no matter of the way to the target. */
const UNSAID: readonly string[] = ["EBADF", "EINVAL", "ENOBUFS"];

const OPTIONS: ReadonlySet<string> = new Set([
  "count",
  "intervalUs",
  "size",
  "ttl",
  "timeoutUs",
  "deadlineUs",
  "name",
  "quiet",
  "numeric",
  "tos",
  "source",
  "device",
  "broadcast",
  "discover",
  "ipOptions",
  "err",
]);

function requireOptions(options: PingRunOptions): void {
  refuseUnknown(options, OPTIONS);
  const { count = Infinity, intervalUs = 0, size = 0, timeoutUs = 0, deadlineUs = 0 } = options;
  if (count !== Infinity) requireInteger("count", count, 1, Number.MAX_SAFE_INTEGER);
  requireInteger("intervalUs", intervalUs, 0, MAX_TIME_US);
  requireInteger("size", size, 0, MAX_SIZE);
  requireInteger("timeoutUs", timeoutUs, 0, MAX_TIME_US);
  requireInteger("deadlineUs", deadlineUs, 0, MAX_TIME_US);
}

class Run {
  readonly tally = new PingTally();
  readonly #address: string;
  readonly #stack: Stack;
  readonly #output: (line: string) => void;
  readonly #options: PingRunOptions;
  readonly #name: string;
  readonly #count: number;
  readonly #intervalUs: number;
  readonly #size: number;
  readonly #printer = new OptionPrinter();
  /** Least MTU that routers have told of. */
  #toldMtu = Infinity;
  /** Called when the last request has been sent and all have had their answers. */
  #onComplete: (() => void) | undefined;

  constructor(stack: Stack, target: string, output: (line: string) => void, options: PingRunOptions) {
    this.#stack = stack;
    this.#output = output;
    this.#options = options;
    this.#address = this.#addressOf(ipv4(target, "target"));
    this.#name = options.name ?? target;
    this.#count = options.count ?? Infinity;
    this.#intervalUs = options.intervalUs ?? 1_000_000;
    this.#size = options.size ?? 56;
  }

  /** The address that is asked: for 0.0.0.0 the own one that is spoken from, as on Linux. */
  #addressOf(target: number): string {
    if (target !== 0) return formatIpv4(target);
    const { source, device } = this.#options;
    return source ?? (device === undefined ? "127.0.0.1" : this.#sourceBy(device));
  }

  /** @throws StackError for a target that nothing leads to; by an interface all are on its link */
  requireWay(): void {
    if (this.#options.device === undefined) this.#stack.routes.get(this.#address);
  }

  /** @throws StackError EADDRNOTAVAIL, EINVAL, ENOBUFS, EBADF, ENODEV */
  open(): EchoSocket {
    const { ttl, tos, source, device, broadcast, discover, ipOptions } = this.#options;
    const ifindex = device === undefined ? undefined : this.#stack.interface(device).index;
    const given = { ttl, tos, address: source, ifindex, broadcast };
    const socket = this.#stack.openEcho(
      Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    );
    try {
      if (discover !== undefined) socket.setPathMtuDiscovery(discover);
      if (ipOptions !== undefined) socket.setOptions(ipOptions);
    } catch (error) {
      socket.close();
      throw error;
    }
    return socket;
  }

  async go(socket: EchoSocket, signal: AbortSignal | undefined): Promise<void> {
    const over = new AbortController();
    const end = () => over.abort();
    signal?.addEventListener("abort", end, { once: true });
    if (signal?.aborted) end();
    // Should the clock be restored, those who wait for it below say so.
    if (this.#options.deadlineUs) this.#stack.clock.sleep(this.#options.deadlineUs, over.signal).then(end, () => {});
    socket.onmessage = (message, info) => this.#reply(message, info);
    socket.onerror = (error) => this.#icmpError(error);
    this.#output(this.#header());
    try {
      await this.#sendAll(socket, over.signal);
      if (!this.tally.isAnswered) await this.#linger(over.signal);
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      socket.close();
      signal?.removeEventListener("abort", end);
      end();
    }
  }

  #header(): string {
    const { source, device, ipOptions } = this.#options;
    const total = this.#size + ICMP_HDR_LEN + IPV4_HDR_LEN + (ipOptions === undefined ? 0 : IPOPT_MAX_LEN);
    let from = "";
    if (device !== undefined) from = ` from ${source ?? this.#sourceBy(device)} ${device}:`;
    else if (source !== undefined) from = ` from ${source} :`;
    return `PING ${this.#name} (${this.#address})${from} ${this.#size}(${total}) bytes of data.`;
  }

  #sourceBy(device: string): string {
    return this.#stack.interfaceNamed(device)?.addresses[0]?.address ?? "0.0.0.0";
  }

  async #sendAll(socket: EchoSocket, signal: AbortSignal): Promise<void> {
    const { clock } = this.#stack;
    const startUs = clock.now();
    while (!signal.aborted) {
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
      if (!socket.request(this.#address, sequence, data)) this.#sendError(sequence, "ENOBUFS");
    } catch (error) {
      if (!(error instanceof StackError) || error.code === "EBADF") throw error;
      this.#sendError(sequence, error.code);
    }
  }

  #sendError(sequence: number, code: string): void {
    this.tally.error(sequence);
    const words = code === "EMSGSIZE" ? this.#tooLong() : `sendmsg: ${errorText(code)}`;
    (this.#options.err ?? this.#output)(`ping: ${words}`);
  }

  #tooLong(): string {
    const dev = this.#options.device ?? this.#stack.routes.get(this.#address).dev;
    const mtu = Math.min(this.#stack.interface(dev).mtu, this.#toldMtu);
    return `local error: message too long, mtu=${mtu}`;
  }

  /** Waits for what is on its way. */
  async #linger(signal: AbortSignal): Promise<void> {
    const { received, rttMaxUs } = this.tally;
    const waitUs = received === 0 ? (this.#options.timeoutUs ?? 10_000_000) : Math.max(2 * rttMaxUs, this.#intervalUs);
    const over = new AbortController();
    const end = () => over.abort();
    this.#onComplete = end;
    signal.addEventListener("abort", end, { once: true });
    try {
      await this.#stack.clock.sleep(waitUs, over.signal);
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  #reply(message: Uint8Array, { address, ttl, options }: DatagramInfo): void {
    const { sequence, data } = readEcho(message);
    const isDuplicate = this.tally.reply(sequence);
    let time = "";
    if (this.#size >= TIME_BYTES && data.length >= TIME_BYTES) {
      const us = Math.max(0, this.#stack.clock.now() - readTime(data));
      this.tally.roundTrip(us);
      time = ` time=${timeText(us)} ms`;
    }
    const isNumber = this.#options.numeric || parseIpv4(this.#name) !== undefined;
    const hasName = !isNumber && address === this.#address;
    const from = hasName ? `${this.#name} (${address})` : address;
    const tail = (isDuplicate ? " (DUP!)" : "") + this.#printer.text(options);
    this.#say(`${message.length} bytes from ${from}: icmp_seq=${sequence} ttl=${ttl}${time}${tail}`);
    if (this.tally.isAnswered) this.#onComplete?.();
  }

  #say(line: string): void {
    if (!this.#options.quiet) this.#output(line);
  }

  #icmpError(error: DatagramError | StackError): void {
    if (error instanceof StackError) return;
    // An echo socket's error names the request by its sequence number, in place of a port.
    const { port: sequence, reporter, icmpType } = error;
    if (icmpType === ICMP_REDIRECT) {
      // The request goes on: its answer is still to come.
      this.#say(`From ${reporter}: icmp_seq=${sequence} ${icmpErrorText(error)}`);
      return;
    }
    if (icmpType === ICMP_UNREACHABLE && error.icmpCode === ICMP_UNREACH_NEEDFRAG) {
      this.#toldMtu = Math.min(this.#toldMtu, error.icmpRest & 0xffff);
    }
    this.tally.error(sequence);
    this.#say(`From ${reporter} icmp_seq=${sequence} ${icmpErrorText(error)}`);
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
