/** The kernel's TCP sockets for a test, and what both ends send: bytes that follow from a seed, known by their SHA-256. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { StackOptions, TcpListenOptions, TcpSocket } from "../../src/index.js";
import { beside, type Kernel, type Ours } from "./world.js";

/** What came, up to the end or as much as was asked for. */
export interface Heard {
  readonly bytes: number;
  readonly sha256: string;
}

/** The pattern begins anew after so many bytes: no multiple of a ring's size or a segment's. */
const PATTERN_BYTES = 65521;

/** Counters on a clean line: no loss was found. A probe of a tail (RFC 8985 §7) says only that one of the processes had no
 * turn in time. */
export const NOTHING_LOST = { TCP_TIMEOUTS: 0, TCP_FAST_RECOVERIES: 0 };

/** So many bytes of the seed's. */
export function bytesOf(size: number, seed: string): Buffer {
  if (size === 0) return Buffer.alloc(0);
  return Buffer.alloc(size, createHash("shake128", { outputLength: PATTERN_BYTES }).update(seed).digest());
}

/** What hears all that must hear. */
export function heardOf(size: number, seed: string): Heard {
  return { bytes: size, sha256: createHash("sha256").update(bytesOf(size, seed)).digest("hex") };
}

/** Reads until the end, or so many bytes. */
export async function hear(socket: TcpSocket, size = Infinity): Promise<Heard> {
  const hash = createHash("sha256");
  let bytes = 0;
  while (bytes < size) {
    const chunk = await socket.read({ max: size - bytes });
    if (chunk === null) break;
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

const SCRIPT = fileURLToPath(new URL("tcp-peer.py", import.meta.url));
/** No call waits longer. */
const CALL_MS = 30_000;

/** Sockets of a kernel's, by names of the test's. */
export class Peer {
  readonly #program: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (answer: { is?: unknown; error?: string }) => void>();
  #calls = 0;
  #names = 0;

  constructor(kernel: Kernel) {
    this.#program = kernel.start("python3", SCRIPT) as unknown as ChildProcessWithoutNullStreams;
    createInterface({ input: this.#program.stdout }).on("line", (line) => {
      const answer = JSON.parse(line);
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** @throws (by rejection) Error whose code is the kernel's */
  call(on: string, what: string, args: Record<string, unknown> = {}): Promise<unknown> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${what}: the kernel does not answer`)), CALL_MS);
      this.#waiting.set(id, ({ is, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(is);
        else reject(Object.assign(new Error(`${what}: ${error}`), { code: error }));
      });
      this.#program.stdin.write(`${JSON.stringify({ id, do: what, on, ...args })}\n`);
    });
  }

  async listen(port: number, args: Record<string, unknown> = {}): Promise<PeerListener> {
    const name = this.#name();
    await this.call(name, "listen", { port, ...args });
    return new PeerListener(this, name, () => this.#name());
  }

  async connect(host: string, port: number, args: Record<string, unknown> = {}): Promise<PeerSocket> {
    const name = this.#name();
    await this.call(name, "connect", { host, port, ...args });
    return new PeerSocket(this, name);
  }

  #name(): string {
    return `socket ${++this.#names}`;
  }

  end(): void {
    this.#program.kill("SIGKILL");
  }
}

export class PeerListener {
  constructor(
    readonly peer: Peer,
    readonly name: string,
    readonly fresh: () => string,
  ) {}

  async accept(): Promise<PeerSocket> {
    const named = this.fresh();
    await this.peer.call(this.name, "accept", { named });
    return new PeerSocket(this.peer, named);
  }
}

export class PeerSocket {
  constructor(
    readonly peer: Peer,
    readonly name: string,
  ) {}

  async send(size: number, seed: string, args: { piece?: number; pause?: number } = {}): Promise<void> {
    await this.peer.call(this.name, "send", { size, seed, ...args });
  }

  /** Until the end, or so many bytes. */
  receive(size?: number, pause?: number): Promise<Heard> {
    return this.peer.call(this.name, "receive", { size, pause }) as Promise<Heard>;
  }

  /** Sends `size` bytes and waits for as many, so often: seconds. */
  ask(size: number, times: number): Promise<number> {
    return this.peer.call(this.name, "ask", { size, times }) as Promise<number>;
  }

  async echo(): Promise<void> {
    await this.peer.call(this.name, "echo");
  }

  async option(level: string, name: string, value: number): Promise<void> {
    await this.peer.call(this.name, "option", { level, name, value });
  }

  /** Sends no more. */
  async shutdown(): Promise<void> {
    await this.peer.call(this.name, "shutdown");
  }

  async close(): Promise<void> {
    await this.peer.call(this.name, "close");
  }

  async reset(): Promise<void> {
    await this.peer.call(this.name, "reset");
  }
}

export interface Ends {
  readonly kernel: Kernel;
  readonly ours: Ours;
  readonly peer: Peer;
}

/** The kernel 10.9.1.1 and its sockets, and beside it a stack of ours 10.9.1.2. */
export function besidePeer(body: (ends: Ends) => Promise<void>, options: StackOptions = {}): Promise<void> {
  return beside(async (kernel, ours) => {
    const peer = new Peer(kernel);
    try {
      await body({ kernel, ours, peer });
    } finally {
      peer.end();
    }
  }, options);
}

/** A connection that the kernel's end has opened, to a listener of ours that goes again. */
export async function connected(
  { ours, peer }: Ends,
  theirs: Record<string, unknown> = {},
  options: TcpListenOptions = {},
): Promise<[PeerSocket, TcpSocket]> {
  const server = await ours.stack.tcp.listen({ port: 5001, ...options });
  try {
    return await Promise.all([peer.connect("10.9.1.2", 5001, theirs), server.accept()]);
  } finally {
    server.close();
  }
}

/** Waits until it holds; by polling, for what the kernel does tells nobody. */
export async function until(holds: () => boolean, what = "what is waited for"): Promise<void> {
  const end = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not in time`);
    await sleep(5);
  }
}
