/**
 * `traceroute`: its options, as Linux's has them.
 */
import { StackError } from "../../errors.js";
import { type Command, type CommandContext, CommandFailure, lookUp } from "../context.js";
import { getopt, OptionError, type Options } from "../getopt.js";
import { looseRoute } from "../ip-options.js";
import { LEAST_LENGTH, type TracerouteOptions, traceroute, tracerouteFailure } from "../traceroute.js";

const USAGE = `Usage:
  traceroute [ -4FIn ] [ -f first_ttl ] [ -g gate,... ] [ -i device ] [ -m max_ttl ] [ -p port ] [ -w MAX ] [ -q nqueries ] [ -s src_addr ] host [ packetlen ]
Options:
  -4                          Use IPv4
  -F                          Do not fragment packets
  -f first_ttl                Start from the first_ttl hop (instead from 1)
  -g gate,...                 Route packets through the specified gateway
                              (maximum 8 for IPv4)
  -I                          Use ICMP ECHO for tracerouting
  -i device                   Specify a network interface to operate with
  -m max_ttl                  Set the max number of hops. Default is 30
  -n                          Do not resolve IP addresses to their domain names
  -p port                     Set the destination port to use (incremented by
                              each probe, default is 33434), or the initial
                              sequence for ICMP (default from 1)
  -w MAX                      Wait for a probe no more than MAX seconds
                              (default 5.0)
  -q nqueries                 Set the number of probes per each hop. Default is
                              3
  -s src_addr                 Use source src_addr for outgoing packets`;

/** In one option, beside the target. */
const MOST_GATEWAYS = 8;

/** A shell's status for a command that ^C has ended. */
const INTERRUPTED = 130;

export const tracerouteCommand: Command = async (args, context) => {
  const options = optionsOf(args);
  const [host, length, extra] = options.operands;
  if (host === undefined) {
    context.out(USAGE);
    return 0;
  }
  if (extra !== undefined) throw new CommandFailure(`Extra arg \`${extra}' (position 3, argc ${args.length})`, 2);
  const target = lookUp(context, host);
  if (target === undefined) {
    const hint = `Cannot handle "host" cmdline arg \`${host}' on position 1 (argc ${args.indexOf(host) + 1})`;
    throw new CommandFailure(`${host}: Name or service not known\n${hint}`, 2);
  }
  const run = runOptions(options, length, context);
  const named = (address: string) => (address === target ? host : undefined);
  try {
    await traceroute(context.stack, target, context.out, { ...run, name: host, nameOf: named }, context.signal);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    throw new CommandFailure(tracerouteFailure(error));
  }
  return context.signal.aborted ? INTERRUPTED : 0;
};

function optionsOf(args: readonly string[]): Options {
  try {
    return getopt(args, "4FInf:g:i:m:p:w:q:s:");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const at = args.findIndex((word) => word.startsWith("-") && word.includes(error.letter)) + 1;
    const isKnown = error.message.startsWith("option requires");
    const message = isKnown
      ? `Option \`-${error.letter}' (argc ${at}) requires an argument`
      : `Bad option \`-${error.letter}' (argc ${at})`;
    throw new CommandFailure(message, 2);
  }
}

function runOptions({ has, get }: Options, lengthText: string | undefined, context: CommandContext): TracerouteOptions {
  const maxHops = numberOf("m", get("m")) ?? 30;
  if (maxHops > 255) throw new CommandFailure("max hops cannot be more than 255", 2);
  const firstHop = numberOf("f", get("f")) ?? 1;
  if (firstHop < 1 || firstHop > maxHops) throw new CommandFailure("first hop out of range", 2);
  const probes = numberOf("q", get("q")) ?? 3;
  if (probes < 1 || probes > 10) throw new CommandFailure("no more than 10 probes per hop", 2);
  const port = numberOf("p", get("p"));
  if (port !== undefined && (port < 1 || port > 65535)) throw cannotHandle("p", String(port));
  const device = get("i");
  const ifindex = device === undefined ? undefined : context.stack.interfaceNamed(device)?.index;
  if (device !== undefined && ifindex === undefined) {
    throw new CommandFailure("setsockopt SO_BINDTODEVICE: No such device");
  }
  const wait = get("w");
  if (wait !== undefined && !/^\d{1,6}(\.\d*)?$|^\.\d+$/.test(wait)) throw cannotHandle("w", wait);
  const source = get("s");
  const address = source === undefined ? undefined : lookUp(context, source);
  if (source !== undefined && address === undefined) throw cannotHandle("s", source);
  const gates = get("g");
  const all = {
    maxHops,
    firstHop,
    probes,
    port,
    ifindex,
    source: address,
    length: lengthOf(lengthText),
    waitUs: wait === undefined ? undefined : Math.round(Number(wait) * 1e6),
    icmp: has("I"),
    numeric: has("n"),
    dontFragment: has("F"),
    ipOptions: gates === undefined ? undefined : looseRoute(gatewaysOf(gates, context)),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Of -g: "10.0.0.1,r2". */
function gatewaysOf(text: string, context: CommandContext): string[] {
  const gateways = text.split(",").map((gate) => lookUp(context, gate));
  if (gateways.length > MOST_GATEWAYS) throw new CommandFailure("Too many gateways specified.", 2);
  if (!gateways.every((gate) => gate !== undefined)) throw cannotHandle("g", text);
  return gateways;
}

function cannotHandle(letter: string, text: string): CommandFailure {
  return new CommandFailure(`Cannot handle \`-${letter}' option with arg \`${text}'`, 2);
}

function numberOf(letter: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw cannotHandle(letter, text);
  return Number(text);
}

/** Raised to what the headers need, as the real one does. */
function lengthOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) {
    throw new CommandFailure(`Cannot handle "packetlen" cmdline arg \`${text}' on position 2`, 2);
  }
  if (Number(text) > 65000) throw new CommandFailure(`too big packetlen ${text} specified`, 2);
  return Math.max(LEAST_LENGTH, Number(text));
}
