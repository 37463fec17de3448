/**
 * The frames on their way over a simulated link, in order of arrival. A frame's bytes are a copy in a buffer that is used
 * again, by any link, when it has landed; or, where they last, the sender's own, which any number of links may share.
 */
import { Heap, type HeapItem } from "../heap.js";
import type { End, FlightRecord } from "./sim-end.js";

export interface Flight extends HeapItem {
  atUs: number;
  /** Counts what the end has launched: the order among its frames that arrive at one time. */
  seq: number;
  end: End;
  /** The numbers of the ends that hear it. */
  to: readonly number[];
  view: Uint8Array;
  /** Nobody else has the bytes. */
  isOwn: boolean;
}

/** A longer frame gets a buffer that is not kept; so does one so short that little is saved. */
const BUFFER_BYTES = 2048;
const SHORT_BYTES = 256;
/** Landed frames' buffers kept in all, however many links there are. */
const MAX_SPARES = 1024;
const SPARES: Uint8Array[] = [];

function before(a: Flight, b: Flight): boolean {
  if (a.atUs !== b.atUs) return a.atUs < b.atUs;
  if (a.end !== b.end) return a.end.number < b.end.number;
  return a.seq < b.seq;
}

export class Flights {
  readonly #heap = new Heap<Flight>(before);

  get size(): number {
    return this.#heap.size;
  }

  /** When the next one arrives, µs; Infinity when none is on its way. */
  get nextAtUs(): number {
    return this.#heap.peek()?.atUs ?? Infinity;
  }

  /** Puts the frame on its way: a copy, unless its bytes last. */
  launch(end: End, to: readonly number[], atUs: number, seq: number, frame: Uint8Array, lasts = false): Flight {
    const flight = { heapIndex: -1, atUs, seq, end, to, view: lasts ? frame : copyOf(frame), isOwn: !lasts };
    this.#heap.push(flight);
    end.counters.inFlight++;
    return flight;
  }

  /** Takes out the next one to arrive, if it does so by `nowUs`. The caller reads it, then releases it. */
  takeDue(nowUs: number): Flight | undefined {
    const flight = this.#heap.peek();
    if (flight === undefined || flight.atUs > nowUs) return undefined;
    this.take(flight);
    return flight;
  }

  take(flight: Flight): void {
    this.#heap.remove(flight);
    flight.end.counters.inFlight--;
  }

  release(flight: Flight): void {
    if (!flight.isOwn || flight.view.buffer.byteLength !== BUFFER_BYTES) return;
    if (SPARES.length < MAX_SPARES) SPARES.push(flight.view);
  }

  /** All, or those of one end, in order of arrival. */
  inOrder(end?: End): Flight[] {
    const flights = this.#heap.items().filter((flight) => end === undefined || flight.end === end);
    return flights.sort((a, b) => (before(a, b) ? -1 : 1));
  }

  snapshot(end: End): FlightRecord[] {
    return this.inOrder(end).map(({ atUs, seq, to, view }) => ({ atUs, seq, to: [...to], bytes: view.slice() }));
  }

  /** Puts an end's frames of a record in place of those that it has on their way. */
  restore(end: End, records: readonly FlightRecord[]): void {
    for (const flight of this.inOrder(end)) {
      this.take(flight);
      this.release(flight);
    }
    for (const { to, atUs, seq, bytes } of records) this.launch(end, [...to], atUs, seq, bytes);
  }
}

function copyOf(frame: Uint8Array): Uint8Array {
  const { length } = frame;
  if (length < SHORT_BYTES || length > BUFFER_BYTES) return frame.slice();
  const spare = SPARES.pop() ?? new Uint8Array(BUFFER_BYTES);
  const copy = spare.length === length ? spare : new Uint8Array(spare.buffer, 0, length);
  copy.set(frame);
  return copy;
}
