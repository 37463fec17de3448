// SYN cookies: RFC 4987 §3.6. Where half-open connections crowd, a SYN is answered and forgotten: what is to be known of
// the peer stands in our initial sequence number and in our timestamp, and comes back with its ACK.
//
// ISS = the low word of a keyed hash of addresses, ports, the peer's ISS and a counter of 64 s, XOR the peer's MSS as one
// of eight. A cookie is good while its counter is the one of now or the one before, so for 64 to 128 s; who guesses hits
// one of 2^28. It does not follow the clock of RFC 9293 §3.4.1, so a SYN that ends a TIME-WAIT gets none.
//
// The low bits of the timestamp:
//
//     5     4     3     2     1     0
//  +-----+-----+-----+-----+-----+-----+
//  | ECN |SACK |  the peer's shift     |   a shift of 15: the peer scales no windows
//  +-----+-----+-----+-----+-----+-----+
//
// Without timestamps there is neither SACK nor scaling, nor ECN.

import { CTR_TCP_OUT_COOKIES } from "../abi/counter";
import { DROP_OUT_NO_ROUTE, DROP_TCP_NO_BLOCK } from "../abi/drop";
import { TCP_ACK, TCP_CWR, TCP_ECE, TCP_SYN } from "../abi/proto";
import { OPT_INTERFACE, OPT_TCP_RECEIVE_BUFFER } from "../abi/socket";
import { SW_TCP_ECN, SW_TCP_SACK, SW_TCP_TIMESTAMPS, SW_TCP_WINDOW_SCALING } from "../abi/switch";
import { NEXT_FREE } from "../abi/verdict";
import { now, nowMs } from "../core/clock";
import { count } from "../core/counter";
import { sipHash } from "../core/hash";
import { switchValue } from "../core/switch";
import { flowDestination, flowSource } from "../ip/flow";
import { Path } from "../ip/path";
import { pathTo } from "../ip/path-cache";
import { netifAt } from "../link/netif";
import { byteRingLargest, byteRingOffer } from "../memory/byte-ring";
import { optionOf } from "../pcb/pcb";
import {
  TCPOPTS_MSS,
  TCPOPTS_SACK_PERMITTED,
  TCPOPTS_TIMESTAMP,
  TCPOPTS_WSCALE,
  tcpPutMss,
  tcpPutSackPermitted,
  tcpPutTimestamp,
  tcpPutWscale,
} from "../wire/tcp-options";
import { ANSWER_OPTIONS, answerSegment } from "./answer";
import { connectionSecret, timestampOffset } from "./isn";
import { mssOffered } from "./path";
import { OPTIONS, SEG } from "./segment";
import { Tcb, tcpOption } from "./tcb";

@unmanaged
class CookieState {
  /** What is hashed beside the connection's secret: the peer's ISS, and the counter. */
  secret: u64;
  irs: u32;
  counter: u32;
  /** The counter, and 1 more, when one was last sent; 0 = none was. */
  sent: u32;
  /** Cookies sent in the second `second`. */
  second: u32;
  recent: u32;
}

const C: CookieState = changetype<CookieState>(memory.data(offsetof<CookieState>(), 8));

/** Beside what is hashed: what for. */
const PURPOSE: u64 = (<u64>2) << 48;
const COUNTER_US: u64 = 64000000;

/** None is larger than what the peer has offered: least, default of IPv4, tunnels, PPPoE, Ethernet, its large frames, lo. */
const MSS: usize = memory.data<u16>([48, 536, 1200, 1360, 1440, 1460, 8960, 65495]);
const MSS_COUNT: u32 = 8;

/** Bytes of the options where there are no timestamps. */
const SYN_MSS_LEN: u32 = 4;

const TS_BITS: u32 = 63;
const TS_NO_WSCALE: u32 = 15;
const TS_SACK: u32 = 16;
const TS_ECN: u32 = 32;

function counter(): u32 {
  return <u32>(now() / COUNTER_US);
}

function secretInHand(): u64 {
  return connectionSecret(flowDestination(), SEG.dstPort, flowSource(), SEG.srcPort);
}

function cookieHash(secret: u64, irs: u32, at: u32): u32 {
  C.secret = secret;
  C.irs = irs;
  C.counter = at;
  return <u32>sipHash(changetype<usize>(C), changetype<usize>(C), PURPOSE);
}

/** Cookies sent in this second. */
export function cookiesRecent(): u32 {
  return C.second == nowMs() / 1000 ? C.recent : 0;
}

/** The shift of our windows: the same for all cookies of a stack, since nobody remembers it. */
export function cookieShift(): u8 {
  let shift: u8 = 0;
  while ((byteRingLargest() - 1) >>> shift > 0xffff) shift++;
  return shift;
}

