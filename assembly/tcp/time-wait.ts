// TIME-WAIT: RFC 9293 §3.6.1. A connection that is over needs little: its addresses, what to answer, and how long. Its
// block and rings are given back at once, and a record in a pool of its own stands for 2 MSL. When the pool is full the
// oldest record gives way. Since all wait equally long, the queue is in the order in which they end, and one timer serves.
//
//   0 local   16 remote   32 ports   40 until (u64 us)   48 hashNext   52 queueNext   56 queuePrev
//  60 sndNxt  64 rcvNxt   68 rcvAdv  72 tsRecent  76 tsRecentMs   80 tsOffset   84 flags (u16)   86 wnd (u16)
//  88 answeredAt          92 answers

import { CTR_TCP_TIME_WAIT_RECYCLED, CTR_TCP_TIME_WAITS } from "../abi/counter";
import { DROP_TCP_TIME_WAIT } from "../abi/drop";
import { E_BADF } from "../abi/errno";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "../abi/proto";
import { SW_TCP_CHALLENGES, SW_TCP_TIME_WAIT_MS, SW_TCP_TIMESTAMPS } from "../abi/switch";
import { TCB_F_TIMESTAMPS, TW_LOCAL_PORT, TW_UNTIL } from "../abi/tcp";
import { TIMER_TIME_WAIT } from "../abi/timer";
import { now, nowMs } from "../core/clock";
import { count } from "../core/counter";
import { hash32 } from "../core/hash";
import { switchUs, switchValue } from "../core/switch";
import { Timer, timerArm, timerCancel } from "../core/timer";
import { addressCopy, addressEqual } from "../memory/address";
import { arenaTake } from "../memory/arena";
import { localOf, Pcb, remoteOf } from "../pcb/pcb";
import { TCPOPTS_TIMESTAMP, tcpPutTimestamp } from "../wire/tcp-options";
import { ANSWER_OPTIONS, answerSegment, TIMESTAMP_LEN } from "./answer";
import { OPTIONS, SEG, segmentEnd, segmentHas, segmentSpan } from "./segment";
import { seqLe, seqLt } from "./seq";
import { Tcb } from "./tcb";

/** The old connection is forgotten: the segment in hand, a SYN, is a listener's. */
export const TIME_WAIT_OVER: u32 = 0xffffffff;
/** Longest age of a timestamp that is compared: RFC 7323 §5.5, 24 days. */
export const TIMESTAMP_OLD_MS: u32 = 24 * 24 * 3600 * 1000;

@unmanaged
export class TimeWait {
  local0: u64;
  local8: u64;
  remote0: u64;
  remote8: u64;
  /** 0 = the record is free. */
  localPort: u32;
  remotePort: u32;
  until: u64;
  hashNext: TimeWait | null;
  queueNext: TimeWait | null;
  queuePrev: TimeWait | null;
  sndNxt: u32;
  rcvNxt: u32;
  rcvAdv: u32;
  tsRecent: u32;
  tsRecentMs: u32;
  tsOffset: u32;
  flags: u16;
  /** The window field that was said last: it is said again. */
  wnd: u16;
  /** Segments answered in the second `answeredAt`. */
  answeredAt: u32;
  answers: u32;
}

const REMOTE: usize = 16;

@unmanaged
class TimeWaitState extends Timer {
  table: usize;
  buckets: usize;
  capacity: u32;
  mask: u32;
  fresh: u32;
  free: TimeWait | null;
  oldest: TimeWait | null;
  youngest: TimeWait | null;
}

const W: TimeWaitState = changetype<TimeWaitState>(memory.data(offsetof<TimeWaitState>(), 8));

export function timeWaitLayout(records: u32): void {
  let buckets: u32 = 1;
  while (buckets < records) buckets <<= 1;
  W.kind = TIMER_TIME_WAIT;
  W.mask = buckets - 1;
  W.capacity = records;
  W.buckets = arenaTake(buckets, 4);
  W.table = arenaTake(records, offsetof<TimeWait>());
}

