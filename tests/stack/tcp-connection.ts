/**
 * A connection as a script's peer sees it: both ISS, what its segments mean relative to them, and what must hold of
 * every segment the stack sends, whatever the script says of it.
 */
import { ECN_CODES, type Field, type OptionLine, type SegmentLine } from "./tcp-script-lines.js";
import { ACK, flagText, type ReadTcp, RST, SYN, type TcpFields, type TcpOption } from "./tcp-wire.js";
import type { Bytes } from "./wire.js";

/** Byte `offset` of what the stack's application writes (`salt` 1), or of what the peer sends (`salt` 2). */
export function patternByte(salt: number, offset: number): number {
  return (offset * 7 + (offset >>> 8) * 13 + salt) & 0xff;
}

function pattern(salt: number, offset: number, length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => patternByte(salt, offset + i));
}

export const OUR_SALT = 1;
export const PEER_SALT = 2;

/** Where a side's sequence numbers and timestamps begin. */
export interface Bases {
  seq: number;
  ts: number;
}

export class Connection {
  /** Port of ours, as soon as it is known. */
  localPort: number | undefined;
  /** The stack's ISS and first timestamp, once it has sent them. */
  iss: number | undefined;
  tsBase: number | undefined;
  /** What the stack's SYN and the peer's offered to shift windows by. */
  #ourShift: number | undefined;
  #peerShift: number | undefined;
  /** Right edges offered, relative: by the stack, by the peer. */
  #ourEdge: number | undefined;
  #peerEdge: number | undefined;

  constructor(
    readonly peerPort: number,
    readonly peer: Bases,
  ) {}

  /** The next SYN of the stack is that of a new incarnation. */
  forget(): void {
    this.iss = undefined;
    this.tsBase = undefined;
    this.#ourShift = undefined;
    this.#peerShift = undefined;
    this.#ourEdge = undefined;
    this.#peerEdge = undefined;
  }

  /** The segment that a line has the peer send. */
  build(line: SegmentLine): { fields: TcpFields; payload: Bytes } {
    const seq = number(line.seq);
    const acks = (line.flags & ACK) !== 0;
    const fields: TcpFields = {
      srcPort: this.peerPort,
      dstPort: this.localPort ?? 80,
      seq: (seq + (line.absolute ? 0 : this.peer.seq)) >>> 0,
      ack: acks ? (number(line.ack) + (this.iss ?? 0)) >>> 0 : number(line.ack ?? 0),
      flags: line.flags,
      win: number(line.win ?? 65535),
      urp: number(line.urg ?? 0),
      options: this.#toWire(line.options, acks),
      ...(line.badSum ? { checksum: 0xdead } : {}),
    };
    const dataAt = seq + ((line.flags & SYN) !== 0 ? 1 : 0) - 1;
    this.#noteOffer(line, fields);
    return { fields, payload: pattern(PEER_SALT, dataAt, line.len) };
  }

  /** What the peer allows the stack to send. */
  #noteOffer(line: SegmentLine, fields: TcpFields): void {
    const syn = (line.flags & SYN) !== 0;
    if (syn) for (const option of fields.options ?? []) if (option.kind === "wscale") this.#peerShift = option.shift;
    const edge = number(line.ack ?? 0) + ((fields.win as number) << (syn ? 0 : this.#shift(this.#peerShift)));
    if ((line.flags & RST) === 0) this.#peerEdge = Math.max(this.#peerEdge ?? edge, edge);
  }

  #shift(shift: number | undefined): number {
    return this.#ourShift === undefined || this.#peerShift === undefined ? 0 : Math.min(shift as number, 14);
  }

