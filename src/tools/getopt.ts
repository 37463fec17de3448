/**
 * Options as the C library's getopt() takes them apart: `-c 3`, `-c3`, `-nr`, in any place, until `--`.
 */

/** An option that is not known, or without its argument. */
export class OptionError extends Error {
  /** @param letter  the option */
  constructor(
    readonly letter: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Options {
  /** Was this letter given? */
  has(letter: string): boolean;
  /** How often it was given. */
  count(letter: string): number;
  /** Its argument, the last one given. */
  get(letter: string): string | undefined;
  /** What is no option, in order. */
  readonly operands: readonly string[];
}

/**
 * @param letters  the options there are, a colon behind those with an argument: "c:nq"
 * @throws OptionError, with the C library's words
 */
export function getopt(args: readonly string[], letters: string): Options {
  const found = new Map<string, string[]>();
  const add = (letter: string, value: string) => found.set(letter, [...(found.get(letter) ?? []), value]);
  const operands: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    if (word === "--") {
      operands.push(...args.slice(i + 1));
      break;
    }
    if (word.length < 2 || !word.startsWith("-")) {
      operands.push(word);
      continue;
    }
    for (let at = 1; at < word.length; at++) {
      const letter = word.charAt(at);
      const known = letter === ":" ? -1 : letters.indexOf(letter);
      if (known < 0) throw new OptionError(letter, `invalid option -- '${letter}'`);
      if (letters.charAt(known + 1) !== ":") {
        add(letter, "");
        continue;
      }
      // The rest of the word is the argument, or else the next word.
      const value = at + 1 < word.length ? word.slice(at + 1) : args[++i];
      if (value === undefined) throw new OptionError(letter, `option requires an argument -- '${letter}'`);
      add(letter, value);
      break;
    }
  }
  return {
    has: (letter) => found.has(letter),
    count: (letter) => found.get(letter)?.length ?? 0,
    get: (letter) => found.get(letter)?.at(-1),
    operands,
  };
}
