/**
 * A connection's record as the checker reads it: the whole of Tcb (assembly/tcp/tcb.ts), every field of a stated kind.
 *
 * Why the canonical form may leave out or shift what it does. TCP looks at sequence numbers through differences only
 * (RFC 9293 §3.4), so two states that differ in the ISS alone behave alike: numbers of our sequence space are taken from
 * ISS, the peer's from IRS. Times are compared with now, or with each other: they are taken from now. A pointer names a
 * record whose content is in the form; which of several records it is makes no difference. What is counted for
 * statistics is never read back. The bytes in the rings follow from their places, which is an invariant of its own.
 */
import { TCB_BYTES_ACKED, TCB_F_GROWS_IN, TCB_F_UNDO } from "../../assembly/abi/tcp.js";
import type { Core } from "../../src/wasm/core.js";
import type { Hash } from "./hash.js";
import { layoutOf } from "./layout.js";

const LAYOUT = layoutOf("tcp/tcb.ts", "Tcb");

/** What a field is, and how the canonical form takes it. */
type Kind =
  /** As it is. */
  | "plain"
  /** Sequence numbers: of ours, from ISS; of the peer's, from IRS. */
  | "snd"
  | "rcv"
  /** A reference: is there one? */
  | "pointer"
  /** Milliseconds, or microseconds of which the low half is kept, from now. */
  | "ms"
  | "us"
  /** Milliseconds from now; 0 = none. */
  | "counted"
  /** u64 microseconds from now; 0 = none. */
  | "time"
  /** A second. */
  | "second"
  /** A peer's timestamp. */
  | "timestamp"
  /** First of the three words of a timer; the other two belong to it. */
  | "timer"
  | "part"
  /** First of the two edges of a block in the peer's sequence space; equal edges = none. */
  | "block"
  | "edge"
  /** Where and when a round of autotuning began: not where all rings are of one size. */
  | "tuned"
  /** Of the episode that may be undone, where there is one: sequence numbers of ours, and milliseconds. */
  | "episode"
  | "episodeMs"
  /** The base of what is measured, or what is never read back. */
  | "base"
  | "statistic";

const KINDS: Record<Exclude<Kind, "plain">, string> = {
  snd: "sndUna sndMax sndWl2 sndUp sndEnd rttSeq recover flightEnd rackEnd rackFack ecnSeq reoRound tlpEnd mtuSeq mtuClaimSeq mtuSampleEnd",
  rcv: "sndWl1 rcvNxt rcvAdv rcvUp rcvRead rcvFin lastAck",
  pointer: "pcb parent sndRing rcvRing acceptHead acceptTail acceptNext acceptPrev freeNext",
  ms: "tsRecentMs heardMs sentMs minRttMs",
  us: "rackAt",
  counted: "countedMs",
  time: "giveUpAt rtoAt",
  second: "challengeAt",
  timestamp: "tsRecent",
  block: "dsackLeft",
  edge: "dsackRight",
  timer: "rexmt0 ack0 life0 pace0",
  part: "rexmt8 rexmt16 ack8 ack16 life8 life16 pace8 pace16",
  tuned: "tuneRead tuneAt",
  episode: "undoUna undoEnd",
  episodeMs: "undoMs",
  base: "iss irs tsOffset mtuMs",
  statistic: "retransmits bytesAcked bytesReceived segsOut segsIn",
};

const PLAIN =
  "tlp reoMore reoPersist prrDelivered prrOut recoverFs minRttUs sackedBytes lostBytes rackRttUs rexmtMode state flags sndWnd sndMaxWnd sndMss rcvMss peerMss sndShift rcvShift congestion rangeCount runCount recovery dupAcks " +
  "backoff sndMask rcvMask rcvMost srttUs rttvarUs rtoUs cwnd ssthresh ackedBytes cwndPrior ssthreshPrior cwndPriorPrior " +
  "cc0 cc1 cc2 cc3 cc4 ccPrior0 ccPrior1 ccPrior2 ccPrior3 ccPrior4 challenges keepProbes softError " +
  "backlog acceptable halfOpen opt0 opt1 opt2 opt3 opt4 opt5 opt6 opt7 opt8 opt9 opt10 reserved " +
  "undoBytes undoStage undoTimeout frto undoReserved ecnMute mtuFails mtuFull mtuReserved mtuCap mtuHigh mtuProbe mtuSize mtuSample mtuProven mtuClaim mtuReserved1";

