/**
 * TCP, script by script (tests/tcp-scripts/), each with sequence numbers and timestamps that begin in several places:
 * all that a script says is relative to them, so it must hold wherever they wrap.
 */
import { describe, expect, test } from "vitest";
import { type Beginning, PLAIN, Player, ScriptFailure, script, scriptNames } from "./tcp-script.js";
import { readScript } from "./tcp-script-lines.js";

/** Our clock's ticks, µs: of the ISS (RFC 9293 §3.4.1), and of timestamps (RFC 7323 §5.4). */
const ISS_TICK_US = 4;
const TS_TICK_US = 1000;

/** The first ISS and timestamp of each script, played from time 0. */
const firsts = new Map<string, { iss: number | undefined; tsBase: number | undefined }>();

async function firstOf(name: string, what: "iss" | "tsBase"): Promise<number | undefined> {
  let first = firsts.get(name);
  if (first === undefined) {
    const { connections } = await Player.play(script(name), PLAIN);
    const of = (field: "iss" | "tsBase") => connections.find((one) => one[field] !== undefined)?.[field];
    first = { iss: of("iss"), tsBase: of("tsBase") };
    firsts.set(name, first);
  }
  return first[what];
}

/** Where to begin so that the stack's first ISS, or first timestamp, is `value`; null if it sends none. */
async function startingAt(name: string, what: "iss" | "tsBase", value: number): Promise<number | null> {
  const first = await firstOf(name, what);
  return first === undefined ? null : ((value - first) >>> 0) * (what === "iss" ? ISS_TICK_US : TS_TICK_US);
}

async function playFrom(name: string, peer: Beginning["peer"], what: "iss" | "tsBase", value: number): Promise<void> {
  // What we say in a cookie follows no clock: only the peer's numbers can be chosen.
  if (name.startsWith("syn-cookie")) {
    await Player.play(script(name), { peer, startUs: 0 });
    return;
  }
  const startUs = await startingAt(name, what, value);
  if (startUs === null) return;
  const { connections } = await Player.play(script(name), { peer, startUs });
  const began = connections.map((connection) => connection[what]);
  expect(began, "where it was to begin").toContain(value);
}

describe.each(scriptNames())("%s", (name) => {
  test("is followed to the microsecond", async () => {
    await Player.play(script(name));
  });

  test.each([0xffffffff, 0xfffffe00, 0x7ffffe00])("also where both ISS are %d", async (seq) => {
    await playFrom(name, { seq, ts: 1000 }, "iss", seq);
  });

  test.each([0x80000000, 0xffe17b80])("also where the low half of our clock begins at %d µs", async (startUs) => {
    // Cookies have a clock of their own.
    if (name.startsWith("syn-cookie")) return;
    await Player.play(script(name), { ...PLAIN, startUs });
  });

  test.each([0xffffffff, 0x7fffff00])("also where timestamps begin at %d", async (ts) => {
    await playFrom(name, { seq: 0x10000, ts }, "tsBase", ts);
  });
});

describe("the player", () => {
  const play = async (text: string) => Player.play(readScript("here", text, () => ""));
  const failure = (text: string) =>
    play(text).then(
      () => "none",
      (error: Error) => {
        expect(error).toBeInstanceOf(ScriptFailure);
        return error.message;
      },
    );
  const SYN = "socket\nbind 80\nlisten 5\n1 < S 0:0(0) win 1000 <mss 1460>\n";
  const GOOD = "> S. 0:0(0) ack 1 win 65535 <mss 1460>";

  test("names the line that fails, what came instead, and what went before", async () => {
    const message = await failure(`${SYN}> S. 0:0(0) ack 2 win 65535 <mss 1460>`);
    expect(message).toContain(
      "here:5: > S. 0:0(0) ack 2 win 65535 <mss 1460>\ngot\n  1.000000 > S. 0:0(0) ack 1 win 65535",
    );
    expect(message).toContain("so far:\n  0.000000 socket   (0)\n  0.000000 bind 80   (0)");
  });

  test.each([
    ["a segment that nobody expects", `${SYN}nothing`, "before it, unexpected"],
    ["one that the script ends before", SYN.trimEnd(), "before it, unexpected"],
    ["one that does not come", `${SYN}${GOOD}\n> . 1:1(0) ack 1`, "nothing was sent until 1.000000"],
    ["one that comes at another time", `${SYN}+0.5 ${GOOD}`, "expected at 1.500000, got\n  1.000000"],
    ["a wrong flag", `${SYN}> SP. 0:0(0) ack 1 win 65535 <mss 1460>`, "got"],
    ["a wrong window", `${SYN}> S. 0:0(0) ack 1 win 65534 <mss 1460>`, "got"],
    ["a wrong option", `${SYN}> S. 0:0(0) ack 1 win 65535 <mss 1461>`, "got"],
    ["an option that is missing", `${SYN}> S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>`, "got"],
    ["a result", "socket\nbind 80\nlisten 5\naccept = 0", "the answer is EAGAIN"],
    ["a state", "socket\nbind 80\nlisten 5\ns.state CLOSED", "the answer is LISTEN"],
    ["a counter", `${SYN}${GOOD}\ncounter TCP_IN_SEGS 2`, "the answer is 1"],
  ])("fails for %s", async (_what, text, reason) => {
    expect(await failure(text)).toContain(reason);
  });

  test.each([
    "connnect",
    "< Q 0:0(0)",
    "< S 0:1(0)",
    "> . 1:1(0) ack x",
    "< icmp 3",
    "< S 0:0(0) <mss>",
    "state LISTEN = =",
  ])("refuses %s", async (line) => {
    await expect(play(`socket\n${line}`)).rejects.toThrow("here:2: ");
  });
});
