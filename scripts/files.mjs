// Where the project is and what files it has: used by every script here. Only node: modules, for bootstrap runs
// before anything is installed.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder, absolute. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folders that are made, not written. */
const MADE = new Set(["node_modules", "build", "dist", "coverage", ".git", ".vscode", ".idea"]);

/**
 * Every file below `folder` (relative to the project, "" for all of it) whose name ends in one of `endings`, as sorted
 * paths with "/" relative to the project. A missing folder has no files.
 * @param {string} folder
 * @param {...string} endings
 * @returns {string[]}
 */
export function filesIn(folder, ...endings) {
  /** @type {string[]} */
  const found = [];
  walk(join(ROOT, folder), found);
  return found
    .map((path) => relative(ROOT, path).replaceAll("\\", "/"))
    .filter((path) => endings.length === 0 || endings.some((ending) => path.endsWith(ending)))
    .sort();
}

/**
 * @param {string} folder
 * @param {string[]} found
 */
function walk(folder, found) {
  const entries = statSync(folder, { throwIfNoEntry: false }) ? readdirSync(folder, { withFileTypes: true }) : [];
  for (const entry of entries) {
    if (MADE.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) walk(path, found);
    else if (entry.isFile()) found.push(path);
  }
}

/**
 * Text of a file of the project.
 * @param {string} path
 * @returns {string}
 */
export function textOf(path) {
  return readFileSync(join(ROOT, path), "utf8");
}

/**
 * One hash over names and contents: equal if and only if nothing changed.
 * @param {readonly string[]} paths
 * @returns {string}
 */
export function hashOf(paths) {
  const hash = createHash("sha256");
  for (const path of paths) {
    const bytes = readFileSync(join(ROOT, path));
    hash.update(`${path}\n${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/**
 * Writes a file so that a reader sees the old one or the new one, never half of it.
 * @param {string} path
 * @param {string | Uint8Array} content
 */
export function writeWhole(path, content) {
  const at = join(ROOT, path);
  mkdirSync(dirname(at), { recursive: true });
  const part = `${at}.${process.pid}.part`;
  writeFileSync(part, content);
  renameSync(part, at);
}
