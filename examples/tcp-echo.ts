/**
 * A TCP echo server, and a client that sends it a message and reads it back: 1,024 bytes at a time, until the end of the
 * stream. Both may be on one stack, or each on its own.
 */
import { Stack, type TcpServer } from "../src/index.js";

const PORT = 65432;
const CHUNK = 1024;

/** Echoes what every client sends, until the server is closed. */
export async function echoServer(stack: Stack, address = "127.0.0.1", port = PORT): Promise<TcpServer> {
  return stack.tcp.listen({
    address,
    port,
    async onconnection(socket) {
      try {
        for (let data = await socket.read({ max: CHUNK }); data !== null; data = await socket.read({ max: CHUNK })) {
          await socket.write(data);
        }
        await socket.end();
      } catch {
        socket.abort(); // the peer is gone
      }
    },
  });
}

/** Sends the message, ends this direction, and reads what comes back. */
export async function echo(stack: Stack, message: Uint8Array, address = "127.0.0.1", port = PORT): Promise<Uint8Array> {
  const socket = await stack.tcp.connect({ address, port });
  const sent = socket.end(message);
  const back = new Uint8Array(message.length);
  let length = 0;
  for await (const chunk of socket) {
    back.set(chunk, length); // more than was sent throws a RangeError
    length += chunk.length;
  }
  await sent;
  return back.subarray(0, length);
}

/** One message there and back on a stack of its own. */
export async function main(): Promise<string> {
  const stack = await Stack.create();
  const server = await echoServer(stack);
  const back = await echo(stack, new TextEncoder().encode("Hello, world"));
  server.close();
  stack.close();
  return `Received ${new TextDecoder().decode(back)}`;
}
