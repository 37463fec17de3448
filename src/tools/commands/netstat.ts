/**
 * `netstat`: -i interfaces, -r routes, -s statistics; -n numbers for names.
 */
import { type Command, CommandFailure } from "../context.js";
import { getopt, OptionError } from "../getopt.js";
import { netstatInterfaces, netstatRoutes, netstatStatistics } from "../netstat.js";

const USAGE = `usage: netstat [-n] {-r|-i}
       netstat -s

        -r                       display routing table
        -i                       display interface table
        -s                       display networking statistics (like SNMP)
        -n                       don't resolve names`;

export const netstatCommand: Command = async (args, { stack, out }) => {
  const { has } = optionsOf(args);
  const numeric = has("n");
  if (has("r")) out(netstatRoutes(stack, { numeric }));
  else if (has("i")) out(netstatInterfaces(stack, { numeric }));
  else if (has("s")) out(netstatStatistics(stack.statistics()));
  else throw new CommandFailure(USAGE, 3);
  return 0;
};

function optionsOf(args: readonly string[]) {
  try {
    return getopt(args, "rins");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`netstat: ${error.message}\n${USAGE}`, 3);
  }
}
