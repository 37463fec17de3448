/**
 * `iperf -s` and `iperf -c HOST`: how much goes through a connection, in iperf3's lines. Both ends are this one: it does
 * not speak iperf3's protocol.
 */
import { StackError } from "../../errors.js";
import { TCP_CONGESTIONS, type TcpCongestion } from "../../sockets/tcp-info.js";
import { type Command, type CommandContext, CommandFailure, lookUp } from "../context.js";
import { getopt, OptionError, type Options } from "../getopt.js";
import { IperfError, iperfClient } from "../iperf-client.js";
import { LENGTH_MOST, STREAMS_MOST } from "../iperf-protocol.js";
import { iperfServer } from "../iperf-server.js";
import { amountOf } from "../iperf-text.js";
import { integerOf, secondsOf } from "../numbers.js";
import { errorText } from "../strerror.js";

const USAGE = `Usage: iperf -s [-1] [-p port] [-i seconds]
       iperf -c host [-p port] [-t seconds | -n bytes] [-R] [-P streams]
             [-i seconds] [-l bytes] [-w bytes] [-N] [-C name]

  -s            serve, until ^C; with -1 one test
  -c host       test with the server at this host
  -p port       the server's port (5201)
  -t seconds    time to send (10)
  -n bytes      bytes to send, in place of -t; K, M, G by 1024
  -R            the server sends
  -P streams    connections at a time (1)
  -i seconds    between lines (1; 0: only a summary)
  -l bytes      of one write (128K)
  -w bytes      of the buffers
  -N            no delay: Nagle's algorithm off
  -C name       congestion control: ${TCP_CONGESTIONS.join(", ")}`;

const PORT = 5201;
const LENGTH = 131072;
const WINDOW_MOST = 1 << 20;

export const iperfCommand: Command = async (args, context) => {
  const options = optionsOf(args);
  const { has, get, operands } = options;
  if (has("h")) {
    context.out(USAGE);
    return 0;
  }
  if (has("s") === has("c") || operands.length > 0) throw new CommandFailure(USAGE);
  const port = integerOf("iperf", get("p") ?? String(PORT), 1, 65535);
  const everyUs = secondsOf("iperf", get("i") ?? "1");
  try {
    if (has("s")) await iperfServer(context.stack, { port, everyUs, once: has("1") }, context.out, context.signal);
    else await client(options, port, everyUs, context);
  } catch (error) {
    if (error instanceof IperfError) throw new CommandFailure(`iperf: error - ${error.message}`);
    if (!(error instanceof StackError)) throw error;
    const what = has("s") ? "unable to start listener for connections" : "unable to connect to server";
    throw new CommandFailure(
      `iperf: error - ${error.syscall === "read" || error.syscall === "write" ? "the connection is gone" : what}: ${errorText(error.code)}`,
    );
  }
  return 0;
};

async function client({ has, get }: Options, port: number, everyUs: number, context: CommandContext): Promise<void> {
  const { stack, out, err, signal } = context;
  const host = get("c") as string;
  const address = lookUp(context, host);
  if (address === undefined) throw new CommandFailure(`iperf: error - unable to find host ${host}`);
  if (has("t") && has("n"))
    throw new CommandFailure("iperf: parameter error - only one test end condition (-t, -n) may be specified");
  const bytes = has("n") ? amount("n", get("n"), 1, 2 ** 40) : 0;
  const terms = {
    streams: integerOf("iperf", get("P") ?? "1", 1, STREAMS_MOST),
    reverse: has("R"),
    bytes,
    ms: bytes > 0 ? 0 : Math.max(1, Math.round(secondsOf("iperf", get("t") ?? "10") / 1000)),
    length: has("l") ? amount("l", get("l"), 1, LENGTH_MOST) : LENGTH,
    window: has("w") ? amount("w", get("w"), 1, WINDOW_MOST) : 0,
    noDelay: has("N"),
    congestion: has("C") ? congestion(get("C") ?? "") : undefined,
  };
  out(`Connecting to host ${host}, port ${port}`);
  if (terms.reverse) out(`Reverse mode, remote host ${host} is sending`);
  try {
    await iperfClient(stack, { address, port, terms, everyUs }, out, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (signal.aborted) err("iperf: interrupt - the client has terminated");
  else out("\niperf Done.");
}

function amount(letter: string, text: string | undefined, least: number, most: number): number {
  const value = amountOf(text ?? "");
  if (value !== undefined && value >= least && value <= most) return value;
  throw new CommandFailure(`iperf: parameter error - -${letter} ${text}: ${least} to ${most} bytes`);
}

function congestion(text: string): TcpCongestion {
  const found = TCP_CONGESTIONS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new CommandFailure(`iperf: parameter error - -C ${text}: one of ${TCP_CONGESTIONS.join(", ")}`);
}

function optionsOf(args: readonly string[]): Options {
  try {
    return getopt(args, "s1c:p:t:n:RP:i:l:w:NC:h");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`iperf: ${error.message}\n${USAGE}`);
  }
}
