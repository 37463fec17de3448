// What the path takes, found out by segments alone: RFC 4821, for paths on which too long ones vanish unsaid (black holes).
// Two timeouts in a row of a full segment make the segments small; probes, larger segments of new data, then look for what
// does pass, at first for all that the path is known to take, then by halves. A probe that is lost alone is no congestion
// (§7.4). Per connection: mtuCap is the MTU that segments keep to, 0 = none; mtuHigh the largest that may yet pass.
// And the claims of "fragmentation needed" that are less than what has arrived: they wait for a timeout (RFC 5927 §7.2).

import { CTR_TCP_MTU_BLACK_HOLES, CTR_TCP_MTU_PROBES } from "../abi/counter";
import { SW_IP_PMTU_LEAST, SW_IP_PMTU_MS, SW_TCP_MTU_PROBING } from "../abi/switch";
import { TCB_OPEN } from "../abi/tcp";
import { nowMs } from "../core/clock";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { pathMtuLearn } from "../ip/path-mtu";
import { pcbFirstHop } from "../pcb/options";
import { remoteOf } from "../pcb/pcb";
import { pathOf } from "../pcb/send";
import { headerBytes, segmentBytes, tcpPath } from "./path";
import { seqLe, seqLt } from "./seq";
import { Tcb } from "./tcb";

/** What segments fall to at first, and then (§7.2 recommends 1,024 bytes): MTUs. */
const BASE: u32 = 1024 + 40;
const LOW: u32 = 512 + 40;
/** SW_TCP_MTU_PROBING: from the beginning on. */
const ALWAYS: u32 = 2;
/** Timeouts in a row after which nothing speaks against a black hole. */
const DOUBTLESS: u8 = 4;
/** A probe is lost so often before its size is given up: losses happen. */
const TRIES: u8 = 2;
/** The search ends when so few bytes are between what passes and what does not. */
const NEAR: u32 = 16;
/** Full segments that are to follow a probe, so that its loss is noticed without a timeout (§7.4). */
const FOLLOW: u32 = 4;

/** No probe now, and nothing else either: there will be room for it. */
export const PROBE_WAITS: u32 = 0xffffffff;

/** The connection is established, the path known: in earnest from the beginning (§7.2). */
export function mtuInit(t: Tcb): void {
  if (switchValue(SW_TCP_MTU_PROBING) == ALWAYS && t.sndMss + headerBytes(t) > BASE) cap(t, BASE);
}

/** Segments are not longer than `mtu` from now on. */
function cap(t: Tcb, mtu: u32): void {
  if (t.mtuCap == 0) t.mtuHigh = <u16>min<u32>(t.sndMss + headerBytes(t), 0xffff);
  t.mtuCap = <u16>mtu;
  t.mtuMs = nowMs();
  tcpPath(t);
}

/** The retransmission timer has expired; for the `first` time since SND.UNA has moved? */
export function mtuTimeout(t: Tcb, first: bool): void {
  if (t.mtuProbe != 0) probeLost(t, seqLe(t.mtuSeq, t.sndUna));
  if (t.mtuClaim != 0 && confirmed(t)) return;
  // What arrives from now on may be another copy, in pieces.
  t.mtuSample = 0;
  if (first) t.mtuFull = t.sackedBytes >= t.sndMss ? 1 : 0;
  // The second in a row makes it probable; where a full segment seems to have arrived behind what is missing, a later one.
  if (first || (t.mtuFull != 0 && t.backoff < DOUBTLESS) || switchValue(SW_TCP_MTU_PROBING) == 0) return;
  // What goes again is cut anew: a full segment, if there is so much.
  if (t.sndEnd - t.sndUna < t.sndMss || t.sndWnd < t.sndMss) return;
  const mtu = t.sndMss + headerBytes(t);
  const less = max<u32>(mtu > BASE ? BASE : mtu > LOW ? LOW : mtu >>> 1, switchValue(SW_IP_PMTU_LEAST));
  if (less >= mtu) return;
  if (t.mtuCap == 0) count(CTR_TCP_MTU_BLACK_HOLES);
  cap(t, less);
}

/** Has the segment not arrived of which an error claimed that it was too long? Then the error is believed. */
function confirmed(t: Tcb): bool {
  const mtu = t.mtuClaim;
  t.mtuClaim = 0;
  if (!seqLe(t.sndUna, t.mtuClaimSeq)) return false;
  pathMtuLearn(pcbFirstHop(t.pcb, remoteOf(t.pcb)), mtu);
  t.mtuProven = 0;
  tcpPath(t);
  return true;
}

