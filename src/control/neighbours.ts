/**
 * The neighbour cache: list, add a permanent entry, forget one.
 */
import { CALL_ADDR, CALL_MAC } from "../../assembly/abi/call.js";
import * as NETIF from "../../assembly/abi/netif.js";
import { formatIpv4, formatMac, ipv4, parseMac, readIpv4 } from "../address.js";
import { check, requireOpen } from "../errors.js";
import type { Core } from "../wasm/core.js";
import type { Interface } from "./interfaces.js";

/** States of RFC 4861 §7.3.2, as `ip neigh` names them. */
export type NeighbourState = "incomplete" | "reachable" | "stale" | "delay" | "probe" | "failed" | "permanent";

const STATES: readonly (NeighbourState | undefined)[] = [
  undefined,
  "incomplete",
  "reachable",
  "stale",
  "delay",
  "probe",
  "failed",
  "permanent",
];

export interface Neighbour {
  readonly address: string;
  /** Undefined while it is not known. */
  readonly mac?: string;
  readonly dev: string;
  readonly state: NeighbourState;
}

export interface NeighboursHost {
  readonly core: Core;
  /** The stack has ended: nothing is changed any more. */
  readonly closed: boolean;
  tick(): void;
  work(): void;
  interfaceAt(index: number): Interface | undefined;
}

export class Neighbours implements Iterable<Neighbour> {
  readonly #host: NeighboursHost;

  constructor(host: NeighboursHost) {
    this.#host = host;
  }

  *[Symbol.iterator](): Generator<Neighbour, void, undefined> {
    const { exports, u8, u32 } = this.#host.core;
    for (let i = 0; ; i++) {
      const at = exports.neigh_record(i);
      if (at < 0) return;
      const state = STATES[u8[at + NETIF.NEIGH_STATE] as number];
      if (state === undefined) continue;
      const unknown = state === "incomplete" || state === "failed";
      yield {
        address: formatIpv4(readIpv4(u8, at + NETIF.NEIGH_IP)),
        ...(unknown ? {} : { mac: formatMac(u8.subarray(at + NETIF.NEIGH_ETHER, at + NETIF.NEIGH_ETHER + 6)) }),
        dev: this.#host.interfaceAt((u32[(at + NETIF.NEIGH_NETIF) >> 2] as number) + 1)?.name ?? "*",
        state,
      };
    }
  }

  list(): Neighbour[] {
    return [...this];
  }

  /** Enters a permanent neighbour. @throws StackError EOPNOTSUPP (no Ethernet), EINVAL (a group's address), ENOSPC, EBADF */
  add(dev: Interface, address: string, mac: string): void {
    requireOpen(this.#host, "neighbour");
    const { core } = this.#host;
    this.#host.tick();
    core.putIpv4(CALL_ADDR, ipv4(address));
    core.u8.set(parseMac(mac), core.call + CALL_MAC);
    check(core.exports.neigh_add(dev.index), "neighbour", { address });
    this.#host.work();
  }

  /** Forgets a neighbour. @throws StackError ENOENT, EBADF */
  delete(dev: Interface, address: string): void {
    requireOpen(this.#host, "neighbour");
    this.#host.core.putIpv4(CALL_ADDR, ipv4(address));
    check(this.#host.core.exports.neigh_del(dev.index), "neighbour", { address });
  }
}
