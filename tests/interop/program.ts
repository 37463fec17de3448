/**
 * TCP/IP stacks of others, as programs built here from Debian's packages. One has a TAP device tap1 of the kernel's,
 * which routes between it, 10.9.2.2, and a stack of ours, 10.9.1.2. It is told by lines which ports to serve; gvisor/main.go
 * has the words.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { LinkConditions, TcpSettings } from "../../src/index.js";
import { joinByLine } from "./line.js";
import { bytesOf, type Heard, hear, heardOf, until } from "./tcp-peer.js";
import { inWorld, type Kernel, type Ours } from "./world.js";

const OWN = fileURLToPath(new URL(".", import.meta.url));

/** How a program is built in a folder, and started on tap1. */
export interface Kind {
  readonly mtu: number;
  build(folder: string): void;
  /** What env gets, to run it in its folder. */
  readonly words: readonly string[];
}

/** Never asks the network: GOPATH is where Debian's packages are. */
const GO = { GOPATH: "/usr/share/gocode", GO111MODULE: "off", GOFLAGS: "", GOPROXY: "off" };

/** @param recovery  RACK and tail loss probes, or RFC 6675 alone */
export const gvisor = (congestion: "reno" | "cubic", recovery: "rack" | "sack"): Kind => ({
  mtu: 1500,
  build(folder) {
    const env = { ...process.env, ...GO, GOCACHE: join(folder, "cache") };
    execFileSync("go", ["build", "-o", join(folder, "gvisor"), "."], {
      cwd: join(OWN, "gvisor"),
      env,
      timeout: 60_000,
    });
  },
  words: ["./gvisor", "tap1", "10.9.2.2/24", "10.9.2.1", congestion, recovery],
});

export const lwip: Kind = {
  mtu: 576,
  build(folder) {
    const files = ["-I/usr/include/lwip", join(OWN, "lwip/peer.c"), "-o", join(folder, "lwip")];
    execFileSync("gcc", ["-O1", ...files, "-llwip", "-lpthread"], { timeout: 60_000 });
  },
  words: ["PRECONFIGURED_TAPIF=tap1", "./lwip", "10.9.2.2", "255.255.255.0", "10.9.2.1"],
};

/** A folder with a kind's program in it; remove() takes it away. */
export function built(kind: Kind): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "ringstack-program-"));
  const remove = () => rmSync(folder, { recursive: true });
  try {
    kind.build(folder);
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, remove };
}

/** One that runs, with its files in its folder. It ends with its input, should this process end first. */
export class Program {
  readonly #child: ReturnType<Kernel["start"]>;
  /** What it has said that nobody has asked for yet. */
  readonly #said: string[] = [];

  constructor(
    kernel: Kernel,
    kind: Kind,
    readonly folder: string,
  ) {
    this.#child = kernel.start("env", "-C", folder, ...kind.words);
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#said.push(line));
    this.#child.on("exit", (code, signal) => this.#said.push(`failed: it ended by ${code ?? signal}`));
  }

  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Waits for a line. @throws Error when it tells of a failure first, or says nothing in time */
  async says(line: string): Promise<void> {
    const failure = () => this.#said.find((said) => said.startsWith("failed"));
    await until(() => failure() !== undefined || this.#said.includes(line), `"${line}"`);
    if (failure() !== undefined) throw new Error(failure());
    this.#said.splice(this.#said.indexOf(line), 1);
  }

  /** It listens, and does that with each connection. */
  async serves(what: "echo" | "exchange", port: number): Promise<void> {
    this.tell(`${what} ${port}`);
    await this.says(`listening ${port}`);
  }

  /** What its next connection of a port will say. */
  willSay(port: number, bytes: Uint8Array): void {
    writeFileSync(join(this.folder, `${port}.out`), bytes);
  }

  /** What its last connection of a port has heard. */
  heard(port: number): Heard {
    const bytes = readFileSync(join(this.folder, `${port}.in`));
    return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }
}

export interface Far {
  readonly program: Program;
  readonly ours: Ours;
}

/** A program at 10.9.2.2, the kernel that routes, and a stack of ours 10.9.1.2, behind a line if conditions are given. */
export function besideProgram(
  kind: Kind,
  folder: string,
  conditions: Partial<LinkConditions> | undefined,
  body: (far: Far) => Promise<void>,
): Promise<void> {
  return inWorld(async (world) => {
    const [kernel, ours] = await Promise.all([world.kernel(), world.stack()]);
    let endLine = () => {};
    if (conditions !== undefined) endLine = await joinByLine(world, kernel, ours, conditions);
    else await ours.join(kernel, "10.9.1.2/24", "10.9.1.1/24");
    ours.stack.routes.add({ destination: "default", gateway: "10.9.1.1" });
    const program = new Program(kernel, kind, folder);
    try {
      await program.says("ready");
      await kernel.do(`echo 1 > /proc/sys/net/ipv4/ip_forward; ip addr add 10.9.2.1/24 dev tap1
        ip link set tap0 txqueuelen 10000; ip link set tap1 txqueuelen 10000 mtu ${kind.mtu} up`);
      await body({ program, ours });
    } finally {
      program.end();
      endLine();
    }
  });
}

/** Some times what it takes on an idle machine. */
const MAX_MS = 20_000;

/** A connection over which both ends say so many bytes, and hear them, to the end of both streams. */
export async function exchanged(
  { program, ours }: Far,
  role: "we accept" | "we connect",
  [up, down]: readonly [up: number, down: number],
  options: TcpSettings = {},
): Promise<void> {
  const { tcp } = ours.stack;
  const port = role === "we accept" ? 5001 : 5002;
  program.willSay(port, bytesOf(down, "theirs"));
  const accept = async () => {
    const server = await tcp.listen({ port, ...options });
    program.tell(`connect ${port} 10.9.1.2`);
    const socket = await server.accept();
    server.close();
    return socket;
  };
  const socket = await (role === "we accept" ? accept() : tcp.connect({ address: "10.9.2.2", port, ...options }));
  const late = setTimeout(() => socket.abort(), MAX_MS);
  const [got] = await Promise.all([hear(socket), socket.end(bytesOf(up, "ours"))]);
  await program.says(`end ${port}`);
  clearTimeout(late);
  expect(got, `${role}: what we hear`).toEqual(heardOf(down, "theirs"));
  expect(program.heard(port), `${role}: what it hears`).toEqual(heardOf(up, "ours"));
}

/** Questions of up to four segments, which the program's echo answers one after the other. */
export async function asks({ program, ours }: Far, times: number): Promise<void> {
  await program.serves("echo", 7);
  const socket = await ours.stack.tcp.connect({ address: "10.9.2.2", port: 7 });
  const begun = performance.now();
  for (let i = 0; i < times; i++) {
    const size = 1 + Math.floor((i * 5000) / times);
    await socket.write(bytesOf(size, "question"));
    expect(await hear(socket, size)).toEqual(heardOf(size, "question"));
  }
  expect((performance.now() - begun) / times, "ms for each").toBeLessThan(30);
  await socket.end();
  await program.says("end 7");
}
