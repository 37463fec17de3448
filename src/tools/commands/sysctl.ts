/**
 * `sysctl` as a command: see tools/sysctl.ts.
 */
import type { Command } from "../context.js";
import { runSysctl } from "../sysctl.js";

export const sysctlCommand: Command = async (args, { stack, out, err }) => {
  const result = runSysctl(stack, args);
  for (const line of result.out) out(line);
  for (const line of result.err) err(line);
  return result.status;
};
