// The prompt's keys, at what readline takes for a terminal.
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { LinePrompt } from "../src/cli/line-prompt.js";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

/** A prompt at a terminal. */
function terminal() {
  const input = Object.assign(new PassThrough(), { isTTY: true }) as unknown as NodeJS.ReadStream & PassThrough;
  const output = Object.assign(new PassThrough(), { isTTY: true }) as unknown as NodeJS.WriteStream & PassThrough;
  const completer = (line: string): [string[], string] => [[], line];
  const options = { input, output, prompt: "> ", completer, interrupt: () => false, hint: "nothing runs" };
  return { input, output, prompt: new LinePrompt(options) };
}

/** A prompt whose every line lasts until it is interrupted. */
function prompting(isTTY: boolean) {
  const input = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.ReadStream & PassThrough;
  const output = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream & PassThrough;
  const log: string[] = [];
  let end: (() => void) | undefined;
  const interrupt = () => {
    const isRunning = end !== undefined;
    end?.();
    return isRunning;
  };
  const completer = (line: string): [string[], string] => [[], line];
  const prompt = new LinePrompt({ input, output, prompt: "> ", completer, interrupt, hint: "nothing runs" });
  const read = prompt.read(async (line) => {
    log.push(`begins ${line}`);
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    end = undefined;
    log.push(`ended ${line}`);
  });
  const type = async (keys: string) => {
    if (keys !== "") input.write(keys);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  return { input, output, log, type, read, interrupt };
}

test("^C ends the command that runs, and reading goes on; exit ends it", async () => {
  const { log, type, read, output } = prompting(true);
  await type("one\r");
  await type(CTRL_C);
  await type(CTRL_C);
  expect(log).toEqual(["begins one", "ended one"]);
  expect(String(output.read())).toContain("nothing runs");
  await type("exit\r");
  expect(await read).toBe(true);
});

test("^D ends the command that runs, too: behind it ^C would end the process", async () => {
  const { input, log, type, read } = prompting(true);
  await type("one\r");
  await type(CTRL_D);
  expect(await read).toBe(false);
  expect(input.isPaused()).toBe(true);
  expect(log).toEqual(["begins one", "ended one"]);
});

test("a pipe's end lets what runs go on to its own end", async () => {
  const { input, log, type, read, interrupt } = prompting(false);
  await type("one\n");
  input.end();
  await type("");
  expect(log).toEqual(["begins one"]);
  interrupt();
  expect(await read).toBe(false);
  expect(log).toEqual(["begins one", "ended one"]);
});

test("what is typed goes to the command that reads; ^D is its end, and the prompt goes on", async () => {
  const { input, output, prompt } = terminal();
  const log: string[] = [];
  const done = prompt.read(async (line) => {
    log.push(`begins ${line}`);
    for await (const each of prompt.commandInput() ?? []) {
      log.push(`reads ${each}`);
      if (each === "enough") break;
    }
    log.push(`ended ${line}`);
  });
  const type = async (keys: string) => {
    input.write(keys);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await type("one\r");
  await type("a\rb\r");
  await type(CTRL_D);
  await type("two\rc\renough\rthree\r");
  await type(CTRL_D);
  await type("exit\r");
  expect(await done).toBe(true);
  expect(log).toEqual([
    ...["begins one", "reads a", "reads b", "ended one"],
    ...["begins two", "reads c", "reads enough", "ended two"],
    ...["begins three", "ended three"],
  ]);
  expect(String(output.read())).toContain("> ");
});

test("a command that ends while it reads takes no line of the prompt's", async () => {
  const { input, prompt } = terminal();
  const log: string[] = [];
  const done = prompt.read(async (line) => {
    log.push(line);
    const lines = prompt.commandInput()?.[Symbol.asyncIterator]();
    void lines?.next().then(({ done: isOver }) => log.push(isOver === true ? "none" : "a line"));
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
  for (const keys of ["one\r", "two\r", "exit\r"]) {
    input.write(keys);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  expect(await done).toBe(true);
  expect(log).toEqual(["one", "none", "two", "none"]);
});

test("a pipe's lines are commands, however many, none of them a command's input", async () => {
  const input = Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.ReadStream & PassThrough;
  const output = Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.WriteStream;
  const completer = (line: string): [string[], string] => [[], line];
  const prompt = new LinePrompt({ input, output, prompt: "> ", completer, interrupt: () => false, hint: "" });
  expect(prompt.commandInput()).toBeUndefined();
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}`);
  input.end(`${lines.join("\n")}\n`);
  const log: string[] = [];
  await prompt.read(async (line) => {
    await new Promise((resolve) => setImmediate(resolve));
    log.push(line);
  });
  expect(log).toEqual(lines);
});