  #toWire(options: OptionLine[] | "*", acks: boolean): TcpOption[] {
    if (options === "*") return [];
    const ours = this.iss ?? 0;
    return options.map((option) => {
      if (option.kind === "sack") {
        return { kind: "sack", blocks: option.blocks.map(([l, r]) => [(l + ours) >>> 0, (r + ours) >>> 0]) };
      }
      if (option.kind !== "TS") return option;
      const ecr = acks ? number(option.ecr) + (this.tsBase ?? 0) : number(option.ecr);
      return { kind: "TS", val: (number(option.val) + this.peer.ts) >>> 0, ecr: ecr >>> 0 };
    });
  }

  /** Takes note of a segment that the stack has sent; answers what is wrong with it in any case. */
  note(segment: ReadTcp): string[] {
    const faults = [...segment.faults];
    const syn = (segment.flags & SYN) !== 0;
    this.localPort = segment.srcPort;
    if (syn && this.iss === undefined) this.iss = segment.seq;
    for (const option of segment.options) {
      if (option.kind === "TS") this.tsBase ??= option.val;
      if (syn && option.kind === "wscale") this.#ourShift = option.shift;
    }
    if ((segment.flags & RST) !== 0) return faults;
    const seq = this.relative(segment.seq, this.iss);
    const end = seq + segment.data.length + (syn ? 1 : 0);
    const wrong = segment.data.findIndex((byte, i) => byte !== patternByte(OUR_SALT, seq + (syn ? 1 : 0) - 1 + i));
    if (wrong >= 0) faults.push(`byte ${seq + wrong} is not what was written`);
    // One byte beyond is a window probe (RFC 9293 §3.8.6.1).
    if (this.#peerEdge !== undefined && segment.data.length > 1 && end > this.#peerEdge) {
      faults.push(`data to ${end} is beyond the window, which ends at ${this.#peerEdge}`);
    }
    return [...faults, ...this.#edgeFaults(segment, syn)];
  }

  /** RFC 9293 §3.8.6.2.2: the right edge is not taken back, by no more than what the shift cannot say (RFC 7323 §2.4). */
  #edgeFaults(segment: ReadTcp, syn: boolean): string[] {
    if ((segment.flags & ACK) === 0) return [];
    const unit = 2 ** (syn ? 0 : this.#shift(this.#ourShift));
    const win = segment.win * unit;
    const edge = this.relative(segment.ack, this.peer.seq) + win;
    const before = this.#ourEdge ?? edge;
    this.#ourEdge = Math.max(before, edge);
    return edge <= before - unit ? [`the window shrinks: its right edge was ${before} and is ${edge}`] : [];
  }

  /** A sequence number relative to a base, between -2^31 and 2^31. */
  relative(value: number, base = 0): number {
    return (value - base) | 0;
  }

  /** The stack's segment in a script's words. */
  text(segment: ReadTcp): string {
    const len = segment.data.length;
    const seq = this.relative(segment.seq, this.iss);
    const acks = (segment.flags & ACK) !== 0;
    const parts = [`${flagText(segment.flags)} ${seq}:${seq + len}(${len})`];
    if (acks) parts.push(`ack ${this.relative(segment.ack, this.peer.seq)}`);
    parts.push(`win ${segment.win}`);
    if (segment.urp !== 0) parts.push(`urg ${segment.urp}`);
    if (segment.ecn !== 0) parts.push(ECN_CODES[segment.ecn] as string);
    if (segment.options.length > 0) parts.push(`<${this.#fromWire(segment).map(optionText).join(",")}>`);
    return parts.join(" ");
  }

  #fromWire(segment: ReadTcp): OptionLine[] {
    return segment.options.map((option) => {
      if (option.kind === "sack") {
        const edge = (value: number) => this.relative(value, this.peer.seq);
        return { kind: "sack", blocks: option.blocks.map(([left, right]) => [edge(left), edge(right)]) };
      }
      if (option.kind !== "TS") return option;
      // Before anything has come there is nothing to echo: zero as it is (RFC 7323 §3.2).
      const ecr = (segment.flags & ACK) === 0 ? option.ecr : this.relative(option.ecr, this.peer.ts);
      return { kind: "TS", val: this.relative(option.val, this.tsBase), ecr };
    });
  }

  /** Whether a line of a script says what the segment is. */
  matches(line: SegmentLine, segment: ReadTcp): boolean {
    const acks = (segment.flags & ACK) !== 0;
    const seq = line.absolute ? segment.seq : this.relative(segment.seq, this.iss);
    return (
      line.flags === segment.flags &&
      line.ecn === segment.ecn &&
      same(line.seq, seq) &&
      line.len === segment.data.length &&
      (!acks || (line.ack !== undefined && same(line.ack, this.relative(segment.ack, this.peer.seq)))) &&
      same(line.win ?? "*", segment.win) &&
      same(line.urg ?? 0, segment.urp) &&
      (line.options === "*" || sameOptions(line.options, this.#fromWire(segment)))
    );
  }
}

function number(value: Field | undefined): number {
  if (typeof value !== "number") throw new Error("a number is needed");
  return value;
}

function same(expected: Field, actual: number): boolean {
  return expected === "*" || expected === actual;
}

function sameOptions(expected: OptionLine[], actual: OptionLine[]): boolean {
  return (
    expected.length === actual.length &&
    expected.every((option, i) => {
      const other = actual[i] as OptionLine;
      if (option.kind === "TS" && other.kind === "TS") {
        return same(option.val, other.val as number) && same(option.ecr, other.ecr as number);
      }
      return optionText(option) === optionText(other);
    })
  );
}

function optionText(option: OptionLine): string {
  switch (option.kind) {
    case "mss":
      return `mss ${option.mss}`;
    case "wscale":
      return `wscale ${option.shift}`;
    case "sackOK":
      return "sackOK";
    case "sack":
      return `sack ${option.blocks.map(([left, right]) => `${left}:${right}`).join(" ")}`;
    case "TS":
      return `TS val ${option.val} ecr ${option.ecr}`;
    case "raw":
      return `hex ${option.bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`;
  }
}
