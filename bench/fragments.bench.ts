// UDP datagrams of 5,000 bytes over an MTU of 1,500, four fragments each (RFC 791 §3.2, RFC 815): made and put into the TX
// ring, and reassembled from the RX ring, in loops of exported calls.
//
// Made: timed are the window asked for and two numbers written into its 5,000 bytes, the UDP checksum over all of them,
// four headers and what each copies, the descriptors; afterwards every byte of one datagram's frames is compared.
// Reassembled: before the clock starts the frames stand in the ring; timed are the cursor, the poll, which takes each
// through Ethernet, IPv4, its place in its datagram and, once whole, the UDP checksum, and the receive, where two numbers,
// of the first fragment and of the last, are looked at. Afterwards every byte of the last datagram is compared.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CALL_PTR } from "../assembly/abi/call.js";
import { E_AGAIN } from "../assembly/abi/errno.js";
import { IPPROTO_UDP } from "../assembly/abi/proto.js";
import { DESC_FLAGS, DESC_LEN, DESC_PTR, RING_STACK } from "../assembly/abi/ring.js";
import { readMemory, readStatistics } from "../src/control/report.js";
import { Core } from "../src/wasm/core.js";
import { Rings } from "../src/wasm/rings.js";
import { type Contender, cPeer, ROOT, type Row } from "./harness.js";
import { done, MAC0, MAC1, Router } from "./router.js";

const BYTES = 5000;
const MTU = 1500;
const UDP_HEADER = 8;
const IP_HEADER = 20;
const ETHER = 14;
/** Payload of each fragment but the last. */
const PART = MTU - IP_HEADER;
const PARTS = Math.ceil((UDP_HEADER + BYTES) / PART);
const BATCH = 16;
/** One batch in so many has a datagram compared to the byte. */
const CHECKED = 64;
/** As many as the kernel's socket takes at a time. */
const LO_BATCH = 8;
const LOCALHOST = 0x7f000001;
const PORT = 7000;
const ROUND_MS = 120;

/** Addresses, hardware addresses first, of one who sends to the other. */
interface Path {
  readonly toMac: readonly number[];
  readonly fromMac: readonly number[];
  readonly from: number;
  readonly to: number;
}

/** The number n at the front and its complement at the end: all datagrams have one UDP checksum. */
function payload(n: number): Uint8Array {
  const bytes = new Uint8Array(BYTES).map((_, i) => i * 7 + (i >> 8));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, n);
  view.setUint16(BYTES - 2, ~n & 0xffff);
  return bytes;
}

function sum16(bytes: Uint8Array, start: number): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** The frames of a datagram with payload(n), as RFC 791 and RFC 768 have them. */
function framesOf({ toMac, fromMac, from, to }: Path, n: number, id: number): Uint8Array[] {
  const udp = new Uint8Array(UDP_HEADER + BYTES);
  const udpView = new DataView(udp.buffer);
  udpView.setUint16(0, PORT);
  udpView.setUint16(2, PORT);
  udpView.setUint16(4, udp.length);
  udp.set(payload(n), UDP_HEADER);
  const pseudo = (from >>> 16) + (from & 0xffff) + (to >>> 16) + (to & 0xffff) + IPPROTO_UDP + udp.length;
  udpView.setUint16(6, ~sum16(udp, pseudo) & 0xffff || 0xffff);
  return Array.from({ length: PARTS }, (_, i) => {
    const part = udp.subarray(i * PART, (i + 1) * PART);
    const frame = new Uint8Array(ETHER + IP_HEADER + part.length);
    frame.set([...toMac, ...fromMac, 8, 0, 0x45]);
    frame.set(part, ETHER + IP_HEADER);
    const header = new DataView(frame.buffer, ETHER, IP_HEADER);
    header.setUint16(2, IP_HEADER + part.length);
    header.setUint16(4, id);
    header.setUint16(6, ((i * PART) >> 3) | (i < PARTS - 1 ? 0x2000 : 0));
    header.setUint16(8, (64 << 8) | IPPROTO_UDP);
    header.setUint32(12, from);
    header.setUint32(16, to);
    header.setUint16(10, ~sum16(frame.subarray(ETHER, ETHER + IP_HEADER), 0) & 0xffff);
    return frame;
  });
}

