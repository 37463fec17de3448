/** What an administrator does to the host under test: interfaces, addresses, routes, neighbours, switches. */
import {
  IF_SWITCHES,
  IFSW_ACCEPT_SOURCE_ROUTE,
  IFSW_ARP_IGNORE,
  IFSW_FORWARDING,
  IFSW_IGMP_VERSION,
  IFSW_PROXY_ARP,
  IFSW_RP_FILTER,
} from "../../assembly/abi/netif.js";
import {
  SW_ICMP_BURST,
  SW_ICMP_HOST_BURST,
  SW_ICMP_HOST_RATE,
  SW_ICMP_RATE,
  SW_IP_FORWARD,
  SW_TCP_ORPHANS,
  SW_TCP_TIME_WAIT_MS,
  SWITCHES,
} from "../../assembly/abi/switch.js";
import type { Interface, Prng, RouteSpec, Stack } from "../../src/index.js";
import { result } from "./fuzz-calls.js";
import { FAR, PEERS, pick } from "./fuzz-datagrams.js";
import { STATIONS } from "./fuzz-frames.js";
import type { RecordingDriver } from "./recording-driver.js";

/** Addresses that it may have, each on its own network or on another. */
export const ADDRESSES = ["192.168.1.1", "192.168.1.77", "10.0.0.1", "172.16.0.1"];

/** Routes of all kinds to what is FAR; the two to 20/8 are of equal cost. */
const ROUTES: readonly RouteSpec[] = [
  { destination: "default", gateway: "192.168.1.254" },
  { destination: "default", gateway: "192.168.1.253", metric: 1 },
  { destination: "20.0.0.0/8", gateway: "10.0.0.2" },
  { destination: "20.0.0.0/8", gateway: "192.168.1.2" },
  { destination: "21.0.0.0/8", reject: true },
  { destination: "22.0.0.0/8", type: "prohibit" },
  { destination: "23.0.0.0/8", type: "blackhole" },
  { destination: "24.0.0.0/8", dev: "ppp0" },
  { destination: "25.0.0.1", gateway: "192.168.1.3", source: "192.168.1.1" },
  { destination: "8.8.8.8", gateway: "192.168.1.254" },
  { destination: "10.7.0.0/16", dev: "eth0" },
];

/** Values that switches take, or not. */
const VALUES = [0, 1, 2, 3, 68, 296, 1000, 5000, 40000, 60000];

export interface ControlHost {
  readonly prng: Prng;
  readonly stack: Stack;
  readonly ports: readonly Interface[];
  readonly drivers: readonly RecordingDriver[];
}

/** A call that may be refused, but with an errno. */
export function attempt(act: () => unknown): void {
  const fault = (error: unknown) => {
    if (!/^E[A-Z]+$/.test((error as { code?: string }).code ?? "")) throw error;
  };
  try {
    const done = act();
    if (done instanceof Promise) done.catch(fault);
  } catch (error) {
    fault(error);
  }
}

/** Makes it a host or a router, with more or fewer routes. */
export function settle(host: ControlHost): void {
  const { prng, stack } = host;
  for (const route of ROUTES) if (prng.chance(0.7)) attempt(() => stack.routes.add(route));
  if (prng.chance(0.6)) stack.switches.set("IP_FORWARD", 1);
  const { exports } = stack.core;
  if (prng.chance(0.3)) exports.netif_set(0, IFSW_ACCEPT_SOURCE_ROUTE, 1);
  if (prng.chance(0.3)) exports.netif_set(0, IFSW_PROXY_ARP, 1);
  if (prng.chance(0.2)) exports.netif_set(0, IFSW_ARP_IGNORE, 1);
  if (prng.chance(0.3)) exports.netif_set(0, IFSW_IGMP_VERSION, 2);
  if (prng.chance(0.4)) pick(prng, host.ports).mtu = pick(prng, [68, 296, 576]);
  if (prng.chance(0.2)) exports.netif_set(0, IFSW_RP_FILTER, 1 + prng.below(2));
  if (prng.chance(0.2)) exports.stack_set(SW_TCP_ORPHANS, prng.below(2));
  if (prng.chance(0.3)) exports.stack_set(SW_TCP_TIME_WAIT_MS, 600_000);
  if (prng.chance(0.2)) exports.stack_set(pick(prng, [SW_ICMP_RATE, SW_ICMP_HOST_RATE]), prng.below(3));
  if (prng.chance(0.2)) exports.stack_set(pick(prng, [SW_ICMP_BURST, SW_ICMP_HOST_BURST]), 1);
  for (let count = prng.below(5); count > 0; count--) interfaceSwitch(host);
}

function interfaceSwitch({ prng, stack, ports }: ControlHost): string {
  const id = prng.below(IF_SWITCHES);
  const ifindex = prng.below(ports.length + 2);
  result("netif_set", stack.core.exports.netif_set(ifindex, id, pick(prng, [0, 1, 1, 2, 3])));
  return `switch ${id} of ${ifindex}`;
}

/** Does one thing; says which interface it was about. */
export function control(host: ControlHost): string {
  const { prng, stack, ports, drivers } = host;
  const which = prng.below(ports.length);
  const nif = ports[which] as Interface;
  const driver = drivers[which] as RecordingDriver;
  const acts: (() => unknown)[] = [
    () => driver.port.carrier(prng.chance(0.7)),
    () => (prng.chance(0.8) ? nif.up() : nif.down()),
    () => nif.addAddress(`${pick(prng, ADDRESSES)}/${pick(prng, [8, 24, 30, 32])}`),
    () => nif.addAddress(`${pick(prng, ADDRESSES)}/24`, { probe: true }),
    () => nif.addAddress(`${pick(prng, ADDRESSES)}/32`, { peer: pick(prng, PEERS) }),
    () => nif.removeAddress(pick(prng, ADDRESSES)),
    () => stack.routes.add(pick(prng, ROUTES)),
    () => stack.routes.add(pick(prng, ROUTES)),
    () => stack.routes.replace(pick(prng, ROUTES)),
    () => stack.routes.delete(pick(prng, ROUTES)),
    () => stack.routes.add({ destination: "default", dev: nif.name }),
    () => stack.routes.add({ destination: "default", gateway: pick(prng, PEERS), metric: prng.below(3) }),
    () => stack.routes.delete({ destination: "default" }),
    () => stack.routes.delete({ destination: `${pick(prng, ADDRESSES)}/32` }),
    () => stack.routes.get(pick(prng, [...PEERS, ...FAR])),
    () => stack.routes.list(),
    () => prng.chance(0.2) && stack.routes.flushCache(),
    () => stack.neighbours.add(nif, pick(prng, PEERS), pick(prng, STATIONS)),
    () => stack.neighbours.delete(nif, pick(prng, PEERS)),
    () => {
      nif.mtu = pick(prng, [68, 300, 576, 1000, 1500, 1500, 1920, 9000]);
    },
    () => {
      const id = prng.below(SWITCHES);
      result("stack_set", stack.core.exports.stack_set(id, pick(prng, VALUES)));
    },
    () => result("stack_set", stack.core.exports.stack_set(SW_IP_FORWARD, prng.chance(0.6) ? 1 : 0)),
    () => result("netif_set", stack.core.exports.netif_set(0, IFSW_FORWARDING, prng.chance(0.6) ? 1 : 0)),
    () => interfaceSwitch(host),
    () => interfaceSwitch(host),
    () => interfaceSwitch(host),
  ];
  const act = prng.below(acts.length);
  attempt(acts[act] as () => unknown);
  return `control ${act} of ${nif.name}`;
}
