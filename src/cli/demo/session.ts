/**
 * What the demo's steps share: where their words go, the stacks they boot, virtual time, and the demand that what was
 * measured is as it should be.
 */
import { VirtualClock } from "../../clock.js";
import { Stack, type StackOptions } from "../../stack.js";
import { type PingRunOptions, type PingSummary, ping } from "../../tools/ping.js";

/** What a step has measured, as it stands in the JSON. */
export type Facts = Record<string, unknown>;

export interface Step {
  /** Its name in the JSON. */
  readonly name: string;
  readonly title: string;
  /** @throws Error when something is not as it should be */
  run(session: Session): Promise<Facts>;
}

/** A stack that was booted, and its memory as it was then. */
export interface Booted {
  readonly stack: Stack;
  readonly memoryBytes: number;
}

/** The longest that a step may take in virtual time; for a person it is next to nothing. */
const LIMIT_US = 600e6;
/** A step that takes longer, ms, shows how far it is, and how often. */
const PROGRESS_AFTER_MS = 500;
const PROGRESS_EVERY_MS = 100;

export class Session {
  readonly booted: Booted[] = [];
  readonly #print: (line: string) => void;
  readonly #terminal: { write(text: string): unknown } | undefined;
  #progressAtMs = 0;
  #progressShown = false;

  /** @param terminal  for the live line of progress; undefined where nobody watches */
  constructor(print: (line: string) => void, terminal?: { write(text: string): unknown }) {
    this.#print = print;
    this.#terminal = terminal;
  }

  /** Runs a step. */
  async run(step: Step, number: number): Promise<Facts> {
    this.line(`== ${number}. ${step.title}`);
    this.line();
    this.#progressAtMs = performance.now() + PROGRESS_AFTER_MS;
    try {
      return await step.run(this);
    } finally {
      this.#endProgress();
    }
  }

  /** Prints a line. */
  readonly line = (text = ""): void => {
    this.#endProgress();
    this.#print(text);
  };

  /** A command as a person would type it, and what it prints. */
  command(command: string, text: string): void {
    this.line(`$ ${command}`);
    this.line(text);
    this.line();
  }

  /** Boots a stack whose memory the last step accounts for. */
  async boot(options: StackOptions & { readonly name: string }): Promise<Stack> {
    const stack = await Stack.create(options);
    this.booted.push({ stack, memoryBytes: stack.memory().memoryBytes });
    return stack;
  }

  /** A stack that an earlier step has booted. */
  named(name: string): Stack {
    const found = this.booted.find(({ stack }) => stack.name === name);
    demand(found !== undefined, `no stack named ${name} has been booted`);
    return found.stack;
  }

  /** Pings with ping's own lines; in virtual time it takes no time. */
  async ping(stack: Stack, target: string, options: PingRunOptions & { readonly count: number }): Promise<PingSummary> {
    const interval = options.intervalUs === undefined ? "" : ` -i ${options.intervalUs / 1e6}`;
    this.line(`$ ping -c ${options.count}${interval} ${target}`);
    let last = "";
    const show = (line: string) => {
      last = line;
      this.line(line);
    };
    const work = ping(stack, target, show, options);
    const summary = stack.clock instanceof VirtualClock ? await during(stack.clock, work) : await work;
    if (last !== "") this.line();
    return summary;
  }

  /** How far a long step is: a live line, on a terminal only. */
  progress(text: () => string): void {
    if (this.#terminal === undefined) return;
    const nowMs = performance.now();
    if (nowMs < this.#progressAtMs) return;
    this.#progressAtMs = nowMs + PROGRESS_EVERY_MS;
    this.#terminal.write(`\r\u001b[K${text()}`);
    this.#progressShown = true;
  }

  #endProgress(): void {
    if (this.#progressShown) this.#terminal?.write("\r\u001b[K");
    this.#progressShown = false;
  }
}

/** What was measured is as it should be, or the step has failed. */
export function demand(isSo: boolean, wrong: string): asserts isSo {
  if (!isSo) throw new Error(wrong);
}

/** Every request has had its one reply. */
export function demandAnswered(target: string, summary: PingSummary, count: number): void {
  const { transmitted, received, duplicates } = summary;
  const isSo = transmitted === count && received === count && duplicates === 0;
  demand(isSo, `ping ${target}: ${received} of ${transmitted} came back, ${duplicates} twice`);
}

/** Lets virtual time go on until the work is done. */
export async function during<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  work.then(end, end);
  await clock.runUntil(() => isOver, LIMIT_US);
  demand(isOver, `not done within ${LIMIT_US / 1e6} s of virtual time`);
  return work;
}

/** "1.12 s", "331 ms" or "42 µs". */
export function durationText(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms >= 10 ? `${ms.toFixed(0)} ms` : ms >= 1 ? `${ms.toFixed(1)} ms` : `${(ms * 1000).toFixed(0)} µs`;
}
