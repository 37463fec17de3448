// Inlining where it pays. Binaryen inlines by the size of the callee, into whoever calls it: large limits make the packet
// path a tenth faster and everything else a third larger. So, before it optimises, each small function that the packet
// path calls gets a copy for these callers alone, and only copies may be inlined by the large limits (RUNS of build.mjs).
// What the packet path is, hot.txt says: the functions that the benchmarks run again and again, as counted by
// scripts/profile.mjs. Run that when the path has changed.
import { textOf } from "./files.mjs";

/** Lines of asc's text up to which a function of the packet path has copies. */
const SMALL_LINES = 60;
/** Lines up to which any function has: its body is no longer than a call, as that of an accessor. */
export const TINY_LINES = 12;

/** What asc puts before the names of our functions, and what takes its place in those of copies. */
export const OURS = "assembly/";
const COPY = "hot/";
/** Where the packet path is written down. */
export const LIST = "scripts/hot.txt";

/**
 * A module's text, as asc writes it: what stands before the functions, and these by name.
 * @param {string} wat
 */
export function functionsOf(wat) {
  const [head = "", ...texts] = wat.slice(0, wat.lastIndexOf(")")).split(/^(?= \(func )/m);
  /** @type {Map<string, string>} */
  const functions = new Map(texts.map((text) => [/^ \(func \$([^\s)]+)/.exec(text)?.[1] ?? "", text]));
  return { head, functions };
}

/** @param {string} text of a function */
export function linesOf(text) {
  return text.split("\n").length;
}

/** Names of the functions in hot.txt: of each file of assembly/ a line. */
function listed() {
  const lines = textOf(LIST)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return lines.flatMap((line) => {
    const [file = "", ...names] = line.split(" ");
    return names.map((name) => `${OURS}${file}/${name}`);
  });
}

/**
 * The text of a module, as asc writes it, with copies of small functions for the packet path.
 * @param {string} wat
 * @returns {{ text: string, missing: string[] }} missing: what hot.txt names and the module does not have
 */
export function withHotCopies(wat) {
  const { head, functions } = functionsOf(wat);
  const hot = new Set(listed());
  /** @param {string} name @param {string} text */
  const hasCopies = (name, text) => linesOf(text) <= (hot.has(name) ? SMALL_LINES : TINY_LINES);
  const small = new Set([...functions].filter(([name, text]) => hasCopies(name, text)).map(([name]) => name));
  /** @type {Set<string>} */
  const wanted = new Set();
  /** @param {string} text */
  const callingCopies = (text) =>
    text.replace(/\bcall \$assembly\/([^\s)]+)/g, (call, name) => {
      if (!small.has(OURS + name)) return call;
      wanted.add(name);
      return `call $${COPY}${name}`;
    });
  const result = [...functions].map(([name, text]) => (hot.has(name) ? callingCopies(text) : text));
  // A set yields what is added while it is gone through: what copies call.
  for (const name of wanted) {
    const text = functions.get(OURS + name) ?? "";
    result.push(callingCopies(text.replace(`$${OURS}${name}`, `$${COPY}${name}`)));
  }
  return { text: `${head}${result.join("")})\n`, missing: [...hot].filter((name) => !functions.has(name)) };
}
