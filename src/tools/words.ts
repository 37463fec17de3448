/**
 * A command line taken apart into words as a shell does: blanks part them, quotes and backslashes keep them together.
 */

/** A quote without its end. */
export class QuoteError extends Error {
  constructor(quote: string) {
    super(`unexpected EOF while looking for matching \`${quote}'`);
  }
}

const ESCAPED: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\", "'": "'" };

/**
 * 'single' quotes keep all as it is, "double" ones all but a backslash before " \ $ or `; outside, a backslash keeps
 * the next character. In $'such' quotes \n, \r and \t are what they are in C; \\ and \' themselves.
 * @throws QuoteError
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'" || char === '"') {
      const quoted = quotedAt(line, at);
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (line.startsWith("$'", at)) {
      const quoted = escapedAt(line, at + 1);
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (char === "\\" && at + 1 < line.length) {
      word = (word ?? "") + line.charAt(++at);
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** The text within the quotes that begin at `start`, and where they end. */
function quotedAt(line: string, start: number): { text: string; end: number } {
  const quote = line.charAt(start);
  let text = "";
  for (let at = start + 1; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === quote) return { text, end: at };
    if (quote === '"' && char === "\\" && '"\\$`'.includes(line.charAt(at + 1) || " ")) text += line.charAt(++at);
    else text += char;
  }
  throw new QuoteError(quote);
}

/** Likewise of $'…', whose quote stands at `start`. */
function escapedAt(line: string, start: number): { text: string; end: number } {
  let text = "";
  for (let at = start + 1; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === "'") return { text, end: at };
    const escaped = char === "\\" ? ESCAPED[line.charAt(at + 1)] : undefined;
    text += escaped ?? char;
    if (escaped !== undefined) at++;
  }
  throw new QuoteError("'");
}
