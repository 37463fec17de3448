/** stack.tcp: listening, connecting, states, options, errors on the way. */
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
import { Pair, PORT, text, within } from "./tcp-pair.js";

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
