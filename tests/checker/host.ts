/**
 * One of the two stacks under the checker: an instance of the shipped module as small as it gets, joined to the other by
 * a point-to-point interface without link addresses. The checker is its driver, its clock and its application.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BYTE_RING_BYTES, BYTE_RING_FREE, BYTE_RING_ROW, BYTE_RING_TOTAL } from "../../assembly/abi/byte-ring.js";
import { CALL_ADDR, CALL_NAME, CALL_PTR } from "../../assembly/abi/call.js";
import { CTR_TIMERS_FIRED } from "../../assembly/abi/counter.js";
import { MEDIUM_IP } from "../../assembly/abi/netif.js";
import { OWNER_FREE, OWNER_RX, OWNER_SOCKET, OWNERS, PBUF_SMALL } from "../../assembly/abi/pbuf.js";
import { IPPROTO_TCP } from "../../assembly/abi/proto.js";
import { PCB_HANDLE, PCB_PROTO, PCB_TCB } from "../../assembly/abi/socket.js";
import { POLL_FAR, POLL_IDLE, REGION_BYTE_RINGS, REGION_COUNTERS, REGION_HELD } from "../../assembly/abi/stack.js";
import { TCP_LISTEN, TW_LOCAL_PORT } from "../../assembly/abi/tcp.js";
import type { BootOptions } from "../../src/index.js";
import { Core } from "../../src/wasm/core.js";
import { Events } from "../../src/wasm/events.js";
import { Rings } from "../../src/wasm/rings.js";
import type { Hash } from "./hash.js";
import { layoutOf } from "./layout.js";
import { other, type Side } from "./pattern.js";
import { TcbView } from "./tcb.js";
import { must, Violation } from "./violation.js";

const path = process.env.RINGSTACK_WASM ?? fileURLToPath(new URL("../../build/release.wasm", import.meta.url));
/** The module under test. */
export const MODULE = await WebAssembly.compile(readFileSync(path));

/** Ranges that a connection keeps of each kind. */
const RANGES = 4;
const SOCKETS = 4;
const TIME_WAITS = 2;
const BUFFERS = 24;

const SMALL: BootOptions = {
  profile: "tiny",
  smallBuffers: BUFFERS,
  interfaces: 2,
  ringSlots: 8,
  sockets: SOCKETS,
  socketErrors: 2,
  tcpBlocks: 3,
  tcpRanges: RANGES,
  timeWaits: TIME_WAITS,
  rings2K: 4,
  rings16K: 0,
  rings64K: 0,
  rings1M: 0,
};

const ADDRESSES = [0x0a000001, 0x0a000002];
/** More rounds at one instant than anything of this size takes. */
const MOST_ROUNDS = 64;
const BUDGET = 64;

const PCB = layoutOf("pcb/pcb.ts", "Pcb");
const TW = layoutOf("tcp/time-wait.ts", "TimeWait");

function offsetIn(layout: typeof PCB, name: string): number {
  const field = layout.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`field ${name} is no more`);
  return field.offset;
}

/** Of a socket's Pcb what is not the same for each connection of the checker: the rest are addresses, the path to the
 * only neighbour, options that nobody changes, and what only datagram sockets use. */
const PCB_STATE = ["proto", "flags", "error", "localPort", "remotePort", "waitsFor"].map((name) => offsetIn(PCB, name));
const TW_AT = {
  until: offsetIn(TW, "until"),
  sndNxt: offsetIn(TW, "sndNxt"),
  rcvNxt: offsetIn(TW, "rcvNxt"),
  rcvAdv: offsetIn(TW, "rcvAdv"),
};

export interface Connection {
  readonly handle: number;
  readonly tcb: TcbView;
}

export class Host {
  readonly side: Side;
  readonly core: Core;
  readonly #rings: Rings;
  readonly #events: Events;
  readonly #record: number;
  readonly #held: number;
  readonly #byteRings: number;
  /** A copy that is equal to the memory as it is. */
  #image: Uint8Array | undefined;
  readonly #sockets: number[] = [];
  readonly #timeWaits: number[] = [];

