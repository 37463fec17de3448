// Many stacks in one process on one virtual clock: 250 routers in a line, which a TTL of 255 just crosses, and a thousand
// hosts in a tree: 50 networks of 20 behind a switch each, five routers with ten of them, and one router above these.
//
// A crossing is a frame over a link and what is at its end: a switch that passes it on, a router's whole poll, a host's
// echo. Only echo requests and replies count, and each must come back with the TTL that its way leaves.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type EchoSocket, VirtualClock } from "../src/index.js";
import { Lab } from "../src/lab/index.js";
import { readEcho } from "../src/sockets/echo.js";
import { type Contender, ROOT, type Row } from "./harness.js";

const ROUTERS = 250;
const DEPARTMENTS = 5;
const NETWORKS = 10;
const STATIONS = 20;
const HOSTS = DEPARTMENTS * NETWORKS * STATIONS;
const ROUND_MS = 200;
const DATA = new Uint8Array(56);

/** Host a, routers r1 to r250, host b; link n joins the nth to the next, its left end .1 and its right end .2. */
function line(): object {
  const links: Record<string, object> = {};
  const routers: Record<string, object> = {};
  const nif = (link: number, end: number) => ({ link: `l${link}`, address: `10.1.${link}.${end}/24` });
  for (let n = 0; n <= ROUTERS; n++) links[`l${n}`] = { delay: "100us" };
  for (let n = 1; n <= ROUTERS; n++) {
    const routes = [];
    if (n > 1) routes.push(`10.1.0.0/24 via 10.1.${n - 1}.1`);
    if (n < ROUTERS) routes.push(`default via 10.1.${n}.2`);
    routers[`r${n}`] = { interfaces: { eth0: nif(n - 1, 2), eth1: nif(n, 1) }, routes };
  }
  const sysctl = { "net.ipv4.ip_default_ttl": 255 };
  const hosts = {
    a: { interfaces: { eth0: nif(0, 1) }, routes: ["default via 10.1.0.2"], sysctl },
    b: { interfaces: { eth0: nif(ROUTERS, 2) }, routes: [`default via 10.1.${ROUTERS}.1`], sysctl },
  };
  return { links, routers, hosts };
}

function network(n: number): string {
  return `10.${1 + Math.floor(n / NETWORKS)}.${n % NETWORKS}`;
}

/** Host n.i is station i of network n, 10.department.network.(2 + i). */
function tree(): object {
  const links: Record<string, object> = {};
  const switches: Record<string, object> = {};
  const routers: Record<string, object> = {};
  const hosts: Record<string, object> = {};
  // More than a lab's host: neighbours for ten networks, and slots for what comes at one instant.
  const boot = { neighbours: 512, smallBuffers: 4096 };
  const top: { interfaces: Record<string, object>; routes: string[]; boot: object } = {
    interfaces: {},
    routes: [],
    boot,
  };
  for (let d = 0; d < DEPARTMENTS; d++) {
    const own: Record<string, object> = { up: { link: `up${d}`, address: `10.0.${d}.2/24` } };
    links[`up${d}`] = { delay: "100us" };
    top.interfaces[`eth${d}`] = { link: `up${d}`, address: `10.0.${d}.1/24` };
    top.routes.push(`10.${1 + d}.0.0/16 via 10.0.${d}.2`);
    for (let i = 0; i < NETWORKS; i++) {
      const n = d * NETWORKS + i;
      switches[`sw${n}`] = { cables: { delay: "10us" } };
      own[`eth${i}`] = { link: `sw${n}`, address: `${network(n)}.1/24` };
      for (let station = 0; station < STATIONS; station++) {
        const eth0 = { link: `sw${n}`, address: `${network(n)}.${2 + station}/24` };
        hosts[`h${n}.${station}`] = { interfaces: { eth0 }, routes: [`default via ${network(n)}.1`] };
      }
    }
    routers[`d${d}`] = { interfaces: own, routes: [`default via 10.0.${d}.1`], boot };
  }
  return { links, switches, routers: { ...routers, top }, hosts };
}

/** A lab with what pings in it. */
class World {
  readonly clock: VirtualClock;
  readonly lab: Lab;
  #replies = 0;
  #asked = 0;

  private constructor(lab: Lab, clock: VirtualClock) {
    this.lab = lab;
    this.clock = clock;
  }

  static async build(topology: object, module: WebAssembly.Module): Promise<World> {
    const clock = new VirtualClock();
    return new World(await Lab.create(topology, { clock, module }), clock);
  }

  /** An echo socket of the host whose replies are counted, which must have this TTL left. */
  pinger(host: string, ttl: number): EchoSocket {
    const socket = this.lab.host(host).openEcho();
    socket.onmessage = (message, info) => {
      const { data } = readEcho(message);
      if (info.ttl !== ttl || data.length !== DATA.length) throw new Error(`bench: a reply with TTL ${info.ttl}`);
      this.#replies++;
    };
    return socket;
  }

