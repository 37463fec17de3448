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

interface Flow {
  readonly seq: number;
  readonly ack: number;
}

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
    const { seq, ack } = this.#numbers(ip, bits);
    const parts = [`Flags [${flags.length === 0 ? "none" : flags.join("")}]`];
    if (verbose && segment.length === ip.totalLength - ip.headerLength) parts.push(checksumText(ip));
    if (length > 0) parts.push(`seq ${seq}:${(seq + length) >>> 0}`);
    else if ((bits & (PROTO.TCP_SYN | PROTO.TCP_FIN | PROTO.TCP_RST)) !== 0) parts.push(`seq ${seq}`);
    if ((bits & PROTO.TCP_ACK) !== 0) parts.push(`ack ${ack}`);
    parts.push(`win ${u16(segment, 14)}`);
    if ((bits & PROTO.TCP_URG) !== 0) parts.push(`urg ${u16(segment, 18)}`);
    const options = optionTexts(segment.subarray(PROTO.TCP_HDR_LEN, headerLength));
    if (options.length > 0) parts.push(`options [${options.join(",")}]`);
    return `${parts.join(", ")}, length ${length}`;
  }

  /** A connection's first segment shows its numbers as they are, the others count from there. */
  #numbers(ip: Ipv4Packet, bits: number): Flow {
    const now = { seq: u32(ip.payload, 4), ack: u32(ip.payload, 8) };
    if (this.#absolute) return now;
    const here = `${ip.source}.${u16(ip.payload, 0)}`;
    const there = `${ip.destination}.${u16(ip.payload, 2)}`;
    const key = here < there ? `${here} ${there}` : `${there} ${here}`;
    const first = this.#flows.get(key);
    const forward = here < there;
    if (first === undefined || (bits & PROTO.TCP_SYN) !== 0) {
      if (this.#flows.size >= MOST_FLOWS) this.#flows.delete(this.#flows.keys().next().value as string);
      const [seq, ack] = (bits & PROTO.TCP_ACK) !== 0 ? [now.seq, (now.ack - 1) >>> 0] : [now.seq, 0];
      this.#flows.set(key, forward ? { seq, ack } : { seq: ack, ack: seq });
      return now;
    }
    if ((bits & PROTO.TCP_RST) !== 0 && (bits & PROTO.TCP_ACK) === 0) return now;
    const [mine, other] = forward ? [first.seq, first.ack] : [first.ack, first.seq];
    return { seq: (now.seq - mine) >>> 0, ack: (now.ack - other) >>> 0 };
  }
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

function optionTexts(options: Uint8Array): string[] {
  const texts: string[] = [];
  for (let at = 0; at < options.length; ) {
    const type = options[at] as number;
    if (type === PROTO.TCPOPT_END || type === PROTO.TCPOPT_NOP) {
      texts.push(type === PROTO.TCPOPT_END ? "eol" : "nop");
      at++;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) return [...texts, "bad opt"];
    texts.push(optionText(type, options.subarray(at, at + length)));
    at += length;
  }
  return texts;
}

function optionText(type: number, option: Uint8Array): string {
  switch (type) {
    case PROTO.TCPOPT_MSS:
      return `mss ${u16(option, 2)}`;
    case PROTO.TCPOPT_WSCALE:
      return `wscale ${option[2]}`;
    case PROTO.TCPOPT_SACK_PERMITTED:
      return "sackOK";
    case PROTO.TCPOPT_TIMESTAMP:
      return `TS val ${u32(option, 2)} ecr ${u32(option, 6)}`;
    case PROTO.TCPOPT_SACK: {
      const blocks: string[] = [];
      for (let at = 2; at + 8 <= option.length; at += 8) blocks.push(`{${u32(option, at)}:${u32(option, at + 4)}}`);
      return `sack ${blocks.length} ${blocks.join("")}`;
    }
    default:
      return `unknown-${type} 0x${[...option.subarray(2)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
}
