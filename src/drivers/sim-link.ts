/**
 * A simulated network segment with two or more ends. What one end sends goes to every other end, as on a hub; who wants
 * a frame is for the stacks to say. Each end's direction has its own conditions and its own generator, so that the ends
 * do not disturb one another. A frame's way:
 *
 *     transmit -> queue -> sender at bitRate -> loss? -> delay + jitter, held back?, bit flipped?, copy? -> receive
 *
 * Under a virtual clock the same seed gives the same bytes at the same microsecond. Frames that arrive at one time do so
 * in the order of the ends that sent them, then in the order of sending.
 */
import type { Clock, Pollable } from "../clock.js";
import { rangeError, refuseUnknown, typeError } from "../errors.js";
import { Prng } from "../prng.js";
import type { Medium } from "./driver.js";
import { CLEAR_CONDITIONS, type LinkConditions, requireInteger, withConditions } from "./sim-conditions.js";
import { Direction } from "./sim-direction.js";
import { End, type FrameEvent, type Segment, type SimNicRecord } from "./sim-end.js";
import { type Flight, Flights } from "./sim-flights.js";
import { SimNic, type SimNicLink } from "./sim-nic.js";

export interface SimLinkOptions extends Partial<LinkConditions> {
  /** Runs the link; the stacks at its ends go by the same clock. */
  clock: Clock;
  /** A safe integer or a string; 0 unless given. What happens by chance, and the MACs, follow from it. */
  seed?: number | string;
  /** "ethernet" unless given; an "ip" link has two ends. */
  medium?: Medium;
  /** The most ends, 2 to 256; unless given 256, and 2 on an "ip" link. */
  ends?: number;
  /** The most frames of one end that wait or are on their way, which bounds the memory; 65,536 unless given. */
  flightLimit?: number;
  /** See SimLink.onFrame. */
  onFrame?: OnFrame;
}

export interface SimNicOptions extends Partial<LinkConditions> {
  /** 6 bytes, not a group's; unless given 02:... from the link's seed and the end's number. Ethernet only. */
  mac?: Uint8Array;
  /** The longest IP packet, 68 (RFC 791 §3.2) to 65,535 bytes; 1,500 unless given. */
  mtu?: number;
}

/** What a tap learns about a frame beside its bytes. */
export interface FrameInfo {
  /** The clock's time, µs. */
  readonly timeUs: number;
  /** The number of the end that sent it. */
  readonly end: number;
  /**
   * "sent": transmit() took it, as the sender's own capture shows it. Then, later or at once, "arrived": it came to the
   * other ends, once per copy, as their captures show it; "lost": by chance; "dropped": queue full or frame too long;
   * "carrier": for want of carrier.
   */
  readonly event: FrameEvent;
}

/** Shown every frame. The bytes are valid only during the call; it must not change them. */
export type OnFrame = (frame: Uint8Array, info: FrameInfo) => void;

/** The state of a link with all its ends (structured-cloneable). */
export interface SimLinkRecord {
  medium: Medium;
  up: boolean;
  ends: SimNicRecord[];
}

const MIN_MTU = 68;
const MAX_MTU = 65535;
const MAX_ENDS = 256;
const MAX_FLIGHTS = 1 << 24;

const CONDITION_NAMES = Object.keys(CLEAR_CONDITIONS);
const LINK_OPTIONS = new Set(["clock", "seed", "medium", "ends", "flightLimit", "onFrame", ...CONDITION_NAMES]);
const NIC_OPTIONS = new Set(["mac", "mtu", ...CONDITION_NAMES]);
const CONDITIONS = new Set(CONDITION_NAMES);

export class SimLink implements Pollable {
  readonly medium: Medium;
  readonly clock: Clock;
  /** Shown every frame that is sent, and what becomes of it; for captures. */
  onFrame: OnFrame | undefined;
  readonly #seed: number | string;
  readonly #maxEnds: number;
  readonly #segment: Segment & SimNicLink;
  readonly #ends: End[] = [];
  readonly #nics: SimNic[] = [];
  readonly #flights = new Flights();
  #conditions: Readonly<LinkConditions>;
  #up = true;
  /** No end waits for room before this time, µs. */
  #wakeAtUs = Infinity;

  /** @throws TypeError or RangeError naming the option that is wrong or unknown */
  constructor(options: SimLinkOptions) {
    refuseUnknown(options, LINK_OPTIONS);
    const { clock, seed = 0, medium = "ethernet", flightLimit = 65536, onFrame } = options;
    if (typeof clock?.add !== "function") throw typeError("clock: a Clock is needed");
    if (medium !== "ethernet" && medium !== "ip") throw typeError(`medium: "ethernet" or "ip", not ${medium}`);
    const mostEnds = medium === "ip" ? 2 : MAX_ENDS;
    const { ends = mostEnds } = options;
    requireInteger("ends", ends, 2, mostEnds);
    requireInteger("flightLimit", flightLimit, 1, MAX_FLIGHTS);
    new Prng(seed); // throws when the seed is none
    this.#conditions = withConditions(CLEAR_CONDITIONS, options);
    this.medium = medium;
    this.clock = clock;
    this.onFrame = onFrame;
    this.#seed = seed;
    this.#maxEnds = ends;
    this.#segment = this.#makeSegment(flightLimit);
    clock.add(this);
  }

