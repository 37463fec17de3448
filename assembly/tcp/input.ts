// SEGMENT ARRIVES, RFC 9293 §3.10.7: is the segment sound, and whose is it? A connection's, one's in TIME-WAIT, a
// listener's, or nobody's.

import { CTR_TCP_IN_SEGS } from "../abi/counter";
import { DROP_TCP_CHECKSUM, DROP_TCP_GROUP, DROP_TCP_PORT, DROP_TCP_SHORT } from "../abi/drop";
import { IPPROTO_TCP, IPV4_ECN_CE } from "../abi/proto";
import { TCP_SYN_SENT } from "../abi/tcp";
import { count } from "../core/counter";
import { flowDestination, flowSource } from "../ip/flow";
import { PB_IP_GROUP, PB_LINK_GROUP, Pbuf } from "../memory/pbuf";
import { demuxBound, demuxConnected } from "../pcb/demux";
import { checksumFinish, pseudoSum4Hdr, sum } from "../wire/checksum";
import { Ipv4Hdr } from "../wire/ipv4";
import { tcpHdrLen } from "../wire/tcp";
import { answerReset } from "./answer";
import { arrivesInput } from "./arrives";
import { listenInput } from "./listen";
import { predictInput, UNPREDICTED } from "./predict";
import { SEG, segmentRead } from "./segment";
import { synSentInput } from "./syn-sent";
import { tcbOf } from "./tcb";
import { TIME_WAIT_OVER, timeWaitFind, timeWaitInput } from "./time-wait";

/** The segment at pb.l4, received by interface `ifindex`: NEXT_FREE, or why it is dropped. */
export function tcpInput(pb: Pbuf, ifindex: u32): u32 {
  count(CTR_TCP_IN_SEGS);
  const len = <u32>(pb.head + pb.len - pb.l4);
  const hdrLen = tcpHdrLen(pb.l4, len);
  if (hdrLen == 0) return DROP_TCP_SHORT;
  segmentRead(pb.l4, len, hdrLen);
  SEG.ecn = changetype<Ipv4Hdr>(pb.l3).tos & IPV4_ECN_CE;
  const p = demuxConnected(IPPROTO_TCP, flowDestination(), SEG.dstPort, flowSource(), SEG.srcPort, ifindex);
  if (p !== null) {
    const verdict = predictInput(tcbOf(p), pb, len);
    if (verdict != UNPREDICTED) return verdict;
  }
  if (checksumFinish(pseudoSum4Hdr(pb.l3, IPPROTO_TCP, len) + sum(pb.l4, len)) != 0) return DROP_TCP_CHECKSUM;
  // RFC 9293 MUST-57 and MUST-63: there are no connections with groups.
  if ((pb.flags & (PB_IP_GROUP | PB_LINK_GROUP)) != 0) return DROP_TCP_GROUP;
  if (SEG.srcPort == 0 || SEG.dstPort == 0) return DROP_TCP_PORT;
  if (p !== null) {
    const t = tcbOf(p);
    return t.state == TCP_SYN_SENT ? synSentInput(t) : arrivesInput(t);
  }
  let least: u32 = 0;
  const w = timeWaitFind(flowDestination(), SEG.dstPort, flowSource(), SEG.srcPort);
  if (w !== null) {
    // RFC 9293 §3.6.1: the sequence numbers of the new incarnation are larger than any of the old.
    least = w.sndNxt + 0x10000;
    const verdict = timeWaitInput(w);
    if (verdict != TIME_WAIT_OVER) return verdict;
  }
  const listener = demuxBound(IPPROTO_TCP, flowDestination(), SEG.dstPort, ifindex);
  return listener === null ? answerReset() : listenInput(tcbOf(listener), pb, least);
}
