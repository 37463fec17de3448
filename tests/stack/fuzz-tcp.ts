/** TCP for the fuzzer: peers that open, and peers that answer what the host has sent, mostly as TCP would. */
import type { Prng } from "../../src/index.js";
import { pick } from "./fuzz-datagrams.js";
import { stream } from "./tcp-invariants.js";
import { ACK, FIN, PSH, type ReadTcp, RST, readTcp, SYN, type TcpOption, tcp, URG } from "./tcp-wire.js";
import { type Bytes, ipv4, type ReadIpv4 } from "./wire.js";

const WINDOWS = [0, 1, 100, 1000, 65535];
/** Mostly the same, so that an ACK may say nothing new. */
const windowOf = (prng: Prng) => (prng.chance(0.7) ? 8192 : pick(prng, WINDOWS));

/** Options of a SYN that mean something, or not. */
function offers(prng: Prng): TcpOption[] {
  const all: TcpOption[] = [
    { kind: "mss", mss: pick(prng, [0, 1, 88, 536, 1460, 65535]) },
    { kind: "wscale", shift: pick(prng, [0, 1, 7, 14, 15, 255]) },
    { kind: "sackOK" },
    { kind: "TS", val: prng.uint32(), ecr: 0 },
  ];
  return all.filter(() => prng.chance(0.6));
}

/** A segment that begins something, or comes out of the blue: the IP payload. */
export function stray(prng: Prng, ends: { src: string; dst: string; srcPort: number; dstPort: number }): Bytes {
  const win = pick(prng, WINDOWS);
  const seq = pick(prng, [0, 1000, 0x7fffff00, 0xffffff00, prng.uint32()]);
  const text = stream(ends.srcPort, (seq + 1) >>> 0, prng.chance(0.2) ? prng.below(600) : 0);
  if (prng.chance(0.8)) return tcp({ ...ends, seq, win, flags: SYN, options: offers(prng) }, text);
  const flags = pick(prng, [ACK, RST, RST | ACK, SYN | ACK, FIN | ACK, SYN | FIN, 0, prng.below(256)]);
  if (prng.chance(0.1)) return tcp({ ...ends, offset: prng.below(16) }, text).slice(0, prng.below(30));
  return tcp({ ...ends, seq, win, flags, ack: prng.uint32(), options: offers(prng) }, text);
}

/** How the peer goes on: as TCP does; as TCP may, or a little off; or as if it lacked something before the segment. */
export type Manner = "mild" | "wild" | "lacking";

/** What the peer says to this segment. */
function reply(prng: Prng, ip: ReadIpv4, isMild: boolean): Bytes {
  const slip = () => (isMild ? 0 : anySlip(prng));
  const heard = readTcp(ip);
  const ends = { src: ip.dst, dst: ip.src, srcPort: heard.dstPort, dstPort: heard.srcPort };
  const span = heard.data.length + ((heard.flags & SYN) !== 0 ? 1 : 0) + ((heard.flags & FIN) !== 0 ? 1 : 0);
  const seq = (heard.flags & ACK) !== 0 ? heard.ack : 5000;
  const some = prng.chance(0.5) ? prng.below(60) : 0;
  const fields = {
    ...ends,
    // At times something is missing before.
    seq: (seq + slip() + (some > 0 && prng.chance(0.2) ? 100 * (1 + prng.below(4)) : 0)) >>> 0,
    ack: (heard.seq + span + slip()) >>> 0,
    win: isMild ? (prng.chance(0.9) ? 8192 : 0) : windowOf(prng),
    urp: prng.below(100),
    flags: isMild ? mildFlags(prng, heard) : flagsFor(prng, heard),
    options: optionsFor(prng, heard, isMild),
  };
  const first = (fields.flags & SYN) !== 0 ? fields.seq + 1 : fields.seq;
  return tcp(fields, stream(heard.dstPort, first >>> 0, some));
}

function anySlip(prng: Prng): number {
  if (prng.chance(0.75)) return 0;
  return pick(prng, [-1, 1, 10, 60, 100, 1000, -50, -1000, 70_000, -(2 ** 31)]);
}

function mildFlags(prng: Prng, heard: ReadTcp): number {
  if ((heard.flags & (SYN | ACK)) === SYN) return SYN | ACK;
  return prng.chance((heard.flags & FIN) !== 0 ? 0.5 : 0.95) ? ACK : FIN | ACK;
}

function flagsFor(prng: Prng, heard: ReadTcp): number {
  const isOpening = (heard.flags & (SYN | ACK)) === SYN;
  if (isOpening && prng.chance(0.8)) return pick(prng, [SYN | ACK, SYN | ACK, SYN | ACK, SYN, RST | ACK, RST]);
  if (prng.chance(0.7)) return pick(prng, [ACK, ACK | PSH]);
  if (prng.chance(0.6)) return FIN | ACK;
  return pick(prng, [RST, RST | ACK, SYN, SYN | ACK, URG | ACK, URG | ACK, 0, prng.below(256)]);
}

function optionsFor(prng: Prng, heard: ReadTcp, isMild: boolean): TcpOption[] {
  const options: TcpOption[] = [];
  for (const option of heard.options) {
    if (!isMild && prng.chance(0.1)) continue;
    if (option.kind === "TS") {
      const val = (option.val + (isMild ? 0 : anySlip(prng))) >>> 0;
      options.push({ kind: "TS", val, ecr: isMild || prng.chance(0.9) ? option.val : 0 });
    } else if (option.kind === "mss" || option.kind === "wscale" || option.kind === "sackOK") options.push(option);
  }
  if (prng.chance(0.2) && heard.data.length > 0) {
    const left = (heard.seq + prng.below(heard.data.length)) >>> 0;
    options.push({ kind: "sack", blocks: [[left, (left + 1 + prng.below(heard.data.length)) >>> 0]] });
  }
  return options;
}

/** The peer lacks something before this segment: the IP payload. */
function duplicate(prng: Prng, ip: ReadIpv4): Bytes {
  const heard = readTcp(ip);
  const ends = { src: ip.dst, dst: ip.src, srcPort: heard.dstPort, dstPort: heard.srcPort };
  const options = heard.options.flatMap((option): TcpOption[] =>
    option.kind === "TS" ? [{ kind: "TS", val: option.val, ecr: option.val }] : [],
  );
  const from = (heard.seq + heard.data.length) >>> 0;
  if (prng.chance(0.5)) options.push({ kind: "sack", blocks: [[from, (from + 1 + prng.below(2000)) >>> 0]] });
  return tcp({ ...ends, seq: heard.ack, ack: heard.seq, win: 8192, options });
}

/** The peer's answer to this segment, as an IP datagram. */
export function replyDatagram(prng: Prng, ip: ReadIpv4, manner: Manner): Bytes {
  const payload = manner === "lacking" ? duplicate(prng, ip) : reply(prng, ip, manner === "mild");
  return ipv4({ src: ip.dst, dst: ip.src, id: prng.below(65536), proto: 6 }, payload);
}
