// A segment for a listener: RFC 9293 §3.10.7.2. A SYN makes a block and rings of its own for the connection, as far as
// the backlog and the pools allow; so what is promised in its window is there. Where too many do, it is answered by a
// cookie, and the block is made when that comes back (RFC 4987).

import { CTR_TCP_IN_COOKIES } from "../abi/counter";
import {
  DROP_TCP_BACKLOG,
  DROP_TCP_COOKIE,
  DROP_TCP_NO_ACK,
  DROP_TCP_NO_BLOCK,
  DROP_TCP_RST_UNMATCHED,
} from "../abi/drop";
import { IPPROTO_TCP, TCP_ACK, TCP_ECE, TCP_FIN, TCP_RST, TCP_SYN } from "../abi/proto";
import { IP_OPTIONS_MOST, OPT_TCP, OPT_TCP_END, OPTIONS as OPTIONS_COUNT } from "../abi/socket";
import { SW_TCP_SYN_COOKIES } from "../abi/switch";
import {
  TCB_F_GROWS_IN,
  TCB_F_GROWS_OUT,
  TCB_F_PASSIVE,
  TCB_F_SACK,
  TCB_F_TIMESTAMPS,
  TCB_F_WSCALE,
  TCP_SYN_RECEIVED,
} from "../abi/tcp";
import { NEXT_FREE } from "../abi/verdict";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { flowDestination, flowSource } from "../ip/flow";
import { replyRoute } from "../ip/reply";
import { addressCopy } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { demuxInsert } from "../pcb/demux";
import { pcbCopyOptions, pcbSetOptions } from "../pcb/options";
import {
  localOf,
  optionOf,
  PCB_ACCEPTED,
  PCB_BOUND,
  PCB_CONNECTED,
  PCB_UNCLAIMED,
  Pcb,
  pcbOpen,
  pcbRelease,
  remoteOf,
  setOption,
} from "../pcb/pcb";
import { answerReset } from "./answer";
import { arrivesInput } from "./arrives";
import { backlogCrowded, backlogEnter, backlogFlooded, placesFree } from "./backlog";
import { congestionChoose } from "./congestion";
import { connectionAgree, connectionBegin, connectionFrom, connectionRelease } from "./connection";
import { cookieRead, cookieSend, cookieShift, cookiesOut, cookiesRecent } from "./cookie";
import { synSend } from "./handshake";
import { scoreboardSent } from "./scoreboard";
import { OPTIONS, SEG, segmentHas, segmentTrim } from "./segment";
import { Tcb, tcbOpen, tcpOption, tcpOptionSet } from "./tcb";
import { textInput } from "./text";

/** The segment in hand, of the datagram `pb`, is for a listener: NEXT_FREE, or why it is dropped. The connection's
 * sequence space begins not before `least`. */
export function listenInput(listener: Tcb, pb: Pbuf, least: u32): u32 {
  if (segmentHas(TCP_RST)) return DROP_TCP_RST_UNMATCHED;
  if (segmentHas(TCP_ACK)) return cookiesOut() ? ackInput(listener, pb) : answerReset();
  if (!segmentHas(TCP_SYN)) return DROP_TCP_NO_ACK;
  if (listener.acceptable >= listener.backlog) return DROP_TCP_BACKLOG;
  if (placesFree() == 0) return DROP_TCP_NO_BLOCK;
  const cookies = switchValue(SW_TCP_SYN_COOKIES);
  const crowded = backlogCrowded(listener);
  if ((crowded && cookies != 0 && cookieMay(listener)) || cookies == 2) {
    // Neither can say what RFC 6191 asks of the new sequence numbers, nor has it the listener's IP options.
    if (least == 0 && listener.pcb.optionsLen == 0) return cookieSend(listener);
  }
  if (crowded) return DROP_TCP_BACKLOG;
  const t = begin(listener, pb, least);
  if (t === null) return DROP_TCP_NO_BLOCK;
  connectionAgree(t);
  // RFC 9293 §3.10.7.2, third: text waits until the connection is established; a FIN comes again.
  SEG.seq++;
  SEG.flags &= ~(TCP_SYN | TCP_FIN);
  segmentTrim(t.rcvNxt, t.rcvAdv);
  textInput(t);
  synSend(t);
  return NEXT_FREE;
}

