// What a host costs before it does anything: the module's bytes, an instance booted, a poll that finds nothing to do.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Stack } from "../src/index.js";
import { Core } from "../src/wasm/core.js";
import { type Contender, perSecond, ROOT, type Row } from "./harness.js";

const SEED = [1, 2, 3, 4];

/** Boots until the stack is ready for sockets; what they leave behind is collected as it comes. */
function boots(name: string, module: WebAssembly.Module, profile: "host" | "tiny"): Contender {
  const boot = (n: number) => {
    for (let i = 0; i < n; i++) Core.boot(module, { profile, seed: SEED });
  };
  return { name, measure: () => 1e6 / perSecond(boot) };
}

function bytes(name: string): Contender {
  return { name, measure: () => readFileSync(join(ROOT, "build", name)).length };
}

export default async function boot(): Promise<Row[]> {
  const module = new WebAssembly.Module(readFileSync(join(ROOT, "build/release.wasm")));
  const stack = await Stack.create({ seed: SEED, module });
  const { stack_poll } = stack.core.exports;
  return [
    {
      name: "module, release",
      unit: "bytes",
      better: "less",
      ours: bytes("release.wasm"),
      peers: [],
      target: { value: 102_400, scale: "none" },
    },
    {
      name: "module, size build",
      unit: "bytes",
      better: "less",
      ours: bytes("size.wasm"),
      peers: [],
      target: { value: 65_536, scale: "none" },
    },
    {
      name: "boot of a host",
      unit: "us",
      better: "less",
      ours: boots("host profile", module, "host"),
      peers: [boots("tiny profile", module, "tiny")],
    },
    {
      name: "poll of an idle stack",
      unit: "ns",
      better: "less",
      ours: {
        name: "Stack.poll",
        measure: () =>
          1e9 /
          perSecond((n) => {
            for (let i = 0; i < n; i++) stack.poll(0);
          }),
      },
      peers: [
        {
          name: "stack_poll alone",
          measure: () =>
            1e9 /
            perSecond((n) => {
              for (let i = 0; i < n; i++) stack_poll(0, 0, 512);
            }),
        },
      ],
    },
  ];
}