  constructor(side: Side, mtu: number, switches: readonly (readonly [number, number])[]) {
    this.side = side;
    this.core = Core.boot(MODULE, { ...SMALL, seed: [side + 1, 2, 3, 4] });
    const { core } = this;
    const { exports } = core;
    core.u8.set([0x70, 0x30, 0], core.call + CALL_NAME);
    const ifindex = exports.netif_add(MEDIUM_IP, mtu);
    exports.netif_carrier(ifindex, 1);
    exports.netif_up(ifindex, 1);
    core.putIpv4(CALL_ADDR, ADDRESSES[side]);
    must(exports.addr_add(ifindex, 24, 0) >= 0, "the address is refused");
    for (const [id, value] of switches) must(exports.stack_set(id, value) >= 0, `switch ${id} is refused`);
    this.#record = exports.netif_record(ifindex);
    this.#rings = new Rings(core, this.#record);
    this.#events = new Events(core);
    this.#held = exports.stack_region(REGION_HELD);
    this.#byteRings = exports.stack_region(REGION_BYTE_RINGS);
    for (let i = 0; i < SOCKETS; i++) this.#sockets.push(exports.sock_record(i));
    for (let i = 0; i < TIME_WAITS; i++) this.#timeWaits.push(exports.time_wait_record(i));
  }

  // Copies

