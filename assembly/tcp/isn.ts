// Initial sequence numbers: RFC 9293 §3.4.1, RFC 6528: a clock of four microseconds, and for each connection a keyed
// hash; likewise the offset of its timestamps (RFC 7323 §5.4), which is the same for all its incarnations.

import { now } from "../core/clock";
import { sipHash } from "../core/hash";

/** Beside the ports: what the hash is for. */
const PURPOSE: u64 = (<u64>1) << 32;

/** What nobody outside can tell of a connection: one half is for its sequence numbers, one for its timestamps. */
export function connectionSecret(local: usize, localPort: u32, remote: usize, remotePort: u32): u64 {
  return sipHash(local, remote, PURPOSE | (localPort << 16) | remotePort);
}

export function isn(secret: u64): u32 {
  return <u32>(now() >> 2) + <u32>secret;
}

export function timestampOffset(secret: u64): u32 {
  return <u32>(secret >> 32);
}
