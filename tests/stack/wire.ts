/**
 * Frames for tests, built and read without the product's own code, so that neither can hide the other's mistakes. Every
 * field may be given, the wrong ones too; what is not given is right.
 */

export type Bytes = Uint8Array<ArrayBuffer>;

export const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff";
export const ZERO_MAC = "00:00:00:00:00:00";

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;
export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;

/** "192.168.1.1" as a number. */
export function ip4(text: string): number {
  return text.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

export function ip4Text(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

export function mac(text: string): number[] {
  return text.split(":").map((part) => Number.parseInt(part, 16));
}

export function fromHex(text: string): Bytes {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Bytes that depend on nothing but their number. */
export function data(length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + 1) & 0xff);
}

export function join(...parts: ArrayLike<number>[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** RFC 1071, the plain way: what a checksum field must hold over `bytes`. */
export function checksum(...parts: ArrayLike<number>[]): number {
  const bytes = join(...parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] as number) * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return 0xffff - sum;
}

const be16 = (value: number) => [(value >>> 8) & 255, value & 255];
const be32 = (value: number) => [...be16(value >>> 16), ...be16(value)];

export interface EtherFields {
  dst?: string;
  src?: string;
  type?: number;
  /** Tag control information of an 802.1Q tag. */
  tag?: number;
}

export function ether(fields: EtherFields, payload: ArrayLike<number> = []): Bytes {
  const { dst = BROADCAST_MAC, src = "02:00:00:00:01:02", type = 0x0800, tag } = fields;
  const tagged = tag === undefined ? [] : [0x81, 0x00, ...be16(tag)];
  return join(mac(dst), mac(src), tagged, be16(type), payload);
}

export interface ArpFields {
  hrd?: number;
  pro?: number;
  hln?: number;
  pln?: number;
  op?: number;
  sha?: string;
  spa?: string;
  tha?: string;
  tpa?: string;
}

/** An ARP packet, without its Ethernet header. */
export function arp(fields: ArpFields): Bytes {
  const { hrd = 1, pro = 0x0800, hln = 6, pln = 4, op = ARP_REQUEST } = fields;
  const { sha = "02:00:00:00:01:02", spa = "192.168.1.2", tha = ZERO_MAC, tpa = "192.168.1.1" } = fields;
  const head = [...be16(hrd), ...be16(pro), hln, pln, ...be16(op)];
  return join(head, mac(sha), be32(ip4(spa)), mac(tha), be32(ip4(tpa)));
}

export interface Ipv4Fields {
  version?: number;
  ihl?: number;
  tos?: number;
  totalLen?: number;
  id?: number;
  /** Flags and offset as one word: 0x4000 DF, 0x2000 MF, offset in units of 8. */
  flagsOffset?: number;
  ttl?: number;
  proto?: number;
  checksum?: number;
  src?: string;
  dst?: string;
  options?: ArrayLike<number>;
}

export function ipv4(fields: Ipv4Fields, payload: ArrayLike<number> = []): Bytes {
  const { options = [], version = 4, ihl = 5 + options.length / 4, tos = 0, id = 1, flagsOffset = 0 } = fields;
  const { ttl = 64, proto = UDP, src = "192.168.1.2", dst = "192.168.1.1" } = fields;
  const totalLen = fields.totalLen ?? 20 + options.length + payload.length;
  const head = (sum: number) =>
    join(
      [version * 16 + ihl, tos, ...be16(totalLen), ...be16(id), ...be16(flagsOffset), ttl, proto, ...be16(sum)],
      be32(ip4(src)),
      be32(ip4(dst)),
      options,
    );
  return join(head(fields.checksum ?? checksum(head(0))), payload);
}

export interface UdpFields {
  srcPort?: number;
  dstPort?: number;
  length?: number;
  checksum?: number;
  /** Addresses of the pseudo-header. */
  src?: string;
  dst?: string;
}

export function udp(fields: UdpFields, payload: ArrayLike<number> = []): Bytes {
  const { srcPort = 2000, dstPort = 1000, length = 8 + payload.length } = fields;
  const { src = "192.168.1.2", dst = "192.168.1.1" } = fields;
  const head = (sum: number) => join(be16(srcPort), be16(dstPort), be16(length), be16(sum));
  const pseudo = join(be32(ip4(src)), be32(ip4(dst)), [0, UDP], be16(length));
  const sum = fields.checksum ?? (checksum(pseudo, head(0), payload) || 0xffff);
  return join(head(sum), payload);
}

export interface IcmpFields {
  type?: number;
  code?: number;
  checksum?: number;
  /** Bytes 4 to 7; identifier and sequence number of an echo. */
  rest?: number;
}

export function icmp(fields: IcmpFields, payload: ArrayLike<number> = []): Bytes {
  const { type = 8, code = 0, rest = 0x00070001 } = fields;
  const head = (sum: number) => join([type, code], be16(sum), be32(rest));
  return join(head(fields.checksum ?? checksum(head(0), payload)), payload);
}

// Reading

export interface Read {
  frame: Bytes;
  dst: string;
  src: string;
  type: number;
  arp?: { op: number; sha: string; spa: string; tha: string; tpa: string };
  ip?: ReadIpv4;
  /** Bytes behind what the headers claim. */
  padding: number;
}

export interface ReadIpv4 {
  tos: number;
  totalLen: number;
  id: number;
  flagsOffset: number;
  ttl: number;
  proto: number;
  src: string;
  dst: string;
  /** Whether the header's checksum verifies. */
  good: boolean;
  options: Bytes;
  payload: Bytes;
  udp?: { srcPort: number; dstPort: number; length: number; checksum: number; good: boolean; data: Bytes };
  icmp?: { type: number; code: number; rest: number; good: boolean; data: Bytes };
}

const word = (bytes: Bytes, at: number) => (bytes[at] as number) * 256 + (bytes[at + 1] as number);
const long = (bytes: Bytes, at: number) => word(bytes, at) * 65536 + word(bytes, at + 2);
const macText = (bytes: Bytes, at: number) =>
  Array.from(bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");

/** Takes a whole IPv4 datagram apart. */
export function readIpv4(packet: Bytes): ReadIpv4 {
  const headerLen = ((packet[0] as number) & 15) * 4;
  const totalLen = word(packet, 2);
  const payload = packet.slice(headerLen, totalLen);
  const read: ReadIpv4 = {
    tos: packet[1] as number,
    totalLen,
    id: word(packet, 4),
    flagsOffset: word(packet, 6),
    ttl: packet[8] as number,
    proto: packet[9] as number,
    src: ip4Text(long(packet, 12)),
    dst: ip4Text(long(packet, 16)),
    good: (packet[0] as number) >> 4 === 4 && headerLen >= 20 && checksum(packet.subarray(0, headerLen)) === 0,
    options: packet.slice(20, headerLen),
    payload,
  };
  // Of a fragment the transport's header is not to be read alone.
  if ((read.flagsOffset & 0x3fff) !== 0) return read;
  if (read.proto === UDP && payload.length >= 8) {
    const length = word(payload, 4);
    const pseudo = join(packet.subarray(12, 20), [0, UDP], be16(length));
    read.udp = {
      srcPort: word(payload, 0),
      dstPort: word(payload, 2),
      length,
      checksum: word(payload, 6),
      good: word(payload, 6) !== 0 && checksum(pseudo, payload.subarray(0, length)) === 0,
      data: payload.slice(8, length),
    };
  }
  if (read.proto === ICMP && payload.length >= 8) {
    read.icmp = {
      type: payload[0] as number,
      code: payload[1] as number,
      rest: long(payload, 4),
      good: checksum(payload) === 0,
      data: payload.slice(8),
    };
  }
  return read;
}

/** Takes an Ethernet frame apart. */
export function read(frame: Bytes): Read {
  const type = word(frame, 12);
  const result: Read = { frame, dst: macText(frame, 0), src: macText(frame, 6), type, padding: frame.length - 14 };
  if (type === 0x0806) {
    const at = 14;
    result.arp = {
      op: word(frame, at + 6),
      sha: macText(frame, at + 8),
      spa: ip4Text(long(frame, at + 14)),
      tha: macText(frame, at + 18),
      tpa: ip4Text(long(frame, at + 24)),
    };
    result.padding -= 28;
  } else if (type === 0x0800) {
    result.ip = readIpv4(frame.slice(14));
    result.padding -= result.ip.totalLen;
  }
  return result;
}