/** Bytes that a probe takes at SND.NXT now, 0 if none is to go, or PROBE_WAITS. */
export function mtuProbe(t: Tcb): u32 {
  if (t.mtuProbe != 0 || t.recovery != <u8>TCB_OPEN || t.dupAcks != 0 || (t.sackedBytes | t.lostBytes) != 0) return 0;
  if (switchValue(SW_TCP_MTU_PROBING) == 0) return 0;
  const known = pathOf(t.pcb).mtu;
  // §7.7, RFC 1191 §6.3: after ten minutes it may be otherwise.
  if (isNear(t) && nowMs() - t.mtuMs >= switchValue(SW_IP_PMTU_MS)) {
    t.mtuHigh = <u16>min<u32>(known, 0xffff);
    t.mtuFails = 0;
  }
  if (isNear(t)) return 0;
  const high = min<u32>(t.mtuHigh, known);
  const size = high == known ? high : (<u32>t.mtuCap + high + 1) >>> 1;
  const len = segmentBytes(t, size);
  // The peer takes no more.
  if (len <= t.sndMss) return 0;
  const most = len + FOLLOW * t.sndMss;
  const flight = t.sndMax - t.sndUna;
  if (<i32>(t.sndEnd - t.sndMax) < <i32>most || t.cwnd < most || t.sndWnd < most) return 0;
  if (flight + len > min<u32>(t.cwnd, t.sndWnd)) return PROBE_WAITS;
  t.mtuSize = <u16>size;
  return len;
}

function isNear(t: Tcb): bool {
  return <u32>t.mtuHigh <= <u32>t.mtuCap + NEAR;
}

/** The probe of `len` bytes at `seq` has gone. */
export function mtuProbeSent(t: Tcb, seq: u32, len: u32): void {
  count(CTR_TCP_MTU_PROBES);
  t.mtuProbe = <u16>len;
  t.mtuSeq = seq;
}

/** The `len` bytes that end at `end` have gone, in a segment longer than any that is known to have arrived. */
export function mtuSent(t: Tcb, end: u32, len: u32): void {
  if (t.mtuSample != 0) return;
  t.mtuSample = <u16>len;
  t.mtuSampleEnd = end;
}

/** SND.UNA has moved while a probe was out, or a sample: if past it, so much passes. */
export function mtuAck(t: Tcb): void {
  if (t.mtuSample != 0 && seqLe(t.mtuSampleEnd, t.sndUna)) {
    t.mtuProven = t.mtuSample;
    t.mtuSample = 0;
  }
  if (t.mtuProbe == 0 || seqLt(t.sndUna, t.mtuSeq + t.mtuProbe)) return;
  t.mtuProbe = 0;
  t.mtuFails = 0;
  t.mtuMs = nowMs();
  t.mtuCap = segmentBytes(t, t.mtuSize) < segmentBytes(t, pathOf(t.pcb).mtu) ? t.mtuSize : 0;
}

/** Fast recovery begins. True if what is lost is the probe alone: then it says nothing of congestion (§7.5). Otherwise the
 * probe says nothing of its size. */
export function mtuProbeMissing(t: Tcb): bool {
  t.mtuSample = 0;
  if (t.mtuProbe == 0) return false;
  const alone = t.sndUna == t.mtuSeq && t.lostBytes <= <u32>t.mtuProbe;
  probeLost(t, alone);
  return alone;
}

/** `counts`: was it for its size? */
function probeLost(t: Tcb, counts: bool): void {
  t.mtuProbe = 0;
  if (!counts || ++t.mtuFails < TRIES) return;
  t.mtuFails = 0;
  t.mtuHigh = t.mtuSize - 1;
  t.mtuMs = nowMs();
}

/** "Fragmentation needed" about the segment at `seq` says that `mtu` bytes pass. True if longer ones have: then it waits
 * for a timeout to confirm it. */
export function mtuClaimWaits(t: Tcb, seq: u32, mtu: u32): bool {
  if (mtu >= t.mtuProven + headerBytes(t)) return false;
  t.mtuClaim = <u16>mtu;
  t.mtuClaimSeq = seq;
  return true;
}
