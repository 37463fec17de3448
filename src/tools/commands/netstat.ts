/**
 * `netstat`: -i interfaces, -r routes, -s statistics, -a sockets, -l those without a peer, -t, -u and -w of
 * TCP, UDP and raw ones, -o timers; -n numbers for names.
 */
import { type Command, CommandFailure } from "../context.js";
import { getopt, OptionError } from "../getopt.js";
import { netstatInterfaces, netstatRoutes, netstatStatistics } from "../netstat.js";
import { netstatSockets } from "../sockets.js";

const USAGE = `usage: netstat [-n] {-r|-i}
       netstat -s
       netstat [-a|-l] [-t] [-u] [-w] [-o] [-n]

        -r                       display routing table
        -i                       display interface table
        -s                       display networking statistics (like SNMP)
        -a                       display all sockets (default: connected)
        -l                       display listening server sockets
        -t                       of TCP
        -u                       of UDP
        -w                       raw ones
        -o                       display timers
        -n                       don't resolve names`;

export const netstatCommand: Command = async (args, { stack, out }) => {
  const { has } = optionsOf(args);
  const numeric = has("n");
  const only = [has("t") ? "tcp" : "", has("u") ? "udp" : "", has("w") ? "raw" : ""].filter((name) => name !== "");
  if (has("r")) out(netstatRoutes(stack, { numeric }));
  else if (has("i")) out(netstatInterfaces(stack, { numeric }));
  else if (has("s")) out(netstatStatistics(stack.statistics()));
  else {
    const which = { all: has("a"), listening: has("l"), timers: has("o") };
    out(netstatSockets(stack, { ...which, ...(only.length === 0 ? {} : { only }) }));
  }
  return 0;
};

function optionsOf(args: readonly string[]) {
  try {
    return getopt(args, "rinsaltuwo");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`netstat: ${error.message}\n${USAGE}`, 3);
  }
}
