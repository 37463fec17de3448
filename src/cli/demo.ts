/**
 * `ringstack demo`: the main job from booting to the last buffer returned, a step at a time. Every fact is measured; a
 * step that finds something else than it should ends the demo with exit code 1.
 */
import { ethernet } from "./demo/ethernet.js";
import { frame } from "./demo/frame.js";
import { hostTable } from "./demo/host-table.js";
import { internet } from "./demo/internet.js";
import { boot, pings, udp } from "./demo/loopback.js";
import { memoryHeld } from "./demo/memory.js";
import { ownAddress } from "./demo/own-address.js";
import { routers } from "./demo/routers.js";
import { durationText, type Facts, Session, type Step } from "./demo/session.js";
import { tcp } from "./demo/tcp.js";

const STEPS: readonly Step[] = [
  boot,
  pings,
  udp,
  tcp,
  frame,
  hostTable,
  ownAddress,
  ethernet,
  routers,
  internet,
  memoryHeld,
];

export interface DemoOptions {
  readonly version: string;
  /** One JSON object instead of text. */
  readonly json: boolean;
}

/** Where the words go. */
export interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
}

/** @returns the exit code */
export async function demo(
  { version, json }: DemoOptions,
  { stdout, stderr }: Streams,
  steps: readonly Step[] = STEPS,
): Promise<number> {
  const print = json ? () => {} : (line: string) => stdout.write(`${line}\n`);
  const session = new Session(print, stderr.isTTY ? stderr : undefined);
  const start = performance.now();
  const facts: Record<string, Facts> = {};
  let failed: { step: string; message: string } | undefined;
  session.line(`ringstack ${version}: a TCP/IP host and router inside one WebAssembly module`);
  session.line();
  for (const [i, step] of steps.entries()) {
    try {
      facts[step.name] = await session.run(step, i + 1);
    } catch (error) {
      failed = { step: step.name, message: error instanceof Error ? error.message : String(error) };
      break;
    }
  }
  for (const { stack } of session.booted) stack.close();
  const ms = performance.now() - start;
  if (failed !== undefined) stderr.write(`ringstack demo: step ${failed.step} failed: ${failed.message}\n`);
  else session.line(`${steps.length} steps, all as they should be, in ${durationText(ms)}`);
  if (json)
    stdout.write(`${JSON.stringify({ ringstack: version, ok: failed === undefined, ms, failed, steps: facts })}\n`);
  return failed === undefined ? 0 : 1;
}
