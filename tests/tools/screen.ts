// A screen for commands under test: what they print, in order, and the status that they end with.
import type { Stack, VirtualClock } from "../../src/index.js";
import { type CommandContext, run } from "../../src/tools/command.js";
import { during } from "./hosts.js";

export interface Shown {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in virtual time. */
export async function shown(
  clock: VirtualClock,
  stack: Stack,
  line: string | readonly string[],
  more: Partial<CommandContext> = {},
): Promise<Shown> {
  const out: string[] = [];
  const err: string[] = [];
  const context: CommandContext = {
    stack,
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    signal: new AbortController().signal,
    ...more,
  };
  const status = await during(clock, run(line, context));
  return { status, out: out.join("\n"), err: err.join("\n") };
}
