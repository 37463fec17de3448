// CUBIC: the window beside a model of RFC 9438 in floating-point numbers, ACK by ACK; what reductions, timeouts, idleness
// and undoing make of it. Reno beside it, as it was.
import { OPT_TCP_CONGESTION } from "../../assembly/abi/socket";
import { TCB_FAST, TCB_LOSS, TCB_OPEN, TCP_CONGESTION_CUBIC, TCP_CONGESTION_RENO } from "../../assembly/abi/tcp";
import { clockAdvance, nowMs } from "../../assembly/core/clock";
import {
  congestionAcked,
  congestionChoose,
  congestionIdle,
  congestionInit,
  congestionReduce,
  congestionTimeout,
  congestionUndo,
} from "../../assembly/tcp/congestion";
import { rttInit } from "../../assembly/tcp/rtt";
import { Tcb, tcpOptionSet } from "../../assembly/tcp/tcb";
import { block } from "./tcb-world";

let us: u64 = 1000000;

function pass(microseconds: u64): void {
  us += microseconds;
  clockAdvance(us);
}

/** A connection with a window of so many segments, all in flight, that is not in its first slow start. */
function sender(algorithm: u32, mss: u32, segments: u32, rttMs: u32): Tcb {
  pass(1000);
  const t = block(1, mss);
  rttInit(t);
  tcpOptionSet(t, OPT_TCP_CONGESTION, algorithm);
  congestionChoose(t);
  congestionInit(t);
  t.srttUs = rttMs * 1000;
  t.cwnd = segments * mss;
  return t;
}

/** All of the window is in flight, and `acked` bytes of it are acknowledged. */
function ack(t: Tcb, acked: u32): void {
  t.sndMax = t.sndUna + t.cwnd;
  t.sndUna += acked;
  congestionAcked(t, acked);
}

/** As recovery does: three duplicate ACKs, and all is acknowledged a round trip later. */
function reduce(t: Tcb): void {
  congestionReduce(t, t.cwnd);
  t.cwnd = t.ssthresh;
  t.recovery = <u8>TCB_FAST;
  pass(t.srttUs);
  t.recovery = <u8>TCB_OPEN;
}

/** The model: RFC 9438 §4.2 to §4.5, in segments and seconds. */
let wMax: f64 = 0;
let prior: f64 = 0;
let k: f64 = 0;
let cwnd: f64 = 0;
let wEst: f64 = 0;

function cubed(t: f64): f64 {
  return 0.4 * (t - k) * (t - k) * (t - k) + wMax;
}

function modelBegins(before: f64, now: f64): void {
  prior = before;
  wMax = before;
  cwnd = now;
  wEst = now;
  k = Math.cbrt((wMax - now) / 0.4);
}

function modelAcked(t: f64, rtt: f64, acked: f64): void {
  wEst += ((wEst >= prior ? 1.0 : (3.0 * 0.3) / 1.7) * acked) / cwnd;
  if (cubed(t) < wEst) {
    cwnd = max<f64>(wEst, cwnd);
    return;
  }
  const target = min<f64>(cubed(t + rtt), 1.5 * cwnd);
  if (target > cwnd) cwnd += ((target - cwnd) / cwnd) * acked;
}

/** Where the window differs from the model's by more than a segment, or a thousandth (time is in milliseconds here), over
 * twenty seconds. */
function compare(mss: u32, segments: u32, rttMs: u32): string {
  const t = sender(TCP_CONGESTION_CUBIC, mss, segments, rttMs);
  reduce(t);
  const s = <f64>mss;
  modelBegins(<f64>segments, <f64>t.cwnd / s);
  let worst: f64 = 0;
  const began = us;
  let left: u32 = 0;
  // Every round trip's ACKs, two segments each, spread over it.
  while (us - began < 20000000) {
    const acks = max<u32>(t.cwnd / mss / 2, 1);
    const gap = max<u32>((rttMs * 1000) / acks, 1);
    for (left = acks; left != 0; left--) {
      modelAcked(<f64>((us / 1000 - began / 1000) as u32) / 1000, <f64>rttMs / 1000, 2);
      ack(t, 2 * mss);
      worst = max<f64>(worst, Math.abs(<f64>t.cwnd / s - cwnd) / max<f64>(1, cwnd / 1000));
      pass(gap);
    }
  }
  return worst <= 1 ? "" : `${segments} segments, ${rttMs} ms: ${worst} at ${cwnd}`;
}

