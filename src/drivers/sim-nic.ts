/** The driver at one end of a simulated link. Made by `link.nic()`; the link's page tells what happens on the way. */
import { typeError } from "../errors.js";
import type { Driver, DriverPort, Medium } from "./driver.js";
import type { LinkConditions } from "./sim-conditions.js";
import type { End, LinkCounters, SimNicRecord } from "./sim-end.js";

/** What a NIC asks of the link that it was made by. */
export interface SimNicLink {
  plug(end: End, plugged: boolean): void;
  configure(end: End, changes: Partial<LinkConditions>): void;
  snapshot(end: End): SimNicRecord;
  restore(end: End, record: SimNicRecord): void;
}

export class SimNic implements Driver {
  readonly medium: Medium;
  /** The station's address; undefined on a raw IP link. */
  readonly mac?: Uint8Array;
  readonly mtu: number;
  /** This end's number on its link, from 0, in the order in which the NICs were made. */
  readonly end: number;
  readonly #end: End;
  readonly #link: SimNicLink;

  /** Use `link.nic()`. */
  constructor(end: End, link: SimNicLink, mac: Uint8Array | undefined) {
    this.medium = end.segment.medium;
    this.mtu = end.mtu;
    this.end = end.number;
    if (mac !== undefined) this.mac = mac;
    this.#end = end;
    this.#link = link;
  }

  /** @throws TypeError when the stack goes by another clock than the link; Error when one is attached already */
  attach(port: DriverPort): void {
    if (port.clock !== this.#end.segment.clock) throw typeError("clock: the stack's is not the link's");
    if (this.#end.port !== undefined) throw new Error(`end ${this.end} of the link has a stack attached already`);
    this.#end.port = port;
    if (!this.carrier) port.carrier(false);
  }

  /**
   * Sends a frame to every other end. Without carrier it is lost and counted; with `whenFull: "busy"` a full queue
   * answers false, and the port is woken when the next frame begins to be sent.
   */
  transmit(frame: Uint8Array): boolean {
    return this.#end.transmit(frame, false);
  }

  /**
   * As transmit(), for bytes that nobody will ever change: the link keeps them as they are, in place of a copy. So what a
   * bridge floods stands in memory once, however many links it goes out by.
   */
  transmitLasting(frame: Uint8Array): boolean {
    return this.#end.transmit(frame, true);
  }

  /** The stack goes; its frames on their way still arrive. Another may attach. */
  detach(): void {
    this.#end.port = undefined;
    this.#end.wakeAtUs = Infinity;
  }

  /** True while the plug is in and the link is up. */
  get carrier(): boolean {
    return this.#end.hasCarrier;
  }

  /** Puts the plug in again. */
  plug(): void {
    this.#link.plug(this.#end, true);
  }

  /**
   * Pulls the plug: this end has no carrier, what it has sent and what is on its way to it is lost and counted. The
   * other ends keep their carrier, as on a hub; `link.down()` takes it from all.
   */
  unplug(): void {
    this.#link.plug(this.#end, false);
  }

  /** The conditions for what this end sends. */
  get conditions(): Readonly<LinkConditions> {
    return this.#end.direction.conditions;
  }

  /**
   * Changes conditions for what this end sends from now on; frames on their way keep their times.
   * @throws TypeError or RangeError naming the option
   */
  configure(changes: Partial<LinkConditions>): void {
    this.#link.configure(this.#end, changes);
  }

  /** The counters as they stand now. */
  get counters(): LinkCounters {
    return { ...this.#end.counters };
  }

  /** This end's state, with the frames that it has sent and that have not arrived. */
  snapshot(): SimNicRecord {
    return this.#link.snapshot(this.#end);
  }

  /**
   * Goes on from a record; the frames that this end has on their way are replaced by those of the record. The port is
   * not called. The ends of a link may be restored in any order.
   * @throws TypeError when the record is not of this end
   */
  restore(record: SimNicRecord): void {
    this.#link.restore(this.#end, record);
  }
}
