/**
 * A small network for a long time: it loses, doubles, reorders and corrupts frames, its links come and go; hosts ping,
 * talk, connect, trace and leave groups. An hour of virtual time, or as many minutes as RINGSTACK_SOAK_MINUTES says. In the end all
 * is as in the beginning: no promise waits, no buffer is held, no timer runs. RINGSTACK_SOAK_SEED makes it another hour.
 */
import { expect, test } from "vitest";
import { type Clock, Prng, type Stack, VirtualClock } from "../../src/index.js";
import { Lab } from "../../src/lab/index.js";
import { traceroute } from "../../src/tools/traceroute.js";
import { checkBooks, checkEvents, checkPools, module, openSockets, track } from "./harness.js";
import { checksum } from "./wire.js";

const SEED = Number(process.env.RINGSTACK_SOAK_SEED ?? 7);
const MINUTES = Number(process.env.RINGSTACK_SOAK_MINUTES ?? 60);
const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const GROUP = "239.1.2.3";
const H1 = "192.168.1.2";
const H2 = "172.16.0.2";
const PORT = 7;
/** Lengths about the MTUs of 600 and 1,500, and far beyond. */
const LENGTHS = [4, 56, 572, 573, 580, 1400, 1472, 1473, 3000, 8000];

/** h1's first hop is r1, which knows that r2 is nearer to h2, behind a line that takes 600 bytes. */
const NETWORK = {
  seed: SEED,
  links: {
    lan: { delay: "200us", jitter: "300us", loss: 0.02, duplicate: 0.02, reorder: 0.03, corrupt: 0.02 },
    line: { type: "ip", mtu: 600, delay: "2ms", rate: "4Mbit", loss: 0.02, duplicate: 0.02, corrupt: 0.02 },
  },
  hosts: {
    h1: { interfaces: { eth0: { link: "lan", address: `${H1}/24` } }, routes: ["default via 192.168.1.1"] },
    h2: { interfaces: { ppp0: { link: "line", address: `${H2}/30` } }, routes: ["default via 172.16.0.1"] },
  },
  routers: {
    r1: {
      interfaces: { eth0: { link: "lan", address: "192.168.1.1/24" } },
      routes: ["172.16.0.0/30 via 192.168.1.254"],
    },
    r2: {
      interfaces: {
        eth0: { link: "lan", address: "192.168.1.254/24" },
        ppp0: { link: "line", address: "172.16.0.1/30" },
      },
    },
  },
};

/** What such a network does to a datagram, and its sender is told of; not a fault of the stack's. */
const EXPECTED = new Set([
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ECONNREFUSED",
  "EMSGSIZE",
  "ENOBUFS",
  "EAGAIN",
  "EPROTO",
  "ECONNRESET",
  "EPIPE",
]);

/** What has become of it all. */
class Tally {
  readonly counts = new Map<string, number>();

  add(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** True if it went well. */
  async try(what: string, act: () => unknown): Promise<boolean> {
    try {
      await act();
      this.add(what);
      return true;
    } catch (error) {
      const { code = "" } = error as { code?: string };
      if (!EXPECTED.has(code)) throw error;
      this.add(`${what} ${code}`);
      return false;
    }
  }
}

interface World {
  readonly lab: Lab;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly tally: Tally;
  readonly endUs: number;
}

/** Does it again and again, with breaks of up to so long, until the time is up. */
async function again(world: World, breakUs: number, act: () => Promise<unknown>): Promise<void> {
  while (world.clock.now() < world.endUs) {
    await world.clock.sleep(1 + world.prng.below(breakUs));
    await act();
  }
}

const pick = <T>(prng: Prng, from: readonly T[]): T => from[prng.below(from.length)] as T;

/** Bytes of which every one follows from their number and length. */
function payload(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, number);
  for (let i = 4; i < length; i++) bytes[i] = (number * 31 + length + i * 7) & 255;
  return bytes;
}

