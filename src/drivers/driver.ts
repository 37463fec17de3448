/**
 * What an interface needs of the world: the driver that carries its frames, and the port by which a driver reaches its
 * interface. Thirty lines make a driver: see examples/custom-driver.ts; tests/drivers/suite.ts puts one to the test.
 *
 * Both directions copy within the call and neither call runs the other side: `transmit` must not keep the view that it
 * is given, `receive` only copies the frame and marks the stack as having work. So either may be called from within the
 * other.
 */
import type { Clock } from "../clock.js";

/** Ethernet frames without preamble and FCS, or bare IP packets from point to point. */
export type Medium = "ethernet" | "ip";

/** The stack's side of an interface, handed to attach(). */
export interface DriverPort {
  /**
   * Copies a frame into the next receive buffer. Allowed at any time between attach() and detach().
   * @param frame  a whole frame (Ethernet: from the destination address, without FCS; ip: from the version nibble)
   * @returns false when the frame was not taken (no buffer posted, or longer than a buffer or the MTU allows): the
   *   stack has counted it, the driver forgets it
   */
  receive(frame: Uint8Array): boolean;
  /** The medium is there, or gone. It counts as there from attach() on until the driver says otherwise. */
  carrier(up: boolean): void;
  /** After transmit() answered false: there is room again. Waking without need does no harm. */
  wake(): void;
  /** The clock that runs the stack, for drivers that do something in time. */
  readonly clock: Clock;
}

export interface Driver {
  readonly medium: Medium;
  /** The station's address, 6 bytes; Ethernet only. */
  readonly mac?: Uint8Array;
  /** The longest IP packet carried, bytes: without the 14-byte Ethernet header and the 4-byte 802.1Q tag. */
  readonly mtu: number;
  /** Called once, before anything else. May call the port's functions already. */
  attach(port: DriverPort): void;
  /**
   * Sends a frame.
   * @param frame  a view into the stack's memory, valid only during the call: copy what is needed later, with
   *   `frame.slice()`. (A structured clone of the view itself would carry the stack's whole memory along.)
   * @returns true when the driver has dealt with the frame, be it by dropping it; false when it is busy: the stack keeps
   *   the frame and offers it again after `port.wake()`
   */
  transmit(frame: Uint8Array): boolean;
  /** The interface goes away: the driver lets go of what it holds and no longer calls the port. */
  detach?(): void;
  /**
   * The driver's state between polls, structured-cloneable, if it can say it. Offered together with restore(), this
   * makes the interface part of a stack's snapshot.
   */
  snapshot?(): unknown;
  /** Goes on from a record of snapshot(). Does not call the port: the stack restores its own side. */
  restore?(record: unknown): void;
}
