/** Two ends of TCP for tests: on one stack by its loopback, or on two with a simulated link between. */
import {
  type LinkConditions,
  SimLink,
  type Stack,
  type TcpConnectOptions,
  type TcpListenOptions,
  type TcpServer,
  type TcpSocket,
  VirtualClock,
} from "../../src/index.js";
import type { StackOptions } from "../../src/stack.js";
import { boot } from "./harness.js";

export const PORT = 7000;

/** Lets virtual time go on until the promise settles; an error after ten minutes of it. */
export async function within<T>(clock: VirtualClock, promise: Promise<T>, limitUs = 600e6): Promise<T> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await clock.runUntil(() => isSettled, limitUs);
  if (!isSettled) throw new Error(`not settled after ${limitUs / 1e6} s of virtual time`);
  return promise;
}

/** Each byte of it says where it stands. */
export function pattern(length: number, from = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = ((from + i) * 0x9e3779b1) >>> 24;
  return bytes;
}

/** All that comes until the end. */
export async function all(socket: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));

export class Pair {
  private constructor(
    readonly clock: VirtualClock,
    /** Who connects, and who listens. */
    readonly a: Stack,
    readonly b: Stack,
    /** Where the listener is. */
    readonly address: string,
    readonly link?: SimLink,
  ) {}

  /** Both ends on one stack. */
  static async loopback(options: StackOptions = {}): Promise<Pair> {
    const clock = new VirtualClock();
    const stack = await boot({ clock, ...options });
    return new Pair(clock, stack, stack, "127.0.0.1");
  }

  /** Two stacks; with 5 ms each way unless `conditions` say otherwise. */
  static async linked(conditions: Partial<LinkConditions> = {}, options: StackOptions = {}): Promise<Pair> {
    const clock = new VirtualClock();
    const link = new SimLink({ clock, seed: 5, delayUs: 5000, ...conditions });
    const a = await boot({ clock, name: "a", ...options });
    const b = await boot({ clock, name: "b", ...options });
    a.addInterface(link.nic(), { address: "10.0.0.1/24" });
    b.addInterface(link.nic(), { address: "10.0.0.2/24" });
    return new Pair(clock, a, b, "10.0.0.2", link);
  }

  within<T>(promise: Promise<T>, limitUs?: number): Promise<T> {
    return within(this.clock, promise, limitUs);
  }

  run(us = 1e6): Promise<void> {
    return this.clock.advance(us);
  }

  listen(options: TcpListenOptions = {}): Promise<TcpServer> {
    return this.b.tcp.listen({ port: PORT, ...options });
  }

  /** A connection: who connected, who accepted, and the listener. */
  async connect(
    options: Partial<TcpConnectOptions> = {},
    listen: TcpListenOptions = {},
  ): Promise<{ client: TcpSocket; peer: TcpSocket; server: TcpServer }> {
    const server = await this.listen(listen);
    const to = { address: this.address, port: server.address.port, ...options };
    const [client, peer] = await this.within(Promise.all([this.a.tcp.connect(to), server.accept()]));
    return { client, peer, server };
  }
}
