// The server of files: RFC 9110, RFC 9112; what it answers, read off the connection to the byte.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { run } from "../../src/tools/command.js";
import type { CommandFiles } from "../../src/tools/context.js";
import { parseRequest, pathOf, rangeOf } from "../../src/tools/http-message.js";
import { during, pair } from "./hosts.js";
import { shown } from "./screen.js";

const LONG = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) >> 5);
const FILES: Record<string, Uint8Array> = {
  "site/index.html": new TextEncoder().encode("<p>home</p>\n"),
  "site/a.txt": new TextEncoder().encode("0123456789"),
  "site/sub/index.html": new TextEncoder().encode("<p>sub</p>\n"),
  "site/long.bin": LONG,
  "secret.txt": new TextEncoder().encode("never"),
};
const files: CommandFiles = { read: (path) => FILES[path], append: () => () => {} };

async function world(options = "") {
  const { clock, a, b } = await pair();
  const stop = new AbortController();
  const log: string[] = [];
  const say = (text: string) => log.push(text);
  const done = run(`http-server ${options} site/`, { stack: b, out: say, err: say, signal: stop.signal, files });
  /** Sends this on one connection and reads to its end. */
  const ask = (text: string) => {
    const work = async () => {
      const socket = await a.tcp.connect({ address: "192.168.1.2", port: 80 });
      socket.end(text).catch(() => {});
      const chunks: number[] = [];
      for await (const chunk of socket) for (const byte of chunk) chunks.push(byte);
      return Uint8Array.from(chunks);
    };
    return during(clock, work());
  };
  const end = async () => {
    stop.abort();
    expect(await during(clock, done)).toBe(0);
  };
  return { clock, a, b, ask, end, log };
}

const textOf = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
const GET = (target: string, ...headers: string[]) =>
  `GET ${target} HTTP/1.1\r\n${["Host: b", ...headers].map((line) => `${line}\r\n`).join("")}\r\n`;

