#!/usr/bin/env node
/**
 * The `ringstack` command: takes its words apart and runs what they ask for. Exit codes: 0, 1 when what was asked for
 * has failed, 2 when it was asked for wrongly.
 */
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { demo } from "./demo.js";

const HELP = `usage: ringstack demo [--json]

  demo         boot a stack and show what it does, a step at a time
    --json     one JSON object instead of text

  --help       this text
  --version    the version`;

/** A wrong command line. */
class UsageError extends Error {}

function version(): string {
  return String(createRequire(import.meta.url)("../../../package.json").version);
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        version: { type: "boolean", short: "v", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parse(args);
  const [command, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  if (values.version) {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  if (command === undefined) throw new UsageError("a command is missing");
  if (command !== "demo") throw new UsageError(`unknown command ${JSON.stringify(command)}`);
  if (rest.length > 0) throw new UsageError(`demo takes no ${JSON.stringify(rest[0])}`);
  return demo({ version: version(), json: values.json }, process);
}

// A reader that has seen enough, as `head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError;
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`ringstack: ${text}${isUsage ? "; see ringstack --help" : ""}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
