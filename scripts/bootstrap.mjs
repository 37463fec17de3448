// Before start, test, check and bench: makes what is missing or stale.  node scripts/bootstrap.mjs [start|all]
//   start: dependencies, release module, dist/     all: every module and kernel too
// Runs on a fresh clone, so it uses node: modules alone until `npm ci` is done. All words go to stderr: stdout belongs
// to the command that follows.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashOf, ROOT } from "./files.mjs";

const LOCK = "package-lock.json";
/** npm writes this one last, so its presence says that an install came to its end. */
const INSTALLED = join(ROOT, "node_modules/.package-lock.json");
const STAMP = join(ROOT, "node_modules/.installed-from");

/** @param {string} text */
function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * @param {string} text
 * @returns {never}
 */
function fail(text) {
  say(`ringstack: ${text}`);
  process.exit(1);
}

function demandNode() {
  const { engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const wanted = String(engines.node).replace(">=", "").split(".").map(Number);
  const have = process.versions.node.split(".").map(Number);
  const at = wanted.findIndex((part, i) => part !== have[i]);
  if (at >= 0 && (have[at] ?? 0) < (wanted[at] ?? 0)) {
    fail(`Node ${engines.node} is needed, this is ${process.versions.node}`);
  }
}

/** Whether node_modules is what the lock file says: by our stamp, or by an npm install that is younger than it. */
function isInstalled() {
  if (!existsSync(INSTALLED)) return false;
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === hashOf([LOCK])) return true;
  return statSync(INSTALLED).mtimeMs >= statSync(join(ROOT, LOCK)).mtimeMs;
}

/** `npm ci`, its words on stderr. */
function install() {
  say("ringstack: installing dependencies (npm ci)");
  const npm = process.env.npm_execpath;
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const stdio = /** @type {const} */ (["ignore", 2, 2]);
  const options = { cwd: ROOT, stdio: [...stdio], shell: !npm && process.platform === "win32" };
  const done = npm ? spawnSync(process.execPath, [npm, ...args], options) : spawnSync("npm", args, options);
  if (done.error) fail(`npm could not be run: ${done.error.message}`);
  if (done.status !== 0) fail("npm ci failed; its words stand above");
  writeFileSync(STAMP, hashOf([LOCK]));
}

demandNode();
const word = process.argv[2] ?? "all";
if (word !== "start" && word !== "all") fail(`bootstrap: unknown word "${word}"; start or all`);
if (!isInstalled()) install();
const { build } = await import("./build.mjs");
const wrongs = await build([word === "start" ? "release" : "all"]);
for (const wrong of wrongs) say(`build: ${wrong}`);
if (wrongs.length > 0) process.exit(1);
