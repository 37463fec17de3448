/**
 * A packet in a line, as tcpdump 4.99 prints it with -n: what is under the link header, or with -e that, too; -v adds
 * the IP header and what an ICMP error quotes, -x and -X the bytes.
 */
import * as PROTO from "../../assembly/abi/proto.js";
import { formatIpv4, formatMac } from "../address.js";
import { u16, u32 } from "./big-endian.js";
import { checksumFor } from "./internet-checksum.js";
import { icmpText } from "./tcpdump-icmp.js";
import { igmpText } from "./tcpdump-igmp.js";
import { optionsText } from "./tcpdump-options.js";
import { dissect, dissectIpv4, type Ipv4Packet, type Packet, portsOf } from "./tcpdump-packet.js";
import { TcpFlows } from "./tcpdump-tcp.js";

export interface PrintOptions {
  /** -v */
  readonly verbose?: boolean;
  /** -e */
  readonly link?: boolean;
  /** -x, or with text -X. */
  readonly bytes?: "hex" | "text";
  /** -S: sequence numbers as they are. */
  readonly absolute?: boolean;
}

/** Prints packets one after another: sequence numbers of TCP count from each connection's first. */
export class PacketPrinter {
  readonly #options: PrintOptions;
  readonly #flows: TcpFlows;

  constructor(options: PrintOptions = {}) {
    this.#options = options;
    this.#flows = new TcpFlows(options.absolute === true);
  }

  /** The lines of one packet. @param ethernet  whether it begins with an Ethernet header */
  print(frame: Uint8Array, ethernet: boolean): string {
    const packet = dissect(frame, ethernet);
    const head = this.#options.link === true && ethernet ? linkText(packet) : undefined;
    const known = this.#network(packet, head === undefined);
    const { bytes } = this.#options;
    if (known === undefined) return `${linkText(packet)}\n${dump(packet.body, bytes !== "hex")}`;
    const text = head === undefined ? known : `${head}${known}`;
    if (bytes === undefined) return text;
    return `${text}\n${dump(packet.ip?.bytes ?? packet.body, bytes === "text")}`;
  }

  #network(packet: Packet, named: boolean): string | undefined {
    const { type, body, ip } = packet;
    const name = (text: string, glue: string) => (named ? `${text}${glue}` : "");
    if (type === PROTO.ETHERTYPE_ARP) {
      const formats = this.#options.verbose === true ? "Ethernet (len 6), IPv4 (len 4), " : "";
      return `${name("ARP", ", ")}${formats}${arpText(body)}`;
    }
    if (type === PROTO.ETHERTYPE_IPV6) return `${name("IP6", " ")}length ${body.length}`;
    if (type !== PROTO.ETHERTYPE_IPV4) return undefined;
    if (ip === undefined) return `${name("IP", " ")}truncated-ip`;
    return `${name("IP", " ")}${this.#ipv4(ip)}`;
  }

  #ipv4(ip: Ipv4Packet): string {
    const { verbose } = this.#options;
    const header = verbose === true ? `(${headerText(ip)})\n    ` : "";
    const missing = ip.totalLength - ip.bytes.length;
    const cut = missing > 0 ? `truncated-ip - ${missing} bytes missing! ` : "";
    return `${cut}${header}${this.#transport(ip)}`;
  }

  #transport(ip: Ipv4Packet): string {
    const [from, to] = [formatIpv4(ip.source), formatIpv4(ip.destination)];
    if (ip.offset !== 0) return `${from} > ${to}: ip-proto-${ip.protocol}`;
    const length = ip.totalLength - ip.headerLength;
    switch (ip.protocol) {
      case PROTO.IPPROTO_ICMP:
        return `${from} > ${to}: ${icmpText(ip, this.#options.verbose === true)}${this.#quote(ip)}`;
      case PROTO.IPPROTO_IGMP:
        return `${from} > ${to}: ${igmpText(ip.payload, this.#options.verbose === true)}`;
      case PROTO.IPPROTO_UDP:
      case PROTO.IPPROTO_TCP: {
        const ports = portsOf(ip);
        if (ports === undefined) return `${from} > ${to}: [|${ip.protocol === PROTO.IPPROTO_UDP ? "udp" : "tcp"}]`;
        const ends = `${from}.${ports[0]} > ${to}.${ports[1]}`;
        if (ip.protocol === PROTO.IPPROTO_UDP) return `${ends}: UDP, length ${u16(ip.payload, 4) - PROTO.UDP_HDR_LEN}`;
        return `${ends}: ${this.#flows.text(ip, this.#options.verbose === true)}`;
      }
      default:
        return `${from} > ${to}:  ip-proto-${ip.protocol} ${length}`;
    }
  }

  /** With -v, the datagram that an ICMP error is about. */
  #quote(ip: Ipv4Packet): string {
    const isError = [3, 4, 5, 11, 12].includes(ip.payload[0] ?? 0);
    if (this.#options.verbose !== true || !isError) return "";
    const inner = dissectIpv4(ip.payload.subarray(PROTO.ICMP_HDR_LEN));
    return inner === undefined ? "" : `\n\tIP ${this.#ipv4(inner)}`;
  }
}

