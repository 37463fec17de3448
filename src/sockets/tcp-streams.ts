/**
 * A connection's directions as streams of the web (WHATWG). They hold nothing themselves: what is not asked for stays in
 * the receive ring, what is written waits for room in the send ring.
 */

/** What the streams need of a connection. */
export interface ByteStreams {
  readonly closed: Promise<void>;
  read(): Promise<Uint8Array | null>;
  write(data: Uint8Array | string): Promise<void>;
  end(): Promise<void>;
  shutdown(how: "read"): void;
  abort(): void;
}

export function readableOf(socket: ByteStreams): ReadableStream<Uint8Array> {
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      const chunk = await socket.read();
      if (chunk === null) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: () => socket.shutdown("read"),
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

export function writableOf(socket: ByteStreams): WritableStream<Uint8Array | string> {
  return new WritableStream({
    start(controller) {
      // Who waits for the stream's end is told of the connection's, though nothing is written.
      socket.closed.catch((error) => controller.error(error));
    },
    write: (chunk) => socket.write(chunk),
    close: () => socket.end(),
    abort: () => socket.abort(),
  });
}
