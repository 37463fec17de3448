// npm run bench [-- --json] [-- subject…]: runs every bench/*.bench.ts, five rounds of all contenders of a row in turn,
// two calibrations in each round, and prints one table. docs/BENCH.md says how each figure is measured.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Bench, loadKernels, type Row } from "./harness.js";
import { judge, type Round, type Verdict } from "./judge.js";

const ROUNDS = 5;
/** One multiplication of 32 bits waits three cycles for the one before, on every x86-64 and arm64 of today. */
const MULTIPLY_CYCLES = 3;
const COPY_BYTES = 1460;

interface Calibration {
  multiply_chain(rounds: number, factor: number): number;
  copy_loop(rounds: number, bytes: number): number;
}

const kernels = loadKernels<Calibration>("kernels-calibrate");

/** Effective clock in GHz, by a chain of multiplications of which each needs the one before; about 20 ms. */
function measureGhz(): number {
  const rounds = 400_000;
  const start = performance.now();
  kernels.multiply_chain(rounds, 0x01000193);
  return (rounds * 16 * MULTIPLY_CYCLES) / ((performance.now() - start) * 1e6);
}

/** GB/s of memory.copy within the first-level cache; about 20 ms. */
function measureCopy(): number {
  const rounds = 1_500_000;
  const start = performance.now();
  kernels.copy_loop(rounds, COPY_BYTES);
  return (rounds * COPY_BYTES) / ((performance.now() - start) * 1e6);
}

/** One unrecorded round, in which the compilers of all sides warm up, then the recorded ones. */
async function runRow(row: Row): Promise<Verdict> {
  const rounds: Round[] = [];
  for (let i = 0; i <= ROUNDS; i++) {
    const round = { ghz: measureGhz(), copy: measureCopy(), ours: await row.ours.measure(), peers: [] as number[] };
    for (const peer of row.peers) round.peers.push(await peer.measure());
    if (i > 0) rounds.push(round);
  }
  return judge(row, rounds);
}

/** Subjects asked for, or all there are. */
function subjects(words: readonly string[]): string[] {
  const folder = dirname(fileURLToPath(import.meta.url));
  const all = readdirSync(folder)
    .filter((name) => name.endsWith(".bench.js"))
    .map((name) => name.slice(0, -".bench.js".length))
    .sort();
  const unknown = words.filter((word) => !all.includes(word));
  if (unknown.length > 0) throw new Error(`bench: no subject ${unknown.join(", ")}; there are: ${all.join(", ")}`);
  return words.length > 0 ? all.filter((name) => words.includes(name)) : all;
}

const COLUMNS = [50, 9, 10, 26, 7, 10, 7] as const;

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 0 || i === 3 || i === 6 ? cell.padEnd(COLUMNS[i] ?? 0) : cell.padStart(COLUMNS[i] ?? 0)))
    .join("  ")
    .trimEnd();
}

/** Three significant digits, without an exponent; of what was counted, all. */
function figure(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 6, useGrouping: false });
}

function tableLine(verdict: Verdict): string {
  const { row, ours, best, ratio, target, state } = verdict;
  return line([
    row.name,
    row.unit,
    figure(ours.median),
    best ? `${figure(best.median)} ${best.name}` : "-",
    ratio === undefined ? "-" : ratio.toFixed(2),
    target === undefined ? "-" : figure(target),
    state ?? "-",
  ]);
}

/** A verdict as plain data: the target as the row gives it, and as scaled to this machine. */
function record(subject: string, { row, target, ...rest }: Verdict) {
  const { name, unit, better } = row;
  return { subject, name, unit, better, ...rest, target: row.target, scaledTarget: target };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  const json = words.includes("--json");
  const asked = subjects(words.filter((word) => word !== "--json"));
  const records = [];
  let failed = 0;
  if (!json) console.log(line(["row", "unit", "ours", "best peer", "ratio", "target", ""]));
  for (const subject of asked) {
    try {
      const module = await import(
        pathToFileURL(join(dirname(fileURLToPath(import.meta.url)), `${subject}.bench.js`)).href
      );
      for (const row of await (module.default as Bench)()) {
        const verdict = await runRow(row);
        records.push(record(subject, verdict));
        if (!json) console.log(tableLine(verdict));
      }
    } catch (error) {
      failed++;
      say(`bench: ${subject}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  if (json) console.log(JSON.stringify({ rounds: ROUNDS, rows: records }, null, 2));
  return failed;
}

try {
  process.exitCode = (await main()) > 0 ? 1 : 0;
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
