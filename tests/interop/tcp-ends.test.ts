// How connections with the kernel begin and end: closed by halves, reset, refused, in silence, and once more.
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { TcpSocket } from "../../src/index.js";
import { interop } from "./need.js";
import { besidePeer, bytesOf, connected, hear, heardOf, until } from "./tcp-peer.js";

const NEEDS = ["python3", "ss", "tshark"];
const MB = 1 << 20;

interop("half closed by us, and by the kernel: the other direction goes on", NEEDS, () =>
  besidePeer(async (ends) => {
    const [theirs, socket] = await connected(ends);
    await socket.end("the question");
    expect(socket.state).toBe("FIN_WAIT2");
    expect((await theirs.receive()).bytes).toBe(12);
    const [answer] = await Promise.all([hear(socket), theirs.send(MB, "answer").then(() => theirs.close())]);
    expect(answer).toEqual(heardOf(MB, "answer"));
    await socket.closed;
    const [other, second] = await connected(ends);
    await other.send(12, "question");
    await other.shutdown();
    expect(await hear(second)).toEqual(heardOf(12, "question"));
    expect(second.state).toBe("CLOSE_WAIT");
    const [heard] = await Promise.all([other.receive(), second.end(bytesOf(MB, "answer"))]);
    expect(heard).toEqual(heardOf(MB, "answer"));
    await second.closed;
    expect(await ends.kernel.do("ss -tan state time-wait"), "who closes first, waits").toMatch(
      /10\.9\.1\.1:\d+ +10\.9\.1\.2:5001/,
    );
  }),
);

interop("resets, ours and the kernel's, and unread bytes at the close (RFC 9293 3.6, SHLD-3)", NEEDS, () =>
  besidePeer(async (ends) => {
    const { stack } = ends.ours;
    const [theirs, socket] = await connected(ends);
    await theirs.send(1000, "last words");
    await until(() => socket.info().unread === 1000);
    await theirs.reset();
    await expect(socket.closed).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(socket.read(), "what came before the reset is lost with it, or read").resolves.toHaveLength(1000);
    await expect(socket.read()).rejects.toMatchObject({ code: "ECONNRESET" });
    for (const unread of [false, true]) {
      const [other, second] = await connected(ends);
      if (unread) {
        await other.send(1, "unread");
        await until(() => second.info().unread === 1);
        second.close();
      } else second.abort();
      await expect(other.receive(), unread ? "close()" : "abort()").rejects.toMatchObject({ code: "ECONNRESET" });
    }
    // The kernel's end is closed with something unread.
    const [other, second] = await connected(ends);
    await second.write("nobody reads this");
    await until(() => second.info().unacked === 0);
    await other.close();
    await expect(second.closed).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(stack.statistics().counters).toMatchObject({ TCP_ESTAB_RESETS: 2, TCP_OUT_RSTS: 2 });
  }),
);

