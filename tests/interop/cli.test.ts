// `ringstack tap` as a child process: the built dist/, beside the kernel in a namespace.
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCapture } from "../../src/capture/index.js";
import { interop } from "./need.js";
import { Kernel } from "./world.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = join(ROOT, "dist/src/cli/main.js");
const NOBODY = 65534;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ringstack-tap-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tap(args: readonly string[], { main = MAIN, uid }: { main?: string; uid?: number } = {}) {
  const options = {
    encoding: "utf8",
    timeout: 20_000,
    input: "",
    ...(uid !== undefined && { uid, gid: uid }),
  } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "tap", ...args], options);
  return { status, stdout, stderr };
}

/** `ringstack tap` in a namespace, and what it has said. */
class Running {
  readonly child;
  said = "";
  complained = "";
  readonly ended: Promise<number | null>;

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, [MAIN, "tap", ...args], { stdio: "pipe" });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.said += text;
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.complained += text;
    });
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
  }

  async says(text: string): Promise<void> {
    for (let i = 0; i < 200 && !this.said.includes(text); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(this.said, this.complained).toContain(text);
  }
}

async function inKernel(body: (kernel: Kernel) => Promise<void>): Promise<void> {
  const kernel = await Kernel.create();
  try {
    await body(kernel);
  } finally {
    await kernel.delete();
  }
}

