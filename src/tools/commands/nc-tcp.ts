/**
 * `nc` over TCP: connects, or waits for connections; the input's lines go out, what comes is printed. It ends when both
 * directions have (the input's, and the peer's), when the peer resets, after -w without a byte, or at ^C.
 */
import { StackError } from "../../errors.js";
import type { Endpoint } from "../../sockets/socket.js";
import { TcpServer } from "../../sockets/tcp-server.js";
import { TcpSocket } from "../../sockets/tcp-socket.js";
import { type CommandContext, orFail } from "../context.js";
import { LineOutput, linesUntil } from "../lines.js";
import { errorText } from "../strerror.js";

export interface NcOptions {
  /** -v, -n, -z, -k, -N. */
  readonly verbose: boolean;
  readonly numeric: boolean;
  readonly zero: boolean;
  readonly keep: boolean;
  readonly shutdown: boolean;
  /** -w, µs. */
  readonly waitUs?: number;
}

export interface NcTarget {
  /** As it was typed. */
  readonly name: string;
  readonly address: string;
  readonly ports: readonly number[];
}

/** Names of the ports that one meets in examples. */
const SERVICES: Readonly<Record<number, string>> = {
  7: "echo",
  9: "discard",
  13: "daytime",
  21: "ftp",
  22: "ssh",
  23: "telnet",
  25: "smtp",
  53: "domain",
  80: "http",
  443: "https",
};

/** Tries the ports in order; speaks with the first that takes it, with -z with none. 0 if one does. */
export async function connectTcp(
  { name, address, ports }: NcTarget,
  local: Endpoint,
  options: NcOptions,
  context: CommandContext,
): Promise<number> {
  const host = name === address ? name : `${name} (${address})`;
  let status = 1;
  for (const port of ports) {
    let socket: TcpSocket;
    try {
      socket = await connected({ address, port }, local, options, context);
    } catch (error) {
      if (context.signal.aborted) return 1;
      const why =
        error instanceof StackError ? `failed: ${errorText(error.code)}` : `timed out: Operation now in progress`;
      if (!(error instanceof StackError) && !(error instanceof TimeUp)) throw error;
      if (options.verbose) context.err(`nc: connect to ${host} port ${port} (tcp) ${why}`);
      continue;
    }
    status = 0;
    const service = options.numeric ? "*" : (SERVICES[port] ?? "*");
    if (options.verbose) context.err(`Connection to ${host} ${port} port [tcp/${service}] succeeded!`);
    if (!options.zero) return talk(socket, options, context, false);
    socket.close();
  }
  return status;
}

/** Speaks with the first that connects; with -k with one after another. */
export async function listenTcp(local: Endpoint, options: NcOptions, context: CommandContext): Promise<number> {
  const { stack, signal } = context;
  const server = orFail(
    () => TcpServer.listen(stack, { ...local, ...(options.keep ? {} : { backlog: 1 }) }),
    (code) => `nc: ${errorText(code)}`,
  );
  try {
    if (options.verbose) context.err(`Listening on ${local.address} ${local.port}`);
    for (;;) {
      const socket = await server.accept({ signal });
      const peer = socket.remoteAddress as Endpoint;
      if (options.verbose) context.err(`Connection received on ${peer.address} ${peer.port}`);
      // One peer only: others are refused.
      if (!options.keep) server.close();
      const status = await talk(socket, options, context, true);
      if (!options.keep || signal.aborted) return status;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return 0;
  } finally {
    server.close();
  }
}

/** The time of -w is up. */
class TimeUp extends Error {}

async function connected(
  to: Endpoint,
  local: Endpoint,
  options: NcOptions,
  context: CommandContext,
): Promise<TcpSocket> {
  const { stack, signal } = context;
  const give = new AbortController();
  const abort = () => give.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const enough = new AbortController();
  if (options.waitUs !== undefined) {
    const up = () => give.abort(new TimeUp());
    stack.clock.sleep(options.waitUs, enough.signal).then(up, () => {});
  }
  try {
    signal.throwIfAborted();
    return await TcpSocket.connect(stack, {
      ...to,
      localAddress: local.address,
      localPort: local.port,
      signal: give.signal,
    });
  } finally {
    enough.abort();
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Both ways until both are over. @param passive  the peer has connected: its end is that of the input, too
 * @returns 1 when the peer has reset the connection, or is gone
 */
async function talk(socket: TcpSocket, options: NcOptions, context: CommandContext, passive: boolean): Promise<number> {
  const { clock } = context.stack;
  const over = new AbortController();
  const heardAll = new AbortController();
  const abort = () => {
    over.abort();
    heardAll.abort();
  };
  context.signal.addEventListener("abort", abort, { once: true });
  const screen = new LineOutput(context.out);
  let movedUs = clock.now();
  const hear = async () => {
    for (;;) {
      const bytes = await socket.read({ signal: over.signal });
      if (bytes === null) break;
      movedUs = clock.now();
      screen.push(bytes);
    }
    if (passive) heardAll.abort();
  };
  const say = async () => {
    for await (const line of linesUntil(context.input, heardAll.signal)) {
      await socket.write(`${line}\n`, { signal: over.signal });
      movedUs = clock.now();
    }
    // Settles when the peer has it, which the end of its own stream says, too.
    if (options.shutdown && !over.signal.aborted) socket.end().catch(() => {});
  };
  const watch = async (waitUs: number) => {
    for (let leftUs = waitUs; leftUs > 0; leftUs = movedUs + waitUs - clock.now())
      await clock.sleep(leftUs, over.signal);
    over.abort();
  };
  try {
    const both = Promise.all([hear(), say()]);
    if (options.waitUs === undefined) await both;
    else await Promise.race([both, watch(options.waitUs)]);
    return 0;
  } catch (error) {
    if (over.signal.aborted) return 0;
    if (!(error instanceof StackError)) throw error;
    context.err(`nc: ${errorText(error.code)}`);
    return 1;
  } finally {
    abort();
    context.signal.removeEventListener("abort", abort);
    screen.end();
    socket.close();
  }
}
