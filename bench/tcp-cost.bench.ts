// What TCP costs beside time: bytes copied, calls of exports, memory of each thing that a connection consists of. And in
// time, what loss, reordering and the ways to send cost against the plain ones: the peer of such a row is ours, too.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  CTR_TCP_PACED,
  CTR_TCP_REORDERINGS,
  CTR_TCP_RETRANS_SEGS,
  CTR_TCP_SACK_RECOVERIES,
} from "../assembly/abi/counter.js";
import { SW_TCP_CONGESTION, SW_TCP_ECN, SW_TCP_PACING } from "../assembly/abi/switch.js";
import { TCB_F_ECN, TCP_CONGESTION_RENO } from "../assembly/abi/tcp.js";
import { type BootOptions, Core, type Exports } from "../src/wasm/core.js";
import { type Contender, ROOT, type Row, rate, rateRow } from "./harness.js";
import { copiedBy, countingModule } from "./tcp-copies.js";
import { type Conditions, CoreHost, type Ends } from "./tcp-core.js";

const MIB = 1 << 20;
const ETHERNET = 1500;
const LOOPBACK = 65_536;
const SEED = [1, 2, 3, 4];

const cost = (name: string, unit: string, measure: () => number): Row => ({
  name,
  unit,
  better: "less",
  ours: { name: "ringstack", measure },
  peers: [],
});

/** What one more of what an option counts adds to the stack's memory, bytes. */
function bytesOf(module: WebAssembly.Module, more: (n: number) => BootOptions, [few, many] = [3000, 4000]): number {
  const size = (n: number) => Core.boot(module, { seed: SEED, ...more(n) }).bytes;
  // Tables of a power of two are the same for both.
  return (size(many) - size(few)) / (many - few);
}

/** Calls of exports for each MiB of bulk data. */
function callsPerMib(module: WebAssembly.Module, mtu: number): () => number {
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
  const host = new CoreHost(module, {}, mtu, { wrap: counted });
  const ends = host.connect();
  return () => {
    calls = 0;
    host.bulk(ends, 64 * MIB, false);
    return calls / 64;
  };
}

/** Bytes copied for each byte delivered: by the module, and by the program into the send ring and out of the other. */
function copiesPerByte(module: WebAssembly.Module, mtu: number): { own: () => number; program: () => number } {
  const host = new CoreHost(module, {}, mtu);
  const ends = host.connect();
  const bytes = 8 * MIB;
  const per = (count: () => number) => () => {
    const before = count();
    host.bulk(ends, bytes, false);
    return (count() - before) / bytes;
  };
  return { own: per(() => copiedBy(host.core.exports)), program: per(() => host.copied) };
}

/** Bulk data over a path whose turns are 5 ms apart, under conditions of its own that `show` in the stack. */
function bulkUnder(
  module: WebAssembly.Module,
  name: string,
  mib: number,
  conditions: Conditions,
  show: (host: CoreHost, ends: Ends) => boolean,
): Contender {
  const host = new CoreHost(module, {}, ETHERNET, { stepUs: 5000, ...conditions });
  const ends = host.connect();
  host.bulk(ends, 8 * MIB, true);
  if (!show(host, ends)) throw new Error(`bench: ${name}: nothing shows of it`);
  return rate(name, mib * MIB, 1e9, () => host.bulk(ends, mib * MIB, false));
}

const RENO: Conditions = { switches: [[SW_TCP_CONGESTION, TCP_CONGESTION_RENO]] };
const LOST: Conditions = { disturb: { lost: 1 } };

function variants(module: WebAssembly.Module): Row[] {
  const counted = (id: number) => (host: CoreHost) => host.counter(id) > 0;
  const row = (name: string, ours: Contender, peer: Contender) =>
    rateRow(`TCP bulk, lo MTU 1,500, ${name}, core`, "GB/s", ours, [peer]);
  const clean = (name: string, conditions: Conditions, show: (host: CoreHost, ends: Ends) => boolean) =>
    bulkUnder(module, name, 192, conditions, show);
  const ill = (name: string, conditions: Conditions, id: number) =>
    bulkUnder(module, name, 48, conditions, counted(id));
  const plain = clean("as booted", {}, (host) => host.counter(CTR_TCP_RETRANS_SEGS) === 0);
  const lossy = ill("1 % lost, CUBIC", LOST, CTR_TCP_SACK_RECOVERIES);
  const reno = (host: CoreHost, ends: Ends) => host.congestion(ends) === TCP_CONGESTION_RENO;
  const ecn = (host: CoreHost, ends: Ends) => host.hasFlag(ends, TCB_F_ECN);
  return [
    row("Reno", clean("Reno", RENO, reno), plain),
    row("paced", clean("paced", { switches: [[SW_TCP_PACING, 1]] }, counted(CTR_TCP_PACED)), plain),
    row("ECN", clean("ECN", { switches: [[SW_TCP_ECN, 1]] }, ecn), plain),
    row("1 % lost", lossy, plain),
    row("1 % lost, Reno", ill("1 % lost, Reno", { ...RENO, ...LOST }, CTR_TCP_SACK_RECOVERIES), lossy),
    row("5 % reordered", ill("5 % reordered", { disturb: { late: 5 } }, CTR_TCP_REORDERINGS), plain),
  ];
}

export default async function tcpCost(): Promise<Row[]> {
  const module = new WebAssembly.Module(readFileSync(join(ROOT, "build/release.wasm")));
  const counting = countingModule();
  const copies = [ETHERNET, LOOPBACK].flatMap((mtu) => {
    const { own, program } = copiesPerByte(counting, mtu);
    const at = mtu.toLocaleString("en-US");
    return [
      cost(`TCP bulk, lo MTU ${at}, copied by the module`, "B/byte", own),
      cost(`TCP bulk, lo MTU ${at}, copied by the program`, "B/byte", program),
    ];
  });
  const connection = bytesOf(module, (n) => ({ sockets: n, tcpBlocks: n }));
  const listening = new CoreHost(module, { sockets: 16 }, ETHERNET);
  const rings = [
    ["2 KiB", (n: number) => ({ rings2K: n })],
    ["16 KiB", (n: number) => ({ rings16K: n })],
    ["64 KiB", (n: number) => ({ rings64K: n })],
    ["1 MiB", (n: number) => ({ rings1M: n })],
  ] as const;
  return [
    ...copies,
    cost("TCP bulk, lo MTU 1,500, calls of exports", "1/MiB", callsPerMib(module, ETHERNET)),
    cost("TCP bulk, lo MTU 65,536, calls of exports", "1/MiB", callsPerMib(module, LOOPBACK)),
    cost("TCP connection, memory without its rings", "bytes", () => connection),
    cost("of it, the socket", "bytes", () => bytesOf(module, (n) => ({ sockets: n }))),
    cost("of it, a range and its two runs", "bytes", () => {
      const blocks = 1000;
      return bytesOf(module, (n) => ({ tcpBlocks: blocks, tcpRanges: n }), [8, 16]) / blocks;
    }),
    ...rings.map(([name, more]) => cost(`TCP ring of ${name}, memory`, "bytes", () => bytesOf(module, more, [16, 48]))),
    cost("TCP connection half open, memory", "bytes", () => connection + listening.halfOpenRings()),
    cost("TCP connection in TIME-WAIT, memory", "bytes", () => bytesOf(module, (n) => ({ timeWaits: n }))),
    ...variants(module),
  ];
}
