/**
 * What the host under test sends is looked at: well-formed, from an own address or else what has come in, one TTL less;
 * errors only about what may be answered; fragments that make a whole.
 */
import { breakIn } from "./tcp-invariants.js";
import { RST, readTcp } from "./tcp-wire.js";
import { type Bytes, checksum, join, type ReadIpv4, read, readIpv4 } from "./wire.js";

/** A datagram that came in, or that a socket wrote with a header of its own. */
interface Heard {
  readonly ip: ReadIpv4;
  /** Forwarded with this TTL, if at all. */
  readonly ttl: number;
  /** By a broadcast or multicast of the link. */
  readonly isLinkGroup: boolean;
  /** By a socket. */
  readonly isWritten: boolean;
}

const ERRORS = new Set([3, 4, 5, 11, 12]);
const QUERIES = new Set([0, 8, 13, 14, 15, 16, 17, 18]);
const isGroup = (ip: string) => Number(ip.split(".")[0]) >= 224;

/** Header and what there is of the datagram at `bytes`; undefined if it is no header. */
function parse(bytes: Bytes): ReadIpv4 | undefined {
  if (bytes.length < 20 || ((bytes[0] as number) & 15) < 5) return undefined;
  return readIpv4(bytes);
}

export class Look {
  readonly #heard = new Map<string, Heard[]>();
  /** Keys of what the host itself has sent, over lo too. */
  readonly #own = new Map<string, { pieces: Map<number, Bytes>; end: number }>();
  /** Largest MTU that each interface has had. */
  readonly most: number[];
  /** Every address that the host ever had: what is sent may have waited since then. */
  readonly owned: ReadonlySet<string>;
  readonly macs: readonly (string | undefined)[];

  constructor(owned: ReadonlySet<string>, macs: readonly (string | undefined)[], mtus: readonly number[]) {
    this.owned = owned;
    this.macs = macs;
    this.most = [...mtus];
  }

  /** A frame comes in, as it stands in its buffer. */
  received(bytes: Bytes, ethernet: boolean): void {
    const isTagged = bytes[12] === 0x81 && bytes[13] === 0;
    const ip = parse(ethernet ? bytes.slice(isTagged ? 18 : 14) : bytes);
    if (ip === undefined) return;
    this.#note({ ip, ttl: ip.ttl - 1, isLinkGroup: ethernet && ((bytes[0] as number) & 1) !== 0, isWritten: false });
  }

  /** A socket sends this datagram with its own header. */
  written(bytes: Bytes): void {
    const length = bytes.length;
    if (length < 20) return;
    const whole = bytes.slice();
    whole.set([length >>> 8, length & 255], 2);
    const ip = parse(whole);
    if (ip !== undefined) this.#note({ ip, ttl: ip.ttl, isLinkGroup: false, isWritten: true });
  }

