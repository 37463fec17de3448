// Source text made plain: comments and literals out of the way, so that a search finds code alone.

/**
 * The text with comments, and with string, template and regular-expression contents, replaced by spaces; line breaks
 * stay, so line numbers hold. With `keepStrings`, strings stay and comments alone go.
 * @param {string} text
 * @param {{ keepStrings?: boolean }} [options]
 * @returns {string}
 */
export function stripped(text, { keepStrings = false } = {}) {
  let out = "";
  let at = 0;
  while (at < text.length) {
    const end = literalEnd(text, at, out);
    if (end === at) {
      out += text[at++];
      continue;
    }
    const piece = text.slice(at, end);
    const isComment = piece.startsWith("//") || piece.startsWith("/*");
    out += keepStrings && !isComment ? piece : blank(piece, isComment);
    at = end;
  }
  return out;
}

/**
 * Spaces for a literal; the quotes stay, so that the code around keeps its shape.
 * @param {string} piece
 * @param {boolean} isComment
 */
function blank(piece, isComment) {
  const spaces = piece.replace(/[^\n]/g, " ");
  const isClosed = piece.length > 1 && piece.at(-1) === piece[0];
  return isComment || !isClosed ? spaces : piece[0] + spaces.slice(1, -1) + piece[0];
}

/**
 * Where the comment or literal that starts at `at` ends; `at` itself if none starts there.
 * @param {string} text
 * @param {number} at
 * @param {string} before code in front of it, which tells a division from a regular expression
 */
function literalEnd(text, at, before) {
  const two = text.slice(at, at + 2);
  if (two === "//") return endOf(text.indexOf("\n", at), text);
  if (two === "/*") return endOf(text.indexOf("*/", at + 2), text, 2);
  const quote = text[at];
  if (quote === '"' || quote === "'" || quote === "`") return closing(text, at, quote);
  if (quote === "/" && /(^|[=(,:;!&|?{}[]|return|=>)\s*$/.test(before.slice(-20))) return closing(text, at, "/");
  return at;
}

/**
 * @param {number} found
 * @param {string} text
 * @param {number} [length] of what was found
 */
function endOf(found, text, length = 0) {
  return found < 0 ? text.length : found + length;
}

/**
 * @param {string} text
 * @param {number} at
 * @param {string} quote
 */
function closing(text, at, quote) {
  let inClass = false;
  for (let i = at + 1; i < text.length; i++) {
    const c = text[i];
    if (c === "\\") i++;
    else if (quote === "/" && c === "[") inClass = true;
    else if (quote === "/" && c === "]") inClass = false;
    else if (c === quote && !inClass) return i + 1;
    else if (c === "\n" && quote !== "`") return i;
  }
  return text.length;
}

/**
 * Line number (from 1) of a position.
 * @param {string} text
 * @param {number} at
 */
export function lineAt(text, at) {
  return text.slice(0, at).split("\n").length;
}

/**
 * What a file imports or re-exports from: specifiers with the line each stands on.
 * @param {string} text
 * @returns {{ from: string, line: number }[]}
 */
export function importsOf(text) {
  const code = stripped(text, { keepStrings: true });
  const pattern = /(?:\bfrom|\bimport)\s*\(?\s*(["'])([^"'\n]+)\1/g;
  return [...code.matchAll(pattern)].map((match) => ({ from: match[2] ?? "", line: lineAt(code, match.index) }));
}
