/**
 * Switches: what may be changed while the stack runs, of the whole stack (assembly/abi/switch.ts) and of each interface
 * (IFSW_… of assembly/abi/netif.ts).
 */
import * as NETIF from "../../assembly/abi/netif.js";
import * as NUMBERS from "../../assembly/abi/switch.js";
import { check, requireOpen, requireWord, typeError } from "../errors.js";
import type { Core } from "../wasm/core.js";
import { SWITCH_RANGES, type SwitchName } from "./switch-ranges.js";

export type { SwitchName } from "./switch-ranges.js";

/** "FORWARDING" for IFSW_FORWARDING. */
export type InterfaceSwitchName = {
  [K in keyof typeof NETIF]: K extends `IFSW_${infer N}` ? N : never;
}[keyof typeof NETIF];

/** In the order of the numbers: that of a module's names is not the same everywhere. */
function idsOf(numbers: object, stem: string): Map<string, number> {
  const found = Object.entries(numbers).filter(([name]) => name.startsWith(stem));
  found.sort(([, a], [, b]) => a - b);
  return new Map(found.map(([name, id]) => [name.slice(stem.length), id as number]));
}

const IDS = idsOf(NUMBERS, "SW_");
const INTERFACE_IDS = idsOf(NETIF, "IFSW_");

/** Every switch. */
export const SWITCH_NAMES = [...IDS.keys()] as SwitchName[];
/** Every switch of an interface. */
export const INTERFACE_SWITCH_NAMES = [...INTERFACE_IDS.keys()] as InterfaceSwitchName[];

/** "TCP_ECN = 7: 0 to 2"; of a value that is in its range (a first port behind the last), without it. */
function switchText(name: SwitchName, value: number): string {
  const [least, most] = SWITCH_RANGES[name];
  return value >= least && value <= most ? `${name} = ${value}` : `${name} = ${value}: ${least} to ${most}`;
}

function idOf(ids: ReadonlyMap<string, number>, name: string): number {
  const id = ids.get(name);
  if (id === undefined) throw typeError(`switch: ${JSON.stringify(name)} is not one`);
  return id;
}

/** What switches need of their stack. */
export interface SwitchesHost {
  readonly core: Core;
  /** The stack has ended: nothing is changed any more. */
  readonly closed: boolean;
  tick(): void;
  work(): void;
}

export class Switches {
  readonly #host: SwitchesHost;

  constructor(host: SwitchesHost) {
    this.#host = host;
  }

  get(name: SwitchName): number {
    return check(this.#host.core.exports.stack_get(idOf(IDS, name)), "switch", { text: name });
  }

  /** @throws StackError EINVAL for a value out of its range, EBADF; RangeError for what is no whole number; TypeError */
  set(name: SwitchName, value: number): void {
    requireOpen(this.#host, "switch");
    const id = idOf(IDS, name);
    requireWord(name, value);
    this.#host.tick();
    const result = this.#host.core.exports.stack_set(id, value);
    if (result < 0) check(result, "switch", { text: switchText(name, value) });
    this.#host.work();
  }
}

/** The switches of one interface; of number 0, those of all: set there, they are set on every interface and on those to
 * come, and what is read is what a new one begins with. */
export class InterfaceSwitches {
  readonly #host: SwitchesHost;
  readonly #index: number;

  constructor(host: SwitchesHost, index: number) {
    this.#host = host;
    this.#index = index;
  }

  get(name: InterfaceSwitchName): number {
    const id = idOf(INTERFACE_IDS, name);
    return check(this.#host.core.exports.netif_get(this.#index, id), "switch", { text: name });
  }

  /** @throws StackError EINVAL for a value out of its range, EBADF; RangeError for what is no whole number; TypeError */
  set(name: InterfaceSwitchName, value: number): void {
    requireOpen(this.#host, "switch");
    const id = idOf(INTERFACE_IDS, name);
    requireWord(name, value);
    this.#host.tick();
    check(this.#host.core.exports.netif_set(this.#index, id, value), "switch", { text: `${name} = ${value}` });
    this.#host.work();
  }
}
