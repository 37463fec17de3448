// UDP of 64 bytes between two connected sockets of one host, over loopback: one way in batches of 32, and to and fro.
//
// What a message is, for all contenders: 64 bytes written by the sender, both headers built, both checksums computed,
// routed, demultiplexed, both checksums verified, queued, and 64 bytes read by the receiver. Ours copies nothing on the
// way: the payload is written into the packet buffer, which loopback hands over, and read there; through the public
// interface trySend() copies it in. The kernel copies it in and out, and computes no checksum on loopback.
import { createSocket, type Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CALL_PTR } from "../assembly/abi/call.js";
import { IPPROTO_UDP } from "../assembly/abi/proto.js";
import { Stack, type UdpSocket } from "../src/index.js";
import { Core } from "../src/wasm/core.js";
import { Rings } from "../src/wasm/rings.js";
import { type Contender, cPeer, published, ROOT, type Row } from "./harness.js";

const BYTES = 64;
const BATCH = 32;
const C = "bench/c/udp.c";
const LOCALHOST = 0x7f000001;
/** Frames that a poll may take and timers that it may fire. */
const BUDGET = 512;

interface CoreLoops {
  /** Do n messages, or round trips; answer the sum of all numbers received. */
  oneWay(n: number): number;
  pingPong(n: number): number;
}

/** Loops of exported calls, with nothing of src/ in between but the hand-over of loopback's driver. */
function coreLoops(module: WebAssembly.Module): CoreLoops {
  const core = Core.boot(module);
  const { sock_open, sock_bind, sock_connect, sock_window, sock_send, sock_recv, stack_poll } = core.exports;
  const rings = new Rings(core, core.exports.netif_record(1));
  const words = new Int32Array(core.u8.buffer);
  const numbers = new Float64Array(core.u8.buffer);
  const pointer = (core.call + CALL_PTR) >> 2;
  const bound = (port: number): number => {
    const handle = sock_open(IPPROTO_UDP);
    core.putPeer(LOCALHOST, port);
    if (sock_bind(handle) !== 0) throw new Error("bench: sock_bind");
    return handle;
  };
  const connect = (handle: number, port: number): void => {
    core.putPeer(LOCALHOST, port);
    if (sock_connect(handle) !== 0) throw new Error("bench: sock_connect");
  };
  const a = bound(7000);
  const b = bound(7001);
  connect(a, 7001);
  connect(b, 7000);

  /** Sends eight numbers: `value` and the seven that follow it. */
  const send = (handle: number, value: number): void => {
    const at = sock_window(handle, BYTES) >> 3;
    numbers[at] = value;
    numbers[at + 1] = value + 1;
    numbers[at + 2] = value + 2;
    numbers[at + 3] = value + 3;
    numbers[at + 4] = value + 4;
    numbers[at + 5] = value + 5;
    numbers[at + 6] = value + 6;
    numbers[at + 7] = value + 7;
    sock_send(handle, BYTES, 0);
  };
  const number = (i: number) => numbers[i] as number;
  /** The sum of the eight numbers of the next message; -1 if there is none. */
  const receive = (handle: number): number => {
    if (sock_recv(handle) < 0) return -1;
    const at = (words[pointer] as number) >> 3;
    const first = number(at) + number(at + 1) + number(at + 2) + number(at + 3);
    return first + number(at + 4) + number(at + 5) + number(at + 6) + number(at + 7);
  };
  const poll = (): void => {
    rings.handOver();
    stack_poll(0, 0, BUDGET);
  };

  return {
    oneWay: (n) => {
      let total = 0;
      for (let i = 0; i < n; i += BATCH) {
        for (let j = 0; j < BATCH; j++) send(a, j);
        poll();
        for (let sum = receive(b); sum >= 0; sum = receive(b)) total += sum;
      }
      return total;
    },
    pingPong: (n) => {
      let total = 0;
      for (let i = 0; i < n; i++) {
        send(a, i & 31);
        poll();
        total += receive(b);
        send(b, i & 31);
        poll();
        total += receive(a);
      }
      return total;
    },
  };
}

/** What n messages of values 0 to 31 in turn add up to. */
function expected(n: number): number {
  return (n / BATCH) * 8 * BATCH * (3.5 + (BATCH - 1) / 2);
}

/** Millions a second of `work`, which does a multiple of 32 of them. */
async function millions(batches: number, work: (n: number) => void | Promise<void>): Promise<number> {
  const n = batches * BATCH;
  const start = performance.now();
  await work(n);
  return n / (performance.now() - start) / 1000;
}

function coreContender(loops: CoreLoops, kind: "oneWay" | "pingPong", batches: number): Contender {
  const messages = kind === "oneWay" ? 1 : 2;
  return {
    name: "ringstack, core",
    measure: () =>
      millions(batches, (n) => {
        const lost = messages * expected(n) - loops[kind](n);
        if (lost !== 0) throw new Error(`bench: ${kind}: messages were lost or altered`);
      }),
  };
}

