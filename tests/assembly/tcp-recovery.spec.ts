// Recovery: the windows and segments of single losses as the RFCs have them; and a sender and a receiver with a network
// between them that loses, delays and doubles at random.
import { SW_TCP_RTO_MIN_MS } from "../../assembly/abi/switch";
import { TCB_F_RETRANSMIT, TCB_F_SACK, TCB_FAST, TCB_LOSS, TCB_OPEN } from "../../assembly/abi/tcp";
import { clockAdvance, now } from "../../assembly/core/clock";
import { switchSet } from "../../assembly/core/switch";
import { congestionIdle, congestionInit } from "../../assembly/tcp/congestion";
import { deliveryBegin } from "../../assembly/tcp/delivery";
import { rackInit } from "../../assembly/tcp/rack";
import { rangeAdd, rangesPut, rangeTake } from "../../assembly/tcp/reassembly";
import {
  recoveryAck,
  recoveryInit,
  recoveryReorder,
  recoverySent,
  recoveryTimeout,
  recoveryWindow,
} from "../../assembly/tcp/recovery";
import { rttInit, rttOnAck } from "../../assembly/tcp/rtt";
import {
  inFlight,
  RUN_SACKED,
  runAt,
  runBegin,
  scoreboardAck,
  scoreboardInit,
  scoreboardLost,
  scoreboardLostEnd,
  scoreboardSack,
  scoreboardSent,
} from "../../assembly/tcp/scoreboard";
import { seqLe, seqLt, seqMax } from "../../assembly/tcp/seq";
import { Tcb, tcbAt } from "../../assembly/tcp/tcb";
import { TcpOptions, tcpOptionsParse } from "../../assembly/wire/tcp-options";
import { below, block, seedWith } from "./tcb-world";

const MSS: u32 = 100;
const options = changetype<TcpOptions>(0x9000);
const OPTION_BYTES: usize = 0x9100;

/** An established connection that has sent nothing yet; the block behind it is the peer's. */
function sender(sack: bool, first: u32, bytes: u32): Tcb {
  const t = block(4, MSS);
  switchSet(SW_TCP_RTO_MIN_MS, 200);
  t.iss = first - 1;
  t.sndUna = first;
  t.sndMax = first;
  t.sndEnd = first + bytes;
  t.sndWnd = 0x100000;
  if (sack) t.flags = TCB_F_SACK;
  rttInit(t);
  congestionInit(t);
  recoveryInit(t);
  scoreboardInit(t);
  rackInit(t);
  tcbAt(1).rcvNxt = first;
  return t;
}

function pass(us: u64): void {
  clockAdvance(now() + us);
}

function put(t: Tcb, seq: u32, len: u32): void {
  recoverySent(t, seq, seq + len, seq == t.sndMax);
  scoreboardSent(t, seq, seq + len);
  t.sndMax = seqMax(t.sndMax, seq + len);
}

/** Bytes that may go again now, from the first lost one on; 0 if none. */
function again(t: Tcb): u32 {
  if (t.lostBytes == 0) return 0;
  const seq = scoreboardLost(t);
  const len = min<u32>(MSS, scoreboardLostEnd(t, seq) - seq);
  return len <= recoveryWindow(t) || inFlight(t) == 0 || (t.flags & TCB_F_RETRANSMIT) != 0 ? len : 0;
}

/** As output does: what is lost, then new data; each segment as number of its first byte, in text. */
function output(t: Tcb): string {
  let said = "";
  for (let len = again(t); len != 0; len = again(t)) {
    const seq = scoreboardLost(t);
    said += ` again ${seq - t.iss - 1}+${len}`;
    put(t, seq, len);
  }
  while (t.lostBytes == 0 && seqLt(t.sndMax, t.sndEnd) && recoveryWindow(t) >= MSS) {
    said += ` ${t.sndMax - t.iss - 1}`;
    put(t, t.sndMax, MSS);
  }
  return said;
}

