/**
 * What must hold of all of a stack's connections at any time, read from their records, whatever came and was called:
 *
 *   UNA <= MAX <= END (with the FIN);  READ <= RCV.NXT <= right edge, which does not go back; nor does anything
 *   ranges out of order lie in the window, apart from RCV.NXT and from each other; what was sent is all on the scoreboard, in order
 *   no more waits to be sent or read than the rings hold, and all of it is what was written or sent for that place
 *   whatever waits for an acknowledgment or a window has a timer; cwnd is nothing only by ECN (RFC 3168 §6.1.2)
 *   a listener's counts and queue are those of the connections that name it; rings and blocks are all accounted for
 *
 * Bytes follow from port and sequence number (streamByte), so they can be told wherever they are met.
 */
import { HANDLE_INDEX } from "../../assembly/abi/socket.js";
import * as TCP from "../../assembly/abi/tcp.js";
import type { Stack } from "../../src/index.js";
import { distance, type Range, RUN_LOST, RUN_SACKED, type Run, type TcbRecord, tcbRecords } from "./tcp-records.js";
import { readTcp, SYN } from "./tcp-wire.js";
import { type Bytes, readIpv4 } from "./wire.js";

/** Of whoever sends from `port`, the byte with the sequence number `seq`. */
export function streamByte(port: number, seq: number): number {
  return (seq * 7 + (seq >>> 8) * 13 + port) & 255;
}

export function stream(port: number, seq: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => streamByte(port, (seq + i) >>> 0));
}

/** Place of the first byte that is not the stream's; -1 if there is none. */
export function breakIn(bytes: Uint8Array, port: number, seq: number): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== streamByte(port, (seq + i) >>> 0)) return i;
  return -1;
}

/** PCB_WAITS and PCB_ORPHAN of pcb/pcb.ts. */
const WAITS = 2;
const ORPHAN = 8;

/** What is remembered of a connection from one look to the next. */
interface Before {
  readonly iss: number;
  readonly irs: number;
  readonly state: number;
  readonly una: number;
  readonly max: number;
  readonly rcvNxt: number;
  readonly rcvAdv: number;
}

export class TcpInvariants {
  readonly #stack: Stack;
  readonly #ranges: number;
  #before = new Map<number, Before>();
  /** Connections that were told bytes which are not the stream's: incarnations, or names of what was none then. */
  readonly #spoiled = new Set<string>();
  /** States and kinds of recovery met: how often. */
  readonly met = new Map<string, number>();

  /** @param ranges  the stack's boot option tcpRanges */
  constructor(stack: Stack, ranges: number) {
    this.#stack = stack;
    this.#ranges = ranges;
  }

  /** A datagram comes in, sound or not: if it has other text than the stream's, its connection's bytes are not looked at. */
  received(bytes: Bytes): void {
    if (bytes.length < 40 || bytes[9] !== 6) return;
    const ip = readIpv4(bytes);
    const { srcPort, dstPort, seq, flags, data } = readTcp(ip);
    const first = (flags & SYN) !== 0 ? (seq + 1) >>> 0 : seq;
    if (breakIn(data, srcPort, first) < 0) return;
    const name = `${ip.dst}:${dstPort} > ${ip.src}:${srcPort}`;
    const known = this.records().filter((t) => t.name === name && t.get("state") !== TCP.TCP_CLOSED);
    for (const t of known) this.#spoiled.add(t.incarnation);
    // It may begin a connection, or another one.
    if (known.length === 0 || (flags & SYN) !== 0) this.#spoiled.add(name);
  }

  isSpoiled(t: TcbRecord): boolean {
    return this.#spoiled.has(t.incarnation) || this.#spoiled.has(t.name);
  }

  records(): TcbRecord[] {
    return tcbRecords(this.#stack, this.#ranges);
  }

  check(): void {
    const records = this.records();
    const now = new Map<number, Before>();
    for (const record of records) {
      try {
        this.#connection(record);
        const known = this.#before.get(record.at);
        const next = remember(record);
        if (known !== undefined) requireForward(known, next);
        now.set(record.at, next);
      } catch (error) {
        throw new Error(`${record.name}, state ${record.get("state")}: ${(error as Error).message}`);
      }
    }
    for (const record of records) if (record.get("state") === TCP.TCP_LISTEN) requireQueue(record, records);
    this.#books(records);
    this.#before = now;
  }

  #meet(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }

  #connection(t: TcbRecord): void {
    const state = t.get("state");
    must(state >= TCP.TCP_CLOSED && state <= TCP.TCP_CLOSING, "there is no such state");
    must(t.get("pcb") === t.pcb, "its socket is another");
    this.#meet(`state ${state}`);
    if (t.get("rcvRing") === 0 || state === TCP.TCP_LISTEN) {
      must(state === TCP.TCP_CLOSED || state === TCP.TCP_LISTEN, "it has no rings");
      return;
    }
    const isOrphan = (t.socketFlags & ORPHAN) !== 0;
    must(!isOrphan || !t.has(TCP.TCB_F_HELD), "it is held, and an orphan");
    if (state >= TCP.TCP_ESTABLISHED) this.#meet(`recovery ${t.get("recovery")}`);
    requireSending(t, state);
    if (state !== TCP.TCP_SYN_SENT) requireReceiving(t);
    if (state !== TCP.TCP_CLOSED) requireTimers(t, state);
    requireWritten(t);
    if (!this.isSpoiled(t) && state !== TCP.TCP_SYN_SENT) requireContent(t);
  }

