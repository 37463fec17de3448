/**
 * `route`: the routing table in net-tools' form.
 */
import {
  RTF_DYNAMIC,
  RTF_GATEWAY,
  RTF_HOST,
  RTF_LOCAL,
  RTF_MODIFIED,
  RTF_REJECT,
  RTF_UP,
} from "../../assembly/abi/route.js";
import { formatIpv4, maskOf } from "../address.js";
import type { Route } from "../control/routes.js";
import type { Stack } from "../stack.js";

export interface RouteOptions {
  /** Numbers for names: 0.0.0.0 instead of "default" and "*" (-n). */
  readonly numeric?: boolean;
}

const FLAGS: readonly (readonly [number, string])[] = [
  [RTF_GATEWAY, "G"],
  [RTF_HOST, "H"],
  [RTF_DYNAMIC, "D"],
  [RTF_MODIFIED, "M"],
];

/** A route's cells as tools print them. */
export interface RouteCells {
  readonly destination: string;
  readonly gateway: string;
  readonly genmask: string;
  /** "UG", "!H" … */
  readonly flags: string;
  readonly iface: string;
}

/** Destination, gateway, mask, flags and interface of each route, default first, then by ascending destination. The
 * host routes of own addresses, which a kernel keeps in a table of its own, are not among them. */
export function routeCells(
  stack: Stack,
  { numeric = false }: RouteOptions = {},
): { route: Route; cells: RouteCells }[] {
  const cellsOf = (route: Route): RouteCells => {
    const isReject = (route.flags & RTF_REJECT) !== 0;
    const address = route.destination.slice(0, route.destination.indexOf("/"));
    return {
      destination: route.prefixLength === 0 && !numeric ? "default" : address,
      gateway: isReject ? "-" : (route.gateway ?? (numeric ? "0.0.0.0" : "*")),
      genmask: formatIpv4(maskOf(route.prefixLength)),
      flags: flagsText(route.flags),
      iface: isReject ? "-" : route.dev,
    };
  };
  const routes = stack.routes.list().filter(({ flags }) => (flags & RTF_LOCAL) === 0);
  return routes.map((route) => ({ route, cells: cellsOf(route) }));
}

function flagsText(flags: number): string {
  const first = (flags & RTF_REJECT) !== 0 ? "!" : (flags & RTF_UP) !== 0 ? "U" : "";
  return first + FLAGS.map(([bit, letter]) => ((flags & bit) !== 0 ? letter : "")).join("");
}

/** The table; Ref and Use, which the stack does not count, are 0. */
export function route(stack: Stack, options: RouteOptions = {}): string {
  const lines = routeCells(stack, options).map(({ route: { metric }, cells }) => {
    const ref = cells.iface === "-" ? "- " : "0 ";
    return `${routeColumns(cells)} ${String(metric).padEnd(6)} ${ref} ${"0".padStart(7)} ${cells.iface}`;
  });
  return [
    "Kernel IP routing table",
    "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface",
    ...lines,
  ].join("\n");
}

/** The first four columns, which `route` and `netstat -r` have in common. */
export function routeColumns({ destination, gateway, genmask, flags }: RouteCells): string {
  return `${destination.padEnd(15)} ${gateway.padEnd(15)} ${genmask.padEnd(15)} ${flags.padEnd(5)}`;
}