  #note(heard: Heard): void {
    const { src, id, proto } = heard.ip;
    const key = `${src} ${id} ${proto}`;
    const known = this.#heard.get(key) ?? [];
    known.push(heard);
    this.#heard.set(key, known);
  }

  #heardOf(ip: ReadIpv4): readonly Heard[] {
    const { id, proto } = ip;
    const keys = [`${ip.src} ${id} ${proto}`];
    // A socket's header without source or identification has been completed.
    keys.push(`0.0.0.0 ${id} ${proto}`, `${ip.src} 0 ${proto}`, `0.0.0.0 0 ${proto}`);
    return keys.flatMap((key) => this.#heard.get(key) ?? []);
  }

  /** What it may be when it was passed on: all or a piece of what has come in. */
  #passedOn(ip: ReadIpv4): readonly Heard[] {
    const at = (ip.flagsOffset & 0x1fff) * 8;
    return this.#heardOf(ip).filter((heard) => {
      const from = (heard.ip.flagsOffset & 0x1fff) * 8;
      // What a socket sends by lo, whatever its destination, comes in there and is forwarded.
      const isSent = heard.ttl === ip.ttl || (heard.isWritten && heard.ttl - 1 === ip.ttl);
      if (!isSent || heard.ip.tos !== ip.tos || at < from) return false;
      const piece = heard.ip.payload.subarray(at - from, at - from + ip.payload.length);
      return piece.length === ip.payload.length && piece.every((byte, i) => byte === ip.payload[i]);
    });
  }

  /** A frame leaves by the interface `which`: the datagram in it, if there is one. */
  sent(which: number, bytes: Bytes): Bytes | undefined {
    const mac = this.macs[which];
    if (mac === undefined) return this.#datagram(which, bytes);
    const frame = read(bytes);
    if (bytes.length < 60) throw new Error(`a frame of ${bytes.length} bytes was sent`);
    if (frame.src !== mac) throw new Error(`a frame was sent from ${frame.src}`);
    if (frame.padding > 0 && bytes.slice(bytes.length - frame.padding).some((byte) => byte !== 0)) {
      throw new Error("a frame was padded with what is not zero");
    }
    if (frame.arp !== undefined) {
      const { spa, tpa, sha, op } = frame.arp;
      if (sha !== frame.src || tpa.startsWith("127.")) throw new Error(`ARP from ${sha} for ${tpa}`);
      // A proxy answers in the name of others.
      if (op === 1 && spa !== "0.0.0.0" && !this.owned.has(spa)) throw new Error(`ARP from ${spa}`);
      if (isGroup(spa) || isGroup(tpa) || spa.startsWith("127.")) throw new Error(`ARP from ${spa} for ${tpa}`);
      return undefined;
    }
    if (frame.ip === undefined) throw new Error(`a frame of type ${frame.type} was sent`);
    const multicast = frame.dst.startsWith("01:00:5e");
    const datagram = this.#datagram(which, bytes.slice(14));
    const first = Number(frame.ip.dst.split(".")[0]);
    if (this.#passedOn(frame.ip).length === 0 && multicast !== (first >= 224 && first < 240)) {
      throw new Error(`a datagram to ${frame.ip.dst} was sent to ${frame.dst}`);
    }
    return datagram;
  }

  #datagram(which: number, bytes: Bytes): Bytes {
    const ip = readIpv4(bytes);
    if (!ip.good || ip.totalLen > bytes.length) throw new Error("a bad IP header was sent");
    if (ip.ttl === 0) throw new Error("a TTL of 0 was sent");
    if (ip.totalLen > (this.most[which] as number)) throw new Error(`${ip.totalLen} bytes were sent`);
    if (ip.dst.startsWith("127.") || ip.dst.startsWith("0.")) throw new Error(`a datagram was sent to ${ip.dst}`);
    const datagram = bytes.slice(0, ip.totalLen);
    const passed = this.#passedOn(ip);
    if (passed.length > 0) {
      this.#forwarded(ip, passed);
      return datagram;
    }
    // IGMP speaks for an interface, which may have no address.
    const isNameless = ip.proto === 2 && ip.src === "0.0.0.0";
    if (!isNameless && (!this.owned.has(ip.src) || ip.src.startsWith("127.")))
      throw new Error(`a datagram was sent from ${ip.src} to ${ip.dst}, id ${ip.id}, TTL ${ip.ttl}`);
    this.#message(which, ip);
    this.#piece(ip);
    return datagram;
  }

  /** RFC 1812 §5.3.4, §5.3.7: what is never forwarded. A socket may write what it likes. */
  #forwarded(ip: ReadIpv4, passed: readonly Heard[]): void {
    if (passed.some(({ isWritten }) => isWritten)) return;
    const what = `a datagram from ${ip.src} to ${ip.dst}`;
    if (passed.every(({ isLinkGroup }) => isLinkGroup))
      throw new Error(`${what}, a broadcast of a link, was forwarded`);
    for (const end of [ip.src, ip.dst]) {
      if (isGroup(end) || /^(0|127|169\.254)\./.test(end)) throw new Error(`${what} was forwarded`);
    }
    const at = ip.flagsOffset & 0x1fff;
    const isWhole = passed.some(({ ip: { options, flagsOffset } }) => {
      return (flagsOffset & 0x1fff) !== at || options.length === ip.options.length;
    });
    if (!isWhole) throw new Error(`${what} was forwarded with ${ip.options.length} bytes of options`);
  }

  /** Of our own making: the message is right. */
  #message(which: number, ip: ReadIpv4): void {
    if (ip.icmp?.good === false) throw new Error("a bad ICMP checksum was sent");
    if (ip.udp?.good === false && !isRightAtItsEnd(ip)) throw new Error("a bad UDP checksum was sent");
    if (ip.proto === 6) requireSegment(ip);
    if (ip.proto === 2) {
      if (ip.ttl !== 1 || ip.options.join() !== "148,4,0,0") throw new Error("IGMP without router alert was sent");
      if (checksum(ip.payload) !== 0) throw new Error("a bad IGMP checksum was sent");
    }
    if (ip.icmp !== undefined && ERRORS.has(ip.icmp.type)) this.#error(ip, ip.icmp.data);
    if (ip.icmp?.type === 5 && this.macs[which] === undefined) throw new Error("a redirect was sent by a line");
  }

  /** RFC 1122 §3.2.2: only about what may be answered, and what has come in. */
  #error(ip: ReadIpv4, data: Bytes): void {
    if (ip.totalLen > 576) throw new Error(`an ICMP error of ${ip.totalLen} bytes was sent`);
    const quoted = parse(data);
    if (quoted === undefined) throw new Error("an ICMP error quotes no header");
    const about = `an ICMP error about ${quoted.src} > ${quoted.dst}, protocol ${quoted.proto}`;
    if ((quoted.flagsOffset & 0x1fff) !== 0) throw new Error(`${about}: a later fragment`);
    if (isGroup(quoted.dst) || isGroup(quoted.src) || quoted.src === "0.0.0.0") throw new Error(about);
    if (quoted.proto === 1 && !QUERIES.has(quoted.payload[0] as number)) throw new Error(`${about}: an error`);
    if (ip.options.length === 0 && ip.dst !== quoted.src) throw new Error(`${about} was sent to ${ip.dst}`);
    // What the host itself has sent, and cannot be delivered.
    if (this.owned.has(quoted.src)) return;
    const heard = this.#heardOf(quoted);
    if (heard.length === 0) throw new Error(`${about}, which never came`);
    if (heard.every(({ isLinkGroup }) => isLinkGroup)) throw new Error(`${about}: a broadcast of the link`);
  }

  /** Fragments of ours make a whole. */
  #piece(ip: ReadIpv4): void {
    const isLast = (ip.flagsOffset & 0x2000) === 0;
    const at = (ip.flagsOffset & 0x1fff) * 8;
    if ((ip.flagsOffset & 0x8000) !== 0) throw new Error("the reserved flag was sent");
    if (isLast && at === 0) return;
    if ((ip.flagsOffset & 0x4000) !== 0) throw new Error("a fragment with DF was sent");
    if (!isLast && ip.payload.length % 8 !== 0) throw new Error(`a fragment of ${ip.payload.length} bytes was sent`);
    const key = `${ip.src} ${ip.dst} ${ip.id} ${ip.proto}`;
    const whole = this.#own.get(key) ?? { pieces: new Map(), end: 0 };
    this.#own.set(key, whole);
    if (isLast) whole.end = at + ip.payload.length;
    if (whole.pieces.has(at)) throw new Error(`two fragments at ${at} of ${key}`);
    whole.pieces.set(at, ip.payload);
    const held = [...whole.pieces].sort(([a], [b]) => a - b);
    let end = 0;
    for (const [start, bytes] of held) {
      if (start < end) throw new Error(`fragments of ${key} overlap`);
      if (start > end) return;
      end = start + bytes.length;
    }
    if (end !== whole.end) return;
    this.#own.delete(key);
    const message = join(...held.map(([, bytes]) => bytes));
    if (ip.proto === 1 && checksum(message) !== 0) throw new Error(`a bad ICMP checksum was sent in fragments, ${key}`);
  }
}

