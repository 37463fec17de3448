/**
 * A lab: the stacks, links and bridges of a topology on one clock. The same topology, seed and inputs give the same
 * frames to the byte under a virtual clock, under which nothing asks the machine for its time or for chance.
 */
import { type Clock, VirtualClock } from "../clock.js";
import type { RouteSpec } from "../control/routes.js";
import type { FrameInfo } from "../drivers/sim-link.js";
import { SimLink } from "../drivers/sim-link.js";
import { rangeError, refuseUnknown, StackError } from "../errors.js";
import { Prng } from "../prng.js";
import { Stack } from "../stack.js";
import { runSysctl } from "../tools/sysctl.js";
import type { BootOptions } from "../wasm/core.js";
import { compile, type ModuleSource } from "../wasm/module.js";
import { Bridge } from "./bridge.js";
import { nearest } from "./nearest.js";
import { readTopology } from "./read-topology.js";
import { type HostSpec, type InterfaceSpec, type SwitchSpec, type Topology, TopologyError } from "./topology.js";
import type { RouteLine } from "./topology-route.js";

export interface LabOptions {
  /** Runs everything; a VirtualClock of the lab's own unless given. */
  readonly clock?: Clock;
  /** In place of the topology's. */
  readonly seed?: number | string;
  /** The module to run: the release build carried in this package unless given. */
  readonly module?: ModuleSource;
  /** Shown every frame on every link, from the first; as SimLink.onFrame. */
  readonly onFrame?: (link: string, frame: Uint8Array, info: FrameInfo) => void;
}

const OPTIONS: ReadonlySet<string> = new Set(["clock", "seed", "module", "onFrame"]);
/**
 * What a lab's host boots with, unless its topology says more: enough for every command, small enough for a thousand
 * hosts. Untouched memory costs nothing.
 */
const HOST: BootOptions = {
  largeBuffers: 8,
  ringSlots: 64,
  neighbours: 64,
  routes6: 0,
  fibDirectBits: 0,
  sockets: 64,
  socketErrors: 64,
  memberships: 16,
  reassemblies: 16,
  tcpBlocks: 32,
  timeWaits: 64,
  rings2K: 16,
  rings16K: 16,
  rings64K: 8,
  rings1M: 0,
};
/**
 * Buffers of 2 KiB: the longest datagram is 45 fragments on Ethernet, and a sixteenth of all may wait for a neighbour, an
 * eighth for reassembly.
 */
const LEAST_BUFFERS = 768;
/** Buffers that an interface needs, and room beside its routes and addresses for what commands add. */
const BUFFERS_PER_INTERFACE = 64;
const SPARE = 32;
/** Frames of one end on their way at a time: bounds what a loop of bridges can hold. */
const FLIGHT_LIMIT = 4096;

export class Lab {
  readonly topology: Topology;
  readonly clock: Clock;
  readonly seed: number | string;
  readonly #hosts = new Map<string, Stack>();
  readonly #links = new Map<string, SimLink>();
  readonly #bridges = new Map<string, Bridge>();
  /** Of the links, by name. */
  readonly #mtus = new Map<string, number>();
  #closed = false;

  private constructor(topology: Topology, clock: Clock, seed: number | string) {
    this.topology = topology;
    this.clock = clock;
    this.seed = seed;
  }

  /**
   * Builds a lab. No time passes: under a virtual clock nothing is sent before that is run.
   * @param source  a topology's file as text or parsed, or what readTopology() made of it
   * @throws (by rejection) TopologyError naming each part that is wrong; TypeError for an option; what compiling the module throws. Then nothing
   *   is left on the clock.
   */
  static async create(source: string | object, options: LabOptions = {}): Promise<Lab> {
    refuseUnknown(options, OPTIONS);
    const topology = readTopology(source);
    const lab = new Lab(topology, options.clock ?? new VirtualClock(), options.seed ?? topology.seed);
    try {
      lab.#makeLinks(options.onFrame);
      const module = await compile(options.module);
      for (const spec of topology.hosts) await lab.#makeHost(spec, module);
      for (const spec of topology.switches) lab.#makeBridge(spec);
    } catch (error) {
      lab.close();
      throw error;
    }
    return lab;
  }

  /** Hosts and routers by name, in the topology's order. */
  get hosts(): ReadonlyMap<string, Stack> {
    return this.#hosts;
  }

  /** Links by name; the cable of an interface on a switch is named "HOST-INTERFACE". */
  get links(): ReadonlyMap<string, SimLink> {
    return this.#links;
  }

  /** Switches by name. */
  get bridges(): ReadonlyMap<string, Bridge> {
    return this.#bridges;
  }

