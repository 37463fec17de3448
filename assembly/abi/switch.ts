// Switches: what may be changed while the stack runs (stack_set, stack_get). Times in milliseconds.

/** TTL of datagrams whose sender names none (RFC 1122 §3.2.1.7). */
export const SW_IP_DEFAULT_TTL = 0;
/** First and last port given to sockets that name none (RFC 6056 §3.2). */
export const SW_IP_PORT_FIRST = 1;
export const SW_IP_PORT_LAST = 2;
/** Answer echo requests sent to a broadcast or multicast address (RFC 1122 §3.2.2.6: may). */
export const SW_ICMP_ECHO_BROADCASTS = 3;
/** ICMP errors per second, and how many at once (RFC 1812 §4.3.2.8). */
export const SW_ICMP_RATE = 4;
export const SW_ICMP_BURST = 5;
/** How long a neighbour is believed reachable without news, then kept without use (RFC 1122 §2.3.2.1). Staleness and
 * delay are at least 1,000, so that no change of them lets requests follow each other sooner. */
export const SW_NEIGH_REACHABLE_MS = 6;
export const SW_NEIGH_STALE_MS = 7;
/** Wait before a stale neighbour in use is probed. */
export const SW_NEIGH_DELAY_MS = 8;
/** Time between requests to one destination: at least 1,000 (RFC 1122 §2.3.2.1). */
export const SW_NEIGH_RETRANS_MS = 9;
export const SW_NEIGH_PROBES = 10;
/** Packets that one unresolved neighbour holds back. */
export const SW_NEIGH_QUEUE = 11;
/** 1: the routes of an interface's own addresses go with its carrier; 0: they stay (as Linux). */
export const SW_ADDR_FOLLOWS_CARRIER = 12;
export const SWITCHES = 13;
