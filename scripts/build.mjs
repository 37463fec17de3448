// Builds what is stale: node scripts/build.mjs [--force] [release|scalar|size|debug|kernels|all]…   (default: release)
//   release  assembly/ -> build/release.wasm -> src/wasm/module.generated.ts -> tsc -> dist/
//   scalar, size, debug: the same sources by the targets of asconfig.json
//   kernels  each bench/assembly/kernels-*.ts -> build/NAME.wasm and build/NAME-scalar.wasm, with release flags
//   all      everything above, and build/ringstack.h
// Stale is told by a hash over the inputs' contents, kept in build/stamps/. All words go to stderr.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { filesIn, hashOf, ROOT, textOf, writeWhole } from "./files.mjs";
import { LIST, withHotCopies } from "./hot.mjs";

/** Modules made from assembly/index.ts, by the name of their asconfig target. */
export const MODULES = ["release", "scalar", "size", "debug"];
const ENTRY = "assembly/index.ts";
export const ASC = "node_modules/assemblyscript/bin/asc.js";
export const WASM_OPT = "node_modules/binaryen/bin/wasm-opt";
const TSC = "node_modules/typescript/bin/tsc";
const EMBEDDED = "src/wasm/module.generated.ts";

/** See RUNS. */
const HOT_RUN = [
  "--no-inline=assembly/* -O3 --always-inline-max-function-size 12 --flexible-inline-max-function-size 60",
  "--skip-pass=duplicate-function-elimination",
].join(" ");
const NEAT_RUN = "-O3 -tnh --always-inline-max-function-size 4 --flexible-inline-max-function-size 4";
/** What the modules may use. */
export const FEATURES = [
  "--low-memory-unused --enable-bulk-memory --enable-bulk-memory-opt --enable-mutable-globals --enable-sign-ext",
  "--enable-nontrapping-float-to-int",
].join(" ");

/**
 * asc compiles the modules that ship, binaryen optimises them, by its command line: one run for each list of words.
 * The fast ones have two: the first inlines, but only what hot.mjs has copied for the packet path; the second, everywhere,
 * only what costs no byte. Nothing of a module lies below memoryBase 1024, and nothing relies on a trap (-tnh): what is
 * read for nothing may go.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const RUNS = {
  release: [HOT_RUN, NEAT_RUN],
  scalar: [HOT_RUN, NEAT_RUN],
  size: ["-Oz -tnh --converge --always-inline-max-function-size 4"],
};

/**
 * @typedef {object} Compilation one run of asc
 * @property {string} name of build/NAME.wasm and build/NAME.wat
 * @property {string} entry
 * @property {string} target of asconfig.json
 */

/**
 * The compilations that a word of the command line asks for.
 * @param {string} word
 * @returns {Compilation[]}
 */
function compilationsFor(word) {
  if (word === "all") return [...MODULES, "kernels"].flatMap(compilationsFor);
  if (MODULES.includes(word)) return [{ name: word, entry: ENTRY, target: word }];
  if (word !== "kernels") throw new Error(`unknown target "${word}"; one of ${MODULES.join(", ")}, kernels, all`);
  return filesIn("bench/assembly", ".ts")
    .filter((path) => /\/kernels-[^/]+\.ts$/.test(path))
    .flatMap((entry) => [
      { name: basename(entry, ".ts"), entry, target: "release" },
      { name: `${basename(entry, ".ts")}-scalar`, entry, target: "scalar" },
    ]);
}

/** @param {readonly string[]} lines */
function say(...lines) {
  process.stderr.write(`${lines.join("\n")}\n`);
}

/**
 * Runs a program of node_modules; answers its exit code and everything it said.
 * @param {readonly string[]} args
 * @returns {Promise<{ code: number, output: string }>}
 */
