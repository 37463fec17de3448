/**
 * The frames on their way over a simulated link, in order of arrival; each with the bytes in a buffer of its own, which
 * is used again when the frame has landed.
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
}

/** A longer frame gets a buffer that is not kept. */
const BUFFER_BYTES = 2048;
const MAX_SPARES = 1024;

function before(a: Flight, b: Flight): boolean {
  if (a.atUs !== b.atUs) return a.atUs < b.atUs;
  if (a.end !== b.end) return a.end.number < b.end.number;
  return a.seq < b.seq;
}

export class Flights {
  readonly #heap = new Heap<Flight>(before);
  readonly #spares: Flight[] = [];

  get size(): number {
    return this.#heap.size;
  }

  /** When the next one arrives, µs; Infinity when none is on its way. */
  get nextAtUs(): number {
    return this.#heap.peek()?.atUs ?? Infinity;
  }

  /** Puts a copy of the frame on its way. */
  launch(end: End, to: readonly number[], atUs: number, seq: number, frame: Uint8Array): Flight {
    const flight = this.#spares.pop() ?? { heapIndex: -1, atUs, seq, end, to, view: new Uint8Array(0) };
    flight.atUs = atUs;
    flight.seq = seq;
    flight.end = end;
    flight.to = to;
    if (flight.view.length !== frame.length) flight.view = viewOf(flight.view.buffer, frame.length);
    flight.view.set(frame);
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
    if (this.#spares.length < MAX_SPARES && flight.view.buffer.byteLength === BUFFER_BYTES) this.#spares.push(flight);
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

function viewOf(buffer: ArrayBufferLike, lenBytes: number): Uint8Array {
  const fits = buffer.byteLength === BUFFER_BYTES && lenBytes <= BUFFER_BYTES;
  return new Uint8Array(fits ? buffer : new ArrayBuffer(Math.max(BUFFER_BYTES, lenBytes)), 0, lenBytes);
}
