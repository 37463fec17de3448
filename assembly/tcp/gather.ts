// ACKs are gathered: of a series of segments that wait to be received all are dealt with before their ACK is sent (RFC 9293
// §3.10.7.4, MUST-58 and MUST-59). One connection is remembered, as segments come in trains; another's turn ends its own.

import { TCB_F_ACK_NOW } from "../abi/tcp";
import { tcpOutput } from "./output";
import { Tcb } from "./tcb";

@unmanaged
class Gather {
  waits: Tcb | null;
}

const G: Gather = changetype<Gather>(memory.data(offsetof<Gather>(), 4));

/** Has more come than a full segment since the last ACK went? So every second one is acknowledged, if no more follow (SHLD-19).
 * (If it were two full ones, a sender whose message ends in a small one would take its tail for lost: RFC 8985 §7.) */
export function ackIsDue(t: Tcb): bool {
  return t.rcvNxt - t.lastAck > min<u32>(t.rcvMss, t.rcvMask >>> 1);
}

/** An ACK is due: it goes when what has come with the segment in hand is dealt with. */
export function ackGather(t: Tcb): void {
  if (G.waits === t) return;
  ackGathered();
  G.waits = t;
}

/** No more follow for now: the ACK goes, unless something else has carried it. */
export function ackGathered(): void {
  const t = G.waits;
  if (t === null) return;
  G.waits = null;
  if (!ackIsDue(t)) return;
  t.flags |= TCB_F_ACK_NOW;
  tcpOutput(t);
}

/** The block is given back. */
export function ackForget(t: Tcb): void {
  if (G.waits === t) G.waits = null;
}