/** The ACK of all before `upTo`, with the SACK option at `options` if there is one. */
function heard(t: Tcb, upTo: u32, hasSack: bool): void {
  const acked = upTo - t.sndUna;
  const duplicate = acked == 0 && t.sndUna != t.sndMax;
  deliveryBegin(t);
  if (acked != 0) scoreboardAck(t, upTo);
  t.sndUna = upTo;
  const sacked = hasSack && scoreboardSack(t, options, upTo);
  if (acked != 0 || sacked) rttOnAck(t, upTo, 0, false);
  recoveryAck(t, acked, duplicate, sacked);
}

/** The ACK of all before byte `upTo`, with a SACK block if `right` is not 0; what is sent then. */
function ack(t: Tcb, upTo: u32, left: u32, right: u32): string {
  const first = t.iss + 1;
  if (right != 0) {
    const r = tcbAt(1);
    r.rangeCount = 0;
    rangeAdd(r, first + left, first + right);
    tcpOptionsParse(OPTION_BYTES, <u32>(rangesPut(r, OPTION_BYTES, 1) - OPTION_BYTES), options);
  }
  heard(t, first + upTo, right != 0);
  return output(t);
}

function state(t: Tcb): string {
  const name = t.recovery == <u8>TCB_FAST ? "FAST" : t.recovery == <u8>TCB_LOSS ? "LOSS" : "OPEN";
  return t.ssthresh > 0xffff ? `${name} ${t.cwnd} -` : `${name} ${t.cwnd} ${t.ssthresh}`;
}

const TEN = " 0 100 200 300 400 500 600 700 800 900";

describe("the congestion window", () => {
  it("begins with ten segments, or fewer if they are large (RFC 6928 §2); with one if the SYN was lost", () => {
    const mss: u32[] = [100, 1460, 2000, 8000];
    const windows: u32[] = [1000, 14600, 14600, 16000];
    const t = sender(true, 1, 0);
    for (let i = 0; i < 4; i++) {
      t.sndMss = mss[i];
      t.retransmits = 0;
      congestionInit(t);
      expect<u32>(t.cwnd).toBe(windows[i]);
      t.retransmits = 1;
      congestionInit(t);
      expect<u32>(t.cwnd).toBe(mss[i]);
    }
  });

  it("grows by what is acknowledged, at most two segments an ACK, up to ssthresh (RFC 3465); then by one a window", () => {
    const t = sender(true, 0xffffff00, 100000);
    output(t);
    t.ssthresh = 1300;
    ack(t, 100, 0, 0);
    expect<u32>(t.cwnd).toBe(1100);
    ack(t, 400, 0, 0);
    expect<u32>(t.cwnd).toBe(1300);
    for (let upTo: u32 = 500; upTo < 1700; upTo += 100) {
      ack(t, upTo, 0, 0);
      expect<u32>(t.cwnd).toBe(1300);
    }
    ack(t, 1700, 0, 0);
    expect<u32>(t.cwnd).toBe(1400);
  });

  it("does not grow while less than half of it is used", () => {
    const t = sender(true, 1, 400);
    output(t);
    ack(t, 400, 0, 0);
    expect<u32>(t.cwnd).toBe(1000);
  });

  it("is the initial one again after a timeout's length of idleness (RFC 5681 §4.1)", () => {
    const t = sender(true, 1, 1000);
    t.cwnd = 5000;
    congestionIdle(t);
    expect<u32>(t.cwnd).toBe(5000);
    t.sentMs -= 1001;
    congestionIdle(t);
    expect<u32>(t.cwnd).toBe(1000);
    t.cwnd = 700;
    congestionIdle(t);
    expect<u32>(t.cwnd).toBe(700);
  });
});