describe("http-server", () => {
  test("a file with its head; each request is a line", async () => {
    const { ask, end, log } = await world();
    expect(textOf(await ask(GET("/a.txt?x#y", "Connection: close")))).toBe(
      [
        "HTTP/1.1 200 OK",
        "Server: ringstack",
        "Content-Type: text/plain; charset=utf-8",
        "Accept-Ranges: bytes",
        "Content-Length: 10",
        "Connection: close",
        "",
        "0123456789",
      ].join("\r\n"),
    );
    await end();
    expect(log).toEqual(["Serving site/ on port 80", '192.168.1.1 "GET /a.txt?x#y HTTP/1.1" 200 10']);
  });

  test("RFC 9112 §9.3: a connection takes one request after another, in one segment too", async () => {
    const { ask, end } = await world("-q");
    const requests = [
      GET("/"),
      "HEAD /a.txt HTTP/1.1\r\nHost: b\r\n\r\n",
      GET("/sub/"),
      GET("/a.txt", "Connection: close"),
    ];
    const text = textOf(await ask(requests.join("")));
    expect(text.match(/^HTTP\/1.1 200 OK/gm)).toHaveLength(4);
    expect(text.match(/Connection: keep-alive/g)).toHaveLength(3);
    // HEAD has the length and no body.
    expect(text).toContain("Content-Length: 10\r\nConnection: keep-alive\r\n\r\nHTTP/1.1 200 OK");
    expect(text).toContain("<p>home</p>\n");
    expect(text).toContain("<p>sub</p>\n");
    await end();
  });

  test("RFC 9112 §9.3: HTTP/1.0 ends with its answer, unless it asks to go on", async () => {
    const { ask, end } = await world("-q");
    const twice = (connection: string) => `GET /a.txt HTTP/1.0\r\n${connection}\r\n`.repeat(2);
    expect(textOf(await ask(twice(""))).match(/HTTP\/1.1/g)).toHaveLength(1);
    expect(textOf(await ask(twice("Connection: keep-alive\r\n"))).match(/HTTP\/1.1/g)).toHaveLength(2);
    await end();
  });

  test("a file longer than the send buffer arrives whole", async () => {
    const { ask, end } = await world("-q");
    const bytes = await ask(GET("/long.bin", "Connection: close"));
    const at = textOf(bytes).indexOf("\r\n\r\n") + 4;
    expect(Buffer.compare(bytes.subarray(at), LONG)).toBe(0);
    await end();
  });

  test.each([
    ["bytes=2-4", "206 Partial Content", "bytes 2-4/10", "234"],
    ["bytes=7-", "206 Partial Content", "bytes 7-9/10", "789"],
    ["bytes=-3", "206 Partial Content", "bytes 7-9/10", "789"],
    ["bytes=5-99", "206 Partial Content", "bytes 5-9/10", "56789"],
    ["bytes=10-", "416 Range Not Satisfiable", "bytes */10", "416 Range Not Satisfiable\n"],
    ["bytes=0-1,3-4", "200 OK", undefined, "0123456789"],
    ["lines=1-2", "200 OK", undefined, "0123456789"],
  ])("RFC 9110 §14: Range: %s", async (range, status, content, body) => {
    const { ask, end } = await world("-q");
    const text = textOf(await ask(GET("/a.txt", `Range: ${range}`, "Connection: close")));
    expect(text.startsWith(`HTTP/1.1 ${status}\r\n`)).toBe(true);
    expect(/Content-Range: (.*)\r/.exec(text)?.[1]).toBe(content);
    expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(body);
    await end();
  });

  test.each([
    [GET("/none"), 404],
    [GET("/sub"), 301],
    [GET("/../secret.txt"), 400],
    [GET("/sub/../../secret.txt"), 400],
    [GET("/%2e%2e/secret.txt"), 400],
    [GET("/..%2fsecret.txt"), 400],
    [GET("/..\\secret.txt"), 400],
    [GET("/%00"), 400],
    [GET("/%zz"), 400],
    [GET("*"), 400],
    ["POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello", 405],
    ["GET /\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost : b\r\n\r\n", 400],
    ["GET / HTTP/2.0\r\nHost: b\r\n\r\n", 505],
    ["\r\n\r\n", 400],
    [`GET / HTTP/1.1\r\nHost: b\r\nX: ${"x".repeat(9000)}\r\n\r\n`, 431],
  ])("%j", async (request, status) => {
    const { ask, end } = await world("-q");
    const text = textOf(await ask(request));
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).not.toContain("never");
    await end();
  });

  test("a body is passed over, and the next request answered; one too long ends the connection", async () => {
    const { ask, end } = await world("-q");
    const post = (length: string, body: string) =>
      `POST / HTTP/1.1\r\nHost: b\r\n${length}\r\n\r\n${body}${GET("/a.txt", "Connection: close")}`;
    const passed = textOf(await ask(post("Content-Length: 3000", "x".repeat(3000))));
    expect(passed.match(/^HTTP\/1.1 (405|200)/gm)).toEqual(["HTTP/1.1 405", "HTTP/1.1 200"]);
    for (const length of ["Content-Length: 99999999", "Content-Length: x", "Transfer-Encoding: chunked"]) {
      expect(textOf(await ask(post(length, ""))).match(/^HTTP\/1.1 \d+/gm), length).toEqual(["HTTP/1.1 405"]);
    }
    await end();
  });

  test("a connection that says nothing is closed; ^C closes those that are open", async () => {
    const { clock, a, b, end } = await world("-q");
    const [idle, half] = await during(
      clock,
      Promise.all([1, 2].map(() => a.tcp.connect({ address: "192.168.1.2", port: 80 }))),
    );
    await during(clock, (half as NonNullable<typeof half>).write("GET / HT"));
    expect(await during(clock, (idle as NonNullable<typeof idle>).read())).toBe(null);
    expect(textOf((await during(clock, (half as NonNullable<typeof half>).read())) as Uint8Array)).toMatch(
      /^HTTP\/1.1 408 /,
    );
    expect(clock.now()).toBeLessThan(16e6);
    const open = await during(clock, a.tcp.connect({ address: "192.168.1.2", port: 80 }));
    await clock.advance(1e5);
    await end();
    expect(await during(clock, open.read())).toBe(null);
    for (const socket of [idle, half, open]) socket?.close();
    await clock.advance(120e6);
    expect([...a.sockets(), ...b.sockets()]).toEqual([]);
  });

  test.each([
    ["http-server", {}, /^usage: http-server/],
    ["http-server -x site", {}, /^http-server: invalid option -- 'x'/],
    ["http-server site", { files: undefined }, /^http-server: there are no files here$/],
    ["http-server -p 0 site", {}, /out of range/],
  ])("%s is misuse", async (line, more, words) => {
    const { clock, a } = await pair();
    const context = { files, ...more } as { files: CommandFiles };
    expect(await shown(clock, a, line, context)).toEqual({ status: 1, out: "", err: expect.stringMatching(words) });
  });
});

test("total: any head is a request or a status; any path stays within", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.nat(1000), (text, size) => {
      const request = parseRequest(text);
      expect(typeof request === "number" || request.method.length > 0).toBe(true);
      expect(`/${pathOf(`/${text}`) ?? ""}/`).not.toMatch(/\/\.\.\/|\\|\0/);
      const range = rangeOf(`bytes=${text}`, size);
      if (range) expect(range[0] <= range[1] && range[1] < size).toBe(true);
    }),
  );
});