function kindOf(name: string): Kind {
  for (const [kind, names] of Object.entries(KINDS)) if (names.split(" ").includes(name)) return kind as Kind;
  if (PLAIN.split(" ").includes(name)) return "plain";
  throw new Error(`Tcb.${name} is new: say in tests/checker/tcb.ts what the canonical form makes of it`);
}

/** Offsets of the fields of each kind. Small fields stand four to a word, all of them plain. */
const OF = Object.fromEntries([...Object.keys(KINDS), "plain"].map((kind) => [kind, [] as number[]])) as Record<
  Kind,
  number[]
>;
for (const { name, offset, bytes } of LAYOUT.fields) {
  const kind = kindOf(name);
  if (bytes < 4 && kind !== "plain") throw new Error(`Tcb.${name} is smaller than what its kind reads`);
  const word = offset & ~3;
  if (!OF[kind].includes(word)) OF[kind].push(word);
}

function at(name: string): number {
  const field = LAYOUT.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`Tcb.${name} is no more`);
  return field.offset;
}

const AT = {
  state: at("state"),
  flags: at("flags"),
  sndUna: at("sndUna"),
  sndMax: at("sndMax"),
  sndEnd: at("sndEnd"),
  sndWnd: at("sndWnd"),
  iss: at("iss"),
  irs: at("irs"),
  rcvNxt: at("rcvNxt"),
  rcvAdv: at("rcvAdv"),
  rcvRead: at("rcvRead"),
  rcvFin: at("rcvFin"),
  sndRing: at("sndRing"),
  sndMask: at("sndMask"),
  rcvRing: at("rcvRing"),
  rcvMask: at("rcvMask"),
  rexmt: at("rexmt0"),
  ack: at("ack0"),
  life: at("life0"),
  tsOffset: at("tsOffset"),
  challenges: at("challenges"),
};

const RANGE_COUNT = at("rangeCount");
const RUN_COUNT = at("runCount");
/** Of a run (assembly/tcp/scoreboard.ts): bytes, and what its third word says of SACK. */
const RUN_BYTES = 12;
const RUN_SACKED = 1;
const RACK_RTT = at("rackRttUs");
const RCV_SHIFT = at("rcvShift");
/** Of a timer: the link to it, 0 unless it stands in the wheel; when it expires, from 2^63 on never. */
const TIMER_PREV = 4;
const TIMER_AT = 8;

export type Range = readonly [left: number, right: number];
const NO_RANGES: readonly Range[] = [];

/** One connection's record. */
export class TcbView {
  readonly #core: Core;
  readonly #at: number;
  readonly #ranges: number;

  /** @param ranges  ranges that a record keeps of each kind (the boot option tcpRanges) */
  constructor(core: Core, address: number, ranges: number) {
    this.#core = core;
    this.#at = address;
    this.#ranges = ranges;
  }

  get(field: keyof typeof AT): number {
    return this.#core.u32[(this.#at + AT[field]) >> 2];
  }

  /** For tests of the checker itself. */
  set(field: keyof typeof AT, value: number): void {
    this.#core.u32[(this.#at + AT[field]) >> 2] = value;
  }

  /** For tests of the checker itself: as if a timer had been forgotten. */
  disarm(timer: "rexmt"): void {
    this.#core.u32[(this.#at + AT[timer] + TIMER_PREV) >> 2] = 0;
  }

  get rcvShift(): number {
    return this.#core.u8[this.#at + RCV_SHIFT];
  }

  get bytesAcked(): number {
    return this.#core.u64(this.#at + TCB_BYTES_ACKED);
  }

  /** Byte rings that it has. */
  get rings(): number {
    return Number(this.get("sndRing") !== 0) + Number(this.get("rcvRing") !== 0);
  }

  isArmed(timer: "rexmt" | "ack" | "life"): boolean {
    return this.#armed(this.#at + AT[timer]);
  }

