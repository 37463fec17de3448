/**
 * Files for captures: what is written is gathered and goes to the disk in large pieces, so that a file for each of a
 * thousand interfaces needs no thousand open ones.
 */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import type { CommandFiles } from "../tools/command.js";
import { CommandFailure } from "../tools/command.js";

interface Gathered {
  chunks: Uint8Array[];
  bytes: number;
}

export class CaptureFiles implements CommandFiles {
  readonly #gathered = new Map<string, Gathered>();
  readonly #pieceBytes: number;

  /** @param pieceBytes  bytes gathered for one file before they are written */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** @throws CommandFailure when the file cannot be read */
  read(path: string): Uint8Array | undefined {
    this.flush();
    try {
      return readFileSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw failure(path, error);
    }
  }

  /** @throws CommandFailure when the file cannot be written */
  append(path: string): (chunk: Uint8Array) => void {
    try {
      writeFileSync(path, "");
    } catch (error) {
      throw failure(path, error);
    }
    const gathered: Gathered = { chunks: [], bytes: 0 };
    this.#gathered.set(path, gathered);
    return (chunk) => {
      gathered.chunks.push(chunk);
      gathered.bytes += chunk.length;
      if (gathered.bytes >= this.#pieceBytes) write(path, gathered);
    };
  }

  /** Writes what is gathered. */
  flush(): void {
    for (const [path, gathered] of this.#gathered) if (gathered.bytes > 0) write(path, gathered);
  }
}

function write(path: string, gathered: Gathered): void {
  appendFileSync(path, Buffer.concat(gathered.chunks));
  gathered.chunks = [];
  gathered.bytes = 0;
}

function failure(path: string, error: unknown): CommandFailure {
  return new CommandFailure(`${path}: ${error instanceof Error ? error.message : String(error)}`);
}
