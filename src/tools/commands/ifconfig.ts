/**
 * `ifconfig`: prints interfaces, and sets them:
 *   IF [ADDRESS[/LEN]] [netmask MASK] [broadcast ADDRESS] [pointopoint ADDRESS] [mtu N] [up|down]
 *     [add ADDRESS[/LEN]] [del ADDRESS]
 */
import { formatIpv4, ipv4, parseIpv4 } from "../../address.js";
import type { Interface } from "../../control/interfaces.js";
import { type Command, type CommandContext, CommandFailure, lookUp, orFail } from "../context.js";
import { ifconfig } from "../ifconfig.js";
import { classLength, maskLength } from "../mask.js";
import { errorText } from "../strerror.js";

const HINT = "ifconfig: `--help' gives usage information.";

const USAGE = `Usage:
  ifconfig [-a] <interface> [<address>[/<prefixlen>]]
  [add <address>[/<prefixlen>]]
  [del <address>]
  [broadcast <address>]
  [netmask <address>]
  [pointopoint <address>]
  [mtu <NN>]
  [up|down] ...`;

export const ifconfigCommand: Command = async (args, context) => {
  const { stack, out } = context;
  const words = [...args];
  let all = false;
  while (words[0]?.startsWith("-")) {
    const option = words.shift();
    if (option === "--help" || option === "-h") throw new CommandFailure(USAGE, 3);
    if (option !== "-a") throw new CommandFailure(`ifconfig: option \`${option}' not recognised.\n${HINT}`);
    all = true;
  }
  const name = words.shift();
  if (name === undefined) {
    out(ifconfig(stack, { all }));
    return 0;
  }
  const nif = stack.interfaceNamed(name);
  if (nif === undefined) refuseAlias(name, context);
  if (words.length === 0) {
    if (nif === undefined) throw noDevice(name);
    out(ifconfig(stack, { name }));
    return 0;
  }
  if (nif === undefined) throw new CommandFailure(`${name}: ERROR while getting interface flags: No such device`, 255);
  for (const act of actsOf(nif, words, context)) act();
  return 0;
};

function noDevice(name: string): CommandFailure {
  return new CommandFailure(`${name}: error fetching interface information: Device not found`);
}

/** Further addresses are printed as eth0:0, eth0:1 …, and are no interfaces that could be named. */
function refuseAlias(name: string, { stack }: CommandContext): void {
  const [base = "", alias] = name.split(":", 2);
  if (alias === undefined || stack.interfaceNamed(base) === undefined) return;
  throw new CommandFailure(
    `${name}: an alias is no interface: ifconfig ${base} [add|del] ADDRESS/LENGTH changes ${base}'s addresses`,
  );
}

type Act = () => void;

/** What the words ask for; nothing is done before all are understood. */
function actsOf(nif: Interface, words: string[], context: CommandContext): Act[] {
  const acts: Act[] = [];
  let address: string | undefined;
  let length: number | undefined;
  let broadcast: string | undefined;
  let peer: string | undefined;
  while (words.length > 0) {
    const word = words.shift() as string;
    const operand = () => {
      const value = words.shift();
      if (value === undefined) throw new CommandFailure(USAGE, 3);
      return value;
    };
    if (word === "up") acts.push(() => nif.up());
    else if (word === "down") acts.push(() => nif.down());
    else if (word === "mtu") acts.push(mtuAct(nif, operand()));
    else if (word === "add") acts.push(addAct(nif, prefixOf(operand(), context)));
    else if (word === "del") acts.push(delAct(nif, prefixOf(operand(), context)));
    else if (word === "netmask") length = netmaskOf(operand());
    else if (word === "pointopoint" || word === "dstaddr") peer = addressOf(operand(), context);
    else if (word === "broadcast") broadcast = addressOf(operand(), context);
    else {
      const prefix = prefixOf(word, context, HINT);
      address = prefix.address;
      length = prefix.length ?? length;
    }
  }
  if (address !== undefined || length !== undefined || peer !== undefined) {
    // An address with a far end has no network.
    acts.unshift(primaryAct(nif, address, peer === undefined ? length : (length ?? 32), peer));
  }
  if (broadcast !== undefined) acts.push(broadcastAct(nif, broadcast));
  return acts;
}