describe("without SACK", () => {
  it("the first two duplicates let a segment go each, the third retransmits (RFC 3042, RFC 5681 §3.2)", () => {
    const t = sender(false, 0xfffffe00, 100000);
    expect<string>(output(t)).toBe(TEN);
    expect<string>(ack(t, 0, 0, 0)).toBe(" 1000");
    expect<string>(ack(t, 0, 0, 0)).toBe(" 1100");
    expect<string>(state(t)).toBe("OPEN 1000 -");
    expect<string>(ack(t, 0, 0, 0)).toBe(" again 0+100");
    // Half of ten segments: what limited transmit sent does not count.
    expect<string>(state(t)).toBe("FAST 800 500");
    for (let i = 0; i < 4; i++) expect<string>(ack(t, 0, 0, 0)).toBe("");
    expect<string>(ack(t, 0, 0, 0)).toBe(" 1200");
    expect<string>(ack(t, 0, 0, 0)).toBe(" 1300");
    expect<string>(ack(t, 1200, 0, 0)).toBe(" 1400");
    expect<string>(state(t)).toBe("OPEN 300 500");
  });

  it("a partial acknowledgment retransmits the next hole and deflates the window (RFC 6582 §3.2)", () => {
    const t = sender(false, 1, 1000);
    output(t);
    for (let i = 0; i < 3; i++) ack(t, 0, 0, 0);
    expect<string>(state(t)).toBe("FAST 800 500");
    expect<string>(ack(t, 300, 0, 0)).toBe(" again 300+100");
    expect<string>(state(t)).toBe("FAST 600 500");
    expect<string>(ack(t, 350, 0, 0)).toBe(" again 350+100");
    expect<string>(state(t)).toBe("FAST 550 500");
    expect<string>(ack(t, 1000, 0, 0)).toBe("");
    expect<string>(state(t)).toBe("OPEN 200 500");
  });

  it("the window is inflated by no more than was outstanding (RFC 5681 §3.2)", () => {
    const t = sender(false, 1, 1000);
    output(t);
    for (let i = 0; i < 300; i++) ack(t, 0, 0, 0);
    expect<string>(state(t)).toBe("FAST 1500 500");
    expect<u8>(t.dupAcks).toBe(255);
  });

  it("duplicates of what a timeout has sent again start no fast retransmit (RFC 6582 §3.2 step 2)", () => {
    const t = sender(false, 1, 100000);
    output(t);
    recoveryTimeout(t);
    expect<string>(output(t)).toBe(" again 0+100");
    ack(t, 1000, 0, 0);
    expect<string>(state(t)).toBe("OPEN 200 500");
    for (let i = 0; i < 5; i++) ack(t, 1000, 0, 0);
    expect<string>(state(t)).toBe("OPEN 200 500");
    ack(t, 1200, 0, 0);
    for (let i = 0; i < 3; i++) ack(t, 1200, 0, 0);
    expect<string>(state(t)).toBe("FAST 500 200");
  });

  it("comparisons with the recovery point hold after 2^31 bytes and more", () => {
    const t = sender(false, 1, 0);
    for (let i = 0; i < 3; i++) {
      t.sndUna += 0x3fffffff;
      t.sndMax = t.sndUna;
      recoveryAck(t, 0x3fffffff, false, false);
    }
    put(t, t.sndMax, 1000);
    for (let i = 0; i < 3; i++) recoveryAck(t, 0, true, false);
    expect<u8>(t.recovery).toBe(<u8>TCB_FAST);
  });
});

