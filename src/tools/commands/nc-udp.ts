/**
 * `nc -u`: each line of the input is a datagram, and what comes back is printed. It lasts until ^C; with -w until nothing
 * has come for so long after the input's end.
 */
import { StackError } from "../../errors.js";
import type { Endpoint } from "../../sockets/socket.js";
import { UdpSocket } from "../../sockets/udp.js";
import { type CommandContext, orFail } from "../context.js";
import { linesUntil } from "../lines.js";
import { errorText } from "../strerror.js";
import type { NcOptions } from "./nc-tcp.js";

const decoder = new TextDecoder();

export async function connectUdp(
  peer: Endpoint,
  local: Endpoint,
  options: NcOptions,
  context: CommandContext,
): Promise<number> {
  const socket = opened(local, context);
  try {
    orFail(() => socket.connect(peer), failure);
    return await talk(socket, options.waitUs, context);
  } finally {
    socket.close();
  }
}

/** Speaks with the first that sends something. */
export async function listenUdp(local: Endpoint, options: NcOptions, context: CommandContext): Promise<number> {
  const socket = opened(local, context);
  try {
    if (options.verbose) context.err(`Bound on ${local.address} ${local.port}`);
    return await talk(socket, options.waitUs, context);
  } finally {
    socket.close();
  }
}

function failure(code: string): string {
  return `nc: ${errorText(code)}`;
}

function opened({ address, port }: Endpoint, { stack }: CommandContext): UdpSocket {
  return orFail(() => UdpSocket.create(stack, { address, port }), failure);
}

/** Until ^C or, with a wait, until nothing has come for so long; 1 when the peer's host refuses. */
async function talk(socket: UdpSocket, waitUs: number | undefined, context: CommandContext): Promise<number> {
  const { clock } = context.stack;
  const over = new AbortController();
  const end = () => over.abort();
  context.signal.addEventListener("abort", end, { once: true });
  let status = 0;
  let heardUs = clock.now();
  socket.onmessage = (data, info) => {
    heardUs = clock.now();
    if (socket.remoteAddress === undefined) socket.connect(info);
    context.out(decoder.decode(data).replace(/\n$/, ""));
  };
  socket.onerror = () => {
    status = 1;
    end();
  };
  try {
    for await (const line of linesUntil(context.input, over.signal)) {
      await socket.send(`${line}\n`, undefined, { signal: over.signal });
      heardUs = clock.now();
    }
    if (context.signal.aborted) return status;
    // With onmessage set no datagram comes this way: only the end.
    if (waitUs === undefined) await socket.receive({ signal: over.signal });
    while (waitUs !== undefined && !over.signal.aborted) {
      const leftUs = heardUs + waitUs - clock.now();
      if (!(leftUs > 0)) break;
      await clock.sleep(leftUs, over.signal);
    }
  } catch (error) {
    if (error instanceof StackError && error.code !== "EBADF") return 1;
    if (!over.signal.aborted) throw error;
  } finally {
    context.signal.removeEventListener("abort", end);
  }
  return status;
}
