/** TCP segments as tcpdump prints them: sequence numbers relative to each connection's first (RFC 9293 §3.1). */
import * as PROTO from "../../assembly/abi/proto.js";
import { u16, u32 } from "./big-endian.js";
import { checksumFor } from "./internet-checksum.js";
import type { Ipv4Packet } from "./tcpdump-packet.js";

/** Connections whose first sequence numbers are remembered; the oldest gives way. */
const MOST_FLOWS = 4096;

const FLAGS: readonly (readonly [number, string])[] = [
  [PROTO.TCP_FIN, "F"],
  [PROTO.TCP_SYN, "S"],
  [PROTO.TCP_RST, "R"],
  [PROTO.TCP_PSH, "P"],
  [PROTO.TCP_ACK, "."],
  [PROTO.TCP_URG, "U"],
  [PROTO.TCP_ECE, "E"],
  [PROTO.TCP_CWR, "W"],
];

/** The first sequence numbers of a connection's two directions. */
interface Flow {
  readonly seq: number;
  readonly ack: number;
}

/** A segment's numbers, and where those in its SACK blocks count from. */
interface Numbers extends Flow {
  readonly base: number;
}

/** Bytes of a reset's payload that are shown as text. */
const RESET_TEXT_MOST = 30;

export class TcpFlows {
  readonly #flows = new Map<string, Flow>();
  readonly #absolute: boolean;

  constructor(absolute: boolean) {
    this.#absolute = absolute;
  }

  text(ip: Ipv4Packet, verbose: boolean): string {
    const segment = ip.payload;
    if (segment.length < PROTO.TCP_HDR_LEN) return "tcp";
    const headerLength = ((segment[12] as number) >> 4) * 4;
    const length = ip.totalLength - ip.headerLength - headerLength;
    if (headerLength < PROTO.TCP_HDR_LEN || length < 0) return `[bad hdr length ${headerLength}]`;
    const bits = segment[13] as number;
    const flags = FLAGS.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
    const { seq, ack, base } = this.#numbers(ip, bits);
    const parts = [`Flags [${flags.length === 0 ? "none" : flags.join("")}]`];
    if (verbose && segment.length === ip.totalLength - ip.headerLength) parts.push(checksumText(ip));
    if (length > 0) parts.push(`seq ${seq}:${(seq + length) >>> 0}`);
    else if ((bits & (PROTO.TCP_SYN | PROTO.TCP_FIN | PROTO.TCP_RST)) !== 0) parts.push(`seq ${seq}`);
    if ((bits & PROTO.TCP_ACK) !== 0) parts.push(`ack ${ack}`);
    parts.push(`win ${u16(segment, 14)}`);
    if ((bits & PROTO.TCP_URG) !== 0) parts.push(`urg ${u16(segment, 18)}`);
    if (headerLength > PROTO.TCP_HDR_LEN) {
      const { text, isWhole } = optionTexts(segment, headerLength, base);
      parts.push(`options [${text}`);
      if (!isWhole) return parts.join(", ");
    }
    const said = verbose && (bits & PROTO.TCP_RST) !== 0 ? resetText(segment.subarray(headerLength), length) : "";
    return `${parts.join(", ")}, length ${length}${said}`;
  }

