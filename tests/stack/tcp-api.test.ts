/** stack.tcp: listening, connecting, states, options, callbacks, windows, ends and errors. */
import { describe, expect, test } from "vitest";
import {
  type DatagramError,
  SimLink,
  type Stack,
  type StackError,
  type TcpSocket,
  VirtualClock,
} from "../../src/index.js";
import { catchUncaught, failure } from "./failure.js";
import { boot } from "./harness.js";
import { codeOf } from "./recording-driver.js";
import { all, Pair, PORT, pattern, text, within } from "./tcp-pair.js";

const utf8 = (words: string) => new TextEncoder().encode(words);

describe("opening", () => {
  test("a connection has two ends, states as netstat names them, and both are listed", async () => {
    const pair = await Pair.linked();
    const { client, peer, server } = await pair.connect();
    const { port } = client.address;
    expect(client.address).toEqual({ address: "10.0.0.1", port });
    expect(client.remoteAddress).toEqual({ address: "10.0.0.2", port: PORT });
    expect(peer.address).toEqual({ address: "10.0.0.2", port: PORT });
    expect(peer.remoteAddress).toEqual({ address: "10.0.0.1", port });
    expect([server.state, client.state, peer.state]).toEqual(["LISTEN", "ESTABLISHED", "ESTABLISHED"]);
    expect(server.address).toEqual({ address: "0.0.0.0", port: PORT });
    expect(server.connections).toBe(1);
    const listed = pair.b.sockets().map(({ kind, state, handle }) => [kind, state, handle]);
    expect(listed).toContainEqual(["tcp", "LISTEN", server.handle]);
    expect(listed).toContainEqual(["tcp", "ESTABLISHED", peer.handle]);
    const info = client.info();
    expect(info).toMatchObject({
      state: "ESTABLISHED",
      mss: 1448,
      sack: true,
      timestamps: true,
      unacked: 0,
      unread: 0,
    });
    expect(info.rttUs).toBeGreaterThan(9000);
    peer.close();
    expect(server.connections).toBe(0);
  });

  test("nobody listens: ECONNREFUSED, with syscall, address and port", async () => {
    const pair = await Pair.loopback();
    const error = await pair.within(pair.a.tcp.connect({ port: 9 }).catch((e: StackError) => e));
    expect(error).toMatchObject({
      code: "ECONNREFUSED",
      syscall: "connect",
      address: "127.0.0.1",
      port: 9,
      errno: -111,
    });
    expect(pair.a.sockets()).toEqual([]);
  });

  test("no answer: ETIMEDOUT; no neighbour: EHOSTUNREACH; no route: ENETUNREACH; no port: EADDRINUSE", async () => {
    const pair = await Pair.linked({ loss: 1 });
    const { tcp } = pair.a;
    expect(await pair.within(failure(tcp.connect({ address: "10.0.0.99", port: 9 })))).toBe("EHOSTUNREACH");
    expect(await failure(tcp.connect({ address: "99.0.0.1", port: 9 }))).toBe("ENETUNREACH");
    await pair.a.udp.bind({ port: 1234 });
    const server = await tcp.listen({ port: 1234 });
    expect(await failure(tcp.listen({ port: 1234 }))).toBe("EADDRINUSE");
    expect(await failure(tcp.listen({ address: "9.9.9.9" }))).toBe("EADDRNOTAVAIL");
    server.close();
    (await tcp.listen({ port: 1234 })).close();
  });

  test("a neighbour that is silent for long: ETIMEDOUT, after minutes", async () => {
    const pair = await Pair.linked();
    // One that is known for good, so that it is not the neighbour that is found missing.
    pair.a.neighbours.add(pair.a.interface("eth0"), pair.address, "02:00:00:00:00:09");
    const startUs = pair.clock.now();
    expect(await pair.within(failure(pair.a.tcp.connect({ address: pair.address, port: 9 })))).toBe("ETIMEDOUT");
    expect(pair.clock.now() - startUs).toBeGreaterThan(60e6);
  });

  test("a signal ends connect() with its reason, and the connection with it", async () => {
    const pair = await Pair.linked();
    const abort = new AbortController();
    const connecting = failure(pair.a.tcp.connect({ address: pair.address, port: 9, signal: abort.signal }));
    expect(pair.a.sockets()[0]?.state).toBe("SYN_SENT");
    abort.abort("no patience");
    expect(await connecting).toBe("no patience");
    expect(pair.a.sockets()).toEqual([]);
    const before = AbortSignal.abort("never");
    expect(await failure(pair.a.tcp.connect({ port: 9, signal: before }))).toBe("never");
    expect(pair.a.sockets()).toEqual([]);
  });

  test("own address and port; the same connection twice is refused", async () => {
    const pair = await Pair.linked();
    const options = { localAddress: "10.0.0.1", localPort: 4000 };
    const { client, peer } = await pair.connect(options);
    expect(client.address).toEqual({ address: "10.0.0.1", port: 4000 });
    expect(peer.remoteAddress).toEqual({ address: "10.0.0.1", port: 4000 });
    expect(await failure(pair.a.tcp.connect({ address: pair.address, port: PORT, ...options }))).toBe("EADDRINUSE");
  });

  test("onconnection takes what waits; what it throws is uncaught and the connection stays", async () => {
    const pair = await Pair.loopback();
    const server = await pair.listen();
    const clients = await pair.within(Promise.all([1, 2, 3].map(() => pair.a.tcp.connect({ port: PORT }))));
    expect(server.waiting).toBe(3);
    const uncaught = catchUncaught(1);
    const peers: TcpSocket[] = [];
    server.onconnection = (socket) => {
      peers.push(socket);
      if (peers.length === 2) throw new Error("of the second");
    };
    expect(peers).toHaveLength(3);
    expect(peers.map((peer) => peer.remoteAddress)).toEqual(clients.map((client) => client.address));
    expect((await uncaught).map(({ message }) => message)).toEqual(["of the second"]);
    await clients[1]?.write("still there");
    expect(text(await pair.within((peers[1] as TcpSocket).read()))).toBe("still there");
  });

  test("accept() waits in order, by signal, and until close(); for await ends with it", async () => {
    const pair = await Pair.loopback();
    const server = await pair.listen();
    const abort = new AbortController();
    const first = server.accept();
    const gone = failure(server.accept({ signal: abort.signal }));
    const second = server.accept();
    abort.abort("enough");
    expect(await gone).toBe("enough");
    const clients = await pair.within(Promise.all([1, 2].map(() => pair.a.tcp.connect({ port: PORT }))));
    expect((await first).remoteAddress).toEqual(clients[0]?.address);
    expect((await second).remoteAddress).toEqual(clients[1]?.address);
    const waiting = failure(server.accept());
    const seen: TcpSocket[] = [];
    const loop = (async () => {
      for await (const socket of server) seen.push(socket);
    })();
    server.close();
    expect(await waiting).toBe("EBADF");
    await loop;
    expect(seen).toEqual([]);
    expect(server.closed).toBe(true);
    expect(codeOf(() => server.tryAccept())).toBe("EBADF");
    expect(await failure(server.accept())).toBe("EBADF");
  });

  test("closing the listener resets who has not been accepted, and leaves the others alone", async () => {
    const pair = await Pair.linked();
    const { client, peer, server } = await pair.connect();
    const other = await pair.within(pair.a.tcp.connect({ address: pair.address, port: PORT }));
    await pair.run(20_000);
    server.close();
    expect(await pair.within(failure(other.closed))).toBe("ECONNRESET");
    await client.write("and we go on");
    expect(text(await pair.within(peer.read()))).toBe("and we go on");
  });
});

