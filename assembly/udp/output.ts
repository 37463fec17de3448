// UDP output: RFC 768, RFC 1122 §4.1.3.

import { CTR_UDP_OUT_DATAGRAMS } from "../abi/counter";
import { IPPROTO_UDP, UDP_HDR_LEN } from "../abi/proto";
import { count } from "../core/counter";
import { Path } from "../ip/path";
import { Pbuf } from "../memory/pbuf";
import { Pcb } from "../pcb/pcb";
import { pcbOutput, pcbPath, pcbRoom } from "../pcb/send";
import { udpEmit } from "../wire/udp";

/** Sends the payload at pb.head to `dst`:`port`: 0 or -errno. The buffer is gone if pb.l4 has been set; otherwise the
 * caller still has it. */
export function udpOutput(p: Pcb, pb: Pbuf, dst: usize, port: u32, connected: bool): i32 {
  const found = pcbPath(p, dst, connected);
  if (found < 0) return found;
  const path = changetype<Path>(found);
  const length = pb.len + UDP_HDR_LEN;
  const room = pcbRoom(p, path, length);
  if (room < 0) return room;
  pb.head -= UDP_HDR_LEN;
  pb.len = length;
  pb.l4 = pb.head;
  udpEmit(pb.head, p.localPort, port, length, path.pseudo + (IPPROTO_UDP << 8));
  count(CTR_UDP_OUT_DATAGRAMS);
  return pcbOutput(p, pb, path, dst, IPPROTO_UDP, 0);
}
