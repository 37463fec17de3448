// TCP between two sockets of one host over loopback: bulk data one way, 64 bytes to and fro, connections made and closed,
// one connection and many, and what a connection costs in memory and in calls.
//
// What a byte goes through, for ours: copied into the send ring, copied with its checksum into a packet buffer, handed
// over, its checksum verified, copied into the receive ring, copied out. The kernel copies in and out, and computes no
// checksum on loopback. Before anything is timed every contender of ours and of Node's sends eight megabytes, each byte
// of which is compared; while it is timed the first and the last byte of each piece are.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BootOptions, Core, type Exports } from "../src/wasm/core.js";
import { type Contender, cPeer, published, ROOT, type Row } from "./harness.js";
import { CoreHost } from "./tcp-core.js";
import {
  type Bulk,
  type ConnectClose,
  nodeBulk,
  nodeConnectClose,
  nodePingPong,
  OurFace,
  type PingPong,
} from "./tcp-faces.js";

const MIB = 1 << 20;
const VERIFIED = 8 * MIB;
const ETHERNET = 1500;
const LOOPBACK = 65_536;

const inC = (name: string, ...args: string[]) => cPeer(name, "bench/c/tcp.c", args, ["-pthread"]);

/** `work` in the unit of `per` a second: bytes and 1e9 for GB/s. */
function rate(name: string, amount: number, per: number, work: () => void | Promise<void>): Contender {
  const measure = async () => {
    // Idle sockets keep no process alive.
    const alive = setInterval(() => {}, 1000);
    try {
      const start = performance.now();
      await work();
      return (amount / (performance.now() - start)) * (1000 / per);
    } finally {
      clearInterval(alive);
    }
  };
  return { name, measure };
}

async function bulk(name: string, face: Bulk, mib: number): Promise<Contender> {
  const alive = setInterval(() => {}, 1000);
  await face.bulk(VERIFIED, true);
  clearInterval(alive);
  return rate(name, mib * MIB, 1e9, () => face.bulk(mib * MIB, false));
}

function coreBulk(module: WebAssembly.Module, mtu: number, mib: number): Promise<Contender> {
  const host = new CoreHost(module, {}, mtu);
  const ends = host.connect();
  host.requireChecksums(ends);
  return bulk("ringstack, core", { bulk: async (bytes, verify) => host.bulk(ends, bytes, verify) }, mib);
}

function corePingPong(module: WebAssembly.Module): Contender {
  const host = new CoreHost(module, {}, LOOPBACK);
  const ends = host.connect();
  host.align(ends);
  return rate("ringstack, core", 160_000, 1e6, () => host.pingPong(ends, 160_000));
}

const pingPong = (name: string, face: PingPong, n: number) => rate(name, n, 1e6, () => face.pingPong(n));
const connectClose = (name: string, face: ConnectClose, n: number) => rate(name, n, 1e3, () => face.connectClose(n));

function coreConnectClose(module: WebAssembly.Module): Contender {
  const host = new CoreHost(module, {}, LOOPBACK);
  host.timeWait(1);
  return rate("ringstack, core", 30_000, 1e3, () => host.connectClose(30_000));
}

/** Bytes that each of `connections` sends in turn, as many of them before a poll as fill loopback's ring by half. */
function crowd(module: WebAssembly.Module, connections: number): Contender {
  const chunk = 4096;
  const host = new CoreHost(
    module,
    { sockets: 4096, tcpBlocks: 2100, rings2K: 0, rings16K: 2100 * 2, rings64K: 0, rings1M: 0 },
    ETHERNET,
  );
  const ends = Array.from({ length: connections }, () => host.connect());
  const each = chunk * Math.ceil((64 * MIB) / chunk / connections);
  return rate("ringstack, core", each * connections, 1e9, () => host.crowd(ends, each, chunk, 32));
}

/** What one more of what an option counts adds to the stack's memory, bytes. */
function bytesOf(module: WebAssembly.Module, more: (n: number) => BootOptions): Contender {
  const size = (n: number) => Core.boot(module, { seed: [1, 2, 3, 4], ...more(n) }).bytes;
  // Tables of a power of two are the same for both.
  return { name: "ringstack", measure: () => (size(4000) - size(3000)) / 1000 };
}

