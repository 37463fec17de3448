// What a timer belongs to: dispatch switches on it when the timer expires.

export const TIMER_NEIGH = 0;
export const TIMER_REASSEMBLY = 1;
/** An own address that is being probed, announced or defended (RFC 5227). */
export const TIMER_ADDRESS = 2;
/** A group membership's report, and an interface's answer to a general query (RFC 3376). */
export const TIMER_GROUP = 3;
export const TIMER_IGMP = 4;
/** TCP: retransmission or window probe; delayed ACK; keepalive and the ends of patience; the oldest TIME-WAIT. */
export const TIMER_TCP_REXMT = 5;
export const TIMER_TCP_ACK = 6;
export const TIMER_TCP_LIFE = 7;
export const TIMER_TIME_WAIT = 8;
/** TCP: a segment's time to leave (pacing). */
export const TIMER_TCP_PACE = 9;
