// Raw output: the payload behind a header of the stack's making.

import { CTR_RAW_OUT_DATAGRAMS } from "../abi/counter";
import { count } from "../core/counter";
import { Path } from "../ip/path";
import { Pbuf } from "../memory/pbuf";
import { Pcb } from "../pcb/pcb";
import { pcbOutput, pcbPath, pcbRoom } from "../pcb/send";

/** Sends the payload at pb.head to `dst`: as udpOutput. */
export function rawOutput(p: Pcb, pb: Pbuf, dst: usize, connected: bool): i32 {
  const found = pcbPath(p, dst, connected);
  if (found < 0) return found;
  const path = changetype<Path>(found);
  const room = pcbRoom(p, path, pb.len);
  if (room < 0) return room;
  pb.l4 = pb.head;
  count(CTR_RAW_OUT_DATAGRAMS);
  return pcbOutput(p, pb, path, dst, p.proto & 0xff);
}