interop("nobody listens here, nor there; nobody is there; no way leads there", NEEDS, () =>
  besidePeer(async ({ ours, peer, kernel }) => {
    const { stack } = ours;
    await expect(peer.connect("10.9.1.2", 4999)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const refused = { code: "ECONNREFUSED", syscall: "connect", address: "10.9.1.1", port: 4999 };
    await expect(stack.tcp.connect({ address: "10.9.1.1", port: 4999 })).rejects.toMatchObject(refused);
    await expect(stack.tcp.connect({ address: "10.77.0.1", port: 1 })).rejects.toMatchObject({ code: "ENETUNREACH" });
    stack.switches.set("TCP_SYN_R2_MS", 2500);
    stack.switches.set("NEIGH_PROBES", 1);
    stack.routes.add({ destination: "10.78.0.0/16", gateway: "10.9.1.1" });
    await kernel.do("echo 1 > /proc/sys/net/ipv4/ip_forward; ip route add unreachable 10.78.0.0/16");
    await Promise.all([
      expect(stack.tcp.connect({ address: "10.9.1.99", port: 1 })).rejects.toMatchObject({ code: "EHOSTUNREACH" }),
      expect(stack.tcp.connect({ address: "10.78.0.1", port: 1 })).rejects.toMatchObject({ code: "EHOSTUNREACH" }),
    ]);
  }),
);

interop(
  "a reader that stops: the window closes, is probed, and all comes when it reads on; theirs and ours",
  NEEDS,
  () =>
    besidePeer(async (ends) => {
      const { stack } = ends.ours;
      stack.switches.set("TCP_RTO_MIN_MS", 200);
      const [theirs, socket] = await connected(ends, { receive_buffer: 65536 });
      const sending = socket.write(bytesOf(4 * MB, "ours"));
      await until(() => socket.info().probing && socket.info().sndWnd === 0);
      await until(() => stack.statistics().counters.TCP_OUT_WINDOW_PROBES >= 2);
      const [heard] = await Promise.all([theirs.receive(4 * MB), sending]);
      expect(heard).toEqual(heardOf(4 * MB, "ours"));
      expect(socket.info().probing).toBe(false);
      const sent = theirs.send(4 * MB, "theirs");
      await until(() => socket.info().rcvWnd === 0);
      const { segsIn } = socket.info();
      await until(() => socket.info().segsIn >= segsIn + 2, "the kernel's probes");
      expect(await hear(socket, 4 * MB)).toEqual(heardOf(4 * MB, "theirs"));
      await sent;
    }),
);

interop("keepalive: the kernel's is answered, ours too until the kernel is gone", NEEDS, () =>
  besidePeer(async (ends) => {
    const { stack } = ends.ours;
    const [theirs, socket] = await connected(ends);
    for (const [name, value] of [
      ["TCP_KEEPIDLE", 1],
      ["TCP_KEEPINTVL", 1],
      ["TCP_KEEPCNT", 1],
    ] as const) {
      await theirs.option("IPPROTO_TCP", name, value);
    }
    await theirs.option("SOL_SOCKET", "SO_KEEPALIVE", 1);
    await sleep(2500); // The kernel would have given up after two seconds.
    expect(await ends.kernel.do("ss -tno state established")).toContain("timer:(keepalive");
    expect(stack.statistics().counters.TCP_OUT_KEEPALIVES).toBe(0);
    await theirs.option("SOL_SOCKET", "SO_KEEPALIVE", 0);
    // Of segments such as probes are it answers two in a second, unless told otherwise.
    await ends.kernel.do("echo 0 > /proc/sys/net/ipv4/tcp_invalid_ratelimit");
    socket.setKeepAlive(true, { idleMs: 100, intervalMs: 100, count: 3 });
    await until(() => stack.statistics().counters.TCP_OUT_KEEPALIVES >= 5);
    expect(socket.state).toBe("ESTABLISHED");
    await ends.kernel.do("ip link set tap0 down");
    await expect(socket.closed).rejects.toMatchObject({ code: "ETIMEDOUT" });
  }),
);

interop("TIME-WAIT, ours and the kernel's: the same ends connect again at once (RFC 6191)", NEEDS, () =>
  besidePeer(async (ends) => {
    const { ours, peer, kernel } = ends;
    const listener = await peer.listen(5008);
    const server = await ours.stack.tcp.listen({ port: 5009 });
    const finish = async (first: () => Promise<void>, second: () => Promise<void>) => {
      await first();
      await second();
    };
    // We close first, and wait; the kernel connects from its port again.
    const accept = () => Promise.all([peer.connect("10.9.1.2", 5009, { local_port: 40009 }), server.accept()]);
    let [theirs, socket] = await accept();
    for (let i = 0; i < 3; i++) {
      const ending = socket.end();
      await finish(
        () => ending,
        () => theirs.close(),
      );
      await socket.closed;
      expect((await ours.run("netstat -tan")).text).toMatch(/10\.9\.1\.2:5009 +10\.9\.1\.1:40009 +TIME_WAIT/);
      [theirs, socket] = await accept();
      const [heard] = await Promise.all([hear(socket, 5000), theirs.send(5000, "again")]);
      expect(heard).toEqual(heardOf(5000, "again"));
    }
    // The kernel closes first; we connect from our port again.
    const connect = (): Promise<TcpSocket> =>
      ours.stack.tcp.connect({ address: "10.9.1.1", port: 5008, localPort: 40008 });
    for (let i = 0; i < 3; i++) {
      const [other, second] = await Promise.all([listener.accept(), connect()]);
      const [heard] = await Promise.all([other.receive(5000), second.write(bytesOf(5000, "again"))]);
      expect(heard).toEqual(heardOf(5000, "again"));
      await other.close();
      expect(await second.read()).toBeNull();
      await second.end();
      await second.closed;
      expect(await kernel.do("ss -tan state time-wait")).toContain("10.9.1.1:5008");
    }
  }),
);
