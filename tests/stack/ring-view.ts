/** The host's side of the rings for tests which are the driver themselves. */
import { expect } from "vitest";
import * as NETIF from "../../assembly/abi/netif.js";
import * as RING from "../../assembly/abi/ring.js";
import type { Stack } from "../../src/index.js";
import type { boot } from "./harness.js";
import { Host, OUR_MAC } from "./recording-driver.js";
import { data, ether, icmp, ipv4 } from "./wire.js";

/** An interface's rings, word by word. */
export class View {
  readonly record: number;
  readonly mask: number;

  constructor(
    readonly stack: Stack,
    ifindex: number,
  ) {
    this.record = stack.core.exports.netif_record(ifindex);
    this.mask = this.word(this.record + NETIF.NETIF_MASK);
  }

  word(at: number): number {
    return this.stack.core.u32[at >> 2] as number;
  }

  set(at: number, value: number): void {
    this.stack.core.u32[at >> 2] = value;
  }

  ring(which: "rx" | "tx"): number {
    return this.word(this.record + (which === "rx" ? NETIF.NETIF_RX_RING : NETIF.NETIF_TX_RING));
  }

  cursors(which: "rx" | "tx"): [host: number, stack: number] {
    return [this.word(this.ring(which) + RING.RING_HOST), this.word(this.ring(which) + RING.RING_STACK)];
  }

  setHost(which: "rx" | "tx", cursor: number): void {
    this.set(this.ring(which) + RING.RING_HOST, cursor);
  }

  desc(which: "rx" | "tx", cursor: number): number {
    return this.ring(which) + RING.RING_DESC + (cursor & this.mask) * RING.DESC_BYTES;
  }

  copyDesc(from: number, to: number): void {
    this.stack.core.u8.copyWithin(to, from, from + RING.DESC_BYTES);
  }

  /** Writes a frame into the next RX slot as a driver does; the length and buffer said may be others. */
  fill(frame: Uint8Array, length = frame.length, pbuf?: number): void {
    const [host] = this.cursors("rx");
    const at = this.desc("rx", host);
    this.stack.core.u8.set(frame, this.word(at + RING.DESC_PTR));
    this.set(at + RING.DESC_LEN, length);
    if (pbuf !== undefined) this.set(at + RING.DESC_PBUF, pbuf);
    this.setHost("rx", host + 1);
  }
}

/** A stack whose drivers are the test itself: its clock is never run. */
export async function bare(options: Parameters<typeof boot>[0] = {}) {
  const host = await Host.create(options);
  const { exports } = host.stack.core;
  const time = { us: host.clock.now() };
  const poll = (budget = 512, us = time.us) => exports.stack_poll(us % 2 ** 32, Math.floor(us / 2 ** 32), budget) >>> 0;
  return { host, stack: host.stack, exports, poll, time, eth: new View(host.stack, 2), lo: new View(host.stack, 1) };
}

export const echo = (sequence: number, size = 56) =>
  ether({ dst: OUR_MAC }, ipv4({ proto: 1 }, icmp({ rest: sequence }, data(size))));

/** Sends an echo request to 127.0.0.1 by bare calls; its window's address. */
export function request(stack: Stack, handle: number, size: number): number {
  const { exports, u8 } = stack.core;
  const at = exports.sock_window(handle, 8 + size);
  expect(at).toBeGreaterThan(0);
  u8.fill(0, at, at + 8);
  u8[at] = 8;
  u8.fill(0x5a, at + 8, at + 8 + size);
  stack.core.putPeer(0x7f000001, 0);
  expect(exports.sock_send(handle, 8 + size, 1)).toBe(0);
  return at;
}
