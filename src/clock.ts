/**
 * Time: whole microseconds on a monotonic clock, and the participants that a clock runs when they are due. `RealClock`
 * goes with the machine's time; `VirtualClock` goes exactly as far as it is told, to the microsecond, every time alike.
 */
export type { Clock, ClockRecord, Pollable } from "./clock/agenda-clock.js";
export { RealClock } from "./clock/real-clock.js";
export { VirtualClock, type VirtualClockOptions } from "./clock/virtual-clock.js";