describe("callbacks", () => {
  test("ondata, onend, onclose in their order, also for what came before they were set", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    await client.write("first");
    const ended = client.end(" and last");
    await pair.run();
    expect(await failure(ended)).toBe("resolved");
    const heard: string[] = [];
    peer.ondata = (data) => void heard.push(`data ${text(data)}`);
    peer.onend = () => void heard.push("end");
    peer.onclose = (error) => void heard.push(`close ${error}`);
    expect(heard).toEqual([]);
    await pair.run();
    expect(heard).toEqual(["data first and last", "end"]);
    expect([client.state, peer.state]).toEqual(["FIN_WAIT2", "CLOSE_WAIT"]);
    await pair.within(peer.end("bye"));
    expect(heard).toEqual(["data first and last", "end", "close undefined"]);
    expect(text(await client.read())).toBe("bye");
    expect(await client.read()).toBeNull();
    const late: string[] = [];
    client.onend = () => void late.push("end");
    client.onclose = () => void late.push("close");
    await pair.run(0);
    expect(late).toEqual(["end", "close"]);
  });

  test("an echo with callbacks alone; ondata's view is of the ring, and taking ondata away stops it", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    peer.ondata = (data) => void peer.tryWrite(data);
    const heard: Uint8Array[] = [];
    client.ondata = (data) => {
      expect(data.buffer).toBe(pair.a.core.u8.buffer);
      heard.push(data.slice());
    };
    expect(client.tryWrite(utf8("there "))).toBe(6);
    expect(client.tryWrite(utf8("and back"))).toBe(8);
    await pair.run();
    expect(text(Buffer.concat(heard))).toBe("there and back");
    client.ondata = undefined;
    client.tryWrite(utf8("unheard"));
    await pair.run();
    expect(client.info().unread).toBe(7);
    expect(text(await client.read())).toBe("unheard");
  });

  test("callbacks that throw are uncaught, and nothing is lost", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const uncaught = catchUncaught(3);
    const heard: string[] = [];
    peer.ondata = (data) => {
      heard.push(text(data) as string);
      if (heard.length === 1) throw new Error("data");
    };
    peer.onend = () => {
      throw new Error("end");
    };
    peer.onclose = () => {
      throw new Error("close");
    };
    client.tryWrite(utf8("one"));
    await pair.run();
    client.tryWrite(utf8("two"));
    await pair.run();
    const ended = Promise.all([client.end(), peer.end()]);
    await pair.within(ended);
    await pair.within(peer.closed);
    expect((await uncaught).map(({ message }) => message)).toEqual(["data", "end", "close"]);
    expect(heard).toEqual(["one", "two"]);
  });

  test("closing in ondata ends it; reading on in ondata gets what follows", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({}, { receiveBuffer: 2048 });
    let calls = 0;
    peer.ondata = (data) => {
      calls++;
      expect(data.length).toBeGreaterThan(0);
      peer.close();
    };
    client.tryWrite(pattern(2000));
    await pair.run();
    expect(calls).toBe(1);
    expect(codeOf(() => peer.receiveWindow())).toBe("EBADF");
  });

  test("ondrain comes once when a write came short and there is room again", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({ sendBuffer: 2048 });
    let drains = 0;
    client.ondrain = () => void drains++;
    expect(client.tryWrite(pattern(1000))).toBe(1000);
    await pair.run();
    expect(drains).toBe(0);
    expect(client.tryWrite(pattern(5000))).toBe(2048);
    expect(client.tryWrite(pattern(5000))).toBe(0);
    await pair.run();
    expect(drains).toBe(1);
    await pair.run();
    expect(drains).toBe(1);
    expect(peer.info().unread).toBe(3048);
  });

  test("urgent data is announced with how far it goes (RFC 9293 §3.8.5)", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect();
    const announced: number[] = [];
    peer.onurgent = (bytes) => void announced.push(bytes);
    await client.write("calm ");
    await pair.run();
    await client.urgent("now!");
    await pair.run();
    expect(announced).toEqual([9]);
    expect(text(await peer.read())).toBe("calm now!");
  });
});

