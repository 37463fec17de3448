/**
 * What a command is given and what it answers. A command prints whole lines, depends on no clock but its stack's, and
 * ends when its signal says so, as it would at ^C.
 */
import { parseIpv4 } from "../address.js";
import { StackError } from "../errors.js";
import type { Stack } from "../stack.js";

export interface CommandFiles {
  /** Undefined where there is no such file. */
  read(path: string): Uint8Array | undefined;
  /** Begins the file anew; the answered function adds to it. */
  append(path: string): (chunk: Uint8Array) => void;
}

export interface CommandContext {
  readonly stack: Stack;
  /** Standard output: one or more whole lines, without the last one's end. */
  readonly out: (text: string) => void;
  /** Standard error, likewise. */
  readonly err: (text: string) => void;
  /** ^C: a lasting command prints its summary, if it has one, and ends. */
  readonly signal: AbortSignal;
  /** Address of a host's name; undefined for one that is not known. */
  readonly resolve?: (name: string) => string | undefined;
  /** Standard input, a line at a time; at its end from the start unless given. */
  readonly input?: AsyncIterable<string>;
  /** Where captures are written and read; none unless given. */
  readonly files?: CommandFiles;
  /** Milliseconds since 1970 at the clock's time 0; 0 unless given. */
  readonly epochMs?: number;
}

/** @returns the exit status that the classic tool has */
export type Command = (args: readonly string[], context: CommandContext) => Promise<number>;

/** Ends a command with words for standard error. */
export class CommandFailure extends Error {
  constructor(
    message: string,
    readonly status = 1,
  ) {
    super(message);
  }
}

/** The address that a name or an address means, or undefined. A stack knows localhost and its own name. */
export function lookUp({ resolve, stack }: CommandContext, host: string): string | undefined {
  if (parseIpv4(host) !== undefined) return host;
  if (host === "localhost") return "127.0.0.1";
  const known = resolve?.(host);
  if (known !== undefined || host !== stack.name) return known;
  const own = stack.interfaces.find(({ medium, addresses }) => medium !== "loopback" && addresses.length > 0);
  return own?.addresses[0]?.address;
}

/** Runs `act`; where the stack refuses, fails with the words that `message` has for the error's code. */
export function orFail<T>(act: () => T, message: (code: string) => string, status = 1): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof StackError) throw new CommandFailure(message(error.code), status);
    throw error;
  }
}
