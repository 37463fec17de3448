// Initial sequence numbers: RFC 9293 §3.4.1, RFC 6528: a clock of four microseconds, and for each connection a keyed
// hash; likewise the offset of its timestamps (RFC 7323 §5.4), which is the same for all its incarnations.

import { now } from "../core/clock";
import { sipHash } from "../core/hash";
import { localOf, Pcb, remoteOf } from "../pcb/pcb";

/** Beside the ports: what the hash is for. */
const FOR_ISN: u64 = (<u64>1) << 32;
const FOR_TIMESTAMP: u64 = (<u64>2) << 32;

function connectionHash(p: Pcb, purpose: u64): u32 {
  return <u32>sipHash(localOf(p), remoteOf(p), purpose | (p.localPort << 16) | p.remotePort);
}

export function isn(p: Pcb): u32 {
  return <u32>(now() >> 2) + connectionHash(p, FOR_ISN);
}

export function timestampOffset(p: Pcb): u32 {
  return connectionHash(p, FOR_TIMESTAMP);
}
