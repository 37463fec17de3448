/**
 * One frame in words, layer by layer, its checksums verified. Total: bytes that are missing or wrong are said to be so.
 * RFC 826 (ARP), RFC 791 (IPv4), RFC 792 (ICMP), RFC 768 (UDP), RFC 1350 and 2347 (TFTP requests).
 */
import * as PROTO from "../../assembly/abi/proto.js";
import { formatIpv4, formatMac } from "../address.js";
import { u16, u32 } from "./big-endian.js";
import { tftpRequest } from "./decode-tftp.js";
import { onesSum } from "./internet-checksum.js";

export interface Layer {
  /** "Ethernet", "ARP", "IPv4", "ICMP", "UDP", "TFTP"; "data" for what is not looked into. */
  readonly name: string;
  /** The layer in one line. */
  readonly text: string;
  readonly checksum?: Checksum;
}

export interface Checksum {
  /** As it stands in the frame. */
  readonly value: number;
  /** False where what it covers is not whole, too. */
  readonly correct: boolean;
}

/** The layers of a frame, from the outside in; empty for no bytes. */
export function decodeFrame(frame: Uint8Array, medium: "ethernet" | "ip" = "ethernet"): Layer[] {
  if (frame.length === 0) return [];
  return medium === "ip" ? ipv4(frame) : ethernet(frame);
}

/** A line for each layer. */
export function decode(frame: Uint8Array, medium: "ethernet" | "ip" = "ethernet"): string {
  return decodeFrame(frame, medium)
    .map(({ name, text, checksum }) => `${name.padEnd(9)} ${text}${checksum === undefined ? "" : verdict(checksum)}`)
    .join("\n");
}

function verdict({ value, correct }: Checksum): string {
  return `, checksum 0x${hex(value)} (${correct ? "correct" : "wrong"})`;
}

function hex(value: number): string {
  return value.toString(16).padStart(4, "0");
}

function bytes(count: number): string {
  return `${count} byte${count === 1 ? "" : "s"}`;
}

function short(name: string, rest: Uint8Array): Layer[] {
  return [{ name, text: `cut short: ${bytes(rest.length)}` }];
}

function data(rest: Uint8Array): Layer[] {
  return rest.length === 0 ? [] : [{ name: "data", text: bytes(rest.length) }];
}

const address = (from: Uint8Array, at: number) => formatIpv4(u32(from, at));
const mac = (from: Uint8Array, at: number) => formatMac(from.subarray(at, at + PROTO.MAC_LEN));

const ETHERTYPES: Record<number, string> = {
  [PROTO.ETHERTYPE_IPV4]: "IPv4",
  [PROTO.ETHERTYPE_ARP]: "ARP",
  [PROTO.ETHERTYPE_VLAN]: "802.1Q",
  [PROTO.ETHERTYPE_IPV6]: "IPv6",
};

function ethernet(frame: Uint8Array): Layer[] {
  if (frame.length < PROTO.ETHER_HDR_LEN) return short("Ethernet", frame);
  let type = u16(frame, 12);
  let rest = frame.subarray(PROTO.ETHER_HDR_LEN);
  let tag = "";
  if (type === PROTO.ETHERTYPE_VLAN && rest.length >= PROTO.VLAN_TAG_LEN) {
    tag = `, VLAN ${u16(rest, 0) & 0xfff}`;
    type = u16(rest, 2);
    rest = rest.subarray(PROTO.VLAN_TAG_LEN);
  }
  const what = type < PROTO.ETHERTYPE_MIN ? `802.3 length ${type}` : `type 0x${hex(type)}`;
  const named = ETHERTYPES[type] === undefined ? what : `${what} (${ETHERTYPES[type]})`;
  const text = `${mac(frame, 6)} -> ${mac(frame, 0)}${tag}, ${named}, ${bytes(frame.length)}`;
  return [{ name: "Ethernet", text }, ...inside(type, rest)];
}

function inside(type: number, rest: Uint8Array): Layer[] {
  if (type === PROTO.ETHERTYPE_IPV4) return ipv4(rest);
  if (type === PROTO.ETHERTYPE_ARP) return arp(rest);
  return data(rest);
}

function arp(packet: Uint8Array): Layer[] {
  if (packet.length < PROTO.ARP_LEN) return short("ARP", packet);
  if (
    u16(packet, 0) !== PROTO.ARP_HRD_ETHERNET ||
    u16(packet, 2) !== PROTO.ETHERTYPE_IPV4 ||
    u16(packet, 4) !== 0x0604
  ) {
    return [{ name: "ARP", text: "not of IPv4 over Ethernet" }];
  }
  const [operation, sender, target] = [u16(packet, 6), address(packet, 14), address(packet, 24)];
  if (operation === PROTO.ARP_OP_REPLY) return [{ name: "ARP", text: `reply, ${sender} is at ${mac(packet, 8)}` }];
  if (operation !== PROTO.ARP_OP_REQUEST) return [{ name: "ARP", text: `operation ${operation}` }];
  const text =
    sender === target ? `announcement, ${sender} is at ${mac(packet, 8)}` : `who has ${target}? tell ${sender}`;
  return [{ name: "ARP", text }];
}

