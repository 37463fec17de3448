/** Congestion marks that a simulated queue sets in datagrams on their way (RFC 3168 §5). */
import type { Medium } from "./driver.js";

const ETHER_HDR_LEN = 14;
const TAG_LEN = 4;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_VLAN = 0x8100;
const IPV4_HDR_LEN = 20;
const CE = 3;

/** The frame with CE set, a copy; undefined if it is no IPv4 datagram, has CE already, or its transport knows no ECN. */
export function marked(frame: Uint8Array, medium: Medium): Uint8Array | undefined {
  const at = datagramAt(frame, medium);
  if (at + IPV4_HDR_LEN > frame.length || (frame[at] as number) >> 4 !== 4) return undefined;
  const tos = frame[at + 1] as number;
  const ecn = tos & CE;
  if (ecn === 0 || ecn === CE) return undefined;
  const copy = frame.slice();
  copy[at + 1] = tos | CE;
  // RFC 1624: ~(~HC + ~m + m'), for the word that the mark changes.
  const word = (offset: number) => ((frame[at + offset] as number) << 8) | (frame[at + offset + 1] as number);
  let sum = (~word(10) & 0xffff) + (~word(0) & 0xffff) + (word(0) | CE);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  copy[at + 10] = (~sum >> 8) & 255;
  copy[at + 11] = ~sum & 255;
  return copy;
}

/** Where a frame's datagram begins; behind its end where there is none. */
function datagramAt(frame: Uint8Array, medium: Medium): number {
  if (medium === "ip") return 0;
  const type = (at: number) => ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  const at = type(ETHER_HDR_LEN - 2) === ETHERTYPE_VLAN ? ETHER_HDR_LEN + TAG_LEN : ETHER_HDR_LEN;
  return type(at - 2) === ETHERTYPE_IPV4 ? at : frame.length;
}