describe("windows", () => {
  test("what is written in the send ring and committed is what stands in the receive ring", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect({ sendBuffer: 2048 }, { receiveBuffer: 2048 });
    const window = client.sendWindow();
    expect(window.length).toBeLessThanOrEqual(2048);
    window.set(utf8("no copy"));
    client.commit(4, { more: true });
    client.sendWindow();
    client.commit(3);
    await pair.run();
    expect(text(peer.receiveWindow())).toBe("no copy");
    peer.consume(3);
    expect(text(peer.receiveWindow())).toBe("copy");
    peer.consume(4);
    expect(peer.receiveWindow()).toHaveLength(0);
    expect(codeOf(() => peer.consume(1))).toBe("EINVAL");
    expect(codeOf(() => client.commit(4096))).toBe("EINVAL");
    expect(codeOf(() => client.commit(-1))).toBe("ERR_OUT_OF_RANGE");
    expect(codeOf(() => peer.consume(1.5))).toBe("ERR_OUT_OF_RANGE");
    // Such mistakes leave the connection as it was.
    expect(client.state).toBe("ESTABLISHED");
    await pair.within(client.end());
    expect(peer.receiveWindow()).toBeNull();
  });

  test("rings that wrap: every byte through windows of two pieces", async () => {
    const pair = await Pair.linked({ delayUs: 100 });
    const { client, peer } = await pair.connect({ sendBuffer: 2048 }, { receiveBuffer: 2048 });
    const sent = pattern(50_000);
    let at = 0;
    const fill = () => {
      for (let window = client.sendWindow(); window.length > 0 && at < sent.length; window = client.sendWindow()) {
        const piece = sent.subarray(at, at + Math.min(window.length, 777));
        window.set(piece);
        client.commit(piece.length);
        at += piece.length;
      }
    };
    client.ondrain = fill;
    fill();
    const got: Uint8Array[] = [];
    for (let length = 0; length < sent.length; ) {
      await pair.run(1000);
      const window = peer.receiveWindow() as Uint8Array;
      const piece = window.slice(0, 501);
      got.push(piece);
      length += piece.length;
      peer.consume(piece.length);
    }
    expect(Buffer.concat(got).equals(sent)).toBe(true);
  });
});

