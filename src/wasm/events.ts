/**
 * The host's side of the event ring (assembly/abi/event.ts).
 */
import * as EVENTS from "../../assembly/abi/event.js";
import { REGION_EVENTS } from "../../assembly/abi/stack.js";
import type { Core } from "./core.js";

export interface EventHandler {
  socketEvent(index: number, bits: number): void;
  interfaceEvent(index: number, bits: number): void;
}

export class Events {
  readonly #core: Core;
  readonly #base: number;
  readonly #ring: number;
  readonly #pending: number;
  readonly #mask: number;
  readonly #firstNetif: number;

  constructor(core: Core) {
    const u32 = core.u32;
    const base = core.exports.stack_region(REGION_EVENTS) >> 2;
    this.#core = core;
    this.#base = base;
    this.#ring = (u32[base + EVENTS.EVENTS_RING / 4] as number) >> 2;
    this.#pending = (u32[base + EVENTS.EVENTS_PENDING / 4] as number) >> 2;
    this.#mask = u32[base + EVENTS.EVENTS_MASK / 4] as number;
    this.#firstNetif = u32[base + EVENTS.EVENTS_FIRST_NETIF / 4] as number;
  }

  /** Hands every waiting object's bits to the handler, once. True if there were any. */
  drain(handler: EventHandler): boolean {
    const u32 = this.#core.u32;
    const tail = this.#base + EVENTS.EVENTS_TAIL / 4;
    const head = this.#base + EVENTS.EVENTS_HEAD / 4;
    if (u32[tail] === u32[head]) return false;
    while (u32[tail] !== u32[head]) {
      const cursor = u32[tail] as number;
      const object = u32[this.#ring + (cursor & this.#mask)] as number;
      const bits = u32[this.#pending + object] as number;
      u32[this.#pending + object] = 0;
      u32[tail] = cursor + 1;
      if (object < this.#firstNetif) handler.socketEvent(object, bits);
      else handler.interfaceEvent(object - this.#firstNetif, bits);
    }
    return true;
  }
}
