/**
 * What the memories of all stacks hold at the end.
 */
import { buffersInUse, isAllReturned, memory, thousands } from "../../tools/memory.js";
import { demand, type Step } from "./session.js";

export const memoryHeld: Step = {
  name: "memory",
  title: "What the memory holds at the end",
  async run(session) {
    const [first] = session.booted;
    if (first !== undefined) session.command(`memory of ${first.stack.name}`, memory(first.stack.memory()));
    const stacks = session.booted.map(({ stack, memoryBytes }) => {
      const report = stack.memory();
      const inUse = buffersInUse(report.small) + buffersInUse(report.large);
      const posted = report.small.held.rx + report.large.held.rx;
      const buffers = report.small.total + report.large.total;
      const isFixed = report.memoryBytes === memoryBytes;
      const isReturned = isAllReturned(report);
      session.line(
        `${stack.name.padEnd(11)} ${thousands(report.bytes).padStart(11)} bytes ${isFixed ? "fixed at boot" : "GROWN"}, ` +
          `${thousands(buffers).padStart(6)} buffers: ${inUse} in use, ${posted} posted for receiving; ` +
          `${isReturned ? "all returned" : "NOT ALL RETURNED"}`,
      );
      return {
        name: stack.name,
        bytes: report.bytes,
        memoryBytes: report.memoryBytes,
        isFixed,
        inUse,
        posted,
        isReturned,
      };
    });
    session.line();
    for (const { name, isFixed, isReturned } of stacks) {
      demand(isFixed, `the memory of ${name} has grown`);
      demand(isReturned, `${name} has not returned all its buffers`);
    }
    return { stacks };
  },
};
