// TCP by exported calls: a stack whose loopback carries all, driven by a plain loop, with nothing of src/ in between but
// the hand-over of loopback's driver. Time goes on by a microsecond with each poll; no events are drained.
import { CALL_PTR } from "../assembly/abi/call.js";
import { E_AGAIN } from "../assembly/abi/errno.js";
import { IPPROTO_TCP } from "../assembly/abi/proto.js";
import { HANDLE_INDEX, OPT_TCP_NODELAY, PCB_PROTO, PCB_TCB } from "../assembly/abi/socket.js";
import { POLL_FAR, REGION_COUNTERS } from "../assembly/abi/stack.js";
import { SW_TCP_TIME_WAIT_MS } from "../assembly/abi/switch.js";
import {
  TCB_CONGESTION,
  TCB_FLAGS,
  TCB_RCV_MASK,
  TCB_SND_MASK,
  TCB_STATE,
  TCP_ESTABLISHED,
  TCP_SYN_RECEIVED,
} from "../assembly/abi/tcp.js";
import { type BootOptions, Core, type Exports } from "../src/wasm/core.js";
import { Rings } from "../src/wasm/rings.js";
import { type Disturbance, Ill } from "./tcp-ill.js";
import { piece, Sink } from "./tcp-stream.js";

const LOCALHOST = 0x7f000001;
/** Frames that a poll may take and timers that it may fire. */
const BUDGET = 512;
const BACKLOG = 1024;
/** Turns without a byte after which a loop has come to a stop. */
const PATIENCE = 1000;

/** How a host differs from one whose loopback is as good as loopbacks are. */
export interface Conditions {
  /** Puts itself between the loops and the module. */
  readonly wrap?: (exports: Exports) => Exports;
  /** SW_… and their values, set before there is a socket. */
  readonly switches?: readonly (readonly [number, number])[];
  /** By how much each poll is later than the one before, us (1). */
  readonly stepUs?: number;
  /** What happens to frames on their way. */
  readonly disturb?: Disturbance;
}

/** Two connected sockets. */
export interface Ends {
  readonly from: number;
  readonly to: number;
}

export class CoreHost {
  readonly core: Core;
  readonly #exports: Exports;
  readonly #rings: Rings;
  readonly #numbers: Float64Array;
  readonly #pointer: number;
  readonly #listener: number;
  readonly #port = 7000;
  readonly #sockets: number;
  readonly #step: number;
  readonly #ill: Ill | undefined;
  #us = 0;
  /** Microseconds from the last poll until something is due. */
  #dueIn = 0;
  /** Bytes that the loops have copied into the stack and out of it. */
  copied = 0;

