// npm test: check, as-pect (tests/assembly), vitest (the rest of tests/). The last line is "N passed, N failed", summed
// over both runners, with every failed check a failure; a runner that finds no test is a failure too.
//   node scripts/test.mjs [words for vitest]…
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { runChecks } from "./check.mjs";
import { ROOT } from "./files.mjs";

/** @typedef {{ passed: number, failed: number, skipped: number, note?: string }} Counts */

const ASPECT = ["node_modules/@as-pect/cli/bin/asp", "--config", "as-pect.config.js"];
const ASPECT_ARGS = [...ASPECT, "--as-config", "as-pect.asconfig.json", "--summary"];
const VITEST_ARGS = ["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json"];
const VITEST_JSON = "build/vitest.json";

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}

/**
 * Runs a program, shows its words as they come, and keeps them.
 * @param {readonly string[]} args
 * @returns {Promise<{ code: number, output: string }>}
 */
function shown(args) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: "1" };
    const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
        process.stdout.write(text);
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/**
 * Counts from as-pect's summary. A spec that does not compile, or traps, ends the runner before it.
 * @param {number} code
 * @param {string} output
 * @returns {Counts}
 */
export function aspectCounts(code, output) {
  const tests = /\[Tests\]: (\d+) \/ (\d+)/.exec(stripVTControlCharacters(output));
  const passed = Number(tests?.[1] ?? 0);
  const failed = Number(tests?.[2] ?? 0) - passed;
  return honest("as-pect", code, { passed, failed, skipped: 0 });
}

/**
 * Counts from vitest's JSON report; a file that could not be loaded is one failure.
 * @param {number} code
 * @param {string | undefined} json undefined = no report was written
 * @returns {Counts}
 */
export function vitestCounts(code, json) {
  if (json === undefined) return honest("vitest", code, { passed: 0, failed: 0, skipped: 0 });
  const report = JSON.parse(json);
  const unloaded = report.testResults.filter(
    (/** @type {any} */ file) => file.status === "failed" && file.assertionResults.length === 0,
  ).length;
  return honest("vitest", code, {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded,
    skipped: report.numPendingTests + report.numTodoTests,
  });
}

/**
 * A runner that found nothing, or says by its exit code that something went wrong, has a failure to show.
 * @param {string} runner
 * @param {number} code
 * @param {Counts} counts
 * @returns {Counts}
 */
function honest(runner, code, counts) {
  if (counts.failed > 0 || (counts.passed > 0 && code === 0)) return counts;
  const isEmpty = counts.passed === 0;
  const note = isEmpty ? "no test was found, or none came to its end" : `ended with ${code} though no test failed`;
  return { ...counts, failed: 1, note: `${runner}: ${note}` };
}

/**
 * The last line.
 * @param {readonly Counts[]} all
 */
export function lastLine(all) {
  /** @param {"passed" | "failed" | "skipped"} key */
  const sum = (key) => all.reduce((total, counts) => total + counts[key], 0);
  const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
  return `${sum("passed")} passed, ${sum("failed")} failed${skipped}`;
}

/** @param {readonly string[]} words */
async function runVitest(words) {
  rmSync(join(ROOT, VITEST_JSON), { force: true });
  const { code } = await shown([...VITEST_ARGS, `--outputFile.json=${VITEST_JSON}`, ...words]);
  /** @type {string | undefined} */
  let json;
  try {
    json = readFileSync(join(ROOT, VITEST_JSON), "utf8");
  } catch {
    json = undefined;
  }
  return vitestCounts(code, json);
}

async function main() {
  print("== check");
  const check = runChecks(print);
  print("== as-pect");
  const specs = await shown(ASPECT_ARGS);
  const aspect = aspectCounts(specs.code, specs.output);
  print("== vitest");
  const vitest = await runVitest(process.argv.slice(2));
  /** @type {readonly Counts[]} */
  const counts = [{ passed: 0, failed: check.failed, skipped: 0 }, aspect, vitest];
  for (const { note } of counts) if (note) print(note);
  process.exitCode = counts.some(({ failed }) => failed > 0) ? 1 : 0;
  print(lastLine(counts));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
