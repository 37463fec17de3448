// What it costs to reach the stack from JavaScript: a call, a frame written into memory, a copy inside.
import { type Contender, loadKernels, perSecond, type Row } from "./harness.js";

interface Kernels {
  memory: WebAssembly.Memory;
  nothing(a: number): number;
  memoryCopyLoop(dst: number, src: number, len: number, n: number): void;
}

const SRC = 0x10000;
const DST = 0x18000;

/** Where results go, never read, so that no engine can leave the work out. */
let _sink = 0;

function nanoseconds(name: string, work: (n: number) => void): Contender {
  return { name, measure: () => 1e9 / perSecond(work) };
}

/** Called in turn, so that the engine inlines none of them. */
const table: ((a: number) => number)[] = [(a) => a + 1, (a) => a ^ 1, (a) => a - 1, (a) => a | 0];

export default async function copy(): Promise<Row[]> {
  const k = loadKernels<Kernels>("kernels-wire");
  k.memory.grow(1);
  const u8 = new Uint8Array(k.memory.buffer);

  const call: Row = {
    name: "call of an export",
    unit: "ns",
    better: "less",
    ours: nanoseconds("wasm", (n) => {
      for (let i = 0; i < n; i++) _sink ^= k.nothing(i);
    }),
    peers: [
      nanoseconds("JavaScript, four functions in turn", (n) => {
        for (let i = 0; i < n; i++) _sink ^= table[i & 3](i);
      }),
    ],
  };

  const writes = [64, 1460].map((len): Row => {
    const frame = new Uint8Array(len).map((_, i) => i);
    return {
      name: `frame of ${len} B into memory`,
      unit: "ns",
      better: "less",
      ours: nanoseconds("u8.set", (n) => {
        for (let i = 0; i < n; i++) u8.set(frame, SRC + ((i & 7) << 11));
      }),
      peers: [
        nanoseconds("a loop of bytes", (n) => {
          for (let i = 0; i < n; i++) {
            const at = SRC + ((i & 7) << 11);
            for (let b = 0; b < frame.length; b++) u8[at + b] = frame[b];
          }
        }),
        nanoseconds("subarray, then set", (n) => {
          for (let i = 0; i < n; i++) u8.subarray(SRC + ((i & 7) << 11)).set(frame);
        }),
      ],
    };
  });

  const inside = [64, 1460].map(
    (len): Row => ({
      name: `memory.copy of ${len} B inside wasm`,
      unit: "ns",
      better: "less",
      ours: nanoseconds("wasm", (n) => k.memoryCopyLoop(DST, SRC, len, n)),
      peers: [
        nanoseconds("u8.copyWithin", (n) => {
          for (let i = 0; i < n; i++) u8.copyWithin(DST, SRC, SRC + len);
        }),
      ],
    }),
  );

  return [call, ...writes, ...inside];
}
