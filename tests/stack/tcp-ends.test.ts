/** How a connection ends: half, whole, by reset, with its stack; and what is left of it. */
import { describe, expect, test } from "vitest";
import type { StackError } from "../../src/index.js";
import { failure } from "./failure.js";
import { codeOf } from "./recording-driver.js";
import { all, Pair, pattern, text } from "./tcp-pair.js";

const utf8 = (words: string) => new TextEncoder().encode(words);

describe("ends", () => {
  test("half-close: one direction ends, the other goes on (RFC 9293 §3.6)", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    await pair.within(client.end("question"));
    expect(client.state).toBe("FIN_WAIT2");
    expect(text(await peer.read())).toBe("question");
    expect(await peer.read()).toBeNull();
    await peer.write("answer, ");
    await pair.run();
    await pair.within(peer.end("at length"));
    expect(text(await client.read())).toBe("answer, at length");
    expect(await client.read()).toBeNull();
    await pair.within(Promise.all([client.closed, peer.closed]));
    expect([client.state, peer.state]).toEqual(["CLOSE", "CLOSE"]);
    expect(pair.a.sockets().map(({ state }) => state)).toEqual(["TIME_WAIT"]);
  });

  test("over and read: the handle goes back by itself, and what was known stays", async () => {
    const pair = await Pair.linked();
    const { client, peer, server } = await pair.connect();
    const { address, remoteAddress } = client;
    await client.write("x");
    await pair.within(Promise.all([client.end(), peer.end()]));
    await pair.within(client.closed);
    await pair.run();
    expect(pair.a.sockets().filter(({ handle }) => handle === client.handle)).toEqual([]);
    // The peer has not read: its handle stays until it has.
    expect(pair.b.sockets().map(({ handle }) => handle)).toContain(peer.handle);
    expect(text(await peer.read())).toBe("x");
    expect(pair.b.sockets().map(({ handle }) => handle)).not.toContain(peer.handle);
    expect(server.connections).toBe(0);
    expect(client.address).toEqual(address);
    expect(client.remoteAddress).toEqual(remoteAddress);
    expect(client.info()).toMatchObject({ state: "CLOSE", bytesAcked: 1 });
    expect(await client.read()).toBeNull();
    expect(await failure(client.write("y"))).toBe("EPIPE");
    expect(codeOf(() => client.tryWrite(utf8("y")))).toBe("EPIPE");
    expect(await failure(client.end())).toBe("resolved");
    client.setNoDelay(true);
    client.shutdown("both");
    client.close();
    client.abort();
    expect(await client.read()).toBeNull();
  });

  test("EPIPE after end(), and after shutdown()", async () => {
    const pair = await Pair.linked();
    const { client } = await pair.connect();
    const ended = client.end();
    for (const write of [() => client.tryWrite(utf8("x")), () => client.sendWindow(), () => client.commit(0)]) {
      expect(codeOf(write)).toBe("EPIPE");
    }
    expect(await failure(client.write("x"))).toBe("EPIPE");
    expect(await failure(client.end("x"))).toBe("EPIPE");
    await pair.within(Promise.all([ended, client.end()]));
    const { client: other } = await pair.connect({}, { port: 0 });
    other.shutdown("write");
    expect(await failure(other.write("x"))).toBe("EPIPE");
    expect(codeOf(() => other.shutdown("sideways" as never))).toBe("ERR_OUT_OF_RANGE");
  });

  test("shutdown('read'): readers are told the end, what comes is discarded, and writing goes on", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const reading = peer.read();
    peer.shutdown("read");
    expect(await reading).toBeNull();
    await client.write("unheard");
    await pair.run();
    expect(await peer.read()).toBeNull();
    await peer.write("heard");
    expect(text(await pair.within(client.read()))).toBe("heard");
    expect([client.state, peer.state]).toEqual(["ESTABLISHED", "ESTABLISHED"]);
  });

  test("abort() resets: the peer reads what came before, then ECONNRESET, for good", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    await client.write("last words");
    await pair.run(20_000);
    const closed: unknown[] = [];
    peer.onclose = (error) => void closed.push((error as StackError).code);
    const ended = failure(peer.end());
    client.abort();
    expect(await client.closed).toBeUndefined();
    expect(codeOf(() => client.info())).toBe("EBADF");
    expect(await pair.within(failure(peer.closed))).toBe("ECONNRESET");
    expect(closed).toEqual(["ECONNRESET"]);
    expect(await ended).toBe("ECONNRESET");
    expect(text(await peer.read())).toBe("last words");
    for (let i = 0; i < 2; i++) expect(await failure(peer.read())).toBe("ECONNRESET");
    expect(await failure(peer.write("x"))).toBe("ECONNRESET");
    expect(codeOf(() => peer.tryWrite(utf8("x")))).toBe("ECONNRESET");
    expect(codeOf(() => peer.receiveWindow())).toBe("ECONNRESET");
    expect(await failure(peer.end())).toBe("ECONNRESET");
    const error = (await peer.read().catch((e) => e)) as StackError;
    expect(error).toMatchObject({ syscall: "read", address: "10.0.0.1", errno: -104 });
    expect(pair.b.sockets().map(({ handle }) => handle)).not.toContain(peer.handle);
  });

  test("close() with something unread resets the peer (RFC 9293 SHLD-3); without, it closes", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    await client.write("unread");
    await pair.run(20_000);
    peer.close();
    expect(await pair.within(failure(client.closed))).toBe("ECONNRESET");
    const second = await pair.connect({}, { port: 0 });
    await second.client.write("read");
    await pair.run(20_000);
    await second.peer.read();
    await second.peer.write("answer");
    second.peer.close();
    expect(await second.peer.closed).toBeUndefined();
    expect(text(await pair.within(second.client.read()))).toBe("answer");
    expect(await pair.within(second.client.read())).toBeNull();
    expect(pair.b.sockets().find(({ handle }) => handle === second.peer.handle)?.orphan).toBe(true);
  });

  test("close() while others wait: EBADF; closed settles, onclose is called once", async () => {
    const pair = await Pair.linked();
    const { client } = await pair.connect({ sendBuffer: 2048 });
    let closes = 0;
    client.onclose = () => void closes++;
    const read = failure(client.read());
    const write = failure(client.write(pattern(10_000_000)));
    const end = failure(client.end());
    const { closed } = client;
    client.close();
    client.close();
    expect(await Promise.all([read, write, end])).toEqual(["EBADF", "EBADF", "EBADF"]);
    expect(await failure(closed)).toBe("resolved");
    expect(closes).toBe(1);
    expect(await failure(client.read())).toBe("EBADF");
    expect(await failure(client.write("x"))).toBe("EBADF");
    expect(codeOf(() => client.address)).toBe("EBADF");
    expect(codeOf(() => client.setNoDelay())).toBe("EBADF");
    expect(codeOf(() => client.shutdown("read"))).toBe("EBADF");
  });

  test("when the stack goes, everything settles", async () => {
    const pair = await Pair.linked();
    const { client, server } = await pair.connect();
    const connecting = failure(pair.a.tcp.connect({ address: "10.0.0.77", port: 1 }));
    const waiting = [failure(client.read()), failure(server.accept()), connecting];
    const { closed } = client;
    pair.a.close();
    pair.b.close();
    expect(await Promise.all(waiting)).toEqual(["EBADF", "EBADF", "EBADF"]);
    expect(await failure(closed)).toBe("resolved");
    expect(await failure(pair.a.tcp.connect({ port: 1 }))).toBe("EBADF");
    expect(await failure(pair.a.tcp.listen())).toBe("EBADF");
  });

  test("await using ends the stream, and using closes it", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const disposed = client[Symbol.asyncDispose]();
    const got = all(peer);
    expect(await pair.within(got)).toHaveLength(0);
    await pair.within(disposed);
    expect(codeOf(() => client.info())).toBe("EBADF");
    peer[Symbol.dispose]();
    expect(codeOf(() => peer.info())).toBe("EBADF");
  });

  test("adopt() refuses what is none, or is a listener, or somebody's", async () => {
    const pair = await Pair.loopback();
    const { client, server } = await pair.connect();
    const udp = await pair.a.udp.bind();
    expect(codeOf(() => pair.a.tcp.adopt(client.handle))).toBe("EEXIST");
    expect(codeOf(() => pair.a.tcp.adoptServer(server.handle))).toBe("EEXIST");
    expect(codeOf(() => pair.a.tcp.adopt(udp.handle))).toBe("EINVAL");
    expect(codeOf(() => pair.a.tcp.adopt(0x7fff0005))).toBe("EBADF");
  });
});
