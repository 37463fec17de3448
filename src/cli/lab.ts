/**
 * `ringstack lab FILE`: builds the file's topology and runs a script's lines in it, or those of a prompt.
 */
import { readFileSync } from "node:fs";
import { RealClock, VirtualClock } from "../clock.js";
import { Lab } from "../lab/lab.js";
import { parseScript, ScriptError } from "../lab/script.js";
import { Session } from "../lab/session.js";
import { TopologyError } from "../lab/topology.js";
import { CaptureFiles } from "./capture-files.js";
import type { Streams } from "./demo.js";
import { captureLab } from "./lab-captures.js";
import { prompt } from "./lab-prompt.js";

export interface LabCommandOptions {
  /** The topology's file. */
  readonly file: string;
  /** The script's file; without one a prompt reads lines. */
  readonly script?: string;
  /** In place of the topology's seed. */
  readonly seed?: string;
  /** A folder for a capture of each interface. */
  readonly pcap?: string;
  /** A script runs in the machine's time too; a prompt always does. */
  readonly real: boolean;
}

/** How much of each capture may wait to be written while a script runs. */
const BUFFER_BYTES = 65536;

/** @returns the exit code: 1 for a topology or a script that makes no sense, or a file that cannot be read */
export async function lab(options: LabCommandOptions, streams: Streams): Promise<number> {
  const { file, script, real } = options;
  const topology = textOf(file, streams);
  const lines = script === undefined ? undefined : textOf(script, streams);
  if (topology === undefined || (script !== undefined && lines === undefined)) return 1;
  const clock = real || lines === undefined ? new RealClock() : new VirtualClock();
  const out = (text: string) => streams.stdout.write(`${text}\n`);
  let built: Lab | undefined;
  // Under a real clock somebody may be looking on.
  const files = new CaptureFiles(clock instanceof RealClock ? 0 : BUFFER_BYTES);
  let endCaptures = () => {};
  try {
    built = await Lab.create(topology, {
      clock,
      ...(options.seed === undefined ? {} : { seed: seedOf(options.seed) }),
    });
    const captures = { files, epochMs: clock instanceof RealClock ? Date.now() - clock.now() / 1000 : 0 };
    const session = new Session(built, { out, ...captures });
    const steps = lines === undefined ? undefined : parseScript(lines, session.names);
    if (options.pcap !== undefined) endCaptures = captureLab(built, options.pcap, files, captures);
    if (steps === undefined) return await prompt(built, process.stdin, process.stdout, captures);
    await session.runAll(steps);
    return 0;
  } catch (error) {
    const where = error instanceof TopologyError ? file : error instanceof ScriptError ? script : undefined;
    if (where === undefined) throw error;
    for (const fault of (error as Error).message.split("\n")) streams.stderr.write(`${where}: ${fault}\n`);
    return 1;
  } finally {
    endCaptures();
    built?.close();
    files.flush();
  }
}

/** A whole number is one; anything else is a text. */
function seedOf(text: string): number | string {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function textOf(path: string, { stderr }: Streams): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    stderr.write(`ringstack lab: ${path}: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}
