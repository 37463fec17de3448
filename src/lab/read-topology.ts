/**
 * Reads a topology from its file (docs/LAB.md). Total: whatever the file holds, every fault is found and named by its
 * path, or what is returned can be built.
 */
import { ipv4Prefix, parseMac } from "../address.js";
import type { LinkConditions } from "../drivers/sim-conditions.js";
import { BOOT_OPTIONS, type BootOptions } from "../wasm/core.js";
import { CONDITIONS } from "./conditions.js";
import { crossCheck } from "./cross-check.js";
import { JsonReader } from "./json-reader.js";
import {
  type HostSpec,
  type InterfaceSpec,
  type LinkSpec,
  type SwitchSpec,
  type Topology,
  TopologyError,
} from "./topology.js";
import { readRoute } from "./topology-route.js";
import { DURATION_FORM, duration } from "./units.js";

/** The parts of each object of a file. The schema names the same. */
export const TOPOLOGY_PARTS = {
  topology: ["$schema", "name", "seed", "hosts", "routers", "links", "switches"],
  host: ["interfaces", "routes", "sysctl", "boot"],
  interface: ["link", "address", "peer", "mac", "mtu", "up"],
  link: [
    "type",
    "mtu",
    "delay",
    "jitter",
    "rate",
    "queue",
    "mark",
    "loss",
    "duplicate",
    "reorder",
    "reorderDelay",
    "corrupt",
  ],
  switch: ["ports", "ageing", "stations", "cables"],
  cables: [
    "mtu",
    "delay",
    "jitter",
    "rate",
    "queue",
    "mark",
    "loss",
    "duplicate",
    "reorder",
    "reorderDelay",
    "corrupt",
  ],
  boot: [...BOOT_OPTIONS].filter((name) => name !== "seed"),
} as const;

/** Words that mean something else at the start of a script's line. */
export const RESERVED_NAMES = ["link", "wait", "help", "hosts", "exit", "quit"];
const NAME = /^[A-Za-z][A-Za-z0-9._-]{0,62}$/;
const NAME_FORM = "a name begins with a letter and goes on with at most 62 letters, digits, dots, dashes";
const MIN_MTU = 68;
const MAX_MTU = 65535;
const DEFAULT_MTU = 1500;

/** What readTopology() has answered: to be read again as it is. */
const TOPOLOGIES = new WeakSet<object>();

/**
 * Reads a topology from the text of its file, or from the parsed value; one that was read already is answered as it is.
 * @throws TopologyError with every fault
 */