const PROTOCOLS: Record<number, string> = {
  [PROTO.IPPROTO_ICMP]: "ICMP",
  [PROTO.IPPROTO_IGMP]: "IGMP",
  [PROTO.IPPROTO_TCP]: "TCP",
  [PROTO.IPPROTO_UDP]: "UDP",
};

/** By codepoint (RFC 3168 §5). */
const ECN = ["", ",ECT(1)", ",ECT(0)", ",CE"];

function headerText({ bytes, headerLength, totalLength, protocol, offset }: Ipv4Packet): string {
  const bits = u16(bytes, 6);
  const flags = [
    ...((bits & PROTO.IPV4_FLAG_MF) !== 0 ? ["+"] : []),
    ...((bits & PROTO.IPV4_FLAG_DF) !== 0 ? ["DF"] : []),
  ];
  const parts = [
    `tos 0x${(bytes[1] as number).toString(16)}${ECN[(bytes[1] as number) & 3]}`,
    `ttl ${bytes[8]}`,
    `id ${u16(bytes, 4)}`,
    `offset ${offset}`,
    `flags [${flags.join(", ") || "none"}]`,
    `proto ${PROTOCOLS[protocol] ?? "unknown"} (${protocol})`,
    `length ${totalLength}`,
  ];
  if (headerLength > PROTO.IPV4_HDR_LEN) {
    parts.push(`options (${optionsText(bytes.subarray(PROTO.IPV4_HDR_LEN, headerLength))})`);
  }
  const wanted = checksumFor(bytes.subarray(0, headerLength), 10);
  const have = u16(bytes, 10);
  if (have !== wanted) parts.push(`bad cksum ${have.toString(16)} (->${wanted.toString(16)})!`);
  return parts.join(", ");
}

function arpText(body: Uint8Array): string {
  if (body.length < PROTO.ARP_LEN) return "[|arp]";
  const [sender, target] = [formatIpv4(u32(body, 14)), formatIpv4(u32(body, 24))];
  const length = `length ${body.length}`;
  switch (u16(body, 6)) {
    case PROTO.ARP_OP_REQUEST:
      return `Request who-has ${target} tell ${sender}, ${length}`;
    case PROTO.ARP_OP_REPLY:
      return `Reply ${sender} is-at ${formatMac(body.subarray(8, 14))}, ${length}`;
    default:
      return `Unknown (${u16(body, 6)}), ${length}`;
  }
}

const TYPES: Record<number, string> = {
  [PROTO.ETHERTYPE_IPV4]: "IPv4",
  [PROTO.ETHERTYPE_ARP]: "ARP",
  [PROTO.ETHERTYPE_IPV6]: "IPv6",
};

function linkText({ frame, type }: Packet): string {
  const [to, from] = [formatMac(frame.subarray(0, 6)), formatMac(frame.subarray(6, 12))];
  const code = `0x${type.toString(16).padStart(4, "0")}`;
  return `${from} > ${to}, ethertype ${TYPES[type] ?? "Unknown"} (${code}), length ${frame.length}: `;
}

/** Lines of 16 bytes in pairs, behind their offset; the characters that can be printed beside them. */
function dump(bytes: Uint8Array, text: boolean): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const pairs: string[] = [];
    for (let i = 0; i < row.length; i += 2) {
      pairs.push([...row.subarray(i, i + 2)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
    }
    const hex = `\t0x${at.toString(16).padStart(4, "0")}:  ${pairs.join(" ")}`;
    const shown = [...row].map((byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(text ? `${hex.padEnd(49)}  ${shown}` : hex);
  }
  return lines.join("\n");
}