function runNode(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/**
 * Does `make` unless its output stands and the stamp says that it was made of these inputs.
 * @param {string} name of the stamp
 * @param {string} inputs their hash
 * @param {readonly string[]} outputs
 * @param {boolean} force
 * @param {() => Promise<string>} make answers "" or what went wrong
 * @returns {Promise<string>}
 */
async function unlessFresh(name, inputs, outputs, force, make) {
  const stamp = `build/stamps/${name}`;
  const fresh = outputs.every((path) => existsSync(join(ROOT, path))) && existsSync(join(ROOT, stamp));
  if (fresh && !force && readFileSync(join(ROOT, stamp), "utf8") === inputs) return "";
  const start = performance.now();
  const wrong = await make();
  if (wrong !== "") return `${name} failed\n${wrong.trimEnd()}`;
  writeWhole(stamp, inputs);
  say(`build: ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return "";
}

/** What every compilation of AssemblyScript depends on besides its entry. */
function assemblyInputs() {
  return [
    "asconfig.json",
    "package-lock.json",
    "scripts/build.mjs",
    "scripts/hot.mjs",
    LIST,
    ...filesIn("assembly", ".ts"),
  ];
}

/**
 * @param {Compilation} compilation
 * @param {boolean} force
 */
async function compile({ name, entry, target }, force) {
  if (!existsSync(join(ROOT, entry))) return `${name} failed\n${entry} is missing`;
  const own = entry === ENTRY ? [] : filesIn("bench/assembly", ".ts");
  const outputs = [`build/${name}.wasm`, `build/${name}.wat`];
  return unlessFresh(name, hashOf([...assemblyInputs(), ...own]), outputs, force, async () => {
    mkdirSync(join(ROOT, "build"), { recursive: true });
    const parts = outputs.map((path) => path.replace("build/", `build/part-${process.pid}-`));
    const [wasm = "", wat = ""] = parts;
    const runs = entry === ENTRY ? RUNS[target] : undefined;
    const asc = [ASC, entry, "--target", target, "--outFile", wasm, "--textFile", wat];
    let { code, output } = await runNode(runs ? [...asc, "--optimizeLevel", "0"] : asc);
    if (code === 0 && runs) ({ code, output } = await optimise(runs, wasm, wat, target === "release"));
    if (code === 0) for (const [i, part] of parts.entries()) renameSync(join(ROOT, part), join(ROOT, outputs[i] ?? ""));
    else for (const part of parts) rmSync(join(ROOT, part), { force: true });
    if (code === 0 && output.trim() !== "") say(output.trimEnd());
    return code === 0 ? "" : output || `asc ended with ${code}`;
  });
}

/**
 * Makes the module at `wasm` from asc's text at `wat`, which becomes that of the module, with names.
 * @param {readonly string[]} runs
 * @param {string} wasm
 * @param {string} wat
 * @param {boolean} simd
 * @returns {Promise<{ code: number, output: string }>}
 */
async function optimise(runs, wasm, wat, simd) {
  const features = [...FEATURES.split(" "), ...(simd ? ["--enable-simd"] : [])];
  let said = "";
  if (runs.includes(HOT_RUN)) {
    const { text, missing } = withHotCopies(textOf(wat));
    writeWhole(wat, text);
    // What works in vectors the scalar module has not.
    if (missing.length > 0 && simd) said = `${LIST}: node scripts/profile.mjs, for there is no ${missing.join(", ")}\n`;
  }
  /** @type {string[][]} */
  const steps = runs.map((run, i) => [i === 0 ? wat : wasm, "-g", "-o", wasm, ...run.split(" ")]);
  steps.push(
    [wasm, "-S", "-o", wat],
    [wasm, "-o", wasm, "--strip-debug", "--generate-stack-ir", "--optimize-stack-ir"],
  );
  for (const step of steps) {
    const { code, output } = await runNode([WASM_OPT, ...step, ...features]);
    if (code !== 0) return { code, output };
  }
  return { code: 0, output: said };
}

/** Puts the release module into the TypeScript sources, so that the library needs no file beside it at run time. */
function embed() {
  const base64 = readFileSync(join(ROOT, "build/release.wasm")).toString("base64");
  const text = [
    "// Made by scripts/build.mjs from build/release.wasm.",
    "",
    "/** The release module, base64. */",
    `export const RELEASE_WASM_BASE64: string = "${base64}";`,
    "",
  ].join("\n");
  if (existsSync(join(ROOT, EMBEDDED)) && textOf(EMBEDDED) === text) return;
  writeWhole(EMBEDDED, text);
}

/** @param {boolean} force */
async function emit(force) {
  const sources = [...filesIn("src", ".ts"), ...filesIn("assembly/abi", ".ts"), ...filesIn("bench", ".ts")];
  const own = sources.filter((path) => !path.startsWith("bench/assembly/"));
  const inputs = hashOf(["tsconfig.json", "package-lock.json", "scripts/build.mjs", ...own]);
  const outputs = own.filter((path) => !path.endsWith(".d.ts")).map((path) => `dist/${path.slice(0, -3)}.js`);
  return unlessFresh("dist", inputs, outputs, force, async () => {
    const { code, output } = await runNode([TSC, "-p", "tsconfig.json", "--pretty", "false"]);
    if (code === 0) removeOrphans(new Set(outputs));
    return code === 0 ? "" : output || `tsc ended with ${code}`;
  });
}

/**
 * Removes from dist/ what no source makes any more.
 * @param {ReadonlySet<string>} outputs
 */
function removeOrphans(outputs) {
  for (const path of filesIn("dist")) {
    const script = path.replace(/(\.d\.ts|\.js)(\.map)?$/, ".js");
    if (!outputs.has(script)) rmSync(join(ROOT, path));
  }
}

/**
 * Runs jobs two at a time: asc takes one core for seconds.
 * @param {readonly (() => Promise<string>)[]} jobs
 * @returns {Promise<string[]>} what went wrong
 */
async function inPairs(jobs) {
  const waiting = [...jobs];
  /** @type {string[]} */
  const wrongs = [];
  const worker = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) wrongs.push(await job());
  };
  await Promise.all([worker(), worker()]);
  return wrongs.filter((wrong) => wrong !== "");
}

/**
 * Builds the words' targets; answers what went wrong, a text for each.
 * @param {readonly string[]} words
 * @param {boolean} [force]
 * @returns {Promise<string[]>}
 */
export async function build(words, force = false) {
  const compilations = words.flatMap(compilationsFor);
  const wrongs = await inPairs(compilations.map((compilation) => () => compile(compilation, force)));
  const wantsDist = words.some((word) => word === "release" || word === "all");
  if (!wantsDist || wrongs.some((wrong) => wrong.startsWith("release "))) return wrongs;
  embed();
  const emitted = await emit(force);
  if (emitted !== "") return [...wrongs, emitted];
  if (!words.includes("all")) return wrongs;
  const { writeHeader } = await import("./header.mjs");
  await writeHeader();
  return wrongs;
}

async function main() {
  const words = process.argv.slice(2).filter((word) => word !== "--force");
  const wrongs = await build(words.length > 0 ? words : ["release"], process.argv.includes("--force"));
  for (const wrong of wrongs) say(`build: ${wrong}`);
  process.exitCode = wrongs.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  main().catch((error) => {
    say(`build: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  });
}
