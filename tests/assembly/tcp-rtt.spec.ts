// The round-trip time against RFC 6298's formulas in floating point, and Karn's rules.
import { SW_TCP_RTO_MIN_MS } from "../../assembly/abi/switch";
import { clockAdvance, now, nowMs } from "../../assembly/core/clock";
import { switchSet } from "../../assembly/core/switch";
import { deliveryBegin } from "../../assembly/tcp/delivery";
import { rtoUs, rttAfterSyn, rttInit, rttOnAck, rttSample } from "../../assembly/tcp/rtt";
import { scoreboardAck, scoreboardInit, scoreboardSent } from "../../assembly/tcp/scoreboard";
import { Tcb } from "../../assembly/tcp/tcb";
import { below, block, seedWith } from "./tcb-world";

function fresh(minMs: u32): Tcb {
  const t = block(1, 1000);
  switchSet(SW_TCP_RTO_MIN_MS, minMs);
  t.sndUna = 0xfffffff0;
  t.sndMax = t.sndUna;
  rttInit(t);
  scoreboardInit(t);
  return t;
}

/** Sends `len` bytes more. */
function send(t: Tcb, len: u32): void {
  scoreboardSent(t, t.sndMax, t.sndMax + len);
  t.sndMax += len;
}

/** All before `upTo` is acknowledged, with an echo if `hasTs`. */
function ack(t: Tcb, upTo: u32, tsEcr: u32, hasTs: bool): void {
  deliveryBegin(t);
  scoreboardAck(t, upTo);
  t.sndUna = upTo;
  rttOnAck(t, upTo, tsEcr, hasTs);
}

function wait(us: u64): void {
  clockAdvance(now() + us);
}

/** Sends `len` bytes and has them acknowledged after `us`. */
function exchange(t: Tcb, len: u32, us: u64): void {
  send(t, len);
  wait(us);
  ack(t, t.sndMax, 0, false);
}

/** Largest difference, of many samples of up to `most` microseconds, to the formulas. */
function difference(most: u32, seed: u64): f64 {
  const t = fresh(1);
  seedWith(seed);
  let srtt: f64 = 0;
  let rttvar: f64 = 0;
  let off: f64 = 0;
  for (let i = 0; i < 2000; i++) {
    const us = 1 + below(most);
    const r = <f64>us;
    rttvar = i == 0 ? r / 2 : 0.75 * rttvar + 0.25 * Math.abs(srtt - r);
    srtt = i == 0 ? r : 0.875 * srtt + 0.125 * r;
    rttSample(t, us);
    const rto = Math.min(Math.max(srtt + Math.max(1, 4 * rttvar), 1000), 60e6);
    off = Math.max(off, Math.abs(srtt - <f64>t.srttUs));
    off = Math.max(off, Math.abs(rttvar - <f64>t.rttvarUs));
    off = Math.max(off, Math.abs(rto - <f64>rtoUs(t)) / 5);
  }
  return off;
}