/** What arrives is what was sent; or flips in several of its fragments cancel each other out, which a sum cannot see. */
function requireWhole(bytes: Uint8Array, tally: Tally): void {
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (differingBits(payload(number, bytes.length), bytes) === 0) return;
  const sum = checksum(bytes);
  const numbers = [number, ...Array.from({ length: 32 }, (_, bit) => (number ^ (1 << bit)) >>> 0)];
  const flips = numbers.map((n) => {
    const sent = payload(n, bytes.length);
    return checksum(sent) === sum ? differingBits(sent, bytes) : Infinity;
  });
  if (Math.min(...flips) > 8) throw new Error("a broken datagram arrived");
  tally.add("flips that cancel out");
}

function differingBits(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) {
    for (let bits = (a[i] as number) ^ (b[i] as number); bits !== 0; bits &= bits - 1) count++;
  }
  return count;
}

function pings({ lab, prng, tally }: World, from: string, to: readonly string[]): () => Promise<unknown> {
  return () => {
    const options = { size: pick(prng, LENGTHS), timeoutUs: 2 * SECOND };
    return tally.try("ping", () => lab.host(from).ping(pick(prng, to), options));
  };
}

/** Sends to the echo service of the other, and hears what comes back. */
async function talks(world: World, from: string, to: string, pathMtuDiscovery: "want" | "dont" | "do"): Promise<void> {
  const { lab, prng, tally } = world;
  const socket = await lab.host(from).udp.bind({ queue: 32 });
  socket.setPathMtuDiscovery(pathMtuDiscovery);
  socket.onerror = () => tally.add("error told");
  socket.onmessage = (bytes) => {
    requireWhole(bytes, tally);
    tally.add(`echo ${bytes.length > 572 ? "long" : "short"}`);
  };
  let number = 0;
  await again(world, 3 * SECOND, () =>
    tally.try("sent", () => socket.send(payload(number++, pick(prng, LENGTHS)), { address: to, port: PORT })),
  );
  socket.close();
}

async function serves({ lab, tally }: World, name: string): Promise<() => void> {
  const socket = await lab.host(name).udp.bind({ port: PORT, queue: 32 });
  socket.onerror = () => tally.add("error told");
  socket.onmessage = (bytes, { address, port }) => {
    requireWhole(bytes, tally);
    void tally.try("answered", () => socket.trySend(bytes, { address, port }));
  };
  return () => socket.close();
}

/** Who waits for a peer that is gone learns of it. */
const STREAM = { userTimeoutMs: 30_000, keepAlive: { idleMs: 10_000, intervalMs: 2000, count: 5 } };

/** Echoes what comes by TCP, to the end of each connection. */
async function servesStreams({ lab, tally }: World, name: string): Promise<() => void> {
  const server = await lab.host(name).tcp.listen({ port: PORT, backlog: 4, ...STREAM });
  server.onconnection = (socket) => {
    void tally.try("stream served", async () => {
      try {
        for await (const bytes of socket) await socket.write(bytes);
        socket.close();
      } catch (error) {
        socket.abort();
        throw error;
      }
    });
  };
  return () => server.close();
}

/** Connects, says something, hears it again, and ends it, one way or the other. */
async function streams({ lab, prng, tally }: World, from: string, to: string): Promise<void> {
  const length = pick(prng, [1, 100, 2000, 20_000, 60_000]);
  const way = prng.below(10);
  await tally.try(way === 0 ? "stream aborted" : `stream ${length > 2000 ? "long" : "short"}`, async () => {
    const options = { ...STREAM, noDelay: prng.chance(0.5) };
    const socket = await lab.host(from).tcp.connect({ address: to, port: PORT, ...options });
    try {
      const sent = payload(length, length + 4);
      const heard = way === 0 ? Promise.resolve(sent) : whole(socket);
      const said = socket.write(sent).then(() => (way === 0 ? socket.abort() : socket.end()));
      const [bytes] = await Promise.all([heard, said]);
      requireSame(bytes, sent, tally);
    } catch (error) {
      socket.abort();
      throw error;
    }
  });
}

