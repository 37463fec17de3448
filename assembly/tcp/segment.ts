// The segment in hand: SEG.SEQ, SEG.ACK and the rest of RFC 9293 §3.3.1, with its options. tcpInput() fills it; it holds
// until the next segment. What lies outside the window is cut off here, so the length is that of what counts.

import { TCP_FIN, TCP_HDR_LEN, TCP_SYN } from "../abi/proto";
import { TcpHdr } from "../wire/tcp";
import { TcpOptions, tcpOptionsParse } from "../wire/tcp-options";

@unmanaged
export class Segment {
  seq: u32;
  ack: u32;
  /** As it stands in the header: not scaled. */
  wnd: u32;
  /** One past the urgent data, if there is any: a sequence number. */
  up: u32;
  flags: u32;
  /** Payload: where, and how many bytes. */
  data: usize;
  len: u32;
  srcPort: u32;
  dstPort: u32;
  /** The ECN bits of its datagram (RFC 3168 §5). */
  ecn: u32;
}

export const SEG: Segment = changetype<Segment>(memory.data(offsetof<Segment>(), 4));
export const OPTIONS: TcpOptions = changetype<TcpOptions>(memory.data(offsetof<TcpOptions>(), 4));

/** Reads the segment of `len` bytes at `p`, whose header of `hdrLen` bytes is sound. */
export function segmentRead(p: usize, len: u32, hdrLen: u32): void {
  const h = changetype<TcpHdr>(p);
  SEG.seq = h.seq;
  SEG.ack = h.ack;
  SEG.wnd = h.wnd;
  SEG.up = SEG.seq + h.urp;
  SEG.flags = h.flags;
  SEG.data = p + hdrLen;
  SEG.len = len - hdrLen;
  SEG.srcPort = h.srcPort;
  SEG.dstPort = h.dstPort;
  OPTIONS.seen = 0;
  if (hdrLen != TCP_HDR_LEN) tcpOptionsParse(p + TCP_HDR_LEN, hdrLen - TCP_HDR_LEN, OPTIONS);
}

export function segmentHas(flags: u32): bool {
  return (SEG.flags & flags) != 0;
}

/** SEG.LEN in sequence space: SYN and FIN count. */
export function segmentSpan(): u32 {
  return SEG.len + (segmentHas(TCP_SYN) ? 1 : 0) + (segmentHas(TCP_FIN) ? 1 : 0);
}

/** One past the last sequence number. */
export function segmentEnd(): u32 {
  return SEG.seq + segmentSpan();
}

/** Cuts off what stands before `left` or from `right` on (RFC 9293 §3.10.7.4: a segment is tailored to the window). */
export function segmentTrim(left: u32, right: u32): void {
  let before = left - SEG.seq;
  if (<i32>before > 0) {
    if (segmentHas(TCP_SYN)) {
      SEG.flags &= ~TCP_SYN;
      SEG.seq++;
      before--;
    }
    const bytes = min<u32>(before, SEG.len);
    SEG.data += bytes;
    SEG.len -= bytes;
    SEG.seq += bytes;
    // A FIN before the window has been received.
    if (before > bytes) {
      SEG.flags &= ~TCP_FIN;
      SEG.seq = left;
    }
  }
  const room = right - SEG.seq;
  if (<i32>room < 0 || SEG.len > room) {
    SEG.len = <i32>room < 0 ? 0 : room;
    SEG.flags &= ~TCP_FIN;
  } else if (SEG.len == room) {
    // The FIN stands beyond the window.
    SEG.flags &= ~TCP_FIN;
  }
}
