/**
 * `udp-echo PORT` answers each datagram with itself, `tcp-echo PORT` each connection with what it sends (RFC 862). Both
 * last until ^C.
 */
import { StackError } from "../../errors.js";
import { TcpServer } from "../../sockets/tcp-server.js";
import type { TcpSocket } from "../../sockets/tcp-socket.js";
import { UdpSocket } from "../../sockets/udp.js";
import { type Command, CommandFailure, orFail } from "../context.js";
import { errorText } from "../strerror.js";

/** The port of RFC 862. */
const ECHO_PORT = 7;

function portOf(tool: string, args: readonly string[]): number {
  const [text = String(ECHO_PORT), ...rest] = args;
  if (rest.length > 0 || (text.startsWith("-") && text.length > 1)) throw new CommandFailure(`usage: ${tool} [port]`);
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535) return Number(text);
  throw new CommandFailure(`${tool}: port number invalid: ${text}`);
}

export const udpEchoCommand: Command = async (args, { stack, err, signal }) => {
  const port = portOf("udp-echo", args);
  const tell = (code: string) => `udp-echo: ${errorText(code)}`;
  const socket = orFail(() => UdpSocket.create(stack, { port }), tell);
  socket.onmessage = (data, info) => {
    // One that finds no room is lost, as a datagram may be.
    try {
      socket.trySend(data.slice(), info);
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      err(tell(error.code));
    }
  };
  try {
    // With onmessage set no datagram comes this way: only the end.
    await socket.receive({ signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    socket.close();
  }
  return 0;
};

export const tcpEchoCommand: Command = async (args, { stack, signal }) => {
  const port = portOf("tcp-echo", args);
  const server = orFail(
    () => TcpServer.listen(stack, { port }),
    (code) => `tcp-echo: ${errorText(code)}`,
  );
  const open = new Set<TcpSocket>();
  try {
    for (;;) {
      const socket = await server.accept({ signal });
      open.add(socket);
      // What ends a connection before its time is its peer's affair; what ends the stack's, accept() tells.
      const ended = () => open.delete(socket);
      echo(socket).then(ended, ended);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return 0;
  } finally {
    server.close();
    for (const socket of open) socket.close();
  }
};

/** Sends back what comes, no faster than it goes, until the peer's end; then ends, too. */
async function echo(socket: TcpSocket): Promise<void> {
  try {
    for await (const chunk of socket) await socket.write(chunk);
    await socket.end();
  } finally {
    socket.close();
  }
}