describe("with SACK", () => {
  it("what is lost goes as the pipe allows, new data follows", () => {
    const t = sender(true, 0xfffffe00, 100000);
    output(t);
    pass(1000);
    // 0 and 300 are lost.
    expect<string>(ack(t, 0, 100, 200)).toBe(" 1000");
    expect<string>(ack(t, 0, 100, 300)).toBe(" 1100");
    expect<string>(ack(t, 0, 400, 500)).toBe(" again 0+100");
    expect<string>(state(t)).toBe("FAST 800 500");
    // Ten, three of them SACKed, 300 lost; two of limited transmit, and 0 again.
    expect<u32>(inFlight(t)).toBe(800);
    ack(t, 0, 400, 600);
    ack(t, 0, 400, 700);
    expect<string>(ack(t, 0, 400, 800)).toBe("");
    expect<u32>(inFlight(t)).toBe(500);
    expect<string>(ack(t, 0, 400, 900)).toBe(" again 300+100");
    expect<string>(ack(t, 0, 400, 1000)).toBe(" 1200");
    expect<string>(ack(t, 300, 400, 1000)).toBe(" 1300");
    expect<string>(ack(t, 1200, 0, 0)).toBe(" 1400 1500 1600");
    expect<string>(state(t)).toBe("OPEN 500 500");
  });

  it("one ACK that shows more than two segments above a hole is enough (RFC 8985 §6.2 step 4)", () => {
    const t = sender(true, 1, 1000);
    output(t);
    expect<string>(ack(t, 0, 100, 400)).toBe(" again 0+100");
    expect<string>(state(t)).toBe("FAST 750 500");
  });

  it("duplicates without news are none (RFC 6675 §2)", () => {
    const t = sender(true, 1, 1000);
    output(t);
    pass(1000);
    for (let i = 0; i < 9; i++) ack(t, 0, 100, 200);
    expect<u8>(t.dupAcks).toBe(1);
    expect<u8>(t.recovery).toBe(<u8>TCB_OPEN);
  });

  it("after a timeout what the peer has is passed over, and what is under way waited for (RFC 8985 §6.3)", () => {
    const t = sender(true, 1, 1000);
    output(t);
    pass(100000);
    ack(t, 0, 500, 600);
    expect<u8>(t.recovery).toBe(<u8>TCB_OPEN);
    pass(1000000);
    recoveryTimeout(t);
    expect<string>(state(t)).toBe("LOSS 100 500");
    expect<u32>(t.lostBytes).toBe(900);
    expect<string>(output(t)).toBe(" again 0+100");
    expect<u32>(recoveryWindow(t)).toBe(0);
    pass(100000);
    expect<string>(ack(t, 500, 0, 0)).toBe(" again 500+100 again 600+100");
    recoveryTimeout(t);
    expect<string>(state(t)).toBe("LOSS 100 500");
    // What went just now is under way; the first goes again all the same.
    expect<u32>(t.lostBytes).toBe(400);
  });
});

/** The network: segments (seq, len) and ACKs (ack, options) on their way, in order. */
const MOST: u32 = 4096;
const segSeq = new StaticArray<u32>(MOST);
const segLen = new StaticArray<u32>(MOST);
const ackAt = new StaticArray<u32>(MOST);
const ackLen = new StaticArray<u32>(MOST);
const ACK_OPTIONS: usize = 8 << 20;
let segHead: u32 = 0;
let segTail: u32 = 0;
let ackHead: u32 = 0;
let ackTail: u32 = 0;
let loss: u32 = 0;

function carry(seq: u32, len: u32): void {
  if (below(100) < loss) return;
  segSeq[segTail % MOST] = seq;
  segLen[segTail % MOST] = len;
  segTail++;
  // Now and then one overtakes the one before it.
  if (segTail - segHead < 2 || below(20) != 0) return;
  const a = (segTail - 1) % MOST;
  const b = (segTail - 2) % MOST;
  segSeq[a] = segSeq[b];
  segLen[a] = segLen[b];
  segSeq[b] = seq;
  segLen[b] = len;
}

/** The receiver takes the next segment and answers. */
function arrive(r: Tcb): void {
  const left = seqMax(segSeq[segHead % MOST], r.rcvNxt);
  const right = segSeq[segHead % MOST] + segLen[segHead % MOST];
  segHead++;
  if (seqLt(left, right)) {
    if (left != r.rcvNxt) rangeAdd(r, left, right);
    else {
      r.rcvNxt = right;
      r.rcvNxt = rangeTake(r);
    }
  }
  if (below(100) < loss) return;
  const place = ackTail++ % MOST;
  ackAt[place] = r.rcvNxt;
  ackLen[place] = <u32>(rangesPut(r, ACK_OPTIONS + place * 64, 3) - ACK_OPTIONS - place * 64);
}

