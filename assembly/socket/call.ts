// The call block of abi/call.ts.

import { CALL_ADDR, CALL_BYTES, CALL_PORT } from "../abi/call";

export const CALL: usize = memory.data(CALL_BYTES, 16);

export function callAddr(): usize {
  return CALL + CALL_ADDR;
}

export function callPort(): u32 {
  return load<u32>(CALL, CALL_PORT);
}

/** Writes field `offset`. */
export function callSet(offset: u32, value: u32): void {
  store<u32>(CALL + offset, value);
}
