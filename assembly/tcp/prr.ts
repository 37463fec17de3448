// How much goes for each ACK in fast recovery by SACK: proportional rate reduction, RFC 9937 §6 (it obsoletes RFC 6937).
// While more is in flight than slow start's threshold, sending is to delivery as the threshold is to what was in flight
// before; below that, what is delivered is sent (CRB), and a segment more for an ACK that shows progress (SSRB), so that
// in the end the threshold is what is in flight.

import { DELIVERY } from "./delivery";
import { inFlight } from "./scoreboard";
import { Tcb } from "./tcb";

/** Fast recovery begins; ssthresh is that of after it. */
export function prrEnter(t: Tcb): void {
  t.prrDelivered = 0;
  t.prrOut = 0;
  // What was not delivered before the ACK in hand.
  t.recoverFs = t.sndMax - t.sndUna - t.sackedBytes + DELIVERY.bytes;
}

/** The window for what may go now, with what DELIVERY tells. `safe`: the ACK has moved SND.UNA, and nothing more is lost;
 * `least`: so much may go in any case. */
export function prrWindow(t: Tcb, safe: bool, least: u32): void {
  const flight = inFlight(t);
  t.prrDelivered += DELIVERY.bytes;
  let most: u32;
  if (flight > t.ssthresh) {
    most = <u32>min<u64>((<u64>t.prrDelivered * t.ssthresh + t.recoverFs - 1) / max<u32>(t.recoverFs, 1), 0x7fffffff);
    most = most > t.prrOut ? most - t.prrOut : 0;
  } else {
    most = t.prrDelivered > t.prrOut ? t.prrDelivered - t.prrOut : 0;
    most = min<u32>(max<u32>(most, DELIVERY.bytes) + (safe ? t.sndMss : 0), t.ssthresh - flight);
  }
  // The first retransmission does not wait.
  if (t.prrOut == 0) least = max<u32>(least, t.sndMss);
  t.cwnd = flight + max<u32>(most, least);
}