  /** The NICs made so far, by their ends' numbers. */
  get nics(): readonly SimNic[] {
    return this.#nics;
  }

  /**
   * A NIC at the next end. Conditions given here hold for what it sends, in place of the link's.
   * @throws TypeError or RangeError naming the option; RangeError when all ends are taken
   */
  nic(options: SimNicOptions = {}): SimNic {
    refuseUnknown(options, NIC_OPTIONS);
    const number = this.#ends.length;
    if (number >= this.#maxEnds) throw rangeError(`ends: the link has ${this.#maxEnds}, and all are taken`);
    const { mtu = 1500, mac } = options;
    requireInteger("mtu", mtu, MIN_MTU, MAX_MTU);
    if (mac !== undefined) requireMac(mac, this.medium);
    const direction = new Direction(new Prng(this.#seed, number), withConditions(this.#conditions, options));
    const end = new End(number, mtu, direction, this.#segment);
    const ownMac = this.medium === "ethernet" ? (mac?.slice() ?? this.#defaultMac(number)) : undefined;
    const nic = new SimNic(end, this.#segment, ownMac);
    this.#ends.push(end);
    this.#nics.push(nic);
    this.#forgetHearers();
    return nic;
  }

  /**
   * Changes conditions for every end, those to come included; frames on their way keep their times.
   * @throws TypeError or RangeError naming the option
   */
  configure(changes: Partial<LinkConditions>): void {
    refuseUnknown(changes, CONDITIONS);
    this.#conditions = withConditions(this.#conditions, changes);
    for (const end of this.#ends) this.#segment.configure(end, changes);
  }

  /** True unless the link is down. */
  get carrier(): boolean {
    return this.#up;
  }

  /** Takes the carrier from all ends; the frames on their way are lost and counted. */
  down(): void {
    if (!this.#up) return;
    const hadCarrier = this.#ends.filter((end) => end.hasCarrier);
    this.#up = false;
    for (const flight of this.#flights.inOrder()) this.#lose(flight);
    for (const end of this.#ends) end.direction.clear(this.clock.now());
    for (const end of hadCarrier) {
      end.port?.carrier(false);
      end.wakePort();
    }
  }

  /** Gives the carrier back. */
  up(): void {
    if (this.#up) return;
    this.#up = true;
    for (const end of this.#ends) if (end.isPlugged) end.port?.carrier(true);
  }

  /** Takes the link down and off its clock, for good. */
  close(): void {
    this.down();
    this.clock.remove(this);
  }

  pollAt(): number {
    return Math.min(this.#flights.nextAtUs, this.#wakeAtUs);
  }

  poll(nowUs: number): void {
    if (this.#wakeAtUs <= nowUs) this.#wakePorts(nowUs);
    // What a port sends at once, upon receiving, waits for the next poll: so that this one ends.
    for (let count = this.#flights.size; count > 0; count--) {
      const flight = this.#flights.takeDue(nowUs);
      if (flight === undefined) return;
      this.#arrive(flight);
    }
  }

  /** The state of the link and all its ends; what taps and ports hold is not part of it. */
  snapshot(): SimLinkRecord {
    return { medium: this.medium, up: this.#up, ends: this.#nics.map((nic) => nic.snapshot()) };
  }

  /**
   * Goes on from a record, on this link or on one made alike, with its NICs made in the same order. Times are the
   * clock's: restore the clock first. The ports are not called.
   * @throws TypeError when the record is not of such a link
   */
  restore(record: SimLinkRecord): void {
    if (record?.medium !== this.medium || record.ends?.length !== this.#ends.length) {
      const what = `${this.#ends.length} ends on "${this.medium}"`;
      throw typeError(`the record is not of a link like this one, with ${what}`);
    }
    for (const [number, end] of this.#ends.entries()) this.#checkRecord(end, record.ends[number]);
    this.#up = record.up;
    for (const [number, end] of this.#ends.entries()) this.#restoreEnd(end, record.ends[number] as SimNicRecord);
  }

  #makeSegment(flightLimit: number): Segment & SimNicLink {
    const link = this;
    return {
      medium: this.medium,
      clock: this.clock,
      flightLimit,
      get isUp() {
        return link.#up;
      },
      hearersOf: (end) => link.#hearersOf(end),
      launch: (end, frame, atUs, flippedBit, lasts) => link.#launch(end, frame, atUs, flippedBit, lasts),
      wakeLater: () => link.#wakeLater(),
      tap: (event, end, frame) => link.#tap(event, end, frame),
      plug: (end, plugged) => (plugged ? link.#plug(end) : link.#unplug(end)),
      configure: (end, changes) => {
        refuseUnknown(changes, CONDITIONS);
        end.direction.conditions = withConditions(end.direction.conditions, changes);
        end.wakePort();
      },
      snapshot: (end) => snapshotOf(end, link.#flights),
      restore: (end, record) => {
        link.#checkRecord(end, record);
        link.#restoreEnd(end, record);
      },
    };
  }

  #hearersOf(end: End): readonly number[] {
    end.hearers ??= this.#ends.filter((other) => other !== end && other.isPlugged).map((other) => other.number);
    return end.hearers;
  }

  #forgetHearers(): void {
    for (const end of this.#ends) end.hearers = undefined;
  }

  #launch(end: End, frame: Uint8Array, atUs: number, flippedBit: number, lasts: boolean): void {
    const isShared = lasts && flippedBit < 0;
    const flight = this.#flights.launch(end, this.#hearersOf(end), atUs, end.nextSeq++, frame, isShared);
    if (flippedBit >= 0)
      flight.view[flippedBit >> 3] = (flight.view[flippedBit >> 3] as number) ^ (1 << (flippedBit & 7));
    if (flight.heapIndex === 0) this.clock.wake(this);
  }

  #arrive(flight: Flight): void {
    const { counters } = flight.end;
    counters.arrived++;
    counters.arrivedBytes += flight.view.length;
    this.#tap("arrived", flight.end, flight.view);
    for (const number of flight.to) (this.#ends[number] as End).deliver(flight.view);
    this.#flights.release(flight);
  }

  #lose(flight: Flight): void {
    this.#flights.take(flight);
    flight.end.counters.carrierLost++;
    this.#tap("carrier", flight.end, flight.view);
    this.#flights.release(flight);
  }

  #tap(event: FrameEvent, end: End, frame: Uint8Array): void {
    this.onFrame?.(frame, { timeUs: this.clock.now(), end: end.number, event });
  }

  #wakeLater(): void {
    this.#wakeAtUs = Infinity;
    for (const end of this.#ends) this.#wakeAtUs = Math.min(this.#wakeAtUs, end.wakeAtUs);
    this.clock.wake(this);
  }

  #wakePorts(nowUs: number): void {
    this.#wakeAtUs = Infinity;
    for (const end of this.#ends) if (end.wakeAtUs <= nowUs) end.wakePort();
    this.#wakeLater();
  }

  #plug(end: End): void {
    if (end.isPlugged) return;
    end.isPlugged = true;
    this.#forgetHearers();
    if (this.#up) end.port?.carrier(true);
  }

  #unplug(end: End): void {
    if (!end.isPlugged) return;
    end.isPlugged = false;
    this.#forgetHearers();
    for (const flight of this.#flights.inOrder()) {
      if (flight.to.includes(end.number)) {
        flight.to = flight.to.filter((number) => number !== end.number);
        end.counters.missed++;
      }
      if (flight.end === end || flight.to.length === 0) this.#lose(flight);
    }
    end.direction.clear(this.clock.now());
    if (this.#up) end.port?.carrier(false);
    end.wakePort();
  }

  #checkRecord(end: End, record: SimNicRecord | undefined): void {
    if (record?.end !== end.number || record.mtu !== end.mtu) {
      throw typeError(`the record is not of end ${end.number} with an MTU of ${end.mtu}`);
    }
    const isKnown = (number: number) => number !== end.number && this.#ends[number] !== undefined;
    if (!record.flights.every((flight) => flight.to.every(isKnown))) {
      throw typeError(`the record of end ${end.number} has frames for ends that the link has not`);
    }
  }

  #restoreEnd(end: End, record: SimNicRecord): void {
    end.direction.restore(record.direction);
    this.#flights.restore(end, record.flights);
    end.isPlugged = record.plugged;
    end.wakeAtUs = record.wakeAtUs;
    end.nextSeq = record.nextSeq;
    Object.assign(end.counters, record.counters);
    this.#forgetHearers();
    this.#wakeLater();
  }

  #defaultMac(number: number): Uint8Array {
    const mac = new Prng(this.#seed, `mac ${number}`).fill(new Uint8Array(6));
    mac[0] = 0x02;
    mac[5] = number;
    return mac;
  }
}

function snapshotOf(end: End, flights: Flights): SimNicRecord {
  return {
    end: end.number,
    mtu: end.mtu,
    plugged: end.isPlugged,
    wakeAtUs: end.wakeAtUs,
    nextSeq: end.nextSeq,
    counters: { ...end.counters },
    direction: end.direction.snapshot(),
    flights: flights.snapshot(end),
  };
}

function requireMac(mac: Uint8Array, medium: Medium): void {
  if (medium !== "ethernet") throw typeError("mac: an ip link has none");
  if (!(mac instanceof Uint8Array)) throw typeError("mac: a Uint8Array is needed");
  if (mac.length !== 6) throw rangeError(`mac: 6 bytes, not ${mac.length}`);
  if (((mac[0] as number) & 1) === 1) throw rangeError("mac: a station's address, not a group's");
  if (mac.every((byte) => byte === 0)) throw rangeError("mac: not all zero");
}
