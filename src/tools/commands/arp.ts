/**
 * `arp`: shows, sets and deletes neighbours, as net-tools' does.
 */
import { ipv4, maskOf, parseIpv4, parseMac } from "../../address.js";
import type { Interface } from "../../control/interfaces.js";
import type { Neighbour } from "../../control/neighbours.js";
import type { Stack } from "../../stack.js";
import { arpBsd, arpTable } from "../arp.js";
import { type Command, type CommandContext, CommandFailure, lookUp, orFail } from "../context.js";
import { getopt, OptionError } from "../getopt.js";
import { errorText } from "../strerror.js";

const USAGE = `Usage:
  arp [-n] [-i <if>] [-a] [<hostname>]             <-Display ARP cache
  arp [-i <if>] -d  <host>                         <-Delete ARP entry
  arp [-i <if>] -s  <host> <hwaddr>                <-Add entry

        -a                       display (all) hosts in alternative (BSD) style
        -e                       display (all) hosts in default (Linux) style
        -s                       set a new ARP entry
        -d                       delete a specified entry
        -n                       don't resolve names
        -i                       specify network interface (e.g. eth0)`;

export const arpCommand: Command = async (args, context) => {
  const { has, get, operands } = optionsOf(args);
  const device = get("i");
  if (has("s")) return set(operands, device, context);
  if (has("d")) return remove(operands, device, context);
  return show(operands, device, has("a"), context);
};

function optionsOf(args: readonly string[]) {
  try {
    return getopt(args, "naesdvi:");
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new CommandFailure(`arp: ${error.message}\n${USAGE}`, 3);
  }
}

function show(operands: readonly string[], device: string | undefined, bsd: boolean, context: CommandContext): number {
  const { stack, out } = context;
  const [host] = operands;
  const address = host === undefined ? undefined : addressOf(host, context);
  const all = stack.neighbours.list();
  const wanted = (entry: Neighbour) =>
    (device === undefined || entry.dev === device) && (address === undefined || entry.address === address);
  const found = all.filter(wanted);
  if (found.length > 0) out((bsd ? arpBsd : arpTable)(found));
  else if (address !== undefined) out(`${host} (${address}) -- no entry`);
  else if (device !== undefined) out(`arp: in ${all.length} entries no match found.`);
  return 0;
}

function set([host, hardware]: readonly string[], device: string | undefined, context: CommandContext): number {
  if (host === undefined) throw new CommandFailure("arp: need host name", 255);
  const address = addressOf(host, context);
  if (hardware === undefined) throw new CommandFailure("arp: need hardware address", 255);
  if (!isMac(hardware)) throw new CommandFailure("arp: invalid hardware address", 255);
  const nif = onLinkOf(context.stack, address, device, "SIOCSARP");
  orFail(
    () => context.stack.neighbours.add(nif, address, hardware),
    (code) => `SIOCSARP: ${errorText(code)}`,
    255,
  );
  return 0;
}

function remove([host]: readonly string[], device: string | undefined, context: CommandContext): number {
  const { neighbours } = context.stack;
  if (host === undefined) throw new CommandFailure("arp: need host name", 255);
  const address = addressOf(host, context);
  const found = neighbours.list().filter((entry) => entry.address === address);
  const entry = found.find(({ dev }) => device === undefined || dev === device);
  if (entry === undefined) throw new CommandFailure(`No ARP entry for ${host}`, 255);
  neighbours.delete(context.stack.interface(entry.dev), address);
  return 0;
}

function addressOf(host: string, context: CommandContext): string {
  const address = lookUp(context, host);
  if (address === undefined) throw new CommandFailure(`${host}: Unknown host`, 255);
  return address;
}

function isMac(text: string): boolean {
  try {
    return parseMac(text).length === 6;
  } catch {
    return false;
  }
}

/** The interface on whose network the address is. */
function onLinkOf(stack: Stack, address: string, device: string | undefined, call: string): Interface {
  const named = device === undefined ? undefined : stack.interfaceNamed(device);
  if (device !== undefined && named === undefined) throw new CommandFailure(`${call}: No such device`, 255);
  const value = parseIpv4(address) as number;
  const isOn = ({ addresses }: Interface) =>
    addresses.some(({ address: own, prefixLength }) => {
      const mask = maskOf(prefixLength);
      return (ipv4(own) & mask) === (value & mask);
    });
  const nif = named ?? stack.interfaces.find((each) => each.medium === "ethernet" && isOn(each));
  if (nif === undefined) throw new CommandFailure(`${call}: Network is unreachable`, 255);
  return nif;
}
