// Internet checksum, copy and checksum in one pass, and the parse of an IPv4 + UDP frame. Loops run inside wasm, so the
// call from JavaScript is not in the figures; the peers are naive JavaScript and the same kernels in C.
import { type Contender, cPeer, loadKernels, perSecond, type Row } from "./harness.js";

interface Kernels {
  memory: WebAssembly.Memory;
  sumLoop(p: number, len: number, n: number): number;
  ipv4HeaderSumLoop(p: number, n: number): number;
  copySumLoop(dst: number, src: number, len: number, n: number): number;
  parseUdpLoop(p: number, len: number, stride: number, count: number, n: number): number;
}

const SRC = 0x10000;
const DST = 0x40000;
const C = "bench/c/checksum.c";
const GB = 1e9;

/** A TFTP read request of 97 bytes, both checksums good. */
const FRAME =
  "00055d67d0b100055d6158a808004500005393250000801125ecc0a80037c0a8000105d40045003fac400001633a5c71776572712e717765" +
  "006e6574617363696900626c6b73697a65003531320074696d656f7574003130007473697a65003000";

/** Where results go, never read, so that no engine can leave the work out. */
let _sink = 0;

function gigabytes(name: string, lenBytes: number, work: (n: number) => number): Contender {
  return {
    name,
    measure: () =>
      (lenBytes / GB) *
      perSecond((n) => {
        _sink ^= work(n);
      }),
  };
}

/** RFC 1071 as one writes it in JavaScript. */
function checksumInJs(u8: Uint8Array, at: number, len: number): number {
  let s = 0;
  const end = at + len;
  for (let i = at; i + 1 < end; i += 2) s += (u8[i] << 8) | u8[i + 1];
  if (len & 1) s += u8[end - 1] << 8;
  while (s > 0xffff) s = (s & 0xffff) + (s >>> 16);
  return s;
}

/** Ethernet, IPv4 and UDP headers read and verified as one writes it in JavaScript. */
function parseInJs(u8: Uint8Array, view: DataView, at: number, len: number): number {
  if (len < 34 || view.getUint16(at + 12) !== 0x0800) return 0;
  const ip = at + 14;
  const ihl = (u8[ip] & 15) * 4;
  const totalLen = view.getUint16(ip + 2);
  if (u8[ip] >> 4 !== 4 || ihl < 20 || totalLen < ihl || totalLen > len - 14) return 0;
  if (checksumInJs(u8, ip, ihl) !== 0xffff) return 0;
  if (u8[ip + 9] !== 17 || (view.getUint16(ip + 6) & 0x3fff) !== 0) return 0;
  const udp = ip + ihl;
  const length = view.getUint16(udp + 4);
  if (length < 8 || length > totalLen - ihl) return 0;
  let s = checksumInJs(u8, ip + 12, 8) + 17 + length + checksumInJs(u8, udp, length);
  while (s > 0xffff) s = (s & 0xffff) + (s >>> 16);
  if (view.getUint16(udp + 6) !== 0 && s !== 0xffff) return 0;
  return view.getUint32(ip + 12) ^ view.getUint32(ip + 16) ^ view.getUint32(udp);
}

function times(n: number, one: (i: number) => number): number {
  let all = 0;
  for (let i = 0; i < n; i++) all ^= one(i);
  return all;
}

export default async function checksum(): Promise<Row[]> {
  const k = loadKernels<Kernels>("kernels-wire");
  const scalar = loadKernels<Kernels>("kernels-wire-scalar");
  for (const { memory } of [k, scalar]) {
    memory.grow(7);
    const u8 = new Uint8Array(memory.buffer);
    for (let i = SRC; i < DST; i++) u8[i] = i * 167 + (i >> 8);
  }
  const u8 = new Uint8Array(k.memory.buffer.slice(0));

  const sums = [
    { len: 20, target: 4 },
    { len: 64, target: 10 },
    { len: 1500, target: 40 },
    { len: 65_535, target: 40 },
  ].map(
    ({ len, target }): Row => ({
      name: `checksum ${len} B`,
      unit: "GB/s",
      better: "more",
      ours: gigabytes("wasm SIMD", len, (n) => k.sumLoop(SRC, len, n)),
      peers: [
        gigabytes("wasm scalar", len, (n) => scalar.sumLoop(SRC, len, n)),
        gigabytes("naive JavaScript", len, (n) => times(n, (i) => checksumInJs(u8, SRC + ((i & 1) << 4), len))),
        ...cPeer("C, gcc -O3", C, ["sum", `${len}`]),
      ],
      target: { value: target, scale: "cpu" },
    }),
  );

  const header: Row = {
    name: "IPv4 header checksum, 20 B",
    unit: "GB/s",
    better: "more",
    ours: gigabytes("wasm", 20, (n) => k.ipv4HeaderSumLoop(SRC, n)),
    peers: [
      gigabytes("naive JavaScript", 20, (n) => times(n, (i) => checksumInJs(u8, SRC + ((i & 1) << 4), 20))),
      ...cPeer("C, gcc -O3", C, ["header"]),
    ],
  };

  const copy: Row = {
    name: "copy and checksum 1460 B",
    unit: "GB/s",
    better: "more",
    ours: gigabytes("wasm SIMD", 1460, (n) => k.copySumLoop(DST, SRC, 1460, n)),
    peers: [
      gigabytes("wasm scalar", 1460, (n) => scalar.copySumLoop(DST, SRC, 1460, n)),
      gigabytes("JavaScript: set, then a loop", 1460, (n) =>
        times(n, () => {
          u8.copyWithin(DST, SRC, SRC + 1460);
          return checksumInJs(u8, DST, 1460);
        }),
      ),
      ...cPeer("C, gcc -O3", C, ["copy", "1460"]),
    ],
    target: { value: 33, scale: "cpu" },
  };

  return [...sums, header, copy, parseRow(k)];
}

/** Sixteen copies of the frame in turn, 2 bytes off the 8-byte grid as behind an Ethernet header. */
function parseRow(k: Kernels): Row {
  const at = 0x8002;
  const len = FRAME.length / 2;
  const inWasm = new Uint8Array(k.memory.buffer);
  for (let i = 0; i < 16; i++)
    for (let b = 0; b < len; b++) inWasm[at + i * 128 + b] = Number.parseInt(FRAME.slice(2 * b, 2 * b + 2), 16);
  const u8 = inWasm.slice();
  const view = new DataView(u8.buffer);
  const millions = (name: string, work: (n: number) => number): Contender => {
    if (work(1) === 0) throw new Error(`bench: ${name} refuses the frame`);
    return {
      name,
      measure: () =>
        perSecond((n) => {
          _sink ^= work(n);
        }) / 1e6,
    };
  };
  return {
    name: "parse and verify an IPv4 + UDP frame, 97 B",
    unit: "M/s",
    better: "more",
    ours: millions("wasm", (n) => k.parseUdpLoop(at, len, 128, 16, n)),
    peers: [
      millions("naive JavaScript", (n) => times(n, (i) => parseInJs(u8, view, at + (i & 15) * 128, len))),
      ...cPeer("C, gcc -O3", C, ["parse"]),
    ],
  };
}
