// Building a segment: header, options, payload out of the send ring with its sum in the same pass (RFC 9293 §3.1).

import { CTR_TCP_OUT_RSTS, CTR_TCP_OUT_SEGS } from "../abi/counter";
import { OWNER_TX, PBUF_HEADROOM } from "../abi/pbuf";
import { IPPROTO_TCP, TCP_ACK, TCP_HDR_LEN, TCP_RST, TCP_SYN, TCP_URG } from "../abi/proto";
import { TCB_F_ACK_NOW, TCB_F_ECN, TCB_F_SACK, TCB_F_TIMESTAMPS, TCB_F_URGENT_OUT, TCB_F_WSCALE } from "../abi/tcp";
import { nowMs } from "../core/clock";
import { count } from "../core/counter";
import { timerStop } from "../core/timer";
import { Path } from "../ip/path";
import { netifAt } from "../link/netif";
import { store16 } from "../memory/endian";
import { pbufAlloc, pbufClassFor } from "../memory/pbuf";
import { remoteOf } from "../pcb/pcb";
import { roomWaitBuffers } from "../pcb/room";
import { pathOf, pcbOutput, pcbRoom } from "../pcb/send";
import { checksumFinish, checksumFold64, checksumJoin, checksumSwap, sum } from "../wire/checksum";
import { copySum } from "../wire/copy-checksum";
import { tcpEmit } from "../wire/tcp";
import { tcpPutMss, tcpPutSackPermitted, tcpPutTimestamp, tcpPutTimestampSum, tcpPutWscale } from "../wire/tcp-options";
import { TIMESTAMP_LEN } from "./answer";
import { ECN_SHIFT, ecnFlags } from "./ecn";
import { mssOffered, tcpPath } from "./path";
import { rangesPut, rangesTold, rangesWait } from "./reassembly";
import { ackTimer, Tcb } from "./tcb";
import { advertise } from "./window";

/** In front of the payload: IP's options and TCP's may both be at their longest. */
const HEADROOM: u32 = PBUF_HEADROOM + 16;
const OPTIONS_MOST: u32 = 40;

/** Sends a segment with `len` bytes of the send ring from `seq` on: true if it went. Otherwise there was no path, or no
 * room: then the connection is told when there is. */
export function segmentSend(t: Tcb, seq: u32, len: u32, flags: u32): bool {
  return tcpPath(t) != 0 && segmentEmit(t, seq, len, flags);
}

/** segmentSend(), where tcpPath() has just found that there is a path: of a burst it is looked up once. */
export function segmentEmit(t: Tcb, seq: u32, len: u32, flags: u32): bool {
  const p = t.pcb;
  const path = pathOf(p);
  const plain = (flags & TCP_SYN) == 0 && (len != 0 || !rangesWait(t));
  const stamped = (t.flags & TCB_F_TIMESTAMPS) != 0;
  const hdrLen = TCP_HDR_LEN + (!plain ? optionsPut(t, flags, path) : stamped ? TIMESTAMP_LEN : 0);
  if (pcbRoom(p, path, hdrLen + len) < 0) return false;
  const cls = pbufClassFor(HEADROOM - PBUF_HEADROOM + len);
  // What has no data is one small buffer, for which the reserve is there.
  const pb = pbufAlloc(cls, OWNER_TX, len == 0);
  if (pb === null) {
    roomWaitBuffers(p, cls, 1);
    return false;
  }
  const data = pb.data + HEADROOM;
  const payloadSum = len != 0 ? copyOut(t, data, seq, len) : 0;
  const at = data - hdrLen;
  const wnd = (flags & TCP_RST) != 0 ? 0 : advertise(t, (flags & TCP_SYN) != 0);
  const urgent = (t.flags & TCB_F_URGENT_OUT) != 0 && <i32>(t.sndUp - seq) > 0 && (flags & (TCP_SYN | TCP_RST)) == 0;
  const ack = (flags & TCP_ACK) != 0 ? t.rcvNxt : 0;
  if (urgent) flags |= TCP_URG;
  if ((t.flags & TCB_F_ECN) != 0) flags |= ecnFlags(t, seq, len, flags);
  let headerSum = tcpEmit(at, p.localPort, p.remotePort, seq, ack, hdrLen, flags, wnd);
  if (!plain) headerSum += optionsCopy(at + TCP_HDR_LEN, hdrLen - TCP_HDR_LEN);
  else if (stamped) headerSum += tcpPutTimestampSum(at + TCP_HDR_LEN, nowMs() + t.tsOffset, t.tsRecent);
  if (urgent) headerSum += urgentPut(at, t.sndUp - seq);
  const total = hdrLen + len;
  const pseudo = path.pseudo + (IPPROTO_TCP << 8) + checksumSwap(total);
  store<u16>(at, <u16>checksumFinish(checksumFold64(headerSum) + pseudo + payloadSum), 16);
  pb.head = at;
  pb.l4 = at;
  pb.len = total;
  sent(t, len, flags);
  pcbOutput(p, pb, path, remoteOf(p), IPPROTO_TCP, flags >>> ECN_SHIFT);
  return true;
}

