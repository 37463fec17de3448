/**
 * The routing table: add, replace, delete, list, ask.
 */
import { CALL_ADDR, CALL_ADDR2, CALL_ADDR3, CALL_IFINDEX } from "../../assembly/abi/call.js";
import { E_NODEV } from "../../assembly/abi/errno.js";
import { FAMILY_IPV4 } from "../../assembly/abi/netif.js";
import * as ROUTE from "../../assembly/abi/route.js";
import { REGION_ROUTE } from "../../assembly/abi/stack.js";
import { formatIpv4, ipv4, ipv4Prefix, readIpv4, writeIpv4 } from "../address.js";
import { check, requireInteger, StackError } from "../errors.js";
import type { Core } from "../wasm/core.js";
import type { Interface } from "./interfaces.js";

/** A route to make or to delete. */
export interface RouteSpec {
  /** "10.0.0.0/8", "192.168.1.5" (a host), or "default". */
  readonly destination: string;
  /** Router on the way; directly connected unless given. */
  readonly gateway?: string;
  /** Name of the interface; found by the gateway unless given. */
  readonly dev?: string;
  /** Lower is better; 0 unless given. */
  readonly metric?: number;
  /** Source address of what goes this way; chosen by the next hop unless given. */
  readonly source?: string;
  /** Refuse what goes this way: host unreachable. */
  readonly reject?: boolean;
}

/** A route as it stands in the table. */
export interface Route {
  /** "10.0.0.0/8" */
  readonly destination: string;
  readonly prefixLength: number;
  /** Undefined where directly connected. */
  readonly gateway?: string;
  readonly source?: string;
  readonly dev: string;
  readonly metric: number;
  /** RTF_… of assembly/abi/route.ts. */
  readonly flags: number;
  /** ROUTE_ORIGIN_…: who made it. */
  readonly origin: number;
}

/** What a datagram to some address would do. */
export interface RouteChoice {
  readonly dev: string;
  /** Next hop: the gateway, or the destination itself. */
  readonly nextHop: string;
  readonly source: string;
  /** The route that was chosen; undefined for broadcast and multicast without one. */
  readonly route?: Route;
}

/** What the table needs of its stack. */
export interface RoutesHost {
  readonly core: Core;
  interfaceNamed(name: string): Interface | undefined;
  interfaceAt(index: number): Interface | undefined;
}

export class Routes implements Iterable<Route> {
  readonly #host: RoutesHost;
  readonly #record: number;

  constructor(host: RoutesHost) {
    this.#host = host;
    this.#record = host.core.exports.stack_region(REGION_ROUTE);
  }

