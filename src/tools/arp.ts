/**
 * `arp -n`: the neighbour table in net-tools' form.
 */
import type { Neighbour } from "../control/neighbours.js";
import type { Stack } from "../stack.js";

const HEADER = "Address                  HWtype  HWaddress           Flags Mask            Iface";

/** The table; empty text where there is no neighbour, as net-tools prints nothing then. */
export function arp(stack: Stack): string {
  const lines = stack.neighbours.list().map(lineOf);
  return lines.length === 0 ? "" : [HEADER, ...lines].join("\n");
}

function lineOf({ address, mac, dev, state }: Neighbour): string {
  // Flags: C complete, M permanent.
  const flags = mac === undefined ? "" : state === "permanent" ? "CM" : "C";
  const [type, hardware] = mac === undefined ? ["", "(incomplete)"] : ["ether", mac.toUpperCase()];
  const cells = [`${address.padEnd(23)}  `, type.padEnd(8), hardware.padEnd(20), flags.padEnd(6), " ".repeat(16), dev];
  return cells.join("");
}
