/**
 * What the stack knows of single destinations beside its routing table: redirects, path MTUs.
 */
import {
  DEST_FLAGS,
  DEST_GATEWAY,
  DEST_IFINDEX,
  DEST_IP,
  DEST_MTU,
  DEST_MTU_UNTIL,
  DEST_REDIRECT_UNTIL,
  DEST_ROUTER,
  ROUTE_ORIGIN_REDIRECT,
  RTF_GATEWAY,
  RTF_HOST,
  RTF_MODIFIED,
  RTF_UP,
} from "../../assembly/abi/route.js";
import { formatIpv4, parseIpv4, readIpv4 } from "../address.js";
import type { Core } from "../wasm/core.js";
import type { Route } from "./route.js";

/** A destination of which something is known. Times are in microseconds of the stack's clock. */
export interface KnownDestination {
  readonly address: string;
  /** First hop that a redirect named, in place of `router` by `dev`; undefined without one. */
  readonly gateway?: string;
  readonly router?: string;
  readonly dev?: string;
  readonly redirectExpiresUs?: number;
  /** Largest datagram that the path takes, bytes; undefined where nobody complained. */
  readonly mtu?: number;
  readonly mtuExpiresUs?: number;
  /** RTF_DYNAMIC or RTF_MODIFIED with a redirect. */
  readonly flags: number;
}

/** What is known at `nowUs`, in no order. */
export function* readDestinations(
  core: Core,
  nowUs: number,
  nameOf: (ifindex: number) => string,
): Generator<KnownDestination, void, undefined> {
  const { exports, u8, u32 } = core;
  for (let i = 0; ; i++) {
    const at = exports.dest_record(i);
    if (at < 0) return;
    const word = (offset: number) => u32[(at + offset) >> 2] as number;
    const address = (offset: number) => formatIpv4(readIpv4(u8, at + offset));
    const redirectExpiresUs = core.u64(at + DEST_REDIRECT_UNTIL);
    const mtuExpiresUs = core.u64(at + DEST_MTU_UNTIL);
    const isRedirected = redirectExpiresUs > nowUs;
    const isMeasured = mtuExpiresUs > nowUs;
    if (word(DEST_FLAGS) === 0 || !(isRedirected || isMeasured)) continue;
    const redirect = {
      gateway: address(DEST_GATEWAY),
      router: address(DEST_ROUTER),
      dev: nameOf(word(DEST_IFINDEX)),
      redirectExpiresUs,
    };
    yield {
      address: address(DEST_IP),
      ...(isRedirected ? redirect : {}),
      ...(isMeasured ? { mtu: word(DEST_MTU), mtuExpiresUs } : {}),
      flags: isRedirected ? word(DEST_FLAGS) & ~RTF_UP : 0,
    };
  }
}

/** Enters a redirect, while it holds, into a list of the table's routes, which stays in order: as a host route of its
 * own, or in the host route that it modifies. */
export function enterRedirect(routes: Route[], known: KnownDestination): void {
  const { address, gateway, dev, redirectExpiresUs } = known;
  if (gateway === undefined || dev === undefined || redirectExpiresUs === undefined || !holds(routes, known)) return;
  const changed = { gateway, expiresUs: redirectExpiresUs };
  const destination = `${address}/32`;
  const host = routes.findIndex((route) => route.destination === destination && route.gateway === known.router);
  const modified = routes[host];
  if ((known.flags & RTF_MODIFIED) !== 0 && modified !== undefined) {
    routes[host] = { ...modified, ...changed, flags: modified.flags | RTF_GATEWAY | RTF_MODIFIED };
    return;
  }
  const after = routes.findIndex((route) => numberOf(route.destination) > numberOf(destination));
  routes.splice(after < 0 ? routes.length : after, 0, {
    destination,
    prefixLength: 32,
    ...changed,
    dev,
    metric: 0,
    flags: RTF_UP | RTF_HOST | RTF_GATEWAY | known.flags,
    origin: ROUTE_ORIGIN_REDIRECT,
  });
}

/** A redirect is about one router: it holds while the table's own choice for the destination is that one. */
function holds(routes: readonly Route[], { address, router, dev }: KnownDestination): boolean {
  const target = parseIpv4(address) as number;
  let best: Route | undefined;
  for (const route of routes) {
    if ((route.flags & RTF_UP) === 0 || !covers(route, target)) continue;
    if (best === undefined || route.prefixLength > best.prefixLength) best = route;
  }
  return routes.some(
    (route) =>
      (route.flags & RTF_UP) !== 0 &&
      route.destination === best?.destination &&
      route.metric === best.metric &&
      route.gateway === router &&
      route.dev === dev,
  );
}

function covers({ destination, prefixLength }: Route, target: number): boolean {
  return prefixLength === 0 || (numberOf(destination) ^ target) >>> (32 - prefixLength) === 0;
}

/** The address of "10.0.0.0/8" in host order. */
function numberOf(destination: string): number {
  return parseIpv4(destination.slice(0, destination.indexOf("/"))) as number;
}
