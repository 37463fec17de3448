// A module that counts the bytes it copies: build/debug.wat, in which each memory.copy, and the one function that copies
// with a checksum, adds its length to a global. The same sources as the release module, so the same copies.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./harness.js";

/** The export that has the count, an i64. */
const COUNT = "copied";
const COPY_SUM = /^ \(func \$assembly\/wire\/copy-checksum\/copySum \(param \$dst i32\).*\n(?: {2}\(local .*\n)*/m;
const WORDS =
  "--enable-simd --enable-bulk-memory --enable-bulk-memory-opt --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int";

const add = (length: string) =>
  `  (global.set $${COUNT} (i64.add (global.get $${COUNT}) (i64.extend_i32_u (local.get $${length}))))\n`;

/** The module's text with the count. */
function counting(wat: string): string {
  if (!COPY_SUM.test(wat) || !/^ +memory\.copy$/m.test(wat)) throw new Error("bench: nothing that copies in debug.wat");
  const copy =
    ` (func $${COUNT}/copy (param $to i32) (param $from i32) (param $len i32)\n${add("len")}` +
    "  (memory.copy (local.get $to) (local.get $from) (local.get $len)))\n";
  return wat
    .replace(COPY_SUM, (head) => head + add("len"))
    .replace(/^( +)memory\.copy$/gm, `$1call $${COUNT}/copy`)
    .replace(/^ \(export /m, ` (global $${COUNT} (export "${COUNT}") (mut i64) (i64.const 0))\n (export `)
    .replace(/\)\s*$/, `${copy})\n`);
}

export function countingModule(): WebAssembly.Module {
  const source = join(ROOT, "build/debug.wat");
  if (!existsSync(source)) throw new Error(`bench: ${source} is missing; run: node scripts/build.mjs debug`);
  const folder = mkdtempSync(join(tmpdir(), "ringstack-copies-"));
  try {
    const wat = join(folder, "module.wat");
    const wasm = join(folder, "module.wasm");
    writeFileSync(wat, counting(readFileSync(source, "utf8")));
    const tool = join(ROOT, "node_modules/binaryen/bin/wasm-opt");
    execFileSync(process.execPath, [tool, wat, "-O1", "-o", wasm, ...WORDS.split(" ")]);
    return new WebAssembly.Module(readFileSync(wasm));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes that an instance of that module has copied. */
export function copiedBy(exports: object): number {
  const count = (exports as Record<string, unknown>)[COUNT];
  if (!(count instanceof WebAssembly.Global)) throw new Error("bench: this module does not count");
  return Number(count.value as bigint);
}
