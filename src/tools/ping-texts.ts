/**
 * The words of iputils' ping: times, ICMP errors, reasons why nothing can be sent.
 */
import {
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
} from "../../assembly/abi/proto.js";
import { formatIpv4 } from "../address.js";
import type { DatagramError } from "../sockets/socket.js";

/** Milliseconds in three significant digits, at least: "0.041", "1.25", "20.5", "148". */
export function timeText(us: number): string {
  if (us >= 100_000 - 50) return String(Math.floor((us + 500) / 1000));
  if (us >= 10_000 - 5) return cut(us + 50, 1);
  if (us >= 1000) return cut(us + 5, 2);
  return cut(us, 3);
}

/** µs as milliseconds, cut to so many decimals. */
export function cut(us: number, decimals: number): string {
  const scale = 10 ** (3 - decimals);
  const digits = String(Math.floor(us / scale)).padStart(decimals + 1, "0");
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** As C's %g: six significant digits, no zeros behind. */
export function percentText(part: number, whole: number): string {
  return String(Number(((part * 100) / whole).toPrecision(6)));
}

const UNREACHABLE: readonly string[] = [
  "Destination Net Unreachable",
  "Destination Host Unreachable",
  "Destination Protocol Unreachable",
  "Destination Port Unreachable",
  "Frag needed and DF set",
  "Source Route Failed",
  "Destination Net Unknown",
  "Destination Host Unknown",
  "Source Host Isolated",
  "Destination Net Prohibited",
  "Destination Host Prohibited",
  "Destination Net Unreachable for Type of Service",
  "Destination Host Unreachable for Type of Service",
  "Packet filtered",
  "Precedence Violation",
  "Precedence Cutoff",
];

const REDIRECTS: readonly string[] = [
  "Redirect Network",
  "Redirect Host",
  "Redirect Type of Service and Network",
  "Redirect Type of Service and Host",
];

const TIME_EXCEEDED: readonly string[] = ["Time to live exceeded", "Frag reassembly time exceeded"];

/** What an ICMP error says (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1). */
export function icmpErrorText({ icmpType, icmpCode, icmpRest }: DatagramError): string {
  switch (icmpType) {
    case ICMP_UNREACHABLE: {
      const text = UNREACHABLE[icmpCode] ?? `Dest Unreachable, Bad Code: ${icmpCode}`;
      return icmpCode === 4 ? `${text} (mtu = ${icmpRest & 0xffff})` : text;
    }
    case ICMP_SOURCE_QUENCH:
      return "Source Quench";
    case ICMP_REDIRECT: {
      const text = REDIRECTS[icmpCode] ?? `Redirect, Bad Code: ${icmpCode}`;
      return `${text}(New nexthop: ${formatIpv4(icmpRest)})`;
    }
    case ICMP_TIME_EXCEEDED:
      return TIME_EXCEEDED[icmpCode] ?? `Time exceeded, Bad Code: ${icmpCode}`;
    case ICMP_PARAMETER_PROBLEM:
      return `Parameter problem: pointer = ${icmpRest >>> 24}`;
    default:
      return `Bad ICMP type: ${icmpType}`;
  }
}
