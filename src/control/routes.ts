/**
 * The routing table: add, replace, delete, list, ask.
 */
import { CALL_ADDR, CALL_ADDR2, CALL_ADDR3, CALL_IFINDEX } from "../../assembly/abi/call.js";
import { E_NODEV } from "../../assembly/abi/errno.js";
import { FAMILY_IPV4 } from "../../assembly/abi/netif.js";
import * as ROUTE from "../../assembly/abi/route.js";
import { REGION_ROUTE } from "../../assembly/abi/stack.js";
import { formatIpv4, ipv4, ipv4Prefix, readIpv4, writeIpv4 } from "../address.js";
import { check, refuseUnknown, requireInteger, requireOpen, StackError, typeError } from "../errors.js";
import type { Core } from "../wasm/core.js";
import { enterRedirect, type KnownDestination, readDestinations } from "./destinations.js";
import type { Interface } from "./interfaces.js";
import type { Route } from "./route.js";

export type { Route } from "./route.js";

/** What becomes of a datagram that a route matches: it is sent on; or refused with an ICMP error to its sender (a local
 * one gets EHOSTUNREACH or EACCES); or dropped in silence (a local sender gets EINVAL). */
export type RouteType = "unicast" | "unreachable" | "prohibit" | "blackhole";

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
  /** "unicast" unless given. The others lead nowhere: gateway and dev mean nothing to them. */
  readonly type?: RouteType;
  /** The same as type "unreachable". */
  readonly reject?: boolean;
}

/** What a route may say: a RouteSpec's parts, and those of a Route that was listed, which may be deleted as it stands. */
const NAMES: ReadonlySet<string> = new Set<keyof RouteSpec | keyof Route>([
  "destination",
  "dev",
  "expiresUs",
  "flags",
  "gateway",
  "metric",
  "origin",
  "prefixLength",
  "reject",
  "source",
  "type",
]);

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
  readonly clock: { now(): number };
  /** The stack has ended: nothing is changed any more. */
  readonly closed: boolean;
  interfaceNamed(name: string): Interface | undefined;
  interfaceAt(index: number): Interface | undefined;
}

const TYPE_FLAGS: Readonly<Record<RouteType, number>> = {
  unicast: 0,
  unreachable: ROUTE.RTF_REJECT,
  prohibit: ROUTE.RTF_REJECT | ROUTE.RTF_PROHIBIT,
  blackhole: ROUTE.RTF_REJECT | ROUTE.RTF_BLACKHOLE,
};

export class Routes implements Iterable<Route> {
  readonly #host: RoutesHost;
  readonly #record: number;

  constructor(host: RoutesHost) {
    this.#host = host;
    this.#record = host.core.exports.stack_region(REGION_ROUTE);
  }

  /** @throws StackError EEXIST, ENETUNREACH (the gateway is not on a link), ENODEV, EINVAL (host bits), ENOSPC, EBADF; TypeError */
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

  /**
   * Deletes the first route that matches what is given.
   * @throws StackError ESRCH, ENODEV, ENOSPC (no next hop is free for the set of those left), EBADF; TypeError
   */
  delete(spec: RouteSpec): void {
    this.#write(spec);
    if (spec.metric === undefined) this.#put(ROUTE.ROUTE_METRIC, ROUTE.ROUTE_METRIC_ANY);
    check(this.#host.core.exports.route_del(), "route", { address: spec.destination });
  }

  /** Every route of the table, in ascending order of destination, prefix length and metric. */
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

  /** Every route, in the same order, with the redirects that hold now: they are routes to a host (RTF_DYNAMIC), or modify
   * one (RTF_MODIFIED). */
  list(): Route[] {
    const routes = [...this];
    for (const known of this.destinations()) enterRedirect(routes, known);
    return routes;
  }

  /** What is known of single destinations beside the table: redirects and path MTUs. */
  destinations(): KnownDestination[] {
    const { core, clock } = this.#host;
    return [...readDestinations(core, clock.now(), (ifindex) => this.#name(ifindex))];
  }

  /** Forgets what is known of destinations beside the table. @throws StackError EBADF */
  flushCache(): void {
    requireOpen(this.#host, "route");
    this.#host.core.exports.dest_flush(0);
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
    requireOpen(this.#host, "route");
    if (typeof spec !== "object" || spec === null) throw typeError("route: an object is needed");
    refuseUnknown(spec, NAMES);
    const { u8 } = this.#host.core;
    const { address, length } = ipv4Prefix(spec.destination, "destination");
    const gateway = spec.gateway === undefined ? undefined : ipv4(spec.gateway, "gateway");
    const source = spec.source === undefined ? undefined : ipv4(spec.source, "source");
    const metric = requireInteger("metric", spec.metric ?? 0, 0, ROUTE.ROUTE_METRIC_ANY - 1);
    const type = typeOf(spec);
    let ifindex = 0;
    if (spec.dev !== undefined && type === "unicast") {
      const nif = this.#host.interfaceNamed(spec.dev);
      if (nif === undefined) throw new StackError(E_NODEV, "route", { address: spec.dev });
      ifindex = nif.index;
    }
    u8.fill(0, this.#record, this.#record + ROUTE.ROUTE_BYTES);
    u8[this.#record + ROUTE.ROUTE_FAMILY] = FAMILY_IPV4;
    u8[this.#record + ROUTE.ROUTE_PLEN] = length;
    u8[this.#record + ROUTE.ROUTE_ORIGIN] = ROUTE.ROUTE_ORIGIN_STATIC;
    this.#put(ROUTE.ROUTE_METRIC, metric);
    this.#put(ROUTE.ROUTE_FLAGS, ROUTE.RTF_UP | TYPE_FLAGS[type]);
    this.#put(ROUTE.ROUTE_IFINDEX, ifindex);
    writeIpv4(u8, this.#record + ROUTE.ROUTE_DST, address);
    if (gateway !== undefined && type === "unicast") writeIpv4(u8, this.#record + ROUTE.ROUTE_GATEWAY, gateway);
    if (source !== undefined) writeIpv4(u8, this.#record + ROUTE.ROUTE_SOURCE, source);
  }

  /** A route without `dev` goes by the interface on whose link the gateway is. */
  #settleInterface(spec: RouteSpec): void {
    if (spec.dev !== undefined || spec.gateway === undefined || typeOf(spec) !== "unicast") return;
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

function typeOf({ type = "unicast", reject }: RouteSpec): RouteType {
  if (!Object.hasOwn(TYPE_FLAGS, type)) throw typeError(`type: ${JSON.stringify(type)} is not one`);
  if (reject && type === "unicast") return "unreachable";
  return type;
}