interface GivenPrefix {
  readonly address: string;
  /** Undefined where it is not given. */
  readonly length: number | undefined;
}

function prefixOf(text: string, context: CommandContext, hint?: string): GivenPrefix {
  const [host = "", bits] = text.split("/", 2);
  const isLength = bits === undefined || (/^\d{1,2}$/.test(bits) && Number(bits) <= 32);
  if (!isLength) throw new CommandFailure(`${text}: Unknown host`);
  return { address: addressOf(host, context, hint), length: bits === undefined ? undefined : Number(bits) };
}

function addressOf(host: string, context: CommandContext, hint?: string): string {
  const address = lookUp(context, host);
  if (address !== undefined) return address;
  throw new CommandFailure(`${host}: Host name lookup failure${hint === undefined ? "" : `\n${hint}`}`);
}

function netmaskOf(text: string): number {
  const mask = parseIpv4(text);
  if (mask === undefined) throw new CommandFailure(`${text}: Host name lookup failure`);
  const length = maskLength(mask);
  if (length === undefined) throw new CommandFailure("SIOCSIFNETMASK: Invalid argument");
  return length;
}

function mtuAct(nif: Interface, text: string): Act {
  return () => {
    const mtu = /^\d{1,9}$/.test(text) ? Number(text) : 0;
    refused("SIOCSIFMTU", () => {
      nif.mtu = mtu;
    });
  };
}

function refused(call: string, act: Act): void {
  orFail(act, (code) => `${call}: ${errorText(code)}`);
}

function addAct(nif: Interface, { address, length }: GivenPrefix): Act {
  return () => refused("SIOCSIFADDR", () => nif.addAddress(`${address}/${length ?? classLength(ipv4(address))}`));
}

function delAct(nif: Interface, { address }: GivenPrefix): Act {
  return () => refused("SIOCDIFADDR", () => nif.removeAddress(address));
}

/** Puts another primary address, mask or far end in place of what there is; 0.0.0.0 takes it away. */
function primaryAct(
  nif: Interface,
  given: string | undefined,
  givenLength: number | undefined,
  peer: string | undefined,
): Act {
  return () => {
    const before = nif.addresses;
    const address = given ?? before[0]?.address;
    if (address === undefined) throw new CommandFailure("SIOCSIFNETMASK: Cannot assign requested address");
    const length = givenLength ?? classLength(ipv4(address));
    const primary = before[0];
    if (primary?.address === address && primary.prefixLength === length && primary.peer === peer) return;
    // The primary address is the one assigned first: the others follow it anew.
    for (const each of before) nif.removeAddress(each.address);
    const restore = (from: number) => {
      for (const each of before.slice(from)) nif.addAddress(`${each.address}/${each.prefixLength}`, peerOf(each));
    };
    if (address === "0.0.0.0") return restore(1);
    if (!nif.isUp) nif.up();
    try {
      const call = peer === undefined ? "SIOCSIFADDR" : "SIOCSIFDSTADDR";
      refused(call, () => nif.addAddress(`${address}/${length}`, peerOf({ peer })));
    } catch (error) {
      restore(0);
      throw error;
    }
    restore(1);
  };
}

function peerOf({ peer }: { readonly peer?: string | undefined }): { peer?: string } {
  return peer === undefined ? {} : { peer };
}

/** The stack's broadcast address is its network's: another cannot be set. */
function broadcastAct(nif: Interface, broadcast: string): Act {
  return () => {
    if (nif.addresses[0]?.broadcast === formatIpv4(ipv4(broadcast))) return;
    throw new CommandFailure("SIOCSIFBRDADDR: Operation not supported");
  };
}
