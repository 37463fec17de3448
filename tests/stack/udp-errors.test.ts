/** ICMP errors at UDP sockets: mapped as Linux does, pending where there is a peer, queued where there is none. */
import { describe, expect, test } from "vitest";
import type { DatagramError, Stack, VirtualClock } from "../../src/index.js";
import { failure } from "./failure.js";
import { boot } from "./harness.js";
import { codeOf, Host, PEER } from "./recording-driver.js";
import type { ReadIpv4 } from "./wire.js";

const run = (stack: Stack, us = 10) => (stack.clock as VirtualClock).advance(us);

const ipv4Bytes = (address: string) => address.split(".").map(Number);

/** An ICMP error about a datagram that the host has sent. */
function report(host: Host, sent: ReadIpv4, raw: Uint8Array, type: number, code: number, rest = 0): void {
  host.rxIcmp({ type, code, rest }, raw.subarray(14, 14 + sent.totalLen), { src: "192.168.1.254" });
}

describe("ICMP errors", () => {
  const map: [number, number, string][] = [
    [3, 0, "ENETUNREACH"],
    [3, 1, "EHOSTUNREACH"],
    [3, 2, "ENOPROTOOPT"],
    [3, 3, "ECONNREFUSED"],
    [3, 4, "EMSGSIZE"],
    [3, 5, "EOPNOTSUPP"],
    [3, 6, "ENETUNREACH"],
    [3, 7, "EHOSTDOWN"],
    [3, 8, "ENONET"],
    [3, 9, "ENETUNREACH"],
    [3, 10, "EHOSTUNREACH"],
    [3, 11, "ENETUNREACH"],
    [3, 12, "EHOSTUNREACH"],
    [3, 13, "EHOSTUNREACH"],
    [11, 0, "EHOSTUNREACH"],
    [11, 1, "EHOSTUNREACH"],
    [12, 0, "EPROTO"],
  ];

  test.each(map)("%d/%d is %s on a connected socket's next call, once", async (type, code, name) => {
    const host = await Host.create();
    const socket = await host.stack.udp.connect({ address: PEER, port: 9 });
    // With DF, whatever 3/4 says of the path.
    socket.setPathMtuDiscovery("probe");
    const provoke = () => {
      expect(socket.trySend(new Uint8Array(1000))).toBe(true);
      host.run();
      const frame = host.one();
      report(host, frame.ip as ReadIpv4, frame.frame, type, code);
    };
    provoke();
    expect(codeOf(() => socket.trySend("y"))).toBe(name);
    expect(socket.trySend("y")).toBe(true);
    host.run();
    host.take();
    // To a receive() that waits, at once; to one that comes later, then.
    const waiting = socket.receive();
    provoke();
    expect(await failure(waiting)).toBe(name);
    provoke();
    expect(await failure(socket.receive())).toBe(name);
    // With onmessage, to onerror.
    const errors: string[] = [];
    socket.onerror = (error) => void errors.push(error.code);
    socket.onmessage = () => {};
    provoke();
    expect(errors).toEqual([name]);
  });

  test("an unconnected socket's calls never fail for another peer: errors wait in a bounded queue", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 1000 });
    for (let i = 0; i < 12; i++) {
      socket.trySend("x", { address: PEER, port: 2000 + i });
      host.run();
      const frame = host.one();
      report(host, frame.ip as ReadIpv4, frame.frame, 3, 3, i);
      expect(socket.trySend("y", { address: PEER, port: 5 })).toBe(true);
      host.run();
      host.take();
    }
    const errors: DatagramError[] = [];
    for (let error = socket.nextError(); error !== undefined; error = socket.nextError()) errors.push(error);
    // The oldest gave way.
    expect(errors.map((error) => error.port)).toEqual([2004, 2005, 2006, 2007, 2008, 2009, 2010, 2011]);
    expect(errors[0]).toEqual({
      address: PEER,
      port: 2004,
      code: "ECONNREFUSED",
      reporter: "192.168.1.254",
      icmpType: 3,
      icmpCode: 3,
      icmpRest: 4,
    });
    // onerror has them as they come.
    const heard: string[] = [];
    socket.onerror = (error) => void heard.push(`${error.code} ${(error as DatagramError).port}`);
    socket.trySend("x", { address: PEER, port: 77 });
    host.run();
    const frame = host.one();
    report(host, frame.ip as ReadIpv4, frame.frame, 3, 1);
    expect(heard).toEqual(["EHOSTUNREACH 77"]);
  });

  test("errors of all sockets share a pool: one cannot take what another has", async () => {
    const host = await Host.create({ socketErrors: 10 });
    const sockets = await Promise.all([0, 1, 2].map((i) => host.stack.udp.bind({ port: 1000 + i })));
    for (const socket of sockets) {
      for (let i = 0; i < 9; i++) {
        socket.trySend("x", { address: PEER, port: 9 });
        host.run();
        const frame = host.one();
        report(host, frame.ip as ReadIpv4, frame.frame, 3, 3);
      }
    }
    const counts = sockets.map((socket) => {
      let n = 0;
      while (socket.nextError() !== undefined) n++;
      return n;
    });
    expect(counts).toEqual([8, 2, 0]);
    const none = await Host.create({ socketErrors: 0 });
    const socket = await none.stack.udp.bind();
    socket.trySend("x", { address: PEER, port: 9 });
    none.run();
    const frame = none.one();
    report(none, frame.ip as ReadIpv4, frame.frame, 3, 3);
    expect(socket.nextError()).toBeUndefined();
  });

  test("over lo, too: a closed port refuses", async () => {
    const stack = await boot();
    const socket = await stack.udp.connect({ port: 9 });
    socket.trySend("x");
    await run(stack);
    expect(codeOf(() => socket.trySend("y"))).toBe("ECONNREFUSED");
    expect(await failure(Promise.resolve().then(() => socket.trySend("y")))).toBe("resolved");
  });
});

