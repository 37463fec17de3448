// ACKs that answer what cannot be right: challenge ACKs (RFC 5961 §3 to §5), and the answer to a segment outside the
// window (RFC 9293 §3.10.7.4, first). Those for segments without data are limited for each connection (RFC 5961 §7), by
// which two ends cannot keep each other talking; a limit for all of them together would tell strangers of each other.

import { CTR_TCP_CHALLENGE_ACKS } from "../abi/counter";
import { TCP_ACK, TCP_RST } from "../abi/proto";
import { SW_TCP_CHALLENGES } from "../abi/switch";
import { nowMs } from "../core/clock";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { segmentSend } from "./emit";
import { seqMin } from "./seq";
import { synchronized, Tcb } from "./tcb";

/** An ACK of where we stand, unless too many have gone this second. */
export function challenge(t: Tcb): void {
  const second = nowMs() / 1000;
  if (t.challengeAt != second) {
    t.challengeAt = second;
    t.challenges = 0;
  }
  if (t.challenges >= switchValue(SW_TCP_CHALLENGES)) return;
  t.challenges++;
  count(CTR_TCP_CHALLENGE_ACKS);
  ackSend(t);
}

/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
export function ackSend(t: Tcb): bool {
  return segmentSend(t, bareSeq(t), 0, TCP_ACK);
}

/** Where a segment without text stands: at SND.NXT, but within the peer's window: beyond it, it would not be heard. */
function bareSeq(t: Tcb): u32 {
  return synchronized(t) ? seqMin(t.sndMax, t.sndUna + t.sndWnd) : t.sndMax;
}

/** A reset from the same place: only there it is believed (RFC 5961 §3). */
export function resetSend(t: Tcb): void {
  segmentSend(t, bareSeq(t), 0, TCP_RST | TCP_ACK);
}
