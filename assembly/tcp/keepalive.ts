// Keepalive: RFC 9293 §3.8.4. Off unless asked for; a connection on which nothing was heard for a while is probed, and
// given up after so many probes without an answer. While data is unacknowledged the retransmission timer asks anyway.

import { CTR_TCP_OUT_KEEPALIVES } from "../abi/counter";
import { TCP_ACK } from "../abi/proto";
import { OPT_TCP_KEEP_COUNT, OPT_TCP_KEEP_IDLE_MS, OPT_TCP_KEEP_INTERVAL_MS, OPT_TCP_KEEPALIVE } from "../abi/socket";
import { now, nowMs } from "../core/clock";
import { count } from "../core/counter";
import { timerArm, timerCancel } from "../core/timer";
import { segmentSend } from "./emit";
import { lifeTimer, synchronized, Tcb, tcpOption } from "./tcb";

/** The connection is established, or the option was changed. */
export function keepaliveBegin(t: Tcb): void {
  if (!synchronized(t)) return;
  t.keepProbes = 0;
  if (tcpOption(t, OPT_TCP_KEEPALIVE) == 0) timerCancel(lifeTimer(t));
  else rearm(t, tcpOption(t, OPT_TCP_KEEP_IDLE_MS));
}

function rearm(t: Tcb, ms: u32): void {
  timerArm(lifeTimer(t), now() + <u64>ms * 1000);
}

/** The timer has expired: true if the peer has not answered and the connection is to be given up. */
export function keepaliveTimer(t: Tcb): bool {
  if (!synchronized(t)) return false;
  const idle = tcpOption(t, OPT_TCP_KEEP_IDLE_MS);
  const quiet = nowMs() - t.heardMs;
  if (quiet < idle || t.sndUna != t.sndMax) {
    t.keepProbes = 0;
    rearm(t, quiet < idle ? idle - quiet : idle);
    return false;
  }
  if (t.keepProbes >= tcpOption(t, OPT_TCP_KEEP_COUNT)) return true;
  t.keepProbes++;
  count(CTR_TCP_OUT_KEEPALIVES);
  // A segment before the window, without data, must be answered.
  segmentSend(t, t.sndMax - 1, 0, TCP_ACK);
  rearm(t, tcpOption(t, OPT_TCP_KEEP_INTERVAL_MS));
  return false;
}
