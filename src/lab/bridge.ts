/**
 * A learning bridge: an Ethernet switch as simple as it can be. It has no stack and no address; each of its ports is a
 * NIC on a link. A frame goes to the port behind which its destination was last heard, else to every port but the one
 * it came by (IEEE 802.1D §7.7, §7.8). There is no spanning tree: a loop is the builder's to avoid, and `floodLimit`
 * keeps its storm finite.
 */
import type { Clock } from "../clock.js";
import type { DriverPort } from "../drivers/driver.js";
import type { SimNic } from "../drivers/sim-nic.js";
import { refuseUnknown, requireInteger, typeError } from "../errors.js";

export interface BridgeOptions {
  readonly clock: Clock;
  /** How long a station is remembered that is not heard of, µs, to the second: 1 s or more, 300 s unless given (802.1D §7.9.2). */
  readonly ageingUs?: number;
  /** The most stations remembered; the one not heard of for longest gives way. 1,024 unless given. */
  readonly stations?: number;
  /** Flooded frames that one port may send into the bridge in a second; 10,000 unless given. */
  readonly floodLimit?: number;
}

/** A station as the bridge knows it. */
export interface Station {
  /** "00:0c:29:c2:8d:7e" */
  readonly mac: string;
  /** The port's number, from 0. */
  readonly port: number;
  /** How long ago it was heard, µs. */
  readonly ageUs: number;
}

/** Frames, by what became of them. */
export interface BridgeCounters {
  received: number;
  /** Sent to the one port behind which the destination is. */
  forwarded: number;
  /** Sent to every other port. */
  flooded: number;
  /** The destination is behind the port that it came by. */
  filtered: number;
  /** To one of 802.1D's reserved addresses, or shorter than a header, or with a group's address as source. */
  refused: number;
  /** Beyond the flood limit. */
  stormDropped: number;
}

interface Entry {
  port: number;
  heardUs: number;
}

interface Port {
  readonly nic: SimNic;
  carrier: boolean;
  /** The second in which floods are counted, and how many there were. */
  second: number;
  floods: number;
}

const OPTIONS = new Set(["clock", "ageingUs", "stations", "floodLimit"]);
const ETHERNET_HEADER_BYTES = 14;
const SECOND_US = 1_000_000;
/** 01:80:c2:00:00:00 to :0f are for bridges themselves (802.1D §7.12.6). */
const RESERVED = 0x0180c2000000;
/** The lowest bit of a MAC's first byte: a group's. */
const GROUP_BIT = 1;

export class Bridge {
  readonly counters: BridgeCounters = {
    received: 0,
    forwarded: 0,
    flooded: 0,
    filtered: 0,
    refused: 0,
    stormDropped: 0,
  };
  readonly #clock: Clock;
  readonly #ageingUs: number;
  readonly #capacity: number;
  readonly #floodLimit: number;
  readonly #ports: Port[] = [];
  /** By MAC as a number; in the order in which they were last heard, to the second. */
  readonly #stations = new Map<number, Entry>();

  /** @throws TypeError or RangeError naming the option */
  constructor(options: BridgeOptions) {
    refuseUnknown(options, OPTIONS);
    const { clock, ageingUs = 300 * SECOND_US, stations = 1024, floodLimit = 10_000 } = options;
    requireInteger("ageingUs", ageingUs, SECOND_US, Number.MAX_SAFE_INTEGER);
    requireInteger("stations", stations, 1, 1 << 20);
    requireInteger("floodLimit", floodLimit, 1, Number.MAX_SAFE_INTEGER);
    this.#clock = clock;
    this.#ageingUs = ageingUs;
    this.#capacity = stations;
    this.#floodLimit = floodLimit;
  }

  /** Plugs a NIC in as the next port. @throws TypeError for one that is not Ethernet; what its attach() throws */
  join(nic: SimNic): void {
    if (nic.medium !== "ethernet") throw typeError("a bridge joins Ethernet links only");
    const number = this.#ports.length;
    const port: Port = { nic, carrier: true, second: -1, floods: 0 };
    this.#ports.push(port);
    const driverPort: DriverPort = {
      clock: this.#clock,
      receive: (frame) => this.#receive(number, port, frame),
      carrier: (up) => this.#carrier(number, port, up),
      wake: () => {}, // what a busy NIC refused is gone: a bridge holds nothing back
    };
    nic.attach(driverPort);
  }

