#!/usr/bin/env node
/**
 * The `ringstack` command: takes its words apart and runs what they ask for. Exit codes: 0, 1 when what was asked for
 * has failed, 2 when it was asked for wrongly.
 */
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { demo } from "./demo.js";
import { lab } from "./lab.js";
import { tap } from "./tap.js";

const HELP = `usage: ringstack demo [--json]
       ringstack lab FILE [--script S] [--pcap DIR] [--seed N] [--real]
       ringstack tap --name NAME --ip ADDRESS/LENGTH [--gateway A] [--netns N]
                     [--mtu N] [--tun] [--forward] [--pcap FILE]

  demo         boot a stack and show what it does, a step at a time
    --json     one JSON object instead of text

  lab FILE     build the hosts, routers, links and switches of a topology file,
               and read lines such as "h1 ping -c 3 h2" from a prompt
    --script S run the lines of a file, in virtual time, and end
    --pcap DIR capture each interface into DIR/HOST-INTERFACE.pcapng
    --seed N   in place of the topology's: same seed, same frames
    --real     run the script in the machine's time

  tap          a stack beside Linux's: it answers by a TAP device of the kernel,
               and runs lines such as "ping 10.9.1.1" (Linux, root, koffi)
    --name N   the device; it is made, and gone at the end. With --ip, as often
               as there shall be devices
    --ip A/L   the stack's address there
    --gateway A  the stack's default route
    --netns N  the network namespace that has the devices: a name or a path
    --mtu N    of the devices
    --tun      TUN devices: IP packets without Ethernet
    --forward  the stack is a router
    --pcap FILE  capture all of its interfaces

  --help       this text
  --version    the version`;

/** A wrong command line. */
class UsageError extends Error {}

function version(): string {
  return String(createRequire(import.meta.url)("../../../package.json").version);
}

/** Every option of every command; which of them a command takes stands in COMMANDS. */
const OPTIONS = {
  json: { type: "boolean" },
  script: { type: "string" },
  pcap: { type: "string" },
  seed: { type: "string" },
  real: { type: "boolean" },
  name: { type: "string", multiple: true },
  ip: { type: "string", multiple: true },
  gateway: { type: "string" },
  netns: { type: "string" },
  mtu: { type: "string" },
  tun: { type: "boolean" },
  forward: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
} as const;

function parse(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

type Values = ReturnType<typeof parse>["values"];

interface CliCommand {
  readonly options: readonly (keyof Values)[];
  /** What its words without dashes are, for messages. */
  readonly operands: readonly string[];
  /** @returns the exit code */
  run(values: Values, operands: readonly string[]): Promise<number>;
}

const COMMANDS: Readonly<Record<string, CliCommand>> = {
  demo: {
    options: ["json"],
    operands: [],
    run: ({ json = false }) => demo({ version: version(), json }, process),
  },
  lab: {
    options: ["script", "pcap", "seed", "real"],
    operands: ["a topology's file"],
    run: ({ script, pcap, seed, real = false }, [file = ""]) => lab({ file, script, pcap, seed, real }, process),
  },
  tap: {
    options: ["name", "ip", "gateway", "netns", "mtu", "tun", "forward", "pcap"],
    operands: [],
    run: ({ name = [], ip = [], mtu, tun = false, forward = false, ...rest }) => {
      if (name.length === 0) throw new UsageError("tap: --name is missing");
      if (name.length !== ip.length) throw new UsageError("tap: each --name needs an --ip");
      if (mtu !== undefined && !/^\d{1,5}$/.test(mtu)) throw new UsageError(`tap: --mtu ${mtu} is no number`);
      const devices = name.map((device, i) => ({ name: device, ip: ip[i] as string }));
      return tap({ ...rest, devices, forward, tun, mtu: mtu === undefined ? undefined : Number(mtu) }, process);
    },
  },
};

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parse(args);
  const [name, ...operands] = positionals;
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  if (values.version) {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  if (name === undefined) throw new UsageError("a command is missing");
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`unknown command ${JSON.stringify(name)}`);
  const extra = operands[command.operands.length];
  if (extra !== undefined) throw new UsageError(`${name} takes no ${JSON.stringify(extra)}`);
  const missing = command.operands[operands.length];
  if (missing !== undefined) throw new UsageError(`${name}: ${missing} is missing`);
  for (const option of Object.keys(values) as (keyof Values)[]) {
    if (!command.options.includes(option)) throw new UsageError(`${name} takes no --${option}`);
  }
  return command.run(values, operands);
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
