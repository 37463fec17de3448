/**
 * `traceroute`, with the lines of the one that Linux has: datagrams whose time to live ends one router further each
 * time, to UDP ports that nobody serves, or as echo requests (-I). The probes of a hop leave together; the next hop's
 * follow when they have been answered or waited for.
 */
import { ICMP_HDR_LEN, ICMP_REDIRECT, ICMP_UNREACHABLE, IPV4_HDR_LEN, UDP_HDR_LEN } from "../../assembly/abi/proto.js";
import { ipv4 } from "../address.js";
import { refuseUnknown, requireInteger, StackError } from "../errors.js";
import type { DatagramError } from "../sockets/socket.js";
import { UdpSocket } from "../sockets/udp.js";
import type { Stack } from "../stack.js";
import { errorText } from "./strerror.js";

export interface TracerouteOptions {
  /** Echo requests in place of UDP (-I). */
  readonly icmp?: boolean;
  /** Time to live of the first probes (-f) and most hops (-m): 1 and 30 unless given. */
  readonly firstHop?: number;
  readonly maxHops?: number;
  /** Probes for each hop (-q), 3 unless given. */
  readonly probes?: number;
  /** Wait for an answer (-w), µs; 5,000,000 unless given. */
  readonly waitUs?: number;
  /** First UDP port (-p), 33434 unless given; with `icmp` the first sequence number, 1 unless given. */
  readonly port?: number;
  /** Bytes of the whole datagram but for IP options, 60 unless given. */
  readonly length?: number;
  /** IP options of the probes, such as a source route (-g): at most 40 bytes. */
  readonly ipOptions?: Uint8Array;
  readonly dontFragment?: boolean;
  /** Own address to speak from (-s), and number of the interface to speak by (-i). */
  readonly source?: string;
  readonly ifindex?: number;
  /** Name of an address; none unless given, and then each stands for itself. With `numeric` (-n) none is asked for. */
  readonly nameOf?: (address: string) => string | undefined;
  readonly numeric?: boolean;
  /** Printed for the target; itself unless given. */
  readonly name?: string;
}

const OPTIONS: ReadonlySet<string> = new Set([
  "icmp",
  "firstHop",
  "maxHops",
  "probes",
  "waitUs",
  "port",
  "length",
  "ipOptions",
  "dontFragment",
  "source",
  "ifindex",
  "nameOf",
  "numeric",
  "name",
]);

/** What came of it. */
export interface TracerouteResult {
  /** Routers, in order; undefined where none answered. */
  readonly hops: readonly (string | undefined)[];
  /** The target, or somebody in its place, has had the last word. */
  readonly isReached: boolean;
}

const WORDS: Record<number, string> = {
  0: "!N",
  1: "!H",
  2: "!P",
  5: "!S",
  6: "!N",
  7: "!H",
  8: "!N",
  9: "!X",
  10: "!X",
  11: "!N",
  12: "!H",
  13: "!X",
  14: "!V",
  15: "!C",
};
const PORT_UNREACHABLE = 3;
const NEED_FRAGMENT = 4;

/** Bytes of the shortest probe: both headers. */
export const LEAST_LENGTH = IPV4_HDR_LEN + UDP_HDR_LEN;

interface Probe {
  sentUs: number;
  /** Who answered; undefined while nobody has. */
  from?: string;
  timeUs?: number;
  text?: string;
  isFinal?: boolean;
}

/** A way to send probes. Numbers tell them apart: UDP's destination ports, echo's sequence numbers. */
interface Prober {
  send(number: number, ttl: number): boolean;
  close(): void;
}

type Answer = (number: number, from: string, error?: DatagramError) => void;

/**
 * @param output  called with each line, without its end
 * @param signal  ends it as ^C does: the line begun is printed
 * @throws (by rejection) StackError ENETUNREACH … when there is no way to send, EADDRNOTAVAIL, EBADF, ENOBUFS;
 *   RangeError, TypeError for options; an Error with code ERR_STACK_RESTORED when the clock is restored meanwhile
 */
export async function traceroute(
  stack: Stack,
  target: string,
  output: (line: string) => void,
  options: TracerouteOptions = {},
  signal?: AbortSignal,
): Promise<TracerouteResult> {
  refuseUnknown(options, OPTIONS);
  const { firstHop = 1, maxHops = 30, length = 60, name = target } = options;
  requireInteger("maxHops", maxHops, 1, 255);
  requireInteger("firstHop", firstHop, 1, maxHops);
  requireInteger("probes", options.probes ?? 3, 1, 10);
  requireInteger("waitUs", options.waitUs ?? 0, 0, 2 ** 48);
  requireInteger("length", length, LEAST_LENGTH, 65000);
  ipv4(target, "target");
  const bytes = length + (options.ipOptions?.length ?? 0);
  output(`traceroute to ${name} (${target}), ${maxHops} hops max, ${bytes} byte packets`);
  const run = new Run(stack, target, options);
  const hops: (string | undefined)[] = [];
  let isReached = false;
  try {
    for (let ttl = firstHop; ttl <= maxHops && !isReached && !signal?.aborted; ttl++) {
      const probes = await run.hop(ttl, signal);
      output(`${String(ttl).padStart(2)} ${run.lineOf(probes)}`);
      hops.push(probes.find(({ from }) => from !== undefined)?.from);
      isReached = probes.some(({ isFinal }) => isFinal);
    }
  } finally {
    run.close();
  }
  return { hops, isReached };
}

class Run {
  readonly #stack: Stack;
  readonly #options: TracerouteOptions;
  readonly #prober: Prober;
  readonly #waiting = new Map<number, Probe>();
  #next: number;
  #onAnswered: (() => void) | undefined;