  /** The stations known now, as they were heard, the one heard of longest ago first. */
  stations(): Station[] {
    const nowUs = this.#clock.now();
    return Array.from(this.#stations, ([mac, { port, heardUs }]) => ({
      mac: macText(mac),
      port,
      ageUs: nowUs - heardUs,
    })).filter(({ ageUs }) => ageUs < this.#ageingUs);
  }

  /** Forgets every station. */
  forget(): void {
    this.#stations.clear();
  }

  /** Unplugs every port. */
  close(): void {
    for (const { nic } of this.#ports) nic.detach();
    this.#stations.clear();
  }

  #receive(number: number, port: Port, frame: Uint8Array): boolean {
    const { counters } = this;
    counters.received++;
    if (frame.length < ETHERNET_HEADER_BYTES || ((frame[6] as number) & GROUP_BIT) !== 0) {
      counters.refused++;
      return true;
    }
    const nowUs = this.#clock.now();
    this.#learn(macAt(frame, 6), number, nowUs);
    const destination = macAt(frame, 0);
    if (destination - (destination % 16) === RESERVED) {
      counters.refused++;
      return true;
    }
    const isGroup = ((frame[0] as number) & GROUP_BIT) !== 0;
    const to = isGroup ? undefined : this.#find(destination, nowUs);
    if (to === undefined) return this.#flood(number, port, frame, nowUs);
    if (to === number) {
      counters.filtered++;
      return true;
    }
    counters.forwarded++;
    (this.#ports[to] as Port).nic.transmit(frame);
    return true;
  }

  #flood(number: number, port: Port, frame: Uint8Array, nowUs: number): boolean {
    const second = Math.floor(nowUs / SECOND_US);
    if (port.second !== second) {
      port.second = second;
      port.floods = 0;
    }
    if (port.floods++ >= this.#floodLimit) {
      this.counters.stormDropped++;
      return true;
    }
    this.counters.flooded++;
    const lasting = frame.slice();
    for (let i = 0; i < this.#ports.length; i++) {
      const other = this.#ports[i] as Port;
      if (i !== number && other.carrier) other.nic.transmitLasting(lasting);
    }
    return true;
  }

  #find(mac: number, nowUs: number): number | undefined {
    const entry = this.#stations.get(mac);
    if (entry === undefined) return undefined;
    if (nowUs - entry.heardUs < this.#ageingUs) return entry.port;
    this.#stations.delete(mac);
    return undefined;
  }

  #learn(mac: number, port: number, nowUs: number): void {
    const known = this.#stations.get(mac);
    if (known !== undefined) {
      known.port = port;
      // Moving it to the end for every frame would cost more than the order to the second is worth.
      if (nowUs - known.heardUs < SECOND_US) return;
      this.#stations.delete(mac);
    } else if (this.#stations.size >= this.#capacity) {
      const [oldest] = this.#stations.keys();
      this.#stations.delete(oldest as number);
    }
    this.#stations.set(mac, { port, heardUs: nowUs });
  }

  #carrier(number: number, port: Port, up: boolean): void {
    port.carrier = up;
    if (up) return;
    for (const [mac, entry] of this.#stations) if (entry.port === number) this.#stations.delete(mac);
  }
}

function macAt(frame: Uint8Array, at: number): number {
  const high = ((frame[at] as number) << 8) | (frame[at + 1] as number);
  const low =
    ((frame[at + 2] as number) << 24) |
    ((frame[at + 3] as number) << 16) |
    ((frame[at + 4] as number) << 8) |
    (frame[at + 5] as number);
  return high * 2 ** 32 + (low >>> 0);
}

function macText(mac: number): string {
  return (mac.toString(16).padStart(12, "0").match(/../g) as string[]).join(":");
}
