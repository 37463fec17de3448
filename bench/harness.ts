// What a benchmark file uses and gives: rows of contenders, the place of the project's files, wasm kernels, C peers.
// How rows are run is bench/run.ts; how each is measured is docs/BENCH.md.
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** One that does the work of a row. */
export interface Contender {
  name: string;
  /** One round of about 0.1 to 0.3 s; answers the figure in the row's unit. */
  measure(): number | Promise<number>;
}

/** What a target figure is scaled by on this machine, in this round. */
export type Scale = "cpu" | "copy" | "none";

/** One line of the table. */
export interface Row {
  name: string;
  unit: string;
  better: "more" | "less";
  ours: Contender;
  peers: Contender[];
  target?: { value: number; scale: Scale };
}

/** Default export of a bench/<subject>.bench.ts. */
export type Bench = () => Promise<Row[]>;

/** The project's folder, from dist/bench as from bench. */
export const ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(from: string): string {
  if (existsSync(join(from, "package.json"))) return from;
  const up = dirname(from);
  if (up === from) throw new Error("bench: no package.json above this file");
  return findRoot(up);
}

/** Instantiates build/<name>.wasm (no imports); exports as they are, typed by the caller. */
export function loadKernels<T>(name: string): T {
  const path = join(ROOT, "build", `${name}.wasm`);
  if (!existsSync(path)) throw new Error(`bench: ${path} is missing; run: node scripts/build.mjs kernels`);
  return new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path))).exports as T;
}

/**
 * Calls `work(n)` with growing n until one call takes at least `seconds`, and answers n / elapsed seconds.
 * The figure is taken from the last, longest call alone.
 */
export function perSecond(work: (n: number) => void, seconds = 0.1): number {
  for (let n = 1; ; ) {
    const start = performance.now();
    work(n);
    const elapsed = (performance.now() - start) / 1000;
    if (elapsed >= seconds) return n / elapsed;
    const grow = elapsed > 0 ? (1.2 * seconds) / elapsed : 1000;
    n = Math.ceil(n * Math.min(Math.max(grow, 1.5), 1000));
  }
}

let gcc: boolean | undefined;

/** Whether gcc can be run here. */
export function haveGcc(): boolean {
  gcc ??= spawnSync("gcc", ["--version"], { stdio: "ignore" }).status === 0;
  return gcc;
}

/**
 * A peer in C: `source` (path from the project's folder) compiled by gcc -O3 into build/, run as a process for each
 * measure(); the program times its own work and prints one number in the row's unit. Answers a list of one, or of none
 * where there is no gcc, so that a row says `peers: [js, ...cPeer("C, gcc -O3", "bench/c/x.c", ["1500"])]`.
 * @throws Error with the compiler's words where the source does not compile.
 */
export function cPeer(
  name: string,
  source: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Contender[] {
  if (!haveGcc()) return [];
  const program = compileC(source, flags);
  const run = promisify(execFile);
  const measure = async (): Promise<number> => {
    const { stdout } = await run(program, args, { cwd: ROOT });
    const figure = Number(stdout.trim());
    if (stdout.trim() === "" || !Number.isFinite(figure))
      throw new Error(`${source} ${args.join(" ")} printed no number: ${stdout}`);
    return figure;
  };
  return [{ name, measure }];
}

/** Compiles once per content of source and flags; the program's name carries their hash. */
function compileC(source: string, flags: readonly string[]): string {
  const path = join(ROOT, source);
  const command = ["-O3", "-std=gnu11", ...flags];
  const hash = createHash("sha256").update(readFileSync(path)).update(command.join(" ")).digest("hex").slice(0, 12);
  const program = join(ROOT, "build", `${basename(source, ".c")}-${hash}`);
  if (existsSync(program)) return program;
  mkdirSync(dirname(program), { recursive: true });
  const made = `${program}.${process.pid}`;
  execFileSync("gcc", [...command, "-o", made, path, "-lm"], { stdio: ["ignore", "inherit", "inherit"] });
  renameSync(made, program);
  return program;
}

interface Calibration {
  multiply_chain(rounds: number, factor: number): number;
}

/** A figure taken on a machine of 3.0 GHz effective clock, as this one would have it in this moment. */
export function published(name: string, figure: number): Contender {
  const kernels = loadKernels<Calibration>("kernels-calibrate");
  const rounds = 200_000;
  const measure = () => {
    const start = performance.now();
    kernels.multiply_chain(rounds, 0x01000193);
    return (figure * (rounds * 16 * 3)) / ((performance.now() - start) * 3e6);
  };
  return { name: `${name} (published, scaled)`, measure };
}

/** `work`, without what is done `before` it, in the unit of `per` a second: bytes and 1e9 for GB/s. */
export function rate(
  name: string,
  amount: number,
  per: number,
  work: () => void | Promise<void>,
  before: () => unknown = () => {},
): Contender {
  const measure = async () => {
    // Idle sockets keep no process alive.
    const alive = setInterval(() => {}, 1000);
    try {
      await before();
      const start = performance.now();
      await work();
      return (amount / (performance.now() - start)) * (1000 / per);
    } finally {
      clearInterval(alive);
    }
  };
  return { name, measure };
}

/** A row of a rate, with a target that is scaled by the clock, if there is one. */
export function rateRow(name: string, unit: string, ours: Contender, peers: Contender[], target?: number): Row {
  const base: Row = { name, unit, better: "more", ours, peers };
  return target === undefined ? base : { ...base, target: { value: target, scale: "cpu" } };
}
