/**
 * `ss`: -t TCP, -u UDP, -w raw; -a all states, -l what waits for a peer; -i -m -o -e details; -H without the first line.
 * -n changes nothing: there are no names for ports.
 */
import { type Command, CommandFailure } from "../context.js";
import { getopt, OptionError } from "../getopt.js";
import { ss } from "../ss.js";

const USAGE = `Usage: ss [ OPTIONS ]
   -n, --numeric       don't resolve service names
   -a, --all           display all sockets
   -l, --listening     display listening sockets
   -o, --options       show timer information
   -e, --extended      show detailed socket information
   -m, --memory        show socket memory usage
   -i, --info          show internal TCP information
   -t, --tcp           display only TCP sockets
   -u, --udp           display only UDP sockets
   -w, --raw           display only RAW sockets
   -H, --no-header     Suppress header line`;

const KINDS = { t: "tcp", u: "udp", w: "raw" } as const;

export const ssCommand: Command = async (args, { stack, out }) => {
  const options = optionsOf(args);
  if (options.has("h")) {
    out(USAGE);
    return 0;
  }
  const only = Object.entries(KINDS)
    .filter(([letter]) => options.has(letter))
    .map(([, kind]) => kind);
  const text = ss(stack, {
    all: options.has("a"),
    listening: options.has("l"),
    info: options.has("i"),
    memory: options.has("m"),
    timers: options.has("o"),
    extended: options.has("e"),
    bare: options.has("H"),
    ...(only.length === 0 ? {} : { only }),
  });
  if (text !== "") out(text);
  return 0;
};

const LONG: Readonly<Record<string, string>> = {
  "--numeric": "-n",
  "--all": "-a",
  "--listening": "-l",
  "--options": "-o",
  "--extended": "-e",
  "--memory": "-m",
  "--info": "-i",
  "--tcp": "-t",
  "--udp": "-u",
  "--raw": "-w",
  "--no-header": "-H",
  "--help": "-h",
};

function optionsOf(args: readonly string[]) {
  try {
    const options = getopt(
      args.map((word) => LONG[word] ?? word),
      "nalotuweimHh4",
    );
    if (options.operands.length > 0) throw new CommandFailure(`ss: there are no filters here\n${USAGE}`, 255);
    return options;
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`ss: ${error.message}\n${USAGE}`, 255);
  }
}
