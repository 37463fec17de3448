/**
 * A frame of the checker's network: an IPv4 datagram with a TCP segment, read and checked without the product's code,
 * and its place in the canonical form.
 */
import type { Hash } from "./hash.js";
import { distance, NAMES, other, patternBreak, type Side } from "./pattern.js";
import { must } from "./violation.js";

export const SYN = 2;
export const RST = 4;
export const ACK = 16;

/** A frame on its way. Never changed: worlds share it. */
export interface Segment {
  readonly from: Side;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  readonly mss: number;
  readonly shift: number;
  readonly sackPermitted: boolean;
  readonly sack: readonly number[];
  readonly tsVal: number | undefined;
  readonly tsEcr: number;
  readonly payload: Uint8Array;
}

/** What the canonical form measures by: each side's initial sequence number, its offset of timestamps, and the time. */
export interface Bases {
  readonly iss: readonly number[];
  readonly tsOffset: readonly number[];
  readonly nowMs: number;
}

const HEADER = 20;
const PROTO_TCP = 6;

/** RFC 1071, the plain way: 0 if the checksum among the bytes is right. `start` is the sum of what stands elsewhere. */
function checksum(bytes: Uint8Array, start: number): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) + (i + 1 < bytes.length ? bytes[i + 1] : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return 0xffff - sum;
}

/** Reads what a stack has sent: one sound segment, or a violation. */
export function readSegment(from: Side, bytes: Uint8Array<ArrayBuffer>): Segment {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const who = NAMES[from];
  must(bytes.length >= 2 * HEADER && bytes[0] === 0x45, () => `${who} has sent what is no plain IPv4 datagram`);
  must(view.getUint16(2) === bytes.length, () => `${who} has sent a datagram that is not as long as it says`);
  must(checksum(bytes.subarray(0, HEADER), 0) === 0, () => `${who}: the IPv4 checksum is wrong`);
  must(bytes[9] === PROTO_TCP, () => `${who} has sent protocol ${bytes[9]}, not TCP`);
  const tcp = bytes.subarray(HEADER);
  must(checksum(bytes.subarray(12), PROTO_TCP + tcp.length) === 0, () => `${who}: the TCP checksum is wrong`);
  const headerLength = (tcp[12] >> 4) * 4;
  must(headerLength >= HEADER && headerLength <= tcp.length, () => `${who}: the TCP header's length is wrong`);
  return {
    from,
    bytes,
    seq: view.getUint32(HEADER + 4),
    ack: view.getUint32(HEADER + 8),
    flags: tcp[13],
    window: view.getUint16(HEADER + 14),
    urgent: view.getUint16(HEADER + 18),
    ...readOptions(who, tcp.subarray(HEADER, headerLength)),
    payload: tcp.subarray(headerLength),
  };
}

function readOptions(who: string, bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const options = {
    mss: -1,
    shift: -1,
    sackPermitted: false,
    sack: [] as number[],
    tsVal: undefined as number | undefined,
    tsEcr: 0,
  };
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const kind = bytes[at];
    if (kind === 1) {
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    must(length >= 2 && at + length <= bytes.length, () => `${who}: option ${kind} has a wrong length`);
    if (kind === 2) options.mss = view.getUint16(at + 2);
    else if (kind === 3) options.shift = bytes[at + 2];
    else if (kind === 4) options.sackPermitted = true;
    else if (kind === 5) for (let i = at + 2; i < at + length; i += 4) options.sack.push(view.getUint32(i));
    else if (kind === 8) {
      options.tsVal = view.getUint32(at + 2);
      options.tsEcr = view.getUint32(at + 6);
    } else must(false, () => `${who} has sent option ${kind}`);
    at += length;
  }
  return options;
}

/** For tests of the checker itself: the segment without its first byte of payload, and all lengths and checksums right. */
export function withoutByte(segment: Segment): Segment {
  const { bytes, payload } = segment;
  const at = bytes.length - payload.length;
  const shorter = new Uint8Array(bytes.length - 1);
  shorter.set(bytes.subarray(0, at));
  shorter.set(bytes.subarray(at + 1), at);
  const view = new DataView(shorter.buffer);
  view.setUint16(2, shorter.length);
  view.setUint16(10, 0);
  view.setUint16(10, checksum(shorter.subarray(0, HEADER), 0));
  view.setUint16(HEADER + 16, 0);
  view.setUint16(HEADER + 16, checksum(shorter.subarray(12), PROTO_TCP + shorter.length - HEADER));
  return readSegment(segment.from, shorter);
}

/** The payload is what the sender has written, from the place that its sequence number says. */
export function checkPayload(segment: Segment, iss: number, written: number): void {
  if (segment.payload.length === 0) return;
  const place = distance(iss, segment.seq) - 1 + (segment.flags & SYN ? 1 : 0);
  const who = NAMES[segment.from];
  // A keepalive may repeat the byte before SND.NXT, whatever it be (RFC 9293 §3.8.4); none is enabled here.
  must(place >= 0 && place + segment.payload.length <= written, () => `${who} has sent bytes that nobody has written`);
  const bad = patternBreak(segment.from, place, segment.payload);
  must(bad < 0, () => `${who} has sent a wrong byte at ${place + bad} of its stream`);
}

/**
 * The segment in the canonical form. The payload follows from its place and length (checkPayload), and the rest of the
 * datagram (identification, checksums) means nothing to who receives it.
 */
export function hashSegment(hash: Hash, segment: Segment, { iss, tsOffset, nowMs }: Bases): void {
  const { from } = segment;
  const to = other(from);
  hash.add(from | (segment.flags << 1) | (segment.window << 9));
  hash.add((segment.mss & 0xffff) | ((segment.shift & 255) << 16) | (segment.sackPermitted ? 1 << 24 : 0));
  hash.add(segment.urgent | (segment.payload.length << 16));
  hash.add(segment.seq - iss[from]);
  hash.add(segment.flags & ACK ? segment.ack - iss[to] : 0);
  for (const edge of segment.sack) hash.add(edge - iss[to]);
  if (segment.tsVal !== undefined) {
    hash.add(segment.tsVal - tsOffset[from] - nowMs);
    hash.add(segment.tsEcr === 0 ? 1 : segment.tsEcr - tsOffset[to] - nowMs);
  }
}

/** Such as "A>B 101:201 ack 1 win 2048 [P.]", sequence numbers from the ISS. */
export function segmentText(segment: Segment, iss: readonly number[]): string {
  const { from, flags } = segment;
  const to = other(from);
  const seq = distance(iss[from], segment.seq);
  const marks = [...["F", "S", "R", "P", ".", "U"].filter((_, i) => flags & (1 << i))].join("");
  const ack = flags & ACK ? ` ack ${distance(iss[to], segment.ack)}` : "";
  const sack = segment.sack.length > 0 ? ` sack ${segment.sack.map((edge) => distance(iss[to], edge))}` : "";
  return `${NAMES[from]}>${NAMES[to]} [${marks}] ${seq}:${seq + segment.payload.length}${ack} win ${segment.window}${sack}`;
}