  #armed(timer: number): boolean {
    return this.#core.u32[(timer + TIMER_PREV) >> 2] !== 0 && this.#core.u64(timer + TIMER_AT) < 2 ** 63;
  }

  /** Ranges that wait out of order. */
  get waiting(): readonly Range[] {
    return this.#rangesAt(this.#at + LAYOUT.bytes, this.#core.u8[this.#at + RANGE_COUNT]);
  }

  /** Ranges that the peer has by SACK. */
  get sacked(): readonly Range[] {
    return this.#runs.filter(({ info }) => (info & RUN_SACKED) !== 0).map(({ begin, end }) => [begin, end]);
  }

  /** What was sent and is not acknowledged. */
  get #runs(): readonly { begin: number; end: number; at: number; info: number }[] {
    const { u32, u8 } = this.#core;
    const first = (this.#at + LAYOUT.bytes + this.#ranges * 8) >> 2;
    let begin = this.get("sndUna");
    return Array.from({ length: u8[this.#at + RUN_COUNT] }, (_, i) => {
      const word = first + (i * RUN_BYTES) / 4;
      const run = { begin, end: u32[word], at: u32[word + 1], info: u32[word + 2] };
      begin = run.end;
      return run;
    });
  }

  #rangesAt(at: number, count: number): readonly Range[] {
    if (count === 0) return NO_RANGES;
    const { u32 } = this.#core;
    const ranges: Range[] = [];
    for (let i = at >> 2; ranges.length < count; i += 2) ranges.push([u32[i], u32[i + 1]]);
    return ranges;
  }

  /** The part of a ring from sequence number `seq` on, in one piece or, around its end, two. */
  ring(which: "snd" | "rcv", seq: number, count: number): Uint8Array {
    const ring = this.get(which === "snd" ? "sndRing" : "rcvRing");
    const mask = this.get(which === "snd" ? "sndMask" : "rcvMask");
    const { u8 } = this.#core;
    const first = (seq & mask) >>> 0;
    const head = u8.subarray(ring + first, ring + Math.min(first + count, mask + 1));
    if (head.length === count) return head;
    const whole = new Uint8Array(count);
    whole.set(head);
    whole.set(u8.subarray(ring, ring + count - head.length), head.length);
    return whole;
  }

  hash(hash: Hash, nowUs: number, peerTsOffset: number): void {
    const { u32 } = this.#core;
    const at = this.#at;
    const iss = this.get("iss");
    const irs = this.get("irs");
    const nowMs = Math.floor(nowUs / 1000);
    for (const offset of OF.plain) hash.add(u32[(at + offset) >> 2]);
    for (const offset of OF.snd) hash.add(u32[(at + offset) >> 2] - iss);
    for (const offset of OF.rcv) hash.add(u32[(at + offset) >> 2] - irs);
    for (const offset of OF.pointer) hash.add(u32[(at + offset) >> 2] === 0 ? 0 : 1);
    for (const offset of OF.ms) hash.add(u32[(at + offset) >> 2] - nowMs);
    for (const offset of OF.counted) {
      const ms = u32[(at + offset) >> 2];
      hash.add(ms === 0 ? 0x7fffffff : ms - nowMs);
    }
    if (u32[(at + RACK_RTT) >> 2] !== 0) {
      for (const offset of OF.us) hash.add(u32[(at + offset) >> 2] - nowUs);
    }
    for (const offset of OF.time) hash.add(this.#timeFrom(nowUs, at + offset));
    for (const offset of OF.second) this.#hashSecond(hash, u32[(at + offset) >> 2], nowUs);
    for (const offset of OF.timestamp) {
      const value = u32[(at + offset) >> 2];
      hash.add(value === 0 ? 0x7fffffff : value - peerTsOffset - nowMs);
    }
    for (const offset of OF.timer) {
      hash.add(this.#armed(at + offset) ? this.#timeFrom(nowUs, at + offset + TIMER_AT) : -1);
    }
    if ((this.get("flags") & TCB_F_UNDO) !== 0) {
      for (const offset of OF.episode) hash.add(u32[(at + offset) >> 2] - iss);
      for (const offset of OF.episodeMs) hash.add(u32[(at + offset) >> 2] - nowMs);
    }
    for (const offset of OF.block) {
      const left = u32[(at + offset) >> 2];
      const right = u32[(at + offset + 4) >> 2];
      hash.add(left === right ? 0 : left - irs);
      hash.add(right - left);
    }
    const grows = this.get("rcvRing") !== 0 && (this.get("flags") & TCB_F_GROWS_IN) !== 0;
    if (grows) throw new Error("no ring of these worlds may grow");
    for (const edge of this.waiting.flat()) hash.add(edge - irs);
    for (const run of this.#runs) {
      hash.add(run.end - iss);
      hash.add(run.at - nowUs);
      hash.add(run.info);
    }
  }

  /** When challenges were last counted, and where now is in that second: without any it is all the same. */
  #hashSecond(hash: Hash, second: number, nowUs: number): void {
    if (this.get("challenges") === 0) return;
    hash.add(second - Math.floor(nowUs / 1_000_000));
    hash.add(nowUs % 1_000_000);
  }

  /** Microseconds from now to the u64 time at `at`; none is told from all that lie within an hour. */
  #timeFrom(nowUs: number, at: number): number {
    const time = this.#core.u64(at);
    return time === 0 ? 0x7fffffff : time - nowUs;
  }
}
