// Raw output: the payload behind a header of the stack's making; or, where the socket says so, a datagram whose header
// comes from the host, as Linux's raw(7) has it.

import { CTR_IP_OUT_REQUESTS, CTR_RAW_OUT_DATAGRAMS } from "../abi/counter";
import { E_INVAL, E_MSGSIZE } from "../abi/errno";
import { IPV4_HDR_LEN, IPV4_SRC } from "../abi/proto";
import { OPT_HEADER_INCLUDED, OPT_MTU_DISCOVER, OPT_MULTICAST_LOOP, PMTUDISC_PROBE } from "../abi/socket";
import { count } from "../core/counter";
import { identificationNext } from "../ip/identification";
import { ipv4Send } from "../ip/output";
import { PATH_BROADCAST, PATH_LOCAL, PATH_MULTICAST, Path } from "../ip/path";
import { netifAt } from "../link/netif";
import { store16, store32 } from "../memory/endian";
import { PB_NO_COPY, PB_PROBE, Pbuf } from "../memory/pbuf";
import { optionOf, Pcb } from "../pcb/pcb";
import { pcbOutput, pcbPath, pcbRoom } from "../pcb/send";
import { Ipv4Hdr, ipv4EmitChecksum } from "../wire/ipv4";

/** Sends the payload (with OPT_HEADER_INCLUDED the datagram) at pb.head to `dst`: as udpOutput. */
export function rawOutput(p: Pcb, pb: Pbuf, dst: usize, connected: bool): i32 {
  const found = pcbPath(p, dst, connected);
  if (found < 0) return found;
  const path = changetype<Path>(found);
  if (optionOf(p, OPT_HEADER_INCLUDED) != 0) return datagramOutput(p, pb, path);
  const room = pcbRoom(p, path, pb.len);
  if (room < 0) return room;
  pb.l4 = pb.head;
  count(CTR_RAW_OUT_DATAGRAMS);
  return pcbOutput(p, pb, path, dst, p.proto & 0xff, 0);
}

/** Total length and checksum are written here, and source and identification where the host left them 0; the rest of
 * the header is the host's own affair. What is longer than the link takes is refused, and what has DF and is longer than
 * the path takes. */
function datagramOutput(p: Pcb, pb: Pbuf, path: Path): i32 {
  const ip = changetype<Ipv4Hdr>(pb.head);
  if (pb.len > netifAt(path.netif).mtu) return -E_MSGSIZE;
  if (!acceptable(ip, pb.len, path)) return -E_INVAL;
  const room = pcbRoom(p, path, 0);
  if (room < 0) return room;
  const hdrLen = ip.hdrLen;
  pb.l3 = pb.head;
  pb.l4 = pb.head + hdrLen;
  store16(pb.head + 2, pb.len);
  if (ip.id == 0) store16(pb.head + 4, identificationNext(path.ids));
  if (ip.src == 0) store32(pb.head + IPV4_SRC, path.source);
  ipv4EmitChecksum(pb.head, hdrLen);
  if (path.kind == PATH_MULTICAST && optionOf(p, OPT_MULTICAST_LOOP) == 0) pb.flags |= PB_NO_COPY;
  if (optionOf(p, OPT_MTU_DISCOVER) == PMTUDISC_PROBE) pb.flags |= PB_PROBE;
  count(CTR_IP_OUT_REQUESTS);
  count(CTR_RAW_OUT_DATAGRAMS);
  return ipv4Send(pb, path);
}

/** A header of version 4 within the datagram; RFC 1122 §3.2.1.7: no TTL of 0 on a wire, §3.2.1.3 (g): nor 127/8. */
function acceptable(ip: Ipv4Hdr, len: u32, path: Path): bool {
  if (len < <u32>IPV4_HDR_LEN || ip.version != 4 || ip.hdrLen < <u32>IPV4_HDR_LEN || ip.hdrLen > len) return false;
  if (path.kind == PATH_LOCAL) return true;
  return ip.src >>> 24 != 127 && (ip.ttl != 0 || path.kind >= <u32>PATH_BROADCAST);
}
