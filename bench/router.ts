// A router of two Ethernet interfaces for benchmarks: eth0 10.0.0.1/24, eth1 10.1.0.1/16 with neighbours that never age,
// and the driver's side of their rings as plain loops over the memory.
//
// The neighbours live at eth0's own address: so a frame that has been forwarded is one for eth0 again.
import { CALL_ADDR, CALL_MAC, CALL_NAME } from "../assembly/abi/call.js";
import * as NETIF from "../assembly/abi/netif.js";
import { DESC_LEN, DESC_PTR, DESC_SHIFT, RING_DESC, RING_STACK } from "../assembly/abi/ring.js";
import * as ROUTE from "../assembly/abi/route.js";
import { REGION_ROUTE } from "../assembly/abi/stack.js";
import { writeIpv4 } from "../src/address.js";
import { type BootOptions, Core } from "../src/wasm/core.js";

export const MAC0 = [2, 0, 0, 0, 0, 1];
export const MAC1 = [2, 0, 0, 0, 0, 2];
const ETHER = 14;
/** Frames that a poll may take and timers that it may fire. */
const BUDGET = 4096;

/** The driver's side of one interface: indices of u32. */
export interface Port {
  readonly record: number;
  readonly rx: number;
  readonly tx: number;
  readonly mask: number;
}

/** A frame as it arrives at eth0: UDP of 18 bytes in all, 46 bytes of datagram (64 with header and FCS). */
export function frameTemplate(bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes);
  frame.set([...MAC0, ...MAC1, 8, 0, 0x45, 0, (bytes - ETHER) >> 8, (bytes - ETHER) & 255, 0, 1, 0, 0, 64, 17]);
  return frame;
}