describe("options", () => {
  test("what a listener has, its connections begin with; buffers are rings", async () => {
    const pair = await Pair.linked();
    const { client, peer } = await pair.connect(
      {
        sendBuffer: 3000,
        receiveBuffer: 20_000,
        noDelay: true,
        keepAlive: { idleMs: 1000, intervalMs: 100, count: 2 },
      },
      { sendBuffer: 2048, receiveBuffer: 16_384, mss: 500, ttl: 7, tos: 8, userTimeoutMs: 30_000, keepAlive: true },
    );
    expect(client.info()).toMatchObject({ sendBuffer: 16_384, receiveBuffer: 65_536 });
    expect(peer.info()).toMatchObject({ sendBuffer: 2048, receiveBuffer: 16_384 });
    expect(client.info().mss).toBeLessThanOrEqual(500);
    client.setNoDelay(false);
    client.setKeepAlive(false);
    client.setUserTimeout(5000);
    client.setTTL(9);
    client.setTOS(0x10);
    expect(codeOf(() => client.setUserTimeout(-1))).toBe("ERR_OUT_OF_RANGE");
    expect(codeOf(() => client.setKeepAlive(true, { count: 1000 }))).toBe("EINVAL");
    expect(codeOf(() => client.setTTL(300))).toBe("EINVAL");
  });

  test("a peer that is gone: keepalive finds out (ETIMEDOUT)", async () => {
    const pair = await Pair.linked();
    const { client } = await pair.connect({ keepAlive: { idleMs: 1000, intervalMs: 100, count: 3 } });
    pair.link?.configure({ loss: 1 });
    expect(await pair.within(failure(client.closed))).toBe("ETIMEDOUT");
  });

  test("a peer that is gone: the user timeout ends what is not acknowledged (ETIMEDOUT)", async () => {
    const pair = await Pair.linked();
    const { client } = await pair.connect({ userTimeoutMs: 3000 });
    pair.link?.configure({ loss: 1 });
    await client.write("nobody hears");
    const startUs = pair.clock.now();
    expect(await pair.within(failure(client.closed))).toBe("ETIMEDOUT");
    expect(pair.clock.now() - startUs).toBeLessThan(10e6);
    expect(await failure(client.read())).toBe("ETIMEDOUT");
    expect(await failure(client.write("x"))).toBe("ETIMEDOUT");
  });

  test("wrong arguments name what is wrong, and open nothing", async () => {
    const { a, b } = await Pair.loopback();
    const bad: readonly (readonly [Promise<unknown>, string])[] = [
      [a.tcp.connect({ port: 0 }), "ERR_SOCKET_BAD_PORT"],
      [a.tcp.connect({ port: "80" as unknown as number }), "ERR_SOCKET_BAD_PORT"],
      [a.tcp.connect({ port: 1, address: "nowhere" }), "ERR_INVALID_ARG_TYPE"],
      [a.tcp.connect({ port: 1, localAddress: "x" }), "ERR_INVALID_ARG_TYPE"],
      [a.tcp.connect({ port: 1, sendBuffer: 0 }), "EINVAL"],
      [a.tcp.connect({ port: 1, sendBuffer: 2.5 }), "ERR_OUT_OF_RANGE"],
      [a.tcp.connect({ port: 1, noDelay: 1 as unknown as boolean }), "ERR_INVALID_ARG_TYPE"],
      [a.tcp.connect({ port: 1, keepAlive: { idle: 3 } as never }), "ERR_INVALID_ARG_TYPE"],
      [a.tcp.connect({ port: 1, nodelay: true } as never), "ERR_INVALID_ARG_TYPE"],
      [a.tcp.connect(undefined as never), "ERR_INVALID_ARG_TYPE"],
      [a.tcp.listen({ port: -1 }), "ERR_SOCKET_BAD_PORT"],
      [a.tcp.listen({ backlog: 0 }), "ERR_OUT_OF_RANGE"],
      [a.tcp.listen({ onconnection: 3 as never }), "ERR_INVALID_ARG_TYPE"],
    ];
    for (const [promise, code] of bad) expect(await failure(promise)).toBe(code);
    expect(b.sockets()).toEqual([]);
  });
});