export function readTopology(source: string | object): Topology {
  if (typeof source === "object" && TOPOLOGIES.has(source)) return source as Topology;
  const root = new JsonReader(typeof source === "string" ? parsed(source) : source);
  const topology = topologyOf(root);
  if (root.faults.length === 0) crossCheck(topology, root);
  if (root.faults.length > 0) throw new TopologyError(root.faults);
  TOPOLOGIES.add(topology);
  return topology;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TopologyError([`not JSON: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function topologyOf(root: JsonReader): Topology {
  root.object(TOPOLOGY_PARTS.topology);
  const links = root.part("links").entries().map(linkOf);
  const cables: LinkSpec[] = [];
  const ports = new Map<string, { reader: JsonReader; ports: string[] }>();
  for (const [name, reader] of root.part("switches").entries()) ports.set(name, { reader, ports: [] });
  const plug = (switchName: string, cable: string) => {
    const found = ports.get(switchName);
    if (found === undefined) return false;
    found.ports.push(cable);
    cables.push(cableOf(cable, found.reader));
    return true;
  };
  const hosts = [
    ...root
      .part("hosts")
      .entries()
      .map(([name, reader]) => hostOf(name, reader, false, plug)),
    ...root
      .part("routers")
      .entries()
      .map(([name, reader]) => hostOf(name, reader, true, plug)),
  ];
  return {
    name: root.part("name").text() ?? "",
    seed: root.part("seed").read(seedOf, "a whole number or a text") ?? 0,
    hosts,
    links: [...links, ...cables],
    switches: Array.from(ports, ([name, at]) => switchOf(name, at.reader, at.ports)),
  };
}

/** Joins an interface to a switch by a cable of that name; false when there is no such switch. */
type Plug = (switchName: string, cable: string) => boolean;

function seedOf(value: unknown): number | string | undefined {
  return typeof value === "string" || Number.isSafeInteger(value) ? (value as number | string) : undefined;
}

function requireName(name: string, reader: JsonReader, reserved: readonly string[] = []): void {
  if (!NAME.test(name)) reader.fault(NAME_FORM);
  else if (reserved.includes(name)) reader.fault("a script's own word; choose another name");
}

function hostOf(name: string, reader: JsonReader, isRouter: boolean, plug: Plug): HostSpec {
  requireName(name, reader, RESERVED_NAMES);
  reader.object(TOPOLOGY_PARTS.host);
  const interfaces = reader.part("interfaces").entries();
  return {
    name,
    path: reader.path,
    isRouter,
    interfaces: interfaces.map(([nif, part]) => interfaceOf(nif, part, `${name}-${nif}`, plug)),
    routes: reader
      .part("routes")
      .list()
      .flatMap((part) => readRoute(part) ?? []),
    sysctl: reader
      .part("sysctl")
      .entries()
      .map(([key, part]) => [key, part.read(sysctlValue, "a number or a text") ?? ""]),
    boot: bootOf(reader.part("boot")),
  };
}

function sysctlValue(value: unknown): string | undefined {
  return typeof value === "string" || Number.isInteger(value) ? String(value) : undefined;
}

function bootOf(reader: JsonReader): BootOptions {
  if (!reader.isPresent || !reader.object(TOPOLOGY_PARTS.boot)) return {};
  const options: Record<string, unknown> = {};
  for (const [name, part] of reader.entries()) {
    if (name === "profile") options[name] = part.oneOf(["host", "tiny", "router"]);
    else options[name] = part.integer(0, 0xffffffff);
  }
  return options;
}

function interfaceOf(name: string, reader: JsonReader, cable: string, plug: Plug): InterfaceSpec {
  if (!/^[A-Za-z][\w.:-]{0,14}$/.test(name) || name === "lo") {
    reader.fault("an interface's name has 1 to 15 letters, digits and _.:- and is not lo");
  }
  reader.object(TOPOLOGY_PARTS.interface);
  const link = reader.part("link");
  if (!link.isPresent) link.fault("which link or switch is it on?");
  const to = link.text() ?? "";
  const peer = reader.part("peer").read(hostAddress, 'an address such as "10.0.0.2"');
  const mac = reader.part("mac").read(macOf, 'a station\'s address such as "00:0c:29:c2:8d:7e"');
  const mtu = reader.part("mtu").integer(MIN_MTU, MAX_MTU);
  const addresses = reader.part("address").listOrOne();
  return {
    name,
    path: reader.path,
    link: plug(to, cable) ? cable : to,
    addresses: addresses.flatMap((part) => part.read(prefixText, 'an address such as "192.168.1.2/24"') ?? []),
    ...(peer === undefined ? {} : { peer }),
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
    up: reader.part("up").flag() ?? true,
  };
}

function linkOf([name, reader]: [string, JsonReader]): LinkSpec {
  requireName(name, reader);
  reader.object(TOPOLOGY_PARTS.link);
  return {
    name,
    path: reader.path,
    medium: reader.part("type").oneOf(["ethernet", "ip"]) ?? "ethernet",
    mtu: reader.part("mtu").integer(MIN_MTU, MAX_MTU) ?? DEFAULT_MTU,
    conditions: conditionsOf(reader),
  };
}

function cableOf(name: string, reader: JsonReader): LinkSpec {
  const cables = reader.part("cables");
  const path = cables.isPresent ? cables.path : reader.path;
  // What is wrong with the cables is said once, where the switch is read.
  const quiet = new JsonReader(cables.value);
  return {
    name,
    path,
    medium: "ethernet",
    mtu: quiet.part("mtu").integer(MIN_MTU, MAX_MTU) ?? DEFAULT_MTU,
    conditions: conditionsOf(quiet),
  };
}

function switchOf(name: string, reader: JsonReader, cables: readonly string[]): SwitchSpec {
  requireName(name, reader, RESERVED_NAMES);
  reader.object(TOPOLOGY_PARTS.switch);
  const own = reader.part("cables");
  if (own.isPresent && own.object(TOPOLOGY_PARTS.cables)) {
    own.part("mtu").integer(MIN_MTU, MAX_MTU);
    conditionsOf(own);
  }
  const ageing = reader.part("ageing");
  const ageingUs = ageing.read((value) => atLeast(duration(value), 1e6), `${DURATION_FORM}, 1s or more`);
  const stations = reader.part("stations").integer(1, 1 << 20);
  return {
    name,
    path: reader.path,
    ports: [
      ...reader
        .part("ports")
        .list()
        .map((part) => part.text() ?? ""),
      ...cables,
    ],
    ...(ageingUs === undefined ? {} : { ageingUs }),
    ...(stations === undefined ? {} : { stations }),
  };
}

function conditionsOf(reader: JsonReader): Partial<LinkConditions> {
  const conditions: Partial<Record<keyof LinkConditions, number>> = {};
  for (const { name, option, read, form } of CONDITIONS) {
    const value = reader.part(name).read(read, form);
    if (value !== undefined) conditions[option] = value;
  }
  return conditions as Partial<LinkConditions>;
}

function atLeast(value: number | undefined, least: number): number | undefined {
  return value !== undefined && value >= least ? value : undefined;
}

function hostAddress(value: unknown): string | undefined {
  return typeof value === "string" && !value.includes("/") ? prefixText(value) : undefined;
}

function prefixText(value: unknown): string | undefined {
  if (typeof value !== "string" || !/^\d/.test(value)) return undefined;
  try {
    ipv4Prefix(value);
    return value;
  } catch {
    return undefined;
  }
}

function macOf(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string" || !/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(value)) return undefined;
  const mac = parseMac(value);
  return ((mac[0] as number) & 1) === 0 && mac.some((byte) => byte !== 0) ? mac : undefined;
}
