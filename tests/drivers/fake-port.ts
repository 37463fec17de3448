/** The stack's side of a driver, for tests: posts receive buffers, keeps what arrives, offers frames as a stack does. */
import type { Clock } from "../../src/clock.js";
import type { Driver, DriverPort } from "../../src/drivers/driver.js";

export class FakePort implements DriverPort {
  /** Receive buffers posted; each frame taken uses one up. */
  posted = Infinity;
  readonly received: Uint8Array[] = [];
  /** The clock's time at which each came. */
  readonly receivedAtUs: number[] = [];
  overruns = 0;
  tooLong = 0;
  /** Every word from the driver about the carrier, in order. */
  readonly carriers: boolean[] = [];
  wakes = 0;
  /** Frames that the driver was too busy for, oldest first. */
  readonly waiting: Uint8Array[] = [];
  /** One transmit buffer for all frames, as a stack's memory: overwritten as soon as a frame is handed over. */
  readonly #memory = new Uint8Array(65536 + 64);
  readonly #maxBytes: number;

  constructor(
    readonly driver: Driver,
    readonly clock: Clock,
  ) {
    this.#maxBytes = driver.mtu + (driver.medium === "ethernet" ? 18 : 0);
    driver.attach(this);
  }

  receive(frame: Uint8Array): boolean {
    if (frame.length > this.#maxBytes) {
      this.tooLong++;
      return false;
    }
    if (this.posted <= 0) {
      this.overruns++;
      return false;
    }
    this.posted--;
    this.received.push(frame.slice());
    this.receivedAtUs.push(this.clock.now());
    return true;
  }

  carrier(up: boolean): void {
    this.carriers.push(up);
  }

  wake(): void {
    this.wakes++;
    while (this.waiting.length > 0 && this.#offer(this.waiting[0] as Uint8Array)) this.waiting.shift();
  }

  /** Sends a frame, or keeps it until the driver wakes us; true when the driver took it at once. */
  send(frame: Uint8Array): boolean {
    if (this.waiting.length === 0 && this.#offer(frame)) return true;
    this.waiting.push(frame);
    return false;
  }

  #offer(frame: Uint8Array): boolean {
    const view = this.#memory.subarray(32, 32 + frame.length);
    view.set(frame);
    const taken = this.driver.transmit(view);
    this.#memory.fill(0xee);
    return taken;
  }
}

/** A frame of the given length which no other number gives; the bytes depend on the number only. */
export function numberedFrame(number: number, lenBytes: number): Uint8Array {
  const frame = new Uint8Array(lenBytes);
  for (let i = 0; i < lenBytes; i++) frame[i] = (number * 31 + i * 7) & 0xff;
  if (lenBytes >= 18) new DataView(frame.buffer).setUint32(14, number);
  return frame;
}