  /** The first segment with an ACK shows its numbers as they are, the connection's others count from there. */
  #numbers(ip: Ipv4Packet, bits: number): Numbers {
    const now = { seq: u32(ip.payload, 4), ack: u32(ip.payload, 8), base: 0 };
    if (this.#absolute || (bits & PROTO.TCP_ACK) === 0) return now;
    const here = `${ip.source}.${u16(ip.payload, 0)}`;
    const there = `${ip.destination}.${u16(ip.payload, 2)}`;
    const forward = here < there;
    const key = forward ? `${here} ${there}` : `${there} ${here}`;
    const first = this.#flows.get(key);
    if (first === undefined || (bits & PROTO.TCP_SYN) !== 0) {
      if (this.#flows.size >= MOST_FLOWS) this.#flows.delete(this.#flows.keys().next().value as string);
      const base = (now.ack - 1) >>> 0;
      this.#flows.set(key, forward ? { seq: now.seq, ack: base } : { seq: base, ack: now.seq });
      return { ...now, base };
    }
    const [mine, base] = forward ? [first.seq, first.ack] : [first.ack, first.seq];
    return { seq: (now.seq - mine) >>> 0, ack: (now.ack - base) >>> 0, base };
  }
}

/** What a reset carries is words, perhaps, on why (RFC 9293 §3.10.7: it may have data). */
function resetText(data: Uint8Array, length: number): string {
  if (data.length === 0) return "";
  const shown = Array.from(data.subarray(0, RESET_TEXT_MOST), (byte) => {
    const low = byte & 0x7f;
    const text = low < 0x20 || low === 0x7f ? `^${String.fromCharCode(low ^ 0x40)}` : String.fromCharCode(low);
    return byte > 0x7f ? `M-${text}` : text;
  });
  return ` [RST${length > RESET_TEXT_MOST ? "+" : ""} ${shown.join("")}]`;
}

function checksumText(ip: Ipv4Packet): string {
  const pseudo = new Uint8Array(12);
  pseudo.set(ip.bytes.subarray(12, 20));
  pseudo[9] = ip.protocol;
  pseudo[10] = ip.payload.length >> 8;
  pseudo[11] = ip.payload.length;
  const wanted = checksumFor(Uint8Array.from([...pseudo, ...ip.payload]), 12 + 16);
  const have = u16(ip.payload, 16);
  const hex = (value: number) => `0x${value.toString(16).padStart(4, "0")}`;
  return have === wanted ? `cksum ${hex(have)} (correct)` : `cksum ${hex(have)} (incorrect -> ${hex(wanted)})`;
}

/** The list with its bracket; without it where an option is none: tcpdump says no more of such a segment. */
function optionTexts(segment: Uint8Array, end: number, base: number): { text: string; isWhole: boolean } {
  let text = "";
  for (let at = PROTO.TCP_HDR_LEN; at < end; ) {
    if (text !== "") text += ",";
    const kind = segment[at] as number;
    if (kind === PROTO.TCPOPT_END) return { text: `${text}eol]`, isWhole: true };
    if (kind === PROTO.TCPOPT_NOP) {
      text += "nop";
      at++;
      continue;
    }
    const length = segment[at + 1];
    if (length === undefined) return { text: `${text} [|tcp]`, isWhole: false };
    const room = end - at - 2;
    if (length < 2 || length - 2 > room) return { text: `${text}[bad opt]`, isWhole: false };
    const { name, bytes, say } = OPTIONS[kind] ?? { name: `unknown-${kind}`, bytes: undefined, say: hexText };
    const taken = bytes ?? length - 2;
    text += name;
    if (taken > room) return { text: `${text}[bad opt]`, isWhole: false };
    text += say(segment.subarray(at + 2, at + 2 + taken), base);
    if (taken + 2 !== length) text += `[len ${length}]`;
    at += 2 + taken;
  }
  return { text: `${text}]`, isWhole: true };
}

interface Option {
  readonly name: string;
  /** Bytes behind kind and length, where that is not for the option to say. */
  readonly bytes?: number;
  say(data: Uint8Array, base: number): string;
}

const OPTIONS: Readonly<Record<number, Option>> = {
  [PROTO.TCPOPT_MSS]: { name: "mss", bytes: 2, say: (data) => ` ${u16(data, 0)}` },
  [PROTO.TCPOPT_WSCALE]: { name: "wscale", bytes: 1, say: (data) => ` ${data[0]}` },
  [PROTO.TCPOPT_SACK_PERMITTED]: { name: "sackOK", bytes: 0, say: () => "" },
  [PROTO.TCPOPT_SACK]: { name: "sack", say: sackText },
  [PROTO.TCPOPT_TIMESTAMP]: { name: "TS", bytes: 8, say: (data) => ` val ${u32(data, 0)} ecr ${u32(data, 4)}` },
  // RFC 5482, RFC 7413.
  28: { name: "uto", bytes: 2, say: userTimeoutText },
  34: { name: "tfo", say: cookieText },
};

function sackText(data: Uint8Array, base: number): string {
  if (data.length % 8 !== 0) return " invalid sack";
  const edge = (at: number) => (u32(data, at) - base) >>> 0;
  const blocks = Array.from({ length: data.length / 8 }, (_, i) => `{${edge(i * 8)}:${edge(i * 8 + 4)}}`);
  return ` ${blocks.length} ${blocks.join("")}`;
}

/** Minutes or seconds by the last bit, as tcpdump has it; RFC 5482 §2 says the first. */
function userTimeoutText(data: Uint8Array): string {
  const value = u16(data, 0);
  return ` 0x${value.toString(16)} ${(value >> 1) * (value & 1 ? 60 : 1)}`;
}

function cookieText(data: Uint8Array): string {
  if (data.length === 0) return "  cookiereq";
  if (data.length % 2 !== 0 || data.length < 4 || data.length > 16) return " (invalid)";
  return `  cookie ${digits(data)}`;
}

function hexText(data: Uint8Array): string {
  return data.length === 0 ? "" : ` 0x${digits(data)}`;
}

function digits(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
