/**
 * `tcpdump`: the packets of an interface, or of a file, a line each; or into a file with -w.
 */
import { type Capture, CaptureError, LINKTYPE_ETHERNET, LINKTYPE_RAW } from "../../capture/capture.js";
import { readCapture } from "../../capture/pcap-reader.js";
import { PcapngWriter } from "../../capture/pcapng-writer.js";
import { dropComment } from "../../capture/tee.js";
import type { Interface, TapInfo } from "../../control/interfaces.js";
import { type Command, type CommandContext, CommandFailure } from "../context.js";
import { getopt, OptionError, type Options } from "../getopt.js";
import { type Filter, FilterError, parseFilter } from "../tcpdump-filter.js";
import { dissect } from "../tcpdump-packet.js";
import { PacketPrinter } from "../tcpdump-print.js";
import { Stamp } from "../tcpdump-time.js";

const USAGE = "Usage: tcpdump [-enqStvxX] [-c count] [-i interface] [-r file] [-w file] [expression]";

/** What to do with a packet that passes. */
type Taker = (frame: Uint8Array, ethernet: boolean, timeNs: bigint, nif: number, info?: TapInfo) => void;

export const tcpdumpCommand: Command = async (args, context) => {
  const options = optionsOf(args);
  const filter = filterOf(options, context);
  const count = countOf(options);
  const file = options.get("r");
  if (file !== undefined) return fromFile(file, options, context, filter, count);
  return live(options, context, filter, count);
};

function optionsOf(args: readonly string[]): Options {
  try {
    return getopt(args, "c:ei:lnqr:Stvw:xX");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`tcpdump: ${error.message}\n${USAGE}`);
  }
}

function filterOf(options: Options, { resolve }: CommandContext): Filter {
  try {
    return parseFilter(options.operands, resolve);
  } catch (error) {
    if (error instanceof FilterError) throw new CommandFailure(`tcpdump: ${error.message}`);
    throw error;
  }
}

function countOf(options: Options): number {
  const text = options.get("c");
  if (text === undefined) return Infinity;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new CommandFailure(`tcpdump: invalid packet count ${text}`);
  return Number(text);
}

/** Prints lines, or writes a file. */
function taker(
  options: Options,
  context: CommandContext,
  links: readonly { name?: string; linkType: number }[],
): Taker {
  const path = options.get("w");
  if (path !== undefined) {
    const sink = filesOf(context, path).append(path);
    const writer = new PcapngWriter(sink);
    for (const link of links) writer.addInterface(link);
    return (data, _ethernet, timeNs, nif, info) => {
      const direction = info === undefined ? {} : { direction: info.direction };
      const comment = info?.drop === undefined ? {} : { comment: dropComment(info.drop) };
      writer.write({ interface: nif, timeNs, data, ...direction, ...comment });
    };
  }
  const bytes = options.has("X") ? ("text" as const) : options.has("x") ? ("hex" as const) : undefined;
  const printer = new PacketPrinter({
    verbose: options.has("v"),
    link: options.has("e"),
    absolute: options.has("S"),
    ...(bytes !== undefined && { bytes }),
  });
  const stamp = new Stamp(options.count("t"));
  return (frame, ethernet, timeNs) => {
    context.out(`${stamp.text(timeNs)}${printer.print(frame, ethernet)}`);
  };
}

function filesOf({ files }: CommandContext, path: string) {
  if (files === undefined) throw new CommandFailure(`tcpdump: ${path}: there are no files here`);
  return files;
}

function fromFile(path: string, options: Options, context: CommandContext, filter: Filter, count: number): number {
  const capture = parsed(path, filesOf(context, path).read(path));
  const take = taker(options, context, capture.interfaces);
  const links = capture.interfaces.map(({ linkType }) => linkType);
  context.err(`reading from file ${path}, link-type ${linkName(links[0])}`);
  let taken = 0;
  for (const { data, timeNs, interface: nif } of capture.packets) {
    if (taken >= count) break;
    const ethernet = links[nif] === LINKTYPE_ETHERNET;
    if (!filter(dissect(data, ethernet))) continue;
    take(data, ethernet, timeNs, nif);
    taken++;
  }
  return 0;
}

function parsed(path: string, bytes: Uint8Array | undefined): Capture {
  if (bytes === undefined) throw new CommandFailure(`tcpdump: ${path}: No such file or directory`);
  try {
    const capture = readCapture(bytes);
    const other = capture.interfaces.find(
      ({ linkType }) => linkType !== LINKTYPE_ETHERNET && linkType !== LINKTYPE_RAW,
    );
    if (other !== undefined)
      throw new CommandFailure(`tcpdump: ${path}: link type ${other.linkType} is not known here`);
    return capture;
  } catch (error) {
    if (error instanceof CaptureError) throw new CommandFailure(`tcpdump: ${path}: ${error.message}`);
    throw error;
  }
}

function linkName(linkType: number | undefined): string {
  return linkType === LINKTYPE_ETHERNET ? "EN10MB (Ethernet)" : "RAW (Raw IP)";
}

/** The interfaces to listen on: all for "any", the first beside lo when none is named. */
function chosen(options: Options, { stack }: CommandContext): readonly Interface[] {
  const name = options.get("i");
  if (name === "any") return stack.interfaces;
  const nif = name === undefined ? (stack.interfaces[1] ?? stack.interfaces[0]) : stack.interfaceNamed(name);
  if (nif === undefined) throw new CommandFailure(`tcpdump: ${name}: No such device exists`);
  return [nif];
}

async function live(options: Options, context: CommandContext, filter: Filter, count: number): Promise<number> {
  const { epochMs = 0, signal } = context;
  // A clock may have begun between two milliseconds.
  const epochNs = BigInt(Math.round(epochMs * 1000)) * 1000n;
  const nifs = chosen(options, context);
  const types = nifs.map(({ medium }) => (medium === "ethernet" ? LINKTYPE_ETHERNET : LINKTYPE_RAW));
  const links = nifs.map(({ name }, i) => ({ name, linkType: types[i] as number }));
  const take = taker(options, context, links);
  const on = options.get("i") === "any" ? "any" : (nifs[0] as Interface).name;
  if (!options.has("v") && options.get("w") === undefined) {
    context.err("tcpdump: verbose output suppressed, use -v for full protocol decode");
  }
  context.err(`listening on ${on}, link-type ${linkName(types[0])}, snapshot length 262144 bytes`);
  let taken = 0;
  await new Promise<void>((resolve) => {
    const stops: (() => void)[] = [];
    const end = () => {
      for (const stop of stops) stop();
      signal.removeEventListener("abort", end);
      context.stack.clock.unref();
      resolve();
    };
    for (const [i, nif] of nifs.entries()) {
      stops.push(
        nif.tap((frame, info) => {
          const ethernet = types[i] === LINKTYPE_ETHERNET;
          if (taken >= count || !filter(dissect(frame, ethernet))) return;
          taken++;
          take(frame, ethernet, epochNs + BigInt(Math.round(info.timeUs * 1000)), i, info);
          if (taken >= count) end();
        }),
      );
    }
    context.stack.clock.ref();
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
  context.err(`${taken} packet${taken === 1 ? "" : "s"} captured`);
  context.err(`${taken} packet${taken === 1 ? "" : "s"} received by filter`);
  context.err("0 packets dropped by kernel");
  return 0;
}
