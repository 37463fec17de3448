/** ICMP messages as tcpdump prints them. */
import * as PROTO from "../../assembly/abi/proto.js";
import { formatIpv4 } from "../address.js";
import { u16, u32 } from "./big-endian.js";
import { checksumFor } from "./internet-checksum.js";
import { dissectIpv4, type Ipv4Packet, portsOf } from "./tcpdump-packet.js";
import { clockText } from "./tcpdump-time.js";

/** By code; % is the destination in question. */
const UNREACHABLE: readonly string[] = [
  "net % unreachable",
  "host % unreachable",
  "% protocol unreachable",
  "% port unreachable",
  "% unreachable - need to frag",
  "% unreachable - source route failed",
  "net % unreachable - unknown",
  "host % unreachable - unknown",
  "% unreachable - source host isolated",
  "net % unreachable - admin prohibited",
  "host % unreachable - admin prohibited",
  "net % unreachable - tos prohibited",
  "host % unreachable - tos prohibited",
  "host % unreachable - admin prohibited filter",
  "host % unreachable - host precedence violation",
  "host % unreachable - precedence cutoff",
];
const REDIRECTS: readonly string[] = [
  "redirect % to net",
  "redirect % to host",
  "redirect-tos % to net",
  "redirect-tos % to host",
];

/** The message of a datagram which is whole, or its first fragment. */
export function icmpText(ip: Ipv4Packet, verbose: boolean): string {
  const length = ip.totalLength - ip.headerLength;
  if (ip.payload.length < PROTO.ICMP_HDR_LEN) return "[|icmp]";
  return `ICMP ${message(ip.payload)}, length ${length}${verbose ? checksum(ip, length) : ""}`;
}

function checksum(ip: Ipv4Packet, length: number): string {
  if (ip.moreFragments || ip.payload.length !== length) return "";
  const [have, wanted] = [u16(ip.payload, 2), checksumFor(ip.payload, 2)];
  return have === wanted ? "" : ` (wrong icmp cksum ${have.toString(16)} (->${wanted.toString(16)})!)`;
}

function message(payload: Uint8Array): string {
  const [type, code] = [payload[0] as number, payload[1] as number];
  const echo = `id ${u16(payload, 4)}, seq ${u16(payload, 6)}`;
  const stamp = `id ${u16(payload, 4)} seq ${u16(payload, 6)}`;
  const quoted = dissectIpv4(payload.subarray(PROTO.ICMP_HDR_LEN));
  const destination = quoted === undefined ? "?" : formatIpv4(quoted.destination);
  switch (type) {
    case PROTO.ICMP_ECHO:
      return `echo request, ${echo}`;
    case PROTO.ICMP_ECHO_REPLY:
      return `echo reply, ${echo}`;
    case PROTO.ICMP_UNREACHABLE:
      return unreachable(payload, code, quoted, destination);
    case PROTO.ICMP_REDIRECT: {
      const text = REDIRECTS[code] ?? `redirect-#${code} % to net`;
      return `${text.replace("%", destination)} ${formatIpv4(u32(payload, 4))}`;
    }
    case PROTO.ICMP_TIME_EXCEEDED:
      return ["time exceeded in-transit", "ip reassembly time exceeded"][code] ?? `time exceeded-#${code}`;
    case PROTO.ICMP_PARAMETER_PROBLEM:
      return code === 0 ? `parameter problem - octet ${payload[4]}` : `parameter problem - code ${code}`;
    case PROTO.ICMP_SOURCE_QUENCH:
      return "source quench";
    case PROTO.ICMP_TIMESTAMP:
      return `time stamp query ${stamp}`;
    case PROTO.ICMP_TIMESTAMP_REPLY:
      if (payload.length < PROTO.ICMP_TIMESTAMP_LEN) return `time stamp reply ${stamp}`;
      return `time stamp reply ${stamp}: org ${time(payload, 8)}, recv ${time(payload, 12)}, xmit ${time(payload, 16)}`;
    case PROTO.ICMP_INFO_REQUEST:
      return "information request";
    case PROTO.ICMP_INFO_REPLY:
      return "information reply";
    case PROTO.ICMP_MASK_REQUEST:
      return "address mask request";
    case PROTO.ICMP_MASK_REPLY:
      return `address mask is 0x${u32(payload, 8).toString(16).padStart(8, "0")}`;
    default:
      return `type-#${type}`;
  }
}

function unreachable(payload: Uint8Array, code: number, quoted: Ipv4Packet | undefined, destination: string): string {
  if (code === PROTO.ICMP_UNREACH_PROTOCOL) return `${destination} protocol ${quoted?.protocol ?? "?"} unreachable`;
  if (code === PROTO.ICMP_UNREACH_PORT && quoted !== undefined) {
    const name = quoted.protocol === PROTO.IPPROTO_UDP ? "udp" : quoted.protocol === PROTO.IPPROTO_TCP ? "tcp" : "";
    const ports = portsOf(quoted);
    if (ports !== undefined) return `${destination} ${name} port ${ports[1]} unreachable`;
    return `${destination} protocol ${quoted.protocol} port ${u16(quoted.payload, 2)} unreachable`;
  }
  const mtu = u16(payload, 6);
  const text = (UNREACHABLE[code] ?? `% unreachable - #${code}`).replace("%", destination);
  return code === PROTO.ICMP_UNREACH_NEEDFRAG && mtu !== 0 ? `${text} (mtu ${mtu})` : text;
}

/** Milliseconds of the UT day as a time. */
function time(payload: Uint8Array, at: number): string {
  const ms = u32(payload, at);
  return `${clockText(Math.floor(ms / 1000))}.${String(ms % 1000).padStart(3, "0")}`;
}
