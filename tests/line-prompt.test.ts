// The prompt's keys, at what readline takes for a terminal.
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { LinePrompt } from "../src/cli/line-prompt.js";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

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