/** The header checksum of the template with these addresses (host order), in host order. */
export function headerChecksum(bytes: number, src: number, dst: number): number {
  let sum = 0x4500 + (bytes - ETHER) + 1 + 0x4011 + (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return sum ^ 0xffff;
}

export class Router {
  readonly core: Core;
  readonly in: Port;
  readonly out: Port;
  readonly #route: number;

  constructor(module: WebAssembly.Module, options: BootOptions) {
    this.core = Core.boot(module, { profile: "router", interfaces: 3, sockets: 16, largeBuffers: 0, ...options });
    this.#route = this.core.exports.stack_region(REGION_ROUTE);
    this.in = this.#port("eth0", MAC0, 0x0a000001, 24);
    this.out = this.#port("eth1", MAC1, 0x0a010001, 16);
    done(this.core.exports.netif_set(0, NETIF.IFSW_FORWARDING, 1));
    this.poll();
    this.complete(this.out);
    this.complete(this.in);
  }

  #port(name: string, mac: readonly number[], address: number, plen: number): Port {
    const { core } = this;
    const { exports, u8, u32, call } = core;
    u8.set(mac, call + CALL_MAC);
    u8.fill(0, call + CALL_NAME, call + CALL_NAME + 16);
    u8.set(new TextEncoder().encode(name), call + CALL_NAME);
    const ifindex = done(exports.netif_add(NETIF.MEDIUM_ETHERNET, 1500));
    core.putIpv4(CALL_ADDR, address);
    done(exports.addr_add(ifindex, plen, 0));
    done(exports.netif_up(ifindex, 1));
    done(exports.netif_carrier(ifindex, 1));
    const record = exports.netif_record(ifindex) >> 2;
    const word = (offset: number) => u32[record + (offset >> 2)] as number;
    const ring = (offset: number) => word(offset) >> 2;
    return { record, rx: ring(NETIF.NETIF_RX_RING), tx: ring(NETIF.NETIF_TX_RING), mask: word(NETIF.NETIF_MASK) };
  }

  /** The neighbour on eth1 that is next hop number n. */
  gateway(n: number): number {
    return 0x0a010100 + n;
  }

  neighbour(n: number): void {
    this.core.putIpv4(CALL_ADDR, this.gateway(n));
    this.core.u8.set(MAC0, this.core.call + CALL_MAC);
    done(this.core.exports.neigh_add(3));
  }

  /** A route by next hop n. */
  route(dst: number, plen: number, n: number): void {
    const { exports, u8, u32 } = this.core;
    const at = this.#route;
    u8.fill(0, at, at + ROUTE.ROUTE_BYTES);
    u8[at + ROUTE.ROUTE_FAMILY] = 4;
    u8[at + ROUTE.ROUTE_PLEN] = plen;
    u8[at + ROUTE.ROUTE_ORIGIN] = ROUTE.ROUTE_ORIGIN_STATIC;
    u32[(at + ROUTE.ROUTE_IFINDEX) >> 2] = 3;
    writeIpv4(u8, at + ROUTE.ROUTE_DST, dst);
    writeIpv4(u8, at + ROUTE.ROUTE_GATEWAY, this.gateway(n));
    done(exports.route_add());
  }

  poll(): void {
    this.core.exports.stack_poll(0, 0, BUDGET);
  }

  /** Slots that are on offer and not filled. */
  offered({ rx }: Port): number {
    const { i32 } = this.core;
    return ((i32[rx + (RING_STACK >> 2)] as number) - (i32[rx] as number)) >>> 0;
  }

  /** Index of u32 of the descriptor at a cursor. */
  descriptor(ring: number, mask: number, cursor: number): number {
    return ring + (RING_DESC >> 2) + ((cursor & mask) << (DESC_SHIFT - 2));
  }

  /** Writes `frame` with these addresses into the RX slot at `cursor`, which is not published yet. */
  fill(cursor: number, frame: Uint8Array, src: number, dst: number): void {
    const { u8, u32 } = this.core;
    const desc = this.descriptor(this.in.rx, this.in.mask, cursor);
    const at = u32[desc + (DESC_PTR >> 2)] as number;
    u8.set(frame, at);
    const sum = headerChecksum(frame.length, src, dst);
    u8[at + 24] = sum >>> 8;
    u8[at + 25] = sum;
    writeBytes(u8, at + 26, src);
    writeBytes(u8, at + 30, dst);
    u32[desc + (DESC_LEN >> 2)] = frame.length;
    u32[desc + 3] = 0;
  }

  /** Publishes `n` frames, lets the stack work, and completes what it sends. */
  step(n: number): void {
    const { i32, exports } = this.core;
    i32[this.in.rx] = ((i32[this.in.rx] as number) + n) | 0;
    exports.stack_poll(0, 0, BUDGET);
    i32[this.out.tx] = i32[this.out.tx + (RING_STACK >> 2)] as number;
  }

  /** Takes as sent all that waits. */
  complete({ tx }: Port): void {
    const { i32 } = this.core;
    i32[tx] = i32[tx + (RING_STACK >> 2)] as number;
  }

  /** Throws unless the frame of TX slot `cursor` of eth1 is the template with these addresses, a hop later. */
  check(cursor: number, frame: Uint8Array, src: number, dst: number): void {
    const { u8, u32 } = this.core;
    const desc = this.descriptor(this.out.tx, this.out.mask, cursor);
    const at = u32[desc + (DESC_PTR >> 2)] as number;
    const word = (offset: number) => new DataView(u8.buffer, at, frame.length).getUint32(offset);
    const expected = headerChecksum(frame.length, src, dst) + 0x100;
    const sum = (expected & 0xffff) + (expected >>> 16);
    const good =
      (u32[desc + (DESC_LEN >> 2)] as number) === frame.length &&
      MAC0.every((byte, i) => u8[at + i] === byte) &&
      MAC1.every((byte, i) => u8[at + 6 + i] === byte) &&
      u8[at + 22] === 63 &&
      word(24) >>> 16 === sum &&
      word(26) === src >>> 0 &&
      word(30) === dst >>> 0;
    if (!good) throw new Error(`bench: the frame to ${dst.toString(16)} was not forwarded as it should be`);
  }
}

function writeBytes(u8: Uint8Array, at: number, v: number): void {
  u8[at] = v >>> 24;
  u8[at + 1] = v >>> 16;
  u8[at + 2] = v >>> 8;
  u8[at + 3] = v;
}

export function done(result: number): number {
  if (result < 0) throw new Error(`bench: the stack answers ${result}`);
  return result;
}
