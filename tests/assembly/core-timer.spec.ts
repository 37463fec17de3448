// The timer wheel against a list that is searched from end to end.
import {
  NEVER,
  Timer,
  timerArm,
  timerArmed,
  timerCancel,
  timerExpire,
  timerNext,
  timerStop,
  timersArmed,
} from "../../assembly/core/timer";

const BASE: usize = 1 << 16;
const COUNT: u32 = 64;
const BYTES: u32 = offsetof<Timer>();

let seed: u64 = 88172645463325252;
function random(): u64 {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

/** Log-uniform below 2^bits: every level of the wheel, and beyond. */
function distance(bits: u32): u64 {
  return random() >> (64 - <u64>(1 + (<u32>(random() >> 33) % bits)));
}

function timer(i: u32): Timer {
  return changetype<Timer>(BASE + i * BYTES);
}

/** Deadlines as armed; NEVER = not armed. */
const deadline = new StaticArray<u64>(COUNT);
let time: u64 = 0;

function earliest(): u64 {
  let at = NEVER;
  for (let i: u32 = 0; i < COUNT; i++) at = min<u64>(at, deadline[i]);
  return at;
}

function begin(): void {
  for (let i: u32 = 0; i < COUNT; i++) {
    timerCancel(timer(i));
    memory.fill(BASE + i * BYTES, 0, BYTES);
    timer(i).kind = i;
    deadline[i] = NEVER;
  }
}

function stop(i: u32): void {
  timerStop(timer(i));
  deadline[i] = NEVER;
}

/** How many timers say of themselves what they should not. */
function misled(): u32 {
  let n: u32 = timersArmed() == armed() ? 0 : 1;
  for (let i: u32 = 0; i < COUNT; i++) if (timerArmed(timer(i)) != (deadline[i] != NEVER)) n++;
  return n;
}

function arm(i: u32, at: u64): void {
  timerArm(timer(i), at);
  deadline[i] = at;
}

/** Advances to `to`; how many timers fired wrongly: early, late, twice, out of order. */
function advance(to: u64): u32 {
  let wrong: u32 = 0;
  let last: u64 = 0;
  for (let t = timerExpire(to); t !== null; t = timerExpire(to)) {
    const i = t.kind;
    if (deadline[i] == NEVER || deadline[i] > to || timerArmed(t)) wrong++;
    // Deadlines that had passed when they were armed fire at once, among what is due then.
    const due = max<u64>(deadline[i], time);
    if (due < last) wrong++;
    last = due;
    deadline[i] = NEVER;
  }
  time = max<u64>(time, to);
  if (earliest() <= to) wrong++;
  return wrong;
}

function armed(): u32 {
  let n: u32 = 0;
  for (let i: u32 = 0; i < COUNT; i++) if (deadline[i] != NEVER) n++;
  return n;
}

describe("timer wheel", () => {
  test("random arming, stopping, cancelling and advancing, over all levels and beyond", () => {
    begin();
    let wrong: u32 = 0;
    for (let bits: u32 = 6; bits <= 44; bits += 2) {
      for (let round = 0; round < 2000; round++) {
        const i = <u32>(random() >> 33) % COUNT;
        switch (<u32>(random() >> 40) % 10) {
          case 0:
            timerCancel(timer(i));
            deadline[i] = NEVER;
            break;
          case 1:
          case 2:
            wrong += advance(time + distance(bits));
            break;
          case 3: {
            // To the very microsecond before the earliest deadline, then onto it.
            const at = earliest();
            if (at == NEVER || at <= time + 1) break;
            const before = armed();
            wrong += advance(at - 1);
            if (armed() != before) wrong++;
            wrong += advance(at);
            break;
          }
          case 4:
            // A deadline in the past.
            arm(i, time - min<u64>(time, distance(bits)));
            break;
          case 5:
          case 6:
            stop(i);
            break;
          default:
            arm(i, time + distance(bits));
        }
        wrong += misled();
        const next = timerNext();
        if (next > max<u64>(earliest(), time) && earliest() != NEVER) wrong++;
        if (earliest() == NEVER && next != NEVER) wrong++;
      }
    }
    expect(wrong).toBe(0);
    expect(time > (<u64>1) << 44).toBe(true);
  });

  test("jumps of any distance, each digit's edge included", () => {
    let wrong: u32 = 0;
    for (let bit: u64 = 0; bit < 44; bit++) {
      for (let delta: i64 = -2; delta <= 2; delta++) {
        const far = ((<u64>1) << bit) + <u64>delta;
        if (<i64>far < 0) continue;
        begin();
        arm(0, time + far);
        arm(1, time + far + 1);
        arm(2, time + far * 2);
        if (far > 0) wrong += advance(time + far - 1);
        if (far > 0 && armed() != 3) wrong++;
        if (timerNext() > earliest()) wrong++;
        wrong += advance(deadline[0]);
        if (deadline[0] != NEVER || (deadline[2] == NEVER && far > 0)) wrong++;
        wrong += advance(time + far * 2 + 1);
        if (armed() != 0 || timerNext() != NEVER) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });

  test("a leap over centuries fires what was armed, once", () => {
    begin();
    let wrong: u32 = 0;
    for (let i: u32 = 0; i < COUNT; i++) arm(i, time + distance(37));
    wrong += advance(time + ((<u64>1) << 60));
    if (armed() != 0 || timerNext() != NEVER) wrong++;
    for (let i: u32 = 0; i < COUNT; i++) arm(i, time + distance(37));
    wrong += advance(time + 1000);
    wrong += advance(time + ((<u64>1) << 60));
    if (armed() != 0) wrong++;
    expect(wrong).toBe(0);
  });

  test("sleeping from timerNext() to timerNext() fires each at its time, in few steps", () => {
    begin();
    let wrong: u32 = 0;
    let steps: u32 = 0;
    for (let i: u32 = 0; i < COUNT; i++) arm(i, time + distance(40));
    while (armed() != 0) {
      const next = timerNext();
      if (next > earliest()) wrong++;
      const due = earliest();
      const left = armed();
      wrong += advance(max<u64>(next, time));
      if (next < due && armed() != left) wrong++;
      steps++;
    }
    expect(wrong).toBe(0);
    // At most one step a level for each timer.
    expect(steps <= COUNT * 8).toBe(true);
  });

  test("arming again moves, cancelling twice is nothing, one timer can be armed from its own expiry", () => {
    begin();
    arm(0, time + 100);
    arm(0, time + 5000000);
    expect(advance(time + 1000)).toBe(0);
    expect(misled()).toBe(0);
    timerCancel(timer(0));
    timerCancel(timer(0));
    deadline[0] = NEVER;
    expect(misled()).toBe(0);
    expect(timerNext()).toBe(NEVER);
    arm(1, time + 10);
    let fired: u32 = 0;
    const end = time + 1000;
    for (let t = timerExpire(end); t !== null; t = timerExpire(end)) {
      fired++;
      if (t.at + 10 <= end) timerArm(t, t.at + 10);
    }
    expect(fired).toBe(100);
  });

  test("one that is put off again and again, or stopped, stands still until its slot comes up, and wakes once for that", () => {
    begin();
    arm(0, time + 1000);
    const first = timerNext();
    let wrong: u32 = 0;
    for (let i: u64 = 1; i <= 500; i++) {
      wrong += advance(time + 1);
      arm(0, time + 1000);
      if (timerNext() > first) wrong++;
    }
    expect(wrong).toBe(0);
    let wakes: u32 = 0;
    for (; deadline[0] != NEVER; wakes++) wrong += advance(timerNext());
    expect(wrong).toBe(0);
    expect(wakes <= 8).toBe(true);

    arm(1, time + 70);
    stop(1);
    expect(timerArmed(timer(1))).toBe(false);
    wrong += advance(time + 100);
    expect(timerNext()).toBe(NEVER);
    // Earlier than its slot, it moves at once.
    arm(2, time + 1000000);
    stop(2);
    arm(2, time + 3);
    wrong += advance(time + 3);
    expect(deadline[2]).toBe(NEVER);
    expect(wrong).toBe(0);
  });
});
