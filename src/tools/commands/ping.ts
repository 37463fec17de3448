/**
 * `ping`: its options, as iputils has them.
 */
import { type Command, CommandFailure, lookUp } from "../context.js";
import { getopt, OptionError } from "../getopt.js";
import { integerOf, secondsOf } from "../numbers.js";
import { ping } from "../ping.js";

const USAGE = `
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -c <count>         stop after <count> replies
  -i <interval>      seconds between sending each packet
  -n                 no dns name resolution
  -s <size>          use <size> as number of data bytes to be sent
  -t <ttl>           define time to live
  -W <timeout>       time to wait for response
`;

export const pingCommand: Command = async (args, context) => {
  const { get, operands } = optionsOf(args);
  const number = (letter: string, least: number, most: number, shown?: string) => {
    const text = get(letter);
    return text === undefined ? undefined : integerOf("ping", text, least, most, shown);
  };
  const seconds = (letter: string) => {
    const text = get(letter);
    return text === undefined ? undefined : secondsOf("ping", text);
  };
  const options = {
    count: number("c", 1, Number.MAX_SAFE_INTEGER, "9223372036854775807"),
    intervalUs: seconds("i"),
    size: number("s", 0, 0x7fffffff),
    ttl: number("t", 0, 255),
    timeoutUs: seconds("W"),
  };
  const target = operands.at(-1);
  if (target === undefined) throw new CommandFailure("ping: usage error: Destination address required");
  const address = lookUp(context, target);
  if (address === undefined) throw new CommandFailure(`ping: ${target}: Name or service not known`, 2);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const { transmitted, received } = await ping(context.stack, address, context.out, given, context.signal);
  return transmitted === 0 ? 2 : received === 0 ? 1 : 0;
};

function optionsOf(args: readonly string[]) {
  try {
    return getopt(args, "c:i:ns:t:W:");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`ping: ${error.message}\n${USAGE}`, 2);
  }
}
