// node scripts/profile.mjs: writes hot.txt, from which build.mjs knows the packet path. The release module is built with
// a count in every function and the rows of the benchmarks are run with it; of a row, what is called at least once for
// eight calls of exports is of the path. Counts, not times: what else the machine does plays no part.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ASC, FEATURES, WASM_OPT } from "./build.mjs";
import { ROOT, writeWhole } from "./files.mjs";
import { functionsOf, LIST, linesOf, OURS, TINY_LINES } from "./hot.mjs";

/** Benchmarks whose rows are the packet path. Of them those that tell more of something, not those of cost or boot. */
const SUBJECTS = ["udp", "tcp", "forward"];
/** What frames on a wire pass besides, of which the rows have only those that are forwarded. */
const ALSO = ["link/ethernet/etherInput", "link/neigh/neighOutput", "link/neigh/neighFind", "link/neigh/transmit"];
/** Calls of exports to one of a function of the path. */
const OFTEN = 8;
/** What the names of our exports' functions begin with. */
const EXPORT = `${OURS}index/`;

/** @param {readonly string[]} args */
function run(...args) {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

/**
 * A module's text with a global for each function, exported by its number, that counts how often it is called.
 * @param {string} wat
 */
function counting(wat) {
  const { head, functions } = functionsOf(wat);
  const names = [...functions.keys()];
  const texts = [...functions.values()].map((text, i) => {
    const lines = text.split("\n");
    const locals = lines.findLastIndex((line) => /^ {2}\(local \$/.test(line));
    const count = `  (global.set $count/${i} (i32.add (global.get $count/${i}) (i32.const 1)))`;
    lines.splice(Math.max(locals, 0) + 1, 0, count);
    return lines.join("\n");
  });
  const globals = names.map((_, i) => ` (global $count/${i} (export "count/${i}") (mut i32) (i32.const 0))\n`);
  // Text has imports first, of which we have none, and takes the rest in any order.
  return { names, text: `${head.replace(/^ \(export /m, `${globals.join("")} (export `)}${texts.join("")})\n` };
}

/** The counting module, and the text that asc makes of each function. */
function build() {
  const folder = mkdtempSync(join(tmpdir(), "ringstack-profile-"));
  try {
    const [wat = "", wasm = ""] = ["module.wat", "module.wasm"].map((name) => join(folder, name));
    run(ASC, "assembly/index.ts", "--target", "release", "--optimizeLevel", "0", "--textFile", wat, "--outFile", wasm);
    const text = readFileSync(wat, "utf8");
    const counted = counting(text);
    writeFileSync(wat, counted.text);
    run(WASM_OPT, wat, "-O2", "-o", wasm, "--enable-simd", ...FEATURES.split(" "));
    const { functions } = functionsOf(text);
    return { module: new WebAssembly.Module(readFileSync(wasm)), names: counted.names, functions };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {ReadonlySet<string>} hot */
function write(hot) {
  /** @type {Map<string, string[]>} */
  const files = new Map();
  for (const name of [...hot].sort()) {
    // A generic's name has its types' names in it.
    const [, file = "", own = ""] = /^assembly\/([^<]*)\/([^/<]+(?:<.*)?)$/.exec(name) ?? [];
    files.set(file, [...(files.get(file) ?? []), own]);
  }
  const lines = [...files].map(([file, names]) => `${file} ${names.join(" ")}\n`);
  writeWhole(
    LIST,
    `# Written by scripts/profile.mjs: the functions of the packet path, of each file a line.\n${lines.join("")}`,
  );
}

async function main() {
  const { module, names, functions } = build();
  /** @type {WebAssembly.Instance[]} */
  const instances = [];
  const { Instance } = WebAssembly;
  // The benchmarks' instances of our module become ones that count.
  WebAssembly.Instance = class extends Instance {
    /** @param {WebAssembly.Module} given */
    constructor(given) {
      const ours = WebAssembly.Module.exports(given).some(({ name }) => name === "stack_poll");
      super(ours ? module : given);
      if (ours) instances.push(this);
    }
  };
  /** @param {number} i */
  const take = (i) => {
    let sum = 0;
    for (const { exports } of instances) {
      const count = /** @type {WebAssembly.Global} */ (exports[`count/${i}`]);
      sum += count.value >>> 0;
      count.value = 0;
    }
    return sum;
  };
  /** @type {Set<string>} */
  const hot = new Set(ALSO.map((name) => OURS + name));
  for (const subject of SUBJECTS) {
    const bench = await import(pathToFileURL(join(ROOT, `dist/bench/${subject}.bench.js`)).href);
    for (const { name, better, ours } of await bench.default()) {
      if (better !== "more") continue;
      // Once for what happens at first only.
      await ours.measure();
      names.forEach((_, i) => void take(i));
      await ours.measure();
      const counts = names.map((_, i) => take(i));
      const calls = counts.reduce((sum, count, i) => sum + (names[i]?.startsWith(EXPORT) ? count : 0), 0);
      const before = hot.size;
      for (const [i, own] of names.entries()) {
        const long = linesOf(functions.get(own) ?? "") > TINY_LINES;
        if (long && own.startsWith(OURS) && (counts[i] ?? 0) * OFTEN >= calls) hot.add(own);
      }
      process.stderr.write(`${name}: ${hot.size - before} more\n`);
    }
  }
  write(hot);
  // What the benchmarks have opened would keep the process.
  process.exit(0);
}

main().catch((error) => {
  process.stderr.write(`profile: ${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
});