describe("ringstack tap", () => {
  interop(
    "says what is to be done on the kernel's side, answers, runs lines, captures, and ends at exit",
    ["ping"],
    () =>
      inKernel(async (kernel) => {
        const file = join(folder, "a.pcapng");
        const args = ["--name", "tap0", "--ip", "10.9.1.2/24", "--netns", kernel.name, "--mtu", "1400", "--pcap", file];
        const running = new Running(...args);
        await running.says(`ip -n ${kernel.name} link set tap0 up\n`);
        const todo = running.said.split("\n").filter((line) => line.startsWith("  ip -n"));
        expect(todo).toHaveLength(2);
        await kernel.do(todo.join("\n").replaceAll(`ip -n ${kernel.name}`, "ip"));
        expect(await kernel.do("ping -n -c 2 -i 0.1 -W 2 10.9.1.2")).toContain("2 received");
        expect(await kernel.do("ip link show tap0")).toContain("mtu 1400");
        running.child.stdin.write("ping -c 1 10.9.1.1\nfrobnicate\nexit\n");
        expect(await running.ended).toBe(0);
        expect(running.said).toContain("1 packets transmitted, 1 received, 0% packet loss");
        expect(running.said).toContain("frobnicate: command not found\n");
        expect((await kernel.run("ip link show tap0")).status, "the device goes with it").not.toBe(0);
        const { interfaces, packets } = readCapture(readFileSync(file));
        expect(interfaces.map(({ name }) => name)).toEqual(["lo", "tap0"]);
        expect(packets.filter(({ direction }) => direction === "out").length).toBeGreaterThanOrEqual(3);
        const ageMs = Date.now() - Number((packets[0]?.timeNs ?? 0n) / 1_000_000n);
        expect(ageMs).toBeGreaterThanOrEqual(0);
        expect(ageMs).toBeLessThan(60_000);
      }),
  );

  interop("goes on when its input ends, as a router between TUN devices, until SIGTERM", ["ping"], () =>
    inKernel(async (kernel) => {
      const other = await Kernel.create();
      try {
        const ends = ["--name", "tun0", "--ip", "10.9.1.2/24", "--name", "tun1", "--ip", "10.9.2.2/24"];
        const running = new Running(...ends, "--tun", "--forward", "--netns", kernel.name);
        running.child.stdin.end();
        await running.says("link set tun1 up\n");
        // One end moves to another kernel: between the two there is only the stack.
        await kernel.do(`ip link set tun1 netns ${other.name}`);
        await kernel.do("ip addr add 10.9.1.1/24 dev tun0; ip link set tun0 up; ip route add default via 10.9.1.2");
        await other.do("ip addr add 10.9.2.1/24 dev tun1; ip link set tun1 up; ip route add default via 10.9.2.2");
        expect(await kernel.do("ping -n -c 2 -i 0.1 -W 2 10.9.2.1")).toMatch(/ttl=63[\s\S]*2 received/);
        expect(running.child.exitCode).toBe(null);
        running.child.kill("SIGTERM");
        expect(await running.ended).toBe(0);
        expect((await kernel.run("ip link show tun0")).status).not.toBe(0);
      } finally {
        await other.delete();
      }
    }),
  );

  interop("serves a folder to thirty curls at once, and says who came", ["curl"], () =>
    inKernel(async (kernel) => {
      writeFileSync(join(folder, "index.html"), "<p>hello</p>\n");
      writeFileSync(join(folder, "large"), Buffer.alloc(500_000, "ringstack "));
      const running = new Running("--name", "tap0", "--ip", "10.9.1.2/24", "--netns", kernel.name);
      await running.says("link set tap0 up\n");
      await kernel.do("ip addr add 10.9.1.1/24 dev tap0; ip link set tap0 up txqueuelen 10000");
      running.child.stdin.write(`http-server ${folder}\n`);
      await running.says(`Serving ${folder} on port 80\n`);
      expect(await kernel.do("curl -sSf http://10.9.1.2/")).toBe("<p>hello</p>\n");
      const sums = await kernel.do("for i in $(seq 30); do curl -sSf http://10.9.1.2/large | cksum & done; wait");
      expect(sums).toBe(
        spawnSync("cksum", { input: readFileSync(join(folder, "large")) })
          .stdout.toString()
          .repeat(30),
      );
      await running.says('10.9.1.1 "GET /large HTTP/1.1" 200 500000\n');
      running.child.kill("SIGTERM");
      expect(await running.ended).toBe(0);
      expect(running.complained).toBe("");
    }),
  );

  interop("without rights says what is needed, exit code 1", [], async () => {
    const { status, stdout, stderr } = tap(["--name", "tap0", "--ip", "10.9.1.2/24"], { uid: NOBODY });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(
      /^ringstack: (TUNSETIFF: EPERM: tap0: needs CAP_NET_ADMIN: run as root|open: EACCES: ).*\n$/,
    );
  });

  interop("a namespace that is not there, a gateway that is on no link, exit code 1 and one line", [], () =>
    inKernel(async (kernel) => {
      const device = ["--name", "tap0", "--ip", "10.9.1.2/24"];
      const none = tap([...device, "--netns", `${kernel.name}-none`]);
      expect(none).toMatchObject({ status: 1, stderr: /^ringstack: open: ENOENT: .*no such network namespace.*\n$/ });
      const lost = tap([...device, "--netns", kernel.name, "--gateway", "10.7.7.7"]);
      expect(lost).toMatchObject({ status: 1, stderr: /^ringstack: route ENETUNREACH .*\n$/ });
    }),
  );

  test.skipIf(process.platform !== "linux")("without koffi says how to get it, exit code 1", () => {
    for (const path of ["package.json", "dist/src", "dist/assembly/abi"]) {
      cpSync(join(ROOT, path), join(folder, "alone", path), { recursive: true });
    }
    const alone = tap(["--name", "x", "--ip", "10.9.1.2/24"], { main: join(folder, "alone/dist/src/cli/main.js") });
    expect(alone).toMatchObject({ status: 1, stdout: "" });
    expect(alone.stderr).toMatch(
      /^ringstack: tap: ERR_TAP_KOFFI: the package koffi is needed \(npm install koffi@3\): .*\n$/,
    );
  });

  test.each<[string[], number, string]>([
    [[], 2, "ringstack: tap: --name is missing; see ringstack --help\n"],
    [["--name", "x"], 2, "ringstack: tap: each --name needs an --ip; see ringstack --help\n"],
    [
      ["--name", "x", "--ip", "1.2.3.4/24", "--mtu", "big"],
      2,
      "ringstack: tap: --mtu big is no number; see ringstack --help\n",
    ],
    [["--name", "x", "--ip", "1.2.3.400/24"], 1, 'ringstack: --ip: "1.2.3.400" is not an IPv4 address\n'],
    [["--name", "x", "--ip", "1.2.3.4/24", "--gateway", "g"], 1, 'ringstack: --gateway: "g" is not an IPv4 address\n'],
  ])("wrong words %j", (args, status, stderr) => {
    expect(tap(args)).toEqual({ status, stdout: "", stderr });
  });
});
