/**
 * Runs lines in a lab and shows them as a terminal would: the prompt with the line, then what the command prints. Under a
 * virtual clock time goes on while a command lasts and stands still between lines, so a script's output is the same every
 * time; under a real clock it goes on by itself.
 */
import { type Clock, VirtualClock } from "../clock.js";
import { COMMANDS, type CommandContext, type CommandFiles } from "../tools/command.js";
import type { Lab } from "./lab.js";
import type { CommandStep, LinkStep, ScriptNames, Step } from "./script.js";

export interface SessionOptions {
  /** Shown one or more whole lines, without the last one's end. */
  readonly out: (text: string) => void;
  /** How long a command may last before it is ended as by ^C, µs of the lab's clock; 10 minutes unless given. */
  readonly limitUs?: number;
  /** Show each line behind its prompt before it runs; true unless given. A terminal shows what is typed by itself. */
  readonly echo?: boolean;
  /** Standard input of a command in the foreground whose line names none; none unless given. */
  readonly input?: () => AsyncIterable<string> | undefined;
  /** Where commands write and read captures; none unless given. */
  readonly files?: CommandFiles;
  /** Milliseconds since 1970 at the clock's time 0; 0 unless given. */
  readonly epochMs?: number;
}

/** A command in the background. */
interface Job {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

const LIMIT_US = 600e6;
/** How long a command that was told to end may take for it. */
const GRACE_US = 60e6;

export class Session {
  readonly lab: Lab;
  readonly #out: (text: string) => void;
  readonly #limitUs: number;
  readonly #echo: boolean;
  readonly #input: () => AsyncIterable<string> | undefined;
  readonly #captures: Pick<CommandContext, "files" | "epochMs">;
  readonly #jobs: Job[] = [];
  #foreground: AbortController | undefined;

  constructor(lab: Lab, { out, limitUs = LIMIT_US, echo = true, input, files, epochMs }: SessionOptions) {
    this.lab = lab;
    this.#out = out;
    this.#limitUs = limitUs;
    this.#echo = echo;
    this.#input = input ?? (() => undefined);
    this.#captures = { ...(files !== undefined && { files }), ...(epochMs !== undefined && { epochMs }) };
  }

  /** What lines may name. */
  get names(): ScriptNames {
    return { hosts: [...this.lab.hosts.keys()], links: [...this.lab.links.keys()], commands: [...COMMANDS.keys()] };
  }

  /** Runs a script's steps one after another, then ends what is in the background. */
  async runAll(steps: Iterable<Step>): Promise<void> {
    for (const step of steps) await this.run(step);
    await this.end();
  }

  /**
   * Runs a step.
   * @returns the command's exit status; 0 for what is none, and for a command in the background
   * @throws (by rejection) Error when a command does not end even when told to; what the clock's run throws
   */
  async run(step: Step): Promise<number> {
    this.#show(step);
    switch (step.kind) {
      case "remark":
        return 0;
      case "wait":
        await this.#wait(step.us);
        return 0;
      case "link":
        this.#change(step);
        break;
      case "command":
        if (!step.inBackground) return this.#inForeground(step);
        this.#inBackground(step);
        break;
    }
    await this.#settle();
    return 0;
  }

  /** Ends the command in the foreground as ^C does; false when there is none. */
  interrupt(): boolean {
    this.#foreground?.abort();
    return this.#foreground !== undefined;
  }

  /** Ends the commands in the background, in the order of their start, and waits for their last words. */
  async end(): Promise<void> {
    for (const job of this.#jobs.splice(0)) {
      job.abort.abort();
      await this.#last(job.done, GRACE_US, "a command in the background");
    }
  }

  #show(step: Step): void {
    if (!this.#echo) return;
    if (step.kind === "remark") this.#out(step.text);
    else this.#out(`${step.kind === "command" ? step.host : "lab"}$ ${step.text}`);
  }

  #change({ link: name, up, changes }: LinkStep): void {
    const link = this.lab.link(name);
    if (up === true) link.up();
    else if (up === false) link.down();
    else link.configure(changes);
  }

  async #inForeground(step: CommandStep): Promise<number> {
    const abort = new AbortController();
    this.#foreground = abort;
    const startUs = this.lab.clock.now();
    try {
      let status = 0;
      const done = this.#start(step, abort.signal, this.#out).then((answer) => {
        status = answer;
      });
      if (!(await this.#within(done, this.#limitUs))) {
        const isLate = this.lab.clock.now() - startUs >= this.#limitUs;
        const why = isLate ? `after ${this.#limitUs / 1e6} s` : "as nothing more will happen";
        this.#out(`${step.words[0]}: ended by the lab ${why}`);
        abort.abort();
        await this.#last(done, GRACE_US, step.text);
      }
      await this.#settle();
      return status;
    } finally {
      this.#foreground = undefined;
    }
  }

  #inBackground(step: CommandStep): void {
    const number = this.#jobs.length + 1;
    const abort = new AbortController();
    const out = (text: string) => this.#out(text.replace(/^/gm, `[${number}] `));
    const done = this.#start(step, abort.signal, out).then(() => {});
    // Its failure is for end() to tell; until then it is nobody's.
    done.catch(() => {});
    this.#jobs.push({ abort, done });
  }

  #start(
    { host, words, input, inBackground }: CommandStep,
    signal: AbortSignal,
    out: (text: string) => void,
  ): Promise<number> {
    const [name = "", ...args] = words;
    const command = COMMANDS.get(name);
    if (command === undefined) return Promise.reject(new Error(`${name}: no such command`));
    const typed = inBackground || input.length > 0 ? undefined : this.#input();
    const context: CommandContext = {
      stack: this.lab.host(host),
      out,
      err: out,
      signal,
      resolve: (other) => this.lab.resolve(other),
      input: typed ?? linesOf(input),
      ...this.#captures,
    };
    return command(args, context);
  }

  /** Lets everything happen that is due now. */
  async #settle(): Promise<void> {
    if (this.lab.clock instanceof VirtualClock) await this.lab.clock.advance(0);
  }

  async #wait(us: number): Promise<void> {
    const { clock } = this.lab;
    if (clock instanceof VirtualClock) return clock.advance(us);
    const abort = new AbortController();
    this.#foreground = abort;
    try {
      await clock.sleep(us, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    } finally {
      this.#foreground = undefined;
    }
  }

  /** Waits for work that was told to end. @throws Error when it does not; what the work throws */
  async #last(work: Promise<void>, limitUs: number, what: string): Promise<void> {
    if (!(await this.#within(work, limitUs))) throw new Error(`${what} does not end`);
  }

  /** Lets time go on until the work is done, or for so long; false when it is not done. @throws what the work throws */
  async #within(work: Promise<void>, limitUs: number): Promise<boolean> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    work.then(end, end);
    await passed(this.lab.clock, () => isOver, work, limitUs);
    if (isOver) await work;
    return isOver;
  }
}

async function passed(clock: Clock, isOver: () => boolean, work: Promise<void>, limitUs: number): Promise<void> {
  if (clock instanceof VirtualClock) {
    await clock.runUntil(isOver, limitUs);
    return;
  }
  const enough = new AbortController();
  const limit = clock.sleep(limitUs, enough.signal).catch(() => {});
  await Promise.race([work.catch(() => {}), limit]);
  enough.abort();
}

async function* linesOf(lines: readonly string[]): AsyncGenerator<string, void, undefined> {
  yield* lines;
}
