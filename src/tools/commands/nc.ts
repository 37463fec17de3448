/**
 * `nc -u HOST PORT` sends each line of the input as a datagram and prints what comes back; `nc -u -l -p PORT` waits for
 * a peer and speaks with it. `udp-echo PORT` answers each datagram with itself. All last until ^C; -w ends nc when
 * nothing has come for so many seconds after the input's end.
 */
import { StackError } from "../../errors.js";
import type { Endpoint } from "../../sockets/socket.js";
import { UdpSocket } from "../../sockets/udp.js";
import { type Command, type CommandContext, CommandFailure, lookUp } from "../context.js";
import { getopt, OptionError, type Options } from "../getopt.js";
import { errorText } from "../strerror.js";

const NC_USAGE = "usage: nc -u [-n] [-p port] [-s source] [-w timeout] {host port | -l -p port}";
const ECHO_USAGE = "usage: udp-echo port";
const decoder = new TextDecoder();

export const ncCommand: Command = async (args, context) => {
  const options = optionsOf(args);
  if (!options.has("u")) throw new CommandFailure(`nc: only datagrams (-u) so far\n${NC_USAGE}`);
  const isServer = options.has("l");
  const [host, portText] = options.operands;
  const peer = isServer ? undefined : peerOf(host, portText, context);
  const local = options.get("p") ?? (isServer ? (portText ?? host) : undefined);
  const port = local === undefined && !isServer ? 0 : portOf(local, "nc");
  const source = options.get("s");
  const socket = refused("nc", () =>
    UdpSocket.create(context.stack, { port, ...(source === undefined ? {} : { address: source }) }),
  );
  try {
    if (peer !== undefined) refused("nc", () => socket.connect(peer));
    return await talk(socket, options.get("w"), context);
  } finally {
    socket.close();
  }
};

export const udpEchoCommand: Command = async ([portText, ...rest], context) => {
  if (rest.length > 0) throw new CommandFailure(ECHO_USAGE);
  const port = portOf(portText, "udp-echo");
  const socket = refused("udp-echo", () => UdpSocket.create(context.stack, { port }));
  socket.onmessage = (data, info) => {
    // One that finds no room is lost, as a datagram may be.
    try {
      socket.trySend(data.slice(), info);
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      context.err(`udp-echo: ${errorText(error.code)}`);
    }
  };
  try {
    await ended(context, socket);
  } finally {
    socket.close();
  }
  return 0;
};

function optionsOf(args: readonly string[]): Options {
  try {
    return getopt(args, "ulnp:s:w:");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`nc: ${error.message}\n${NC_USAGE}`);
  }
}

type Tool = "nc" | "udp-echo";

function portOf(text: string | undefined, tool: Tool): number {
  if (text === undefined) throw new CommandFailure(tool === "nc" ? NC_USAGE : ECHO_USAGE);
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65535) {
    throw new CommandFailure(`${tool}: port number invalid: ${text}`);
  }
  return Number(text);
}

function peerOf(host: string | undefined, port: string | undefined, context: CommandContext): Endpoint {
  if (host === undefined) throw new CommandFailure(NC_USAGE);
  const address = lookUp(context, host);
  if (address === undefined) {
    throw new CommandFailure(`nc: getaddrinfo for host "${host}" port ${port ?? ""}: Name or service not known`);
  }
  return { address, port: portOf(port, "nc") };
}

function refused<T>(tool: Tool, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    throw new CommandFailure(`${tool}: ${errorText(error.code)}`);
  }
}

/** Until ^C or, with -w, until nothing has come for so long; 1 when the peer's host refuses. */
async function talk(socket: UdpSocket, wait: string | undefined, context: CommandContext): Promise<number> {
  const over = new AbortController();
  const end = () => over.abort();
  context.signal.addEventListener("abort", end, { once: true });
  let status = 0;
  let heardUs = context.stack.clock.now();
  socket.onmessage = (data, info) => {
    heardUs = context.stack.clock.now();
    if (socket.remoteAddress === undefined) socket.connect(info);
    context.out(decoder.decode(data).replace(/\n$/, ""));
  };
  socket.onerror = () => {
    status = 1;
    end();
  };
  try {
    for await (const line of context.input ?? []) {
      if (over.signal.aborted) break;
      await socket.send(`${line}\n`, undefined, { signal: over.signal });
      heardUs = context.stack.clock.now();
    }
    if (context.signal.aborted) return status;
    if (wait === undefined) await ended(context, socket, over.signal);
    while (wait !== undefined && !over.signal.aborted) {
      const leftUs = heardUs + Math.round(Number(wait) * 1e6) - context.stack.clock.now();
      if (!(leftUs > 0)) break;
      await context.stack.clock.sleep(leftUs, over.signal);
    }
  } catch (error) {
    if (error instanceof StackError && error.code !== "EBADF") return 1;
    if (!over.signal.aborted) throw error;
  } finally {
    context.signal.removeEventListener("abort", end);
  }
  return status;
}

/** Waits for the signal; rejects when the socket or its timeline ends first. */
async function ended(context: CommandContext, socket: UdpSocket, signal = context.signal): Promise<void> {
  try {
    // With onmessage set no datagram comes this way: only the end.
    await socket.receive({ signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