  ask(socket: EchoSocket, address: string): void {
    this.#asked = (this.#asked + 1) & 0xffff;
    if (!socket.request(address, this.#asked, DATA)) throw new Error("bench: no room to send");
  }

  /** Answers how many replies there were since it was last asked. */
  replies(): number {
    const seen = this.#replies;
    this.#replies = 0;
    return seen;
  }

  /** Throws unless every stack's buffers are free or posted for frames. */
  requireRest(): void {
    for (const [name, stack] of this.lab.hosts) {
      const { total, free, held } = stack.memory().small;
      if (free + held.rx !== total) throw new Error(`bench: ${name} holds buffers: ${JSON.stringify(held)}`);
    }
  }
}

/** Crossings of `round`, which does a number of pings each of so many, for ROUND_MS; millions a second. */
function crossings(world: World, pings: number, each: number, round: () => void): number {
  let n = 0;
  let ms = 0;
  while (ms < ROUND_MS) {
    const start = performance.now();
    round();
    ms += performance.now() - start;
    const replies = world.replies();
    if (replies !== pings) throw new Error(`bench: ${replies} of ${pings} pings were answered`);
    n += pings * each;
  }
  world.requireRest();
  return n / ms / 1000;
}

/** From one end of the line to the other and back, so many pings at a time. */
function lineCrossings(world: World): (atOnce: number) => number {
  const socket = world.pinger("a", 255 - ROUTERS);
  const round = (atOnce: number) => {
    for (let i = 0; i < atOnce; i++) world.ask(socket, `10.1.${ROUTERS}.2`);
    world.clock.advanceSync(2 * (ROUTERS + 1) * 100 + 1000);
  };
  // Neighbours are found.
  round(1);
  world.clock.advanceSync(1_000_000);
  world.replies();
  return (atOnce) => crossings(world, atOnce, 2 * (ROUTERS + 1), () => round(atOnce));
}

/** Each host pings one of the next department, one of each network at a time: six links, three routers, and back. */
function treeRound(world: World): () => void {
  const sockets: [EchoSocket, string][][] = Array.from({ length: STATIONS }, (_, station) =>
    Array.from({ length: DEPARTMENTS * NETWORKS }, (_, n) => [
      world.pinger(`h${n}.${station}`, 64 - 3),
      `${network((n + NETWORKS) % (DEPARTMENTS * NETWORKS))}.${2 + station}`,
    ]),
  );
  const round = () => {
    for (const column of sockets) {
      for (const [socket, address] of column) world.ask(socket, address);
      world.clock.advanceSync(20);
    }
    world.clock.advanceSync(2000);
  };
  // Neighbours are found, for which only so many datagrams may wait.
  round();
  world.replies();
  return round;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What was there before is gone, as far as the engine lets go of it. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Milliseconds from a topology to the lab that has booted. */
function boots(name: string, topology: object, module: WebAssembly.Module): Contender {
  const measure = async () => {
    await settle();
    const start = performance.now();
    const { lab } = await World.build(topology, module);
    const ms = performance.now() - start;
    lab.close();
    return ms;
  };
  return { name, measure };
}

/** KiB by which the process has grown for each host of the tree once each has pinged another. */
function memory(topology: object, module: WebAssembly.Module): Contender {
  const measure = async () => {
    await settle();
    const before = process.memoryUsage().rss;
    const world = await World.build(topology, module);
    treeRound(world)();
    const replies = world.replies();
    if (replies !== HOSTS) throw new Error(`bench: ${replies} of ${HOSTS} pings were answered`);
    await settle();
    const kib = (process.memoryUsage().rss - before) / 1024 / world.lab.hosts.size;
    world.lab.close();
    return kib;
  };
  return { name: "resident", measure };
}

export default async function lab(): Promise<Row[]> {
  const module = new WebAssembly.Module(readFileSync(join(ROOT, "build/release.wasm")));
  const row = (name: string, unit: string, better: "more" | "less", ours: Contender): Row => ({
    name: `lab, ${name}`,
    unit,
    better,
    ours,
    peers: [],
  });
  const first = memory(tree(), module);
  const chain = lineCrossings(await World.build(line(), module));
  let campus: Promise<() => number> | undefined;
  const treeCrossings = async () => {
    const world = await World.build(tree(), module);
    const round = treeRound(world);
    return () => crossings(world, HOSTS, 12, round);
  };
  return [
    row("1,000 hosts in a tree, memory of each", "KiB", "less", first),
    row("1,000 hosts in a tree, boot", "ms", "less", boots("ringstack", tree(), module)),
    row("250 routers in a line, boot", "ms", "less", boots("ringstack", line(), module)),
    row("line, one ping at a time", "M hops/s", "more", { name: "ringstack", measure: () => chain(1) }),
    row("line, 32 pings at a time", "M hops/s", "more", { name: "ringstack", measure: () => chain(32) }),
    row("tree, 50 pings at a time", "M hops/s", "more", {
      name: "ringstack",
      measure: async () => {
        campus ??= treeCrossings();
        return (await campus)();
      },
    }),
  ];
}