/** Adds up the bytes of a message. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < BYTES; i++) sum += bytes[i] as number;
  return sum;
}

const MESSAGE = new Uint8Array(BYTES).map((_, i) => i + 1);
const MESSAGE_SUM = sumOf(MESSAGE);

/** Two connected sockets whose messages arrive as callbacks: ours, or node:dgram's. */
interface Pair {
  send(from: 0 | 1, bytes: Uint8Array): void;
  onmessage(at: 0 | 1, callback: (bytes: Uint8Array) => void): void;
}

/** n messages, a batch of 32 whenever the one before has come. */
function oneWay(pair: Pair, n: number): Promise<void> {
  return new Promise((resolve) => {
    let left = n;
    let total = 0;
    const batch = () => {
      for (let i = 0; i < BATCH; i++) pair.send(0, MESSAGE);
    };
    pair.onmessage(1, (bytes) => {
      total += sumOf(bytes);
      if (--left % BATCH !== 0) return;
      if (left > 0) batch();
      else if (total === n * MESSAGE_SUM) resolve();
    });
    batch();
  });
}

/** n round trips, one at a time; the peer sends back what it gets. */
function pingPong(pair: Pair, n: number): Promise<void> {
  return new Promise((resolve) => {
    let left = n;
    let total = 0;
    pair.onmessage(1, (bytes) => pair.send(1, bytes));
    pair.onmessage(0, (bytes) => {
      total += sumOf(bytes);
      if (--left > 0) pair.send(0, MESSAGE);
      else if (total === n * MESSAGE_SUM) resolve();
    });
    pair.send(0, MESSAGE);
  });
}

async function ourPair(): Promise<Pair> {
  const stack = await Stack.create();
  const a = await stack.udp.bind({ address: "127.0.0.1" });
  const b = await stack.udp.connect(a.address, { address: "127.0.0.1" });
  a.connect(b.address);
  const sockets: readonly [UdpSocket, UdpSocket] = [a, b];
  return {
    send: (from, bytes) => {
      if (!sockets[from].trySend(bytes)) throw new Error("bench: no room to send");
    },
    onmessage: (at, callback) => {
      sockets[at].onmessage = callback;
    },
  };
}

async function dgramPair(): Promise<Pair> {
  const sockets = [createSocket("udp4"), createSocket("udp4")] as const;
  const event = (socket: Socket, name: string, start: () => void) =>
    new Promise<void>((resolve) => {
      socket.once(name, () => resolve());
      start();
    });
  for (const socket of sockets) await event(socket, "listening", () => socket.bind(0, "127.0.0.1"));
  const [a, b] = sockets;
  const ports = [a.address().port, b.address().port] as const;
  await event(a, "connect", () => a.connect(ports[1], "127.0.0.1"));
  await event(b, "connect", () => b.connect(ports[0], "127.0.0.1"));
  for (const socket of sockets) socket.unref();
  return {
    send: (from, bytes) => sockets[from].send(bytes),
    onmessage: (at, callback) => {
      sockets[at].removeAllListeners("message");
      sockets[at].on("message", callback);
    },
  };
}

function apiContender(name: string, pair: Pair, work: typeof oneWay, batches: number): Contender {
  const measure = async () => {
    // Idle sockets keep no process alive.
    const alive = setInterval(() => {}, 1000);
    try {
      return await millions(batches, (n) => work(pair, n));
    } finally {
      clearInterval(alive);
    }
  };
  return { name, measure };
}

export default async function udp(): Promise<Row[]> {
  const module = new WebAssembly.Module(readFileSync(join(ROOT, "build/release.wasm")));
  const core = coreLoops(module);
  const ours = await ourPair();
  const dgram = await dgramPair();
  const row = (name: string, unit: string, target: number, contender: Contender, peers: Contender[]): Row => ({
    name,
    unit,
    better: "more",
    ours: contender,
    peers,
    target: { value: target, scale: "cpu" },
  });
  return [
    row("UDP 64 B one way, core", "M msg/s", 10, coreContender(core, "oneWay", 60_000), [
      ...cPeer("kernel from C", C, ["oneway", `${BYTES}`]),
      published("smoltcp", 8.8),
      published("lwIP", 8.2),
    ]),
    row("UDP 64 B ping-pong, core", "M rt/s", 5, coreContender(core, "pingPong", 20_000), [
      ...cPeer("kernel from C", C, ["pingpong", `${BYTES}`]),
      published("lwIP", 4.9),
      published("smoltcp", 3.4),
    ]),
    row("UDP 64 B one way, API", "M msg/s", 2.4, apiContender("trySend, onmessage", ours, oneWay, 12_000), [
      apiContender("node:dgram", dgram, oneWay, 1_000),
      ...cPeer("kernel from C", C, ["oneway", `${BYTES}`]),
    ]),
    row("UDP 64 B ping-pong, API", "M rt/s", 1, apiContender("trySend, onmessage", ours, pingPong, 5_000), [
      apiContender("node:dgram", dgram, pingPong, 400),
      ...cPeer("kernel from C", C, ["pingpong", `${BYTES}`]),
    ]),
  ];
}
