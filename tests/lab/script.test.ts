// A script's lines: what they are taken for, what is said of those that mean nothing, and how they run.
import { describe, expect, test } from "vitest";
import { RealClock, VirtualClock } from "../../src/index.js";
import { Lab, parseLine, parseScript, ScriptError, Session, type SessionOptions } from "../../src/lab/index.js";

const NAMES = { hosts: ["h1", "h2"], links: ["lan", "h1-eth0"], commands: ["ping", "route", "hostname"] };
const LAN = {
  links: { lan: { delay: "1ms" } },
  hosts: {
    h1: { interfaces: { eth0: { link: "lan", address: "10.0.0.1/24" } } },
    h2: { interfaces: { eth0: { link: "lan", address: "10.0.0.2/24" } } },
  },
};

/** What a terminal shows while the script runs. */
async function shown(script: string, options: Partial<SessionOptions> = {}, clock = new VirtualClock()) {
  using lab = await Lab.create(LAN, { clock });
  const lines: string[] = [];
  const session = new Session(lab, { out: (text) => lines.push(...text.split("\n")), ...options });
  await session.runAll(parseScript(script, session.names));
  return { lines, nowUs: clock.now(), counters: lab.link("lan").nics.map((nic) => nic.counters) };
}

describe("a line is", () => {
  test("a command on a host, as it was typed", () => {
    expect(parseLine("  h1  ping -c 3 'h2' ", NAMES)).toEqual({
      kind: "command",
      host: "h1",
      words: ["ping", "-c", "3", "h2"],
      text: "ping -c 3 'h2'",
      inBackground: false,
      input: [],
    });
    expect(parseLine('h1 ping <<< "a b" &', NAMES)).toMatchObject({
      words: ["ping"],
      input: ["a b"],
      inBackground: true,
      text: 'ping <<< "a b" &',
    });
  });

  test("several lines of input", () => {
    expect(parseLine("h1 ping <<< $'a b\\n'", NAMES)).toMatchObject({ words: ["ping"], input: ["a b", ""] });
  });

  test("a change of a link", () => {
    expect(parseLine("link lan down", NAMES)).toMatchObject({ kind: "link", link: "lan", up: false });
    expect(parseLine("link h1-eth0 up", NAMES)).toMatchObject({ link: "h1-eth0", up: true });
    expect(parseLine("link lan loss 10% delay 5ms queue 3 mark never corrupt 0.5 rate unlimited", NAMES)).toMatchObject(
      {
        changes: { loss: 0.1, delayUs: 5000, queueFrames: 3, markFrames: Infinity, corrupt: 0.5, bitRate: Infinity },
      },
    );
  });

  test("a wait, a remark, nothing", () => {
    expect(parseLine("wait 1.5s", NAMES)).toEqual({ kind: "wait", text: "wait 1.5s", us: 1_500_000 });
    expect(parseLine(" # why", NAMES)).toEqual({ kind: "remark", text: "# why" });
    expect(parseLine("", NAMES)).toEqual({ kind: "remark", text: "" });
  });

  test.each([
    ["h3 ping", 'there is no host "h3"; did you mean h1?'],
    ["ping h2", 'there is no host "ping"; there are h1, h2'],
    ["h1", "what shall h1 do?"],
    ["h1 &", "what shall h1 do?"],
    ["h1 pign h2", 'there is no command "pign"; did you mean ping?'],
    ["h1 ping 'h2", "unexpected EOF while looking for matching `''"],
    ["h1 ping <<< a b", "one word follows <<<, the last of the line"],
    ["h1 ping <<<", "one word follows <<<, the last of the line"],
    ["h1 ping h2 | ping", "no shell reads |: a line is one command of one host"],
    ["h1 ping h2 > file", "no shell reads >: a line is one command of one host"],
    ["h1 ping h2; h2 ping h1", "no shell reads h2;: a line is one command of one host"],
    ["link", "link: which one?"],
    ["link lam up", 'there is no link "lam"; did you mean lan?'],
    ["link lan", "link lan: up, down, or a condition and its value"],
    ["link lan loss", 'link: loss: a number from 0 to 1, or "1%", not nothing'],
    ["link lan loss 2", 'link: loss: a number from 0 to 1, or "1%", not 2'],
    [
      "link lan dely 1ms",
      'link: "dely" is none of up, down, delay, jitter, rate, queue, mark, loss, duplicate, reorder, reorderDelay, corrupt',
    ],
    ["wait", 'wait: a time such as "250us", "10ms" or "1.5s", a year at most'],
    ["wait 5", 'wait: a time such as "250us", "10ms" or "1.5s", a year at most'],
  ])("refused: %s", (line, message) => {
    expect(() => parseLine(line, NAMES)).toThrow(new ScriptError(message));
  });

  test("named by its number when a script has wrong ones, all of them", () => {
    expect(() => parseScript("h1 ping h2\nh9 ping h2\n\nwait 5\n", NAMES)).toThrow(
      /^line 2: there is no host "h9".*\nline 4: wait: .*$/,
    );
  });
});

