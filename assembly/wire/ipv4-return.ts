// The options of an answer, from those of the header that is answered: RFC 1122 §3.2.1.8 (c) and §3.2.2.6.

import { IPV4_HDR_LEN, IPV4_SRC } from "../abi/proto";
import { Ipv4Options, optionsPad } from "./ipv4-options";

/** Bytes of a route option in front of its addresses. */
const ROUTE_HEAD: u32 = 3;

/** Writes to `to` the return route for the source route of the checked header at `ip`: the same option with what was
 * recorded in it, the last first, and the source in the end. Answers its bytes, unpadded: 0 if there is none, or the way back is
 * straight. The first stop of the return route is returnHop(). */
export function returnRoute(to: usize, ip: usize, o: Ipv4Options): u32 {
  if (o.sourceRoute == 0) return 0;
  const route = ip + o.sourceRoute;
  const stops = recorded(route);
  if (stops == 0) return 0;
  const entries = route + ROUTE_HEAD;
  // RFC 1122 §3.2.1.8 (c), case (B): a route that begins with its own source would name it twice.
  const first: u32 = load<u32>(entries) == load<u32>(ip, IPV4_SRC) ? 1 : 0;
  if (stops == first) return 0;
  let out = to + ROUTE_HEAD;
  for (let i = stops - 1; i > first; i--, out += 4) store<u32>(out, load<u32>(entries + ((i - 1) << 2)));
  store<u32>(out, load<u32>(ip, IPV4_SRC));
  const len = <u32>(out + 4 - to);
  store<u8>(to, load<u8>(route));
  store<u8>(to, <u8>len, 1);
  store<u8>(to, 4, 2);
  return len;
}

/** Where an answer to the checked header at `ip` goes first, in network order: to the last stop recorded in its source
 * route, else to its source. */
export function returnHop(ip: usize, o: Ipv4Options): u32 {
  if (o.sourceRoute == 0) return load<u32>(ip, IPV4_SRC);
  const route = ip + o.sourceRoute;
  const stops = recorded(route);
  return stops == 0 ? load<u32>(ip, IPV4_SRC) : load<u32>(route + ROUTE_HEAD + ((stops - 1) << 2));
}

/** Stops recorded in the source route at `route`: what stands before its pointer. */
function recorded(route: usize): u32 {
  const most = (<u32>load<u8>(route, 1) - ROUTE_HEAD) >>> 2;
  return min<u32>((<u32>load<u8>(route, 2) - 4) >>> 2, most);
}

/** Writes to `to` the options of the answer to an echo or timestamp request with the checked header at `ip`: record
 * route and timestamp as they came, the return route; padded. Answers their bytes, at most 40. */
export function optionsReply(to: usize, ip: usize, o: Ipv4Options): u32 {
  let len = copyOption(to, ip, o.recordRoute);
  len += copyOption(to + len, ip, o.timestamp);
  len += returnRoute(to + len, ip, o);
  return optionsPad(to, len);
}

function copyOption(to: usize, ip: usize, at: u32): u32 {
  if (at < <u32>IPV4_HDR_LEN) return 0;
  const len = <u32>load<u8>(ip + at, 1);
  memory.copy(to, ip + at, len);
  return len;
}
