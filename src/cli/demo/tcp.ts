/**
 * TCP over loopback in real time: an echo server on 127.0.0.1:65432, and a transfer through it.
 */
import type { TcpServer } from "../../sockets/tcp-server.js";
import type { TcpSocket } from "../../sockets/tcp-socket.js";
import type { Stack } from "../../stack.js";
import { thousands } from "../../tools/memory.js";
import { netstatSockets } from "../../tools/sockets.js";
import { demand, durationText, type Step } from "./session.js";

const PORT = 65432;
/** What the server reads at a time. */
const CHUNK = 1024;
const SIZES = [1, CHUNK, 100_000];
const BULK = 8 << 20;
const LIMIT_MS = 30_000;

export const tcp: Step = {
  name: "tcp",
  title: "TCP to itself and back",
  async run(session) {
    const stack = session.named("host");
    const server = await stack.tcp.listen({ address: "127.0.0.1", port: PORT, noDelay: true });
    const serving = serve(server);
    const client = await stack.tcp.connect({ port: PORT, noDelay: true });
    session.line(`127.0.0.1:${client.address.port} <-> 127.0.0.1:${PORT}, ${thousands(CHUNK)} bytes echoed at a time:`);
    const trips = [];
    for (const size of SIZES) trips.push(await roundTrip(stack, client, size));
    for (const { size, timeUs } of trips) session.line(`${thousands(size).padStart(8)} bytes and back: ${timeUs} µs`);
    session.line();
    session.command("netstat -at", netstatSockets(stack, { all: true, only: ["tcp"] }));
    await client.end();
    demand((await client.read()) === null, "the server does not end its direction after the client");
    await client.closed;
    server.close();
    await serving;
    const bulk = await transfer(stack);
    const rate = ((BULK * 8) / 1e3 / bulk.ms).toFixed(0);
    session.line(
      `${thousands(BULK)} bytes in ${durationText(bulk.ms)}: ${rate} Mbit/s, ${bulk.segments} segments, ` +
        `${bulk.retransmits} retransmitted`,
    );
    session.line();
    // A tail is probed (RFC 8985 §7) where the machine gives this process no turn in time: no loss is found.
    const { TCP_TIMEOUTS, TCP_FAST_RECOVERIES } = stack.statistics().counters;
    demand(TCP_TIMEOUTS + TCP_FAST_RECOVERIES === 0, "losses were found where nothing is lost");
    const states = stack.sockets().flatMap(({ kind, state }) => (kind === "tcp" ? [state] : []));
    demand(
      states.every((state) => state === "TIME_WAIT"),
      `connections that have ended are ${states.join(", ")}`,
    );
    return { port: PORT, trips, bulk };
  },
};

/** Echoes what its one client sends. */
async function serve(server: TcpServer): Promise<void> {
  const socket = await server.accept();
  for (let data = await socket.read({ max: CHUNK }); data !== null; data = await socket.read({ max: CHUNK })) {
    await socket.write(data);
  }
  await socket.end();
}

function pattern(size: number): Uint8Array {
  return new Uint8Array(size).map((_, i) => i * 7 + (i >>> 8) + size);
}

async function roundTrip(stack: Stack, client: TcpSocket, size: number): Promise<{ size: number; timeUs: number }> {
  const sent = pattern(size);
  const startUs = stack.clock.now();
  const written = client.write(sent);
  let length = 0;
  while (length < size) {
    const chunk = await client.read({ signal: AbortSignal.timeout(LIMIT_MS) });
    const from = length;
    const isSame = chunk?.every((byte, i) => byte === sent[from + i]) ?? false;
    demand(isSame, `of ${size} bytes those from ${from} on came back changed`);
    length += chunk?.length ?? 0;
  }
  await written;
  return { size, timeUs: stack.clock.now() - startUs };
}

/** One direction, as fast as it goes, by callback. */
async function transfer(stack: Stack): Promise<{ ms: number; segments: number; retransmits: number }> {
  const server = await stack.tcp.listen({ address: "127.0.0.1", port: PORT });
  const sent = pattern(BULK);
  const client = await stack.tcp.connect({ port: PORT });
  const socket = await server.accept();
  const startUs = stack.clock.now();
  const received = new Uint8Array(BULK);
  let length = 0;
  socket.ondata = (data) => {
    if (length + data.length <= BULK) received.set(data, length);
    length += data.length;
  };
  socket.onend = () => void socket.end().catch(() => {});
  await client.end(sent, { signal: AbortSignal.timeout(LIMIT_MS) });
  const ms = (stack.clock.now() - startUs) / 1000;
  await client.closed;
  await socket.closed;
  server.close();
  const isSame = received.every((byte, i) => byte === sent[i]);
  demand(isSame && length === BULK, `${length} of ${BULK} bytes came, ${isSame ? "unchanged" : "changed"}`);
  const { segsOut: segments, retransmits } = client.info();
  client.close();
  return { ms, segments, retransmits };
}