/** A segment of ours, if it is whole: in form, and of the stream. */
function requireSegment(ip: ReadIpv4): void {
  if ((ip.flagsOffset & 0x3fff) !== 0) return;
  const { faults, flags, data, srcPort, seq } = readTcp(ip);
  const wrong = faults.filter((fault) => fault !== "checksum" || !isRightAtItsEnd(ip));
  if (wrong.length > 0) throw new Error(`a segment was sent with a wrong ${wrong.join(", ")}`);
  if ((flags & RST) !== 0 ? data.length > 0 : breakIn(data, srcPort, seq) >= 0) {
    throw new Error("a segment was sent with text that nobody has written");
  }
}

/** With a source route the pseudo-header names the last stop (RFC 1122 §4.1.3.2 by §3.2.1.8). */
function isRightAtItsEnd(ip: ReadIpv4): boolean {
  for (let at = 0; at < ip.options.length; ) {
    const type = ip.options[at] as number;
    if (type === 0) return false;
    const length = type === 1 ? 1 : (ip.options[at + 1] as number);
    if (type === 131 || type === 137) {
      const last = ip.options.subarray(at + length - 4, at + length);
      const src = ip.src.split(".").map(Number);
      return (
        checksum([...src, ...last, 0, ip.proto, ip.payload.length >> 8, ip.payload.length & 255], ip.payload) === 0
      );
    }
    at += length;
  }
  return false;
}
