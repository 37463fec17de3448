/** Files by their sizes at http://10.9.1.2/, for the programs that fetch. */
import type { Stack, TcpListenOptions } from "../../src/index.js";
import { serveHttp } from "../../src/tools/http-server.js";
import { bytesOf, heardOf } from "./tcp-peer.js";

/** The SHA-256 of a file. */
export const shaOf = (size: number) => heardOf(size, "file").sha256;

/** What was asked of them. */
export async function site(stack: Stack, options: Partial<TcpListenOptions> = {}): Promise<string[]> {
  const log: string[] = [];
  const read = (path: string) => (/^\d+$/.test(path) ? bytesOf(Number(path), "file") : undefined);
  const at = { read, log: (line: string) => void log.push(line), clock: stack.clock };
  await stack.tcp.listen({
    port: 80,
    ...options,
    onconnection: (socket) => void serveHttp(socket, at, new AbortController().signal).catch(() => {}),
  });
  return log;
}