/** Answers the SYN in hand by a cookie, for the listener: NEXT_FREE, or why it is dropped. */
export function cookieSend(l: Tcb): u32 {
  const ring = byteRingOffer(tcpOption(l, OPT_TCP_RECEIVE_BUFFER));
  if (ring == 0) return DROP_TCP_NO_BLOCK;
  const found = pathTo(flowSource(), optionOf(l.pcb, OPT_INTERFACE));
  if (found < 0) return DROP_OUT_NO_ROUTE;
  const secret = secretInHand();
  const end = optionsPut(mssOffered(l, netifAt(changetype<Path>(found).netif).mtu), timestampOffset(secret));
  const at = counter();
  const iss = cookieHash(secret, SEG.seq, at) ^ mssIndex();
  const wnd = min<u32>(ring, 0xffff);
  C.recent = cookiesRecent() + 1;
  C.second = nowMs() / 1000;
  C.sent = at + 1;
  const len = <u32>(end - ANSWER_OPTIONS);
  const ecn: u32 = len > SYN_MSS_LEN && ecnAsked() ? TCP_ECE : 0;
  if (answerSegment(iss, SEG.seq + 1, TCP_SYN | TCP_ACK | ecn, wnd, len, l.pcb)) count(CTR_TCP_OUT_COOKIES);
  return NEXT_FREE;
}

/** The largest MSS of ours that is not above what the SYN in hand offers. */
function mssIndex(): u32 {
  const offered = (OPTIONS.seen & TCPOPTS_MSS) != 0 ? OPTIONS.mss : 536;
  let i = MSS_COUNT - 1;
  while (i != 0 && <u32>load<u16>(MSS + (i << 1)) > offered) i--;
  return i;
}

/** Lays the options of the SYN-ACK: where they end. */
function optionsPut(mss: u32, tsOffset: u32): usize {
  const seen = OPTIONS.seen;
  let at = tcpPutMss(ANSWER_OPTIONS, mss);
  if ((seen & TCPOPTS_TIMESTAMP) == 0 || switchValue(SW_TCP_TIMESTAMPS) == 0) return at;
  let bits = TS_NO_WSCALE;
  if ((seen & TCPOPTS_WSCALE) != 0 && switchValue(SW_TCP_WINDOW_SCALING) != 0) bits = OPTIONS.wscale;
  if ((seen & TCPOPTS_SACK_PERMITTED) != 0 && switchValue(SW_TCP_SACK) != 0) {
    bits |= TS_SACK;
    at = tcpPutSackPermitted(at);
  }
  if ((bits & TS_NO_WSCALE) != TS_NO_WSCALE) at = tcpPutWscale(at, cookieShift());
  if (ecnAsked()) bits |= TS_ECN;
  // Never later than what is said next (RFC 7323 §4.3): it goes back by less than 128 ms.
  const ms = nowMs() + tsOffset;
  const said = (ms & ~TS_BITS) | bits;
  return tcpPutTimestamp(at, <i32>(said - ms) > 0 ? said - TS_BITS - 1 : said, OPTIONS.tsVal);
}

/** RFC 3168 §6.1.1: does the peer's SYN ask for ECN, and is that to be had? */
function ecnAsked(): bool {
  return (SEG.flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR) && switchValue(SW_TCP_ECN) != 0;
}

/** Can there be cookies whose ACKs are yet to come? */
export function cookiesOut(): bool {
  return C.sent != 0 && counter() + 1 - C.sent <= 1;
}

/** The segment in hand acknowledges a cookie of ours: then OPTIONS and SEG have what its SYN had, beside what it has itself:
 * the SYN's options, and ECE if ECN was agreed on. */
export function cookieRead(): bool {
  const secret = secretInHand();
  for (let age: u32 = 0; age < 2; age++) {
    const index = (SEG.ack - 1) ^ cookieHash(secret, SEG.seq - 1, counter() - age);
    if (index >= MSS_COUNT) continue;
    OPTIONS.mss = <u32>load<u16>(MSS + (index << 1));
    OPTIONS.seen |= TCPOPTS_MSS;
    // Only a SYN has had these; and timestamps where a SYN had none are nobody's.
    OPTIONS.seen &= ~(TCPOPTS_SACK_PERMITTED | TCPOPTS_WSCALE);
    SEG.flags &= ~(TCP_ECE | TCP_CWR);
    if ((OPTIONS.seen & TCPOPTS_TIMESTAMP) != 0) timestampRead();
    return true;
  }
  return false;
}

function timestampRead(): void {
  const bits = OPTIONS.tsEcr & TS_BITS;
  if ((bits & TS_SACK) != 0) OPTIONS.seen |= TCPOPTS_SACK_PERMITTED;
  if ((bits & TS_ECN) != 0) SEG.flags |= TCP_ECE;
  OPTIONS.wscale = bits & TS_NO_WSCALE;
  if (OPTIONS.wscale != TS_NO_WSCALE) OPTIONS.seen |= TCPOPTS_WSCALE;
}
