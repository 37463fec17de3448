// HyStart++: RFC 9406. The first slow start of a connection ends before anything is lost, when round trips grow longer
// from one round to the next: then the queue before the narrowest link fills. As that may have been chance, the window
// grows on at a quarter of the pace for five rounds (conservative slow start), and goes back to slow start if round trips
// are short again meanwhile.
//
// A round is what was in flight when it began. Every ACK tells a round-trip time (DELIVERY).

import { CTR_TCP_SLOW_START_EXITS } from "../abi/counter";
import { SW_TCP_PACING } from "../abi/switch";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { CWND_MOST } from "./reno";
import { seqLt } from "./seq";
import { Tcb } from "./tcb";

// RFC 9406 §4.3.
const MIN_RTT_THRESH_US: u32 = 4000;
const MAX_RTT_THRESH_US: u32 = 16000;
const MIN_RTT_DIVISOR: u32 = 8;
const N_RTT_SAMPLE: u16 = 8;
const CSS_GROWTH_DIVISOR: u32 = 4;
const CSS_ROUNDS: u16 = 5;
/** L: more segments than these at once do not count, unless they are paced. */
const L: u32 = 8;

/** The words cc0 to cc4 of the connection. */
@unmanaged
class HyStart {
  /** Where the round ends, counted from ISS; 0 = none has begun. */
  windowEnd: u32;
  /** Least round-trip time of the last round and of this one, us; 0 = not known. */
  lastMin: u32;
  currentMin: u32;
  /** The least of the round in which conservative slow start began; 0 = it is slow start. */
  baseline: u32;
  /** Of this round; rounds of conservative slow start. */
  samples: u16;
  rounds: u16;
}

/** `acked` bytes are acknowledged in the first slow start, by an ACK whose round trip took so long (0 = it does not say). */
export function hystartAcked(t: Tcb, acked: u32, rttUs: u32): void {
  const h = changetype<HyStart>(changetype<usize>(t) + offsetof<Tcb>("cc0"));
  const grow = switchValue(SW_TCP_PACING) != 0 ? acked : min<u32>(acked, L * t.sndMss);
  t.cwnd = min<u32>(t.cwnd + (h.baseline != 0 ? grow / CSS_GROWTH_DIVISOR : grow), CWND_MOST);
  if (rttUs != 0) sample(h, rttUs);
  if (h.windowEnd == 0) h.windowEnd = t.sndMax - t.iss;
  else if (!seqLt(t.sndUna, t.iss + h.windowEnd)) roundEnds(t, h);
}

function sample(h: HyStart, us: u32): void {
  if (h.currentMin == 0 || us < h.currentMin) h.currentMin = us;
  if (h.samples < N_RTT_SAMPLE) h.samples++;
  if (h.samples < N_RTT_SAMPLE) return;
  if (h.baseline != 0) {
    // It was chance.
    if (h.currentMin < h.baseline) h.baseline = 0;
  } else if (h.lastMin != 0) {
    const threshold = max<u32>(MIN_RTT_THRESH_US, min<u32>(h.lastMin / MIN_RTT_DIVISOR, MAX_RTT_THRESH_US));
    if (h.currentMin < h.lastMin + threshold) return;
    h.baseline = h.currentMin;
    h.rounds = 0;
  }
}

function roundEnds(t: Tcb, h: HyStart): void {
  if (h.baseline != 0 && ++h.rounds == CSS_ROUNDS) {
    // Congestion avoidance, from here on.
    count(CTR_TCP_SLOW_START_EXITS);
    t.ssthresh = t.cwnd;
    t.cwndPrior = t.cwnd;
    memory.fill(changetype<usize>(h), 0, offsetof<HyStart>());
    return;
  }
  h.windowEnd = t.sndMax - t.iss;
  h.lastMin = h.currentMin;
  h.currentMin = 0;
  h.samples = 0;
}
