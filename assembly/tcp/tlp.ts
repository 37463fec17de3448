// The tail loss probe: RFC 8985 §7. When nothing has come back for two round trips, the last segments are lost perhaps, and
// no SACK will tell. New data, or the last segment again, makes the peer speak before the retransmission timeout does, and
// RACK then learns what is lost. A probe that has itself repaired the only loss is found out, so that the window shrinks.

import { CTR_TCP_LOSS_PROBE_RECOVERIES, CTR_TCP_LOSS_PROBES } from "../abi/counter";
import { TCP_FIN, TCP_SYN } from "../abi/proto";
import { TCB_OPEN } from "../abi/tcp";
import { count } from "../core/counter";
import { TCPOPTS_SACK } from "../wire/tcp-options";
import { congestionReduce } from "./congestion";
import { OPTIONS, SEG, segmentHas } from "./segment";
import { seqLt } from "./seq";
import { Tcb } from "./tcb";

/** What of a probe is out (t.tlp): nothing, new data, the last segment again (TLP.is_retrans). */
export const TLP_NONE: u8 = 0;
const TLP_NEW: u8 = 1;
const TLP_AGAIN: u8 = 2;

/** A probe has been sent, of data that went before if `again`: §7.3. Another waits until its answer has come. */
export function tlpSent(t: Tcb, again: bool): void {
  count(CTR_TCP_LOSS_PROBES);
  t.tlp = again ? TLP_AGAIN : TLP_NEW;
  t.tlpEnd = t.sndMax;
}

/** TLP_process_ack(), §7.4.2, while a probe is out: the segment in hand acknowledges what was sent, and has moved SND.UNA or
 * not (`moves`). */
export function tlpAck(t: Tcb, moves: bool): void {
  if (seqLt(SEG.ack, t.tlpEnd)) return;
  const last = SEG.ack == t.tlpEnd;
  // The last segment has arrived; whether it or the probe, and not both, the next ACK shows: by D-SACK (tlpTwice), or as a
  // duplicate, of a peer that has none.
  const twice = !moves && SEG.len == 0 && (OPTIONS.seen & TCPOPTS_SACK) == 0 && !segmentHas(TCP_SYN | TCP_FIN);
  if (t.tlp == TLP_AGAIN && last && !twice) return;
  const repaired = t.tlp == TLP_AGAIN && !last;
  t.tlp = TLP_NONE;
  if (!repaired || t.recovery != <u8>TCB_OPEN) return;
  count(CTR_TCP_LOSS_PROBE_RECOVERIES);
  // What was in flight then has arrived.
  congestionReduce(t, t.cwnd);
  t.cwnd = min<u32>(t.cwnd, t.ssthresh);
}

/** A D-SACK that ends at `end` has come: true if it tells that the probe came on top of what it repeats. */
export function tlpTwice(t: Tcb, end: u32): bool {
  if (t.tlp != TLP_AGAIN || end != t.tlpEnd) return false;
  t.tlp = TLP_NONE;
  return true;
}