describe("CUBIC", () => {
  it("has the window of RFC 9438's formulas, for twenty seconds", () => {
    const segments: u32[] = [10, 40, 100, 1000];
    const rtts: u32[] = [10, 30, 300];
    let said = "";
    for (let i = 0; i < 4; i++) for (let j = 0; j < 3; j++) said += compare(1448, segments[i], rtts[j]);
    said += compare(1448, 10000, 300) + compare(536, 100, 100) + compare(8948, 100, 100);
    expect<string>(said).toBe("");
  });

  it("is back at W_max after K, and there it stands nearly still (§4.2)", () => {
    const t = sender(TCP_CONGESTION_CUBIC, 1000, 1000, 100);
    reduce(t);
    expect<u32>(t.cwnd).toBe(700000);
    // K = cbrt(300 / 0.4) = 9.086 s.
    const began = us;
    while (us - began < 9086000) {
      ack(t, 2000);
      pass(1000);
    }
    expect<bool>(t.cwnd > 999000 && t.cwnd <= 1000000).toBe(true);
  });

  it("comes back to seven tenths of what is in flight, two segments at least (§4.6)", () => {
    const t = sender(TCP_CONGESTION_CUBIC, 1000, 100, 100);
    congestionReduce(t, 90000);
    expect<u32>(t.ssthresh).toBe(63000);
    congestionReduce(t, 1000);
    expect<u32>(t.ssthresh).toBe(2000);
  });

  it("aims lower if it meets congestion below the last W_max: others want their share (§4.7, fast convergence)", () => {
    const t = sender(TCP_CONGESTION_CUBIC, 1000, 100, 100);
    reduce(t);
    expect<u32>(t.cc0).toBe(100000);
    t.cwnd = 80000;
    reduce(t);
    expect<u32>(t.cc0).toBe(68000);
    t.cwnd = 90000;
    reduce(t);
    expect<u32>(t.cc0).toBe(90000);
  });

  it("begins its curve where slow start ends after a timeout (§4.8): K is 0 and W_max that window", () => {
    const t = sender(TCP_CONGESTION_CUBIC, 1000, 100, 100);
    congestionTimeout(t, 100000);
    expect<u32>(t.cwnd).toBe(1000);
    expect<u32>(t.ssthresh).toBe(70000);
    t.recovery = <u8>TCB_LOSS;
    ack(t, 1000);
    expect<u32>(t.cwnd).toBe(2000);
    t.recovery = <u8>TCB_OPEN;
    while (t.cwnd < t.ssthresh) ack(t, 2000);
    expect<u32>(t.cwnd).toBe(70000);
    ack(t, 2000);
    expect<u32>(t.cc0).toBe(70000);
    expect<u32>(t.cc1).toBe(0);
  });

  it("grows by half in a round trip at the most (§4.2)", () => {
    const t = sender(TCP_CONGESTION_CUBIC, 1000, 100, 1000);
    t.ssthresh = 1;
    ack(t, 2000);
    pass(60000000);
    const before = t.cwnd;
    for (let acked: u32 = 0; acked < before; acked += 2000) ack(t, 2000);
    expect<bool>(t.cwnd > (before * 14) / 10 && t.cwnd <= (before * 17) / 10).toBe(true);
  });

  it("does not count the time in which the application sends too little (§5.8)", () => {
    const busy = sender(TCP_CONGESTION_CUBIC, 1000, 1000, 100);
    reduce(busy);
    for (let i = 0; i < 1000; i++) {
      ack(busy, 2000);
      pass(2000);
    }
    const window = busy.cwnd;
    const elapsed = busy.cc3;
    const t = sender(TCP_CONGESTION_CUBIC, 1000, 1000, 100);
    reduce(t);
    for (let i = 0; i < 1000; i++) {
      ack(t, 2000);
      pass(2000);
      if (i == 500) {
        // Little in flight for a minute, then nothing for a second: less than a timeout.
        for (let j = 0; j < 600; j++) {
          pass(100000);
          t.sndMax = t.sndUna + 1000;
          congestionAcked(t, 1000);
        }
        t.sentMs = nowMs();
        pass(1000000);
        congestionIdle(t);
      }
    }
    // The time between two ACKs is what may be lost.
    expect<bool>(t.cc3 <= elapsed && elapsed - t.cc3 <= 2).toBe(true);
    expect<bool>(t.cwnd <= window && window - t.cwnd < 1000).toBe(true);
  });

  it("begins congestion avoidance anew after the restart window (RFC 5681 §4.1)", () => {
    const t = sender(TCP_CONGESTION_CUBIC, 1000, 100, 100);
    reduce(t);
    ack(t, 2000);
    t.sentMs = nowMs();
    pass(5000000);
    congestionIdle(t);
    expect<u32>(t.cwnd).toBe(10000);
    while (t.cwnd < t.ssthresh) ack(t, 2000);
    ack(t, 2000);
    expect<u32>(t.cc3).toBe(0);
    expect<u32>(t.cc0).toBe(100000);
  });
});

