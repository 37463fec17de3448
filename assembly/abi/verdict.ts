// What a layer answers about a packet: where it goes next, or why it was dropped. NEXT_… are dense, so that
// dispatch's switch is one br_table; values from DROP_FIRST up are the drop reasons of abi/drop.ts.

/** The callee has taken the buffer: nothing is left to do. */
export const NEXT_DONE = 0;
export const NEXT_ARP = 1;
export const NEXT_IPV4 = 2;
/** For this host: by protocol. */
export const NEXT_ICMP = 3;
export const NEXT_UDP = 4;
export const NEXT_TCP = 5;
/** For this host, of a protocol that nobody serves. */
export const NEXT_PROTO_UNREACH = 6;
/** For this host, to a UDP port that nobody serves. */
export const NEXT_PORT_UNREACH = 7;
/** Not for this host: a router's work. */
export const NEXT_FORWARD = 8;
/** For this host, with IP options. */
export const NEXT_OPTIONS = 9;
/** For this host, a fragment. */
export const NEXT_REASSEMBLE = 10;
/** An ICMP error which quotes a datagram of ours: to the transport that sent it. */
export const NEXT_ICMP_ERROR = 11;
/** Done with: the buffer goes back to its pool (what became of the packet is already counted). */
export const NEXT_FREE = 12;
export const NEXT_IGMP = 13;
/** For this host, of a protocol without a home of its own: to raw sockets, else "protocol unreachable". */
export const NEXT_RAW = 14;
/** An ARP packet of a station that uses, or is about to use, an address of ours (RFC 5227). */
export const NEXT_CONFLICT = 15;
/** A redirect which, as switched, is not followed: whoever sent the datagram that it quotes is told all the same. */
export const NEXT_REDIRECT_OFF = 16;