/** Sets the urgent pointer: what that adds to the header's sum. */
function urgentPut(at: usize, ahead: u32): u32 {
  const up = min<u32>(ahead, 0xffff);
  store16(at + 18, up);
  return checksumSwap(up);
}

/** Options that are more than timestamps are laid here first: where they stand depends on how long they are. */
const OPTIONS_AT: usize = memory.data(40, 8);

/** Copies so many bytes of them to their place: their sum. */
function optionsCopy(to: usize, len: u32): u32 {
  memory.copy(to, OPTIONS_AT, len);
  return sum(to, len);
}

/** Lays the options of a SYN, or of an ACK that has ranges to tell: their length. */
function optionsPut(t: Tcb, flags: u32, path: Path): u32 {
  let at = OPTIONS_AT;
  if ((flags & TCP_SYN) != 0) {
    at = tcpPutMss(at, mssOffered(t, netifAt(path.netif).mtu));
    if ((t.flags & TCB_F_SACK) != 0) at = tcpPutSackPermitted(at);
    if ((t.flags & TCB_F_WSCALE) != 0) at = tcpPutWscale(at, t.rcvShift);
  }
  if ((t.flags & TCB_F_TIMESTAMPS) != 0) at = tcpPutTimestamp(at, nowMs() + t.tsOffset, t.tsRecent);
  // A full segment has no room for more, and a reset no use for it.
  if ((flags & (TCP_SYN | TCP_RST)) == 0) {
    at = rangesPut(t, at, (OPTIONS_MOST - 4 - <u32>(at - OPTIONS_AT)) >>> 3);
  }
  return <u32>(at - OPTIONS_AT);
}

/** Copies `len` bytes of the ring from `seq` on: their sum. */
function copyOut(t: Tcb, to: usize, seq: u32, len: u32): u32 {
  const place = seq & t.sndMask;
  const first = min<u32>(len, t.sndMask + 1 - place);
  const s = copySum(to, t.sndRing + place, first);
  return first == len ? s : checksumJoin(s, first, copySum(to + first, t.sndRing, len - first));
}

/** Accounts for a segment on its way: what it acknowledges needs no ACK of its own. */
function sent(t: Tcb, len: u32, flags: u32): void {
  t.segsOut++;
  count(CTR_TCP_OUT_SEGS);
  if ((flags & TCP_RST) != 0) {
    count(CTR_TCP_OUT_RSTS);
    return;
  }
  if ((flags & TCP_ACK) == 0) return;
  t.lastAck = t.rcvNxt;
  if (rangesWait(t)) {
    // What SACK has to tell goes alone, after the data.
    if (len != 0) return;
    rangesTold(t);
  }
  t.flags &= ~TCB_F_ACK_NOW;
  timerStop(ackTimer(t));
}
