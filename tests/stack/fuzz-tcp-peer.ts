/**
 * The far ends of TCP for the fuzzer. They read the stack's own records, so that they know what is right in every state,
 * and say that, or something near it: fields changed, options of all kinds, text and FIN in any place, resets near the
 * window, SACK blocks of every sort, windows that close, errors that quote what may have been sent.
 */
import * as TCP from "../../assembly/abi/tcp.js";
import type { Prng } from "../../src/index.js";
import { PEERS, pick } from "./fuzz-datagrams.js";
import { SERVED } from "./fuzz-frames.js";
import { stream } from "./tcp-invariants.js";
import { distance, type Range, RUN_AGAIN, type TcbRecord, type TimeWaitRecord } from "./tcp-records.js";
import {
  ACK,
  CWR,
  ECE,
  FIN,
  PSH,
  type ReadTcp,
  RST,
  readTcp,
  SYN,
  type TcpFields,
  type TcpOption,
  tcp,
  URG,
} from "./tcp-wire.js";
import { type Bytes, checksum, icmp, ip4, ipv4, join, type ReadIpv4, readIpv4 } from "./wire.js";

/** What the peers look at. */
export interface TcpScene {
  readonly prng: Prng;
  readonly addresses: readonly string[];
  records(): readonly TcbRecord[];
  timeWaits(): readonly TimeWaitRecord[];
}

/** Addresses, ports and numbers of one connection, seen from the peer. */
interface Place {
  readonly src: string;
  readonly dst: string;
  readonly srcPort: number;
  readonly dstPort: number;
  /** What the stack expects, and what it has sent. */
  readonly seq: number;
  readonly ack: number;
}

type Payload = Uint8Array<ArrayBuffer>;
const NOTHING: Payload = new Uint8Array(0);
/** Strangers' ports: few, so that they come again. */
const CALLERS = [40000, 40001, 40002, 40003, 1000];

const datagram = (place: Place, fields: TcpFields, payload: ArrayLike<number> = NOTHING, tos = 0): Bytes => {
  const { src, dst } = place;
  return ipv4({ src, dst, proto: 6, tos }, tcp({ ...place, ...fields }, payload));
};

export class TcpPeers {
  readonly #scene: TcpScene;
  readonly #prng: Prng;
  /** SYN-ACKs that have not been answered: what of a cookie (RFC 4987) nothing else tells. */
  readonly #synAcks: { ip: ReadIpv4; segment: ReadTcp }[] = [];

  constructor(scene: TcpScene) {
    this.#scene = scene;
    this.#prng = scene.prng;
  }

