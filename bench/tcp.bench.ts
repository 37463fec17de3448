// TCP between two sockets of one host over loopback: bulk data one way, 64 bytes to and fro, connections made and closed,
// one connection and many. What it costs in copies, calls and memory, and what loss costs, is in tcp-cost.bench.ts.
//
// What a byte goes through, for ours: copied into the send ring, copied with its checksum into a packet buffer, handed
// over, its checksum verified, copied into the receive ring, copied out. The kernel copies in and out, and computes no
// checksum on loopback. Before anything is timed every contender of ours and of Node's sends eight megabytes, each byte
// of which is compared; while it is timed the first and the last byte of each piece are.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Contender, cPeer, published, ROOT, type Row, rate, rateRow } from "./harness.js";
import { CoreHost } from "./tcp-core.js";
import { CoreCrowd, Crowds, eachOf, kernelHas, nodeCrowd, ourCrowd } from "./tcp-crowd.js";
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
  return rate("ringstack, core", 160_000, 1e6, () => host.pingPong([ends], 160_000));
}

const pingPong = (name: string, face: PingPong, n: number) => rate(name, n, 1e6, () => face.pingPong(n));
const connectClose = (name: string, face: ConnectClose, n: number) => rate(name, n, 1e3, () => face.connectClose(n));

function coreConnectClose(module: WebAssembly.Module): Contender {
  const host = new CoreHost(module, {}, LOOPBACK);
  host.timeWait(1);
  return rate("ringstack, core", 30_000, 1e3, () => host.connectClose(30_000));
}

/** One connection, a hundred, ten thousand: what telling them apart costs, and memory that no cache holds. */
function crowdRows(module: WebAssembly.Module): Row[] {
  const crowds = new Crowds();
  const makers = { core: (n: number) => new CoreCrowd(module, n), API: ourCrowd, node: nodeCrowd } as const;
  const of = (kind: keyof typeof makers, n: number) => crowds.get(kind, n, () => makers[kind](n));
  const stream = (name: string, kind: keyof typeof makers, n: number) => {
    const each = eachOf(n, 64 * MIB);
    return rate(
      name,
      each * n,
      1e9,
      async () => (await of(kind, n)).stream(each),
      () => of(kind, n),
    );
  };
  const messages = (name: string, kind: keyof typeof makers, n: number, count: number) =>
    rate(
      name,
      count,
      1e6,
      async () => (await of(kind, n)).pingPong(count),
      () => of(kind, n),
    );
  return [1, 100, 10_000].flatMap((n) => {
    const title = n === 1 ? "1 connection" : `${n.toLocaleString("en-US")} connections`;
    const kernel = kernelHas(n);
    const inKernel = (mode: string) => (kernel ? inC("kernel from C", mode, "64", `${n}`) : []);
    const ofNode = (contender: Contender) => (kernel ? [contender] : []);
    const rows = [
      rateRow(`TCP ${title}, 4 KiB at a time, core`, "GB/s", stream("ringstack, core", "core", n), inKernel("crowd")),
      rateRow(`TCP ${title}, 4 KiB at a time, API`, "GB/s", stream("tryWrite, ondata", "API", n), [
        ...ofNode(stream("node:net", "node", n)),
        ...inKernel("crowd"),
      ]),
    ];
    // Over one they are rows above.
    if (n === 1) return rows;
    const count = n === 100 ? 64_000 : 32_000;
    return [
      ...rows,
      rateRow(
        `TCP 64 B ping-pong, ${title}, core`,
        "M rt/s",
        messages("ringstack, core", "core", n, count),
        inKernel("pingpong"),
      ),
      rateRow(`TCP 64 B ping-pong, ${title}, API`, "M rt/s", messages("tryWrite, ondata", "API", n, count / 2), [
        ...ofNode(messages("node:net", "node", n, 10_000)),
        ...inKernel("pingpong"),
      ]),
    ];
  });
}

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
    rateRow(
      "TCP bulk, lo MTU 1,500, core",
      "GB/s",
      await coreBulk(module, ETHERNET, 384),
      [published("smoltcp", 4.3), published("lwIP", 3.8)],
      4.3,
    ),
    rateRow("TCP bulk, lo MTU 1,500, API", "GB/s", await bulk("tryWrite, ondata", await narrow.bulk(), 384), []),
    rateRow("TCP bulk, lo MTU 65,536, core", "GB/s", await coreBulk(module, LOOPBACK, 768), kernel),
    rateRow(
      "TCP bulk, lo MTU 65,536, API",
      "GB/s",
      await bulk("tryWrite, ondata", await wide.bulk(), 768),
      [...net, ...kernel],
      7,
    ),
    rateRow(
      "TCP 64 B ping-pong, core",
      "M rt/s",
      corePingPong(module),
      [...kernelPingPong, published("lwIP", 2.4), published("smoltcp", 1.35)],
      2.5,
    ),
    rateRow(
      "TCP 64 B ping-pong, API callbacks",
      "M rt/s",
      pingPong("tryWrite, ondata", await wide.byCallbacks(), 100_000),
      [netPingPong, ...kernelPingPong],
      1,
    ),
    rateRow("TCP 64 B ping-pong, API promises", "M rt/s", pingPong("write, read", await wide.byPromises(), 40_000), [
      netPingPong,
      ...kernelPingPong,
    ]),
    rateRow(
      "TCP connect and close, core",
      "k/s",
      coreConnectClose(module),
      [...kernelConnect, published("lwIP", 900), published("smoltcp", 800)],
      1000,
    ),
    rateRow(
      "TCP connect and close, API",
      "k/s",
      connectClose("connect, close", wide, 10_000),
      [netConnect, ...kernelConnect],
      180,
    ),
    ...crowdRows(module),
  ];
}
