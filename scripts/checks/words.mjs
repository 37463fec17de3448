// What may not stand in assembly/: whatever allocates, throws, or keeps state outside the linear memory.
import { lineAt, stripped } from "./source.mjs";

/** @type {readonly { pattern: RegExp, why: string }[]} */
const FORBIDDEN = [
  { pattern: /\bnew\s/g, why: "`new` allocates" },
  { pattern: /\bthrow\b/g, why: "`throw` traps" },
  { pattern: /\b(Static)?Array\s*</g, why: "`Array<` allocates" },
  { pattern: /\b(Map|Set)\s*</g, why: "`Map<` allocates" },
  { pattern: /\bstring\b/g, why: "`string` allocates" },
  {
    pattern: /\b(import|export)\s+type\b|\b(import|export)\s*\{[^}]*\btype\s+\w+[^}]*\}/g,
    why: "asc does not parse `type` in an import or export",
  },
  {
    pattern: /^[ \t]*@\w+(\([^)]*\))?\s*(export\s+)?(default\s+)?(declare\s+)?(function|const|let|var)\b/gm,
    why: "a decorator on a top-level function or variable is no TypeScript",
  },
];

/**
 * @param {string} path
 * @param {string} text
 * @returns {string[]}
 */
export function forbiddenWords(path, text) {
  const code = stripped(text);
  const found = FORBIDDEN.flatMap(({ pattern, why }) =>
    [...code.matchAll(pattern)].map((match) => ({ at: match.index + match[0].search(/\S/), why })),
  );
  const lets = mutableGlobals(code).map((at) => ({ at, why: "a module-level `let` is state outside the memory" }));
  return [...found, ...lets].sort((a, b) => a.at - b.at).map(({ at, why }) => `${path}:${lineAt(code, at)}: ${why}`);
}

/**
 * Positions of `let` and `var` outside of any bracket.
 * @param {string} code
 */
function mutableGlobals(code) {
  /** @type {number[]} */
  const found = [];
  let depth = 0;
  for (const match of code.matchAll(/[{([]|[})\]]|\b(let|var)\b/g)) {
    if ("{([".includes(match[0])) depth++;
    else if ("})]".includes(match[0])) depth--;
    else if (depth === 0) found.push(match.index);
  }
  return found;
}
