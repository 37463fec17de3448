// A segment for a listener: RFC 9293 §3.10.7.2. A SYN makes a block and rings of its own for the connection, as far as
// the backlog and the pools allow; so what is promised in its window is there.

import { DROP_TCP_BACKLOG, DROP_TCP_NO_ACK, DROP_TCP_NO_BLOCK, DROP_TCP_RST_UNMATCHED } from "../abi/drop";
import { IPPROTO_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "../abi/proto";
import { IP_OPTIONS_MOST, OPT_TCP, OPT_TCP_END, OPTIONS as OPTIONS_COUNT } from "../abi/socket";
import { TCB_F_PASSIVE, TCP_SYN_RECEIVED } from "../abi/tcp";
import { NEXT_FREE } from "../abi/verdict";
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
import { connectionAgree, connectionBegin, connectionRelease } from "./connection";
import { synSend } from "./handshake";
import { SEG, segmentHas, segmentTrim } from "./segment";
import { Tcb, tcbOpen, tcpOption, tcpOptionSet } from "./tcb";
import { textInput } from "./text";

/** The segment in hand, of the datagram `pb`, is for a listener: NEXT_FREE, or why it is dropped. The connection's
 * sequence space begins not before `least`. */
export function listenInput(listener: Tcb, pb: Pbuf, least: u32): u32 {
  if (segmentHas(TCP_RST)) return DROP_TCP_RST_UNMATCHED;
  if (segmentHas(TCP_ACK)) return answerReset();
  if (!segmentHas(TCP_SYN)) return DROP_TCP_NO_ACK;
  if (listener.acceptable + listener.halfOpen >= listener.backlog) return DROP_TCP_BACKLOG;
  const t = child(listener.pcb, pb);
  if (t === null) return DROP_TCP_NO_BLOCK;
  if (connectionBegin(t, least) < 0) {
    connectionRelease(t);
    return DROP_TCP_NO_BLOCK;
  }
  t.flags |= TCB_F_PASSIVE;
  t.parent = listener;
  listener.halfOpen++;
  t.state = TCP_SYN_RECEIVED;
  demuxInsert(t.pcb);
  connectionAgree(t);
  // RFC 9293 §3.10.7.2, third: text waits until the connection is established; a FIN comes again.
  SEG.seq++;
  SEG.flags &= ~(TCP_SYN | TCP_FIN);
  segmentTrim(t.rcvNxt, t.rcvAdv);
  textInput(t);
  synSend(t);
  return NEXT_FREE;
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
  for (let option: u32 = OPT_TCP; option < <u32>OPT_TCP_END; option++) tcpOptionSet(t, option, tcpOption(from, option));
  return t;
}

const ROUTE: usize = memory.data(IP_OPTIONS_MOST, 4);

/** IP options: the listener's; but if it names no route, the way back by which the SYN came (RFC 9293 MUST-52, MUST-53). */
function optionsFrom(p: Pcb, l: Pcb, pb: Pbuf): void {
  if (l.optionsLen != 0) pcbCopyOptions(p, l);
  else pcbSetOptions(p, ROUTE, replyRoute(pb, ROUTE));
}
