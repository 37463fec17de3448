// docs/COMMANDS.md: each console block's lines are run on h1, and the page must show what they print. With
// UPDATE_PAGES=1 in the environment the page is written anew.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseMac, SimLink, Stack, VirtualClock } from "../../src/index.js";
import { run, splitWords } from "../../src/tools/command.js";
import { during } from "./hosts.js";

const PAGE = fileURLToPath(new URL("../../docs/COMMANDS.md", import.meta.url));
const SEED = [1, 2, 3, 4];

/** Servers that h2 runs, for the page's lines to have somebody to speak with. */
const SERVERS = ["tcp-echo", "iperf -s", "http-server -q -p 80 www"];
const FILES = { "www/index.html": new TextEncoder().encode("<!doctype html><p>Hello from h2.\n") };
const files = {
  read: (path: string) => (FILES as Record<string, Uint8Array>)[path],
  append: () => () => {},
};

/** h1 192.168.1.2 - r1 - h2 192.168.2.2, each link 1 ms long. */
async function topology() {
  const clock = new VirtualClock();
  const [one, two] = [1, 2].map((seed) => new SimLink({ clock, seed, delayUs: 1000 })) as [SimLink, SimLink];
  const [h1, r1, h2] = (await Promise.all(
    ["h1", "r1", "h2"].map((name) => Stack.create({ clock, name, seed: SEED })),
  )) as [Stack, Stack, Stack];
  h1.addInterface(one.nic({ mac: parseMac("02:00:00:00:01:02") }), { address: "192.168.1.2/24" });
  r1.addInterface(one.nic({ mac: parseMac("02:00:00:00:01:01") }), { address: "192.168.1.1/24" });
  r1.addInterface(two.nic({ mac: parseMac("02:00:00:00:02:01") }), { address: "192.168.2.1/24" });
  h2.addInterface(two.nic({ mac: parseMac("02:00:00:00:02:02") }), { address: "192.168.2.2/24" });
  r1.switches.set("IP_FORWARD", 1);
  h1.routes.add({ destination: "default", gateway: "192.168.1.1" });
  h2.routes.add({ destination: "default", gateway: "192.168.2.1" });
  await clock.advance(10_000);
  const names = new Map([
    ["r1", "192.168.1.1"],
    ["h2", "192.168.2.2"],
  ]);
  const stop = new AbortController();
  const context = { stack: h2, out: () => {}, err: () => {}, signal: stop.signal, files };
  const serving = SERVERS.map((line) => run(line, context));
  const end = async () => {
    stop.abort();
    expect(await during(clock, Promise.all(serving))).toEqual(SERVERS.map(() => 0));
  };
  return { clock, h1, end, resolve: (name: string) => names.get(name) };
}

/** The lines of what follows `<<<`, as a lab takes it. */
async function* inputOf(typed: string | undefined) {
  if (typed !== undefined) yield* (splitWords(typed)[0] as string).split("\n");
}

/** A console block as a terminal would show it: each "$ " line of it, and what it prints. */
async function session(block: string): Promise<string> {
  const { clock, h1: stack, end, resolve } = await topology();
  const screen: string[] = [];
  const say = (text: string) => screen.push(...text.split("\n").map((line) => line.trimEnd()));
  const { signal } = new AbortController();
  for (const line of block.split("\n").filter((each) => each.startsWith("$ "))) {
    screen.push(line);
    const [words = "", typed] = line.slice(2).split(" <<< ");
    await during(clock, run(words, { stack, out: say, err: say, signal, resolve, input: inputOf(typed) }));
  }
  await end();
  return screen.join("\n");
}

test("docs/COMMANDS.md shows what the commands print", async () => {
  const page = readFileSync(PAGE, "utf8");
  const parts = page.split(/(```console\n[\s\S]*?\n```)/);
  const made: string[] = [];
  for (const part of parts) {
    const block = /^```console\n([\s\S]*)\n```$/.exec(part)?.[1];
    made.push(block === undefined ? part : `\`\`\`console\n${await session(block)}\n\`\`\``);
  }
  expect(parts.length).toBeGreaterThan(10);
  if (process.env.UPDATE_PAGES === "1") writeFileSync(PAGE, made.join(""));
  else expect(made.join("")).toBe(page);
});