/** Is a cookie the better answer to one SYN too many? Of a flood yes. Many that come at once are rather left to come again,
 * if there is no place for all: who has our SYN-ACK believes that the connection is established. */
function cookieMay(l: Tcb): bool {
  if (backlogFlooded()) return true;
  const backlog = l.acceptable + l.halfOpen;
  return backlog < l.backlog && cookiesRecent() < min<u32>(placesFree(), l.backlog - backlog);
}

/** An ACK for no connection, while cookies are out: the connection is established if it brings one back. */
function ackInput(listener: Tcb, pb: Pbuf): u32 {
  const own = OPTIONS.seen;
  if (segmentHas(TCP_SYN) || !cookieRead()) {
    // Its first segments may be lost that bring the cookie back: a reset would end what is to begin yet.
    return SEG.len != 0 || segmentHas(TCP_FIN) ? DROP_TCP_COOKIE : answerReset();
  }
  if (listener.acceptable >= listener.backlog) return DROP_TCP_BACKLOG;
  const t = begin(listener, pb, 0);
  if (t === null) return DROP_TCP_NO_BLOCK;
  count(CTR_TCP_IN_COOKIES);
  connectionFrom(t, SEG.ack - 1);
  scoreboardSent(t, t.iss, SEG.ack);
  t.sndMax = SEG.ack;
  // When our SYN-ACK went, nobody knows: it is not timed, as if it had gone twice.
  scoreboardSent(t, t.iss, SEG.ack);
  // A cookie's timestamp is not that of its time.
  t.rttSeq = SEG.ack;
  t.rcvShift = cookieShift();
  t.flags |= TCB_F_SACK | TCB_F_TIMESTAMPS | TCB_F_WSCALE;
  SEG.seq--;
  connectionAgree(t);
  SEG.seq++;
  OPTIONS.seen = own;
  SEG.flags &= ~TCP_ECE;
  return arrivesInput(t);
}

/** A connection with its rings, half open; null if there is no room for it. */
function begin(listener: Tcb, pb: Pbuf, least: u32): Tcb | null {
  const t = child(listener.pcb, pb);
  if (t === null) return null;
  if (connectionBegin(t, least) < 0) {
    connectionRelease(t);
    return null;
  }
  t.flags |= TCB_F_PASSIVE;
  t.state = TCP_SYN_RECEIVED;
  backlogEnter(t, listener);
  demuxInsert(t.pcb);
  return t;
}

/** A socket and block for the connection that the segment in hand asks for, with the listener's options; or null. */
function child(l: Pcb, pb: Pbuf): Tcb | null {
  const p = pcbOpen(IPPROTO_TCP);
  if (p === null) return null;
  const t = tcbOpen(p);
  if (t === null) {
    pcbRelease(p);
    return null;
  }
  addressCopy(localOf(p), flowDestination());
  addressCopy(remoteOf(p), flowSource());
  p.localPort = SEG.dstPort;
  p.remotePort = SEG.srcPort;
  p.flags |= PCB_ACCEPTED | PCB_UNCLAIMED | PCB_BOUND | PCB_CONNECTED;
  for (let option: u32 = 0; option < <u32>OPTIONS_COUNT; option++) setOption(p, option, optionOf(l, option));
  optionsFrom(p, l, pb);
  const from = changetype<Tcb>(l.tcb);
  t.flags = from.flags & (TCB_F_GROWS_IN | TCB_F_GROWS_OUT);
  for (let option: u32 = OPT_TCP; option < <u32>OPT_TCP_END; option++) tcpOptionSet(t, option, tcpOption(from, option));
  congestionChoose(t);
  return t;
}

const ROUTE: usize = memory.data(IP_OPTIONS_MOST, 4);

/** IP options: the listener's; but if it names no route, the way back by which the SYN came (RFC 9293 MUST-52, MUST-53). */
function optionsFrom(p: Pcb, l: Pcb, pb: Pbuf): void {
  if (l.optionsLen != 0) pcbCopyOptions(p, l);
  else pcbSetOptions(p, ROUTE, replyRoute(pb, ROUTE));
}
