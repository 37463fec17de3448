// `ringstack lab` as a child process: the built dist/, without a terminal.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCapture } from "../../src/capture/index.js";
import { complete } from "../../src/cli/lab-prompt.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = join(ROOT, "dist/src/cli/main.js");
const EXAMPLE = join(ROOT, "examples/lab/two-routers.json");
const SCRIPT = join(ROOT, "examples/lab/two-routers.script");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ringstack-lab-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function lab(...args: string[]) {
  return spawnSync(process.execPath, [MAIN, "lab", ...args], { encoding: "utf8", timeout: 60_000, input: "" });
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** A hash of each file of a folder. */
function hashes(path: string): Record<string, string> {
  const hash = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(path, name)))
      .digest("hex");
  return Object.fromEntries(
    readdirSync(path)
      .sort()
      .map((name) => [name, hash(name)]),
  );
}

describe("ringstack lab", () => {
  const names = readdirSync(join(ROOT, "tests/lab/golden")).map((file) => file.replace(/\.txt$/, ""));

  // As a person runs it: the built package, where golden/ was made from the source.
  test.each(names)("examples/lab/%s.json with its script shows what it shall", (name) => {
    const path = join(ROOT, "examples/lab", name);
    const { status, stdout, stderr } = lab(`${path}.json`, "--script", `${path}.script`);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(readFileSync(join(ROOT, `tests/lab/golden/${name}.txt`), "utf8"));
  });

  test("--pcap captures each interface: the same seed gives the same files, another seed others", () => {
    const runs = ["a", "b", "c"].map((name) => {
      const seed = name === "c" ? "2" : "1";
      expect(lab(EXAMPLE, "--script", SCRIPT, "--pcap", join(folder, name), "--seed", seed).status).toBe(0);
      return hashes(join(folder, name));
    });
    const names = ["h1", "h2"].flatMap((host) => [`${host}-eth0`, `${host}-lo`]);
    for (const router of ["r1", "r2"]) names.push(`${router}-eth0`, `${router}-lo`, `${router}-ppp0`);
    expect(Object.keys(runs[0] ?? {})).toEqual(names.map((name) => `${name}.pcapng`).sort());
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]?.["r1-ppp0.pcapng"]).not.toBe(runs[0]?.["r1-ppp0.pcapng"]);
    const { packets } = readCapture(readFileSync(join(folder, "a", "r1-ppp0.pcapng")));
    expect(packets.length).toBeGreaterThan(10);
    expect(packets.every(({ data }) => (data[0] ?? 0) >> 4 === 4)).toBe(true);
  });

  test("--real runs a script in the machine's time", () => {
    const script = file("real.script", "h1 ping -c 1 192.168.239.1\nwait 50ms\n");
    const { status, stdout } = lab(EXAMPLE, "--script", script, "--real");
    expect(status).toBe(0);
    expect(stdout).toContain("1 packets transmitted, 1 received, 0% packet loss");
  });

  test.each<[string, string, string, RegExp]>([
    [
      "a topology",
      '{"hosts": {"h1": {"interfaces": {"eth0": {"link": "x"}}}}}',
      "",
      /t\.json: hosts\.h1\.interfaces\.eth0\.link: there is no link "x"/,
    ],
    ["a script", '{"hosts": {"h1": {}}}', "h1 hostname\nh2 hostname", /s\.script: line 2: there is no host "h2"/],
  ])("exit code 1 for %s that makes no sense, before anything runs", (_, topology, script, message) => {
    const { status, stdout, stderr } = lab(file("t.json", topology), "--script", file("s.script", script));
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(message);
  });

  test("exit code 1 for a file that is not there, 2 for a wrong command line", () => {
    expect(lab(join(folder, "none.json"))).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^ringstack lab: .*none\.json: ENOENT/),
    });
    expect(lab()).toMatchObject({
      status: 2,
      stderr: "ringstack: lab: a topology's file is missing; see ringstack --help\n",
    });
    expect(lab("a", "b")).toMatchObject({ status: 2, stderr: 'ringstack: lab takes no "b"; see ringstack --help\n' });
    expect(lab("a", "--json")).toMatchObject({
      status: 2,
      stderr: "ringstack: lab takes no --json; see ringstack --help\n",
    });
  });

  test("without a script reads lines, in the machine's time, until they end or say exit", async () => {
    const child = spawn(process.execPath, [MAIN, "lab", EXAMPLE], { stdio: ["pipe", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stdin.write(
      "hosts\nh1 ping -c 1 192.168.239.1\nh7 ping\nlink p2p down\nr1 ifconfig ppp0\nexit\nh1 hostname\n",
    );
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(0);
    expect(stdout).toContain("r1: eth0 192.168.239.1/24, ppp0 10.0.0.1/30\n");
    expect(stdout).toContain("1 packets transmitted, 1 received");
    expect(stdout).toContain('there is no host "h7"; did you mean h1?\n');
    expect(stdout).toContain("lab$ link p2p down\nr1$ ifconfig ppp0\n");
    expect(stdout).not.toContain("h1$ hostname");
  });

  test("the prompt completes hosts, commands and links", () => {
    const session = { names: { hosts: ["h1", "h2"], links: ["lan"], commands: ["ping", "route"] } };
    expect(complete("h", session)).toEqual([["h1 ", "h2 ", "help ", "hosts "], "h"]);
    expect(complete("h1 p", session)).toEqual([["ping "], "p"]);
    expect(complete("h1 ping h", session)).toEqual([["h1 ", "h2 "], "h"]);
    expect(complete("link ", session)).toEqual([["lan "], ""]);
  });
});
