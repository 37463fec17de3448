/** IGMP for tests: messages built and read without the product's own code. */
import { type Host, PEER } from "../recording-driver.js";
import { type Bytes, checksum, ether, ip4, ip4Text, ipv4, join } from "../wire.js";

const ALERT = [0x94, 4, 0, 0];
const RECORDS = ["", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK"];

const be16 = (value: number) => [value >>> 8, value & 255];
const address = (text: string) => be16(ip4(text) >>> 16).concat(be16(ip4(text) & 0xffff));

/** The Ethernet address of a group: RFC 1112 §6.4. */
export function groupMac(group: string): string {
  const low = ip4(group) & 0x7fffff;
  return [1, 0, 0x5e, low >>> 16, (low >>> 8) & 255, low & 255].map((b) => b.toString(16).padStart(2, "0")).join(":");
}

/** An IGMP message with its checksum, which `wrong` spoils. */
export function igmp(type: number, code: number, rest: ArrayLike<number>, wrong = 0): Bytes {
  const whole = join([type, code, 0, 0], rest);
  const sum = checksum(whole) ^ wrong;
  whole[2] = sum >>> 8;
  whole[3] = sum & 255;
  return whole;
}

export interface QueryFields {
  version?: 1 | 2 | 3;
  group?: string;
  /** Max Resp Code. */
  code?: number;
  sources?: string[];
  qrv?: number;
  qqic?: number;
  src?: string;
  dst?: string;
  alert?: boolean;
  wrong?: number;
}

/** A query as it comes by the wire. */
export function query(fields: QueryFields = {}): Bytes {
  const { version = 3, group = "0.0.0.0", sources = [], qrv = 2, qqic = 125, src = PEER, wrong } = fields;
  const { code = version === 1 ? 0 : 100, alert = version !== 1 } = fields;
  const dst = fields.dst ?? (group === "0.0.0.0" ? "224.0.0.1" : group);
  const tail = version === 3 ? [qrv, qqic, ...be16(sources.length), ...sources.flatMap(address)] : [];
  return frame(igmp(0x11, code, [...address(group), ...tail], wrong), src, dst, alert);
}

/** A report or leave of versions 1 and 2 as it comes by the wire. */
export function member(type: number, group: string, src = PEER, dst = group): Bytes {
  return frame(igmp(type, 0, address(group)), src, dst, true);
}

export function frame(message: ArrayLike<number>, src: string, dst: string, alert: boolean): Bytes {
  const mac = ip4(dst) >>> 28 === 14 ? groupMac(dst) : "02:00:00:00:01:01";
  return ether({ dst: mac }, ipv4({ src, dst, ttl: 1, proto: 2, ...(alert ? { options: ALERT } : {}) }, message));
}

export interface Said {
  /** µs. */
  at: number;
  text: string;
}

/**
 * The IGMP messages that were sent since the last time, as text; what every message must be is checked.
 * @throws Error for one that is not as RFC 3376 §4 and RFC 2236 §2 want it
 */
export function said(host: Host, driver = host.driver): Said[] {
  const times = driver.sentAtUs.splice(0);
  return driver.sent.splice(0).flatMap((bytes, i) => {
    const raw = driver.medium !== "ethernet";
    const packet = raw ? bytes : bytes.slice(14);
    if (packet[9] !== 2 || (!raw && bytes[12] !== 8)) return [];
    return [{ at: times[i] as number, text: text(packet, raw ? undefined : bytes) }];
  });
}

/** Only what was said, in order. */
export function words(host: Host, driver = host.driver): string[] {
  return said(host, driver).map((one) => one.text);
}

function text(packet: Bytes, whole: Bytes | undefined): string {
  const total = ((packet[2] as number) << 8) | (packet[3] as number);
  const dst = ip4Text(long(packet, 16));
  const wrongs = [
    packet[0] !== 0x46 && "header length",
    packet[1] !== 0xc0 && "TOS",
    packet[8] !== 1 && "TTL",
    checksum(packet.subarray(0, 24)) !== 0 && "header checksum",
    packet.subarray(20, 24).join() !== ALERT.join() && "router alert",
    checksum(packet.subarray(24, total)) !== 0 && "checksum",
    whole !== undefined && groupMac(dst) !== macOf(whole) && "Ethernet address",
  ].filter((wrong) => wrong !== false);
  if (wrongs.length > 0) throw new Error(`IGMP message with a wrong ${wrongs.join(", ")}`);
  const message = packet.slice(24, total);
  return `${ip4Text(long(packet, 12))}>${dst} ${body(message)}`;
}

function macOf(bytes: Bytes): string {
  return Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function body(message: Bytes): string {
  const group = ip4Text(long(message, 4));
  if (message.length === 8 && message[1] === 0) {
    if (message[0] === 0x12) return `v1 ${group}`;
    if (message[0] === 0x16) return `v2 ${group}`;
    if (message[0] === 0x17) return `leave ${group}`;
  }
  if (message[0] !== 0x22 || message[1] !== 0) throw new Error(`IGMP type ${message[0]}`);
  const records: string[] = [];
  let at = 8;
  for (let i = long(message, 4); i > 0; i--) {
    const count = ((message[at + 2] as number) << 8) | (message[at + 3] as number);
    if (message[at + 1] !== 0) throw new Error("auxiliary data");
    const sources = Array.from({ length: count }, (_, n) => ip4Text(long(message, at + 8 + n * 4)));
    records.push(`${RECORDS[message[at] as number]} ${ip4Text(long(message, at + 4))} {${sources.sort().join(" ")}}`);
    at += 8 + count * 4;
  }
  if (at !== message.length) throw new Error("bytes behind the last record");
  return records.join(", ");
}

function long(bytes: Bytes, at: number): number {
  return bytes.subarray(at, at + 4).reduce((value, byte) => value * 256 + byte, 0);
}
