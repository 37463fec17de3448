/**
 * Network namespaces of a test's own, stacks joined to them by TAP devices, and captures of these, which tshark judges at
 * the end. Nothing here touches the namespace that the tests run in.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { capture, readCapture } from "../../src/capture/index.js";
import {
  type Interface,
  RealClock,
  type Stack,
  type StackOptions,
  TapDriver,
  type TapOptions,
} from "../../src/index.js";
import { run } from "../../src/tools/command.js";
import { boot } from "../stack/harness.js";

export interface Ran {
  readonly status: number;
  /** Standard output and standard error. */
  readonly text: string;
}

/** How long a program may take. */
const TIMEOUT_MS = 20_000;
const ENV = { ...process.env, LC_ALL: "C", PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
let namespaces = 0;

function program(file: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(file, args, { env: ENV, timeout: TIMEOUT_MS, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ status, text: `${stdout}${stderr}${status < 0 ? error : ""}` });
    });
  });
}

/** A network namespace with the kernel's stack in it. */
export class Kernel {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  static async create(): Promise<Kernel> {
    const kernel = new Kernel(`ringstack-${process.pid}-${++namespaces}`);
    const made = await program("ip", ["netns", "add", kernel.name]);
    if (made.status !== 0) throw new Error(made.text);
    await kernel.do("ip link set lo up");
    // What IPv6 says by itself is in nobody's way, but in every capture. Some kernels have none.
    for (const which of ["all", "default"]) {
      const path = `/proc/sys/net/ipv6/conf/${which}/disable_ipv6`;
      await kernel.do(`if [ -e ${path} ]; then echo 1 > ${path}; fi`);
    }
    return kernel;
  }

  /** Runs a line of the shell there. */
  run(line: string): Promise<Ran> {
    return program("ip", ["netns", "exec", this.name, "sh", "-c", line]);
  }

  /** The same; what it says. @throws Error when it fails */
  async do(line: string): Promise<string> {
    const { status, text } = await this.run(line);
    if (status !== 0) throw new Error(`${line}: status ${status}\n${text}`);
    return text;
  }

  /** Starts a program there that the caller ends. */
  start(file: string, ...args: string[]) {
    return spawn("ip", ["netns", "exec", this.name, file, ...args], { env: ENV, stdio: ["pipe", "pipe", "inherit"] });
  }

  async delete(): Promise<void> {
    await program("ip", ["netns", "del", this.name]);
  }
}

/** One of our stacks, and the commands on it. */
export class Ours {
  constructor(
    readonly stack: Stack,
    readonly world: World,
  ) {}

  /** Joins it to a kernel by a TAP device that has our address; the kernel's end gets `theirs`, or is left to the test. */
  async join(kernel: Kernel, address: string, theirs: string | undefined, options: Partial<TapOptions> = {}) {
    const name = options.name ?? `tap${this.stack.interfaces.length - 1}`;
    const driver = await TapDriver.open({ ...options, name, netns: kernel.name });
    this.world.drivers.push(driver);
    if (theirs !== undefined) await kernel.do(`ip addr add ${theirs} dev ${name}`);
    await kernel.do(`ip link set ${name} up`);
    const nif = this.stack.addInterface(driver, { name, address });
    this.world.watch(nif);
    return nif;
  }

  /** Runs a command line of ours. */
  async run(line: string): Promise<Ran> {
    const lines: string[] = [];
    const out = (text: string) => lines.push(text);
    const status = await run(line, { stack: this.stack, out, err: out, signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status, text: lines.join("\n") };
  }
}

/** What a test has made, so that all of it goes again. */
export class World {
  readonly drivers: TapDriver[] = [];
  readonly #kernels: Kernel[] = [];
  readonly #stacks: Stack[] = [];
  readonly #captures: { readonly nif: Interface; readonly chunks: Uint8Array[] }[] = [];

  async kernel(): Promise<Kernel> {
    const kernel = await Kernel.create();
    this.#kernels.push(kernel);
    return kernel;
  }

  async stack(options: StackOptions = {}): Promise<Ours> {
    const stack = await boot({ clock: new RealClock(), dayMs: Date.now() % 86_400_000, ...options });
    this.#stacks.push(stack);
    return new Ours(stack, this);
  }

  watch(nif: Interface): void {
    const chunks: Uint8Array[] = [];
    capture([nif], (chunk) => chunks.push(chunk.slice()));
    this.#captures.push({ nif, chunks });
  }

  /** tshark finds nothing wrong in what our stacks have sent, of which there is something. */
  async judge(): Promise<void> {
    const one = async ({ nif, chunks }: { nif: Interface; chunks: Uint8Array[] }) => {
      const { sent, wrong } = await judged(Buffer.concat(chunks));
      expect(wrong, `${nif.name}: what tshark finds wrong`).toEqual([]);
      expect(sent, `${nif.name}: frames that we sent`).toBeGreaterThan(0);
    };
    await Promise.all(this.#captures.map(one));
  }

  async end(): Promise<void> {
    for (const stack of this.#stacks) stack.close();
    await Promise.all(this.drivers.map((driver) => driver.close()));
    await Promise.all(this.#kernels.map((kernel) => kernel.delete()));
  }
}

const BAD = ["ip", "icmp", "udp", "tcp", "igmp"].map((protocol) => `${protocol}.checksum.status == Bad`);
const WRONG = ["_ws.malformed", "_ws.expert.severity == error", ...BAD].join(" || ");
const LAYERS = ["-d", "udp.port==1-65535,data", "-d", "tcp.port==1-65535,data"];
const OURS = "frame.packet_flags_direction == Outbound";

/** The lines that tshark prints; what it cannot do is one of them. Up to UDP and TCP, what applications put in these is
 * theirs, also where it goes to a well-known port. */
export async function tshark(...args: readonly string[]): Promise<string[]> {
  const { status, text } = await program("tshark", ["-n", ...LAYERS, ...args]);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("Running as user"));
  return status === 0 ? lines : [`tshark ended with ${status}`, ...lines];
}

/** How many frames of a capture the stack has sent, and a line for each of these that tshark finds something wrong in. */
export async function judged(bytes: Uint8Array): Promise<{ sent: number; wrong: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "ringstack-interop-"));
  try {
    writeFileSync(join(folder, "a.pcapng"), bytes);
    const checks = ["ip", "udp", "tcp"].flatMap((protocol) => ["-o", `${protocol}.check_checksum:TRUE`]);
    const args = [...checks, "-r", join(folder, "a.pcapng"), "-Y", `(${OURS}) && (${WRONG})`];
    const sent = readCapture(bytes).packets.filter(({ direction }) => direction === "out").length;
    return { sent, wrong: await tshark(...args) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Makes a world, runs the test in it, has tshark judge, and takes all of it away. */
export async function inWorld(body: (world: World) => Promise<void>): Promise<void> {
  const world = new World();
  try {
    await body(world);
    await world.judge();
  } finally {
    await world.end();
  }
}

/** The kernel 10.9.1.1/24 and, beside it, a stack of ours 10.9.1.2/24. */
export function beside(body: (kernel: Kernel, ours: Ours) => Promise<void>, options: StackOptions = {}): Promise<void> {
  return inWorld(async (world) => {
    const kernel = await world.kernel();
    const ours = await world.stack(options);
    await ours.join(kernel, "10.9.1.2/24", "10.9.1.1/24");
    await body(kernel, ours);
  });
}
