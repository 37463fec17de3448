/**
 * Ends of TCP connections on the core's bare calls, driven by their events: one writes what it is told to and reads what
 * comes, and holds every byte against what the other end must have written.
 */

import { CALL_PTR } from "../../assembly/abi/call.js";
import { E_AGAIN } from "../../assembly/abi/errno.js";
import { EVENT_CLOSED } from "../../assembly/abi/event.js";
import { IPPROTO_TCP } from "../../assembly/abi/proto.js";
import { HANDLE_INDEX, PCB_TCB, SHUT_WR } from "../../assembly/abi/socket.js";
import { TCB_RETRANSMITS, TCB_SEGS_OUT } from "../../assembly/abi/tcp.js";
import { ipv4 } from "../../src/address.js";
import type { Stack } from "../../src/index.js";
import type { HostedSocket } from "../../src/sockets/host.js";

/** Byte number `place` of the stream with this key: neighbours differ, and so do places a power of two apart. */
export function streamByte(key: number, place: number): number {
  return ((Math.imul(place + 1, 0x9e3779b1) >>> 24) ^ Math.imul(key, 0x3d)) & 255;
}

/** A call that has failed, by errno. */
export class CallFailed extends Error {
  constructor(
    readonly call: string,
    readonly errno: number,
  ) {
    super(`${call} fails with errno ${errno}`);
  }
}

function good(call: string, result: number): number {
  if (result < 0) throw new CallFailed(call, -result);
  return result;
}

/** OPT_… and the value to set. */
export type TcpOptions = Readonly<Record<number, number>>;

/** Opens a TCP socket and sets options (OPT_…). */
export function openTcp(stack: Stack, options: TcpOptions = {}): number {
  const { exports } = stack.core;
  const handle = good("sock_open", exports.sock_open(IPPROTO_TCP));
  for (const [option, value] of Object.entries(options)) {
    good(`sock_set ${option}`, exports.sock_set(handle, Number(option), value));
  }
  return handle;
}

/** What an end does. */
export interface EndPlan {
  /** Key and length of the stream that it writes; and that it reads. */
  readonly writes: { readonly key: number; readonly bytes: number };
  readonly reads: { readonly key: number };
  /** Its side of the connection ends when all is written. */
  readonly shuts?: boolean;
}

export class TcpEnd implements HostedSocket {
  written = 0;
  read = 0;
  /** The peer's stream has come to its end. */
  ended = false;
  /** When it had; both directions. */
  doneUs: number | undefined;
  /** errno that the connection has ended with; 0 = none. */
  failed = 0;
  /** EVENT_CLOSED has come. */
  closed = false;
  #shut = false;
  /** What the record counted when look() was called. */
  retransmits = 0;
  segsOut = 0;

  constructor(
    readonly stack: Stack,
    readonly handle: number,
    readonly plan: EndPlan,
  ) {
    stack.register(this);
    this.pump();
  }

  static connect(stack: Stack, address: string, port: number, plan: EndPlan, options: TcpOptions = {}) {
    const handle = openTcp(stack, options);
    stack.tick();
    stack.core.putPeer(ipv4(address), port);
    good("sock_connect", stack.core.exports.sock_connect(handle));
    return new TcpEnd(stack, handle, plan);
  }

  event(bits: number): void {
    if (bits & EVENT_CLOSED) this.closed = true;
    this.pump();
  }

  abandon(): void {}

  close(): void {
    this.stack.unregister(this);
    this.stack.tick();
    this.stack.core.exports.sock_close(this.handle);
    this.stack.work();
  }

  /** Writes and reads as much as goes. */
  pump(): void {
    if (this.failed !== 0) return;
    this.stack.tick();
    try {
      this.#write();
      this.#read();
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      this.failed = error.errno;
    }
    if (this.ended && this.written === this.plan.writes.bytes) this.doneUs ??= this.stack.clock.now();
    this.stack.work();
  }

  #write(): void {
    const { core } = this.stack;
    const { exports, u8 } = core;
    const { key, bytes } = this.plan.writes;
    while (this.written < bytes) {
      const room = exports.tcp_send_window(this.handle);
      if (room === -E_AGAIN) return;
      const count = Math.min(good("tcp_send_window", room), bytes - this.written);
      const at = core.get(CALL_PTR);
      for (let i = 0; i < count; i++) u8[at + i] = streamByte(key, this.written + i);
      good("tcp_send", exports.tcp_send(this.handle, count, 0));
      this.written += count;
    }
    if (this.plan.shuts !== true || this.#shut) return;
    this.#shut = true;
    good("sock_shutdown", exports.sock_shutdown(this.handle, SHUT_WR));
  }

  #read(): void {
    const { core } = this.stack;
    const { exports, u8 } = core;
    while (!this.ended) {
      const there = exports.tcp_receive_window(this.handle);
      if (there === -E_AGAIN) return;
      this.ended = good("tcp_receive_window", there) === 0;
      const at = core.get(CALL_PTR);
      for (let i = 0; i < there; i++) {
        if (u8[at + i] !== streamByte(this.plan.reads.key, this.read + i)) {
          throw new Error(`${this.stack.name}: byte ${this.read + i} of the stream is wrong`);
        }
      }
      if (there > 0) good("tcp_receive", exports.tcp_receive(this.handle, there));
      this.read += there;
    }
  }

  /** Takes down what the record counts; it lasts until close(). */
  look(): void {
    const { exports, u32 } = this.stack.core;
    const tcb = u32[(exports.sock_record(this.handle & HANDLE_INDEX) + PCB_TCB) >> 2];
    this.retransmits = u32[(tcb + TCB_RETRANSMITS) >> 2];
    this.segsOut = u32[(tcb + TCB_SEGS_OUT) >> 2];
  }
}

/** A listener whose connections all do the same. */
export class TcpListener implements HostedSocket {
  readonly handle: number;
  readonly ends: TcpEnd[] = [];

  constructor(
    readonly stack: Stack,
    port: number,
    readonly plan: EndPlan,
    options: TcpOptions = {},
  ) {
    this.handle = openTcp(stack, options);
    stack.core.putPeer(0, port);
    good("sock_bind", stack.core.exports.sock_bind(this.handle));
    good("sock_listen", stack.core.exports.sock_listen(this.handle, 8));
    stack.register(this);
  }

  event(): void {
    for (;;) {
      const handle = this.stack.core.exports.sock_accept(this.handle);
      if (handle === -E_AGAIN) return;
      this.ends.push(new TcpEnd(this.stack, good("sock_accept", handle), this.plan));
    }
  }

  abandon(): void {}

  close(): void {
    this.stack.unregister(this);
    this.stack.core.exports.sock_close(this.handle);
    this.stack.work();
  }
}