  constructor(stack: Stack, target: string, options: TracerouteOptions) {
    this.#stack = stack;
    this.#options = options;
    this.#next = options.port ?? (options.icmp ? 1 : 33434);
    requireInteger("port", this.#next, 1, 65535);
    const prober = options.icmp ? echoProber : udpProber;
    this.#prober = prober(stack, target, options, (number, from, error) => this.#answer(number, from, error));
  }

  close(): void {
    this.#prober.close();
  }

  /** Sends the probes of one hop and waits for their answers. */
  async hop(ttl: number, signal: AbortSignal | undefined): Promise<Probe[]> {
    const { probes: count = 3, waitUs = 5_000_000 } = this.#options;
    const probes: Probe[] = [];
    this.#waiting.clear();
    for (let i = 0; i < count; i++) {
      const probe: Probe = { sentUs: this.#stack.clock.now() };
      probes.push(probe);
      const number = this.#next;
      this.#next = number === 65535 ? 1 : number + 1;
      this.#waiting.set(number, probe);
      // One that finds no room is one that nobody answers.
      this.#prober.send(number, ttl);
    }
    await this.#wait(waitUs, signal);
    return probes;
  }

  async #wait(waitUs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size === 0 || signal?.aborted) return;
    const over = new AbortController();
    const end = () => over.abort();
    this.#onAnswered = end;
    signal?.addEventListener("abort", end, { once: true });
    try {
      await this.#stack.clock.sleep(waitUs, over.signal);
    } catch (error) {
      if (!over.signal.aborted) throw error;
    } finally {
      this.#onAnswered = undefined;
      signal?.removeEventListener("abort", end);
    }
  }

  #answer(number: number, from: string, error: DatagramError | undefined): void {
    const probe = this.#waiting.get(number);
    if (probe === undefined) return;
    this.#waiting.delete(number);
    probe.from = from;
    probe.timeUs = this.#stack.clock.now() - probe.sentUs;
    const word = wordOf(error);
    if (word !== "") probe.text = word;
    probe.isFinal = error === undefined || error.icmpType === ICMP_UNREACHABLE;
    if (this.#waiting.size === 0) this.#onAnswered?.();
  }

  lineOf(probes: readonly Probe[]): string {
    let line = "";
    let last: string | undefined;
    for (const { from, timeUs = 0, text } of probes) {
      if (from === undefined) {
        line += " *";
        continue;
      }
      if (from !== last) line += ` ${this.#addressText(from)}`;
      last = from;
      line += `  ${(timeUs / 1000).toFixed(3)} ms${text === undefined ? "" : ` ${text}`}`;
    }
    return line;
  }

  #addressText(address: string): string {
    return this.#options.numeric ? address : `${this.#options.nameOf?.(address) ?? address} (${address})`;
  }
}

/** What stands behind the time: nothing for a router on the way and for the target. */
function wordOf(error: DatagramError | undefined): string {
  if (error === undefined || error.icmpType !== ICMP_UNREACHABLE || error.icmpCode === PORT_UNREACHABLE) return "";
  if (error.icmpCode === NEED_FRAGMENT) return `!F-${error.icmpRest & 0xffff}`;
  return WORDS[error.icmpCode] ?? `!<${error.icmpCode}>`;
}

function dataOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => 0x40 + (i & 0x3f));
}

function isOurs(error: DatagramError | StackError): error is DatagramError {
  // A redirect is no answer: the probe went on all the same.
  return !(error instanceof StackError) && error.icmpType !== ICMP_REDIRECT;
}

function udpProber(stack: Stack, target: string, options: TracerouteOptions, answer: Answer): Prober {
  const { source, ifindex, dontFragment, length = 60, ipOptions } = options;
  const socket = UdpSocket.create(stack, source === undefined ? {} : { address: source });
  if (ipOptions !== undefined) socket.setOptions(ipOptions);
  if (ifindex !== undefined) socket.bindToInterface(ifindex);
  socket.setDontFragment(dontFragment ?? false);
  const data = dataOf(length - IPV4_HDR_LEN - UDP_HDR_LEN);
  socket.onmessage = (_data, info) => answer(info.port, info.address);
  socket.onerror = (error) => {
    if (isOurs(error)) answer(error.port, error.reporter, error);
  };
  return {
    send(port, ttl) {
      socket.setTTL(ttl);
      return socket.trySend(data, { address: target, port });
    },
    close: () => socket.close(),
  };
}

function echoProber(stack: Stack, target: string, options: TracerouteOptions, answer: Answer): Prober {
  const { source, ifindex, dontFragment = false, length = 60 } = options;
  const socket = stack.openEcho({
    dontFragment,
    ...(source === undefined ? {} : { address: source }),
    ...(ifindex === undefined ? {} : { ifindex }),
    ...(options.ipOptions === undefined ? {} : { options: options.ipOptions }),
  });
  const data = dataOf(length - IPV4_HDR_LEN - ICMP_HDR_LEN);
  socket.onmessage = (message, info) => answer(((message[6] as number) << 8) | (message[7] as number), info.address);
  socket.onerror = (error) => {
    if (isOurs(error)) answer(error.port, error.reporter, error);
  };
  return {
    send(sequence, ttl) {
      socket.setTTL(ttl);
      return socket.request(target, sequence, data);
    },
    close: () => socket.close(),
  };
}

/** What a failure to send says, such as "connect: Network is unreachable". */
export function tracerouteFailure(error: StackError): string {
  if (error.syscall === "bind") return `bind: ${errorText(error.code)}`;
  return `${error.code === "ENETUNREACH" ? "connect" : "send"}: ${errorText(error.code)}`;
}