function recordAt(index: u32): TimeWait {
  return changetype<TimeWait>(W.table + index * offsetof<TimeWait>());
}

/** Record number `index` for the host, in use or not; -E_BADF. */
export function timeWaitRecord(index: u32): i32 {
  return index < W.capacity ? <i32>changetype<usize>(recordAt(index)) : -E_BADF;
}

function bucketOf(local: usize, localPort: u32, remote: usize, remotePort: u32): usize {
  return W.buckets + ((hash32(local, remote, ((<u64>localPort) << 16) | remotePort) & W.mask) << 2);
}

/** The connection's record, or null. */
export function timeWaitFind(local: usize, localPort: u32, remote: usize, remotePort: u32): TimeWait | null {
  if (W.oldest === null) return null;
  let w = changetype<TimeWait | null>(load<usize>(bucketOf(local, localPort, remote, remotePort)));
  while (w !== null && !isOf(w, local, localPort, remote, remotePort)) w = w.hashNext;
  return w;
}

function isOf(w: TimeWait, local: usize, localPort: u32, remote: usize, remotePort: u32): bool {
  const at = changetype<usize>(w);
  if (w.localPort != localPort || w.remotePort != remotePort) return false;
  return addressEqual(at, local) && addressEqual(at + REMOTE, remote);
}

/** Has any connection in TIME-WAIT this local port? (Few ask: a bind that names its port.) */
export function timeWaitHolds(port: u32): bool {
  let w = W.oldest;
  while (w !== null && w.localPort != port) w = w.queueNext;
  return w !== null;
}

/** The connection enters TIME-WAIT; its block is the caller's to give back. */
export function timeWaitEnter(t: Tcb): void {
  const p = t.pcb;
  if (W.capacity == 0) return;
  const w = take();
  const at = changetype<usize>(w);
  addressCopy(at, localOf(p));
  addressCopy(at + REMOTE, remoteOf(p));
  w.localPort = p.localPort;
  w.remotePort = p.remotePort;
  w.sndNxt = t.sndMax;
  w.rcvNxt = t.rcvNxt;
  w.rcvAdv = t.rcvAdv;
  w.tsRecent = t.tsRecent;
  w.tsRecentMs = t.tsRecentMs;
  w.tsOffset = t.tsOffset;
  w.flags = <u16>t.flags;
  w.answeredAt = 0;
  w.answers = 0;
  w.wnd = <u16>((t.rcvAdv - t.rcvNxt) >>> t.rcvShift);
  const bucket = bucketOf(at, w.localPort, at + REMOTE, w.remotePort);
  w.hashNext = changetype<TimeWait | null>(load<usize>(bucket));
  store<usize>(bucket, at);
  append(w);
  count(CTR_TCP_TIME_WAITS);
}

function take(): TimeWait {
  let w = W.free;
  if (w !== null) {
    W.free = w.queueNext;
    return w;
  }
  if (W.fresh < W.capacity) return recordAt(W.fresh++);
  w = W.oldest;
  assert(w !== null);
  if (w === null) return recordAt(0);
  count(CTR_TCP_TIME_WAIT_RECYCLED);
  timeWaitRemove(w);
  W.free = w.queueNext;
  return w;
}

/** At the young end of the queue: 2 MSL from now. */
function append(w: TimeWait): void {
  w.until = now() + switchUs(SW_TCP_TIME_WAIT_MS);
  const before = W.youngest;
  w.queueNext = null;
  w.queuePrev = before;
  if (before === null) {
    W.oldest = w;
    timerArm(W, w.until);
  } else {
    before.queueNext = w;
    // The switch may have been turned down meanwhile: the order stays, and nobody waits longer than those before.
    w.until = max<u64>(w.until, before.until);
  }
  W.youngest = w;
}

function unqueue(w: TimeWait): void {
  const before = w.queuePrev;
  const after = w.queueNext;
  if (before === null) W.oldest = after;
  else before.queueNext = after;
  if (after === null) W.youngest = before;
  else after.queuePrev = before;
}

