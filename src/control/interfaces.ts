/**
 * Interfaces: what they are, what they count, their addresses; adding one joins a driver to the stack.
 */
import { CALL_MAC, CALL_NAME } from "../../assembly/abi/call.js";
import { E_EXIST } from "../../assembly/abi/errno.js";
import { EVENT_ADDRESS } from "../../assembly/abi/event.js";
import * as NETIF from "../../assembly/abi/netif.js";
import { formatMac } from "../address.js";
import type { Clock } from "../clock.js";
import type { Driver, DriverPort } from "../drivers/driver.js";
import { check, guarded, requireOpen, requireWord, StackError, typeError, uncaught } from "../errors.js";
import { type DropName, dropName } from "../text/drops.js";
import type { Core } from "../wasm/core.js";
import { Rings } from "../wasm/rings.js";
import { type AddressConflict, Addresses, type AddressOptions, type InterfaceAddress } from "./addresses.js";
import { InterfaceSwitches } from "./switches.js";

/** Counters of an interface, as ifconfig shows them. */
export interface InterfaceCounters {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxDropped: number;
  readonly txDropped: number;
  /** Frames for which no receive buffer was posted. */
  readonly rxOverruns: number;
  /** Frames of no or too great length. */
  readonly rxFrame: number;
  /** Frames sent while there was no carrier. */
  readonly txCarrier: number;
  readonly multicast: number;
}

/** What a tap is shown beside the bytes of a frame. */
export interface TapInfo {
  /** As seen from the interface; what crosses lo comes in. */
  readonly direction: "in" | "out";
  /** The clock's time when it came or left, µs. */
  readonly timeUs: number;
  /** Why the stack dropped it at once; undefined if it did not. */
  readonly drop?: DropName;
}

/** Shown the frames of an interface. The bytes are valid only during the call; it must not change them. */
export type Tap = (frame: Uint8Array, info: TapInfo) => void;

/** A frame that came in while there was a tap, and is not yet known to have been taken. */
interface Seen {
  readonly cursor: number;
  readonly frame: Uint8Array;
  readonly timeUs: number;
}

export type MediumName = "loopback" | "ethernet" | "ip";
const MEDIA: readonly MediumName[] = ["loopback", "ethernet", "ip"];
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What an interface needs of its stack. */
export interface InterfaceHost {
  readonly core: Core;
  readonly clock: Clock;
  /** The stack has ended: nothing is changed any more. */
  readonly closed: boolean;
  tick(): void;
  work(): void;
}

export class Interface implements DriverPort {
  /** Number from 1 (lo), as sockets and routes name it. */
  readonly index: number;
  readonly name: string;
  readonly medium: MediumName;
  /** "00:0c:29:c2:8d:7e", or undefined where the medium has no addresses. */
  readonly mac?: string;
  readonly driver?: Driver;
  /** What may be changed of this interface while the stack runs. */
  readonly switches: InterfaceSwitches;
  readonly #addresses: Addresses;
  readonly #host: InterfaceHost;
  readonly #record: number;
  readonly #rings: Rings;
  /** The driver was busy and has not called wake(). */
  #busy = false;
  #attached = false;
  readonly #send?: (frame: Uint8Array) => boolean;
  readonly #taps = new Set<Tap>();
  readonly #seen: Seen[] = [];

