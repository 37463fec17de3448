// Arena: at boot the regions are laid one after another behind the static data, and never move again.
// The same walk answers `stack_size()` (nothing is touched) and places the regions for `stack_init()`.
// Bytes are counted in 64 bits, so that an absurd capacity is a large number and never a small wrong one.

/** Regions start on cache lines. */
const ALIGN: u64 = 64;

@unmanaged
class ArenaState {
  top: u64;
}

const A: ArenaState = changetype<ArenaState>(memory.data(offsetof<ArenaState>(), 8));

/** Starts a walk at address `base`. */
export function arenaBegin(base: usize): void {
  A.top = base;
}

/** Lays a region of `count` records of `recordBytes` each on a cache line; answers its address. */
export function arenaTake(count: u32, recordBytes: u32): usize {
  const at = (A.top + ALIGN - 1) & ~(ALIGN - 1);
  A.top = at + <u64>count * recordBytes;
  return <usize>at;
}

/** One past the last byte laid so far. */
export function arenaEnd(): u64 {
  return A.top;
}