  /** The host of this name. @throws RangeError */
  host(name: string): Stack {
    return found(this.#hosts, name, "host");
  }

  /** The link of this name. @throws RangeError */
  link(name: string): SimLink {
    return found(this.#links, name, "link");
  }

  /** The first address of the host of this name, as it is now; undefined for no host, or one without an address. */
  resolve(name: string): string | undefined {
    const stack = this.#hosts.get(name);
    for (const nif of stack?.interfaces.slice(1) ?? []) {
      const [first] = nif.addresses;
      if (first !== undefined) return first.address;
    }
    return undefined;
  }

  /** Ends every stack, link and bridge, and takes them off the clock. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stack of this.#hosts.values()) stack.close();
    for (const bridge of this.#bridges.values()) bridge.close();
    for (const link of this.#links.values()) link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #makeLinks(onFrame: LabOptions["onFrame"]): void {
    const ends = new Map<string, number>();
    const joined = this.topology.hosts.flatMap((host) => host.interfaces.map((nif) => nif.link));
    for (const name of [...joined, ...this.topology.switches.flatMap(({ ports }) => ports)]) {
      ends.set(name, (ends.get(name) ?? 0) + 1);
    }
    for (const { name, medium, mtu, conditions } of this.topology.links) {
      const link = new SimLink({
        ...conditions,
        clock: this.clock,
        medium,
        seed: `${this.seed} link ${name}`,
        ends: Math.max(2, ends.get(name) ?? 0),
        flightLimit: FLIGHT_LIMIT,
        ...(onFrame === undefined ? {} : { onFrame: (frame, info) => onFrame(name, frame, info) }),
      });
      this.#links.set(name, link);
      this.#mtus.set(name, mtu);
    }
  }

  async #makeHost(spec: HostSpec, module: WebAssembly.Module): Promise<void> {
    const { name, path } = spec;
    const prng = new Prng(`${this.seed} host ${name}`);
    const seed = Array.from({ length: 4 }, () => prng.uint32());
    const options = { dayMs: dayMs(this.clock), ...bootOptions(spec), name, seed, clock: this.clock, module };
    const stack = await located(path, () => Stack.create(options));
    this.#hosts.set(name, stack);
    for (const nif of spec.interfaces) await located(nif.path, () => this.#addInterface(stack, nif));
    if (spec.isRouter) stack.switches.set("IP_FORWARD", 1);
    for (const [key, value] of spec.sysctl) setSwitch(stack, key, value, `${path}.sysctl`);
    for (const route of spec.routes) await located(route.path, () => stack.routes.add(routeSpec(route)));
  }

  #addInterface(stack: Stack, spec: InterfaceSpec): void {
    const { name, mac, addresses, peer, up } = spec;
    const nic = this.link(spec.link).nic({
      mtu: this.#mtus.get(spec.link) as number,
      ...(mac === undefined ? {} : { mac }),
    });
    const nif = stack.addInterface(nic, { name, up });
    if (spec.mtu !== undefined) nif.mtu = spec.mtu;
    for (const address of addresses) nif.addAddress(address, peer === undefined ? {} : { peer });
  }

  #makeBridge({ name, ports, ageingUs, stations }: SwitchSpec): void {
    const bridge = new Bridge({
      clock: this.clock,
      ...(ageingUs === undefined ? {} : { ageingUs }),
      ...(stations === undefined ? {} : { stations }),
    });
    this.#bridges.set(name, bridge);
    for (const port of ports) bridge.join(this.link(port).nic({ mtu: this.#mtus.get(port) as number }));
  }
}

/** Milliseconds of the UT day at the clock's time 0: a lab in virtual time begins at midnight. */
function dayMs(clock: Clock): number {
  if (clock instanceof VirtualClock) return 0;
  const day = 86_400_000;
  return (((Date.now() - Math.floor(clock.now() / 1000)) % day) + day) % day;
}

function bootOptions({ interfaces, routes, isRouter, boot }: HostSpec): BootOptions {
  const count = interfaces.length + 1;
  const addresses = interfaces.reduce((sum, nif) => sum + nif.addresses.length, 1);
  const capacities = {
    interfaces: count,
    addresses: addresses + SPARE,
    // Each address brings its own route and its network's.
    routes4: 2 * addresses + routes.length + SPARE,
    nextHops: count + addresses + routes.length + SPARE,
    smallBuffers: Math.max(LEAST_BUFFERS, count * BUFFERS_PER_INTERFACE),
    destinations: isRouter ? 256 : 32,
  };
  // A profile named there stands for all its capacities.
  return boot.profile === undefined ? { ...HOST, ...capacities, ...boot } : boot;
}

function routeSpec({ destination, gateway, interface: dev, metric, source, type }: RouteLine): RouteSpec {
  return {
    destination,
    ...(gateway === undefined ? {} : { gateway }),
    ...(dev === undefined ? {} : { dev }),
    ...(metric === undefined ? {} : { metric }),
    ...(source === undefined ? {} : { source }),
    type,
  };
}

/** Sets a switch by its Linux name. @throws TopologyError with sysctl's own words */
function setSwitch(stack: Stack, key: string, value: string, path: string): void {
  const { err } = runSysctl(stack, ["-w", `${key}=${value}`]);
  if (err.length > 0) throw new TopologyError(err.map((line) => `${path}: ${line}`));
}

/** What a stack refuses becomes a fault of the topology's part. */
async function located<T>(path: string, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof StackError || error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new TopologyError([`${path}: ${error.message}`]);
  }
}

function found<T>(things: ReadonlyMap<string, T>, name: string, what: string): T {
  const thing = things.get(name);
  if (thing !== undefined) return thing;
  const guess = nearest(name, things.keys());
  throw rangeError(
    `there is no ${what} ${JSON.stringify(name)}${guess === undefined ? "" : `; did you mean ${guess}?`}`,
  );
}
