/**
 * IP options (RFC 791 §3.1) as ping asks for them and prints what came of them, in iputils' form.
 */
import {
  IPOPT_END,
  IPOPT_LSRR,
  IPOPT_MAX_LEN,
  IPOPT_NOP,
  IPOPT_RECORD_ROUTE,
  IPOPT_SSRR,
  IPOPT_TIMESTAMP,
  IPOPT_TS_ADDRESS,
  IPOPT_TS_ONLY,
  IPOPT_TS_PRESPECIFIED,
} from "../../assembly/abi/proto.js";
import { formatIpv4, ipv4 } from "../address.js";

/** What to ask for: the times alone, the addresses with them, or the times of up to four given hosts. */
export type TimestampKind = "tsonly" | "tsandaddr" | "tsprespec";

const TIMESTAMP_FLAGS: Record<TimestampKind, number> = {
  tsonly: IPOPT_TS_ONLY,
  tsandaddr: IPOPT_TS_ADDRESS,
  tsprespec: IPOPT_TS_PRESPECIFIED,
};

/** Room for nine addresses. */
export function recordRoute(): Uint8Array {
  const option = new Uint8Array(IPOPT_MAX_LEN);
  option.set([IPOPT_NOP, IPOPT_RECORD_ROUTE, IPOPT_MAX_LEN - 1, 4]);
  return option;
}

/** Room for nine times, or for four addresses with theirs. @param hosts  of "tsprespec": one to four */
export function timestamps(kind: TimestampKind, hosts: readonly string[] = []): Uint8Array {
  const option = new Uint8Array(IPOPT_MAX_LEN);
  const length = kind === "tsonly" ? IPOPT_MAX_LEN : kind === "tsandaddr" ? 36 : 4 + 8 * hosts.length;
  option.set([IPOPT_TIMESTAMP, length, 5, TIMESTAMP_FLAGS[kind]]);
  for (const [i, host] of hosts.entries()) new DataView(option.buffer).setUint32(4 + 8 * i, ipv4(host));
  return option.slice(0, length);
}

/** The way by those gateways, one to nine, and whatever others stand between them (traceroute -g). */
export function looseRoute(gateways: readonly string[]): Uint8Array {
  const length = 3 + 4 * gateways.length;
  const option = new Uint8Array(length + 1);
  option.set([IPOPT_NOP, IPOPT_LSRR, length, 4]);
  for (const [i, gateway] of gateways.entries()) new DataView(option.buffer).setUint32(4 + 4 * i, ipv4(gateway));
  return option;
}

/** Prints the options of one reply after another; a route that is the last one again is said to be the same. */
export class OptionPrinter {
  #route = "";

  /** What follows on a reply's line: further lines and their breaks, or nothing. */
  text(options: Uint8Array | undefined): string {
    let text = "";
    let at = 0;
    while (options !== undefined && at < options.length) {
      const type = options[at] as number;
      if (type === IPOPT_END) break;
      if (type === IPOPT_NOP) {
        text += "\nNOP";
        at++;
        continue;
      }
      const length = options[at + 1] ?? 0;
      if (length < 3 || at + length > options.length) break;
      text += this.#one(type, options.subarray(at, at + length));
      at += length;
    }
    return text;
  }

  #one(type: number, option: Uint8Array): string {
    switch (type) {
      case IPOPT_RECORD_ROUTE:
        return this.#recorded(option);
      case IPOPT_TIMESTAMP:
        return timestampText(option);
      case IPOPT_LSRR:
      case IPOPT_SSRR:
        return listed(type === IPOPT_SSRR ? "\nSSRR: " : "\nLSRR: ", addresses(option, option.length));
      default:
        return `\nunknown option ${type.toString(16)}`;
    }
  }

  #recorded(option: Uint8Array): string {
    const route = addresses(option, (option[2] as number) - 1);
    if (route.length === 0) return "";
    const text = listed("\nRR: ", route);
    if (text === this.#route) return "\t(same route)";
    this.#route = text;
    return text;
  }
}

/** The addresses from the fourth byte on that end before `end`. */
function addresses(option: Uint8Array, end: number): string[] {
  const view = new DataView(option.buffer, option.byteOffset, option.length);
  const found: string[] = [];
  for (let at = 3; at + 4 <= Math.min(end, option.length); at += 4) found.push(formatIpv4(view.getUint32(at)));
  return found;
}

function listed(title: string, lines: readonly string[]): string {
  return `${title}${lines.map((line) => `\t${line}`).join("\n")}\n`;
}

/** Times: the first as it is, of others how much later they are; "not-standard" where the high bit is set. */
function timestampText(option: Uint8Array): string {
  if (option.length < 4) return "";
  const view = new DataView(option.buffer, option.byteOffset, option.length);
  const flags = view.getUint8(3);
  const hasAddress = (flags & 15) !== IPOPT_TS_ONLY;
  const end = Math.min(view.getUint8(2) - 1, option.length);
  const last = { standard: 0, other: 0 };
  const lines: string[] = [];
  const step = hasAddress ? 8 : 4;
  for (let at = 4; at + step <= end; at += step) {
    const address = hasAddress ? `${formatIpv4(view.getUint32(at))}\t` : "";
    lines.push(address + timeText(view.getUint32(at + step - 4), last));
  }
  if (lines.length === 0) return "";
  const overflow = flags >> 4 === 0 ? "" : `Unrecorded hops: ${flags >> 4}\n`;
  return listed("\nTS: ", lines) + overflow;
}

function timeText(value: number, last: { standard: number; other: number }): string {
  const time = value & 0x7fffffff;
  const isOther = value > 0x7fffffff;
  const before = isOther ? last.other : last.standard;
  if (isOther) last.other = time;
  else last.standard = time;
  return (before === 0 ? `${time} absolute` : String(time - before)) + (isOther ? " not-standard" : "");
}
