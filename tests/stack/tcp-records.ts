/** The records of TCP as they lie in a stack's memory: every field of a control block by its name, read only. */
import {
  HANDLE_INDEX,
  PCB_HANDLE,
  PCB_LOCAL,
  PCB_LOCAL_PORT,
  PCB_PROTO,
  PCB_REMOTE,
  PCB_REMOTE_PORT,
  PCB_TCB,
} from "../../assembly/abi/socket.js";
import type { Stack } from "../../src/index.js";
import { layoutOf } from "../checker/layout.js";

const TCB = layoutOf("tcp/tcb.ts", "Tcb");
const FIELDS = new Map(TCB.fields.map((field) => [field.name, field]));
const PCB_FLAGS = layoutOf("pcb/pcb.ts", "Pcb").fields.find(({ name }) => name === "flags")?.offset as number;
const TIME_WAIT = new Map(layoutOf("tcp/time-wait.ts", "TimeWait").fields.map(({ name, offset }) => [name, offset]));
/** Of a timer: the link to it, 0 unless it stands in the wheel. */
const TIMER_PREV = 4;
/** When it expires; from 2^63 on, it is stopped. */
const TIMER_AT = 8;
const TCP = 6;

/** b - a in sequence space, between -2^31 and 2^31. */
export function distance(a: number, b: number): number {
  return (b - a) | 0;
}

export type Range = readonly [left: number, right: number];

/** A run of the scoreboard (assembly/tcp/scoreboard.ts), with what its third word says. */
export interface Run {
  readonly begin: number;
  readonly end: number;
  readonly info: number;
}

export const RUN_SACKED = 1;
export const RUN_LOST = 2;
export const RUN_AGAIN = 4;
const RUN_BYTES = 12;

function address(stack: Stack, at: number): string {
  const { u8 } = stack.core;
  return Array.from(u8.subarray(at + 12, at + 16)).join(".");
}

/** A control block and its socket. */
export class TcbRecord {
  readonly #stack: Stack;
  /** Addresses of the block and of its socket's record. */
  readonly at: number;
  readonly pcb: number;
  readonly #ranges: number;

  constructor(stack: Stack, pcb: number, ranges: number) {
    this.#stack = stack;
    this.pcb = pcb;
    this.at = stack.core.u32[(pcb + PCB_TCB) >> 2] as number;
    this.#ranges = ranges;
  }

  get(name: string): number {
    const field = FIELDS.get(name);
    if (field === undefined) throw new Error(`a control block has no ${name}`);
    const { u8, u32 } = this.#stack.core;
    const at = this.at + field.offset;
    if (field.bytes === 2) return (u8[at] as number) + 256 * (u8[at + 1] as number);
    return (field.bytes === 1 ? u8[at] : u32[at >> 2]) as number;
  }

  has(flag: number): boolean {
    return (this.get("flags") & flag) !== 0;
  }

  #socket(offset: number): number {
    return this.#stack.core.u32[(this.pcb + offset) >> 2] as number;
  }

  get handle(): number {
    return this.#socket(PCB_HANDLE);
  }

  /** PCB_… flags, which are the module's own. */
  get socketFlags(): number {
    return this.#socket(PCB_FLAGS);
  }

  get local(): string {
    return address(this.#stack, this.pcb + PCB_LOCAL);
  }

  get remote(): string {
    return address(this.#stack, this.pcb + PCB_REMOTE);
  }

  get localPort(): number {
    return this.#socket(PCB_LOCAL_PORT);
  }

  get remotePort(): number {
    return this.#socket(PCB_REMOTE_PORT);
  }

  /** Local and remote ends, in words. */
  get name(): string {
    return `${this.local}:${this.localPort} > ${this.remote}:${this.remotePort}`;
  }

  /** Of one incarnation of the connection. */
  get incarnation(): string {
    return `${this.name} ${this.get("iss")}`;
  }

  isArmed(timer: "rexmt" | "ack" | "life" | "pace"): boolean {
    const at = this.at + (FIELDS.get(`${timer}0`)?.offset as number);
    const { core } = this.#stack;
    return core.u32[(at + TIMER_PREV) >> 2] !== 0 && core.u64(at + TIMER_AT) < 2 ** 63;
  }

  /** Ranges that wait out of order. */
  get waiting(): readonly Range[] {
    return this.#rangesAt(this.at + TCB.bytes, this.get("rangeCount"));
  }

  /** Ranges that the peer has by SACK. */
  get sacked(): readonly Range[] {
    return this.runs.filter(({ info }) => (info & RUN_SACKED) !== 0).map(({ begin, end }) => [begin, end]);
  }

  /** What was sent and is not acknowledged, in order. */
  get runs(): readonly Run[] {
    const { u32 } = this.#stack.core;
    let word = (this.at + TCB.bytes + this.#ranges * 8) >> 2;
    let begin = this.get("sndUna");
    return Array.from({ length: this.get("runCount") }, () => {
      const run = { begin, end: u32[word] as number, info: u32[word + 2] as number };
      begin = run.end;
      word += RUN_BYTES / 4;
      return run;
    });
  }

  #rangesAt(at: number, count: number): readonly Range[] {
    const { u32 } = this.#stack.core;
    const word = (i: number) => u32[(at >> 2) + i] as number;
    return Array.from({ length: count }, (_, i) => [word(2 * i), word(2 * i + 1)] as const);
  }

  /** The bytes of a ring from sequence number `seq` on. */
  bytes(which: "snd" | "rcv", seq: number, count: number): Uint8Array {
    const ring = this.get(`${which}Ring`);
    const mask = this.get(`${which}Mask`);
    const { u8 } = this.#stack.core;
    const first = (seq & mask) >>> 0;
    const head = u8.subarray(ring + first, ring + Math.min(first + count, mask + 1));
    if (head.length === count) return head;
    const whole = new Uint8Array(count);
    whole.set(head);
    whole.set(u8.subarray(ring, ring + count - head.length), head.length);
    return whole;
  }
}

/** TCP's sockets that are open in the module, whoever has their handle. */
export function tcbRecords(stack: Stack, ranges: number): TcbRecord[] {
  const { exports, u32 } = stack.core;
  const all: TcbRecord[] = [];
  for (let i = 0; i <= HANDLE_INDEX; i++) {
    const at = exports.sock_record(i);
    if (at < 0) break;
    if (u32[(at + PCB_PROTO) >> 2] === TCP) all.push(new TcbRecord(stack, at, ranges));
  }
  return all;
}

/** A connection in TIME-WAIT. */
export interface TimeWaitRecord {
  readonly local: string;
  readonly remote: string;
  readonly localPort: number;
  readonly remotePort: number;
  readonly sndNxt: number;
  readonly rcvNxt: number;
  readonly tsRecent: number;
}

export function timeWaitRecords(stack: Stack): TimeWaitRecord[] {
  const { exports, u32 } = stack.core;
  const all: TimeWaitRecord[] = [];
  for (let i = 0; ; i++) {
    const at = exports.time_wait_record(i);
    if (at < 0) return all;
    const word = (name: string) => u32[(at + (TIME_WAIT.get(name) as number)) >> 2] as number;
    if (word("localPort") === 0) continue;
    all.push({
      local: address(stack, at),
      remote: address(stack, at + 16),
      localPort: word("localPort"),
      remotePort: word("remotePort"),
      sndNxt: word("sndNxt"),
      rcvNxt: word("rcvNxt"),
      tsRecent: word("tsRecent"),
    });
  }
}
