/**
 * A script's lines, and a prompt's: `h1 ping -c 3 h2`, `link lan loss 10%`, `wait 5s`, `# a remark`. A command's line may
 * end in `&` (in the background) or in `<<< text` (its standard input). All of a script is read before any of it runs.
 */
import type { LinkConditions } from "../drivers/sim-conditions.js";
import { QuoteError, splitWords } from "../tools/command.js";
import { CONDITIONS } from "./conditions.js";
import { nearest } from "./nearest.js";
import { DURATION_FORM, duration } from "./units.js";

export type Step = CommandStep | LinkStep | WaitStep | RemarkStep;

/** A command on a host. */
export interface CommandStep {
  readonly kind: "command";
  readonly host: string;
  /** The command and its arguments. */
  readonly words: readonly string[];
  /** As it was typed, without the host. */
  readonly text: string;
  readonly inBackground: boolean;
  /** Lines of its standard input; none unless given. */
  readonly input: readonly string[];
}

/** A change of a link. */
export interface LinkStep {
  readonly kind: "link";
  readonly link: string;
  readonly text: string;
  readonly up?: boolean;
  readonly changes: Readonly<Partial<LinkConditions>>;
}

export interface WaitStep {
  readonly kind: "wait";
  readonly text: string;
  readonly us: number;
}

/** A remark or an empty line: shown as it is. */
export interface RemarkStep {
  readonly kind: "remark";
  readonly text: string;
}

/** The names that a line may use. */
export interface ScriptNames {
  readonly hosts: readonly string[];
  readonly links: readonly string[];
  readonly commands: readonly string[];
}

/** Lines that mean nothing. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
  readonly code = "ERR_SCRIPT";
}

/** What a shell would take for its own. */
const SHELL_WORDS: ReadonlySet<string> = new Set(["|", "||", "&&", ";", "<", ">", ">>", "2>"]);

/** The longest wait: a year. */
const MAX_WAIT_US = 366 * 86_400e6;

/**
 * Every step of a script.
 * @throws ScriptError naming each line that is wrong
 */
export function parseScript(text: string, names: ScriptNames): Step[] {
  const steps: Step[] = [];
  const faults: string[] = [];
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  for (const [i, line] of lines.entries()) {
    try {
      steps.push(parseLine(line, names));
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      faults.push(`line ${i + 1}: ${error.message}`);
    }
  }
  if (faults.length > 0) throw new ScriptError(faults.join("\n"));
  return steps;
}

/** What a line asks for. @throws ScriptError */
export function parseLine(line: string, names: ScriptNames): Step {
  const text = line.trim();
  if (text === "" || text.startsWith("#")) return { kind: "remark", text };
  let words: string[];
  try {
    words = splitWords(text);
  } catch (error) {
    if (error instanceof QuoteError) throw new ScriptError(error.message);
    throw error;
  }
  const [first = "", ...rest] = words;
  if (first === "link") return linkStep(text, rest, names);
  if (first === "wait") return waitStep(text, rest);
  return commandStep(text, first, rest, names);
}

function commandStep(line: string, host: string, rest: string[], names: ScriptNames): CommandStep {
  requireKnown(host, names.hosts, "host");
  const inBackground = rest.at(-1) === "&";
  if (inBackground) rest.pop();
  const at = rest.indexOf("<<<");
  if (at >= 0 && at !== rest.length - 2) throw new ScriptError("one word follows <<<, the last of the line");
  const input = at < 0 ? [] : (rest[at + 1] as string).split("\n");
  const words = at < 0 ? rest : rest.slice(0, at);
  const shell = words.find((word) => SHELL_WORDS.has(word) || word.endsWith(";"));
  if (shell !== undefined) throw new ScriptError(`no shell reads ${shell}: a line is one command of one host`);
  const [command] = words;
  if (command === undefined) throw new ScriptError(`what shall ${host} do?`);
  requireKnown(command, names.commands, "command");
  return { kind: "command", host, words, text: line.slice(host.length).trim(), inBackground, input };
}

function linkStep(text: string, words: readonly string[], names: ScriptNames): LinkStep {
  const [link, ...rest] = words;
  if (link === undefined) throw new ScriptError("link: which one?");
  requireKnown(link, names.links, "link");
  if (rest.length === 0) throw new ScriptError(`link ${link}: up, down, or a condition and its value`);
  if (rest.length === 1 && (rest[0] === "up" || rest[0] === "down")) {
    return { kind: "link", link, text, up: rest[0] === "up", changes: {} };
  }
  return { kind: "link", link, text, changes: conditionsOf(rest) };
}

function conditionsOf(words: readonly string[]): Partial<LinkConditions> {
  const changes: Partial<Record<keyof LinkConditions, number>> = {};
  for (let i = 0; i < words.length; i += 2) {
    const condition = CONDITIONS.find(({ name }) => name === words[i]);
    if (condition === undefined) {
      const all = CONDITIONS.map(({ name }) => name).join(", ");
      throw new ScriptError(`link: ${JSON.stringify(words[i])} is none of up, down, ${all}`);
    }
    const value = condition.read(words[i + 1]);
    if (value === undefined)
      throw new ScriptError(`link: ${condition.name}: ${condition.form}, not ${words[i + 1] ?? "nothing"}`);
    changes[condition.option] = value;
  }
  return changes as Partial<LinkConditions>;
}

function waitStep(text: string, words: readonly string[]): WaitStep {
  const us = words.length === 1 ? duration(words[0]) : undefined;
  if (us === undefined || us > MAX_WAIT_US) throw new ScriptError(`wait: ${DURATION_FORM}, a year at most`);
  return { kind: "wait", text, us };
}

function requireKnown(name: string, known: readonly string[], what: string): void {
  if (known.includes(name)) return;
  const guess = nearest(name, known);
  const hint =
    guess !== undefined ? `; did you mean ${guess}?` : known.length <= 20 ? `; there are ${known.join(", ")}` : "";
  throw new ScriptError(`there is no ${what} ${JSON.stringify(name)}${hint}`);
}
