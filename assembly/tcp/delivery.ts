// What the segment in hand has delivered: of all bytes that it is the first to tell of, by its ACK field or its SACK
// option, how many, and when the one sent last was sent (RFC 8985 §6.2 step 2). From that come the round-trip time, what
// is taken for lost, and how the windows move. It holds until the next ACK.

import { now } from "../core/clock";
import { TCPOPTS_TIMESTAMP } from "../wire/tcp-options";
import { OPTIONS, SEG } from "./segment";
import { seqLe, seqLt, seqMax } from "./seq";
import { Tcb } from "./tcb";

@unmanaged
export class Delivery {
  /** Bytes delivered, those among them that SACK told of, and those that were taken for lost. */
  bytes: u32;
  sacked: u32;
  wasLost: u32;
  /** Of the segment sent last: when (low half of the time), and its end. Valid with `any`. */
  at: u32;
  end: u32;
  any: u32;
  /** So long before, at the most, it was really sent, microseconds. */
  slack: u32;
  /** Its round trip, microseconds; 0 = it was sent twice, or nothing is delivered: not known. */
  rttUs: u32;
  /** The highest end of all that was ever delivered (RACK.fack). */
  top: u32;
  /** One below RACK.fack has come that was sent once only: the path reorders (RFC 8985 §6.2 step 3). */
  reordered: u32;
  /** Bytes below the recovery point that were sent once. */
  once: u32;
}

export const DELIVERY: Delivery = changetype<Delivery>(memory.data(offsetof<Delivery>(), 4));

/** Another ACK is in hand. */
export function deliveryBegin(t: Tcb): void {
  DELIVERY.top = t.rackFack;
  DELIVERY.bytes = 0;
  DELIVERY.sacked = 0;
  DELIVERY.wasLost = 0;
  DELIVERY.any = 0;
  DELIVERY.rttUs = 0;
  DELIVERY.reordered = 0;
  DELIVERY.once = 0;
}

/** The `len` bytes up to `end` are delivered, whose run was sent at `at`, and they up to `slack` before; not for the
 * first time, if `again`. */
export function delivered(t: Tcb, len: u32, end: u32, at: u32, slack: u32, again: bool): void {
  DELIVERY.bytes += len;
  DELIVERY.top = seqMax(DELIVERY.top, end);
  if (!again) {
    if (seqLt(end, t.rackFack)) DELIVERY.reordered = 1;
    if (seqLe(end, t.recover)) DELIVERY.once += len;
  }
  if (DELIVERY.any != 0 && !sentAfter(at, end, DELIVERY.at, DELIVERY.end)) return;
  const us = max<u32>(<u32>now() - at, 1);
  if (again && isOfTheFirst(t, end, us)) return;
  DELIVERY.any = 1;
  DELIVERY.at = at;
  DELIVERY.end = end;
  DELIVERY.slack = slack;
  DELIVERY.rttUs = again ? 0 : us + slack;
}

/** RACK_sent_after() of RFC 8985 §6.2: was what ends at `end` sent after the other, or with it and behind it? */
export function sentAfter(at: u32, end: u32, otherAt: u32, otherEnd: u32): bool {
  return seqLt(otherAt, at) || (at == otherAt && seqLt(otherEnd, end));
}

/** RFC 8985 §6.2 step 2: the ACK came too soon, or echoes too old a timestamp, to be that of what was sent `us` ago and ends
 * at `end`. With a SACK comes the echo of what arrived in order last (RFC 7323 §4.3): that says nothing. */
function isOfTheFirst(t: Tcb, end: u32, us: u32): bool {
  if (us < t.minRttUs) return true;
  if ((OPTIONS.seen & TCPOPTS_TIMESTAMP) == 0 || seqLt(SEG.ack, end)) return false;
  const sentMs = <u32>((now() - us) / 1000);
  return seqLt(OPTIONS.tsEcr - t.tsOffset, sentMs);
}
