/** The README's programs do what they say. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as ringstack from "../src/index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const programs = Array.from(readme.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code as string);

/** Runs a program that imports from "ringstack" only, and answers what it logs. */
async function logged(code: string): Promise<unknown[][]> {
  const body = code.replace(/^import (\{[^}]*\}) from "ringstack";$/m, "const $1 = ringstack;");
  const lines: unknown[][] = [];
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  await new AsyncFunction("ringstack", "console", body)(ringstack, { log: (...words: unknown[]) => lines.push(words) });
  return lines;
}

test("TCP: the echo comes back", async () => {
  expect(await logged(programs[0] as string)).toEqual([["Hello, world"]]);
});

test("UDP over a link in virtual time: the echo comes back, and the route is the link's", async () => {
  const [[text, route] = []] = await logged(programs[1] as string);
  expect(text).toBe("hello");
  expect(route).toMatchObject({ dev: "eth0" });
});

test("there is no other program", () => expect(programs).toHaveLength(2));
