/**
 * A topology: hosts, routers, links and switches, as a lab builds them. read-topology.ts makes it of a file.
 */
import type { LinkConditions } from "../drivers/sim-conditions.js";
import type { BootOptions } from "../wasm/core.js";
import type { RouteLine } from "./topology-route.js";

export interface Topology {
  /** What it shows, in a line; "" unless given. */
  readonly name: string;
  /** All chance follows from it; 0 unless given. */
  readonly seed: number | string;
  /** Hosts, then routers, in the file's order. */
  readonly hosts: readonly HostSpec[];
  /** The links, then the cables between interfaces and switches. */
  readonly links: readonly LinkSpec[];
  readonly switches: readonly SwitchSpec[];
}

export interface HostSpec {
  readonly name: string;
  /** Where it stands in the file. */
  readonly path: string;
  readonly isRouter: boolean;
  readonly interfaces: readonly InterfaceSpec[];
  readonly routes: readonly RouteLine[];
  /** Switches under their Linux names, in order. */
  readonly sysctl: readonly (readonly [string, string])[];
  readonly boot: BootOptions;
}

export interface InterfaceSpec {
  readonly name: string;
  readonly path: string;
  /** The link that it stands on; a cable's name where that leads to a switch. */
  readonly link: string;
  readonly addresses: readonly string[];
  /** The far end's address on a point-to-point link. */
  readonly peer?: string;
  readonly mac?: Uint8Array;
  /** The link's unless given. */
  readonly mtu?: number;
  /** Brought up at boot; true unless given. */
  readonly up: boolean;
}

export interface LinkSpec {
  readonly name: string;
  readonly path: string;
  readonly medium: "ethernet" | "ip";
  readonly mtu: number;
  readonly conditions: Readonly<Partial<LinkConditions>>;
}

export interface SwitchSpec {
  readonly name: string;
  readonly path: string;
  /** The links and cables that it joins. */
  readonly ports: readonly string[];
  readonly ageingUs?: number;
  readonly stations?: number;
}

/** A topology that cannot be built. */
export class TopologyError extends Error {
  override readonly name = "TopologyError";
  readonly code = "ERR_TOPOLOGY";
  /** What is wrong, each with the path of its part. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}
