/**
 * `http-server [-q] [-p port] folder`: serves a folder's files over HTTP/1.1 until ^C.
 */
import { StackError } from "../../errors.js";
import { TcpServer } from "../../sockets/tcp-server.js";
import type { TcpSocket } from "../../sockets/tcp-socket.js";
import { type Command, CommandFailure, type CommandFiles, orFail } from "../context.js";
import { getopt, OptionError, type Options } from "../getopt.js";
import { serveHttp } from "../http-server.js";
import { integerOf } from "../numbers.js";
import { errorText } from "../strerror.js";

const USAGE = "usage: http-server [-q] [-p port] folder";
const PORT = 80;

export const httpServerCommand: Command = async (args, { stack, out, files, signal }) => {
  const { has, get, operands } = optionsOf(args);
  const [folder, ...more] = operands;
  if (folder === undefined || more.length > 0) throw new CommandFailure(USAGE);
  const port = integerOf("http-server", get("p") ?? String(PORT), 1, 65535);
  if (files === undefined) throw new CommandFailure("http-server: there are no files here");
  const site = {
    clock: stack.clock,
    read: (path: string) => fileAt(files, `${folder.replace(/\/+$/, "")}/${path}`),
    ...(!has("q") && { log: out }),
  };
  const server = orFail(
    () => TcpServer.listen(stack, { port }),
    (code) => `http-server: ${errorText(code)}`,
  );
  // A signal for each: hundreds that listen to one are taken for a leak.
  const open = new Map<TcpSocket, AbortController>();
  out(`Serving ${folder} on port ${port}`);
  try {
    for (;;) {
      const socket = await server.accept({ signal });
      const end = new AbortController();
      open.set(socket, end);
      // What ends a connection before its time is its peer's affair; what ends the stack's, accept() tells.
      const ended = () => open.delete(socket);
      serveHttp(socket, site, end.signal).then(ended, ended);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return 0;
  } finally {
    server.close();
    for (const [socket, end] of open) {
      end.abort();
      socket.close();
    }
  }
};

/** What cannot be read, such as a folder, is not there. */
function fileAt(files: CommandFiles, path: string): Uint8Array | undefined {
  try {
    return files.read(path);
  } catch (error) {
    if (error instanceof CommandFailure || error instanceof StackError) return undefined;
    throw error;
  }
}

function optionsOf(args: readonly string[]): Options {
  try {
    return getopt(args, "qp:");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`http-server: ${error.message}\n${USAGE}`);
  }
}