/** What has come is what was sent, but for flips on both links that cancel each other out, which a sum cannot see: a bit or
 * two now and then (the other may have been one of a header). */
function requireSame(bytes: Uint8Array, sent: Uint8Array, tally: Tally): void {
  const flips = bytes.length === sent.length ? differingBits(bytes, sent) : Infinity;
  if (flips === 0) return;
  if (flips > 4) throw new Error("a broken stream arrived");
  tally.add("flips that cancel out");
}

async function whole(from: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of from) parts.push(part);
  return Buffer.concat(parts);
}

/** Comes to the group and leaves it, and says something there now and then. */
async function gathers(world: World, name: string): Promise<void> {
  const { lab, prng, tally } = world;
  await again(world, 20 * SECOND, async () => {
    const socket = await lab.host(name).udp.bind({ port: 5000, broadcast: true });
    socket.onmessage = () => tally.add("heard in the group");
    socket.addMembership(GROUP);
    for (let times = prng.below(10); times > 0; times--) {
      const address = pick(prng, [GROUP, "192.168.1.255", "255.255.255.255"]);
      await tally.try("said", () => socket.send(payload(times, 4 + prng.below(2000)), { address, port: 5000 }));
      await world.clock.sleep(1 + prng.below(5 * SECOND));
    }
    socket.close();
  });
}

async function traces({ lab, prng, tally }: World): Promise<void> {
  const options = { maxHops: 5, waitUs: SECOND, icmp: prng.chance(0.5), length: pick(prng, [60, 1200]) };
  const [from, to] = prng.chance(0.5) ? (["h1", H2] as const) : (["h2", H1] as const);
  await tally.try("traced", () => traceroute(lab.host(from), to, () => {}, options));
}

/** A cable is pulled, and put back. */
async function flaps({ lab, clock, prng, tally }: World): Promise<void> {
  const link = lab.link(pick(prng, ["lan", "line"]));
  link.down();
  await clock.sleep(1 + prng.below(pick(prng, [SECOND, 15 * SECOND])));
  link.up();
  tally.add("flap");
}

/** Nothing is held, nobody waits, no time is set. */
function requireRest(stack: Stack, bytes: number): void {
  checkBooks(stack);
  checkEvents(stack);
  checkPools(stack);
  expect(openSockets(stack), `${stack.name}: sockets`).toEqual([]);
  expect([...stack.neighbours], `${stack.name}: neighbours`).toEqual([]);
  expect(stack.routes.destinations(), `${stack.name}: destinations`).toEqual([]);
  expect(stack.pollAt(), `${stack.name}: its next timer`).toBe(Infinity);
  expect(stack.core.exports.memory.buffer.byteLength, `${stack.name}: memory`).toBe(bytes);
}