describe("errors about datagrams with a source route", () => {
  const END = "203.0.113.9";
  const STOP = "10.9.9.9";
  /** By the peer and the stop to the end. */
  const ROUTE = Uint8Array.of(131, 11, 4, ...ipv4Bytes(PEER), ...ipv4Bytes(STOP), 0);

  /** What a router says of the datagram when it has passed so many stops, having noted itself at each. */
  function reportAt(host: Host, stops: number, type: number, code: number, rest = 0): void {
    const { frame, ip } = host.one();
    const raw = frame.slice(14, 14 + (ip?.totalLen ?? 0));
    for (let stop = 0; stop < stops; stop++) {
      const at = 20 + (raw[22] as number) - 1;
      raw.copyWithin(16, at, at + 4);
      raw.set(ipv4Bytes("198.51.100.1"), at);
      raw[22] = (raw[22] as number) + 4;
    }
    host.rxIcmp({ type, code, rest }, raw, { src: "192.168.1.254" });
  }

  test.each([0, 1, 2])(
    "reach the socket that is connected to its end, %d stops on (RFC 1122 §3.2.2)",
    async (stops) => {
      const host = await Host.create();
      host.stack.routes.add({ destination: "default", gateway: PEER });
      const socket = await host.stack.udp.connect({ address: END, port: 9 });
      socket.setOptions(ROUTE);
      socket.trySend("x");
      host.run();
      expect(await host.drops(() => reportAt(host, stops, 3, 3))).toEqual({});
      expect(codeOf(() => socket.trySend("x"))).toBe("ECONNREFUSED");
      // The same of one that is not: it learns whom it had addressed.
      const open = await host.stack.udp.bind();
      open.setOptions(ROUTE);
      open.trySend("x", { address: END, port: 7 });
      host.run();
      reportAt(host, stops, 3, 5);
      expect(open.nextError()).toMatchObject({ address: END, port: 7, code: "EOPNOTSUPP" });
    },
  );

  test("what is said of the path's MTU holds for its way to the first stop", async () => {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    const socket = await host.stack.udp.connect({ address: END, port: 9 });
    socket.setOptions(ROUTE);
    socket.setPathMtuDiscovery("do");
    socket.trySend(new Uint8Array(1400));
    host.run();
    reportAt(host, 1, 3, 4, 1000);
    expect(codeOf(() => socket.trySend("x"))).toBe("EMSGSIZE");
    expect(socket.mtu).toBe(1000);
    expect(codeOf(() => socket.trySend(new Uint8Array(1400)))).toBe("EMSGSIZE");
  });

  test("a redirect about one is no router's", async () => {
    const host = await Host.create();
    host.stack.routes.add({ destination: "default", gateway: PEER });
    const socket = await host.stack.udp.connect({ address: END, port: 9 });
    socket.setOptions(Uint8Array.of(131, 7, 4, ...ipv4Bytes(STOP), 0));
    socket.trySend("x");
    host.run();
    const { frame } = host.one();
    const drops = await host.drops(() =>
      host.rxIcmp({ type: 5, code: 1, rest: 0xc0a80109 }, frame.slice(14), { src: PEER }),
    );
    expect(drops).toEqual({ ICMP_REDIRECT_SENDER: 1 });
  });
});
