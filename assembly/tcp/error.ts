// ICMP errors about segments of ours: RFC 9293 §3.9.2.2, with the checks of RFC 5927: one that quotes a sequence number
// not in flight is from somebody who guesses. Errors never end a connection that is established, be they "hard" or not
// (RFC 5927 §5.2); what they say is told if the connection is given up.

import { CTR_ICMP_IN_ERRORS_MATCHED } from "../abi/counter";
import { DROP_ICMP_ERROR_UNMATCHED, DROP_ICMP_PMTU, DROP_TCP_ICMP_SEQUENCE } from "../abi/drop";
import { E_TIMEDOUT } from "../abi/errno";
import {
  ICMP_HDR_LEN,
  ICMP_REDIRECT,
  ICMP_UNREACH_NEEDFRAG,
  ICMP_UNREACH_PORT,
  ICMP_UNREACH_PROTOCOL,
  ICMP_UNREACHABLE,
  IPPROTO_TCP,
} from "../abi/proto";
import { TCB_F_HELD, TCP_SYN_SENT } from "../abi/tcp";
import { NEXT_FREE } from "../abi/verdict";
import { count } from "../core/counter";
import { flowDestination, flowSource } from "../ip/flow";
import { pathMtuClaimed, pathMtuLearn } from "../ip/path-mtu";
import { address4, addressCopy } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { demuxConnected } from "../pcb/demux";
import { errnoOfIcmp, pcbReport } from "../pcb/error";
import { pcbFirstHop } from "../pcb/options";
import { remoteOf } from "../pcb/pcb";
import { pcbQueueError } from "../pcb/receive";
import { IcmpHdr } from "../wire/icmp";
import { Ipv4Hdr } from "../wire/ipv4";
import { TcpHdr } from "../wire/tcp";
import { connectionEnd } from "./connection";
import { mtuClaimWaits } from "./mtu-probe";
import { tcpOutput } from "./output";
import { tcpPath } from "./path";
import { scoreboardLose } from "./scoreboard";
import { seqLe } from "./seq";
import { synchronized, Tcb, tcbOf } from "./tcb";

/** The error at pb.l4 quotes a segment of ours, whose header is at `quoted`; the flow is as it was sent. */
export function tcpError(pb: Pbuf, quoted: usize): u32 {
  const h = changetype<TcpHdr>(quoted);
  const p = demuxConnected(IPPROTO_TCP, flowSource(), h.srcPort, flowDestination(), h.dstPort, 0);
  if (p === null) return DROP_ICMP_ERROR_UNMATCHED;
  const t = tcbOf(p);
  // RFC 5927 §4.1.
  if (!seqLe(t.sndUna, h.seq) || !seqLe(h.seq, t.sndMax)) return DROP_TCP_ICMP_SEQUENCE;
  const icmp = changetype<IcmpHdr>(pb.l4);
  if (icmp.type == ICMP_REDIRECT) return NEXT_FREE;
  const tooLong = icmp.type == ICMP_UNREACHABLE && icmp.code == ICMP_UNREACH_NEEDFRAG;
  const ip = changetype<Ipv4Hdr>(pb.l4 + ICMP_HDR_LEN);
  const mtu = tooLong ? pathMtuClaimed(ip, icmp.mtu) : 0;
  if (tooLong && mtu == 0) return DROP_ICMP_PMTU;
  count(CTR_ICMP_IN_ERRORS_MATCHED);
  if (tooLong) {
    // RFC 5927 §7.2: longer segments have arrived.
    if (synchronized(t) && mtuClaimWaits(t, h.seq, mtu)) return NEXT_FREE;
    pathMtuLearn(pcbFirstHop(p, flowDestination()), mtu);
    smaller(t);
  } else {
    t.softError = errnoOfIcmp(icmp.type, icmp.code);
    // RFC 9293 MUST-47: who wants to know reads it with sock_error.
    if ((t.flags & TCB_F_HELD) != 0) pcbReport(p, pb, h.dstPort, t.softError);
  }
  // RFC 9293 SHLD-26: nobody is there.
  const hard = icmp.type == ICMP_UNREACHABLE && (icmp.code == ICMP_UNREACH_PORT || icmp.code == ICMP_UNREACH_PROTOCOL);
  if (hard && t.state == TCP_SYN_SENT) connectionEnd(t, t.softError);
  return NEXT_FREE;
}

/** Tells the application that nothing comes back, which nobody has reported. */
export function reportSilence(t: Tcb): void {
  const p = t.pcb;
  const e = (t.flags & TCB_F_HELD) != 0 ? pcbQueueError(p) : null;
  if (e === null) return;
  addressCopy(changetype<usize>(e), remoteOf(p));
  address4(changetype<usize>(e) + 16, 0);
  e.port = p.remotePort;
  e.errno = E_TIMEDOUT;
  e.icmp = 0;
  e.rest = 0;
}

/** RFC 1191 §6.5: what was too long goes again, in segments that fit; the network is not congested by that. */
function smaller(t: Tcb): void {
  const before = t.sndMss;
  if (!synchronized(t) || tcpPath(t) == 0 || t.sndMss >= before) return;
  if (t.sndUna != t.sndMax) scoreboardLose(t, t.sndUna, t.sndMax);
  tcpOutput(t);
}
