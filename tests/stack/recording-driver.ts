/**
 * A host with recording drivers: tests inject frames and look at what comes out, frame by frame, in virtual time.
 */

import type { Driver, DriverPort, Medium } from "../../src/drivers/driver.js";
import { type CounterName, type DropName, type Interface, type Stack, VirtualClock } from "../../src/index.js";
import type { StackOptions } from "../../src/stack.js";
import { boot } from "./harness.js";
import {
  type ArpFields,
  arp,
  type Bytes,
  ether,
  type IcmpFields,
  type Ipv4Fields,
  icmp,
  ipv4,
  mac,
  type Read,
  read,
  type UdpFields,
  udp,
} from "./wire.js";

/** Keeps what the stack sends; hands it what a test injects. */
export class RecordingDriver implements Driver {
  readonly medium: Medium;
  readonly mac?: Uint8Array;
  readonly mtu: number;
  /** Frames that the stack has sent and the test has not taken yet, and when they were sent, µs. */
  readonly sent: Bytes[] = [];
  readonly sentAtUs: number[] = [];
  /** Takes no frames: the stack keeps them. */
  busy = false;
  port!: DriverPort;

  constructor(options: { mac?: string; mtu?: number; medium?: Medium } = {}) {
    this.medium = options.medium ?? "ethernet";
    this.mtu = options.mtu ?? 1500;
    if (this.medium === "ethernet") this.mac = Uint8Array.from(mac(options.mac ?? OUR_MAC));
  }

  attach(port: DriverPort): void {
    this.port = port;
  }

  transmit(frame: Uint8Array): boolean {
    if (this.busy) return false;
    this.sent.push(frame.slice());
    this.sentAtUs.push(this.port.clock.now());
    return true;
  }

  /** Takes frames again, those kept first. */
  free(): void {
    this.busy = false;
    this.port.wake();
  }
}

export const OUR_MAC = "02:00:00:00:01:01";
export const PEER_MAC = "02:00:00:00:01:02";
export const US = "192.168.1.1";
export const PEER = "192.168.1.2";

export interface Changes {
  /** Counters that rose, and by how much. */
  counters: Partial<Record<CounterName, number>>;
  drops: Partial<Record<DropName, number>>;
}

/** A stack with one Ethernet interface, eth0 192.168.1.1/24, by which the test speaks as 192.168.1.2. */
export class Host {
  private constructor(
    readonly stack: Stack,
    readonly clock: VirtualClock,
    readonly driver: RecordingDriver,
    readonly nif: Interface,
  ) {}

  /** A host made otherwise. */
  static around(stack: Stack, clock: VirtualClock, driver: RecordingDriver, nif: Interface): Host {
    return new Host(stack, clock, driver, nif);
  }

  /**
   * @param options.address  of eth0, null for none
   * @param options.peer     whether 192.168.1.2 is known to live at PEER_MAC already (a permanent neighbour)
   */
  static async create(
    options: StackOptions & { address?: string | null; peer?: boolean; mtu?: number } = {},
  ): Promise<Host> {
    const { address = `${US}/24`, peer = true, mtu, ...boots } = options;
    const clock = new VirtualClock();
    const stack = await boot({ clock, ...boots });
    const driver = new RecordingDriver(mtu === undefined ? {} : { mtu });
    const nif = stack.addInterface(driver, address === null ? {} : { address });
    if (peer && address !== null) stack.neighbours.add(nif, PEER, PEER_MAC);
    const host = new Host(stack, clock, driver, nif);
    host.run();
    host.take();
    return host;
  }

  get lo(): Interface {
    return this.stack.interface("lo");
  }

  /** Joins a further recording interface. */
  join(options: { mac?: string; mtu?: number; medium?: Medium; address?: string } = {}): {
    driver: RecordingDriver;
    nif: Interface;
  } {
    const { address, ...rest } = options;
    const driver = new RecordingDriver({ mac: "02:00:00:00:02:01", ...rest });
    const nif = this.stack.addInterface(driver, address === undefined ? {} : { address });
    this.run();
    driver.sent.length = 0;
    driver.sentAtUs.length = 0;
    return { driver, nif };
  }

  /** Lets the stack do all that is due, and goes on by `us`. */
  run(us = 0): void {
    this.clock.advanceSync(us);
  }

  /** Injects a frame as it is; the stack has dealt with it afterwards. False if it was not taken. */
  rx(frame: Uint8Array, driver = this.driver): boolean {
    const taken = driver.port.receive(frame);
    this.run();
    return taken;
  }

  /** Injects an IPv4 datagram from the peer in an Ethernet frame to us. */
  rxIp(fields: Ipv4Fields, payload: ArrayLike<number> = [], dst = OUR_MAC): boolean {
    return this.rx(ether({ dst }, ipv4(fields, payload)));
  }

  rxUdp(fields: UdpFields, payload: ArrayLike<number> = [], ip: Ipv4Fields = {}, dst = OUR_MAC): boolean {
    const ends = { ...(ip.src === undefined ? {} : { src: ip.src }), ...(ip.dst === undefined ? {} : { dst: ip.dst }) };
    return this.rxIp({ proto: 17, ...ip }, udp({ ...ends, ...fields }, payload), dst);
  }

  rxIcmp(fields: IcmpFields, payload: ArrayLike<number> = [], ip: Ipv4Fields = {}, dst = OUR_MAC): boolean {
    return this.rxIp({ proto: 1, ...ip }, icmp(fields, payload), dst);
  }

  rxArp(fields: ArpFields, dst = "ff:ff:ff:ff:ff:ff"): boolean {
    return this.rx(ether({ dst, type: 0x0806, src: fields.sha ?? PEER_MAC }, arp(fields)));
  }

  /** What was sent by the driver since the last time, taken apart. */
  take(driver = this.driver): Read[] {
    driver.sentAtUs.length = 0;
    return driver.sent.splice(0).map(read);
  }

  /** The one frame that was sent since the last time. */
  one(driver = this.driver): Read {
    const frames = this.take(driver);
    if (frames.length !== 1) throw new Error(`${frames.length} frames were sent, not one`);
    return frames[0] as Read;
  }

  /** Which counters rise while `act` runs (those of polls and timers apart). */
  async changes(act: () => unknown): Promise<Changes> {
    const before = this.stack.statistics();
    await act();
    this.run();
    const after = this.stack.statistics();
    const risen = <N extends string>(was: Record<N, number>, is: Record<N, number>) =>
      Object.fromEntries(
        (Object.keys(is) as N[]).filter((name) => is[name] !== was[name]).map((name) => [name, is[name] - was[name]]),
      ) as Partial<Record<N, number>>;
    const { POLLS: _polls, TIMERS_FIRED: _fired, ...counters } = risen(before.counters, after.counters);
    return { counters, drops: risen(before.drops, after.drops) };
  }

  /** The drops that `act` leads to. */
  async drops(act: () => unknown): Promise<Changes["drops"]> {
    return (await this.changes(act)).drops;
  }
}

/** The code that a call fails with; "none" if it does not. */
export function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return "none";
}
