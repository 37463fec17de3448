/**
 * `ping`: its options, as iputils has them.
 */
import { parseIpv4 } from "../../address.js";
import { type Command, type CommandContext, CommandFailure, lookUp } from "../context.js";
import { getopt, OptionError, type Options } from "../getopt.js";
import { recordRoute, type TimestampKind, timestamps } from "../ip-options.js";
import { integerOf, secondsOf } from "../numbers.js";
import { type PingRunOptions, type PingSummary, ping } from "../ping.js";

const USAGE = `
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -4                 use IPv4
  -b                 allow pinging broadcast
  -c <count>         stop after <count> replies
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -M <pmtud opt>     define mtu discovery, can be one of <do|dont|want|probe>
  -n                 no dns name resolution
  -q                 quiet output
  -Q <tclass>        use quality of service <tclass> bits
  -R                 record route
  -s <size>          use <size> as number of data bytes to be sent
  -t <ttl>           define time to live
  -T <timestamp>     define timestamp, can be one of <tsonly|tsandaddr|tsprespec>
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response
`;

/** More than that many bytes of data are in no datagram: iputils' kernel refuses each. */
const MOST_DATA = 65507;

export const pingCommand: Command = async (args, context) => {
  const options = optionsOf(args);
  const run = runOptions(options, context);
  const target = options.operands.at(-1);
  if (target === undefined) throw new CommandFailure("ping: usage error: Destination address required");
  const address = addressOf(target, context);
  if (!options.has("b") && isBroadcast(address, context)) {
    const words = "Do you want to ping broadcast? Then -b. If not, check your local firewall rules";
    throw new CommandFailure(`ping: ${words}`, 2);
  }
  if (options.has("b") && isBroadcast(address, context)) context.err("WARNING: pinging broadcast address");
  const ipOptions = ipOptionsOf(options, context);
  const more = { name: target, err: context.err, ...(ipOptions === undefined ? {} : { ipOptions }) };
  const summary = await ping(context.stack, address, context.out, { ...run, ...more }, context.signal);
  return statusOf(summary, run);
};

/** 2 where nothing could be sent; 1 without an answer, or with fewer than were asked for by the deadline. */
function statusOf({ transmitted, received }: PingSummary, { count = 0, deadlineUs }: PingRunOptions): number {
  if (transmitted === 0) return 2;
  return received === 0 || (deadlineUs !== undefined && received < count) ? 1 : 0;
}

function optionsOf(args: readonly string[]): Options {
  try {
    return getopt(args, "4bc:I:i:M:nqQ:Rs:t:T:w:W:");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`ping: ${error.message}\n${USAGE}`, 2);
  }
}

function runOptions({ has, get }: Options, context: CommandContext): PingRunOptions {
  const number = (letter: string, least: number, most: number, shown?: string) => {
    const text = get(letter);
    return text === undefined ? undefined : integerOf("ping", text, least, most, shown);
  };
  const seconds = (letter: string) => {
    const text = get(letter);
    return text === undefined ? undefined : secondsOf("ping", text);
  };
  const all = {
    count: number("c", 1, Number.MAX_SAFE_INTEGER, "9223372036854775807"),
    intervalUs: seconds("i"),
    size: number("s", 0, MOST_DATA),
    ttl: ttlOf(number("t", 0, 255)),
    tos: number("Q", 0, 255),
    timeoutUs: seconds("W"),
    deadlineUs: seconds("w"),
    quiet: has("q"),
    numeric: has("n"),
    broadcast: has("b"),
    discover: discoverOf(get("M")),
    ...fromOf(get("I"), context),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function ttlOf(ttl: number | undefined): number | undefined {
  if (ttl === 0) throw new CommandFailure("ping: cannot set unicast time-to-live: Invalid argument", 2);
  return ttl;
}

function discoverOf(text: string | undefined): PingRunOptions["discover"] {
  if (text === undefined || text === "do" || text === "dont" || text === "want" || text === "probe") return text;
  throw new CommandFailure(`ping: invalid -M argument: ${text}`, 2);
}

/** -I: an own address, or an interface. */
function fromOf(text: string | undefined, { stack }: CommandContext): Pick<PingRunOptions, "source" | "device"> {
  if (text === undefined) return {};
  if (parseIpv4(text) !== undefined) return { source: text };
  if (stack.interfaceNamed(text) === undefined) {
    throw new CommandFailure(`ping: SO_BINDTODEVICE ${text}: No such device`, 2);
  }
  return { device: text };
}

function addressOf(host: string, context: CommandContext): string {
  const address = lookUp(context, host);
  if (address === undefined) throw new CommandFailure(`ping: ${host}: Name or service not known`, 2);
  return address;
}

function isBroadcast(address: string, { stack }: CommandContext): boolean {
  if (address === "255.255.255.255") return true;
  return stack.interfaces.some((nif) => nif.addresses.some(({ broadcast }) => broadcast === address));
}

const KINDS: readonly string[] = ["tsonly", "tsandaddr", "tsprespec"];

/** -R and -T; with tsprespec the operands before the target are the hosts whose times are asked for. */
function ipOptionsOf({ has, get, operands }: Options, context: CommandContext): Uint8Array | undefined {
  const kind = get("T");
  const before = operands.slice(0, -1);
  if (kind !== undefined && !KINDS.includes(kind)) throw new CommandFailure(`ping: invalid timestamp type: ${kind}`, 2);
  if (kind !== undefined && has("R")) throw new CommandFailure("ping: only one of -T or -R may be used", 2);
  if (kind !== "tsprespec" && before.length > 0)
    throw new CommandFailure(`ping: ${before[0]}: one destination only`, 2);
  if (has("R")) return recordRoute();
  if (kind === undefined) return undefined;
  const hosts = kind === "tsprespec" ? operands.map((host) => addressOf(host, context)) : [];
  // The target stands for itself where no other host is named.
  const asked = hosts.length > 1 ? hosts.slice(0, -1) : hosts;
  if (asked.length > 4) throw new CommandFailure("ping: no more than 4 addresses have room in the option", 2);
  return timestamps(kind as TimestampKind, asked);
}