  /** A copy of the memory; the last one, if nothing has happened since. */
  save(spare: Uint8Array[]): Uint8Array {
    if (this.#image !== undefined) return this.#image;
    const image = spare.pop() ?? new Uint8Array(this.core.bytes);
    image.set(this.core.u8.subarray(0, this.core.bytes));
    this.#image = image;
    return image;
  }

  load(image: Uint8Array): void {
    if (this.#image === image) return;
    this.core.u8.set(image);
    this.#image = image;
  }

  /** The copy may be written over from now on. */
  forget(image: Uint8Array): void {
    if (this.#image === image) this.#image = undefined;
  }

  touch(): void {
    this.#image = undefined;
  }

  // Driver and clock

  /** A frame arrives. */
  receive(frame: Uint8Array): void {
    this.touch();
    must(
      this.#rings.receive(frame),
      () => `no receive buffer is offered, or the frame of ${frame.length} bytes is too long`,
    );
  }

  /**
   * Polls at `nowUs` until nothing is left to do; what is sent goes to `sent`, events to `told`. Answers the time of the
   * next poll, Infinity when idle.
   */
  run(
    nowUs: number,
    sent: (frame: Uint8Array<ArrayBuffer>) => void,
    told: (index: number, bits: number) => void,
  ): number {
    this.touch();
    const { exports } = this.core;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const wait = exports.stack_poll(nowUs % 2 ** 32, Math.floor(nowUs / 2 ** 32), BUDGET) >>> 0;
      const moved = this.#rings.transmit((frame) => {
        sent(frame.slice() as Uint8Array<ArrayBuffer>);
        return true;
      });
      const heard = this.#events.drain({
        socketEvent: told,
        interfaceEvent: () => undefined,
      });
      if (wait !== 0 && !moved && !heard) return wait === POLL_IDLE ? Infinity : nowUs + Math.min(wait, POLL_FAR);
    }
    throw new Violation("polling does not end");
  }

  get timersFired(): number {
    return this.core.u64(this.core.exports.stack_region(REGION_COUNTERS) + CTR_TIMERS_FIRED * 8);
  }

  // Calls

  open(): number {
    this.touch();
    const handle = this.core.exports.sock_open(IPPROTO_TCP);
    must(handle >= 0, () => `sock_open: ${handle}`);
    return handle;
  }

  bind(handle: number, port: number): void {
    this.touch();
    this.core.putPeer(0, port);
    const bound = this.core.exports.sock_bind(handle);
    must(bound === 0, () => `sock_bind: ${bound}`);
  }

  connect(handle: number, port: number): number {
    this.touch();
    this.core.putPeer(ADDRESSES[other(this.side)], port);
    return this.core.exports.sock_connect(handle);
  }

  /** The window that the last call gave. */
  window(length: number): Uint8Array {
    const at = this.core.get(CALL_PTR);
    return this.core.u8.subarray(at, at + length);
  }

  // Records

  /** Connections, whoever holds them; listeners apart. */
  connections(): Connection[] {
    const all: Connection[] = [];
    for (const record of this.#sockets) {
      const tcb = this.#tcbOf(record);
      if (tcb !== undefined && tcb.get("state") > TCP_LISTEN) {
        all.push({ handle: this.core.u32[(record + PCB_HANDLE) >> 2], tcb });
      }
    }
    return all;
  }

  #tcbOf(record: number): TcbView | undefined {
    const { u32 } = this.core;
    if (u32[(record + PCB_PROTO) >> 2] === 0) return undefined;
    const at = u32[(record + PCB_TCB) >> 2];
    return at === 0 ? undefined : new TcbView(this.core, at, RANGES);
  }

  get openSockets(): number {
    return this.#sockets.filter((record) => this.core.u32[(record + PCB_PROTO) >> 2] !== 0).length;
  }

  /** Connections in TIME-WAIT. */
  get timeWaits(): number {
    return this.#timeWaits.filter((record) => this.core.u32[(record + TW_LOCAL_PORT) >> 2] !== 0).length;
  }

  /** What a connection in TIME-WAIT stands at: SND.NXT, RCV.NXT. */
  timeWaitEdges(): [number, number] | undefined {
    const { u32 } = this.core;
    const record = this.#timeWaits.find((one) => u32[(one + TW_LOCAL_PORT) >> 2] !== 0);
    return record === undefined ? undefined : [u32[(record + TW_AT.sndNxt) >> 2], u32[(record + TW_AT.rcvNxt) >> 2]];
  }

  /** Everything that the host's future depends on (see tcb.ts for what is left out). */
  hash(hash: Hash, nowUs: number, iss: readonly number[], peerTsOffset: number): void {
    const { u32 } = this.core;
    for (const record of this.#sockets) {
      for (const offset of PCB_STATE) hash.add(u32[(record + offset) >> 2]);
      if (u32[(record + PCB_PROTO) >> 2] !== 0) this.#tcbOf(record)?.hash(hash, nowUs, peerTsOffset);
    }
    for (const record of this.#timeWaits) {
      if (u32[(record + TW_LOCAL_PORT) >> 2] === 0) continue;
      hash.add(this.core.u64(record + TW_AT.until) - nowUs);
      hash.add(u32[(record + TW_AT.sndNxt) >> 2] - iss[this.side]);
      hash.add(u32[(record + TW_AT.rcvNxt) >> 2] - iss[other(this.side)]);
      hash.add(u32[(record + TW_AT.rcvAdv) >> 2] - iss[other(this.side)]);
    }
  }

  // Pools

  /** Every pool's books balance, and between two steps nobody holds a buffer but the RX ring. */
  checkPools(): void {
    const { u32 } = this.core;
    const held = (owner: number) => u32[(this.#held >> 2) + PBUF_SMALL * OWNERS + owner];
    let sum = 0;
    for (let owner = 0; owner < OWNERS; owner++) {
      sum += held(owner);
      const isIdle = owner === OWNER_FREE || owner === OWNER_RX || held(owner) === 0;
      must(isIdle, () => `owner ${owner} holds ${held(owner)} packet buffers`);
    }
    must(sum === BUFFERS, () => `${sum} of ${BUFFERS} packet buffers are accounted for`);
    let used = 0;
    for (const record of this.#sockets) used += this.#tcbOf(record)?.rings ?? 0;
    const row = this.#byteRings >> 2;
    must(u32[row + BYTE_RING_BYTES / 4] === 2048 && BYTE_RING_ROW >= 12, "the first byte rings are not those of 2 KiB");
    const total = u32[row + BYTE_RING_TOTAL / 4];
    const free = u32[row + BYTE_RING_FREE / 4];
    must(free + used === total, () => `${free} byte rings are free and ${used} in use, of ${total}`);
  }

  /** For tests of the checker itself: as if a buffer had been taken by a socket, and never given back. */
  leakBuffer(): void {
    this.touch();
    const row = (this.#held >> 2) + PBUF_SMALL * OWNERS;
    this.core.u32[row + OWNER_FREE]--;
    this.core.u32[row + OWNER_SOCKET]++;
  }

  /** Nothing is left of any connection. */
  checkEmpty(): void {
    this.checkPools();
    must(this.openSockets === 0, () => `${this.openSockets} sockets are left`);
    must(this.timeWaits === 0, () => `${this.timeWaits} TIME-WAIT records are left`);
  }
}