  /** @throws StackError EEXIST, ENETUNREACH (the gateway is not on a link), ENODEV, EINVAL (host bits), ENOSPC; TypeError */
  add(spec: RouteSpec): void {
    this.#write(spec);
    this.#settleInterface(spec);
    check(this.#host.core.exports.route_add(), "route", { address: spec.destination });
  }

  /** Puts the route in place of the one with the same destination and metric, or adds it. @throws as add() */
  replace(spec: RouteSpec): void {
    this.#write(spec);
    this.#settleInterface(spec);
    check(this.#host.core.exports.route_replace(), "route", { address: spec.destination });
  }

  /** Deletes the first route that matches what is given. @throws StackError ESRCH, ENODEV; TypeError */
  delete(spec: RouteSpec): void {
    this.#write(spec);
    if (spec.metric === undefined) this.#put(ROUTE.ROUTE_METRIC, ROUTE.ROUTE_METRIC_ANY);
    check(this.#host.core.exports.route_del(), "route", { address: spec.destination });
  }

  /** Every route, in ascending order of destination, prefix length and metric. */
  *[Symbol.iterator](): Generator<Route, void, undefined> {
    const { exports, u8 } = this.#host.core;
    let more = exports.route_first(FAMILY_IPV4);
    while (more === 1) {
      const record = u8.slice(this.#record, this.#record + ROUTE.ROUTE_BYTES);
      yield this.#read();
      u8.set(record, this.#record);
      more = exports.route_next();
    }
  }

  list(): Route[] {
    return [...this];
  }

  /**
   * What a datagram to `address` would do now.
   * @throws StackError ENETUNREACH, EHOSTUNREACH (rejected), EADDRNOTAVAIL (no source); TypeError
   */
  get(address: string): RouteChoice {
    const { core } = this.#host;
    core.putIpv4(CALL_ADDR, ipv4(address));
    check(core.exports.route_get(0), "route", { address });
    const choice = {
      dev: this.#name(core.get(CALL_IFINDEX)),
      nextHop: formatIpv4(core.getIpv4(CALL_ADDR2)),
      source: formatIpv4(core.getIpv4(CALL_ADDR3)),
    };
    return core.u8[this.#record + ROUTE.ROUTE_FAMILY] === 0 ? choice : { ...choice, route: this.#read() };
  }

  #put(offset: number, value: number): void {
    this.#host.core.u32[(this.#record + offset) >> 2] = value;
  }

  #write(spec: RouteSpec): void {
    const { u8 } = this.#host.core;
    const { address, length } = ipv4Prefix(spec.destination, "destination");
    const gateway = spec.gateway === undefined ? undefined : ipv4(spec.gateway, "gateway");
    const source = spec.source === undefined ? undefined : ipv4(spec.source, "source");
    const metric = requireInteger("metric", spec.metric ?? 0, 0, ROUTE.ROUTE_METRIC_ANY - 1);
    let ifindex = 0;
    if (spec.dev !== undefined) {
      const nif = this.#host.interfaceNamed(spec.dev);
      if (nif === undefined) throw new StackError(E_NODEV, "route", { address: spec.dev });
      ifindex = nif.index;
    }
    u8.fill(0, this.#record, this.#record + ROUTE.ROUTE_BYTES);
    u8[this.#record + ROUTE.ROUTE_FAMILY] = FAMILY_IPV4;
    u8[this.#record + ROUTE.ROUTE_PLEN] = length;
    u8[this.#record + ROUTE.ROUTE_ORIGIN] = ROUTE.ROUTE_ORIGIN_STATIC;
    this.#put(ROUTE.ROUTE_METRIC, metric);
    this.#put(ROUTE.ROUTE_FLAGS, ROUTE.RTF_UP | (spec.reject ? ROUTE.RTF_REJECT : 0));
    this.#put(ROUTE.ROUTE_IFINDEX, ifindex);
    writeIpv4(u8, this.#record + ROUTE.ROUTE_DST, address);
    if (gateway !== undefined) writeIpv4(u8, this.#record + ROUTE.ROUTE_GATEWAY, gateway);
    if (source !== undefined) writeIpv4(u8, this.#record + ROUTE.ROUTE_SOURCE, source);
  }

  /** A route without `dev` goes by the interface on whose link the gateway is. */
  #settleInterface(spec: RouteSpec): void {
    if (spec.dev !== undefined || spec.gateway === undefined) return;
    const { core } = this.#host;
    const record = core.u8.slice(this.#record, this.#record + ROUTE.ROUTE_BYTES);
    core.putIpv4(CALL_ADDR, ipv4(spec.gateway, "gateway"));
    check(core.exports.route_get(0), "route", { address: spec.gateway });
    core.u8.set(record, this.#record);
    this.#put(ROUTE.ROUTE_IFINDEX, core.get(CALL_IFINDEX));
  }

  #name(ifindex: number): string {
    return this.#host.interfaceAt(ifindex)?.name ?? "*";
  }

  #read(): Route {
    const { u8, u32 } = this.#host.core;
    const word = (offset: number) => u32[(this.#record + offset) >> 2] as number;
    const prefixLength = u8[this.#record + ROUTE.ROUTE_PLEN] as number;
    const gateway = readIpv4(u8, this.#record + ROUTE.ROUTE_GATEWAY);
    const source = readIpv4(u8, this.#record + ROUTE.ROUTE_SOURCE);
    return {
      destination: `${formatIpv4(readIpv4(u8, this.#record + ROUTE.ROUTE_DST))}/${prefixLength}`,
      prefixLength,
      ...(gateway === 0 ? {} : { gateway: formatIpv4(gateway) }),
      ...(source === 0 ? {} : { source: formatIpv4(source) }),
      dev: this.#name(word(ROUTE.ROUTE_IFINDEX)),
      metric: word(ROUTE.ROUTE_METRIC),
      flags: word(ROUTE.ROUTE_FLAGS),
      origin: u8[this.#record + ROUTE.ROUTE_ORIGIN] as number,
    };
  }
}