const PROTOCOLS: Record<number, string> = {
  [PROTO.IPPROTO_ICMP]: "ICMP",
  [PROTO.IPPROTO_IGMP]: "IGMP",
  [PROTO.IPPROTO_TCP]: "TCP",
  [PROTO.IPPROTO_UDP]: "UDP",
};

function ipv4(packet: Uint8Array): Layer[] {
  const headerLen = ((packet[0] ?? 0) & 15) * 4;
  if (packet.length < PROTO.IPV4_HDR_LEN || packet.length < headerLen) return short("IPv4", packet);
  const version = (packet[0] as number) >> 4;
  if (version !== 4 || headerLen < PROTO.IPV4_HDR_LEN) {
    return [{ name: "IPv4", text: `version ${version}, header of ${headerLen} bytes: not IPv4` }];
  }
  const [totalLen, fragment, protocol] = [u16(packet, 2), u16(packet, 6), packet[9] as number];
  const offset = (fragment & PROTO.IPV4_OFFSET_MASK) * 8;
  const known = PROTOCOLS[protocol];
  const text = [
    `${address(packet, 12)} -> ${address(packet, 16)}`,
    `length ${totalLen}`,
    `id 0x${hex(u16(packet, 4))}`,
    ...((fragment & PROTO.IPV4_FLAG_DF) !== 0 ? ["DF"] : []),
    ...((fragment & PROTO.IPV4_FLAG_MF) !== 0 ? ["MF"] : []),
    ...(offset > 0 ? [`offset ${offset}`] : []),
    ...(headerLen > PROTO.IPV4_HDR_LEN ? [`options of ${headerLen - PROTO.IPV4_HDR_LEN} bytes`] : []),
    `TTL ${packet[8]}`,
    known ?? `protocol ${protocol}`,
  ].join(", ");
  const checksum = { value: u16(packet, 10), correct: onesSum(packet.subarray(0, headerLen)) === 0xffff };
  const layer = { name: "IPv4", text, checksum };
  // Behind the total length stands padding; less than it means that the frame was cut.
  const rest = packet.subarray(headerLen, Math.max(totalLen, headerLen));
  const isWhole = totalLen >= headerLen && totalLen <= packet.length && (fragment & PROTO.IPV4_FLAG_MF) === 0;
  if (offset > 0) return [layer, ...data(rest)];
  if (protocol === PROTO.IPPROTO_ICMP) return [layer, ...icmp(rest, isWhole)];
  if (protocol === PROTO.IPPROTO_UDP) return [layer, ...udp(rest, isWhole, packet)];
  return [layer, ...data(rest)];
}

const UNREACHABLE = ["network", "host", "protocol", "port", "fragmentation needed", "source route failed"];

function icmp(message: Uint8Array, isWhole: boolean): Layer[] {
  if (message.length < PROTO.ICMP_HDR_LEN) return short("ICMP", message);
  const checksum = { value: u16(message, 2), correct: isWhole && onesSum(message) === 0xffff };
  return [{ name: "ICMP", text: `${icmpText(message)}, ${bytes(message.length)}`, checksum }];
}

function icmpText(message: Uint8Array): string {
  const [type, code] = [message[0] as number, message[1] as number];
  const echo = `id 0x${hex(u16(message, 4))}, seq ${u16(message, 6)}`;
  if (type === PROTO.ICMP_ECHO) return `echo request, ${echo}`;
  if (type === PROTO.ICMP_ECHO_REPLY) return `echo reply, ${echo}`;
  if (type === PROTO.ICMP_UNREACHABLE) return `destination unreachable (${UNREACHABLE[code] ?? `code ${code}`})`;
  if (type === PROTO.ICMP_TIME_EXCEEDED) return `time exceeded (code ${code})`;
  if (type === PROTO.ICMP_REDIRECT) return `redirect (code ${code}) to ${address(message, 4)}`;
  return `type ${type}, code ${code}`;
}

function udp(datagram: Uint8Array, isWhole: boolean, ip: Uint8Array): Layer[] {
  if (datagram.length < PROTO.UDP_HDR_LEN) return short("UDP", datagram);
  const [source, target, length, value] = [u16(datagram, 0), u16(datagram, 2), u16(datagram, 4), u16(datagram, 6)];
  const text = `${source} -> ${target}, length ${length}`;
  const payload = datagram.subarray(PROTO.UDP_HDR_LEN, Math.max(length, PROTO.UDP_HDR_LEN));
  const request = target === 69 ? tftpRequest(payload) : undefined;
  const upper = request === undefined ? data(payload) : [{ name: "TFTP", text: request }];
  if (value === 0) return [{ name: "UDP", text: `${text}, no checksum` }, ...upper];
  const pseudo = onesSum(ip.subarray(12, 20), PROTO.IPPROTO_UDP + length);
  const isCovered = isWhole && length >= PROTO.UDP_HDR_LEN && length <= datagram.length;
  const correct = isCovered && onesSum(datagram.subarray(0, length), pseudo) === 0xffff;
  return [{ name: "UDP", text, checksum: { value, correct } }, ...upper];
}