describe("a session", () => {
  test("shows prompts, remarks and output as a terminal does, in virtual time", async () => {
    const { lines, nowUs } = await shown("# first\nh1 ping -c 2 10.0.0.2\n\nwait 10s\nh2 hostname\n");
    expect(lines).toEqual([
      "# first",
      "h1$ ping -c 2 10.0.0.2",
      "PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.",
      "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=3.00 ms",
      "64 bytes from 10.0.0.2: icmp_seq=2 ttl=64 time=2.00 ms",
      "",
      "--- 10.0.0.2 ping statistics ---",
      "2 packets transmitted, 2 received, 0% packet loss, time 1000ms",
      "rtt min/avg/max/mdev = 2.000/2.500/3.000/0.500 ms",
      "",
      "lab$ wait 10s",
      "h2$ hostname",
      "h2",
    ]);
    expect(nowUs).toBe(1_002_000 + 10_000_000);
  });

  test("changes links while it runs", async () => {
    const { lines } = await shown(
      "h1 ping -c 1 10.0.0.2\nlink lan delay 5ms\nh1 ping -c 1 10.0.0.2\nlink lan down\nh1 ifconfig eth0\nlink lan up",
    );
    expect(lines.filter((line) => line.includes("time="))).toEqual([
      "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=3.00 ms",
      "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=10.0 ms",
    ]);
    expect(lines.find((line) => line.includes("MTU:1500"))).not.toContain("RUNNING");
  });

  test("runs commands in the background until the script's end, each line under its number", async () => {
    const { lines } = await shown("h1 ping -i 1 10.0.0.2 &\nh2 ping -i 1 10.0.0.1 &\nwait 1.5s\nh1 hostname");
    expect(lines.filter((line) => !line.startsWith("["))).toEqual([
      "h1$ ping -i 1 10.0.0.2 &",
      "h2$ ping -i 1 10.0.0.1 &",
      "lab$ wait 1.5s",
      "h1$ hostname",
      "h1",
    ]);
    expect(lines).toContain("[1] --- 10.0.0.2 ping statistics ---");
    expect(lines).toContain("[2] --- 10.0.0.1 ping statistics ---");
    expect(lines.filter((line) => line.startsWith("[1] 64 bytes"))).toHaveLength(2);
    // Their last words come when they are told to end.
    expect(lines.indexOf("[1] --- 10.0.0.2 ping statistics ---")).toBeGreaterThan(lines.indexOf("h1"));
  });

  test("ends a command that lasts longer than the limit, as ^C does", async () => {
    const { lines, nowUs } = await shown("h1 ping 10.0.0.2\nh1 hostname", { limitUs: 3_500_000 });
    expect(lines).toContain("ping: ended by the lab after 3.5 s");
    expect(lines).toContain("4 packets transmitted, 4 received, 0% packet loss, time 3000ms");
    expect(lines.at(-1)).toBe("h1");
    expect(nowUs).toBe(3_500_000);
  });

  test("gives the exit status of a command", async () => {
    using lab = await Lab.create(LAN);
    const session = new Session(lab, { out: () => {} });
    expect(await session.run(parseLine("h1 ping -c 1 10.0.0.2", session.names))).toBe(0);
    expect(await session.run(parseLine("h1 ping -c 1 -W 1 10.0.0.9", session.names))).toBe(1);
    expect(await session.run(parseLine("h1 ping --no-such 10.0.0.2", session.names))).toBe(2);
  });

  test("in the machine's time: a command ends by itself, or by interrupt()", async () => {
    using lab = await Lab.create(LAN, { clock: new RealClock() });
    const lines: string[] = [];
    const session = new Session(lab, { out: (text) => lines.push(text), echo: false });
    expect(session.interrupt()).toBe(false);
    expect(await session.run(parseLine("h1 ping -c 1 10.0.0.2", session.names))).toBe(0);
    const lasting = session.run(parseLine("h1 ping -i 0.2 10.0.0.2", session.names));
    await lab.clock.sleep(300_000);
    expect(session.interrupt()).toBe(true);
    expect(await lasting).toBe(0);
    const waiting = session.run(parseLine("wait 1h", session.names));
    expect(session.interrupt()).toBe(true);
    expect(await waiting).toBe(0);
    await session.end();
    expect(lines.join("\n")).not.toContain("$ ");
  });
});