/** Makes a datagram's frame, which has id 0 and payload(0), that of number n with id n. */
function renumber(frame: DataView, part: number, n: number): void {
  const sum = (~frame.getUint16(ETHER + 10) & 0xffff) + n;
  frame.setUint16(ETHER + 4, n);
  frame.setUint16(ETHER + 10, ~((sum & 0xffff) + (sum >>> 16)));
  if (part === 0) frame.setUint16(ETHER + IP_HEADER + UDP_HEADER, n);
  if (part === PARTS - 1) frame.setUint16(frame.byteLength - 2, ~n);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

class Fragments {
  readonly #router: Router;
  readonly #out: number;
  readonly #in: number;
  readonly #going: Path;
  readonly #coming: Path;
  #n = 0;

  constructor(module: WebAssembly.Module) {
    this.#router = new Router(module, { smallBuffers: 4096, largeBuffers: 256, ringSlots: 256, reassemblies: 64 });
    this.#going = { toMac: MAC0, fromMac: MAC1, from: 0x0a010001, to: this.#router.gateway(1) };
    this.#coming = { toMac: MAC0, fromMac: MAC1, from: 0x0a000002, to: 0x0a000001 };
    this.#router.neighbour(1);
    const { core } = this.#router;
    this.#out = bound(core, this.#going.from, PORT);
    this.#in = bound(core, this.#coming.to, PORT);
    core.putPeer(this.#going.to, PORT);
    done(core.exports.sock_connect(this.#out));
  }

  /** Datagrams made in ROUND_MS of timed work, batches of 16; thousands a second. */
  make(): number {
    const { core, out } = this.#router;
    const { u8, u32 } = core;
    const { sock_window, sock_send } = core.exports;
    const view = new DataView(u8.buffer);
    const body = payload(0);
    let made = 0;
    let ms = 0;
    while (ms < ROUND_MS) {
      const first = u32[out.tx] as number;
      const n = this.#n;
      const start = performance.now();
      for (let i = 0; i < BATCH; i++) {
        const at = sock_window(this.#out, BYTES);
        u8.set(body, at);
        view.setUint16(at, n + i);
        view.setUint16(at + BYTES - 2, ~(n + i));
        sock_send(this.#out, BYTES, 0);
      }
      ms += performance.now() - start;
      this.#requireSent(first, n);
      this.#router.complete(out);
      this.#router.poll();
      made += BATCH;
      this.#n = (n + BATCH) & 0xffff;
    }
    this.#requireRest();
    return made / ms;
  }

  /** Datagrams reassembled in ROUND_MS of timed work, batches of 16; thousands a second. */
  reassemble(order: readonly Place[]): number {
    const { core, in: port } = this.#router;
    const { u8, i32, u32 } = core;
    const { sock_recv, stack_poll } = core.exports;
    const view = new DataView(u8.buffer);
    const pointer = (core.call + CALL_PTR) >> 2;
    const frames = framesOf(this.#coming, 0, 0);
    let whole = 0;
    let ms = 0;
    while (ms < ROUND_MS) {
      const n = this.#n;
      const first = u32[port.rx] as number;
      if (this.#router.offered(port) < order.length) throw new Error("bench: no slots on offer");
      for (const [slot, { datagram, part }] of order.entries()) {
        const desc = this.#router.descriptor(port.rx, port.mask, first + slot);
        const at = u32[desc + (DESC_PTR >> 2)] as number;
        const frame = frames[part] as Uint8Array;
        u8.set(frame, at);
        renumber(new DataView(u8.buffer, at, frame.length), part, (n + datagram) & 0xffff);
        u32[desc + (DESC_LEN >> 2)] = frame.length;
        u32[desc + (DESC_FLAGS >> 2)] = 0;
      }
      let wrong = 0;
      let last = 0;
      const start = performance.now();
      i32[port.rx] = (first + order.length) | 0;
      stack_poll(0, 0, 4096);
      for (let i = 0; i < BATCH; i++) {
        if (sock_recv(this.#in) !== BYTES) wrong++;
        last = u32[pointer] as number;
        if ((view.getUint16(last) ^ view.getUint16(last + BYTES - 2)) !== 0xffff) wrong++;
      }
      ms += performance.now() - start;
      // Which of them comes last is the order's to say.
      const seen =
        whole % (CHECKED * BATCH) > 0 || same(u8.subarray(last, last + BYTES), payload(view.getUint16(last)));
      if (wrong > 0 || !seen) throw new Error(`bench: ${wrong} datagrams were not whole`);
      if (sock_recv(this.#in) !== -E_AGAIN) throw new Error("bench: one datagram too many");
      whole += BATCH;
      this.#n = (n + BATCH) & 0xffff;
    }
    this.#requireRest();
    return whole / ms;
  }

  /** The TX slots from `first` hold a batch of datagrams numbered from n; of some batches one is compared to the byte. */
  #requireSent(first: number, n: number): void {
    const { core, out } = this.#router;
    const { u8, u32 } = core;
    const queued = (u32[out.tx + (RING_STACK >> 2)] as number) - first;
    if (queued !== BATCH * PARTS) throw new Error(`bench: ${queued} fragments`);
    if ((n / BATCH) % CHECKED > 0) return;
    const which = (n / BATCH / CHECKED) % BATCH;
    const frames = Array.from({ length: PARTS }, (_, i) => {
      const desc = this.#router.descriptor(out.tx, out.mask, first + which * PARTS + i);
      const at = u32[desc + (DESC_PTR >> 2)] as number;
      return u8.subarray(at, at + (u32[desc + (DESC_LEN >> 2)] as number));
    });
    const id = new DataView(u8.buffer, frames[0]?.byteOffset).getUint16(ETHER + 4);
    const wanted = framesOf(this.#going, n + which, id);
    if (!frames.every((frame, i) => same(frame, wanted[i] as Uint8Array))) {
      throw new Error("bench: the fragments are not what they should be");
    }
  }

  /** Nobody but the RX rings holds a buffer. */
  #requireRest(): void {
    requireRest(this.#router.core);
  }
}

/** A fragment's place in a batch: of which datagram it is, and which of its parts. */
interface Place {
  readonly datagram: number;
  readonly part: number;
}

const IN_ORDER: readonly Place[] = Array.from({ length: BATCH * PARTS }, (_, i) => ({
  datagram: Math.floor(i / PARTS),
  part: i % PARTS,
}));
/** The last fragments of all, then those before them. */
const LAST_FIRST: readonly Place[] = Array.from({ length: BATCH * PARTS }, (_, i) => ({
  datagram: i % BATCH,
  part: PARTS - 1 - Math.floor(i / BATCH),
}));

function bound(core: Core, address: number, port: number): number {
  const handle = done(core.exports.sock_open(IPPROTO_UDP));
  core.putPeer(address, port);
  done(core.exports.sock_bind(handle));
  return handle;
}

function requireRest(core: Core): void {
  for (const { total, free, held } of [readMemory(core).small, readMemory(core).large]) {
    if (free + held.rx !== total) throw new Error(`bench: buffers are held: ${JSON.stringify(held)}`);
  }
}

/** Both in one: from socket to socket over a loopback of MTU 1,500, batches of 8. */
function overLoopback(module: WebAssembly.Module): () => number {
  const core = Core.boot(module, { largeBuffers: 64 });
  const { sock_connect, sock_window, sock_send, sock_recv, stack_poll, netif_mtu, netif_record } = core.exports;
  done(netif_mtu(1, MTU));
  const rings = new Rings(core, netif_record(1));
  const a = bound(core, LOCALHOST, PORT);
  const b = bound(core, LOCALHOST, PORT + 1);
  core.putPeer(LOCALHOST, PORT + 1);
  done(sock_connect(a));
  const { u8, u32 } = core;
  const pointer = (core.call + CALL_PTR) >> 2;
  const given = new Float64Array(BYTES / 8).map((_, i) => i);
  const taken = new Float64Array(BYTES / 8);
  const givenBytes = new Uint8Array(given.buffer);
  const takenBytes = new Uint8Array(taken.buffer);
  const expected = (given.length * (given.length - 1)) / 2;

  const batch = (n: number) => {
    for (let i = 0; i < LO_BATCH; i++) {
      given[0] = n + i;
      u8.set(givenBytes, sock_window(a, BYTES));
      sock_send(a, BYTES, 0);
    }
    rings.handOver();
    stack_poll(0, 0, 4096);
    for (let i = 0; i < LO_BATCH; i++) {
      const len = sock_recv(b);
      const at = u32[pointer] as number;
      takenBytes.set(u8.subarray(at, at + BYTES));
      let sum = 0;
      for (let j = 0; j < taken.length; j++) sum += taken[j] as number;
      if (len !== BYTES || sum !== expected + n + i) throw new Error("bench: a datagram was lost or altered");
    }
  };
  return () => {
    const before = readStatistics(core).counters.IP_REASM_OKS;
    let n = 0;
    const start = performance.now();
    for (; performance.now() - start < ROUND_MS; n += LO_BATCH) batch(n);
    const ms = performance.now() - start;
    // The last one's window is given back by the next call.
    if (sock_recv(b) !== -E_AGAIN) throw new Error("bench: one datagram too many");
    stack_poll(0, 0, 4096);
    requireRest(core);
    if (readStatistics(core).counters.IP_REASM_OKS - before !== n) throw new Error("bench: not all were reassembled");
    return n / ms;
  };
}

/** Whether the kernel gives us a network of our own, whose loopback may have another MTU. */
function haveNamespaces(): boolean {
  return spawnSync("unshare", ["-rn", "true"], { stdio: "ignore" }).status === 0;
}

export default async function fragments(): Promise<Row[]> {
  const module = new WebAssembly.Module(readFileSync(join(ROOT, "build/release.wasm")));
  const ring = new Fragments(module);
  const row = (name: string, measure: () => number, peers: Contender[] = []): Row => ({
    name: `fragments of 5,000 B, ${name}`,
    unit: "k dgram/s",
    better: "more",
    ours: { name: "ringstack, core", measure },
    peers,
  });
  const kernel = haveNamespaces() ? cPeer("kernel from C", "bench/c/udp.c", ["fragments", `${BYTES}`, `${MTU}`]) : [];
  return [
    row("made", () => ring.make()),
    row("reassembled", () => ring.reassemble(IN_ORDER)),
    row("reassembled, last first", () => ring.reassemble(LAST_FIRST)),
    row("both, over lo", overLoopback(module), kernel),
  ];
}
