/**
 * `route add` and `route del`, in net-tools' words:
 *   add|del [-net|-host] TARGET[/LEN] [netmask MASK] [gw ROUTER] [metric N] [reject] [[dev] INTERFACE]
 */
import { formatIpv4, ipv4, parseIpv4 } from "../../address.js";
import type { RouteSpec } from "../../control/routes.js";
import { StackError } from "../../errors.js";
import { type CommandContext, CommandFailure, lookUp } from "../context.js";
import { maskLength } from "../mask.js";
import { errorText } from "../strerror.js";

const USAGE = `Usage: inet_route del {-host|-net} Target[/prefix] [gw Gw] [metric M] [[dev] If]
       inet_route add {-host|-net} Target[/prefix] [gw Gw] [metric M]
                              [netmask N] [[dev] If]
       inet_route add {-host|-net} Target[/prefix] [metric M] reject`;

/** Status of a call that the kernel refused, and of a line that net-tools does not understand. */
const REFUSED = 7;
const MISUSED = 3;

interface Target {
  readonly address: number;
  readonly isHost: boolean;
  /** Undefined: as `netmask` says. */
  readonly length: number | undefined;
}

export function changeRoute(isAdd: boolean, args: readonly string[], context: CommandContext): void {
  const words = [...args];
  const kind = words[0] === "-net" || words[0] === "-host" ? words.shift() : undefined;
  const text = words.shift();
  if (text === undefined) throw new CommandFailure(USAGE, MISUSED);
  const target = targetOf(text, kind, context);
  const spec = specOf(target, words, context);
  try {
    if (isAdd) context.stack.routes.add(spec);
    else context.stack.routes.delete(spec);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    throw new CommandFailure(`${isAdd ? "SIOCADDRT" : "SIOCDELRT"}: ${errorText(error.code)}`, REFUSED);
  }
}

/** Without -net or -host a target is a host, unless it is "default". */
function targetOf(text: string, kind: string | undefined, context: CommandContext): Target {
  if (text === "default") return { address: 0, isHost: false, length: 0 };
  const [host = "", bits] = text.split("/", 2);
  const address = addressOf(host, context);
  const isHost = kind !== "-net";
  if (bits === undefined) return { address, isHost, length: isHost ? 32 : undefined };
  if (!/^\d{1,2}$/.test(bits) || Number(bits) > 32) throw misuse("netmask doesn't match route address");
  const length = Number(bits);
  if (isHost && length !== 32) throw misuse(`netmask ${text} doesn't make sense with host route`);
  return { address, isHost, length };
}

function addressOf(host: string, context: CommandContext): number {
  const address = lookUp(context, host);
  if (address === undefined) throw new CommandFailure(`${host}: Unknown host`, 1);
  return ipv4(address);
}

function misuse(message: string): CommandFailure {
  return new CommandFailure(`route: ${message}\n${USAGE}`, MISUSED);
}

function specOf(target: Target, words: string[], context: CommandContext): RouteSpec {
  let length = target.length;
  let gateway: string | undefined;
  let dev: string | undefined;
  let metric: number | undefined;
  let reject = false;
  while (words.length > 0) {
    const word = words.shift() as string;
    if (word === "reject") {
      reject = true;
      continue;
    }
    const isKeyword = ["netmask", "gw", "gateway", "metric", "dev", "device"].includes(word);
    const value = isKeyword ? words.shift() : word;
    if (value === undefined) throw new CommandFailure(USAGE, MISUSED);
    if (word === "netmask") length = netmaskOf(value, target);
    else if (word === "gw" || word === "gateway") gateway = gatewayOf(value, context);
    else if (word === "metric") metric = metricOf(value);
    else if (dev === undefined) dev = value;
    else throw new CommandFailure(USAGE, MISUSED);
  }
  // A network without its length has the class's no more: net-tools' ioctl refuses it.
  if (length === undefined) length = target.address === 0 ? 0 : undefined;
  if (length === undefined) throw new CommandFailure("SIOCADDRT: Invalid argument", REFUSED);
  const mask = length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
  if ((target.address & ~mask) >>> 0 !== 0) throw misuse("netmask doesn't match route address");
  return {
    destination: `${formatIpv4(target.address)}/${length}`,
    ...(gateway === undefined ? {} : { gateway }),
    ...(dev === undefined ? {} : { dev }),
    ...(metric === undefined ? {} : { metric }),
    ...(reject ? { reject } : {}),
  };
}

function netmaskOf(text: string, { isHost }: Target): number {
  const mask = parseIpv4(text);
  const length = mask === undefined ? undefined : maskLength(mask);
  if (length === undefined) throw misuse(`bogus netmask ${text}`);
  if (isHost && length !== 32) throw misuse(`netmask ${text} doesn't make sense with host route`);
  return length;
}

function gatewayOf(host: string, context: CommandContext): string {
  return formatIpv4(addressOf(host, context));
}

function metricOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CommandFailure(USAGE, MISUSED);
  return Number(text);
}
