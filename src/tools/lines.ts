/**
 * Lines in and out of a command that speaks with a byte stream.
 */

/** The lines of an input until the signal says so: whoever waits for the next one then waits no more. */
export async function* linesUntil(
  input: AsyncIterable<string> | undefined,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  if (input === undefined || signal.aborted) return;
  let end = () => {};
  const over = new Promise<undefined>((resolve) => {
    end = () => resolve(undefined);
    signal.addEventListener("abort", end, { once: true });
  });
  const lines = input[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([lines.next(), over]);
      if (next === undefined || next.done === true || signal.aborted) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", end);
    // One that is asked for a line already answers this only when that line has come.
    lines.return?.()?.catch?.(() => {});
  }
}

/** Longest piece of a line that is kept back until its end comes. */
const LINE_MOST = 65536;

/** Bytes as whole lines of text; a last one without its end comes with end(). */
export class LineOutput {
  readonly #out: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(out: (text: string) => void) {
    this.#out = out;
  }

  push(bytes: Uint8Array): void {
    this.#rest += this.#decoder.decode(bytes, { stream: true });
    const end = this.#rest.lastIndexOf("\n");
    if (end < 0 && this.#rest.length < LINE_MOST) return;
    this.#out(end < 0 ? this.#rest : this.#rest.slice(0, end));
    this.#rest = end < 0 ? "" : this.#rest.slice(end + 1);
  }

  end(): void {
    this.#rest += this.#decoder.decode();
    if (this.#rest !== "") this.#out(this.#rest);
    this.#rest = "";
  }
}
