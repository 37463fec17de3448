/**
 * The lines of a TCP script, read: grammar in tests/tcp-scripts/README.md. What is no line of it is refused with its
 * place; nothing is guessed.
 */
import { flagBits, type TcpOption } from "./tcp-wire.js";

/** A number relative to an ISS; `*` = any. */
export type Field = number | "*";

/** TS as a script writes it: numbers relative to each side's first. */
export type OptionLine = Exclude<TcpOption, { kind: "TS" }> | { kind: "TS"; val: Field; ecr: Field };

export interface SegmentLine {
  flags: number;
  seq: Field;
  /** `seq` is what stands in the header, not relative to an ISS. */
  absolute: boolean;
  len: number;
  ack?: Field;
  win?: Field;
  urg?: Field;
  /** `<*>`: any. */
  options: OptionLine[] | "*";
  /** The checksum is to be wrong. */
  badSum: boolean;
  /** ECN bits of the IP header: 0 unless the line says ect0, ect1 or ce. */
  ecn: number;
}

export interface IcmpLine {
  type: number;
  code: number;
  mtu: number;
  /** What it quotes, unless it is the segment sent last: sequence number, length of the datagram. */
  seq?: number;
  len?: number;
}

export interface CallLine {
  /** Socket named before the verb: the current one unless given. */
  socket?: string;
  verb: string;
  args: string[];
  /** Name for the socket that comes of it. */
  into?: string;
  result?: string;
}

export interface Time {
  us: number;
  /** Since the line before. */
  relative: boolean;
  toleranceUs: number;
}

export type Event =
  | { kind: "inject"; peerPort?: number; segment: SegmentLine }
  | { kind: "expect"; peerPort?: number; segment: SegmentLine }
  | { kind: "icmp"; peerPort?: number; icmp: IcmpLine }
  | { kind: "call"; call: CallLine };

export interface Line {
  /** "file:12". */
  place: string;
  text: string;
  time: Time;
  event: Event;
}

const NUMBER = "-?\\d+|\\*";
const SEGMENT = new RegExp(
  `^([SFRPUEW.-]+)(?:\\s+(=?)(?:(-?\\d+):(-?\\d+)\\((\\d+)\\)|(\\*)))?((?:\\s+(?:ack|win|urg)\\s+(?:${NUMBER}))*)` +
    "(\\s+badsum)?(?:\\s+(ect0|ect1|ce))?(?:\\s+<([^>]*)>)?$",
);
const TIME = /^(\+)?(\d+(?:\.\d+)?)(?:~(\d+(?:\.\d+)?))?(?:\s+|$)/;
const CALL = /^(?:(\w+)\.)?([a-z]+)((?:\s+(?!->|=)\S+)*)(?:\s+->\s+(\w+))?(?:\s+=\s+(\S+))?$/;

/** By codepoint (RFC 3168 §5). */
export const ECN_CODES: readonly string[] = ["", "ect1", "ect0", "ce"];

const micros = (text: string) => Math.round(Number(text) * 1e6);
const field = (text: string): Field => (text === "*" ? "*" : Number(text));

/** Reads a script. `load` answers the text of a file that it includes. */
export function readScript(file: string, text: string, load: (name: string) => string): Line[] {
  return text.split("\n").flatMap((raw, i) => {
    const place = `${file}:${i + 1}`;
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    if (line === "") return [];
    const include = /^include\s+(\S+)$/.exec(line)?.[1];
    return include === undefined ? [readLine(place, line)] : readScript(include, load(include), load);
  });
}

function readLine(place: string, line: string): Line {
  const found = TIME.exec(line);
  const time: Time = { us: micros(found?.[2] ?? "0"), relative: !found || found[1] === "+", toleranceUs: 0 };
  if (found?.[3] !== undefined) time.toleranceUs = micros(found[3]);
  const rest = line.slice(found?.[0].length ?? 0);
  try {
    return { place, text: line, time, event: readEvent(rest) };
  } catch (error) {
    throw new Error(`${place}: ${(error as Error).message}: ${line}`);
  }
}

