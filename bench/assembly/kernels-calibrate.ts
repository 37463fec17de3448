// The two calibrations that every round of a benchmark times: how fast this machine multiplies, and how fast it copies.

/** Source and destination of the copies: behind the static data, 2 KiB apart, both in the first page. */
const FROM: usize = 16384;
const TO: usize = 18432;

/** `rounds` x 16 multiplications, each waiting for the one before: latency, not throughput. */
export function multiply_chain(rounds: u32, factor: u32): u32 {
  let x = factor;
  for (let i: u32 = 0; i < rounds; i++) {
    x = x * factor * factor * factor * factor * factor * factor * factor * factor;
    x = x * factor * factor * factor * factor * factor * factor * factor * factor;
  }
  return x;
}

/** Copies `bytes` (up to 2,048) `rounds` times between two buffers that stay in the first-level cache. */
export function copy_loop(rounds: u32, bytes: u32): u32 {
  for (let i: u32 = 0; i < rounds; i++) memory.copy(TO, FROM, bytes);
  return load<u8>(TO);
}
