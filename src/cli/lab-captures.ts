/** Captures of a lab: a pcapng file for each interface of each host, lo included. */
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "../capture/tee.js";
import type { Lab } from "../lab/lab.js";

/**
 * Captures into DIR/HOST-INTERFACE.pcapng from now on; files of those names are written anew.
 * @param bufferBytes  how much of a file may wait to be written; 0 lets nobody wait who looks on
 * @returns ends the captures and writes what waits
 * @throws what the file system throws
 */
export function captureLab(lab: Lab, directory: string, bufferBytes: number): () => void {
  mkdirSync(directory, { recursive: true });
  const ends: (() => void)[] = [];
  for (const [host, stack] of lab.hosts) {
    for (const nif of stack.interfaces) {
      const path = join(directory, `${host}-${nif.name}.pcapng`);
      writeFileSync(path, "");
      const waiting = new Chunks(path, bufferBytes);
      const end = capture([nif], (chunk) => waiting.add(chunk));
      ends.push(end, () => waiting.flush());
    }
  }
  return () => {
    for (const end of ends) end();
  };
}

/** Bytes on their way to a file: few writes, and no file kept open, however many interfaces there are. */
class Chunks {
  readonly #path: string;
  readonly #limitBytes: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(path: string, limitBytes: number) {
    this.#path = path;
    this.#limitBytes = limitBytes;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk.slice());
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limitBytes) this.flush();
  }

  flush(): void {
    if (this.#bytes === 0) return;
    appendFileSync(this.#path, Buffer.concat(this.#chunks));
    this.#chunks = [];
    this.#bytes = 0;
  }
}
