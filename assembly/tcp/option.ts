// Options of TCP sockets: what they may be, and what happens at once when one is changed.

import { E_INVAL } from "../abi/errno";
import {
  OPT_TCP,
  OPT_TCP_CONGESTION,
  OPT_TCP_END,
  OPT_TCP_KEEP_COUNT,
  OPT_TCP_KEEP_IDLE_MS,
  OPT_TCP_KEEP_INTERVAL_MS,
  OPT_TCP_KEEPALIVE,
  OPT_TCP_MSS,
  OPT_TCP_NODELAY,
  OPT_TCP_PACING_RATE,
  OPT_TCP_RECEIVE_BUFFER,
  OPT_TCP_SEND_BUFFER,
  OPT_TCP_USER_TIMEOUT_MS,
} from "../abi/socket";
import { TCB_F_GROWS_IN, TCB_F_GROWS_OUT, TCP_CONGESTION_CUBIC } from "../abi/tcp";
import { congestionChoose } from "./congestion";
import { keepaliveBegin } from "./keepalive";
import { tcpOutput } from "./output";
import { paceReset } from "./pace";
import { Tcb, tcpOption, tcpOptionSet } from "./tcb";

const DAY_MS: u32 = 86400000;
const BUFFER_MOST: u32 = 1 << 20;

/** Is it an option of TCP's own? */
export function isTcpOption(option: u32): bool {
  return option >= <u32>OPT_TCP && option < <u32>OPT_TCP_END;
}

function acceptable(t: Tcb, option: u32, value: u32): bool {
  switch (option) {
    case OPT_TCP_NODELAY:
    case OPT_TCP_KEEPALIVE:
      return value <= 1;
    case OPT_TCP_KEEP_IDLE_MS:
    case OPT_TCP_KEEP_INTERVAL_MS:
      return value >= 1 && value <= DAY_MS;
    case OPT_TCP_KEEP_COUNT:
      return value >= 1 && value <= 127;
    case OPT_TCP_USER_TIMEOUT_MS:
      return value <= DAY_MS;
    // A ring is taken once.
    case OPT_TCP_SEND_BUFFER:
    case OPT_TCP_RECEIVE_BUFFER:
      return value >= 1 && value <= BUFFER_MOST && t.rcvRing == 0;
    case OPT_TCP_MSS:
      return value == 0 || (value >= 48 && value <= 0xffff);
    case OPT_TCP_CONGESTION:
      return value <= <u32>TCP_CONGESTION_CUBIC;
    case OPT_TCP_PACING_RATE:
      return true;
    default:
      return false;
  }
}

export function tcpSet(t: Tcb, option: u32, value: u32): i32 {
  if (!acceptable(t, option, value)) return -E_INVAL;
  tcpOptionSet(t, option, value);
  if (option == OPT_TCP_PACING_RATE) paceReset(t);
  if (option == OPT_TCP_NODELAY || option == OPT_TCP_PACING_RATE) tcpOutput(t);
  else if (option == OPT_TCP_CONGESTION) congestionChoose(t);
  // Who says a size wants that one.
  else if (option == OPT_TCP_SEND_BUFFER) t.flags &= ~TCB_F_GROWS_OUT;
  else if (option == OPT_TCP_RECEIVE_BUFFER) t.flags &= ~TCB_F_GROWS_IN;
  else if (option >= <u32>OPT_TCP_KEEPALIVE && option <= <u32>OPT_TCP_KEEP_COUNT) keepaliveBegin(t);
  return 0;
}

export function tcpGet(t: Tcb, option: u32): i32 {
  return <i32>tcpOption(t, option);
}
