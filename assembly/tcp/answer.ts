// Segments that answer the one in hand without a connection: resets (RFC 9293 §3.5.2 and §3.10.7.1), the ACKs of
// TIME-WAIT, and SYN-ACKs that keep no state (cookie.ts). At most one small segment for one that came, so nobody is amplified.

import { CTR_TCP_OUT_RSTS, CTR_TCP_OUT_SEGS } from "../abi/counter";
import { DROP_OUT_NO_BUFFER, DROP_OUT_NO_ROUTE, DROP_TCP_NO_PORT, DROP_TCP_RST_UNMATCHED } from "../abi/drop";
import { OWNER_TX, PBUF_SMALL } from "../abi/pbuf";
import { IPPROTO_TCP, TCP_ACK, TCP_HDR_LEN, TCP_RST } from "../abi/proto";
import { OPT_INTERFACE, OPT_TOS, OPT_TTL } from "../abi/socket";
import { SW_IP_DEFAULT_TTL } from "../abi/switch";
import { count } from "../core/counter";
import { switchValue } from "../core/switch";
import { flowDestination, flowSource } from "../ip/flow";
import { ipv4Output } from "../ip/output";
import { Path } from "../ip/path";
import { pathTo } from "../ip/path-cache";
import { addressV4 } from "../memory/address";
import { pbufAlloc } from "../memory/pbuf";
import { optionOf, Pcb } from "../pcb/pcb";
import { pseudoSum4 } from "../wire/checksum";
import { tcpEmit, tcpEmitChecksum } from "../wire/tcp";
import { SEG, segmentEnd, segmentHas } from "./segment";

/** Bytes of the timestamp option, with what aligns it. */
export const TIMESTAMP_LEN: u32 = 12;

/** Where the answer's options are laid before it is sent. */
export const ANSWER_OPTIONS: usize = memory.data(40, 8);

/** To whom the segment in hand came from: a segment without data, with `optionsLen` bytes of options, from the socket
 * `by` if there is one. False if it could not go. */
export function answerSegment(seq: u32, ack: u32, flags: u32, wnd: u32, optionsLen: u32, by: Pcb | null): bool {
  const src = addressV4(flowDestination());
  const dst = addressV4(flowSource());
  const found = pathTo(flowSource(), by === null ? 0 : optionOf(by, OPT_INTERFACE));
  if (found < 0) {
    count(DROP_OUT_NO_ROUTE);
    return false;
  }
  const pb = pbufAlloc(PBUF_SMALL, OWNER_TX, true);
  if (pb === null) {
    count(DROP_OUT_NO_BUFFER);
    return false;
  }
  const hdrLen = TCP_HDR_LEN + optionsLen;
  pb.l4 = pb.head;
  pb.len = hdrLen;
  tcpEmit(pb.head, SEG.dstPort, SEG.srcPort, seq, ack, hdrLen, flags, wnd);
  memory.copy(pb.head + TCP_HDR_LEN, ANSWER_OPTIONS, optionsLen);
  tcpEmitChecksum(pb.head, hdrLen, pseudoSum4(src, dst, IPPROTO_TCP, hdrLen), 0);
  count(CTR_TCP_OUT_SEGS);
  if ((flags & TCP_RST) != 0) count(CTR_TCP_OUT_RSTS);
  const ttl = by === null ? 0 : optionOf(by, OPT_TTL);
  const tos = by === null ? 0 : optionOf(by, OPT_TOS);
  const hops = ttl != 0 ? ttl : switchValue(SW_IP_DEFAULT_TTL);
  ipv4Output(pb, changetype<Path>(found), src, dst, IPPROTO_TCP, hops, tos, true);
  return true;
}

/** RFC 9293 §3.10.7.1: a segment for no connection is answered with a reset, unless it is one: why it is dropped. */
export function answerReset(): u32 {
  if (segmentHas(TCP_RST)) return DROP_TCP_RST_UNMATCHED;
  if (segmentHas(TCP_ACK)) answerSegment(SEG.ack, 0, TCP_RST, 0, 0, null);
  else answerSegment(0, segmentEnd(), TCP_RST | TCP_ACK, 0, 0, null);
  return DROP_TCP_NO_PORT;
}
