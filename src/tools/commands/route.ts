/**
 * `route`: prints the routing table, or hands `add` and `del` on to commands/route-change.ts.
 */
import { type Command, CommandFailure } from "../context.js";
import { getopt, OptionError } from "../getopt.js";
import { route } from "../route.js";
import { changeRoute } from "./route-change.js";

const USAGE = `Usage: route [-n]                                   List kernel routing tables
       route {add|del} ...                          Modify routing table

        -n                       don't resolve names`;

export const routeCommand: Command = async (args, context) => {
  const at = args.findIndex((word) => !word.startsWith("-"));
  const verb = at < 0 ? undefined : args[at];
  const { has } = optionsOf(at < 0 ? args : args.slice(0, at));
  if (verb === "add" || verb === "del" || verb === "delete") {
    changeRoute(verb === "add", args.slice(at + 1), context);
    return 0;
  }
  if (verb !== undefined) throw new CommandFailure(USAGE, 3);
  context.out(route(context.stack, { numeric: has("n") }));
  return 0;
};

function optionsOf(args: readonly string[]) {
  try {
    return getopt(args, "nv");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`route: ${error.message}\n${USAGE}`, 3);
  }
}
