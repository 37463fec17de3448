// TCP within one process through an interface for programs: ours, by callbacks and by promises, and node:net over the
// kernel's loopback. Each face does the same three works: bulk one way, ping-pong, connections made and closed.
import { connect, createServer, type Server, type Socket } from "node:net";
import { Stack, type StackOptions, type TcpServer, type TcpSocket } from "../src/index.js";
import { piece, Sink } from "./tcp-stream.js";

const LOCALHOST = "127.0.0.1";
/** Bytes handed over in one write. */
const WRITE = 65_536;
export const MESSAGE = new Uint8Array(64).map((_, i) => i + 1);
const MESSAGE_SUM = MESSAGE.reduce((sum, byte) => sum + byte, 0);

/** Counts the messages that come back, and adds up their bytes; a ring that wraps gives one in two pieces. */
export class Replies {
  #left: number;
  #bytes = 0;
  #sum = 0;

  constructor(readonly n: number) {
    this.#left = n;
  }

  /** True if a message is complete. */
  take(bytes: Uint8Array): boolean {
    for (let i = 0; i < bytes.length; i++) this.#sum += bytes[i] as number;
    this.#bytes += bytes.length;
    if (this.#bytes < MESSAGE.length) return false;
    this.#bytes -= MESSAGE.length;
    this.#left--;
    return true;
  }

  /** True if all have come, as they were sent. */
  get complete(): boolean {
    if (this.#left > 0) return false;
    if (this.#bytes !== 0 || this.#sum !== this.n * MESSAGE_SUM) throw new Error("bench: messages were altered");
    return true;
  }
}

export interface Bulk {
  /** Sends so many bytes one way; resolved when the last has come. */
  bulk(bytes: number, verify: boolean): Promise<void>;
}

export interface PingPong {
  /** n messages of 64 bytes to and fro, one at a time. */
  pingPong(n: number): Promise<void>;
}

export interface ConnectClose {
  /** n connections, one after the other: made, accepted, closed at both ends. */
  connectClose(n: number): Promise<void>;
}

/** What a face of callbacks has of a connection in this process. */
interface Pair {
  /** Writes what it takes of the bytes: how many; with fewer than all, `drained` is called when it goes on. */
  write(bytes: Uint8Array): number;
  drained(callback: () => void): void;
  /** The receiver hands what comes to the sink, then calls back. */
  received(sink: Sink, callback: () => void): void;
}

function bulk(pair: Pair, bytes: number, verify: boolean): Promise<void> {
  return new Promise((resolve) => {
    const sink = new Sink(verify);
    let sent = 0;
    const pump = () => {
      while (sent < bytes) {
        const next = piece(sent, Math.min(WRITE, bytes - sent));
        const taken = pair.write(next);
        sent += taken;
        if (taken < next.length) return;
      }
    };
    pair.drained(pump);
    pair.received(sink, () => {
      if (sink.received === bytes) resolve();
    });
    pump();
  });
}

// Ours

export class OurFace implements ConnectClose {
  readonly #server: TcpServer;

  private constructor(
    readonly stack: Stack,
    server: TcpServer,
  ) {
    this.#server = server;
  }

  /** A stack of its own whose loopback has this MTU. */
  static async create(mtu: number, options: StackOptions = {}): Promise<OurFace> {
    const stack = await Stack.create(options);
    stack.interface("lo").mtu = mtu;
    stack.switches.set("TCP_TIME_WAIT_MS", 1);
    return new OurFace(stack, await stack.tcp.listen({ address: LOCALHOST }));
  }

  async pair(): Promise<readonly [TcpSocket, TcpSocket]> {
    const accepted = this.#server.accept();
    const socket = await this.stack.tcp.connect(this.#server.address);
    const pair = [socket, await accepted] as const;
    for (const end of pair) end.setNoDelay();
    return pair;
  }

  /** By callbacks: tryWrite(), ondrain, ondata, whose bytes are copied. */
  async bulk(): Promise<Bulk> {
    const [from, to] = await this.pair();
    const pair: Pair = {
      write: (bytes) => from.tryWrite(bytes),
      drained: (callback) => {
        from.ondrain = callback;
      },
      received: (sink, callback) => {
        to.ondata = (data) => {
          sink.take(data);
          callback();
        };
      },
    };
    return { bulk: (bytes, verify) => bulk(pair, bytes, verify) };
  }

  /** By callbacks: tryWrite() from within ondata. */
  async byCallbacks(): Promise<PingPong> {
    const [a, b] = await this.pair();
    const send = (socket: TcpSocket, bytes: Uint8Array) => {
      if (socket.tryWrite(bytes) !== bytes.length) throw new Error("bench: no room");
    };
    b.ondata = (bytes) => send(b, bytes);
    const pingPong = (n: number) =>
      new Promise<void>((resolve) => {
        const replies = new Replies(n);
        a.ondata = (bytes) => {
          if (!replies.take(bytes)) return;
          if (replies.complete) resolve();
          else send(a, MESSAGE);
        };
        send(a, MESSAGE);
      });
    return { pingPong };
  }

  /** By promises at both ends: write() and read(). */
  async byPromises(): Promise<PingPong> {
    const [a, b] = await this.pair();
    const echo = async (total: number) => {
      for (let left = total; left > 0; ) {
        const bytes = (await b.read()) as Uint8Array;
        await b.write(bytes);
        left -= bytes.length;
      }
    };
    const pingPong = async (n: number) => {
      const echoed = echo(n * MESSAGE.length);
      const replies = new Replies(n);
      do {
        await a.write(MESSAGE);
        while (!replies.take((await a.read()) as Uint8Array)) {}
      } while (!replies.complete);
      await echoed;
    };
    return { pingPong };
  }

  /** close() of the one who connected, onend and close() of the other. */
  async connectClose(n: number): Promise<void> {
    let ended = () => {};
    this.#server.onconnection = (socket) => {
      socket.onend = () => {
        socket.close();
        ended();
      };
    };
    for (let i = 0; i < n; i++) {
      const over = new Promise<void>((resolve) => {
        ended = resolve;
      });
      const socket = await this.stack.tcp.connect(this.#server.address);
      socket.close();
      await over;
    }
    this.#server.onconnection = undefined;
  }
}

// node:net

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer({ noDelay: true, highWaterMark: 1 << 20 });
  await new Promise<void>((resolve) => server.listen(0, LOCALHOST, resolve));
  server.unref();
  return { server, port: (server.address() as { port: number }).port };
}

/** The accepted end and the one that has connected; `onread` is of the latter. */
export async function nodePair(onread?: {
  buffer: Uint8Array;
  callback(bytes: number): boolean;
}): Promise<[Socket, Socket]> {
  const { server, port } = await listening();
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const client = connect({ port, host: LOCALHOST, noDelay: true, ...(onread ? { onread: onread as never } : {}) });
  await new Promise<void>((resolve) => client.once("connect", resolve));
  const other = await accepted;
  server.close();
  for (const socket of [client, other]) socket.unref();
  return [other, client];
}

/** By write(), drain and the event data; with `onread`, into a buffer of ours instead of a new one each time. */
export async function nodeBulk(onread: boolean): Promise<Bulk> {
  let sink = new Sink(false);
  let callback = () => {};
  const buffer = new Uint8Array(WRITE);
  const take = (data: Uint8Array, length: number) => {
    sink.check(data, length);
    callback();
    return true;
  };
  const [from, to] = await nodePair(onread ? { buffer, callback: (bytes) => take(buffer, bytes) } : undefined);
  if (!onread) to.on("data", (data) => take(data, data.length));
  const pair: Pair = {
    write: (bytes) => {
      if (from.writableNeedDrain) return 0;
      from.write(bytes);
      return bytes.length;
    },
    drained: (drain) => {
      from.removeAllListeners("drain");
      from.on("drain", drain);
    },
    received: (next, then) => {
      sink = next;
      callback = then;
    },
  };
  return { bulk: (bytes, verify) => bulk(pair, bytes, verify) };
}

export async function nodePingPong(): Promise<PingPong> {
  const [b, a] = await nodePair();
  b.on("data", (bytes) => b.write(bytes));
  const pingPong = (n: number) =>
    new Promise<void>((resolve) => {
      const replies = new Replies(n);
      a.removeAllListeners("data");
      a.on("data", (bytes) => {
        if (!replies.take(bytes)) return;
        if (replies.complete) resolve();
        else a.write(MESSAGE);
      });
      a.write(MESSAGE);
    });
  return { pingPong };
}

/** end() of the one who connected, which the other answers by its own: until the event close. */
export async function nodeConnectClose(): Promise<ConnectClose> {
  const connectClose = async (n: number) => {
    // A port of its own each time: the last one's connections are in TIME-WAIT.
    const { server, port } = await listening();
    server.on("connection", (socket) => socket.resume());
    for (let i = 0; i < n; i++) {
      await new Promise<void>((resolve) => {
        const socket = connect({ port, host: LOCALHOST }, () => socket.end());
        socket.resume();
        socket.once("close", () => resolve());
      });
    }
    server.close();
  };
  return { connectClose };
}
