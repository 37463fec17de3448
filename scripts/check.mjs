// npm run check: everything that can be said about the project without running it. One line a check, what is wrong
// below it; exit 1 if any failed. Needs node_modules and the built modules (scripts/bootstrap.mjs sees to both).
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { exportFaults } from "./checks/abi-doc.mjs";
import { cycles, HOUSES, wrongImports } from "./checks/layers.mjs";
import { lockFaults, longFiles, phraseFaults, sizeFaults } from "./checks/tree.mjs";
import { moduleFaults, readModule } from "./checks/wasm.mjs";
import { forbiddenWords } from "./checks/words.mjs";
import { filesIn, ROOT, textOf } from "./files.mjs";

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {() => string[]} run answers what is wrong; a line that starts with "note: " is not wrong
 */

/** Modules that ship. */
const SHIPPED = ["release", "scalar", "size"];

/**
 * Runs a program of node_modules/.bin's packages by node; its words are the faults.
 * @param {readonly string[]} args
 * @returns {string[]}
 */
function program(...args) {
  const env = { ...process.env, NO_COLOR: "1" };
  const done = spawnSync(process.execPath, [...args], { cwd: ROOT, encoding: "utf8", env, maxBuffer: 1 << 26 });
  if (done.error) return [String(done.error)];
  const words = `${done.stdout}${done.stderr}`.trimEnd();
  return done.status === 0 ? [] : [words === "" ? `${args[0]} ended with ${done.status}` : words];
}

/** @param {string} project */
function typecheck(project) {
  return program("node_modules/typescript/bin/tsc", "-p", project, "--noEmit", "--pretty", "false");
}

/** @param {readonly string[]} paths */
function sources(paths) {
  return paths.map((path) => ({ path, text: textOf(path) }));
}

/** @param {string} name */
function moduleBytes(name) {
  return readFileSync(join(ROOT, `build/${name}.wasm`));
}

/** Text files of the project. */
function texts() {
  return filesIn("", ".ts", ".mjs", ".js", ".json", ".md", ".c", ".h", ".sh", ".yml", ".tsv", ".txt", "run").filter(
    (path) => path !== "package-lock.json" && !path.endsWith(".generated.ts"),
  );
}

function sizes() {
  const built = SHIPPED.filter((name) => existsSync(join(ROOT, `build/${name}.wasm`)));
  return Object.fromEntries(built.map((name) => [name, moduleBytes(name).length]));
}

function sizeCheck() {
  const budget = JSON.parse(textOf("scripts/size-budget.json"));
  const notes = Object.entries(sizes()).map(([name, bytes]) => {
    const share = budget[name] ? ` of ${budget[name]}, ${((100 * bytes) / budget[name]).toFixed(0)} %` : "";
    return `note: ${name} ${bytes} bytes${share}`;
  });
  return [...notes, ...sizeFaults(budget, sizes())];
}

function abiDocCheck() {
  const page = existsSync(join(ROOT, "docs/ABI.md")) ? textOf("docs/ABI.md") : undefined;
  return SHIPPED.flatMap((name) =>
    exportFaults(page, readModule(moduleBytes(name)).exports).map((f) => `${name}: ${f}`),
  );
}

/** @type {readonly Check[]} */
export const CHECKS = [
  {
    name: "format and lint",
    run: () => program("node_modules/@biomejs/biome/bin/biome", "check", "--colors=off", "--error-on-warnings", "."),
  },
  { name: "types of src and bench", run: () => typecheck("tsconfig.json") },
  { name: "types of src without Node", run: () => typecheck("tsconfig.core.json") },
  { name: "types of tests, examples, scripts", run: () => typecheck("tsconfig.tests.json") },
  { name: "types of assembly", run: () => typecheck("assembly") },
  { name: "types of assembly's specs", run: () => typecheck("tests/assembly") },
  { name: "types of assembly's kernels", run: () => typecheck("bench/assembly") },
  {
    name: "import direction",
    run: () => HOUSES.flatMap((house) => wrongImports(house, sources(filesIn(house.folder, ".ts")))),
  },
  { name: "import cycles", run: () => HOUSES.flatMap((house) => cycles(sources(filesIn(house.folder, ".ts")))) },
  {
    name: "forbidden words in assembly",
    run: () => sources(filesIn("assembly", ".ts")).flatMap(({ path, text }) => forbiddenWords(path, text)),
  },
  {
    name: "modules: no import, growth, allocator, mutable global",
    run: () => SHIPPED.flatMap((name) => moduleFaults(name, moduleBytes(name), textOf(`build/${name}.wat`))),
  },
  { name: "exports as in docs/ABI.md", run: abiDocCheck },
  { name: "module sizes", run: sizeCheck },
  {
    name: "phrases",
    run: () => sources(texts()).flatMap(({ path, text }) => phraseFaults(path, text)),
  },
  { name: "lock file", run: () => lockFaults(textOf("package-lock.json")) },
  {
    name: "file lengths",
    run: () =>
      sources(filesIn("", ".ts", ".mjs").filter((path) => !path.endsWith(".generated.ts")))
        .flatMap(({ path, text }) => longFiles(path, text))
        .map((line) => `note: ${line}`),
  },
];

/**
 * Runs every check and prints a line for each.
 * @param {(line: string) => void} print
 * @returns {{ passed: number, failed: number }}
 */
export function runChecks(print, checks = CHECKS) {
  let failed = 0;
  for (const { name, run } of checks) {
    const lines = attempt(run);
    const isWrong = lines.some((line) => !line.startsWith("note: "));
    if (isWrong) failed++;
    print(`${isWrong ? "FAIL" : "ok  "} ${name}`);
    for (const line of lines) print(`     ${line.replaceAll("\n", "\n     ")}`);
  }
  return { passed: checks.length - failed, failed };
}

/** @param {() => string[]} run */
function attempt(run) {
  try {
    return run();
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { passed, failed } = runChecks((line) => process.stdout.write(`${line}\n`));
  process.stdout.write(`check: ${passed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}
