// Sequence numbers: RFC 9293 §3.4. They wrap, so that "less" means "by less than 2^31 behind".

export function seqLt(a: u32, b: u32): bool {
  return <i32>(a - b) < 0;
}

export function seqLe(a: u32, b: u32): bool {
  return <i32>(a - b) <= 0;
}

export function seqMax(a: u32, b: u32): u32 {
  return seqLt(a, b) ? b : a;
}

export function seqMin(a: u32, b: u32): u32 {
  return seqLt(a, b) ? a : b;
}
