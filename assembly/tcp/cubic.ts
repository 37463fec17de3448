// CUBIC: RFC 9438. After a reduction the window goes along a cubic curve, whose flat middle is where congestion was met
// last, W_max: fast up to it, slowly around it, and then away. The curve's place follows from time alone, so that flows
// with long and short round trips grow alike; where Reno would be faster, CUBIC is as fast as Reno.
//
//   W_cubic(t) = C (t - K)^3 + W_max,   K = cbrt((W_max - cwnd_epoch) / C),   C = 0.4 segments / s^3
//
// Here in bytes and milliseconds, without fractions: a thousandth of a segment is what may be lost by it.

import { nowMs } from "../core/clock";
import { CWND_MOST } from "./reno";
import { Tcb } from "./tcb";

/** The words cc0 to cc3 of the connection. */
@unmanaged
class Cubic {
  /** W_max; 0 = the window with which congestion avoidance begins (§4.8, §4.10). */
  wMax: u32;
  kMs: u32;
  /** W_est (§4.3), 0 = congestion avoidance has not begun since the last reduction. */
  wEst: u32;
  /** t: how long congestion avoidance has lasted, without what does not count (§5.8). */
  elapsedMs: u32;
}

function cubicOf(t: Tcb): Cubic {
  return changetype<Cubic>(changetype<usize>(t) + offsetof<Tcb>("cc0"));
}

/** Farther from K is all the same: by then the window is as large, or small, as it can be. */
const FAR_MS: u64 = 1 << 20;
/** Cubic milliseconds in which C makes a thousandth of a segment. */
const MILLI: u64 = 2500000;

/** The whole cube root. */
function cubeRoot(x: u64): u32 {
  let root: u64 = 0;
  for (let bit: u64 = 1 << 20; bit != 0; bit >>= 1) {
    const more = root | bit;
    if (more * more * more <= x) root = more;
  }
  return <u32>root;
}

/** W_cubic after so many milliseconds (§4.2, equation 1). */
function curve(t: Tcb, c: Cubic, ms: u32): u32 {
  const below = ms < c.kMs;
  const d = min<u64>(below ? c.kMs - ms : ms - c.kMs, FAR_MS);
  const away = (((d * d * d) / MILLI) * t.sndMss) / 1000;
  if (below) return away < c.wMax ? c.wMax - <u32>away : 0;
  return <u32>min<u64>(c.wMax + away, CWND_MOST);
}

/** A stage of congestion avoidance begins: §4.2, equation 2. */
function begin(t: Tcb, c: Cubic): void {
  c.wEst = t.cwnd;
  c.elapsedMs = 0;
  t.countedMs = nowMs();
  t.ackedBytes = 0;
  if (c.wMax <= t.cwnd) {
    c.wMax = t.cwnd;
    c.kMs = 0;
  } else c.kMs = cubeRoot((<u64>(c.wMax - t.cwnd) * (MILLI * 1000)) / t.sndMss);
}

/** `acked` bytes are acknowledged in congestion avoidance. */
export function cubicAcked(t: Tcb, acked: u32): void {
  const c = cubicOf(t);
  if (c.wEst == 0) begin(t, c);
  const ms = nowMs();
  c.elapsedMs += ms - t.countedMs;
  t.countedMs = ms;
  const cwnd = t.cwnd;
  reno(t, c, acked);
  if (curve(t, c, c.elapsedMs) < c.wEst) {
    // §4.3, the Reno-friendly region.
    t.cwnd = max<u32>(cwnd, c.wEst);
    return;
  }
  // §4.4 and §4.5: where the curve will be in a round trip, at most half as much again.
  const target = min<u32>(curve(t, c, c.elapsedMs + t.srttUs / 1000), cwnd + (cwnd >> 1));
  if (target <= cwnd) return;
  const grow = <u32>((<u64>(target - cwnd) * acked + (cwnd >> 1)) / cwnd);
  t.cwnd = min<u32>(cwnd + grow, target);
}

/** W_est grows by alpha segments a window: 9/17, with which Reno that came back to 0.7 takes as much as one that came back
 * to a half; one segment, when it is where the window was (§4.3, equation 4). */
function reno(t: Tcb, c: Cubic, acked: u32): void {
  const cwnd = t.cwnd;
  const window = c.wEst < t.cwndPrior ? cwnd + cwnd - cwnd / 9 : cwnd;
  t.ackedBytes += acked;
  if (t.ackedBytes < window >> 3) return;
  const share = <u64>t.ackedBytes * t.sndMss;
  t.ackedBytes = <u32>((share % window) / t.sndMss);
  c.wEst = min<u32>(c.wEst + <u32>(share / window), CWND_MOST);
}

/** Seven tenths: beta (§4.6). */
function beta(bytes: u32): u32 {
  return <u32>((<u64>bytes * 7) / 10);
}

/** Congestion: slow start's threshold with so much in flight (§4.6). */
export function cubicThreshold(t: Tcb, flight: u32): u32 {
  const c = cubicOf(t);
  // §4.7, fast convergence: with less than the last time, others want their share. (1 + beta) / 2 of it.
  c.wMax = t.cwnd < c.wMax ? (t.cwnd + beta(t.cwnd)) >> 1 : t.cwnd;
  cubicRestart(t);
  return max<u32>(beta(flight), t.sndMss << 1);
}

/** A timeout: the curve begins where slow start will end (§4.8). */
export function cubicTimeout(t: Tcb): void {
  cubicOf(t).wMax = 0;
}

/** Congestion avoidance, when it comes, begins anew. */
export function cubicRestart(t: Tcb): void {
  cubicOf(t).wEst = 0;
  t.countedMs = 0;
}