  /** Each ring and block is one connection's, or free. */
  #books(records: readonly TcbRecord[]): void {
    const rings = records.flatMap((t) => [t.get("sndRing"), t.get("rcvRing")]).filter((at) => at !== 0);
    must(new Set(rings).size === rings.length, "two have the same ring");
    const sizes = records.flatMap((t) => (t.get("sndRing") === 0 ? [] : [t.get("sndMask") + 1, t.get("rcvMask") + 1]));
    for (const { size, total, free } of this.#stack.memory().byteRings) {
      const used = sizes.filter((one) => one === size).length;
      must(free + used === total, `rings of ${size}: ${free} free and ${used} in use of ${total}`);
    }
    const handles = records.map(({ handle }) => handle & HANDLE_INDEX);
    must(new Set(records.map(({ at }) => at)).size === handles.length, "two have the same block");
  }
}

function must(condition: boolean, text: string): asserts condition {
  if (!condition) throw new Error(text);
}

/** a <= b <= … in sequence space. */
function inOrder(...numbers: number[]): boolean {
  return numbers.every((number, i) => i === 0 || distance(numbers[i - 1] as number, number) >= 0);
}

function requireSending(t: TcbRecord, state: number): void {
  const [una, max, end] = [t.get("sndUna"), t.get("sndMax"), t.get("sndEnd")];
  const places = () => [una, max, end].map((seq) => distance(t.get("iss"), seq)).join();
  const fin = Number(t.has(TCP.TCB_F_FIN_QUEUED));
  must(inOrder(una, max, end + fin), `UNA, MAX, END stand at ${places()}`);
  const opening = state === TCP.TCP_SYN_SENT || state === TCP.TCP_SYN_RECEIVED;
  if (opening) must(una === t.get("iss") && distance(una, max) === 1, `opening: UNA, MAX stand at ${places()}`);
  const queued = distance(una === t.get("iss") ? una + 1 : una, end);
  must(queued <= t.get("sndMask") + 1, `${queued} bytes are queued`);
  if (state < TCP.TCP_ESTABLISHED) return;
  must(
    (t.get("cwnd") > 0 || t.has(TCP.TCB_F_ECN)) && t.get("sndMss") > 0,
    `cwnd ${t.get("cwnd")}, MSS ${t.get("sndMss")}`,
  );
  requireRuns(t, una, max);
}

/** The scoreboard tells of all from UNA to MAX, and its sums are right; the first byte is not SACKed. */
function requireRuns(t: TcbRecord, una: number, max: number): void {
  const { runs } = t;
  const said = () =>
    runs.map(({ begin, end, info }) => `${distance(una, begin)}:${distance(una, end)} ${info & 7}`).join(", ");
  for (const run of runs) must(distance(run.begin, run.end) > 0, `runs: ${said()}`);
  must((runs.at(-1)?.end ?? una) === max, `runs end not at MAX, ${distance(una, max)}: ${said()}`);
  const sum = (flag: number) =>
    runs.reduce((bytes, { begin, end, info }) => bytes + ((info & flag) === 0 ? 0 : distance(begin, end)), 0);
  must(sum(RUN_SACKED) === t.get("sackedBytes"), `${t.get("sackedBytes")} bytes are SACKed: ${said()}`);
  must(sum(RUN_LOST) === t.get("lostBytes"), `${t.get("lostBytes")} bytes are lost: ${said()}`);
  const both = RUN_SACKED | RUN_LOST;
  must(
    runs.every(({ info }) => (info & both) !== both),
    `lost, and SACKed: ${said()}`,
  );
  must(runs.length === 0 || ((runs[0] as Run).info & RUN_SACKED) === 0, `the first byte is SACKed: ${said()}`);
}

