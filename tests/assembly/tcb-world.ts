// A connection for the specs of tcp/: a block alone, with as many ranges as a spec asks for.

import { switchInit } from "../../assembly/core/switch";
import { arenaBegin, arenaEnd } from "../../assembly/memory/arena";
import { Tcb, tcbAt, tcbLayout } from "../../assembly/tcp/tcb";

const AT: usize = 0x10000;

let seed: u64 = 0x9e3779b97f4a7c15;

/** The same numbers from here on. */
export function seedWith(value: u64): void {
  seed = value * 2 + 1;
}

/** A number below `most`. */
export function below(most: u32): u32 {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return <u32>(seed >> 33) % most;
}

/** A fresh block, another behind it; all but `sndMss` is 0. */
export function block(ranges: u32, mss: u32): Tcb {
  switchInit();
  arenaBegin(AT);
  tcbLayout(2, ranges);
  memory.fill(AT, 0, <usize>arenaEnd() - AT);
  const t = tcbAt(0);
  t.sndMss = mss;
  return t;
}
