import { describe, expect, test } from "vitest";
import { COMMANDS, QuoteError, splitWords } from "../../src/tools/command.js";
import { getopt } from "../../src/tools/getopt.js";
import { pair } from "./hosts.js";
import { shown } from "./screen.js";

describe("a command line", () => {
  test.each([
    ["", []],
    ["  ping  -c 3\tb ", ["ping", "-c", "3", "b"]],
    ["echo 'a b' \"c 'd'\" e\\ f ''", ["echo", "a b", "c 'd'", "e f", ""]],
    ['"a\\"b" a\'b\'"c" \'\\\' "\\x"', ['a"b', "abc", "\\", "\\x"]],
    ["end\\", ["end\\"]],
    ["$'a b\\n\\t\\'\\\\\\x' $ x$'y'", ["a b\n\t'\\\\x", "$", "xy"]],
  ])("%j falls into words", (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  test("a quote needs its end", async () => {
    expect(() => splitWords("a 'b")).toThrow(QuoteError);
    const { clock, a } = await pair();
    expect(await shown(clock, a, 'ping "b')).toEqual({
      status: 2,
      out: "",
      err: "unexpected EOF while looking for matching `\"'",
    });
  });

  test("an unknown command has a shell's words and status; no command has none", async () => {
    const { clock, a } = await pair();
    expect(await shown(clock, a, "pnig b")).toEqual({ status: 127, out: "", err: "pnig: command not found" });
    expect(await shown(clock, a, "  ")).toEqual({ status: 0, out: "", err: "" });
  });

  test("hostname and help", async () => {
    const { clock, a } = await pair();
    expect((await shown(clock, a, "hostname")).out).toBe("a");
    expect(await shown(clock, a, "hostname b")).toEqual({
      status: 1,
      out: "",
      err: "hostname: only shows the name: it cannot be changed",
    });
    expect((await shown(clock, a, ["help"])).out.split(" ")).toEqual([...COMMANDS.keys()]);
  });

  test("a closed stack is said, with a status", async () => {
    const { clock, a } = await pair();
    a.close();
    const { status, err } = await shown(clock, a, "ping -c 1 127.0.0.1");
    expect(status).toBe(1);
    expect(err).toMatch(/^ping: .*EBADF/);
  });
});

describe("getopt", () => {
  test("letters together, arguments in the word or the next, operands anywhere, -- ends", () => {
    const { has, get, operands } = getopt(["-nqc3", "b", "-s", "100", "-", "--", "-t"], "c:nqs:t:");
    expect(["n", "q", "c", "s", "t"].map(has)).toEqual([true, true, true, true, false]);
    expect([get("c"), get("s"), get("t")]).toEqual(["3", "100", undefined]);
    expect(operands).toEqual(["b", "-", "-t"]);
  });

  test("what is no option, and what lacks its argument", () => {
    expect(() => getopt(["-x"], "c:")).toThrow("invalid option -- 'x'");
    expect(() => getopt(["-:"], "c:")).toThrow("invalid option -- ':'");
    expect(() => getopt(["-nc"], "nc:")).toThrow("option requires an argument -- 'c'");
  });
});
