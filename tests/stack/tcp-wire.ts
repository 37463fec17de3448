/**
 * TCP segments for tests, built and read without the product's own code, checksum too. Every field may be given, the
 * wrong ones too; what is not given is right.
 */
import { type Bytes, checksum, ip4, join, type ReadIpv4, TCP } from "./wire.js";

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;
export const URG = 32;
export const ECE = 64;
export const CWR = 128;

/** An option as it stands in a header; NOP and end of list are not kept. */
export type TcpOption =
  | { kind: "mss"; mss: number }
  | { kind: "wscale"; shift: number }
  | { kind: "sackOK" }
  | { kind: "sack"; blocks: [left: number, right: number][] }
  | { kind: "TS"; val: number; ecr: number }
  /** Bytes as they are, of an unknown option or a malformed one. */
  | { kind: "raw"; bytes: number[] };

export interface TcpFields {
  srcPort?: number;
  dstPort?: number;
  seq?: number;
  ack?: number;
  /** Header length in words of 32 bits. */
  offset?: number;
  flags?: number;
  win?: number;
  urp?: number;
  checksum?: number;
  options?: readonly TcpOption[];
  /** Addresses of the pseudo-header. */
  src?: string;
  dst?: string;
}

const be16 = (value: number) => [(value >>> 8) & 255, value & 255];
const be32 = (value: number) => [...be16(value >>> 16), ...be16(value)];

function optionBytes(option: TcpOption): number[] {
  switch (option.kind) {
    case "mss":
      return [2, 4, ...be16(option.mss)];
    case "wscale":
      return [3, 3, option.shift];
    case "sackOK":
      return [4, 2];
    case "sack":
      return [5, 2 + option.blocks.length * 8, ...option.blocks.flatMap(([l, r]) => [...be32(l), ...be32(r)])];
    case "TS":
      return [8, 10, ...be32(option.val), ...be32(option.ecr)];
    case "raw":
      return option.bytes;
  }
}

/** A TCP segment, without its IP header. Options are padded with NOPs in front to whole words. */
export function tcp(fields: TcpFields, payload: ArrayLike<number> = []): Bytes {
  const { srcPort = 40000, dstPort = 80, seq = 0, ack = 0, flags = ACK, win = 65535, urp = 0 } = fields;
  const { src = "192.168.1.2", dst = "192.168.1.1" } = fields;
  const bare = (fields.options ?? []).flatMap(optionBytes);
  const options = [...Array.from({ length: -bare.length & 3 }, () => 1), ...bare];
  const { offset = 5 + options.length / 4 } = fields;
  const head = (sum: number) =>
    join(
      [...be16(srcPort), ...be16(dstPort), ...be32(seq), ...be32(ack), offset << 4, flags],
      [...be16(win), ...be16(sum), ...be16(urp)],
      options,
    );
  const pseudo = join(be32(ip4(src)), be32(ip4(dst)), [0, TCP], be16(20 + options.length + payload.length));
  return join(head(fields.checksum ?? checksum(pseudo, head(0), payload)), payload);
}

export interface ReadTcp {
  srcPort: number;
  dstPort: number;
  seq: number;
  ack: number;
  flags: number;
  win: number;
  urp: number;
  options: TcpOption[];
  data: Bytes;
  /** ECN bits of its datagram. */
  ecn: number;
  /** What is wrong with it: checksum, lengths, reserved bits, an option out of form; empty if nothing is. */
  faults: string[];
}

const word = (bytes: Bytes, at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const long = (bytes: Bytes, at: number) => word(bytes, at) * 65536 + word(bytes, at + 2);

/** Takes the segment in an IPv4 datagram apart. */
export function readTcp(ip: ReadIpv4): ReadTcp {
  const bytes = ip.payload;
  const faults: string[] = [];
  if (!ip.good) faults.push("IP header");
  if (bytes.length !== ip.totalLen - 20 - ip.options.length) faults.push("total length");
  const pseudo = join(be32(ip4(ip.src)), be32(ip4(ip.dst)), [0, TCP], be16(bytes.length));
  if (bytes.length < 20 || checksum(pseudo, bytes) !== 0) faults.push("checksum");
  const headerLen = ((bytes[12] ?? 0) >> 4) * 4;
  if (headerLen < 20 || headerLen > bytes.length) faults.push("data offset");
  if (((bytes[12] ?? 0) & 15) !== 0) faults.push("reserved bits");
  const flags = bytes[13] ?? 0;
  const urp = word(bytes, 18);
  if ((flags & URG) === 0 && urp !== 0) faults.push("urgent pointer without URG");
  if ((flags & ACK) === 0 && long(bytes, 8) !== 0) faults.push("ack without ACK");
  return {
    srcPort: word(bytes, 0),
    dstPort: word(bytes, 2),
    seq: long(bytes, 4),
    ack: long(bytes, 8),
    flags,
    win: word(bytes, 14),
    urp,
    options: readOptions(bytes.slice(20, headerLen), faults),
    data: bytes.slice(headerLen),
    ecn: ip.tos & 3,
    faults,
  };
}

function readOptions(bytes: Bytes, faults: string[]): TcpOption[] {
  const options: TcpOption[] = [];
  for (let at = 0; at < bytes.length; ) {
    const kind = bytes[at] as number;
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (length < 2 || at + length > bytes.length) {
      faults.push("option length");
      break;
    }
    options.push(readOption(bytes.slice(at, at + length)));
    at += length;
  }
  return options;
}

function readOption(bytes: Bytes): TcpOption {
  const [kind, length] = bytes as unknown as [number, number];
  if (kind === 2 && length === 4) return { kind: "mss", mss: word(bytes, 2) };
  if (kind === 3 && length === 3) return { kind: "wscale", shift: bytes[2] as number };
  if (kind === 4 && length === 2) return { kind: "sackOK" };
  if (kind === 8 && length === 10) return { kind: "TS", val: long(bytes, 2), ecr: long(bytes, 6) };
  if (kind === 5 && length >= 10 && length % 8 === 2) {
    const blocks: [number, number][] = [];
    for (let at = 2; at < length; at += 8) blocks.push([long(bytes, at), long(bytes, at + 4)]);
    return { kind: "sack", blocks };
  }
  return { kind: "raw", bytes: [...bytes] };
}

/** Flags as a script writes them: "S.", "P.", "R", "FPU.". */
export function flagText(flags: number): string {
  const letters: [number, string][] = [
    [SYN, "S"],
    [FIN, "F"],
    [RST, "R"],
    [PSH, "P"],
    [URG, "U"],
    [ECE, "E"],
    [CWR, "W"],
    [ACK, "."],
  ];
  return letters.flatMap(([bit, letter]) => ((flags & bit) !== 0 ? [letter] : [])).join("") || "-";
}

const FLAG_BITS: Record<string, number> = { S: SYN, F: FIN, R: RST, P: PSH, U: URG, E: ECE, W: CWR, ".": ACK, "-": 0 };

/** The bits of what flagText writes; undefined where a letter is none. */
export function flagBits(text: string): number | undefined {
  let flags = 0;
  for (const letter of text) {
    const bit = FLAG_BITS[letter];
    if (bit === undefined) return undefined;
    flags |= bit;
  }
  return flags;
}
