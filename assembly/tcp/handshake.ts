// The SYN and the SYN-ACK: RFC 9293 §3.5. Sent, and sent again until they are acknowledged.

import { TCP_ACK, TCP_SYN } from "../abi/proto";
import { OPT_TCP_USER_TIMEOUT_MS } from "../abi/socket";
import { SW_TCP_SYN_R2_MS } from "../abi/switch";
import { TCP_SYN_RECEIVED } from "../abi/tcp";
import { now } from "../core/clock";
import { switchUs } from "../core/switch";
import { timerArm } from "../core/timer";
import { segmentSend } from "./emit";
import { rtoUs } from "./rtt";
import { scoreboardSent } from "./scoreboard";
import { rexmtTimer, Tcb, tcpOption } from "./tcb";

/** Sends our SYN, with an ACK once we have the peer's, and waits for its acknowledgement. */
export function synSend(t: Tcb): void {
  if (t.giveUpAt == 0) {
    const own = tcpOption(t, OPT_TCP_USER_TIMEOUT_MS);
    t.giveUpAt = now() + (own != 0 ? <u64>own * 1000 : switchUs(SW_TCP_SYN_R2_MS));
  }
  synAgain(t);
  t.sndMax = t.iss + 1;
  timerArm(rexmtTimer(t), now() + rtoUs(t));
}

/** Sends it once more out of turn; the timer stays. False if it could not go now. */
export function synAgain(t: Tcb): bool {
  scoreboardSent(t, t.iss, t.iss + 1);
  return segmentSend(t, t.iss, 0, t.state == TCP_SYN_RECEIVED ? TCP_SYN | TCP_ACK : TCP_SYN);
}
