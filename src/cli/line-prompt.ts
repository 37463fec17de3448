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

/** Lines that wait for whoever takes them; with more the input is held. */
const LINES_MOST = 100;

export class LinePrompt {
  readonly isTerminal: boolean;
  readonly #options: LinePromptOptions;
  #lines: Interface;
  /** Typed, and not taken yet. */
  readonly #typed: string[] = [];
  #taker: ((line: string | undefined) => void) | undefined;
  /** Who takes is a command. */
  #isCommands = false;
  #isClosed = false;

  constructor(options: LinePromptOptions) {
    const { input, output } = options;
    this.isTerminal = input.isTTY === true && output.isTTY === true;
    this.#options = options;
    this.#lines = this.#open();
  }

  #open(): Interface {
    const { input, output, completer, interrupt, hint } = this.#options;
    const lines = createInterface({ input, output, terminal: this.isTerminal, prompt: "", completer });
    lines.on("line", (line) => {
      this.#typed.push(line);
      if (this.#typed.length >= LINES_MOST) lines.pause();
      this.#give();
    });
    lines.on("SIGINT", () => {
      if (!interrupt()) this.out(hint);
    });
    lines.on("close", () => this.#end());
    return lines;
  }

  /** The input's end: a pipe's, or ^D at a terminal, which is that of the command that reads. */
  #end(): void {
    if (this.isTerminal && this.#isCommands && !this.#isClosed) {
      this.#lines = this.#open();
      this.#answer(undefined);
      return;
    }
    this.#isClosed = true;
    // From here on ^C would end the process in the midst of its work. A pipe's end is no wish to end what runs.
    if (this.isTerminal) this.#options.interrupt();
    if (this.#typed.length === 0) this.#answer(undefined);
  }

  /** Hands the first line that waits to who takes it. */
  #give(): void {
    if (this.#taker === undefined || this.#typed.length === 0) return;
    const line = this.#typed.shift();
    if (this.#typed.length === 0 && !this.#isClosed) this.#lines.resume();
    this.#answer(line);
  }

  #answer(line: string | undefined): void {
    const taker = this.#taker;
    this.#taker = undefined;
    this.#isCommands = false;
    taker?.(line);
  }

  /** The next line; undefined at the end. */
  #take(isCommands: boolean): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#taker = resolve;
      this.#isCommands = isCommands;
      if (this.#typed.length > 0) return this.#give();
      // A prompt behind the input's end would open the input again, and keep the process.
      if (this.#isClosed) return this.#answer(undefined);
      this.#lines.setPrompt(this.isTerminal && !isCommands ? this.#options.prompt : "");
      this.#lines.prompt();
    });
  }

  /**
   * Shows one or more whole lines. What runs in the background speaks while a line is being typed: the line is drawn
   * again below.
   */
  readonly out = (text: string): void => {
    const { output } = this.#options;
    if (this.isTerminal) output.write("\r\u001b[K");
    output.write(`${text}\n`);
    if (this.isTerminal && this.#taker !== undefined && !this.#isClosed) this.#lines.prompt(true);
  };

  /**
   * What is typed at a terminal from now on, for the command that runs: until ^D, or its own end. What it does not take
   * is the prompt's. Undefined for a pipe: its lines are commands.
   */
  commandInput(): AsyncIterable<string> | undefined {
    if (!this.isTerminal) return undefined;
    const next = async (): Promise<IteratorResult<string, undefined>> => {
      const line = await this.#take(true);
      return line === undefined ? { done: true, value: undefined } : { done: false, value: line };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  /**
   * Runs each line, one after another, until one says exit or quit, or the input ends.
   * @returns whether it was told to end
   */
  async read(run: (line: string) => Promise<unknown>): Promise<boolean> {
    let isTold = false;
    while (!isTold) {
      const line = await this.#take(false);
      if (line === undefined) break;
      isTold = line.trim() === "exit" || line.trim() === "quit";
      if (isTold) break;
      await run(line);
      // A command that is over takes no line any more.
      if (this.#isCommands) this.#answer(undefined);
    }
    this.close();
    return isTold;
  }

  /** Ends reading, as the input's end does. */
  close(): void {
    this.#isClosed = true;
    this.#lines.close();
  }
}