describe("soft errors", () => {
  test("an ICMP error on the way is told, and the connection goes on when the way is there again (RFC 9293 MUST-47)", async () => {
    const clock = new VirtualClock();
    const [near, far] = [1, 2].map((seed) => new SimLink({ clock, seed, delayUs: 1000 })) as [SimLink, SimLink];
    const [a, router, b] = await Promise.all(["a", "router", "b"].map((name) => boot({ clock, name })));
    a?.addInterface(near.nic(), { address: "10.1.0.1/24" });
    router?.addInterface(near.nic(), { address: "10.1.0.254/24" });
    const out = router?.addInterface(far.nic(), { address: "10.2.0.254/24" });
    b?.addInterface(far.nic(), { address: "10.2.0.1/24" });
    router?.switches.set("IP_FORWARD", 1);
    a?.routes.add({ destination: "default", gateway: "10.1.0.254" });
    b?.routes.add({ destination: "default", gateway: "10.2.0.254" });
    const server = await (b as Stack).tcp.listen({ port: PORT });
    const opening = Promise.all([(a as Stack).tcp.connect({ address: "10.2.0.1", port: PORT }), server.accept()]);
    const [client, peer] = await within(clock, opening);
    out?.down();
    const told: DatagramError[] = [];
    client.onsofterror = (error) => void told.push(error);
    await client.write("patience");
    await clock.advance(1e6);
    expect(told[0]).toMatchObject({ code: "ENETUNREACH", address: "10.2.0.1", port: PORT, reporter: "10.1.0.254" });
    expect(client.state).toBe("ESTABLISHED");
    out?.up();
    expect(text(await within(clock, peer.read()))).toBe("patience");
    client.onsofterror = undefined;
    expect(client.nextError()).toBeUndefined();
  });
});

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