function requireReceiving(t: TcbRecord): void {
  const [read, nxt, adv, irs] = [t.get("rcvRead"), t.get("rcvNxt"), t.get("rcvAdv"), t.get("irs")];
  const fin = Number(t.has(TCP.TCB_F_FIN_RECEIVED));
  const places = [read, nxt, adv].map((seq) => distance(irs, seq)).join();
  must(inOrder(read, nxt - fin, adv), `READ, NXT and edge stand at ${places}`);
  must(distance(read, adv) <= t.get("rcvMask") + 1, `more is promised than the ring holds: ${places}`);
  must(fin === 0 || t.get("rangeCount") === 0, "text waits behind the FIN");
  const ranges = [...t.waiting].sort((a, b) => distance(b[0], a[0]));
  let left = nxt;
  for (const range of ranges) {
    const isApart = distance(left, range[0]) > 0 && distance(range[0], range[1]) > 0;
    must(isApart, `ranges ${text(ranges, irs)} with RCV.NXT ${distance(irs, nxt)}`);
    left = range[1];
  }
  must(inOrder(left, adv), `ranges ${text(ranges, irs)} beyond the edge, ${distance(irs, adv)}`);
}

const text = (ranges: readonly Range[], from: number) =>
  ranges.map(([l, r]) => `${distance(from, l)}:${distance(from, r)}`).join(" ");

function requireTimers(t: TcbRecord, state: number): void {
  const end = t.get("sndEnd") + Number(t.has(TCP.TCB_F_FIN_QUEUED));
  const isOpening = state < TCP.TCP_ESTABLISHED;
  const isOver = !isOpening && distance(t.get("sndUna"), end) === 0;
  const waitsForRoom = (t.socketFlags & WAITS) !== 0;
  must(
    isOver || waitsForRoom || t.isArmed("rexmt") || t.isArmed("pace"),
    "something waits to be acknowledged or sent, without a timer",
  );
  const fin2 = state === TCP.TCP_FIN_WAIT_2 && (t.socketFlags & ORPHAN) !== 0;
  must(!fin2 || t.isArmed("life"), "an orphan in FIN-WAIT-2 has no end");
}

function requireContent(t: TcbRecord): void {
  const [read, nxt] = [t.get("rcvRead"), t.get("rcvNxt") - Number(t.has(TCP.TCB_F_FIN_RECEIVED))];
  const came: Range[] = [[read, nxt], ...t.waiting];
  for (const [left, right] of came) {
    const wrong = breakIn(t.bytes("rcv", left, distance(left, right)), t.remotePort, left);
    must(wrong < 0, `byte ${distance(t.get("irs"), left + wrong)} that came is not what was sent`);
  }
}

function requireWritten(t: TcbRecord): void {
  const iss = t.get("iss");
  const first = t.get("sndUna") === iss ? iss + 1 : t.get("sndUna");
  const left = distance(first, t.get("sndEnd"));
  if (left <= 0) return;
  const wrong = breakIn(t.bytes("snd", first, left), t.localPort, first);
  must(wrong < 0, `byte ${distance(iss, first + wrong)} to be sent is not what was written`);
}

function remember(t: TcbRecord): Before {
  const get = (name: string) => t.get(name);
  return {
    iss: get("iss"),
    irs: get("irs"),
    state: get("state"),
    una: get("sndUna"),
    max: get("sndMax"),
    rcvNxt: get("rcvNxt"),
    rcvAdv: get("rcvAdv"),
  };
}

/** Nothing goes back while it is the same connection. */
function requireForward(before: Before, now: Before): void {
  if (before.iss !== now.iss || before.state === TCP.TCP_CLOSED) return;
  must(inOrder(before.una, now.una), "UNA goes back");
  must(inOrder(before.max, now.max), "MAX goes back");
  if (before.irs !== now.irs || before.state <= TCP.TCP_SYN_SENT) return;
  must(inOrder(before.rcvNxt, now.rcvNxt), "RCV.NXT goes back");
  must(inOrder(before.rcvAdv, now.rcvAdv), "the window's right edge goes back");
}

/** A listener's counts and queue. */
function requireQueue(listener: TcbRecord, all: readonly TcbRecord[]): void {
  const children = all.filter((t) => t.get("parent") === listener.at);
  const queued = children.filter((t) => t.has(TCP.TCB_F_QUEUED));
  must(queued.length === listener.get("acceptable"), `${queued.length} wait of ${listener.get("acceptable")}`);
  const halfOpen = children.length - queued.length;
  must(halfOpen === listener.get("halfOpen"), `${halfOpen} are half open of ${listener.get("halfOpen")}`);
  let last = 0;
  let count = 0;
  for (let at = listener.get("acceptHead"); at !== 0; count++) {
    const t = queued.find((one) => one.at === at);
    must(t !== undefined && count < queued.length, "one waits to be accepted that does not");
    last = at;
    at = t.get("acceptNext");
  }
  must(count === queued.length && last === listener.get("acceptTail"), "the accept queue is not whole");
}