function readEvent(text: string): Event {
  const wire = /^([<>])(?:\s+@(\d+))?\s+(.*)$/.exec(text) as [string, string, string?, string?] | null;
  if (wire === null) return { kind: "call", call: readCall(text) };
  const [, direction, port, rest = ""] = wire;
  const peer = port === undefined ? {} : { peerPort: Number(port) };
  if (direction === "<" && rest.startsWith("icmp ")) return { kind: "icmp", ...peer, icmp: readIcmp(rest) };
  return { kind: direction === "<" ? "inject" : "expect", ...peer, segment: readSegment(rest) };
}

function readSegment(text: string): SegmentLine {
  const found = SEGMENT.exec(text);
  if (found === null) throw new Error("this is no segment");
  const [, letters = "", absolute, seq, end, len = "0", any, fields = "", badSum, ecn, options] = found;
  const flags = flagBits(letters);
  if (flags === undefined) throw new Error("no such flags");
  const segment: SegmentLine = {
    flags,
    seq: any !== undefined ? "*" : Number(seq ?? 0),
    absolute: absolute === "=",
    len: Number(len),
    options: options === "*" ? "*" : readOptions(options ?? ""),
    badSum: badSum !== undefined,
    ecn: ecn === undefined ? 0 : ECN_CODES.indexOf(ecn),
  };
  if (seq !== undefined && Number(end) !== Number(seq) + Number(len)) throw new Error("seq, end and length disagree");
  for (const [, name, value] of fields.matchAll(/(ack|win|urg)\s+(\S+)/g)) {
    segment[name as "ack" | "win" | "urg"] = field(value as string);
  }
  return segment;
}

function readOptions(text: string): OptionLine[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(readOption);
}

function readOption(text: string): OptionLine {
  const [name, ...rest] = text.split(/\s+/);
  const numbers = rest.map(Number);
  if (name === "mss" && rest.length === 1) return { kind: "mss", mss: numbers[0] as number };
  if (name === "wscale" && rest.length === 1) return { kind: "wscale", shift: numbers[0] as number };
  if (name === "sackOK" && rest.length === 0) return { kind: "sackOK" };
  if (name === "hex") return { kind: "raw", bytes: rest.map((byte) => Number.parseInt(byte, 16)) };
  if (name === "TS" && rest[0] === "val" && rest[2] === "ecr" && rest.length === 4) {
    return { kind: "TS", val: field(rest[1] as string), ecr: field(rest[3] as string) };
  }
  if (name === "sack" && rest.length > 0) {
    return { kind: "sack", blocks: rest.map((block) => block.split(":").map(Number) as [number, number]) };
  }
  throw new Error(`"${text}" is no option`);
}

function readIcmp(text: string): IcmpLine {
  const found = /^icmp\s+(\d+)\/(\d+)((?:\s+(?:mtu|seq|len)\s+-?\d+)*)$/.exec(text);
  if (found === null) throw new Error("this is no ICMP message");
  const icmp: IcmpLine = { type: Number(found[1]), code: Number(found[2]), mtu: 0 };
  for (const [, name, value] of (found[3] as string).matchAll(/(mtu|seq|len)\s+(\S+)/g)) {
    icmp[name as "mtu" | "seq" | "len"] = Number(value);
  }
  return icmp;
}

function readCall(text: string): CallLine {
  const found = CALL.exec(text);
  if (found === null) throw new Error("this is no line of a script");
  const [, socket, verb = "", args = "", into, result] = found;
  return {
    verb,
    args: args.split(/\s+/).filter((arg) => arg !== ""),
    ...(socket === undefined ? {} : { socket }),
    ...(into === undefined ? {} : { into }),
    ...(result === undefined ? {} : { result }),
  };
}
