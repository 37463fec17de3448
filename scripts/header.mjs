// C's view of the boundary: node scripts/header.mjs writes build/ringstack.h from tsc's output
// of assembly/abi (dist/assembly/abi/*.js), the one source of those numbers.
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { filesIn, ROOT, writeWhole } from "./files.mjs";

/**
 * @typedef {object} AbiFile
 * @property {string} path
 * @property {Record<string, unknown>} constants name -> value, in the order of names
 */

/**
 * The constants of every file of assembly/abi, read from dist/.
 * @returns {Promise<AbiFile[]>}
 */
export async function readAbi() {
  const files = filesIn("assembly/abi", ".ts");
  return Promise.all(
    files.map(async (path) => {
      const made = join(ROOT, "dist/assembly/abi", `${basename(path, ".ts")}.js`);
      return { path, constants: { ...(await import(pathToFileURL(made).href)) } };
    }),
  );
}

/**
 * A value as C's preprocessor takes it: decimal while small, hexadecimal and unsigned from 2^31 on.
 * @param {number} value
 * @returns {string}
 */
function literal(value) {
  if (value < 0) return `(${value})`;
  return value > 0x7fffffff ? `0x${value.toString(16)}u` : String(value);
}

/**
 * The header's text.
 * @param {readonly AbiFile[]} files
 * @returns {string}
 * @throws Error on a constant that is no 32-bit integer, and on a name given twice.
 */
export function headerText(files) {
  const lines = [
    "/* Made by scripts/header.mjs from assembly/abi: do not edit. */",
    "#ifndef RINGSTACK_H",
    "#define RINGSTACK_H",
  ];
  /** @type {Map<string, string>} */
  const seen = new Map();
  for (const { path, constants } of files) {
    lines.push("", `/* ${path} */`);
    for (const [name, value] of Object.entries(constants)) {
      if (typeof value !== "number" || !Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 32) {
        throw new Error(`${path}: ${name} is no 32-bit integer, so C cannot have it`);
      }
      const other = seen.get(name);
      if (other) throw new Error(`${name} is both in ${other} and in ${path}`);
      seen.set(name, path);
      lines.push(`#define RS_${name} ${literal(value)}`);
    }
  }
  return [...lines, "", "#endif", ""].join("\n");
}

/** Writes build/ringstack.h. */
export async function writeHeader() {
  writeWhole("build/ringstack.h", headerText(await readAbi()));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await writeHeader();
