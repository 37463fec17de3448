// Initial sequence numbers: RFC 9293 §3.4.1, RFC 6528: a clock of four microseconds, and for each connection a keyed
// hash; likewise the offset of its timestamps (RFC 7323 §5.4), which is the same for all its incarnations.

import { now } from "../core/clock";
import { sipHash } from "../core/hash";
import { localOf, Pcb, remoteOf } from "../pcb/pcb";

/** Beside the ports: what the hash is for. */
const PURPOSE: u64 = (<u64>1) << 32;

/** What nobody outside can tell of a connection: one half is for its sequence numbers, one for its timestamps. */
export function connectionSecret(p: Pcb): u64 {
  return sipHash(localOf(p), remoteOf(p), PURPOSE | (p.localPort << 16) | p.remotePort);
}

export function isn(secret: u64): u32 {
  return <u32>(now() >> 2) + <u32>secret;
}

export function timestampOffset(secret: u64): u32 {
  return <u32>(secret >> 32);
}
