/**
 * Switches: what may be changed while the stack runs (assembly/abi/switch.ts).
 */
import * as NUMBERS from "../../assembly/abi/switch.js";
import { check, requireWord, typeError } from "../errors.js";
import type { Core } from "../wasm/core.js";

/** "IP_DEFAULT_TTL" for SW_IP_DEFAULT_TTL. */
export type SwitchName = {
  [K in keyof typeof NUMBERS]: K extends `SW_${infer N}` ? N : never;
}[keyof typeof NUMBERS];

const IDS = new Map<string, number>();
for (const [name, id] of Object.entries(NUMBERS)) if (name.startsWith("SW_")) IDS.set(name.slice(3), id);

/** Every switch. */
export const SWITCH_NAMES = [...IDS.keys()] as SwitchName[];

function idOf(name: SwitchName): number {
  const id = IDS.get(name);
  if (id === undefined) throw typeError(`switch: ${JSON.stringify(name)} is not one`);
  return id;
}

export class Switches {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  get(name: SwitchName): number {
    return check(this.#core.exports.stack_get(idOf(name)), "switch", { text: name });
  }

  /** @throws StackError EINVAL for a value out of its range; RangeError for what is no whole number; TypeError */
  set(name: SwitchName, value: number): void {
    requireWord(name, value);
    check(this.#core.exports.stack_set(idOf(name), value), "switch", { text: `${name} = ${value}` });
  }
}
