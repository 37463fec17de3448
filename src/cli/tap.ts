/**
 * `ringstack tap`: a stack beside the kernel's, by TAP devices. It answers until `exit`, SIGINT or SIGTERM, and runs the
 * lines that it is given: at a terminal by a prompt, else from standard input, whose end does not end it.
 */
import { formatIpv4, ipv4, ipv4Prefix, maskOf } from "../address.js";
import { capture } from "../capture/tee.js";
import { RealClock } from "../clock.js";
import { TapDriver } from "../drivers/tap.js";
import { Stack } from "../stack.js";
import { COMMANDS, type CommandContext, run } from "../tools/command.js";
import { CaptureFiles } from "./capture-files.js";
import { LinePrompt } from "./line-prompt.js";

export interface TapCommandOptions {
  /** One or more devices and the stack's address on each, "10.9.1.2/24". */
  readonly devices: readonly { readonly name: string; readonly ip: string }[];
  readonly gateway?: string;
  /** The network namespace that has the devices. */
  readonly netns?: string;
  readonly mtu?: number;
  /** TUN devices, without Ethernet. */
  readonly tun: boolean;
  readonly forward: boolean;
  /** A file for a capture of all interfaces. */
  readonly pcap?: string;
}

/** The streams and signals of a process. */
export type TapProcess = Pick<NodeJS.Process, "stdin" | "stdout" | "once" | "off">;

const DAY_MS = 86_400_000;

/**
 * @returns the exit code
 * @throws (by rejection) TapError, StackError, TypeError, RangeError: the words for standard error, exit code 1
 */
export async function tap(options: TapCommandOptions, process: TapProcess): Promise<number> {
  for (const { ip } of options.devices) ipv4Prefix(ip, "--ip");
  if (options.gateway !== undefined) ipv4(options.gateway, "--gateway");
  const epochMs = Date.now();
  const stack = await Stack.create({ clock: new RealClock(), dayMs: epochMs % DAY_MS, name: "ringstack" });
  // Somebody may be looking on: nothing waits to be written.
  const files = new CaptureFiles(0);
  let endCapture = () => {};
  try {
    await join(stack, options);
    if (options.pcap !== undefined) endCapture = capture(stack.interfaces, files.append(options.pcap), { epochMs });
    return await serve(stack, options, process, { files, epochMs });
  } finally {
    endCapture();
    stack.close();
  }
}

async function join(stack: Stack, { devices, gateway, netns, mtu, tun, forward }: TapCommandOptions): Promise<void> {
  for (const { name, ip } of devices) {
    const driver = await TapDriver.open({ name, netns, mtu, medium: tun ? "ip" : "ethernet" });
    try {
      stack.addInterface(driver, { name, address: ip });
    } catch (error) {
      driver.close();
      throw error;
    }
  }
  if (gateway !== undefined) stack.routes.add({ destination: "default", gateway });
  if (forward) stack.switches.set("IP_FORWARD", 1);
}

async function serve(
  stack: Stack,
  options: TapCommandOptions,
  process: TapProcess,
  captures: Pick<CommandContext, "files" | "epochMs">,
): Promise<number> {
  let command: AbortController | undefined;
  const interrupt = () => {
    command?.abort();
    return command !== undefined;
  };
  const { stdin: input, stdout: output } = process;
  const hint = "exit ends the stack";
  const lines = new LinePrompt({ input, output, prompt: `${stack.name}> `, completer: complete, interrupt, hint });
  const { out } = lines;
  out(greeting(options));
  const told = new Promise<void>((resolve) => {
    const end = () => {
      process.off("SIGINT", end);
      process.off("SIGTERM", end);
      interrupt();
      lines.close();
      resolve();
    };
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
  });
  const read = lines.read(async (line) => {
    command = new AbortController();
    const input = lines.commandInput();
    const context = { stack, out, err: out, signal: command.signal, ...captures };
    try {
      await run(line, input === undefined ? context : { ...context, input });
    } catch (error) {
      // Whatever it was, the stack is still there.
      out(`${line.trim()}: ${error instanceof Error ? error.message : String(error)}`);
    }
    command = undefined;
  });
  // At a terminal the end of the input, ^D, is the user's; a pipe's is nobody's.
  const isOver = read.then((isTold) => (isTold || lines.isTerminal ? undefined : told));
  await Promise.race([isOver, told]);
  return 0;
}

function complete(line: string): [string[], string] {
  const words = [...COMMANDS.keys(), "exit"];
  return [words.filter((word) => word.startsWith(line)).map((word) => `${word} `), line];
}

/** What there is, and what is left to be done on the kernel's side. */
function greeting({ devices, netns }: TapCommandOptions): string {
  const ip = netns === undefined ? "ip" : netns.includes("/") ? `nsenter --net=${netns} ip` : `ip -n ${netns}`;
  const lines = devices.flatMap(({ name, ip: own }) => [
    `  ${ip} addr add ${neighbourOf(own)} dev ${name}`,
    `  ${ip} link set ${name} up`,
  ]);
  const what = devices.map(({ name, ip: own }) => `${own} on ${name}`).join(", ");
  return `this stack is ${what}; on the kernel's side:\n${lines.join("\n")}`;
}

/** An address for the kernel's end: the first of the network that is not the stack's own. */
function neighbourOf(own: string): string {
  const { address, length } = ipv4Prefix(own);
  const first = ((address & maskOf(length)) >>> 0) + (length < 31 ? 1 : 0);
  return `${formatIpv4(first === address ? first + 1 : first)}/${length}`;
}
