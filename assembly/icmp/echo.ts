// Echo as a client: an ICMP socket sends requests and reads replies, whole ICMP messages both ways; its local port
// is the identifier (RFC 792), so several can ask at once.

import { CTR_ICMP_OUT_ECHOS, CTR_ICMP_OUT_MSGS } from "../abi/counter";
import { DROP_ICMP_ERROR_UNMATCHED, DROP_ICMP_REPLY_UNWANTED } from "../abi/drop";
import { E_INVAL } from "../abi/errno";
import { ICMP_ECHO, ICMP_HDR_LEN, IPPROTO_ICMP } from "../abi/proto";
import { count } from "../core/counter";
import { flowDestination, flowSource } from "../ip/flow";
import { Path } from "../ip/path";
import { addressEqual, addressIsAny } from "../memory/address";
import { Pbuf } from "../memory/pbuf";
import { demuxFind } from "../pcb/demux";
import { pcbError } from "../pcb/error";
import { Pcb, remoteOf } from "../pcb/pcb";
import { pcbReceive } from "../pcb/receive";
import { pcbOutput, pcbPath, pcbRoom } from "../pcb/send";
import { IcmpHdr, icmpEmit } from "../wire/icmp";

/** Sends the echo request at pb.head (type 8, code 0; identifier and checksum are filled in here) to `dst`: as
 * udpOutput. */
export function echoOutput(p: Pcb, pb: Pbuf, dst: usize, connected: bool): i32 {
  const icmp = changetype<IcmpHdr>(pb.head);
  if (pb.len < <u32>ICMP_HDR_LEN || icmp.type != ICMP_ECHO || icmp.code != 0) return -E_INVAL;
  const found = pcbPath(p, dst, connected);
  if (found < 0) return found;
  const path = changetype<Path>(found);
  const room = pcbRoom(p, path, pb.len);
  if (room < 0) return room;
  pb.l4 = pb.head;
  icmpEmit(pb.head, ICMP_ECHO, 0, (p.localPort << 16) | icmp.seq, pb.len);
  count(CTR_ICMP_OUT_MSGS);
  count(CTR_ICMP_OUT_ECHOS);
  return pcbOutput(p, pb, path, dst, IPPROTO_ICMP, 0);
}

/** An echo reply at pb.l4 with this identifier; a connected socket hears only its peer. */
export function echoReplyInput(pb: Pbuf, id: u32, ifindex: u32): u32 {
  const p = demuxFind(IPPROTO_ICMP, flowDestination(), id, flowSource(), 0, ifindex);
  if (p === null) return DROP_ICMP_REPLY_UNWANTED;
  if (!addressIsAny(remoteOf(p)) && !addressEqual(remoteOf(p), flowSource())) return DROP_ICMP_REPLY_UNWANTED;
  pb.len -= <u32>(pb.l4 - pb.head);
  pb.head = pb.l4;
  return pcbReceive(p, pb);
}

/** An ICMP error at pb.l4 quotes an ICMP message of ours at `quoted`. */
export function echoError(pb: Pbuf, quoted: usize): u32 {
  const icmp = changetype<IcmpHdr>(quoted);
  if (icmp.type != ICMP_ECHO) return DROP_ICMP_ERROR_UNMATCHED;
  const p = demuxFind(IPPROTO_ICMP, flowSource(), icmp.id, flowDestination(), 0, 0);
  return p === null ? DROP_ICMP_ERROR_UNMATCHED : pcbError(p, pb, icmp.seq);
}
