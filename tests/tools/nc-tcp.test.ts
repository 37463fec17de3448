// nc over TCP, as OpenBSD's: what it says with -v is that program's own words, seen with version 1.219.
import { describe, expect, test } from "vitest";
import type { Stack, VirtualClock } from "../../src/index.js";
import { type CommandContext, run } from "../../src/tools/command.js";
import { during, pair } from "./hosts.js";
import { shown } from "./screen.js";

async function* typed(clock: VirtualClock, ...lines: readonly (string | number)[]) {
  for (const line of lines) {
    if (typeof line === "string") yield line;
    else await clock.sleep(line);
  }
}

/** A command in the background: its screen, its end, and ^C. */
function started(stack: Stack, line: string, more: Partial<CommandContext> = {}) {
  const stop = new AbortController();
  const screen: string[] = [];
  const say = (text: string) => screen.push(...text.split("\n"));
  const done = run(line, { stack, out: say, err: say, signal: stop.signal, ...more });
  return { screen, done, stop: () => stop.abort() };
}

function socketsOf(...stacks: Stack[]) {
  return stacks.flatMap((stack) => stack.sockets()).filter(({ state }) => state !== "TIME_WAIT");
}

describe("nc", () => {
  test("-N: lines go out, what comes back is shown, the input's end is the stream's", async () => {
    const { clock, a, b } = await pair();
    const server = started(b, "tcp-echo 7");
    const input = typed(clock, "one", "two", 2e6, "three");
    expect(await shown(clock, a, "nc -N -v 192.168.1.2 7", { input })).toEqual({
      status: 0,
      out: "one\ntwo\nthree",
      err: "Connection to 192.168.1.2 7 port [tcp/echo] succeeded!",
    });
    server.stop();
    expect(await during(clock, server.done)).toBe(0);
    await clock.advance(120e6);
    expect(socketsOf(a, b)).toEqual([]);
  });

  test("-l: waits, shows, answers; the peer's end is its own", async () => {
    const { clock, a, b } = await pair();
    const server = started(b, "nc -l -v 4000", { input: typed(clock, 3e6, "hello, a") });
    await clock.advance(1000);
    const client = await shown(clock, a, "nc -N -p 1500 -w 9 192.168.1.2 4000", {
      input: typed(clock, "hello, b", 5e6),
    });
    expect(client).toEqual({ status: 0, out: "hello, a", err: "" });
    expect(await during(clock, server.done)).toBe(0);
    expect(server.screen).toEqual(["Listening on 0.0.0.0 4000", "Connection received on 192.168.1.1 1500", "hello, b"]);
  });

  test("-l takes one peer only: the next is refused; -k takes one after another", async () => {
    const { clock, a, b } = await pair();
    const once = started(b, "nc -l 4000");
    const many = started(b, "nc -lkv -p 4001");
    await clock.advance(1000);
    for (const word of ["one", "two"]) {
      const status = word === "one" ? 0 : 1;
      expect((await shown(clock, a, "nc -N 192.168.1.2 4000", { input: typed(clock, word) })).status).toBe(status);
      expect((await shown(clock, a, "nc -N 192.168.1.2 4001", { input: typed(clock, word) })).status).toBe(0);
    }
    expect(once.screen).toEqual(["one"]);
    expect(await once.done).toBe(0);
    many.stop();
    expect(await during(clock, many.done)).toBe(0);
    expect(many.screen.filter((line) => !line.startsWith("Conn"))).toEqual(["Listening on 0.0.0.0 4001", "one", "two"]);
  });

  test("a last line without its end is shown; an end of the peer's alone does not end a client that still has input", async () => {
    const { clock, a, b } = await pair();
    const server = await b.tcp.listen({ port: 9 });
    const client = started(a, "nc 192.168.1.2 9", { input: typed(clock, 10e6, "late") });
    const socket = await during(clock, server.accept());
    await during(clock, socket.write("no end"));
    void socket.end();
    await clock.advance(5e6);
    expect(socket.state).toBe("FIN_WAIT2");
    const late = await during(clock, socket.read());
    expect(new TextDecoder().decode(late as Uint8Array)).toBe("late\n");
    expect(await during(clock, client.done)).toBe(0);
    expect(client.screen).toEqual(["no end"]);
  });

  test("-z: which ports of a range are served", async () => {
    const { clock, a, b } = await pair();
    await b.tcp.listen({ port: 21 });
    await b.tcp.listen({ port: 23 });
    const resolve = () => "192.168.1.2";
    expect(await shown(clock, a, "nc -zv b 21-23", { resolve })).toEqual({
      status: 0,
      out: "",
      err: [
        "Connection to b (192.168.1.2) 21 port [tcp/ftp] succeeded!",
        "nc: connect to b (192.168.1.2) port 22 (tcp) failed: Connection refused",
        "Connection to b (192.168.1.2) 23 port [tcp/telnet] succeeded!",
      ].join("\n"),
    });
    expect(await shown(clock, a, "nc -znv b 21", { resolve })).toMatchObject({
      err: expect.stringMatching(/\[tcp\/\*\]/),
    });
    expect(await shown(clock, a, "nc -z b 22", { resolve })).toEqual({ status: 1, out: "", err: "" });
  });

  test("-w ends an attempt that nobody answers, and a connection on which nothing moves", async () => {
    const { clock, link, a, b } = await pair();
    link.configure({ loss: 1 });
    const from = clock.now();
    expect(await shown(clock, a, "nc -v -w 2 192.168.1.2 9")).toEqual({
      status: 1,
      out: "",
      err: "nc: connect to 192.168.1.2 port 9 (tcp) timed out: Operation now in progress",
    });
    expect(clock.now() - from).toBe(2e6);
    link.configure({ loss: 0 });
    await b.tcp.listen({ port: 9 });
    await clock.advance(10e6);
    const again = clock.now();
    expect((await shown(clock, a, "nc -w 2 192.168.1.2 9")).status).toBe(0);
    expect(clock.now() - again).toBeGreaterThanOrEqual(2e6);
    expect(clock.now() - again).toBeLessThan(2.1e6);
  });

  test("a reset is told", async () => {
    const { clock, a, b } = await pair();
    const server = await b.tcp.listen({ port: 9 });
    const client = started(a, "nc 192.168.1.2 9");
    const socket = await during(clock, server.accept());
    socket.abort();
    expect(await during(clock, client.done)).toBe(1);
    expect(client.screen).toEqual(["nc: Connection reset by peer"]);
  });

  test("^C ends each form at once", async () => {
    const { clock, a, b } = await pair();
    const server = started(b, "nc -l 9");
    const waiting = started(a, "nc 192.168.1.77 9");
    await clock.advance(1000);
    const client = started(a, "nc 192.168.1.2 9", { input: typed(clock, 1000e6) });
    await clock.advance(1e5);
    for (const each of [waiting, client, server]) each.stop();
    await clock.advance(0);
    expect(await Promise.all([waiting.done, client.done, server.done])).toEqual([1, 0, 0]);
  });

  test.each([
    ["nc", /^usage: nc/],
    ["nc -Q", /^nc: invalid option -- 'Q'\nusage: nc/],
    ["nc 1.1.1.1", /^nc: missing port number$/],
    ["nc -l", /^usage: nc/],
    ["nc 1.1.1.1 x", /^nc: port number invalid: x$/],
    ["nc 1.1.1.1 1-x", /^nc: port number invalid: x$/],
    ["nc -z -l 3", /^nc: cannot use -z and -l$/],
    ["nc -k 1.1.1.1 3", /^nc: must use -l with -k$/],
    ["nc -w x 1.1.1.1 3", /^nc: timeout invalid: x$/],
    ["nc nosuch 9", /^nc: getaddrinfo for host "nosuch" port 9: Name or service not known$/],
    ["nc -v 8.8.8.8 9", /^nc: connect to 8\.8\.8\.8 port 9 \(tcp\) failed: Network is unreachable$/],
    ["nc -l 1.2.3.4 9", /^nc: Cannot assign requested address$/],
    ["tcp-echo x", /^tcp-echo: port number invalid: x$/],
    ["tcp-echo 7 8", /^usage: tcp-echo \[port\]$/],
  ])("%s", async (line, words) => {
    const { clock, a } = await pair();
    expect(await shown(clock, a, line)).toEqual({ status: 1, out: "", err: expect.stringMatching(words) });
  });

  test("a port that is taken is told by each server", async () => {
    const { clock, a } = await pair();
    await a.tcp.listen({ port: 9 });
    for (const [line, words] of [
      ["nc -l 9", "nc: Address already in use"],
      ["tcp-echo 9", "tcp-echo: Address already in use"],
      ["iperf -s -p 9", "iperf: error - unable to start listener for connections: Address already in use"],
    ] as const) {
      expect(await shown(clock, a, line)).toEqual({ status: 1, out: "", err: words });
    }
  });
});

test("tcp-echo: several at a time, each back whole, however slowly it is read", async () => {
  const { clock, a, b } = await pair({ loss: 0.02 });
  const server = started(b, "tcp-echo 7");
  const sent = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7) >> 3);
  const transfer = async () => {
    const socket = await a.tcp.connect({ address: "192.168.1.2", port: 7 });
    void socket.end(sent);
    let at = 0;
    let wrong = 0;
    for await (const chunk of socket) {
      for (const byte of chunk) if (byte !== sent[at++]) wrong++;
      await clock.sleep(1000);
    }
    return { at, wrong };
  };
  const results = await during(clock, Promise.all([transfer(), transfer(), transfer()]));
  expect(results).toEqual(Array(3).fill({ at: sent.length, wrong: 0 }));
  server.stop();
  expect(await during(clock, server.done)).toBe(0);
});
