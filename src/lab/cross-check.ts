/** What the parts of a topology must be to each other: names that lead somewhere, links with the ends they can have. */
import { ipv4, ipv4Prefix, maskOf } from "../address.js";
import type { JsonReader } from "./json-reader.js";
import { nearest } from "./nearest.js";
import type { HostSpec, InterfaceSpec, LinkSpec, Topology } from "./topology.js";

/** The most ends that a link has. */
const MAX_ENDS = { ethernet: 256, ip: 2 } as const;

/** Notes each fault with the reader of the whole. */
export function crossCheck(topology: Topology, root: JsonReader): void {
  const links = new Map<string, LinkSpec>();
  for (const link of topology.links) {
    if (links.has(link.name)) root.fault(`${link.path}: there are two links named ${link.name}`);
    links.set(link.name, link);
  }
  namesAreUnique(topology, links, root);
  const ends = new Map<string, number>();
  const join = (path: string, name: string): LinkSpec | undefined => {
    const link = links.get(name);
    ends.set(name, (ends.get(name) ?? 0) + 1);
    if (link === undefined) root.fault(`${path}: there is no link ${JSON.stringify(name)}${hint(name, topology)}`);
    return link;
  };
  for (const host of topology.hosts) {
    for (const nif of host.interfaces) checkInterface(nif, join(`${nif.path}.link`, nif.link), root);
    checkRoutes(host, root);
  }
  for (const { path, ports } of topology.switches) {
    for (const port of ports) {
      const link = join(`${path}.ports`, port);
      if (link?.medium === "ip") root.fault(`${path}.ports: ${port} is an ip link; a switch joins Ethernet links only`);
    }
  }
  for (const { name, path, medium } of topology.links) {
    const count = ends.get(name) ?? 0;
    if (count > MAX_ENDS[medium])
      root.fault(`${path}: ${count} ends; an ${medium} link has ${MAX_ENDS[medium]} at most`);
  }
  addressesAreUnique(topology, links, root);
}

function namesAreUnique(topology: Topology, links: ReadonlyMap<string, LinkSpec>, root: JsonReader): void {
  const hosts = new Set<string>();
  for (const { name, path } of topology.hosts) {
    if (hosts.has(name)) root.fault(`${path}: there is a host of that name already`);
    hosts.add(name);
  }
  for (const { name, path } of topology.switches) {
    if (links.has(name)) root.fault(`${path}: there is a link of that name already`);
    if (hosts.has(name)) root.fault(`${path}: there is a host of that name already`);
  }
}

function hint(name: string, { links, switches }: Topology): string {
  const guess = nearest(name, [...links.map((link) => link.name), ...switches.map((one) => one.name)]);
  return guess === undefined ? " and no switch of that name" : `; did you mean ${JSON.stringify(guess)}?`;
}

function checkInterface(nif: InterfaceSpec, link: LinkSpec | undefined, root: JsonReader): void {
  if (link === undefined) return;
  if (nif.mtu !== undefined && nif.mtu > link.mtu) {
    root.fault(`${nif.path}.mtu: ${nif.mtu} is more than the ${link.mtu} of link ${link.name}`);
  }
  if (nif.mac !== undefined && link.medium === "ip") root.fault(`${nif.path}.mac: on an ip link there are none`);
  if (nif.peer === undefined) return;
  if (link.medium === "ethernet") root.fault(`${nif.path}.peer: only an ip link has a far end`);
  if (nif.addresses.length !== 1) root.fault(`${nif.path}.peer: goes with exactly one address`);
}

function checkRoutes({ interfaces, routes }: HostSpec, root: JsonReader): void {
  const names = ["lo", ...interfaces.map((nif) => nif.name)];
  const networks = interfaces.flatMap((nif) => nif.addresses.map((text) => ipv4Prefix(text)));
  for (const route of routes) {
    if (route.interface !== undefined && !names.includes(route.interface)) {
      root.fault(
        `${route.path}: there is no interface ${JSON.stringify(route.interface)}; there are ${names.join(", ")}`,
      );
    }
    if (route.gateway === undefined || route.interface !== undefined) continue;
    const gateway = ipv4(route.gateway);
    const peers = interfaces.some(({ peer }) => peer !== undefined && ipv4(peer) === gateway);
    const near = networks.some(({ address, length }) => ((address ^ gateway) & maskOf(length)) === 0);
    if (!near && !peers && gateway >>> 24 !== 127) {
      root.fault(
        `${route.path}: gateway ${route.gateway} is on none of the host's networks; name the interface with dev`,
      );
    }
  }
}

function addressesAreUnique({ hosts }: Topology, links: ReadonlyMap<string, LinkSpec>, root: JsonReader): void {
  const owners = new Map<string, string>();
  for (const { name, interfaces } of hosts) {
    for (const nif of interfaces) {
      // Unnumbered ends of point-to-point links borrow an address of their own host.
      const isBorrowed = links.get(nif.link)?.medium === "ip";
      for (const text of nif.addresses) {
        const address = text.split("/")[0] as string;
        const owner = owners.get(address);
        const where = `${name} ${nif.name}`;
        if (owner !== undefined && !(isBorrowed && owner.startsWith(`${name} `))) {
          root.fault(`${nif.path}.address: ${address} is ${owner}'s already`);
        }
        owners.set(address, owner ?? where);
      }
    }
  }
}
