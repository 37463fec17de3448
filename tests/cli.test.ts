// The command as a child process: the built dist/, without a terminal.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demand, type Step } from "../src/cli/demo/session.js";
import { demo } from "../src/cli/demo.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const STEPS = [
  "boot",
  "ping",
  "udp",
  "tcp",
  "frame",
  "hostTable",
  "ownAddress",
  "ethernet",
  "routers",
  "internet",
  "memory",
];

function run(root: string, ...args: string[]) {
  const script = join(root, "dist/src/cli/main.js");
  const options = { encoding: "utf8", cwd: tmpdir(), timeout: 60_000, maxBuffer: 1 << 26 } as const;
  return spawnSync(process.execPath, [script, ...args], options);
}

describe("ringstack demo", () => {
  test("shows every step and ends by itself", () => {
    const { status, stdout, stderr } = run(ROOT, "demo");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[0]).toBe(`ringstack ${version}: a TCP/IP host and router inside one WebAssembly module`);
    expect(lines.filter((line) => line.startsWith("== "))).toHaveLength(STEPS.length);
    expect(lines).toContain("PING 127.9.9.9 (127.9.9.9) 56(84) bytes of data.");
    expect(lines.filter((line) => line.startsWith("3 packets transmitted, 3 received, 0% packet loss"))).toHaveLength(
      5,
    );
    expect(lines).toContain("UDP       1492 -> 69, length 63, checksum 0xac40 (correct)");
    expect(lines).toContain("default         192.168.10.1    0.0.0.0         UG    0      0        0 eth0");
    expect(lines).toContain("lo    TX packets +6  RX packets +6");
    expect(lines).toContain("eth0  TX packets +0  RX packets +0");
    expect(lines).toContain("From 192.168.1.1 icmp_seq=1 Destination Host Unreachable");
    expect(lines).toContain("From 192.168.239.145: icmp_seq=1 Redirect Host(New nexthop: 192.168.239.2)");
    expect(lines).toContain("From 192.168.239.2 icmp_seq=1 Frag needed and DF set (mtu = 600)");
    expect(lines.some((line) => line.startsWith("8.8.8.8 "))).toBe(true);
    expect(stdout).not.toMatch(/NOT ALL RETURNED|GROWN/);
    expect(stdout.trimEnd()).toMatch(/\n11 steps, all as they should be, in [\d.]+ m?s$/);
    // Plain text: no colours, no progress, nothing that moves the cursor.
    expect(stdout).toMatch(/^[\n\x20-\x7eµ…]*$/);
  });

  test("--json: one object with the facts", () => {
    const { status, stdout, stderr } = run(ROOT, "demo", "--json");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ ringstack: version, ok: true });
    expect(Object.keys(report.steps)).toEqual(STEPS);
    const { boot, ping, udp, tcp, frame, hostTable, ownAddress, ethernet, routers, internet, memory } = report.steps;
    expect(boot).toMatchObject({ imports: 0 });
    expect(ping["127.9.9.9"]).toMatchObject({ transmitted: 3, received: 3, errors: 0 });
    expect(udp.trips.map(({ size }: { size: number }) => size)).toContain(65507);
    expect(tcp.trips.map(({ size }: { size: number }) => size)).toEqual([1, 1024, 100_000]);
    expect(tcp.bulk).toMatchObject({ retransmits: 0 });
    expect(frame.layers[1].checksum).toEqual({ value: 0x25ec, correct: true });
    expect(frame.received).toMatchObject({ address: "192.168.0.55", port: 1492, size: 55 });
    expect(hostTable.choices[1]).toMatchObject({ address: "202.10.1.2", dev: "eth0", gateway: "192.168.10.1" });
    expect(ownAddress.linked.moved).toEqual([
      { name: "lo", tx: 6, rx: 6 },
      { name: "eth0", tx: 0, rx: 0 },
    ]);
    expect(ethernet.neighbours.a[0]).toMatchObject({ address: "192.168.1.2", dev: "eth0" });
    expect(routers).toMatchObject({ redirect: { gateway: "192.168.239.2" }, learned: 1, fragments: 2 });
    expect(internet.prefixes).toBeGreaterThan(500_000);
    expect(internet.choices[0]).toMatchObject({ address: "8.8.8.8", by: "8.8.8.0/24", asn: 15169 });
    for (const stack of memory.stacks) expect(stack).toMatchObject({ inUse: 0, isFixed: true, isReturned: true });
  });
});

describe("ringstack demo as a package alone", () => {
  let root = "";

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "ringstack-"));
    for (const path of ["package.json", "dist/src", "dist/assembly/abi"]) {
      cpSync(join(ROOT, path), join(root, path), { recursive: true });
    }
  });

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("needs no other package, and says that the large table is not there", () => {
    expect(existsSync(join(root, "node_modules"))).toBe(false);
    const { status, stdout, stderr } = run(root, "demo", "--json");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const { ok, steps } = JSON.parse(stdout);
    expect(ok).toBe(true);
    expect(steps.internet).toMatchObject({ table: "small" });
  });
});

describe("a step that fails", () => {
  const fails: Step = {
    name: "fails",
    title: "It fails",
    async run(session) {
      const stack = await session.boot({ name: "short-lived" });
      session.progress(() => "half way");
      demand(stack.interfaces.length === 2, "there is only lo");
      return {};
    },
  };

  async function shown(json: boolean) {
    const said = { stdout: "", stderr: "" };
    const into = (name: keyof typeof said) => ({
      write: (text: string) => {
        said[name] += text;
      },
    });
    const streams = { stdout: into("stdout"), stderr: into("stderr") };
    return { code: await demo({ version: "1.2.3", json }, streams, [fails, fails]), ...said };
  }

  test("ends the demo with a clear message and exit code 1", async () => {
    const { code, stdout, stderr } = await shown(false);
    expect(code).toBe(1);
    expect(stderr).toBe("ringstack demo: step fails failed: there is only lo\n");
    expect(stdout.match(/== /g)).toHaveLength(1);
  });

  test("is said in the JSON", async () => {
    const { code, stdout } = await shown(true);
    expect(code).toBe(1);
    const failed = { step: "fails", message: "there is only lo" };
    expect(JSON.parse(stdout)).toMatchObject({ ringstack: "1.2.3", ok: false, failed, steps: {} });
  });
});

describe("ringstack", () => {
  test.each([
    [["frobnicate"], 'ringstack: unknown command "frobnicate"; see ringstack --help\n'],
    [[], "ringstack: a command is missing; see ringstack --help\n"],
    [["demo", "twice"], 'ringstack: demo takes no "twice"; see ringstack --help\n'],
  ])("wrong words %j", (args, message) => {
    const { status, stdout, stderr } = run(ROOT, ...args);
    expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: "", stderr: message });
  });

  test("an unknown option", () => {
    const { status, stderr } = run(ROOT, "demo", "--jsno");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^ringstack: .*--jsno.*; see ringstack --help\n$/s);
  });

  test("--help and --version", () => {
    expect(run(ROOT, "--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("usage: ringstack demo") });
    expect(run(ROOT, "--version")).toMatchObject({ status: 0, stdout: `${version}\n` });
  });
});
