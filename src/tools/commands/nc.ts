/**
 * `nc`, as OpenBSD's: TCP, or with -u UDP; to a peer, or with -l waiting for one; -z only tries ports. Lines of the input
 * go out, what comes is printed.
 */
import type { Endpoint } from "../../sockets/socket.js";
import { type Command, type CommandContext, CommandFailure, lookUp } from "../context.js";
import { getopt, OptionError, type Options } from "../getopt.js";
import { connectTcp, listenTcp, type NcOptions } from "./nc-tcp.js";
import { connectUdp, listenUdp } from "./nc-udp.js";

const USAGE = `usage: nc [-klNnuvz] [-p source_port] [-s sourceaddr] [-w timeout]
\t  [destination] [port]`;

export const ncCommand: Command = async (args, context) => {
  const options = optionsOf(args);
  const has = (letter: string) => options.has(letter);
  const [first, second, ...more] = options.operands;
  if (more.length > 0 || (first === undefined && !(has("l") && has("p")))) throw new CommandFailure(USAGE);
  if (has("l") && has("z")) throw new CommandFailure("nc: cannot use -z and -l");
  if (has("k") && !has("l")) throw new CommandFailure("nc: must use -l with -k");
  const waitUs = timeoutOf(options.get("w"));
  const settings: NcOptions = {
    verbose: has("v"),
    numeric: has("n"),
    zero: has("z"),
    keep: has("k"),
    shutdown: has("N"),
    ...(waitUs !== undefined && { waitUs }),
  };
  if (has("l")) {
    // A port alone; an address and a port; or -p.
    const [host, port] =
      options.get("p") !== undefined ? [first, options.get("p")] : second ? [first, second] : [undefined, first];
    const local = { address: host === undefined ? "0.0.0.0" : addressOf(host, port, context), port: portOf(port) };
    return has("u") ? listenUdp(local, settings, context) : listenTcp(local, settings, context);
  }
  if (second === undefined) throw new CommandFailure("nc: missing port number");
  const name = first as string;
  const address = addressOf(name, second, context);
  const local: Endpoint = {
    address: options.get("s") === undefined ? "0.0.0.0" : addressOf(options.get("s") as string, "", context),
    port: options.get("p") === undefined ? 0 : portOf(options.get("p")),
  };
  if (has("u")) {
    if (has("z")) throw new CommandFailure("nc: -z tries ports of TCP only: UDP answers nothing");
    return connectUdp({ address, port: portOf(second) }, local, settings, context);
  }
  return connectTcp({ name, address, ports: portsOf(second) }, local, settings, context);
};

function optionsOf(args: readonly string[]): Options {
  try {
    return getopt(args, "46klNnuvzp:s:w:");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`nc: ${error.message}\n${USAGE}`);
  }
}

function portOf(text: string | undefined): number {
  if (text === undefined) throw new CommandFailure("nc: missing port number");
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65535) {
    throw new CommandFailure(`nc: port number invalid: ${text}`);
  }
  return Number(text);
}

/** "7", or "20-30". */
function portsOf(text: string): number[] {
  const [low, high, ...more] = text.split("-");
  if (high === undefined) return [portOf(text)];
  if (more.length > 0) throw new CommandFailure(`nc: port number invalid: ${text}`);
  const ends = [portOf(low), portOf(high)];
  const first = Math.min(...ends);
  return Array.from({ length: Math.max(...ends) - first + 1 }, (_, i) => first + i);
}

/** µs; undefined unless given. */
function timeoutOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,7}(\.\d{1,6})?$/.test(text)) throw new CommandFailure(`nc: timeout invalid: ${text}`);
  return Math.round(Number(text) * 1e6);
}

function addressOf(host: string, port: string | undefined, context: CommandContext): string {
  const address = lookUp(context, host);
  if (address !== undefined) return address;
  throw new CommandFailure(`nc: getaddrinfo for host "${host}" port ${port ?? ""}: Name or service not known`);
}
