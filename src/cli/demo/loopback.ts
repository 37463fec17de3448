/**
 * Booting, the loopback interface, and UDP over it: a stack in real time.
 */
import { RealClock } from "../../clock.js";
import type { UdpSocket } from "../../sockets/udp.js";
import type { Stack } from "../../stack.js";
import { ifconfig } from "../../tools/ifconfig.js";
import { buffersInUse, thousands } from "../../tools/memory.js";
import { route } from "../../tools/route.js";
import { demand, demandAnswered, durationText, type Facts, type Step } from "./session.js";

const NAME = "host";

export const boot: Step = {
  name: "boot",
  title: "A stack boots in WebAssembly memory, and lo is up",
  async run(session) {
    const start = performance.now();
    const stack = await session.boot({ name: NAME, clock: new RealClock() });
    const bootMs = performance.now() - start;
    const { bytes } = stack.memory();
    const imports = WebAssembly.Module.imports(stack.module).length;
    session.line(
      `compiled and booted in ${durationText(bootMs)}: ${thousands(bytes)} bytes of memory, ${imports} imports`,
    );
    session.line();
    const texts = { ifconfig: ifconfig(stack), route: route(stack) };
    session.command("ifconfig", texts.ifconfig);
    session.command("route", texts.route);
    const lo = stack.interface("lo");
    demand(lo.isUp && lo.addresses[0]?.address === "127.0.0.1", "lo is not up with 127.0.0.1");
    demand(imports === 0, `the module has ${imports} imports`);
    return { bootMs, bytes, imports, ...texts };
  },
};

const COUNT = 3;

export const pings: Step = {
  name: "ping",
  title: "Every address of 127/8 is this host",
  async run(session) {
    const facts: Facts = {};
    for (const target of ["127.0.0.1", "127.9.9.9"]) {
      const summary = await session.ping(session.named(NAME), target, { count: COUNT, intervalUs: 20_000 });
      demandAnswered(target, summary, COUNT);
      facts[target] = summary;
    }
    return facts;
  },
};

/** None, one, ordinary ones, and the most that IPv4 has room for. */
const SIZES = [0, 1, 512, 1472, 65507];
const UNREAD = 20;

export const udp: Step = {
  name: "udp",
  title: "UDP to itself and back",
  async run(session) {
    const stack = session.named(NAME);
    const server = await stack.udp.bind({ address: "127.0.0.1", port: 7000 });
    server.onmessage = (data, { address, port }) => server.trySend(data, { address, port });
    const client = await stack.udp.connect({ address: "127.0.0.1", port: 7000 });
    const { port } = client.address;
    session.line(`127.0.0.1:${port} <-> 127.0.0.1:7000, each datagram echoed:`);
    const trips = [];
    for (const size of SIZES) trips.push(await roundTrip(stack, client, size));
    for (const { size, timeUs } of trips) session.line(`${thousands(size).padStart(8)} bytes and back: ${timeUs} µs`);
    server.onmessage = undefined;
    const held = await heldWhileUnread(stack, client);
    server.close();
    client.close();
    const heldAfter = buffersInUse(stack.memory().small);
    session.line(`with ${UNREAD} datagrams unread ${held} buffers are in use; with the sockets closed ${heldAfter}`);
    session.line();
    demand(held === UNREAD && heldAfter === 0, `${held} buffers held for ${UNREAD} datagrams, then ${heldAfter}`);
    return { port, trips, unread: UNREAD, buffersHeld: held, buffersHeldAfter: heldAfter };
  },
};

async function roundTrip(stack: Stack, client: UdpSocket, size: number): Promise<{ size: number; timeUs: number }> {
  const sent = new Uint8Array(size).map((_, i) => i * 7 + size);
  const startUs = stack.clock.now();
  await client.send(sent);
  const { data } = await client.receive({ signal: AbortSignal.timeout(1000) });
  const timeUs = stack.clock.now() - startUs;
  const isSame = data.length === size && data.every((byte, i) => byte === sent[i]);
  demand(isSame, `a datagram of ${size} bytes came back with ${data.length}, or changed`);
  return { size, timeUs };
}

/** Buffers in use while datagrams wait that nobody reads. */
async function heldWhileUnread(stack: Stack, client: UdpSocket): Promise<number> {
  for (let i = 0; i < UNREAD; i++) await client.send(`datagram ${i}`);
  await stack.clock.sleep(1000);
  return buffersInUse(stack.memory().small);
}
