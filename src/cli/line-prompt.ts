/**
 * Reading of lines, from a terminal with a prompt or from a pipe without: what the commands with a prompt share.
 */
import { createInterface, type Interface } from "node:readline";

export interface LinePromptOptions {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** Shown before each line on a terminal. */
  readonly prompt: string;
  /** What could stand in place of the word being typed. */
  readonly completer: (line: string) => [string[], string];
  /** ^C: ends what runs. False when nothing does. */
  readonly interrupt: () => boolean;
  /** Said at ^C while nothing runs. */
  readonly hint: string;
}

export class LinePrompt {
  readonly isTerminal: boolean;
  readonly #output: NodeJS.WriteStream;
  readonly #lines: Interface;
  #isReading = false;
  #isClosed = false;

  constructor({ input, output, prompt, completer, interrupt, hint }: LinePromptOptions) {
    this.isTerminal = input.isTTY === true && output.isTTY === true;
    this.#output = output;
    this.#lines = createInterface({
      input,
      output,
      terminal: this.isTerminal,
      prompt: this.isTerminal ? prompt : "",
      completer,
    });
    this.#lines.on("SIGINT", () => {
      if (!interrupt()) this.out(hint);
    });
    // From here on ^C would end the process in the midst of its work. A pipe's end is no wish to end what runs.
    this.#lines.on("close", () => {
      this.#isClosed = true;
      if (this.isTerminal) interrupt();
    });
  }

  /**
   * Shows one or more whole lines. What runs in the background speaks while a line is being typed: the line is drawn
   * again below.
   */
  readonly out = (text: string): void => {
    if (this.isTerminal) this.#output.write("\r\u001b[K");
    this.#output.write(`${text}\n`);
    if (this.isTerminal && this.#isReading) this.#lines.prompt(true);
  };

  /**
   * Runs each line, one after another, until one says exit or quit, or the input ends.
   * @returns whether it was told to end
   */
  async read(run: (line: string) => Promise<unknown>): Promise<boolean> {
    let isTold = false;
    this.#isReading = true;
    this.#lines.prompt();
    for await (const line of this.#lines) {
      this.#isReading = false;
      isTold = line.trim() === "exit" || line.trim() === "quit";
      if (isTold) break;
      await run(line);
      // A prompt behind the input's end would open the input again, and keep the process.
      this.#isReading = !this.#isClosed;
      if (this.#isReading) this.#lines.prompt();
    }
    this.#isReading = false;
    this.#lines.close();
    return isTold;
  }

  /** Ends reading, as the input's end does. */
  close(): void {
    this.#lines.close();
  }
}