  /** The stack has sent a datagram. */
  heard(datagram: Bytes): void {
    const ip = readIpv4(datagram);
    if (ip.proto !== 6 || ip.payload.length < 20 || !PEERS.includes(ip.dst)) return;
    const segment = readTcp(ip);
    if ((segment.flags & (SYN | ACK)) !== (SYN | ACK)) return;
    this.#synAcks.push({ ip, segment });
    if (this.#synAcks.length > 4) this.#synAcks.shift();
  }

  /** What comes next from the network: datagrams, of one connection mostly. */
  say(): Bytes[] {
    const prng = this.#prng;
    const kind = prng.below(100);
    if (kind < 14) return [this.#call(pick(prng, PEERS))];
    if (kind < 16) return this.#flood();
    if (kind < 19) return [this.#stray()];
    const synAck = prng.chance(0.3) ? this.#synAcks.pop() : undefined;
    if (synAck !== undefined) return [this.#agree(synAck)];
    const waiting = this.#scene.timeWaits();
    if (kind < 27 && waiting.length > 0) return this.#late(pick(prng, waiting));
    const records = this.#scene.records().filter((t) => this.#isFar(t));
    return records.length === 0 ? [this.#call(pick(prng, PEERS))] : this.#of(pick(prng, records));
  }

  /** Is its peer out there, and not this host itself? */
  #isFar(t: TcbRecord): boolean {
    return t.get("state") > TCP.TCP_LISTEN && PEERS.includes(t.remote);
  }

  #any(): number {
    return this.#prng.uint32();
  }

  /** Somebody wants a connection. */
  #call(src: string, srcPort = pick(this.#prng, CALLERS)): Bytes {
    const prng = this.#prng;
    const dst = prng.chance(0.97) ? pick(prng, this.#scene.addresses) : "192.168.1.255";
    const dstPort = prng.chance(0.95) ? pick(prng, SERVED) : prng.below(65536);
    const place = { src, dst, srcPort: prng.chance(0.98) ? srcPort : 0, dstPort, seq: this.#any(), ack: 0 };
    const text = prng.chance(0.1) ? stream(srcPort, (place.seq + 1) >>> 0, prng.below(600)) : NOTHING;
    const flags = SYN | (prng.chance(0.4) ? ECE | CWR : 0) | (prng.chance(0.05) ? pick(prng, [FIN, ACK, RST, PSH]) : 0);
    return datagram(place, { flags, win: this.#window(), options: this.#offers() }, text);
  }

  #flood(): Bytes[] {
    const src = pick(this.#prng, PEERS);
    return Array.from({ length: 4 + this.#prng.below(40) }, () => this.#call(src, 1024 + this.#prng.below(60000)));
  }

  /** A segment of no connection. */
  #stray(): Bytes {
    const prng = this.#prng;
    const dst = pick(prng, this.#scene.addresses);
    const ends = { src: pick(prng, PEERS), dst, srcPort: pick(prng, CALLERS), dstPort: pick(prng, SERVED) };
    const flags = pick(prng, [0, ACK, RST, RST | ACK, FIN | ACK, SYN | ACK, prng.below(256)]);
    return datagram({ ...ends, seq: this.#any(), ack: this.#any() }, { flags });
  }

  /** Answers a SYN-ACK, with text at times, and at times not as it should. */
  #agree({ ip, segment }: { ip: ReadIpv4; segment: ReadTcp }): Bytes {
    const prng = this.#prng;
    const ends = { src: ip.dst, dst: ip.src, srcPort: segment.dstPort, dstPort: segment.srcPort };
    const seq = (segment.ack + (prng.chance(0.1) ? prng.below(100) : 0)) >>> 0;
    const ack = (segment.seq + (prng.chance(0.2) ? prng.below(16) : 1)) >>> 0;
    const options = segment.options.flatMap((option): TcpOption[] =>
      option.kind === "TS" ? [{ kind: "TS", val: option.ecr, ecr: option.val }] : [],
    );
    const text = stream(ends.srcPort, seq, prng.chance(0.5) ? prng.below(600) : 0);
    return datagram(
      { ...ends, seq, ack },
      { win: this.#window(), options, flags: prng.chance(0.9) ? ACK : FIN | ACK },
      text,
    );
  }

  /** A segment that is late: its connection is in TIME-WAIT. */
  #late(w: TimeWaitRecord): Bytes[] {
    const prng = this.#prng;
    const place: Place = {
      src: w.remote,
      dst: w.local,
      srcPort: w.remotePort,
      dstPort: w.localPort,
      seq: (w.rcvNxt + pick(prng, [0, -1, 1, -100, 70000, 1 << 20])) >>> 0,
      ack: w.sndNxt,
    };
    const flags = pick(prng, [ACK, ACK, FIN | ACK, FIN | ACK, RST, RST | ACK, SYN, SYN, SYN | ACK, 0]);
    const val = (w.tsRecent + pick(prng, [0, 1, 1000, -1, 1 << 30])) >>> 0;
    const options: TcpOption[] = prng.chance(0.7) ? [{ kind: "TS", val, ecr: 0 }] : [];
    return [datagram(place, { flags, options }, stream(place.srcPort, place.seq, prng.chance(0.3) ? 100 : 0))];
  }

  /** What the peer of a connection says next: the right thing mostly, as else there is no connection for long. */
  #of(t: TcbRecord): Bytes[] {
    const prng = this.#prng;
    const place = placeOf(t);
    const state = t.get("state");
    if (state === TCP.TCP_SYN_SENT) return [this.#answer(t, place)];
    if (state === TCP.TCP_SYN_RECEIVED && prng.chance(0.7))
      return [datagram(place, this.#with(t, { ack: t.get("sndMax") }))];
    if (state !== TCP.TCP_ESTABLISHED && prng.chance(0.6)) return this.#closes(t, place);
    if (distance(t.get("sndUna"), t.get("sndMax")) > 3 * t.get("sndMss") && prng.chance(0.4))
      return this.#duplicates(t, place);
    if (t.has(TCP.TCB_F_UNDO) && prng.chance(0.3))
      return prng.chance(0.5) ? this.#twice(t, place) : this.#goesWell(t, place);
    const acts: (() => Bytes[])[] = [
      () => this.#text(t, place),
      () => this.#text(t, place),
      () => this.#text(t, place),
      () => this.#gaps(t, place),
      () => this.#gaps(t, place),
      () => this.#acks(t, place),
      () => this.#acks(t, place),
      () => this.#acks(t, place),
      () => this.#duplicates(t, place),
      () => this.#duplicates(t, place),
      () => this.#duplicates(t, place),
      () => this.#sacks(t, place),
      () => this.#twice(t, place),
      () => this.#goesWell(t, place),
      () => this.#goesWell(t, place),
      () => this.#ends(t, place),
      () => this.#wrong(t, place),
      () => this.#wrong(t, place),
      () => this.#stamps(t, place),
      () => this.#error(t, place),
      () => this.#spoiled(t, place),
    ];
    return pick(prng, acts)();
  }

  /** To a SYN of ours. */
  #answer(t: TcbRecord, place: Place): Bytes {
    const prng = this.#prng;
    const begin = { ...place, seq: this.#any() };
    const options = this.#offers();
    const kind = prng.below(20);
    const ack = t.get("sndMax");
    const echo = t.has(TCP.TCB_F_ECN) && prng.chance(0.8) ? ECE : 0;
    if (kind < 12) return datagram(begin, { flags: SYN | ACK | echo, ack, options, win: this.#window() });
    if (kind < 14) return datagram(begin, { flags: SYN, ack: 0, options });
    if (kind < 16) return datagram(begin, { flags: RST | (prng.chance(0.5) ? ACK : 0), ack });
    if (kind < 18) return datagram(begin, { flags: SYN | ACK, ack: (ack + pick(prng, [-1, 1, 1000])) >>> 0 });
    if (kind < 19) return datagram(begin, { flags: ACK, ack });
    return this.#error(t, place)[0] as Bytes;
  }

  /** Text in its place, or overlapping what has come; several segments at times. */
  #text(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    let seq = (place.seq - (prng.chance(0.2) ? prng.below(300) : 0)) >>> 0;
    return Array.from({ length: 1 + prng.below(3) }, () => {
      const length = pick(prng, [1, 10, 100, 536, 1000, 1400]);
      const urgent = prng.chance(0.1) ? { urp: pick(prng, [0, 1, length, 5000, 65535]) } : {};
      const flags = ACK | (prng.chance(0.5) ? PSH : 0) | (urgent.urp === undefined ? 0 : URG);
      const bytes = stream(place.srcPort, seq, length);
      const segment = datagram({ ...place, seq }, this.#with(t, { flags, ...urgent }), bytes, prng.below(4));
      seq = (seq + length) >>> 0;
      return segment;
    });
  }

  /** Text beyond what is expected, at the window's edge too. */
  #gaps(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const room = Math.max(2, distance(t.get("rcvNxt"), t.get("rcvAdv")));
    return Array.from({ length: 1 + prng.below(6) }, () => {
      const edge = pick(prng, [1, 100, 200, 500, room - 1, room, room - 50, prng.below(room)]);
      const seq = (place.seq + edge) >>> 0;
      const flags = ACK | (prng.chance(0.1) ? FIN : 0);
      return datagram({ ...place, seq }, this.#with(t, { flags }), stream(place.srcPort, seq, 1 + prng.below(200)));
    });
  }

  /** Acknowledges all, some, or what is not there; opens and closes the window. */
  #acks(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const [una, max] = [t.get("sndUna"), t.get("sndMax")];
    const some = una + prng.below(distance(una, max) + 1);
    const ack = pick(prng, [max, max, max, some, some, una, una - 1, una - 70000, max + 1]) >>> 0;
    return [datagram(place, this.#with(t, { ack, win: this.#window() }))];
  }

  /** The same ACK again and again, with what has come beyond it. */
  #duplicates(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const [una, max] = [t.get("sndUna"), t.get("sndMax")];
    const flight = distance(una, max);
    const win = t.get("sndWnd") >>> t.get("sndShift");
    return Array.from({ length: 1 + prng.below(6) }, (_, i) => {
      const right = Math.min(flight, (i + 2) * Math.max(1, t.get("sndMss")));
      const left = Math.min(right, t.get("sndMss"));
      const blocks: Range[] = right > left ? [[(una + left) >>> 0, (una + right) >>> 0]] : [];
      return datagram(place, this.#with(t, { ack: una, win }, blocks));
    });
  }

  /** SACK blocks of every sort. */
  #sacks(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const [una, max] = [t.get("sndUna"), t.get("sndMax")];
    const flight = Math.max(1, distance(una, max));
    const edge = () => (una + pick(prng, [0, 1, flight, flight + 1, -1, -1000, prng.below(flight)])) >>> 0;
    const known = () => pick(prng, [...t.sacked, [edge(), edge()] as Range]);
    const blocks = Array.from({ length: 1 + prng.below(4) }, (): Range => {
      if (prng.chance(0.3)) return known();
      if (prng.chance(0.2)) return [this.#any(), this.#any()];
      const left = edge();
      return [left, prng.chance(0.7) ? (left + 1 + prng.below(2000)) >>> 0 : edge()];
    });
    return [datagram(place, this.#with(t, { ack: prng.chance(0.7) ? una : edge() }, blocks))];
  }

  /** D-SACKs (RFC 2883) of what was sent again, or of what may have been; with what lies around it at times. */
  #twice(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const [una, max] = [t.get("sndUna"), t.get("sndMax")];
    const again = t.runs.filter(({ info }) => (info & RUN_AGAIN) !== 0);
    const [left, right] = pick<Range>(prng, [
      [(una - t.get("sndMss")) >>> 0, una],
      ...(t.get("undoBytes") === 0 ? [] : [0, 1, 2].map((): Range => [t.get("undoUna"), t.get("undoEnd")])),
      ...again.map(({ begin, end }): Range => [begin, end]),
    ]);
    const ack = pick(prng, [una, max, right]);
    const around: Range[] = prng.chance(0.3) ? [[(left - 1) >>> 0, (right + prng.below(3000)) >>> 0]] : [];
    return [datagram(place, this.#with(t, { ack }, [[left, right], ...around]))];
  }

  /** All that was sent is acknowledged, and the window grows. At times it came out of order, or the ACK echoes an older stamp. */
  #goesWell(t: TcbRecord, place: Place): Bytes[] {
    const fields = this.#with(t, { ack: t.get("sndMax") });
    const late = this.#prng.chance(0.3) ? 1 + this.#prng.below(5000) : 0;
    const options = (fields.options ?? []).map((option) =>
      option.kind === "TS" ? { ...option, ecr: (option.ecr - late) >>> 0 } : option,
    );
    const all = datagram(place, { ...fields, options });
    const [una, max] = [t.get("sndUna"), t.get("sndMax")];
    const last = Math.min(t.get("sndMss"), distance(una, max) - 1);
    if (last < 1 || this.#prng.chance(0.7)) return [all];
    return [datagram(place, this.#with(t, { ack: una }, [[(max - last) >>> 0, max]])), all];
  }

  /** Our end is closing, or theirs is: what goes on from there. */
  #closes(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const ack = prng.chance(0.7) ? t.get("sndMax") : place.ack;
    return [datagram(place, this.#with(t, { flags: prng.chance(0.5) ? FIN | ACK : ACK, ack }))];
  }

  /** FIN, in its place or not; RST, likewise. */
  #ends(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const seq = (place.seq + pick(prng, [0, 0, 0, 1, 10, -1, distance(place.seq, t.get("rcvAdv"))])) >>> 0;
    const text = stream(place.srcPort, seq, prng.chance(0.3) ? prng.below(200) : 0);
    const flags = prng.chance(0.75) ? FIN | ACK : RST | (prng.chance(0.5) ? ACK : 0);
    const ack = prng.chance(0.7) ? t.get("sndMax") : place.ack;
    return [datagram({ ...place, seq }, this.#with(t, { flags, ack }), text)];
  }

  /** A field of a right segment is another one. */
  #wrong(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const near = (value: number) => (value + pick(prng, [-1, 1, -1000, 1000, 65536, 1 << 30, 1 << 31])) >>> 0;
    const length = prng.chance(0.5) ? prng.below(100) : 0;
    const fields = this.#with(t, {});
    const [other, raw] = pick<() => [Partial<Place & TcpFields>, number[]?]>(prng, [
      () => [{ seq: near(place.seq) }],
      () => [{ ack: near(place.ack) }],
      () => [{ seq: this.#any(), ack: this.#any() }],
      () => [{ flags: prng.below(256) }],
      () => [{ flags: SYN | pick(prng, [0, ACK, FIN, RST]), seq: (place.seq - prng.below(2)) >>> 0 }],
      () => [{ flags: pick(prng, [0, PSH, FIN, URG]) }],
      () => [{ win: pick(prng, [0, 1, 65535]) }],
      () => [{ urp: prng.below(65536), flags: URG | ACK }],
      () => [{ checksum: prng.below(65536) }],
      () => [{ offset: prng.below(16) }],
      () => [{ options: [{ kind: "raw", bytes: malformed(prng) }] }],
      () => [{ options: [...(fields.options ?? []), { kind: "raw", bytes: malformed(prng) }] }],
      () => [{}, [...stream(place.srcPort, place.seq, prng.below(19))]],
    ])();
    if (raw !== undefined) return [ipv4({ src: place.src, dst: place.dst, proto: 6 }, raw)];
    const seq = other.seq ?? place.seq;
    return [datagram(place, { ...fields, ...other }, stream(place.srcPort, seq, length))];
  }

  /** Timestamps: none where they were agreed on, old ones, future ones. */
  #stamps(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const val = (t.get("tsRecent") + pick(prng, [0, 1, -1, 100000, -100000, 1 << 30, 1 << 31])) >>> 0;
    const options: TcpOption[] = prng.chance(0.7) ? [{ kind: "TS", val, ecr: prng.chance(0.5) ? this.#any() : 0 }] : [];
    const seq = (place.seq + pick(prng, [0, 0, 100, -100])) >>> 0;
    return [datagram({ ...place, seq }, { options }, stream(place.srcPort, seq, prng.below(100)))];
  }

  /** An ICMP error about a segment that may have been sent. */
  #error(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const [una, max] = [t.get("sndUna"), t.get("sndMax")];
    const seq = pick(prng, [una, max, una + prng.below(distance(una, max) + 1), una - 1, max + 1, this.#any()]) >>> 0;
    const { src, dst, srcPort, dstPort } = place;
    const ends = { src: dst, dst: src };
    const sent = tcp({ ...ends, srcPort: dstPort, dstPort: srcPort, seq, ack: t.get("rcvNxt") }, new Uint8Array(1400));
    const quoted = ipv4({ ...ends, proto: 6, flagsOffset: 0x4000 }, sent);
    const [type, code, rest] = pick(prng, [
      [3, 4, pick(prng, [68, 296, 552, 600, 1000, 1006])],
      [3, 4, pick(prng, [0, 67, 65535])],
      [3, prng.below(16), 0],
      [3, pick(prng, [2, 3]), 0],
      [11, prng.below(2), 0],
      [12, 0, 0],
      [4, 0, 0],
      [5, 1, ip4("192.168.1.253")],
    ] as const);
    const from = prng.chance(0.5) ? src : pick(prng, PEERS);
    return [ipv4({ src: from, dst, proto: 1 }, icmp({ type, code, rest }, quoted.slice(0, pick(prng, [28, 40, 548]))))];
  }

  /** A right segment with a byte of it changed, and the checksum right again. */
  #spoiled(t: TcbRecord, place: Place): Bytes[] {
    const prng = this.#prng;
    const [whole] = pick(prng, [this.#text(t, place), this.#ends(t, place), this.#acks(t, place)]);
    if (whole === undefined) return [];
    const segment = whole.slice(20);
    const at = pick(prng, [prng.below(segment.length), 12, 13, 20 + prng.below(segment.length - 19)]) % segment.length;
    segment[at] = prng.below(256);
    // Sum and all: as if it had been meant.
    segment.set([0, 0], 16);
    const pseudo = join(whole.subarray(12, 20), [0, 6, segment.length >>> 8, segment.length & 255]);
    const sum = checksum(pseudo, segment);
    segment.set([sum >>> 8, sum & 255], 16);
    return [join(whole.subarray(0, 20), segment)];
  }

  /** Fields of a segment with the options that were agreed on. */
  #with(t: TcbRecord, fields: TcpFields, blocks: readonly Range[] = []): TcpFields {
    const options: TcpOption[] = [];
    const val = (t.get("tsRecent") + this.#prng.below(2)) >>> 0;
    const ecr = (t.get("tsOffset") + t.get("heardMs")) >>> 0;
    if (t.has(TCP.TCB_F_TIMESTAMPS)) options.push({ kind: "TS", val, ecr });
    if (blocks.length > 0) {
      const most = options.length === 0 ? 4 : 3;
      options.push({ kind: "sack", blocks: blocks.slice(0, most).map(([left, right]) => [left, right]) });
    }
    const win = (t.get("sndMaxWnd") >>> t.get("sndShift")) & 0xffff;
    const marked = { flags: ACK, win, options, ...fields };
    if (t.has(TCP.TCB_F_ECN)) marked.flags |= pick(this.#prng, [0, 0, 0, 0, ECE, ECE, CWR, ECE | CWR]);
    return marked;
  }

  #window(): number {
    return pick(this.#prng, [0, 1, 100, 2000, 8192, 65535, 65535, 65535, 65535, this.#prng.below(65536)]);
  }

  /** What a SYN may offer. */
  #offers(): TcpOption[] {
    const prng = this.#prng;
    const all: TcpOption[] = [];
    if (prng.chance(0.7)) all.push({ kind: "mss", mss: pick(prng, [1460, 1460, 536, 48, 1, 0, 65535]) });
    if (prng.chance(0.6)) all.push({ kind: "sackOK" });
    if (prng.chance(0.4)) all.push({ kind: "TS", val: this.#any(), ecr: 0 });
    if (prng.chance(0.4)) all.push({ kind: "wscale", shift: pick(prng, [0, 2, 7, 14, 15, 255]) });
    if (prng.chance(0.1)) all.push({ kind: "raw", bytes: malformed(prng) });
    return all;
  }
}

function placeOf(t: TcbRecord): Place {
  const ends = { src: t.remote, dst: t.local, srcPort: t.remotePort, dstPort: t.localPort };
  return { ...ends, seq: t.get("rcvNxt"), ack: t.get("sndUna") };
}

/** Options that no length is right for, or that nobody knows; up to 12 bytes, as they come. */
function malformed(prng: Prng): number[] {
  return pick(prng, [
    [2, 0],
    [2, 3, 5, 180],
    [3, 40],
    [5, 2],
    [5, 9, 0, 0, 0, 1, 0, 0, 0],
    [5, 34],
    [8, 10, 1],
    [0, 8, 10, 1],
    [254, 4, 1, 2],
    [19, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [prng.below(256), prng.below(256), prng.below(256), prng.below(256)],
    [4],
    [1, 1, 1, 1, 1],
  ]);
}
