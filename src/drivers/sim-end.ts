/**
 * One end of a simulated link: what it sends goes its own direction's way, what the others send arrives at its port.
 * The state behind a SimNic; the link holds the frames on their way.
 */
import type { Clock } from "../clock.js";
import type { DriverPort, Medium } from "./driver.js";
import type { Direction, DirectionRecord } from "./sim-direction.js";
import { marked } from "./sim-mark.js";

/**
 * What one end has sent and received, in frames unless named otherwise. Nothing goes uncounted, at any time:
 * `sent + duplicated = arrived + lost + dropped + oversize + carrierLost + inFlight`.
 */
export interface LinkCounters {
  /** Taken by transmit(). */
  sent: number;
  sentBytes: number;
  /** Copies made on the way, counted beside `sent`. */
  duplicated: number;
  /** Held back so that later frames overtake; a copy is held back with its original and not counted again. */
  reordered: number;
  /** Had one bit flipped. */
  corrupted: number;
  /** Were marked with CE, as the queue was long. */
  marked: number;
  /** Lost on the way, by chance. */
  lost: number;
  /** Found the queue, or the link's flightLimit, full. */
  dropped: number;
  /** Longer than the end's own MTU allows. */
  oversize: number;
  /** Lost because the carrier was or went away: at this end, at the link, or at every other end. */
  carrierLost: number;
  /** Came to the other ends. */
  arrived: number;
  arrivedBytes: number;
  /** Waiting, being sent or on their way now. */
  inFlight: number;
  /** How often transmit() answered that it is busy. */
  busy: number;
  /** From other ends, taken by this end's port. */
  received: number;
  receivedBytes: number;
  /** From other ends, refused by this end's port: it has counted the reason. */
  refused: number;
  /** From other ends, while this one had no stack attached, or was unplugged after they were sent. */
  missed: number;
}

/** The state of one end and of its frames on their way (structured-cloneable). */
export interface SimNicRecord {
  end: number;
  mtu: number;
  plugged: boolean;
  wakeAtUs: number;
  nextSeq: number;
  counters: LinkCounters;
  direction: DirectionRecord;
  flights: FlightRecord[];
}

/** A frame on its way: when it arrives, its place among those that arrive at one time, and the ends that hear it. */
export interface FlightRecord {
  atUs: number;
  seq: number;
  to: number[];
  bytes: Uint8Array;
}

/** Why a tap is shown a frame: see FrameInfo. */
export type FrameEvent = "sent" | "arrived" | "lost" | "dropped" | "carrier";

/** What an end asks of its link. */
export interface Segment {
  readonly medium: Medium;
  readonly clock: Clock;
  readonly isUp: boolean;
  readonly flightLimit: number;
  /** The numbers of the ends that hear what this one sends now. */
  hearersOf(end: End): readonly number[];
  /** Puts the frame on its way, a copy unless its bytes last; flippedBit is counted from the first byte's lowest, -1 =
   * none. */
  launch(end: End, frame: Uint8Array, atUs: number, flippedBit: number, lasts: boolean): void;
  /** The end waits for room until its wakeAtUs. */
  wakeLater(): void;
  tap(event: FrameEvent, end: End, frame: Uint8Array): void;
}

/** Ethernet: header and one 802.1Q tag. */
const ETHERNET_EXTRA_BYTES = 18;

export class End {
  port: DriverPort | undefined;
  isPlugged = true;
  /** When to tell the port that there is room again; Infinity while it does not wait. */
  wakeAtUs = Infinity;
  nextSeq = 0;
  /** The link's note of who hears this end; undefined when it must be looked up anew. */
  hearers: readonly number[] | undefined;
  readonly counters: LinkCounters = {
    sent: 0,
    sentBytes: 0,
    duplicated: 0,
    reordered: 0,
    corrupted: 0,
    marked: 0,
    lost: 0,
    dropped: 0,
    oversize: 0,
    carrierLost: 0,
    arrived: 0,
    arrivedBytes: 0,
    inFlight: 0,
    busy: 0,
    received: 0,
    receivedBytes: 0,
    refused: 0,
    missed: 0,
  };

  constructor(
    readonly number: number,
    readonly mtu: number,
    readonly direction: Direction,
    readonly segment: Segment,
  ) {}

  get hasCarrier(): boolean {
    return this.isPlugged && this.segment.isUp;
  }

  /** @param lasts  nobody changes the bytes any more: they need no copy */
  transmit(frame: Uint8Array, lasts: boolean): boolean {
    const { counters, direction, segment } = this;
    const nowUs = segment.clock.now();
    const maxBytes = this.mtu + (segment.medium === "ethernet" ? ETHERNET_EXTRA_BYTES : 0);
    if (frame.length > maxBytes) return this.#discard("oversize", "dropped", frame);
    if (!this.hasCarrier || segment.hearersOf(this).length === 0) return this.#discard("carrierLost", "carrier", frame);
    if (counters.inFlight >= segment.flightLimit) return this.#discard("dropped", "dropped", frame);

    const fate = direction.send(frame.length, nowUs);
    if (fate === "busy") {
      counters.busy++;
      this.wakeAtUs = direction.roomAtUs(nowUs);
      segment.wakeLater();
      return false;
    }
    if (fate !== "carried") return this.#discard(fate, fate, frame);
    this.#countSent(frame);
    if (direction.heldBack) counters.reordered++;
    if (direction.flippedBit >= 0) counters.corrupted++;
    const withMark = direction.marks ? marked(frame, segment.medium) : undefined;
    if (withMark !== undefined) counters.marked++;
    this.#launch(withMark ?? frame, lasts || withMark !== undefined);
    return true;
  }

  #launch(frame: Uint8Array, lasts: boolean): void {
    const { counters, direction, segment } = this;
    segment.launch(this, frame, direction.atUs, direction.flippedBit, lasts);
    if (direction.copyAtUs < 0) return;
    counters.duplicated++;
    segment.launch(this, frame, direction.copyAtUs, direction.flippedBit, lasts);
  }

  /** A frame of another end has come here. */
  deliver(frame: Uint8Array): void {
    if (this.port === undefined || !this.hasCarrier) {
      this.counters.missed++;
    } else if (this.port.receive(frame)) {
      this.counters.received++;
      this.counters.receivedBytes += frame.length;
    } else {
      this.counters.refused++;
    }
  }

  /** Tells the port that there is room, if it waits for that. */
  wakePort(): void {
    if (this.wakeAtUs === Infinity) return;
    this.wakeAtUs = Infinity;
    this.port?.wake();
  }

  #countSent(frame: Uint8Array): void {
    this.counters.sent++;
    this.counters.sentBytes += frame.length;
    this.segment.tap("sent", this, frame);
  }

  #discard(reason: "lost" | "dropped" | "oversize" | "carrierLost", event: FrameEvent, frame: Uint8Array): true {
    this.#countSent(frame);
    this.counters[reason]++;
    this.segment.tap(event, this, frame);
    return true;
  }
}
