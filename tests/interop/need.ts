/** What these tests want of the machine; a test that misses something is skipped, and says so. */
import { accessSync, constants } from "node:fs";
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

/** Why no namespace with a TAP device can be had here. */
async function machineMisses(): Promise<string | undefined> {
  if (process.platform !== "linux") return "Linux";
  if (process.getuid?.() !== 0) return "root";
  if (!isTool("ip")) return "ip";
  try {
    await (await TapDriver.open({ name: `rsprobe${process.pid % 100_000}` })).close();
    return undefined;
  } catch (error) {
    return `TAP device (${error instanceof Error ? error.message : error})`;
  }
}

const missing = await machineMisses();
const said = new Set<string>();

/** What is missing of the machine and of these tools, said once; undefined when all is there. */
export function misses(...tools: readonly string[]): string | undefined {
  const what = missing ?? tools.find((tool) => !isTool(tool));
  if (what !== undefined && !said.has(what)) {
    said.add(what);
    console.warn(`SKIPPED: there is no ${what} here; the tests against the kernel that need it do not run`);
  }
  return what;
}

/** A test that needs the kernel, namespaces, TAP devices and these tools. */
export function interop(name: string, tools: readonly string[], body: () => Promise<void>): void {
  test.skipIf(misses(...tools) !== undefined)(name, body, 60_000);
}
