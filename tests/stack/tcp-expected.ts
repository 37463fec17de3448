/** What RFCs and papers say that TCP makes of a path. Rates are bytes of payload a second. */

/** Payload of a full segment with timestamps over Ethernet, and what its frame has beside it. */
export const MSS = 1448;
const OVERHEAD = 66;

/** A line that is always busy. */
export function lineRate(bitRate: number, mss = MSS): number {
  return ((bitRate / 8) * mss) / (mss + OVERHEAD);
}

/** Reno's response function: Mathis, Semke, Mahdavi, Ott (1997); RFC 9438 §5.1, where each byte acknowledged counts. */
export function renoRate(rttS: number, p: number): number {
  return (MSS / rttS) * Math.sqrt(1.5 / p);
}

/** CUBIC's, RFC 9438 §5.1 with C = 0.4 and beta = 0.7; where Reno's is more, that (§4.3). */
export function cubicRate(rttS: number, p: number): number {
  return Math.max((MSS / rttS) * 1.054 * (rttS / p) ** 0.75, renoRate(rttS, p));
}

/** Reno's with its timeouts: Padhye, Firoiu, Towsley, Kurose (1998), equation 30, with an ACK for each segment. */
export function renoWithTimeouts(rttS: number, p: number, timeoutS: number): number {
  const fast = rttS * Math.sqrt((2 * p) / 3);
  const slow = timeoutS * Math.min(1, 3 * Math.sqrt((3 * p) / 8)) * p * (1 + 32 * p * p);
  return MSS / (fast + slow);
}

/** A window in a round trip. */
export function windowRate(bytes: number, rttS: number): number {
  return bytes / rttS;
}
