/** What these tests want of the machine; a test that misses something is skipped, and says so. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "vitest";
import { TapDriver } from "../../src/index.js";

function isTool(name: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why no namespace with a TAP device in it can be had here. */
async function machineMisses(): Promise<string | undefined> {
  if (process.platform !== "linux") return "Linux";
  if (process.getuid?.() !== 0) return "root";
  if (!isTool("ip")) return "ip";
  const netns = `ringstack-${process.pid}-probe`;
  const made = spawnSync("ip", ["netns", "add", netns], { encoding: "utf8" });
  if (made.status !== 0) return `network namespace (${made.stderr.trim()})`;
  try {
    await (await TapDriver.open({ name: "tap0", netns })).close();
    return undefined;
  } catch (error) {
    return `TAP device (${error instanceof Error ? error.message : error})`;
  } finally {
    spawnSync("ip", ["netns", "del", netns]);
  }
}

/** Whether the kernel has devices of a type, such as "bridge": one is made in a namespace that goes at once. */
function isLinkType(type: string): boolean {
  return spawnSync("unshare", ["-n", "ip", "link", "add", "probe0", "type", type]).status === 0;
}

/** Whether the kernel has a congestion control, such as "bbr": it loads what a socket of root's asks for. */
function isCongestionControl(name: string): boolean {
  const ask = `import socket as s; s.socket().setsockopt(s.IPPROTO_TCP, s.TCP_CONGESTION, b"${name}")`;
  return spawnSync("python3", ["-c", ask]).status === 0;
}

/** What is no program: "type bridge" and "tcp bbr" are the kernel's, "file /usr/include/stdio.h" is there. */
const OTHERS: Readonly<Record<string, (name: string) => boolean>> = {
  type: isLinkType,
  tcp: isCongestionControl,
  file: existsSync,
};

function isThere(tool: string): boolean {
  const [kind = "", name] = tool.split(" ");
  return name === undefined ? isTool(tool) : OTHERS[kind]?.(name) === true;
}

const missing = await machineMisses();
const said = new Set<string>();

/** What is missing of the machine and of these tools, said once; undefined when all is there. */
export function misses(...tools: readonly string[]): string | undefined {
  const what = missing ?? tools.find((tool) => !isThere(tool));
  if (what !== undefined && !said.has(what)) {
    said.add(what);
    console.warn(`SKIPPED: no ${what} here; the tests against the kernel that need it do not run`);
  }
  return what;
}

/** A test that needs the kernel, namespaces, TAP devices and these tools. */
export function interop(name: string, tools: readonly string[], body: () => Promise<void>): void {
  test.skipIf(misses(...tools) !== undefined)(name, body, 60_000);
}
