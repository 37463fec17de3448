/**
 * `ifconfig` in net-tools' classic form: a block for each interface that is up, loopback last.
 */

import * as NETIF from "../../assembly/abi/netif.js";
import { IFF_BROADCAST, IFF_POINTOPOINT } from "../../assembly/abi/netif.js";
import type { InterfaceAddress } from "../control/addresses.js";
import type { Interface, MediumName } from "../control/interfaces.js";
import { refuseUnknown } from "../errors.js";
import type { Stack } from "../stack.js";

export interface IfconfigOptions {
  /** Interfaces that are down too (-a). */
  readonly all?: boolean;
  /** This interface only, up or down. */
  readonly name?: string;
}

const OPTIONS: ReadonlySet<string> = new Set(["all", "name"]);

const ENCAPSULATIONS: Record<MediumName, string> = {
  loopback: "Local Loopback",
  ethernet: "Ethernet",
  ip: "Point-to-Point Protocol",
};

/** What a kernel of that day gave a device's transmit queue; the stack's own queue is its ring (`ringSlots`). */
const QUEUE_LENGTHS: Record<MediumName, number> = { loopback: 0, ethernet: 100, ip: 3 };

/** In the order in which net-tools prints them. */
const FLAGS: readonly (readonly [number, string])[] = [
  [NETIF.IFF_UP, "UP"],
  [NETIF.IFF_BROADCAST, "BROADCAST"],
  [NETIF.IFF_LOOPBACK, "LOOPBACK"],
  [NETIF.IFF_POINTOPOINT, "POINTOPOINT"],
  [NETIF.IFF_RUNNING, "RUNNING"],
  [NETIF.IFF_NOARP, "NOARP"],
  [NETIF.IFF_MULTICAST, "MULTICAST"],
];

const INDENT = " ".repeat(10);

/** The interfaces in the order in which tools list them: loopback after the others. */
export function listed(stack: Stack): Interface[] {
  const isLoopback = (nif: Interface) => Number(nif.medium === "loopback");
  return [...stack.interfaces].sort((a, b) => isLoopback(a) - isLoopback(b));
}

/**
 * The blocks, with an empty line between them. An interface's further addresses follow as eth0:0, eth0:1 …
 * @throws StackError ENODEV; TypeError for an option
 */
export function ifconfig(stack: Stack, options: IfconfigOptions = {}): string {
  refuseUnknown(options, OPTIONS);
  const { all = false, name } = options;
  const shown = name === undefined ? listed(stack).filter((nif) => all || nif.isUp) : [stack.interface(name)];
  return shown.flatMap(blocksOf).join("\n\n");
}

function blocksOf(nif: Interface): string[] {
  const [primary, ...aliases] = nif.addresses;
  const main = [...head(nif, nif.name, primary), ...counters(nif)];
  const others = aliases.map((address, i) => head(nif, `${nif.name}:${i}`, address));
  return [main, ...others].map((lines) => lines.join("\n"));
}

function head(nif: Interface, name: string, address: InterfaceAddress | undefined): string[] {
  const hardware = nif.mac === undefined ? "" : `  HWaddr ${nif.mac.toUpperCase()}`;
  const flags = FLAGS.filter(([bit]) => (nif.flags & bit) !== 0).map(([, text]) => text);
  return [
    `${name.padEnd(9)} Link encap:${ENCAPSULATIONS[nif.medium]}${hardware}`,
    ...(address === undefined ? [] : [INDENT + inetLine(nif.flags, address)]),
    `${INDENT}${flags.join(" ") || "[NO FLAGS]"}  MTU:${nif.mtu}  Metric:1`,
  ];
}

function inetLine(flags: number, { address, broadcast, netmask, peer }: InterfaceAddress): string {
  // Where the far end of a point-to-point link is not known, the own address stands for it, as on Linux.
  const farEnd = (flags & IFF_POINTOPOINT) !== 0 ? `  P-t-P:${peer ?? address}` : "";
  const all = (flags & IFF_BROADCAST) !== 0 ? `  Bcast:${broadcast ?? "0.0.0.0"}` : "";
  return `inet addr:${address}${farEnd}${all}  Mask:${netmask}`;
}

function counters(nif: Interface): string[] {
  const c = nif.counters;
  return [
    `RX packets:${c.rxPackets} errors:${c.rxErrors} dropped:${c.rxDropped} overruns:${c.rxOverruns} frame:${c.rxFrame}`,
    `TX packets:${c.txPackets} errors:${c.txErrors} dropped:${c.txDropped} overruns:0 carrier:${c.txCarrier}`,
    `collisions:0 txqueuelen:${QUEUE_LENGTHS[nif.medium]}`,
    `RX bytes:${c.rxBytes} (${inUnits(c.rxBytes)})  TX bytes:${c.txBytes} (${inUnits(c.txBytes)})`,
  ].map((line) => INDENT + line);
}

/** "420.0 b", "1.5 Kb", "20.4 Mb": by 1024, cut to one decimal. */
function inUnits(bytes: number): string {
  const [divisor, unit] = bytes > 1048576 ? [1048576, "Mb"] : bytes > 1024 ? [1024, "Kb"] : [1, "b"];
  return `${(Math.floor((bytes * 10) / (divisor as number)) / 10).toFixed(1)} ${unit}`;
}
