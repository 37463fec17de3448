/**
 * The commands by name, and running a line of them: what a prompt, a script and the command line share.
 */
import { StackError } from "../errors.js";
import { arpCommand } from "./commands/arp.js";
import { tcpEchoCommand, udpEchoCommand } from "./commands/echo.js";
import { httpServerCommand } from "./commands/http-server.js";
import { ifconfigCommand } from "./commands/ifconfig.js";
import { iperfCommand } from "./commands/iperf.js";
import { ncCommand } from "./commands/nc.js";
import { netstatCommand } from "./commands/netstat.js";
import { pingCommand } from "./commands/ping.js";
import { routeCommand } from "./commands/route.js";
import { ssCommand } from "./commands/ss.js";
import { sysctlCommand } from "./commands/sysctl.js";
import { tcpdumpCommand } from "./commands/tcpdump.js";
import { tracerouteCommand } from "./commands/traceroute.js";
import { type Command, type CommandContext, CommandFailure } from "./context.js";
import { QuoteError, splitWords } from "./words.js";

export { type Command, type CommandContext, CommandFailure, type CommandFiles } from "./context.js";
export { QuoteError, splitWords } from "./words.js";

const hostname: Command = async (args, { stack, out }) => {
  if (args.length > 0) throw new CommandFailure("hostname: only shows the name: it cannot be changed");
  out(stack.name);
  return 0;
};

const help: Command = async (_args, { out }) => {
  out([...COMMANDS.keys()].join(" "));
  return 0;
};

const ALL: readonly (readonly [string, Command])[] = [
  ["arp", arpCommand],
  ["help", help],
  ["hostname", hostname],
  ["http-server", httpServerCommand],
  ["ifconfig", ifconfigCommand],
  ["iperf", iperfCommand],
  ["nc", ncCommand],
  ["netstat", netstatCommand],
  ["ping", pingCommand],
  ["route", routeCommand],
  ["ss", ssCommand],
  ["sysctl", sysctlCommand],
  ["tcp-echo", tcpEchoCommand],
  ["tcpdump", tcpdumpCommand],
  ["traceroute", tracerouteCommand],
  ["udp-echo", udpEchoCommand],
];

/** Every command. None rejects for what its user or its stack did wrong: it says so and answers a status. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(ALL.map(([name, act]) => [name, speaking(name, act)]));

/** The command with its failures as words on standard error. */
function speaking(name: string, act: Command): Command {
  return async (args, context) => {
    try {
      return await act(args, context);
    } catch (error) {
      if (error instanceof CommandFailure) {
        context.err(error.message);
        return error.status;
      }
      if (!(error instanceof StackError)) throw error;
      context.err(`${name}: ${error.message}`);
      return 1;
    }
  };
}

/**
 * Runs a command line, or its words.
 * @returns the exit status: the command's own, 127 for one that is not known, 2 for a quote without its end, 0 for
 *   nothing to do
 * @throws (by rejection) an Error with code ERR_STACK_RESTORED when the stack's clock is restored meanwhile
 */
export async function run(line: string | readonly string[], context: CommandContext): Promise<number> {
  let words: readonly string[];
  try {
    words = typeof line === "string" ? splitWords(line) : line;
  } catch (error) {
    if (!(error instanceof QuoteError)) throw error;
    context.err(error.message);
    return 2;
  }
  const [name, ...args] = words;
  if (name === undefined) return 0;
  const command = COMMANDS.get(name);
  if (command === undefined) {
    context.err(`${name}: command not found`);
    return 127;
  }
  return command(args, context);
}
