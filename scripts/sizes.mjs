// node scripts/sizes.mjs [release|scalar|size]… [--functions]: what the code of a module costs, by folder of assembly/ or
// by function, in bytes as optimised for size and before anything is inlined: so each function counts where it is
// written. What a module has in the end, `npm run check` says.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FEATURES } from "./build.mjs";
import { readModule } from "./checks/wasm.mjs";
import { ROOT } from "./files.mjs";

const ASC = "node_modules/assemblyscript/bin/asc.js";
const WASM_OPT = "node_modules/binaryen/bin/wasm-opt";

/** @param {readonly string[]} args */
function run(...args) {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

/**
 * Bytes of each function.
 * @param {string} target of asconfig.json
 * @returns {Map<string, number>}
 */
function functionSizes(target) {
  const folder = mkdtempSync(join(tmpdir(), "ringstack-sizes-"));
  try {
    const text = join(folder, "module.wat");
    const wasm = join(folder, "module.wasm");
    run(ASC, "assembly/index.ts", "--target", target, "--optimizeLevel", "0", "--textFile", text, "--outFile", wasm);
    run(WASM_OPT, text, "-g", "-o", wasm, "--no-inline=*", "-Oz", "--enable-simd", ...FEATURES.split(" "));
    return readModule(readFileSync(wasm)).functions;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Folder of a function; a file that stands beside the folders is its own.
 * @param {string} name
 */
function folderOf(name) {
  const [first = "", second = ""] = name.replace("assembly/", "").split("/");
  return first.startsWith("~") ? `${first}/${second}` : first;
}

/**
 * @param {string[]} modules
 * @param {(name: string) => string} key
 */
function table(modules, key) {
  /** @type {Map<string, number[]>} */
  const rows = new Map();
  for (const [i, module] of modules.entries()) {
    for (const [name, bytes] of functionSizes(module)) {
      const row = rows.get(key(name)) ?? modules.map(() => 0);
      row[i] = (row[i] ?? 0) + bytes;
      rows.set(key(name), row);
    }
  }
  const sums = modules.map((_, i) => [...rows.values()].reduce((sum, row) => sum + (row[i] ?? 0), 0));
  const sorted = [...rows].sort(([, a], [, b]) => (b[0] ?? 0) - (a[0] ?? 0));
  for (const [name, row] of [["", modules], ...sorted, ["all code", sums]]) {
    console.log([...row].map((cell) => String(cell).padStart(8)).join(""), ` ${name}`);
  }
}

const words = process.argv.slice(2);
const modules = words.filter((word) => !word.startsWith("--"));
table(modules.length > 0 ? modules : ["release", "size"], words.includes("--functions") ? (name) => name : folderOf);