  constructor(module: WebAssembly.Module, options: BootOptions, mtu: number, conditions: Conditions = {}) {
    const { wrap, switches = [], stepUs = 1, disturb } = conditions;
    this.core = Core.boot(module, options);
    const calls = wrap ? wrap(this.core.exports) : this.core.exports;
    this.#exports = calls;
    this.#step = stepUs;
    this.#sockets = options.sockets ?? 16;
    this.#rings = new Rings(this.core, calls.netif_record(1));
    if (disturb) this.#ill = new Ill(this.core, disturb);
    for (const [id, value] of switches) must("stack_set", calls.stack_set(id, value));
    this.#numbers = new Float64Array(this.core.u8.buffer);
    this.#pointer = (this.core.call + CALL_PTR) >> 2;
    must("netif_mtu", calls.netif_mtu(1, mtu));
    this.#listener = must("sock_open", calls.sock_open(IPPROTO_TCP));
    this.core.putPeer(LOCALHOST, this.#port);
    must("sock_bind", calls.sock_bind(this.#listener));
    must("sock_listen", calls.sock_listen(this.#listener, BACKLOG));
  }

  /** What was sent is received; true if there was anything. */
  #turn(): boolean {
    this.#ill?.disturb();
    const moved = this.#rings.handOver() !== 0;
    if (moved) this.#poll(this.#step);
    return moved;
  }

  #poll(us: number): void {
    this.#us += us;
    this.#dueIn = this.#exports.stack_poll(this.#us >>> 0, Math.floor(this.#us / 2 ** 32), BUDGET) >>> 0;
  }

  /** Until nothing is under way. */
  #settle(): void {
    while (this.#turn()) {}
  }

  /** A new connection, and nothing under way. */
  connect(): Ends {
    const { sock_open, sock_connect, sock_accept, sock_set } = this.#exports;
    const from = must("sock_open", sock_open(IPPROTO_TCP));
    this.core.putPeer(LOCALHOST, this.#port);
    must("sock_connect", sock_connect(from));
    this.#settle();
    const to = must("sock_accept", sock_accept(this.#listener));
    for (const end of [from, to]) must("sock_set", sock_set(end, OPT_TCP_NODELAY, 1));
    return { from, to };
  }

  #place(): number {
    return this.core.i32[this.#pointer] as number;
  }

  /** Writes what there is room for, of the stream from place `at` on up to `end`: where it stands then. */
  #write(handle: number, at: number, end: number): number {
    const { tcp_send_window, tcp_send } = this.#exports;
    let next = at;
    while (next < end) {
      const room = tcp_send_window(handle);
      if (room < 0) {
        if (room === -E_AGAIN) break;
        must("tcp_send_window", room);
      }
      const bytes = piece(next, Math.min(room, end - next));
      this.core.u8.set(bytes, this.#place());
      this.copied += bytes.length;
      must("tcp_send", tcp_send(handle, bytes.length, 0));
      next += bytes.length;
    }
    return next;
  }

  #read(handle: number, sink: Sink): void {
    const { tcp_receive_window, tcp_receive } = this.#exports;
    for (let length = tcp_receive_window(handle); length > 0; length = tcp_receive_window(handle)) {
      const at = this.#place();
      sink.take(this.core.u8.subarray(at, at + length));
      this.copied += length;
      must("tcp_receive", tcp_receive(handle, length));
    }
  }

  /** Sends so many bytes from one end to the other. */
  bulk({ from, to }: Ends, bytes: number, verify: boolean): void {
    const sink = new Sink(verify);
    let sent = 0;
    for (let idle = 0; sink.received < bytes; idle++) {
      const before = sink.received;
      sent = this.#write(from, sent, bytes);
      if (!this.#turn()) this.#wait();
      this.#read(to, sink);
      if (sink.received !== before) idle = 0;
      if (idle > PATIENCE) throw new Error(`bench: ${sink.received} of ${bytes} bytes came`);
    }
    this.#settle();
  }

  /** Sends `bytes` over each connection, `chunk` bytes of each in turn, `batch` connections before a poll. */
  crowd(crowd: readonly Ends[], bytes: number, chunk: number, batch: number): void {
    const sinks = crowd.map(() => new Sink(false));
    for (let at = 0; at < bytes; at += chunk) {
      for (let first = 0; first < crowd.length; first += batch) {
        const last = Math.min(first + batch, crowd.length);
        for (let i = first; i < last; i++) {
          if (this.#write((crowd[i] as Ends).from, at, at + chunk) !== at + chunk) throw new Error("bench: no room");
        }
        this.#settle();
        for (let i = first; i < last; i++) this.#read((crowd[i] as Ends).to, sinks[i] as Sink);
      }
    }
    this.#settle();
    for (const { received } of sinks)
      if (received !== bytes) throw new Error(`bench: ${received} of ${bytes} bytes came`);
  }

  /** Sends eight numbers, `value` and those that follow it, and answers the sum of what comes at the other end. */
  #message(from: number, to: number, value: number): number {
    const { tcp_send_window, tcp_send, tcp_receive_window, tcp_receive } = this.#exports;
    const numbers = this.#numbers;
    if (tcp_send_window(from) < 64) throw new Error("bench: no room");
    const target = this.#place() >> 3;
    for (let i = 0; i < 8; i++) numbers[target + i] = value + i;
    tcp_send(from, 64, 0);
    this.#turn();
    if (tcp_receive_window(to) !== 64) throw new Error("bench: no message");
    const source = this.#place() >> 3;
    let sum = 0;
    for (let i = 0; i < 8; i++) sum += numbers[source + i] as number;
    tcp_receive(to, 64);
    return sum;
  }

  /** A segment altered on its way must not be received, and its data must come all the same. */
  requireChecksums({ from, to }: Ends): void {
    this.#write(from, 0, 64);
    this.#rings.transmit((frame) => {
      frame[frame.length - 1] = (frame[frame.length - 1] as number) ^ 1;
      return false;
    });
    this.#settle();
    if (this.#exports.tcp_receive_window(to) !== -E_AGAIN) throw new Error("bench: no checksum was verified");
    const sink = new Sink(true);
    while (sink.received < 64) {
      this.#wait();
      this.#read(to, sink);
    }
  }

  /** Nothing moves: until a timer does. */
  #wait(): void {
    this.#poll(this.#dueIn === 0 || this.#dueIn >= POLL_FAR ? 1000 : this.#dueIn);
    this.#settle();
  }

  /** Sends so many bytes both ways that both streams go on at a multiple of 64 in their rings, where no message wraps. */
  align({ from, to }: Ends): void {
    for (const [sender, receiver] of [
      [from, to],
      [to, from],
    ] as const) {
      must("tcp_send_window", this.#exports.tcp_send_window(sender));
      this.#write(sender, 0, -this.#place() & 63);
      this.#settle();
      this.#read(receiver, new Sink(false));
    }
    this.#settle();
  }

  /** n messages of 64 bytes to and fro, one at a time, over aligned streams in turn. */
  pingPong(crowd: readonly Ends[], n: number): void {
    let total = 0;
    for (let i = 0, turn = 0; i < n; i++) {
      const { from, to } = crowd[turn] as Ends;
      if (++turn === crowd.length) turn = 0;
      total += this.#message(from, to, i & 31);
      total += this.#message(to, from, i & 31);
    }
    // What n messages of values 0 to 31 in turn add up to, there and back.
    if (n % 32 !== 0 || total !== 2 * (n / 32) * 8 * 32 * (3.5 + 15.5)) throw new Error("bench: messages were altered");
  }

  /** CTR_… so far. */
  counter(id: number): number {
    return this.core.u64(this.#exports.stack_region(REGION_COUNTERS) + id * 8);
  }

  #block({ from }: Ends): number {
    return this.core.i32[(this.#exports.sock_record(from & HANDLE_INDEX) + PCB_TCB) >> 2] as number;
  }

  /** Whether a connection has TCB_F_…. */
  hasFlag(ends: Ends, flag: number): boolean {
    return ((this.core.i32[(this.#block(ends) + TCB_FLAGS) >> 2] as number) & flag) !== 0;
  }

  /** TCP_CONGESTION_… of a connection. */
  congestion(ends: Ends): number {
    return this.core.u8[this.#block(ends) + TCB_CONGESTION] as number;
  }

  /** TIME-WAIT, ms. */
  timeWait(ms: number): void {
    must("stack_set", this.#exports.stack_set(SW_TCP_TIME_WAIT_MS, ms));
  }

  #state(record: number): number {
    const tcb = this.core.i32[(record + PCB_TCB) >> 2] as number;
    return tcb === 0 ? 0 : (this.core.i32[(tcb + TCB_STATE) >> 2] as number);
  }

  /** A SYN has been answered, the ACK has not come: bytes of rings that the half-open connection holds. */
  halfOpenRings(): number {
    const { sock_open, sock_connect, sock_record, sock_close } = this.#exports;
    const { i32 } = this.core;
    const from = must("sock_open", sock_open(IPPROTO_TCP));
    this.core.putPeer(LOCALHOST, this.#port);
    must("sock_connect", sock_connect(from));
    this.#turn();
    const records = Array.from({ length: this.#sockets }, (_, i) => sock_record(i));
    const record = records.find(
      (at) => i32[(at + PCB_PROTO) >> 2] === IPPROTO_TCP && this.#state(at) === TCP_SYN_RECEIVED,
    );
    if (record === undefined) throw new Error("bench: nothing is half open");
    const tcb = i32[(record + PCB_TCB) >> 2] as number;
    const bytes = [TCB_SND_MASK, TCB_RCV_MASK].map((mask) => (i32[(tcb + mask) >> 2] as number) + 1);
    this.#settle();
    must("sock_close", sock_close(from));
    must("sock_close", sock_close(must("sock_accept", this.#exports.sock_accept(this.#listener))));
    this.#settle();
    return bytes.reduce((sum, ring) => sum + ring, 0);
  }

  /** n connections made, accepted and closed from the peer's side first, one at a time. */
  connectClose(n: number): void {
    const { sock_close, sock_record, tcp_receive_window } = this.#exports;
    for (let i = 0; i < n; i++) {
      const { from, to } = this.connect();
      if (this.#state(sock_record(from & HANDLE_INDEX)) !== TCP_ESTABLISHED) throw new Error("bench: not established");
      must("sock_close", sock_close(from));
      this.#settle();
      if (tcp_receive_window(to) !== 0) throw new Error("bench: the end of the stream has not come");
      must("sock_close", sock_close(to));
      this.#settle();
    }
  }
}

function must(call: string, result: number): number {
  if (result < 0) throw new Error(`bench: ${call}: ${result}`);
  return result;
}