test(`${MINUTES} minutes of loss, doubles, corruption and pulled cables leave nothing behind`, async () => {
  const clock = new VirtualClock();
  const lab = await Lab.create(NETWORK, { clock, module });
  const stacks = [...lab.hosts.values()].map((stack) => track(stack));
  const memory = stacks.map((stack) => stack.core.exports.memory.buffer.byteLength);
  for (const stack of stacks) {
    // What is learned ages several times within the run.
    stack.switches.set("REDIRECT_MS", 40_000);
    stack.switches.set("IP_PMTU_MS", 60_000);
    stack.switches.set("NEIGH_REACHABLE_MS", 10_000);
    stack.switches.set("IP_REASSEMBLY_MS", 20_000);
  }
  const world: World = { lab, clock, prng: new Prng(SEED), tally: new Tally(), endUs: MINUTES * MINUTE };
  const closers = [await serves(world, "h1"), await serves(world, "h2")];
  closers.push(await servesStreams(world, "h1"), await servesStreams(world, "h2"));
  const everyone = [H1, H2, "192.168.1.1", "192.168.1.254", "172.16.0.1", "192.168.1.77", "10.9.9.9"];
  let settled = false;
  const programs = Promise.all([
    again(world, 2 * SECOND, pings(world, "h1", everyone)),
    again(world, 2 * SECOND, pings(world, "h2", everyone)),
    again(world, 9 * SECOND, pings(world, "r1", everyone)),
    talks(world, "h1", H2, "want"),
    talks(world, "h1", H2, "do"),
    talks(world, "h2", H1, "dont"),
    ...["h1", "h1", "h2", "r1"].map((from) =>
      again(world, 10 * SECOND, () => streams(world, from, from === "h2" ? H1 : H2)),
    ),
    gathers(world, "h1"),
    gathers(world, "r1"),
    gathers(world, "r2"),
    again(world, 40 * SECOND, () => traces(world)),
    again(world, 100 * SECOND, () => flaps(world)),
  ]).then(() => {
    settled = true;
    return new Promise<never>(() => {});
  });
  // A program that fails is reported at once.
  await Promise.race([programs, clock.advance(world.endUs + 3 * MINUTE)]);
  expect(settled, "a program still waits").toBe(true);
  for (const close of closers) close();

  // In peace the network is whole, at once and again.
  for (const link of lab.links.values()) link.configure({ loss: 0, duplicate: 0, reorder: 0, corrupt: 0 });
  await clock.advance(MINUTE);
  for (const size of [56, 8000]) {
    const reply = lab.host("h1").ping(H2, { size });
    await clock.advance(10 * SECOND);
    expect((await reply).bytes).toBe(size + 8);
  }
  await clock.advance(10 * MINUTE);
  for (const [i, stack] of stacks.entries()) requireRest(stack, memory[i] as number);

  reached(stacks, world.tally);
  lab.close();
});

/** Not only did nothing go wrong: much went right, and much was done about what did not. */
function reached(stacks: readonly Stack[], { counts }: Tally): void {
  for (const what of [
    "stream short",
    "stream long",
    "stream aborted",
    "stream served",
    "ping",
    "echo short",
    "echo long",
    "heard in the group",
    "traced",
    "flap",
    "error told",
  ]) {
    expect(counts.get(what) ?? 0, what).toBeGreaterThan(what === "flap" || what === "traced" ? 5 : 20);
  }
  expect(counts.get("flips that cancel out") ?? 0).toBeLessThan(20);
  const statistics = stacks.map((stack) => stack.statistics());
  for (const name of [
    "IP_FORW_DATAGRAMS",
    "IP_FRAG_OKS",
    "IP_REASM_OKS",
    "IP_REASM_TIMEOUTS",
    "IP_PMTU_LEARNED",
    "ICMP_OUT_REDIRECTS",
    "ICMP_REDIRECTS_ACCEPTED",
    "ICMP_OUT_TIME_EXCDS",
    "ICMP_IN_ERRORS_MATCHED",
    "IGMP_OUT_REPORTS",
    "NEIGH_FAILED",
    "NEIGH_RESOLVED",
    "TCP_SACK_RECOVERIES",
    "TCP_TIMEOUTS",
    "TCP_DELAYED_ACKS",
    "TCP_ESTAB_RESETS",
    "TCP_TIME_WAITS",
  ] as const) {
    expect(
      statistics.reduce((sum, { counters }) => sum + counters[name], 0),
      name,
    ).toBeGreaterThan(1);
  }
  for (const name of ["IP_CHECKSUM", "UDP_CHECKSUM", "ICMP_CHECKSUM", "FRAG_DUPLICATE", "FRAG_TIMEOUT"] as const) {
    expect(
      statistics.reduce((sum, { drops }) => sum + drops[name], 0),
      name,
    ).toBeGreaterThan(0);
  }
}
