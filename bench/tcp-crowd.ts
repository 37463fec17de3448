// Many connections in one process: bulk data over each in turn, and a message to and fro over each in turn. Those of a
// size are made when the first row that has them is measured, and let go when another size is wanted.
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import type { TcpSocket } from "../src/index.js";
import type { BootOptions } from "../src/wasm/core.js";
import { CoreHost, type Ends } from "./tcp-core.js";
import { MESSAGE, nodePair, OurFace, Replies } from "./tcp-faces.js";
import { piece, Sink } from "./tcp-stream.js";

const ETHERNET = 1500;
/** Bytes over each connection, and as many connections before any is read as fill loopback's ring by half. */
const CHUNK = 4096;
const BATCH = 32;

/** Connections of one contender. */
export interface Crowd {
  /** Bytes over each connection, in chunks of 4 KiB in turn. */
  stream(each: number): void | Promise<void>;
  /** n messages of 64 bytes there and back, each over the next connection. */
  pingPong(n: number): void | Promise<void>;
}

/** What each connection is to be sent, so that all are together `bytes` and some. */
export function eachOf(connections: number, bytes: number): number {
  return CHUNK * Math.ceil(bytes / CHUNK / connections);
}

/** Rings that hold four chunks, for both ends of each. */
function boot(connections: number): BootOptions {
  const blocks = 2 * connections + 16;
  return { sockets: blocks, tcpBlocks: blocks, rings2K: 0, rings16K: 2 * blocks, rings64K: 0, rings1M: 0 };
}

/** By exported calls. */
export class CoreCrowd implements Crowd {
  readonly #host: CoreHost;
  readonly #ends: readonly Ends[];

  constructor(module: WebAssembly.Module, connections: number) {
    const host = new CoreHost(module, boot(connections), ETHERNET);
    this.#host = host;
    this.#ends = Array.from({ length: connections }, () => host.connect());
    host.requireChecksums(this.#ends[0] as Ends);
    for (const ends of this.#ends) host.align(ends);
  }

  stream(each: number): void {
    this.#host.crowd(this.#ends, each, CHUNK, BATCH);
  }

  pingPong(n: number): void {
    this.#host.pingPong(this.#ends, n);
  }
}

/** One end of a connection by callbacks. */
interface End {
  send(bytes: Uint8Array): void;
  /** What comes is good during the call. */
  heard(callback: (bytes: Uint8Array) => void): void;
}

class FaceCrowd implements Crowd {
  readonly #pairs: readonly (readonly [End, End])[];

  constructor(pairs: readonly (readonly [End, End])[]) {
    this.#pairs = pairs;
  }

  stream(each: number): Promise<void> {
    return new Promise((resolve) => {
      const sinks = this.#pairs.map(() => new Sink(false));
      let at = 0;
      let first = 0;
      let due = 0;
      const next = () => {
        if (first >= this.#pairs.length) {
          first = 0;
          at += CHUNK;
          if (at >= each) return resolve();
        }
        const batch = this.#pairs.slice(first, first + BATCH);
        first += BATCH;
        due = batch.length * CHUNK;
        const bytes = piece(at, CHUNK);
        for (const [from] of batch) from.send(bytes);
      };
      for (const [i, [, to]] of this.#pairs.entries()) {
        to.heard((bytes) => {
          (sinks[i] as Sink).take(bytes);
          due -= bytes.length;
          if (due === 0) next();
        });
      }
      next();
    });
  }

  pingPong(n: number): Promise<void> {
    return new Promise((resolve) => {
      const replies = new Replies(n);
      let turn = 0;
      const next = () => {
        const [from] = this.#pairs[turn] as readonly [End, End];
        if (++turn === this.#pairs.length) turn = 0;
        from.send(MESSAGE);
      };
      for (const [from, to] of this.#pairs) {
        to.heard((bytes) => to.send(bytes));
        from.heard((bytes) => {
          if (!replies.take(bytes)) return;
          if (replies.complete) resolve();
          else next();
        });
      }
      next();
    });
  }
}

function ofOurs(socket: TcpSocket): End {
  return {
    send(bytes) {
      if (socket.tryWrite(bytes) !== bytes.length) throw new Error("bench: no room");
    },
    heard(callback) {
      socket.ondata = callback;
    },
  };
}

function ofNode(socket: Socket): End {
  return {
    send(bytes) {
      socket.write(bytes);
    },
    heard(callback) {
      socket.removeAllListeners("data");
      socket.on("data", callback);
    },
  };
}

/** By the public interface: tryWrite() and ondata. */
export async function ourCrowd(connections: number): Promise<Crowd> {
  const face = await OurFace.create(ETHERNET, boot(connections));
  const pairs: [End, End][] = [];
  for (let i = 0; i < connections; i++) {
    const [from, to] = await face.pair();
    pairs.push([ofOurs(from), ofOurs(to)]);
  }
  return new FaceCrowd(pairs);
}

/** By node:net over the kernel's loopback. */
export async function nodeCrowd(connections: number): Promise<Crowd> {
  const pairs: [End, End][] = [];
  for (let i = 0; i < connections; i++) {
    const [from, to] = await nodePair();
    pairs.push([ofNode(from), ofNode(to)]);
  }
  return new FaceCrowd(pairs);
}

/** Whether a process may have both ends of so many connections of the kernel's, and some files besides. */
export function kernelHas(connections: number): boolean {
  try {
    const [, hard = "0"] = /^Max open files +\S+ +(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return hard === "unlimited" || Number(hard) >= 2 * connections + 100;
  } catch {
    // No Linux: as many as most systems allow.
    return connections <= 100;
  }
}

/** The same crowd for all who ask for it by the same words, as long as nobody asks for one of another size. */
export class Crowds {
  readonly #made = new Map<string, Promise<Crowd>>();
  #size = 0;

  get(name: string, connections: number, make: () => Crowd | Promise<Crowd>): Promise<Crowd> {
    if (connections !== this.#size) this.#made.clear();
    this.#size = connections;
    const crowd = this.#made.get(name) ?? Promise.resolve(make());
    this.#made.set(name, crowd);
    return crowd;
  }
}
