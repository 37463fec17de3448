// The call block: what a call needs, or answers, beyond six integers. Static; the host writes it before a call and
// reads it after. Offsets in bytes; u32 unless said; addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d.

/** Address in question: to bind, to connect to, to send to, of an interface, of a neighbour, a route's destination.
 * Out: source of a received datagram. */
export const CALL_ADDR = 0;
export const CALL_PORT = 16;
/** In: interface asked for, 0 = any. Out: interface it came by. */
export const CALL_IFINDEX = 20;
/** Gateway of a route; out: destination address of a received datagram, next hop of a path. */
export const CALL_ADDR2 = 24;
/** Preferred source of a route; out: source of a path. */
export const CALL_ADDR3 = 40;
/** Window: address and bytes. */
export const CALL_PTR = 56;
export const CALL_LEN = 60;
export const CALL_TTL = 64;
export const CALL_TOS = 68;
/** Socket error: errno, and the ICMP message that it came from (type << 8 | code). */
export const CALL_ERRNO = 72;
export const CALL_ICMP = 76;
/** Time of arrival, microseconds: low and high half. */
export const CALL_TIME = 80;
/** 6 bytes. */
export const CALL_MAC = 100;
/** 16 bytes, ended by NUL. */
export const CALL_NAME = 112;
/** In: IP options to set (CALL_LEN bytes of them). */
export const CALL_OPTIONS = 128;
/** Out: address of a received datagram's IP header, and the bytes of it. */
export const CALL_IP = 168;
export const CALL_IP_LEN = 172;
export const CALL_BYTES = 192;