  /** @param index  of an interface that the module has */
  constructor(host: InterfaceHost, index: number, driver?: Driver) {
    const { core } = host;
    this.#host = host;
    this.index = index;
    this.#record = check(core.exports.netif_record(index), "interface");
    this.#rings = new Rings(core, this.#record);
    this.#addresses = new Addresses(host, index);
    this.switches = new InterfaceSwitches(host, index);
    const name = core.u8.slice(this.#record + NETIF.NETIF_NAME, this.#record + NETIF.NETIF_NAME + NETIF.NETIF_NAME_LEN);
    this.name = decoder.decode(name.subarray(0, name.indexOf(0)));
    this.medium = MEDIA[this.#word(NETIF.NETIF_MEDIUM)] as MediumName;
    if (this.medium === "ethernet") {
      this.mac = formatMac(core.u8.subarray(this.#record + NETIF.NETIF_MAC, this.#record + NETIF.NETIF_MAC + 6));
    }
    if (driver !== undefined) {
      this.driver = driver;
      this.#send = (frame) => {
        try {
          const sent = driver.transmit(frame);
          if (sent && this.#taps.size > 0) this.#show(frame, { direction: "out", timeUs: host.clock.now() });
          return sent;
        } catch (thrown) {
          // It is the driver's loss, not the stack's: the frame counts as dealt with.
          uncaught(thrown);
          return true;
        }
      };
    }
  }

  /** Adds an interface for the driver, down and without addresses. */
  static add(host: InterfaceHost, driver: Driver, name: string): Interface {
    const { core } = host;
    const bytes = encoder.encode(name);
    if (!/^[A-Za-z][\w.:-]*$/.test(name) || bytes.length >= NETIF.NETIF_NAME_LEN) {
      throw typeError(`name: ${JSON.stringify(name)} is not an interface name of 1 to 15 characters`);
    }
    const medium = MEDIA.indexOf(driver.medium);
    if (medium < 1) throw typeError(`medium: ${JSON.stringify(driver.medium)} is neither "ethernet" nor "ip"`);
    requireWord("mtu", driver.mtu);
    const mac = driver.mac ?? new Uint8Array(6);
    if (mac.length !== 6) throw typeError("mac: needs 6 bytes");
    core.u8.set(mac, core.call + CALL_MAC);
    core.u8.fill(0, core.call + CALL_NAME, core.call + CALL_NAME + NETIF.NETIF_NAME_LEN);
    core.u8.set(bytes, core.call + CALL_NAME);
    const index = core.exports.netif_add(medium, driver.mtu);
    check(index, "addInterface", { text: `${name}: medium ${driver.medium}, MTU ${driver.mtu}` });
    return new Interface(host, index, driver);
  }

  /** Starts the driver. */
  attach(): void {
    this.#attached = true;
    this.#host.core.exports.netif_carrier(this.index, 1);
    try {
      this.driver?.attach(this);
    } catch (error) {
      this.carrier(false);
      this.#attached = false;
      throw error;
    }
  }

  /** @throws TypeError when the driver is not of this interface's medium and MAC */
  requireMatch(): void {
    if (this.driver === undefined) return;
    requireDriver(this.driver);
    const { medium, mac } = this.driver;
    const given = medium === "ethernet" && mac !== undefined ? formatMac(mac) : undefined;
    if (medium === this.medium && given === this.mac) return;
    const text = (of: string, at: string | undefined) => (at === undefined ? of : `${of} ${at}`);
    throw typeError(`driver: ${this.name} is ${text(this.medium, this.mac)}, not ${text(medium, given)}`);
  }

  /** Starts the driver of an interface that carries on from a snapshot: its flags are there already. */
  resume(): void {
    // Not yet attached: what the driver says of the carrier meanwhile is in the memory already.
    this.driver?.attach(this);
    this.#attached = true;
  }

  /** The driver's state. @throws Error when it cannot say it */
  snapshot(): unknown {
    if (this.driver?.snapshot === undefined) throw new Error(`${this.name}: its driver has no snapshot()`);
    return { driver: this.driver.snapshot(), busy: this.#busy };
  }

  restore(record: unknown): void {
    if (typeof record !== "object" || record === null) throw typeError(`${this.name}: no record of a driver's state`);
    const { driver, busy } = record as { driver: unknown; busy: boolean };
    this.#seen.length = 0;
    this.driver?.restore?.(driver);
    this.#busy = busy;
  }

  /** Ends the driver. */
  detach(): void {
    if (!this.#attached) return;
    this.#attached = false;
    this.driver?.detach?.();
  }

  #word(offset: number): number {
    return this.#host.core.u32[(this.#record + offset) >> 2] as number;
  }

  get flags(): number {
    return this.#word(NETIF.NETIF_FLAGS);
  }

  get isUp(): boolean {
    return (this.flags & NETIF.IFF_UP) !== 0;
  }

  /** The medium is there. */
  get hasCarrier(): boolean {
    return (this.flags & NETIF.IFF_RUNNING) !== 0;
  }

  /** Largest IP datagram, bytes. */
  get mtu(): number {
    return this.#word(NETIF.NETIF_MTU);
  }

  /** @throws StackError EINVAL for what the medium or the buffers do not hold, EBADF (the stack is closed) */
  set mtu(mtu: number) {
    requireOpen(this.#host, "mtu");
    requireWord("mtu", mtu);
    check(this.#host.core.exports.netif_mtu(this.index, mtu), "mtu", { text: `${this.name}: MTU ${mtu}` });
    this.#host.work();
  }

  /** @throws StackError EBADF (the stack is closed) */
  up(): void {
    requireOpen(this.#host, "up");
    this.#host.tick();
    check(this.#host.core.exports.netif_up(this.index, 1), "up");
    this.#host.work();
  }

  /** @throws StackError EBADF (the stack is closed) */
  down(): void {
    requireOpen(this.#host, "down");
    this.#host.tick();
    check(this.#host.core.exports.netif_up(this.index, 0), "down");
    this.#host.work();
  }

  /** The addresses, the primary one first. */
  get addresses(): InterfaceAddress[] {
    return this.#addresses.list(this.flags);
  }

  /** Called when another station uses an address of this interface. */
  get onconflict(): ((conflict: AddressConflict) => void) | undefined {
    return this.#addresses.onconflict;
  }

  set onconflict(callback: ((conflict: AddressConflict) => void) | undefined) {
    this.#addresses.onconflict = callback;
  }

  /**
   * Assigns an address, "192.168.10.223/24", with the routes that come with it. With `probe` the promise settles when it
   * is usable, which takes some seconds of an interface that is up; if another station has it, it is not assigned and
   * the promise rejects: StackError EADDRINUSE; EADDRNOTAVAIL when it is taken away meanwhile; EBADF when the stack is
   * closed.
   * @throws StackError EEXIST, EINVAL (not a host's address, or no far end's), ENOSPC, EBADF; TypeError
   */
  addAddress(prefix: string, options: AddressOptions & { probe: true }): Promise<void>;
  addAddress(prefix: string, options?: AddressOptions & { probe?: false }): void;
  addAddress(prefix: string, options: AddressOptions = {}): Promise<void> | undefined {
    return this.#addresses.add(prefix, options);
  }

  /** @throws StackError EADDRNOTAVAIL, EBADF; TypeError */
  removeAddress(address: string): void {
    this.#addresses.remove(address);
  }

  /** EVENT_… of this interface have come. */
  event(bits: number): void {
    if ((bits & EVENT_ADDRESS) !== 0) this.#addresses.changed();
  }

  /** Calls that wait reject: with `reason`, or EBADF. */
  abandon(reason?: Error): void {
    this.#addresses.abandon(reason);
  }

  get counters(): InterfaceCounters {
    const at = (offset: number) => this.#host.core.u64(this.#record + offset);
    return {
      rxPackets: at(NETIF.NETIF_RX_PACKETS),
      txPackets: at(NETIF.NETIF_TX_PACKETS),
      rxBytes: at(NETIF.NETIF_RX_BYTES),
      txBytes: at(NETIF.NETIF_TX_BYTES),
      rxErrors: at(NETIF.NETIF_RX_ERRORS),
      txErrors: at(NETIF.NETIF_TX_ERRORS),
      rxDropped: at(NETIF.NETIF_RX_DROPPED),
      txDropped: at(NETIF.NETIF_TX_DROPPED),
      rxOverruns: at(NETIF.NETIF_RX_OVERRUNS),
      rxFrame: at(NETIF.NETIF_RX_FRAME),
      txCarrier: at(NETIF.NETIF_TX_CARRIER),
      multicast: at(NETIF.NETIF_RX_MULTICAST),
    };
  }

  /** Frames queued for the driver. */
  get queued(): number {
    return this.#rings.queued;
  }

  /**
   * Shows every frame that comes in or leaves, as captures have them; one that comes in once it is known whether the
   * stack has dropped it. Costs nothing while there is no tap.
   * @returns ends it
   */
  tap(listener: Tap): () => void {
    if (typeof listener !== "function") throw typeError("tap: a function is needed");
    const one: Tap = (frame, info) => listener(frame, info);
    this.#taps.add(one);
    return () => {
      this.#taps.delete(one);
    };
  }

  #show(frame: Uint8Array, info: TapInfo): void {
    for (const tap of this.#taps) guarded(() => tap(frame, info));
  }

  /** Notes what came in at an RX cursor. */
  #note(cursor: number, frame: Uint8Array): void {
    this.#rings.clearReason(cursor);
    this.#seen.push({ cursor, frame, timeUs: this.#host.clock.now() });
  }

  /** Shows what came in and has been taken by the stack. */
  #settle(): void {
    const taken = this.#word(NETIF.NETIF_RX_TAKEN);
    for (let first = this.#seen[0]; first !== undefined; first = this.#seen[0]) {
      // The stack has gone back to an earlier state since.
      const undone = ((this.#rings.filled - first.cursor) | 0) <= 0;
      if (!undone && ((taken - first.cursor) | 0) <= 0) return;
      this.#seen.shift();
      if (undone) continue;
      const drop = dropName(this.#rings.reason(first.cursor));
      this.#show(first.frame, { direction: "in", timeUs: first.timeUs, ...(drop !== undefined && { drop }) });
    }
  }

  #handOver(): boolean {
    const from = this.#rings.filled;
    const moved = this.#rings.handOver();
    if (this.#taps.size > 0) for (let i = 0; i < moved; i++) this.#note(from + i, this.#rings.frameAt(from + i));
    return moved > 0;
  }

  /** Carries what is queued to the driver, or over loopback. True if anything moved. */
  service(): boolean {
    if (this.#seen.length > 0) this.#settle();
    if (this.#send === undefined) return this.#handOver();
    if (this.#busy || this.#rings.queued === 0) return false;
    const sent = this.#rings.transmit(this.#send);
    this.#busy = this.#rings.queued > 0;
    return sent;
  }

  // DriverPort

  get clock(): Clock {
    return this.#host.clock;
  }

  receive(frame: Uint8Array): boolean {
    if (this.#seen.length > 0) this.#settle();
    const cursor = this.#rings.filled;
    const taken = this.#attached && this.#rings.receive(frame);
    if (taken && this.#taps.size > 0) this.#note(cursor, frame.slice());
    if (taken) this.#host.work();
    return taken;
  }

  carrier(up: boolean): void {
    if (!this.#attached) return;
    this.#host.tick();
    this.#host.core.exports.netif_carrier(this.index, up ? 1 : 0);
    this.#host.work();
  }

  wake(): void {
    this.#busy = false;
    this.#host.work();
  }
}

/** @throws TypeError for what is no driver */
export function requireDriver(driver: Driver): void {
  if (typeof driver?.attach !== "function" || typeof driver.transmit !== "function") {
    throw typeError("driver: needs attach() and transmit()");
  }
}

/** A name that no interface has: eth0, eth1 …; ppp0 … for point-to-point. */
export function freeName(driver: Driver, taken: readonly Interface[]): string {
  const stem = driver.medium === "ip" ? "ppp" : "eth";
  for (let i = 0; ; i++) if (!taken.some((nif) => nif.name === `${stem}${i}`)) return `${stem}${i}`;
}

/** @throws StackError EEXIST */
export function requireFree(name: string, taken: readonly Interface[]): void {
  if (taken.some((nif) => nif.name === name)) throw new StackError(E_EXIST, "addInterface", { text: name });
}