describe("an undone reduction", () => {
  it("leaves CUBIC as if it had not been, the time since apart (§4.9)", () => {
    const t = sender(TCP_CONGESTION_CUBIC, 1000, 500, 100);
    reduce(t);
    for (let i = 0; i < 500; i++) {
      ack(t, 2000);
      pass(2000);
    }
    const u = sender(TCP_CONGESTION_CUBIC, 1000, 500, 100);
    reduce(u);
    for (let i = 0; i < 500; i++) {
      ack(u, 2000);
      pass(2000);
      if (i != 250) continue;
      congestionTimeout(u, u.cwnd);
      u.recovery = <u8>TCB_LOSS;
      pass(1000000);
      u.recovery = <u8>TCB_OPEN;
      congestionUndo(u);
    }
    expect<bool>(u.cwnd <= t.cwnd && t.cwnd - u.cwnd < 1000).toBe(true);
    expect<u32>(u.ssthresh).toBe(t.ssthresh);
    expect<u32>(u.cc0).toBe(t.cc0);
    expect<u32>(u.cwndPrior).toBe(t.cwndPrior);
  });

  it("leaves Reno as it was; a timeout in fast recovery is undone with what it followed", () => {
    const t = sender(TCP_CONGESTION_RENO, 1000, 100, 100);
    congestionReduce(t, 100000);
    t.cwnd = t.ssthresh;
    t.recovery = <u8>TCB_FAST;
    congestionTimeout(t, 50000);
    expect<u32>(t.ssthresh).toBe(25000);
    t.recovery = <u8>TCB_OPEN;
    congestionUndo(t);
    expect<u32>(t.cwnd).toBe(100000);
    expect<u32>(t.ssthresh).toBe(0x7fffffff);
  });
});

describe("Reno", () => {
  it("has half, and a segment more for each window", () => {
    const t = sender(TCP_CONGESTION_RENO, 1000, 100, 100);
    reduce(t);
    expect<u32>(t.cwnd).toBe(50000);
    for (let i = 0; i < 24; i++) ack(t, 2000);
    expect<u32>(t.cwnd).toBe(50000);
    ack(t, 2000);
    expect<u32>(t.cwnd).toBe(51000);
  });

  it("may become CUBIC, and CUBIC Reno: the window stays what it is", () => {
    const t = sender(TCP_CONGESTION_CUBIC, 1000, 100, 100);
    reduce(t);
    ack(t, 2000);
    const window = t.cwnd;
    tcpOptionSet(t, OPT_TCP_CONGESTION, TCP_CONGESTION_RENO);
    congestionChoose(t);
    expect<u32>(t.cwnd).toBe(window);
    expect<u32>(t.cc0 | t.cc1 | t.cc2 | t.cc3 | t.countedMs).toBe(0);
    ack(t, 2000);
    expect<u32>(t.cwnd).toBe(window);
    tcpOptionSet(t, OPT_TCP_CONGESTION, TCP_CONGESTION_CUBIC);
    congestionChoose(t);
    ack(t, 2000);
    expect<u32>(t.cc0).toBe(window);
  });
});
