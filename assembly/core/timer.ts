// Timers: a hierarchical wheel of 6 levels of 64 slots; level l's slot spans 64^l microseconds. There is no tick:
// a bitmap for each level finds the next slot that holds something, however far away (Varghese and Lauck, 1987).
// A timer sits at the level of the highest 6-bit digit in which its deadline differs from the wheel's time; when
// that digit's slot comes up, it moves down. Deadlines past the top level wait in its last slot and go round.
//
// A Timer is embedded in the record it belongs to. Expiry is a verdict: timerExpire() answers the timer, and the
// caller switches on its kind.
//
// Most of TCP's timers never expire: each segment puts them off, or stops them. So one that is put off or stopped stays in
// its slot with its new deadline, and moves when the slot comes up; that costs a wake-up for nothing now and then.
//
// Timer, 24 bytes:   0 next   4 prev (address of the link to this timer; 0 = in no slot)
//                    8 at (u64 us; NEVER = stopped)   16 kind   20 slot

@unmanaged
export class Timer {
  next: Timer | null;
  prev: usize;
  at: u64;
  kind: u32;
  slot: u32;
}

const LEVELS: u32 = 6;
/** Farthest a slot can be: one turn of the top level, less the slot that time stands in. */
const HORIZON: u64 = (<u64>63) << 30;

@unmanaged
class Wheel {
  /** Every timer with `at` < this has been handed out. */
  time: u64;
  armed: u32;
  /** Level of the slot that nextSlot() found. */
  level: u32;
  /** A bit for each level that holds timers. */
  levels: u32;
}

const W: Wheel = changetype<Wheel>(memory.data(offsetof<Wheel>(), 8));
const BITMAPS: usize = memory.data(LEVELS * 8, 8);
const SLOTS: usize = memory.data(LEVELS * 64 * 4, 4);

/** Deadline that no timer has. */
export const NEVER: u64 = 0xffffffffffffffff;

function link(t: Timer): void {
  const at = min<u64>(max<u64>(t.at, W.time), W.time + HORIZON);
  const level = min<u32>(<u32>((63 - clz<u64>((W.time ^ at) | 1)) / 6), LEVELS - 1);
  const digit = <u32>((at >> (level * 6)) & 63);
  const slot = level * 64 + digit;
  const head = SLOTS + slot * 4;
  const first = changetype<Timer | null>(load<usize>(head));
  t.next = first;
  t.prev = head;
  t.slot = slot;
  if (first !== null) first.prev = changetype<usize>(t);
  store<usize>(head, changetype<usize>(t));
  const bits = BITMAPS + level * 8;
  store<u64>(bits, load<u64>(bits) | ((<u64>1) << digit));
  W.levels |= 1 << level;
}

function unlink(t: Timer): void {
  const next = t.next;
  // A slot is a bare pointer and `next` is a Timer's first field: one store serves for both.
  store<usize>(t.prev, changetype<usize>(next));
  if (next !== null) next.prev = t.prev;
  t.prev = 0;
  if (load<usize>(SLOTS + t.slot * 4) != 0) return;
  const level = t.slot >> 6;
  const bits = BITMAPS + level * 8;
  const left = load<u64>(bits) & ~((<u64>1) << (t.slot & 63));
  store<u64>(bits, left);
  if (left == 0) W.levels &= ~(1 << level);
}

/** Where the slot begins that the timer stands in. */
function slotStart(t: Timer): u64 {
  const shift = (t.slot >> 6) * 6;
  const position = W.time >> shift;
  return (position + ((<u64>t.slot - position) & 63)) << shift;
}

/** Arms, or re-arms, the timer for time `at` (microseconds). */
export function timerArm(t: Timer, at: u64): void {
  if (!timerArmed(t)) W.armed++;
  t.at = at;
  if (t.prev != 0) {
    if (at >= slotStart(t)) return;
    unlink(t);
  }
  link(t);
}

/** Takes the timer out of the wheel: its record may go. */
export function timerCancel(t: Timer): void {
  timerStop(t);
  if (t.prev != 0) unlink(t);
}

/** The timer will not expire, but may well be armed again soon. Before its record goes it is to be cancelled. */
export function timerStop(t: Timer): void {
  if (!timerArmed(t)) return;
  t.at = NEVER;
  W.armed--;
}

export function timerArmed(t: Timer): bool {
  return t.prev != 0 && t.at != NEVER;
}

/** Start of the earliest slot that holds a timer, NEVER if none is armed. A lower level's slots all begin before
 * a higher level's, since they share the digit in which those differ. */
function nextSlot(): u64 {
  if (W.levels == 0) return NEVER;
  const level = ctz<u32>(W.levels);
  const position = W.time >> (level * 6);
  W.level = level;
  return (position + ctz<u64>(rotr<u64>(load<u64>(BITMAPS + level * 8), position & 63))) << (level * 6);
}

/** A timer whose deadline is <= `to`, disarmed; null when there is none left (time then stands at `to`). */
export function timerExpire(to: u64): Timer | null {
  let at = nextSlot();
  while (at <= to) {
    W.time = max<u64>(W.time, at);
    const level = W.level;
    const head = SLOTS + (level * 64 + <u32>((at >> (level * 6)) & 63)) * 4;
    let t = changetype<Timer | null>(load<usize>(head));
    while (t !== null) {
      unlink(t);
      if (level == 0 && t.at <= W.time) {
        W.armed--;
        return t;
      }
      if (t.at != NEVER) link(t);
      t = changetype<Timer | null>(load<usize>(head));
    }
    at = nextSlot();
  }
  W.time = max<u64>(W.time, to);
  return null;
}

/** When the wheel next wants attention: never later than the earliest deadline, NEVER if none is armed. */
export function timerNext(): u64 {
  return W.armed != 0 ? nextSlot() : NEVER;
}

export function timersArmed(): u32 {
  return W.armed;
}
