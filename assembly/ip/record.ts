// Record route and timestamp: RFC 791 §3.1, RFC 1122 §3.2.1.8 (d, e), RFC 1812 §5.3.13.5 and §5.3.13.6. Every station
// that sends, forwards or receives such an option enters itself, where there is room.

import { IPOPT_TS_ONLY, IPOPT_TS_PRESPECIFIED, IPV4_HDR_LEN } from "../abi/proto";
import { clockDayMs } from "../core/clock";
import { addressFind } from "../link/address";
import { addressFrom4 } from "../memory/address";
import { store32 } from "../memory/endian";
import { ipv4EmitChecksum } from "../wire/ipv4";
import {
  Ipv4Options,
  ipv4OptionsParse,
  optionAdvance,
  optionEntry,
  optionOpen,
  timestampOverflow,
  timestampSize,
} from "../wire/ipv4-options";

const O: Ipv4Options = changetype<Ipv4Options>(memory.data(offsetof<Ipv4Options>(), 4));
const LISTED: usize = memory.data(16, 8);

/** Enters this host into the options of the header of `hdrLen` bytes at `p`, and puts its checksum right: `route` as the
 * address for record route, `stamp` for timestamps. A full timestamp option counts one that `arrived` here. */
export function optionsRecord(p: usize, hdrLen: u32, route: u32, stamp: u32, arrived: bool): void {
  if (ipv4OptionsParse(p, hdrLen, O)) {
    const record = p + O.recordRoute;
    if (O.recordRoute >= <u32>IPV4_HDR_LEN && optionOpen(record)) {
      store32(optionEntry(record), route);
      optionAdvance(record, 4);
    }
    if (O.timestamp >= <u32>IPV4_HDR_LEN) enterTime(p + O.timestamp, stamp, arrived);
  }
  ipv4EmitChecksum(p, hdrLen);
}

function enterTime(option: usize, address: u32, arrived: bool): void {
  const flags = <u32>load<u8>(option, 3) & 15;
  if (!optionOpen(option)) {
    // Who is not on a list of addresses given in advance has nothing to enter.
    if (arrived && flags != IPOPT_TS_PRESPECIFIED) timestampOverflow(option);
    return;
  }
  const entry = optionEntry(option);
  if (flags == IPOPT_TS_PRESPECIFIED) {
    // RFC 1812 §5.3.13.6: any of our addresses will do.
    addressFrom4(LISTED, entry);
    if (addressFind(LISTED) === null) return;
  } else if (flags != IPOPT_TS_ONLY) {
    store32(entry, address);
  }
  const size = timestampSize(option);
  store32(entry + size - 4, clockDayMs());
  optionAdvance(option, size);
}
