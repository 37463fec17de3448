// HyStart++: what it makes of round trips that grow, that grow by chance, and that stay.
import { clockAdvance, now } from "../../assembly/core/clock";
import { congestionAcked, congestionInit, congestionReduce, congestionUndo } from "../../assembly/tcp/congestion";
import { DELIVERY } from "../../assembly/tcp/delivery";
import { Tcb } from "../../assembly/tcp/tcb";
import { block } from "./tcb-world";

const MSS: u32 = 1000;
const FIRST: u32 = 0x7fffffff;

function sender(): Tcb {
  clockAdvance(now() + 100000000);
  const t = block(1, MSS);
  t.iss = 0xfffff000;
  t.sndUna = t.iss + 1;
  t.sndMax = t.sndUna;
  congestionInit(t);
  return t;
}

/** Where the round ends: what had been sent when the last one ended. */
let end: u32 = 0;
/** The window when the round began, its bytes, and the sum of a quarter of each ACK's. */
let before: u32 = 0;
let bytes: u32 = 0;
let quarters: u32 = 0;

/** A round: what is in flight is acknowledged, `each` bytes an ACK, after so many milliseconds; what an ACK lets go goes. */
function round(t: Tcb, rttMs: u32, each: u32): void {
  if (t.sndMax == t.iss + 1) end = t.sndUna + t.cwnd;
  const last = end;
  before = t.cwnd;
  DELIVERY.rttUs = rttMs * 1000;
  bytes = 0;
  quarters = 0;
  while (t.sndUna != last) {
    t.sndMax = max<u32>(t.sndUna - t.iss + t.cwnd, t.sndMax - t.iss) + t.iss;
    end = t.sndMax;
    const acked = min<u32>(each, last - t.sndUna);
    t.sndUna += acked;
    bytes += acked;
    quarters += acked / 4;
    congestionAcked(t, acked);
  }
}

/** The window, if all was slow start. */
function slowStart(t: Tcb): u32 {
  return 10 * MSS + (t.sndUna - t.iss - 1);
}

describe("HyStart++ (RFC 9406)", () => {
  it("is slow start while round trips take as long as before, or little longer", () => {
    const t = sender();
    for (let i: u32 = 0; i < 5; i++) round(t, 100 + 2 * i, MSS);
    expect<u32>(t.cwnd).toBe(slowStart(t));
    expect<bool>(t.cwnd > 200 * MSS).toBe(true);
    expect<u32>(t.ssthresh).toBe(FIRST);
  });

  it("counts eight segments an ACK at the most (L)", () => {
    const t = sender();
    round(t, 100, 10 * MSS);
    expect<u32>(t.cwnd).toBe(18 * MSS);
  });

  it("grows by a quarter from the eighth ACK on whose round trip is longer by an eighth; after five rounds it is over", () => {
    const t = sender();
    round(t, 100, MSS);
    round(t, 100, MSS);
    expect<u32>(t.cwnd).toBe(slowStart(t));
    round(t, 113, MSS);
    expect<u32>(t.cwnd).toBe(before + 8 * MSS + quarters - 2 * MSS);
    for (let i = 0; i < 3; i++) {
      round(t, 120, MSS);
      expect<u32>(t.cwnd).toBe(before + quarters);
    }
    expect<u32>(t.ssthresh).toBe(FIRST);
    round(t, 120, MSS);
    expect<u32>(t.cwnd).toBe(before + quarters);
    expect<u32>(t.ssthresh).toBe(t.cwnd);
    expect<u32>(t.cc0 | t.cc1 | t.cc2 | t.cc3 | t.cc4).toBe(0);
  });

  it("asks for four milliseconds more on short ways, for sixteen on long ones", () => {
    const rtts: u32[] = [8, 1000];
    const less: u32[] = [11, 1015];
    const more: u32[] = [12, 1016];
    for (let i = 0; i < 2; i++) {
      let t = sender();
      round(t, rtts[i], MSS);
      round(t, rtts[i], MSS);
      round(t, less[i], MSS);
      expect<u32>(t.cwnd).toBe(slowStart(t));
      t = sender();
      round(t, rtts[i], MSS);
      round(t, rtts[i], MSS);
      round(t, more[i], MSS);
      expect<bool>(t.cwnd < slowStart(t)).toBe(true);
    }
  });

  it("goes back to slow start when round trips are short again: it was chance", () => {
    const t = sender();
    round(t, 100, MSS);
    round(t, 100, MSS);
    round(t, 130, MSS);
    expect<u32>(t.cwnd).toBe(before + 8 * MSS + quarters - 2 * MSS);
    // Eight ACKs of a quarter, then the window's others in full.
    round(t, 100, MSS);
    expect<u32>(t.cwnd).toBe(before + 2 * MSS + bytes - 8 * MSS);
    round(t, 100, MSS);
    expect<u32>(t.cwnd).toBe(before + bytes);
    expect<u32>(t.ssthresh).toBe(FIRST);
  });

  it("needs eight ACKs in a round: fewer tell nothing", () => {
    const t = sender();
    round(t, 100, 2 * MSS);
    round(t, 200, 4 * MSS);
    round(t, 300, 8 * MSS);
    expect<u32>(t.cwnd).toBe(slowStart(t));
  });

  it("ends with a loss, and is as it was if that is undone", () => {
    const t = sender();
    round(t, 100, MSS);
    round(t, 100, MSS);
    round(t, 130, MSS);
    const window = t.cwnd;
    const rounds = t.cc4;
    const baseline = t.cc3;
    congestionReduce(t, t.cwnd);
    expect<u32>(t.cc3).toBe(0);
    t.cwnd = t.ssthresh;
    congestionUndo(t);
    expect<u32>(t.cwnd).toBe(window);
    expect<u32>(t.ssthresh).toBe(FIRST);
    expect<u32>(t.cc3).toBe(baseline);
    expect<u32>(t.cc4).toBe(rounds);
  });
});