describe("the round-trip time", () => {
  it("is smoothed as RFC 6298 §2 has it, to 5 microseconds", () => {
    const spans: u32[] = [20, 1500, 40000, 900000, 30000000];
    for (let i = 0; i < spans.length; i++) expect<bool>(difference(spans[i], i + 1) < 5).toBe(true);
  });

  it("gives a timeout of a second before anything is known, of at least the switch's, and of 60 seconds at most", () => {
    const t = fresh(1000);
    expect<u64>(rtoUs(t)).toBe(1000000);
    exchange(t, 1, 30);
    expect<u64>(rtoUs(t)).toBe(1000000);
    switchSet(SW_TCP_RTO_MIN_MS, 200);
    exchange(t, 1, 30);
    expect<u64>(rtoUs(t)).toBe(200000);
    rttInit(t);
    rttSample(t, 0xffffffff);
    expect<u64>(rtoUs(t)).toBe(60000000);
    rttInit(t);
    rttSample(t, 0);
    expect<u32>(t.srttUs).toBe(1);
  });

  it("doubles the timeout until a new measurement (RFC 6298 §5.5 and §5.7)", () => {
    const t = fresh(200);
    exchange(t, 1, 100000);
    const seconds: u64[] = [300000, 600000, 1200000, 2400000, 4800000, 9600000, 19200000, 38400000, 60000000, 60000000];
    for (let i = 0; i < seconds.length; i++) {
      t.backoff = <u8>i;
      expect<u64>(rtoUs(t)).toBe(seconds[i]);
    }
    t.backoff = 255;
    expect<u64>(rtoUs(t)).toBe(60000000);
    exchange(t, 1, 100000);
    expect<u64>(rtoUs(t)).toBe(250000);
  });

  it("is taken as 3 seconds when the SYN was lost (RFC 6298 §5.7)", () => {
    const t = fresh(200);
    t.backoff = 1;
    rttAfterSyn(t, true);
    expect<u64>(rtoUs(t)).toBe(3000000);
    rttInit(t);
    rttAfterSyn(t, false);
    expect<u64>(rtoUs(t)).toBe(1000000);
  });

  it("is that of what is acknowledged last, once in a round trip, over the wrap of sequence numbers", () => {
    const t = fresh(1);
    send(t, 20);
    wait(500);
    send(t, 20);
    wait(500);
    ack(t, t.sndUna + 19, 0, false);
    expect<u32>(t.srttUs).toBe(1000);
    wait(5000);
    ack(t, t.sndUna + 21, 0, false);
    // The round trip that began with the first is not over.
    expect<u32>(t.srttUs).toBe(1000);
    exchange(t, 20, 2600);
    expect<u32>(t.srttUs).toBe(1200);
  });

  it("counts in full what went a little before the end of its run", () => {
    const t = fresh(1);
    exchange(t, 1, 16000);
    send(t, 20);
    wait(1000);
    send(t, 20);
    expect<u8>(t.runCount).toBe(1);
    wait(15000);
    ack(t, t.sndUna + 20, 0, false);
    expect<u32>(t.srttUs).toBe(16000);
    expect<u32>(t.minRttUs).toBe(16000);
    send(t, 20);
    wait(1001);
    send(t, 20);
    expect<u8>(t.runCount).toBe(3);
  });

  it("is not that of a segment sent twice (RFC 6298 §3, Karn)", () => {
    const t = fresh(1);
    send(t, 20);
    wait(9000);
    scoreboardSent(t, t.sndUna, t.sndMax);
    wait(40);
    ack(t, t.sndMax, 0, false);
    expect<u32>(t.srttUs).toBe(0);
    exchange(t, 5, 700);
    expect<u32>(t.srttUs).toBe(700);
  });

  it("is told by the echo of timestamps after a retransmission, once in a round trip (RFC 7323 §4)", () => {
    const t = fresh(1);
    t.tsOffset = 0xfffffff0 - nowMs();
    send(t, 60);
    scoreboardSent(t, t.sndUna, t.sndMax);
    const sent = nowMs() + t.tsOffset;
    wait(70000);
    ack(t, t.sndUna + 20, sent, true);
    expect<u32>(t.srttUs).toBe(70000);
    wait(70000);
    ack(t, t.sndUna + 20, sent, true);
    expect<u32>(t.srttUs).toBe(70000);
  });

  it("is not what an echo says of a time to come, or of one too long ago", () => {
    const t = fresh(1);
    send(t, 60);
    scoreboardSent(t, t.sndUna, t.sndMax);
    ack(t, t.sndUna + 20, nowMs() + 1, true);
    ack(t, t.sndUna + 20, nowMs() - 60001, true);
    expect<u32>(t.srttUs).toBe(0);
    ack(t, t.sndUna + 20, nowMs() - 60000, true);
    expect<u32>(t.srttUs).toBe(60000000);
  });

  it("has a least one, for five minutes (RFC 8985 §6.2 step 1)", () => {
    const t = fresh(1);
    exchange(t, 5, 700);
    exchange(t, 5, 600);
    exchange(t, 5, 900);
    expect<u32>(t.minRttUs).toBe(600);
    wait(300001000);
    exchange(t, 5, 900);
    expect<u32>(t.minRttUs).toBe(900);
  });
});
