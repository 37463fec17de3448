/** TCP by promises and streams: order, backpressure, signals, both directions at once, snapshots. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { TcpSocket, VirtualClock } from "../../src/index.js";
import { failure } from "./failure.js";
import { resume } from "./harness.js";
import { codeOf } from "./recording-driver.js";
import { all, Pair, PORT, pattern, text, within } from "./tcp-pair.js";

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("reading", () => {
  test("max, readers in their order, null for each at the end", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const early = [peer.read({ max: 3 }), peer.read(), peer.read(), peer.read()];
    await client.write("abcdef");
    expect(text((await pair.within(early[0] as Promise<Uint8Array>)) as Uint8Array)).toBe("abc");
    expect(text(await (early[1] as Promise<Uint8Array>))).toBe("def");
    await client.write("ghi");
    await pair.run();
    expect(text(await (early[2] as Promise<Uint8Array>))).toBe("ghi");
    const late = peer.read();
    await pair.within(client.end());
    expect(await Promise.all([early[3], late])).toEqual([null, null]);
    expect(await failure(peer.read({ max: 0 }))).toBe("ERR_OUT_OF_RANGE");
    expect(await failure(peer.read({ max: 1.5 }))).toBe("ERR_OUT_OF_RANGE");
  });

  test("a signal ends a read, and the next reader gets what comes", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const abort = new AbortController();
    const gone = failure(peer.read({ signal: abort.signal }));
    const next = peer.read();
    abort.abort("no more");
    expect(await gone).toBe("no more");
    await client.write("x");
    expect(text(await pair.within(next))).toBe("x");
    expect(await failure(peer.read({ signal: abort.signal }))).toBe("no more");
  });

  test("for await reads to the end; leaving it early leaves the rest", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    await client.write("one");
    await pair.run();
    for await (const chunk of peer) {
      expect(text(chunk)).toBe("one");
      break;
    }
    const rest = all(peer);
    await pair.within(client.end("two"));
    expect(text(await pair.within(rest))).toBe("two");
  });
});

describe("writing", () => {
  test("writes go in the order of the calls, however much room there is; end() comes behind them", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({ sendBuffer: 2048 }, { receiveBuffer: 2048 });
    const sizes = [5000, 1, 0, 3000, 7];
    let at = 0;
    const done: number[] = [];
    const writes = sizes.map((size, i) => {
      const write = client.write(pattern(size, at)).then(() => done.push(i));
      at += size;
      return write;
    });
    const ended = client.end(pattern(100, at)).then(() => done.push(9));
    // This direction has ended for whoever comes now, though much of it is still to go.
    expect(codeOf(() => client.tryWrite(new Uint8Array(1)))).toBe("EPIPE");
    const got = all(peer);
    await pair.within(Promise.all([...writes, ended]));
    expect(done).toEqual([0, 1, 2, 3, 4, 9]);
    expect(hash(await pair.within(got))).toBe(hash(pattern(at + 100)));
  });

  test("backpressure: a write waits until the peer reads, and tryWrite() and sendWindow() keep behind it", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({ sendBuffer: 2048 }, { receiveBuffer: 2048 });
    let isWritten = false;
    const write = client.write(pattern(10_000)).then(() => {
      isWritten = true;
    });
    expect(client.tryWrite(pattern(10))).toBe(0);
    expect(client.sendWindow()).toHaveLength(0);
    await pair.run(60e6);
    expect(isWritten).toBe(false);
    expect(peer.info().unread).toBe(2048);
    expect(client.info().unacked).toBe(2048);
    const got: Uint8Array[] = [];
    peer.ondata = (data) => void got.push(data.slice());
    await pair.within(write);
    await pair.run();
    expect(hash(Buffer.concat(got))).toBe(hash(pattern(10_000)));
  });

  test("a signal ends a write that waits; the next one, and the end, go on", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({ sendBuffer: 2048 });
    const abort = new AbortController();
    const gone = failure(client.write(pattern(4000), { signal: abort.signal }));
    const ended = client.end();
    abort.abort("changed my mind");
    expect(await gone).toBe("changed my mind");
    const got = all(peer);
    await pair.within(ended);
    expect(hash(await pair.within(got))).toBe(hash(pattern(2048)));
    expect(await failure(client.write("x", { signal: abort.signal }))).toBe("changed my mind");
  });

  test("a signal ends the waiting for the end, not the end", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const abort = new AbortController();
    const gone = failure(client.end("done", { signal: abort.signal }));
    abort.abort("in a hurry");
    expect(await gone).toBe("in a hurry");
    expect(text(await pair.within(all(peer)))).toBe("done");
  });

  test("shutdown('write') gives up what waits (EPIPE), and sends what was taken", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({ sendBuffer: 2048 });
    const waiting = failure(client.write(pattern(4000)));
    client.shutdown("write");
    expect(await waiting).toBe("EPIPE");
    expect(hash(await pair.within(all(peer)))).toBe(hash(pattern(2048)));
  });

  test("no bytes, strings, and what is neither", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    await client.write("");
    await client.write(new Uint8Array(0));
    expect(client.tryWrite(new Uint8Array(0))).toBe(0);
    await client.write("grüße");
    expect(await failure(client.write(5 as never))).toBe("ERR_INVALID_ARG_TYPE");
    expect(await failure(client.end([1, 2] as never))).toBe("ERR_INVALID_ARG_TYPE");
    expect(codeOf(() => client.tryWrite("text" as never))).toBe("ERR_INVALID_ARG_TYPE");
    expect(text(await pair.within(peer.read()))).toBe("grüße");
    expect(client.state).toBe("ESTABLISHED");
  });
});

describe("much", () => {
  const SIZE = 1 << 20;

  async function bothWays(pair: Pair, client: TcpSocket, peer: TcpSocket): Promise<void> {
    const there = pattern(SIZE);
    const back = pattern(SIZE, 77);
    const work = Promise.all([client.end(there), peer.end(back), all(client), all(peer)]);
    const [, , fromPeer, fromClient] = await pair.within(work);
    expect(hash(fromClient)).toBe(hash(there));
    expect(hash(fromPeer)).toBe(hash(back));
    await pair.within(Promise.all([client.closed, peer.closed]));
  }

  test("1 MiB both ways at once on loopback", async () => {
    const pair = await Pair.loopback();
    const { client, peer } = await pair.connect();
    await bothWays(pair, client, peer);
  });

  test("1 MiB both ways at once over a link that loses, reorders and repeats", async () => {
    const pair = await Pair.linked({ loss: 0.02, duplicate: 0.02, jitterUs: 2000 });
    const { client, peer } = await pair.connect({ sendBuffer: 16_384 }, { receiveBuffer: 16_384 });
    await bothWays(pair, client, peer);
    expect(client.info().retransmits).toBeGreaterThan(0);
  });

  test("1 MiB there and back through streams of the web, with the smallest rings", async () => {
    const pair = await Pair.linked({ delayUs: 100 });
    const { client, peer } = await pair.connect(
      { sendBuffer: 2048, receiveBuffer: 2048 },
      { sendBuffer: 2048, receiveBuffer: 2048 },
    );
    const sent = pattern(SIZE);
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < SIZE; at += 4096) controller.enqueue(sent.subarray(at, at + 4096));
        controller.close();
      },
    });
    const echo = peer.readable.pipeTo(peer.writable);
    const there = source.pipeTo(client.writable);
    const back = all(client.readable);
    const [, , got] = await pair.within(Promise.all([echo, there, back]));
    expect(hash(got)).toBe(hash(sent));
  });
});

describe("streams", () => {
  test("there is one of each; cancel ends reading, abort resets", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    expect(client.readable).toBe(client.readable);
    expect(client.writable).toBe(client.writable);
    await peer.readable.cancel();
    expect(await peer.read()).toBeNull();
    await client.writable.abort("no");
    expect(await pair.within(failure(peer.closed))).toBe("ECONNRESET");
  });

  test("a reset errors both, also for who only waits", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const writer = client.writable.getWriter();
    const reader = client.readable.getReader();
    const told = [failure(writer.closed), failure(reader.read()), failure(reader.closed)];
    peer.abort();
    await pair.run();
    expect(await Promise.all(told)).toEqual(["ECONNRESET", "ECONNRESET", "ECONNRESET"]);
    expect(await failure(writer.write("x"))).toBe("ECONNRESET");
  });

  test("closing the writer is FIN, and settles when the peer has all", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const writer = client.writable.getWriter();
    void writer.write("text, ");
    void writer.write(pattern(3));
    const closed = writer.close();
    const reader = peer.readable.getReader();
    const chunks: number[] = [];
    const read = (async () => {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        chunks.push(value.length);
      }
    })();
    await pair.within(Promise.all([closed, read]));
    expect(chunks.reduce((a, b) => a + b)).toBe(9);
  });
});

describe("snapshots", () => {
  test("restored: what waited rejects with ERR_STACK_RESTORED, and the connection goes on as it was", async () => {
    const pair = await Pair.loopback();
    const { client, peer, server } = await pair.connect();
    await client.write("before");
    await pair.run(1000);
    const snapshot = pair.a.snapshot();
    expect(text(await peer.read())).toBe("before");
    const late = await pair.within(
      Promise.all([pair.a.tcp.connect({ port: PORT }), server.accept()]).then(([socket]) => socket),
    );
    const ended = failure(client.end());
    const waiting = [failure(peer.read()), failure(server.accept()), failure(client.closed), failure(late.read())];
    pair.a.restore(snapshot);
    const code = "ERR_STACK_RESTORED";
    expect(await Promise.all([ended, ...waiting])).toEqual(Array(5).fill(code));
    expect(codeOf(() => late.info())).toBe(code);
    expect(await failure(late.read())).toBe(code);
    expect(text(await peer.read())).toBe("before");
    await client.write("again");
    expect(text(await pair.within(peer.read()))).toBe("again");
    await pair.within(Promise.all([client.end(), peer.end(), client.closed, peer.closed]));
  });

  test("resumed elsewhere: listener and connections are adopted by their handles", async () => {
    const pair = await Pair.loopback();
    const { client, peer, server } = await pair.connect();
    await client.write("carried over");
    await pair.run(1000);
    const snapshot = pair.a.snapshot();
    const stack = await resume(snapshot, []);
    const clock = stack.clock as VirtualClock;
    expect(codeOf(() => stack.tcp.adopt(server.handle))).toBe("EINVAL");
    expect(codeOf(() => stack.tcp.adoptServer(client.handle))).toBe("EINVAL");
    const there = stack.tcp.adopt(peer.handle);
    const here = stack.tcp.adopt(client.handle);
    const listener = stack.tcp.adoptServer(server.handle);
    expect(text(await there.read())).toBe("carried over");
    await within(clock, here.end("and ended"));
    expect(text(await all(there))).toBe("and ended");
    const [again] = await within(clock, Promise.all([stack.tcp.connect({ port: PORT }), listener.accept()]));
    expect(again.state).toBe("ESTABLISHED");
    // The stack that the snapshot is of has gone its own way.
    expect(text(await peer.read())).toBe("carried over");
    expect(client.state).toBe("ESTABLISHED");
  });
});