/** Has the peer none of it, as far as is known? */
function isMissing(t: Tcb, seq: u32, len: u32): bool {
  for (let i: u32 = 0; i < <u32>t.runCount; i++) {
    const before = seqLe(runAt(t, i).end, seq) || seqLe(seq + len, runBegin(t, i));
    if (!before && (runAt(t, i).info & RUN_SACKED) != 0) return false;
  }
  return true;
}

/** Sends all that may go; what is wrong with it. */
function sendAll(t: Tcb): u32 {
  for (let len = again(t); len != 0; len = again(t)) {
    const seq = scoreboardLost(t);
    if (len > MSS || seqLt(seq, t.sndUna) || seqLt(t.sndMax, seq + len)) return 1;
    if (!isMissing(t, seq, len)) return 2;
    carry(seq, len);
    put(t, seq, len);
  }
  while (t.lostBytes == 0) {
    const len = min<u32>(min<u32>(t.sndEnd - t.sndMax, MSS), recoveryWindow(t));
    if (len == 0) break;
    carry(t.sndMax, len);
    put(t, t.sndMax, len);
    // Limited transmit goes beyond the window, by two (RFC 3042).
    if (inFlight(t) > (t.recovery == <u8>TCB_OPEN ? t.cwnd + 2 * MSS : t.cwnd)) return 4;
  }
  // Of proportional rate reduction the window is what is in flight, and what may go.
  const reduced = t.recovery == <u8>TCB_FAST && (t.flags & TCB_F_SACK) != 0;
  return (t.cwnd < MSS && !reduced) || t.ssthresh < 2 * MSS ? 8 : 0;
}

/** The sender hears the next ACK. */
function hear(t: Tcb): void {
  const place = ackHead++ % MOST;
  if (seqLt(ackAt[place], t.sndUna)) return;
  tcpOptionsParse(ACK_OPTIONS + place * 64, ackLen[place], options);
  heard(t, ackAt[place], true);
}

let timeouts: u32 = 0;

/** A whole transfer: 0, or what went wrong; how many timeouts it took goes to `timeouts`. */
function transfer(sack: bool, first: u32, bytes: u32, percent: u32, seed: u64): u32 {
  const t = sender(sack, first, bytes);
  const r = tcbAt(1);
  seedWith(seed);
  loss = percent;
  segHead = segTail;
  ackHead = ackTail;
  timeouts = 0;
  let steps: u32 = 0;
  let wrong = sendAll(t);
  while (wrong == 0 && t.sndUna != t.sndEnd) {
    if (++steps > 200000) return 16;
    // A step takes a millisecond.
    pass(1000);
    if (segHead != segTail && below(2) == 0) arrive(r);
    else if (ackHead != ackTail) hear(t);
    else if (segHead == segTail) {
      // The reordering window ends, and if that tells of nothing, the timeout.
      pass(500000);
      const before = t.lostBytes;
      if (sack) recoveryReorder(t);
      if (t.lostBytes == before) {
        timeouts++;
        recoveryTimeout(t);
      }
    }
    if (!seqLe(t.sndUna, r.rcvNxt)) return 32;
    wrong = sendAll(t);
  }
  return wrong;
}

describe("a transfer over a network that loses", () => {
  it("comes to its end, never sends what the peer has, and keeps to its windows", () => {
    for (let percent: u32 = 0; percent <= 40; percent += 4) {
      for (let seed: u64 = 1; seed <= 6; seed++) {
        expect<u32>(transfer(true, 0xffff0000, 60000, percent, seed)).toBe(0);
        expect<u32>(transfer(false, 0xffff0000, 60000, percent, seed)).toBe(0);
      }
    }
  });

  it("needs hardly a timeout by SACK where one segment in fifty is lost", () => {
    let by: u32 = 0;
    let without: u32 = 0;
    for (let seed: u64 = 1; seed <= 20; seed++) {
      transfer(true, 1, 60000, 2, seed);
      by += timeouts;
      transfer(false, 1, 60000, 2, seed);
      without += timeouts;
    }
    // Of 20 transfers of 600 segments.
    expect<bool>(by < 12 && by <= without).toBe(true);
  });
});
