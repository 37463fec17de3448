/**
 * `arp -n` and `arp -an`: the neighbour table in net-tools' two forms.
 */
import type { Neighbour } from "../control/neighbours.js";
import type { Stack } from "../stack.js";

const HEADER = "Address                  HWtype  HWaddress           Flags Mask            Iface";

/** The table; empty text where there is no neighbour, as net-tools prints nothing then. */
export function arp(stack: Stack): string {
  return arpTable(stack.neighbours.list());
}

export function arpTable(neighbours: readonly Neighbour[]): string {
  return neighbours.length === 0 ? "" : [HEADER, ...neighbours.map(lineOf)].join("\n");
}

/** In BSD's style (-a): a sentence for each neighbour. */
export function arpBsd(neighbours: readonly Neighbour[]): string {
  return neighbours
    .map(({ address, mac, dev, state }) => {
      const at = mac === undefined ? "<incomplete>" : `${mac.toUpperCase()} [ether]`;
      return `? (${address}) at ${at}${state === "permanent" ? " PERM" : ""} on ${dev}`;
    })
    .join("\n");
}

function lineOf({ address, mac, dev, state }: Neighbour): string {
  // Flags: C complete, M permanent.
  const flags = mac === undefined ? "" : state === "permanent" ? "CM" : "C";
  const [type, hardware] = mac === undefined ? ["", "(incomplete)"] : ["ether", mac.toUpperCase()];
  const cells = [`${address.padEnd(23)}  `, type.padEnd(8), hardware.padEnd(20), flags.padEnd(6), " ".repeat(16), dev];
  return cells.join("");
}