/** Calls of exports for each MiB of bulk data. */
function callsPerMib(module: WebAssembly.Module, mtu: number): Contender {
  let calls = 0;
  const counted = (exports: Exports): Exports => {
    const entries = Object.entries(exports).map(([name, call]) =>
      typeof call === "function"
        ? [
            name,
            (...args: number[]) => {
              calls++;
              return (call as (...args: number[]) => number)(...args);
            },
          ]
        : [name, call],
    );
    return Object.fromEntries(entries) as Exports;
  };
  const host = new CoreHost(module, {}, mtu, counted);
  const ends = host.connect();
  const measure = () => {
    calls = 0;
    host.bulk(ends, 64 * MIB, false);
    return calls / 64;
  };
  return { name: "ringstack, core", measure };
}

const row = (name: string, unit: string, ours: Contender, peers: Contender[], target?: number): Row => ({
  name,
  unit,
  better: "more",
  ours,
  peers,
  ...(target === undefined ? {} : { target: { value: target, scale: "cpu" } }),
});

const cost = (name: string, unit: string, ours: Contender): Row => ({ name, unit, better: "less", ours, peers: [] });

export default async function tcp(): Promise<Row[]> {
  const module = new WebAssembly.Module(readFileSync(join(ROOT, "build/release.wasm")));
  const narrow = await OurFace.create(ETHERNET);
  const wide = await OurFace.create(LOOPBACK);
  const net = [
    await bulk("node:net", await nodeBulk(false), 256),
    await bulk("node:net, onread", await nodeBulk(true), 256),
  ];
  const kernel = [...inC("kernel from C, two threads", "bulk2"), ...inC("kernel from C, one thread", "bulk")];
  const netPingPong = pingPong("node:net", await nodePingPong(), 10_000);
  const kernelPingPong = inC("kernel from C", "pingpong", "64");
  const kernelConnect = inC("kernel from C", "connect");
  const netConnect = connectClose("node:net", await nodeConnectClose(), 1_500);
  return [
    row(
      "TCP bulk, lo MTU 1,500, core",
      "GB/s",
      await coreBulk(module, ETHERNET, 384),
      [published("smoltcp", 4.3), published("lwIP", 3.8)],
      4.3,
    ),
    row("TCP bulk, lo MTU 1,500, API", "GB/s", await bulk("tryWrite, ondata", await narrow.bulk(), 384), []),
    row("TCP bulk, lo MTU 65,536, core", "GB/s", await coreBulk(module, LOOPBACK, 768), kernel),
    row(
      "TCP bulk, lo MTU 65,536, API",
      "GB/s",
      await bulk("tryWrite, ondata", await wide.bulk(), 768),
      [...net, ...kernel],
      7,
    ),
    row(
      "TCP 64 B ping-pong, core",
      "M rt/s",
      corePingPong(module),
      [...kernelPingPong, published("lwIP", 2.4), published("smoltcp", 1.35)],
      2.5,
    ),
    row(
      "TCP 64 B ping-pong, API callbacks",
      "M rt/s",
      pingPong("tryWrite, ondata", await wide.byCallbacks(), 100_000),
      [netPingPong, ...kernelPingPong],
      1,
    ),
    row("TCP 64 B ping-pong, API promises", "M rt/s", pingPong("write, read", await wide.byPromises(), 40_000), [
      netPingPong,
      ...kernelPingPong,
    ]),
    row(
      "TCP connect and close, core",
      "k/s",
      coreConnectClose(module),
      [...kernelConnect, published("lwIP", 900), published("smoltcp", 800)],
      1000,
    ),
    row(
      "TCP connect and close, API",
      "k/s",
      connectClose("connect, close", wide, 10_000),
      [netConnect, ...kernelConnect],
      180,
    ),
    row("TCP 1 connection, 4 KiB at a time, core", "GB/s", crowd(module, 1), []),
    row("TCP 100 connections, 4 KiB at a time, core", "GB/s", crowd(module, 100), []),
    row("TCP 1,000 connections, 4 KiB at a time, core", "GB/s", crowd(module, 1000), []),
    cost(
      "TCP connection, memory without its rings",
      "bytes",
      bytesOf(module, (n) => ({ sockets: n, tcpBlocks: n })),
    ),
    cost(
      "TCP connection in TIME-WAIT, memory",
      "bytes",
      bytesOf(module, (n) => ({ timeWaits: n })),
    ),
    cost("TCP bulk, lo MTU 1,500, calls of exports", "1/MiB", callsPerMib(module, ETHERNET)),
    cost("TCP bulk, lo MTU 65,536, calls of exports", "1/MiB", callsPerMib(module, LOOPBACK)),
  ];
}
