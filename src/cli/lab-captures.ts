/** Captures of a lab: a pcapng file for each interface of each host, lo included. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type CaptureOptions, capture } from "../capture/tee.js";
import type { Lab } from "../lab/lab.js";
import type { CommandFiles } from "../tools/command.js";

/**
 * Captures into DIR/HOST-INTERFACE.pcapng from now on; files of those names are written anew.
 * @returns ends the captures
 * @throws what the file system throws
 */
export function captureLab(lab: Lab, directory: string, files: CommandFiles, options: CaptureOptions): () => void {
  mkdirSync(directory, { recursive: true });
  const ends: (() => void)[] = [];
  for (const [host, stack] of lab.hosts) {
    for (const nif of stack.interfaces) {
      ends.push(capture([nif], files.append(join(directory, `${host}-${nif.name}.pcapng`)), options));
    }
  }
  return () => {
    for (const end of ends) end();
  };
}
