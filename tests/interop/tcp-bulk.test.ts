// Bytes between our stack and the kernel's, in bulk and one by one, both ways and in both roles.
import { expect } from "vitest";
import type { TcpSocket } from "../../src/index.js";
import { interop } from "./need.js";
import { besidePeer, bytesOf, type Ends, hear, heardOf, NOTHING_LOST, type PeerSocket } from "./tcp-peer.js";

const NEEDS = ["python3", "tshark"];
const MB = 1 << 20;

/** A connection that the kernel's end has opened. */
async function theyConnect({ ours, peer }: Ends, port = 5001): Promise<[PeerSocket, TcpSocket]> {
  const server = await ours.stack.tcp.listen({ port });
  return Promise.all([peer.connect("10.9.1.2", port), server.accept()]);
}

/** A connection that we have opened, with buffers of so many bytes. */
async function weConnect({ ours, peer }: Ends, buffer = 65536, port = 5002): Promise<[PeerSocket, TcpSocket]> {
  const listener = await peer.listen(port);
  const buffers = { sendBuffer: buffer, receiveBuffer: buffer };
  return Promise.all([listener.accept(), ours.stack.tcp.connect({ address: "10.9.1.1", port, ...buffers })]);
}

async function upAndDown([theirs, socket]: [PeerSocket, TcpSocket], size: number): Promise<void> {
  const [heard] = await Promise.all([theirs.receive(size), socket.write(bytesOf(size, "ours"))]);
  expect(heard, "what the kernel hears").toEqual(heardOf(size, "ours"));
  const [got] = await Promise.all([hear(socket, size), theirs.send(size, "theirs")]);
  expect(got, "what we hear").toEqual(heardOf(size, "theirs"));
}

interop("bulk, 8 MiB each way one after the other: the kernel connects to us, and we to it", NEEDS, () =>
  besidePeer(async (ends) => {
    await upAndDown(await theyConnect(ends), 8 * MB);
    await upAndDown(await weConnect(ends), 8 * MB);
    expect(ends.ours.stack.statistics().counters).toMatchObject({ ...NOTHING_LOST, TCP_IN_OUT_OF_ORDER: 0 });
  }),
);

interop("bulk, 24 MiB both ways at once, with buffers of 1 MiB, to the end of both streams", NEEDS, () =>
  besidePeer(async (ends) => {
    const [theirs, socket] = await weConnect(ends, MB);
    const all = await Promise.all([
      theirs.receive(),
      hear(socket),
      socket.end(bytesOf(24 * MB, "ours")),
      theirs.send(24 * MB, "theirs").then(() => theirs.shutdown()),
    ]);
    expect(all.slice(0, 2)).toEqual([heardOf(24 * MB, "ours"), heardOf(24 * MB, "theirs")]);
    expect(ends.ours.stack.statistics().counters).toMatchObject(NOTHING_LOST);
  }),
);

interop("one byte at a time, both ways, as fast as they are written and with pauses", NEEDS, () =>
  besidePeer(async (ends) => {
    const [theirs, socket] = await theyConnect(ends);
    const dribble = async (size: number) => {
      for (const byte of bytesOf(size, "drops")) await socket.write(Uint8Array.of(byte));
    };
    const fast = await Promise.all([theirs.receive(5000), dribble(5000)]);
    expect(fast[0]).toEqual(heardOf(5000, "drops"));
    const others = await Promise.all([hear(socket, 5000), theirs.send(5000, "drops", { piece: 1 })]);
    expect(others[0]).toEqual(heardOf(5000, "drops"));
    socket.setNoDelay();
    await theirs.option("IPPROTO_TCP", "TCP_NODELAY", 1);
    const { segsIn } = socket.info();
    const [heard, got] = await Promise.all([
      theirs.receive(300),
      hear(socket, 300),
      dribble(300),
      theirs.send(300, "drops", { piece: 1, pause: 0.001 }),
    ]);
    expect([heard, got]).toEqual([heardOf(300, "drops"), heardOf(300, "drops")]);
    expect(socket.info().segsIn - segsIn, "most in segments of their own, unless the kernel corks").toBeGreaterThan(
      100,
    );
  }),
);

interop("question and answer, of one byte to many segments, wait for no delayed ACK", NEEDS, () =>
  besidePeer(async (ends) => {
    const [theirs, socket] = await theyConnect(ends);
    socket.ondata = (data) => void socket.write(data.slice());
    const [their, asking] = await weConnect(ends);
    const echo = their.echo();
    for (const size of [1, 100, 1448, 1449, 2000, 5000, 30_000]) {
      const seconds = await theirs.ask(size, 50);
      expect(seconds / 50, `the kernel asks with ${size} bytes`).toBeLessThan(0.03);
      const begun = performance.now();
      for (let i = 0; i < 50; i++) {
        await asking.write(bytesOf(size, "question"));
        expect((await hear(asking, size)).bytes).toBe(size);
      }
      expect((performance.now() - begun) / 50, `we ask with ${size} bytes`).toBeLessThan(30);
    }
    await asking.end();
    await echo;
    const counters = ends.ours.stack.statistics().counters;
    expect(counters).toMatchObject(NOTHING_LOST);
    expect(counters.TCP_DELAYED_ACKS, "the answer carries the ACK").toBeLessThan(10);
  }),
);

/** Boot options for `connections` at once with 16 KiB of buffer each way, while as many before them come to their ends. */
const many = (connections: number) => ({ rings16K: 4 * connections + 8, tcpBlocks: 2 * connections + 8 });

interop("200 connections at once in each role, each with 30,000 bytes there and back", NEEDS, () =>
  besidePeer(async ({ ours, peer }) => {
    const buffers = { sendBuffer: 16384, receiveBuffer: 16384 };
    const echo = (socket: TcpSocket) => void socket.readable.pipeTo(socket.writable);
    const server = await ours.stack.tcp.listen({ port: 5003, backlog: 256, onconnection: echo, ...buffers });
    const one = async (name: string) => {
      const theirs = await peer.connect("10.9.1.2", 5003);
      const [heard] = await Promise.all([theirs.receive(), theirs.send(30_000, name).then(() => theirs.shutdown())]);
      expect(heard, name).toEqual(heardOf(30_000, name));
      await theirs.close();
    };
    await Promise.all(Array.from({ length: 200 }, (_, i) => one(`their ${i}`)));
    server.close();
    const listener = await peer.listen(5004);
    const other = async (name: string) => {
      const [theirs, socket] = await Promise.all([
        listener.accept(),
        ours.stack.tcp.connect({ address: "10.9.1.1", port: 5004, ...buffers }),
      ]);
      const back = theirs.echo();
      const [heard] = await Promise.all([hear(socket), socket.end(bytesOf(30_000, name))]);
      expect(heard, name).toEqual(heardOf(30_000, name));
      await back;
      await theirs.close();
    };
    await Promise.all(Array.from({ length: 200 }, (_, i) => other(`our ${i}`)));
    expect(ours.stack.statistics().counters).toMatchObject({
      TCP_PASSIVE_OPENS: 200,
      TCP_ACTIVE_OPENS: 200,
      TCP_ATTEMPT_FAILS: 0,
      TCP_ESTAB_RESETS: 0,
    });
  }, many(200)),
);