/** Forgets the connection. */
export function timeWaitRemove(w: TimeWait): void {
  const at = changetype<usize>(w);
  let link = bucketOf(at, w.localPort, at + REMOTE, w.remotePort);
  while (load<usize>(link) != at) link = load<usize>(link) + offsetof<TimeWait>("hashNext");
  store<usize>(link, changetype<usize>(w.hashNext));
  unqueue(w);
  w.localPort = 0;
  w.queueNext = W.free;
  W.free = w;
  if (W.oldest === null) timerCancel(W);
}

/** The oldest ones end. */
export function timeWaitTimer(): void {
  let w = W.oldest;
  while (w !== null && w.until <= now()) {
    timeWaitRemove(w);
    w = W.oldest;
  }
  if (w !== null) timerArm(W, w.until);
}

/** The segment in hand is for a connection in TIME-WAIT: why it is dropped, or TIME_WAIT_OVER. */
export function timeWaitInput(w: TimeWait): u32 {
  // RFC 1337 §3: a reset does not end TIME-WAIT.
  if (segmentHas(TCP_RST)) return DROP_TCP_TIME_WAIT;
  if ((SEG.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && timeWaitReusable(w)) {
    timeWaitRemove(w);
    return TIME_WAIT_OVER;
  }
  if (segmentSpan() == 0 && seqLe(w.rcvNxt, SEG.seq) && seqLe(SEG.seq, w.rcvAdv)) return DROP_TCP_TIME_WAIT;
  // RFC 9293 §3.10.7.4, eighth: a retransmission of the FIN is acknowledged, and 2 MSL begin again.
  if (segmentHas(TCP_FIN) && segmentEnd() == w.rcvNxt) {
    unqueue(w);
    append(w);
  }
  if (mayAnswer(w)) answer(w);
  return DROP_TCP_TIME_WAIT;
}

/** RFC 5961 §7, here too: two ends in TIME-WAIT, or a forger between them, shall not keep each other talking. */
function mayAnswer(w: TimeWait): bool {
  const second = nowMs() / 1000;
  if (w.answeredAt != second) {
    w.answeredAt = second;
    w.answers = 0;
  }
  return w.answers++ < switchValue(SW_TCP_CHALLENGES);
}

function answer(w: TimeWait): void {
  const timestamps = (w.flags & TCB_F_TIMESTAMPS) != 0;
  if (timestamps) tcpPutTimestamp(ANSWER_OPTIONS, nowMs() + w.tsOffset, w.tsRecent);
  answerSegment(w.sndNxt, w.rcvNxt, TCP_ACK, w.wnd, timestamps ? TIMESTAMP_LEN : 0, null);
}

/** RFC 6191 §2: the SYN in hand is newer than all of the old connection: by its timestamp, or its sequence number. */
function timeWaitReusable(w: TimeWait): bool {
  if ((OPTIONS.seen & TCPOPTS_TIMESTAMP) != 0 && switchValue(SW_TCP_TIMESTAMPS) != 0) {
    // The old connection had none: nothing of it passes for the new one's.
    if ((w.flags & TCB_F_TIMESTAMPS) == 0) return true;
    if (OPTIONS.tsVal != w.tsRecent) {
      return seqLt(w.tsRecent, OPTIONS.tsVal) || nowMs() - w.tsRecentMs > TIMESTAMP_OLD_MS;
    }
  }
  return seqLt(w.rcvNxt, SEG.seq);
}

/** May we open the connection anew (RFC 6191, our end): our clock of timestamps has moved on, or there is none waiting? */
export function timeWaitAllows(p: Pcb): bool {
  const w = timeWaitFind(localOf(p), p.localPort, remoteOf(p), p.remotePort);
  if (w === null) return true;
  if ((w.flags & TCB_F_TIMESTAMPS) == 0 || nowMs() - w.tsRecentMs < 1000) return false;
  timeWaitRemove(w);
  return true;
}

if (offsetof<TimeWait>("localPort") != TW_LOCAL_PORT) ERROR("TimeWait.localPort");
if (offsetof<TimeWait>("until") != TW_UNTIL) ERROR("TimeWait.until");
