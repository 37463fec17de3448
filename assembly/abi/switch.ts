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
/** Forward datagrams that are for others (RFC 1122 §3.3.5): setting it sets IFSW_FORWARDING of every interface. */
export const SW_IP_FORWARD = 13;
/** How long the fragments of a datagram are waited for (RFC 1122 §3.3.2). */
export const SW_IP_REASSEMBLY_MS = 14;
/** How long a learned path MTU is believed (RFC 1191 §6.3), and the least that is: one below makes this, DF off. */
export const SW_IP_PMTU_MS = 15;
export const SW_IP_PMTU_LEAST = 16;
/** OPT_MTU_DISCOVER of new sockets. */
export const SW_IP_MTU_DISCOVER = 17;
/** ICMP errors per second to one destination, and how many at once. */
export const SW_ICMP_HOST_RATE = 18;
export const SW_ICMP_HOST_BURST = 19;
/** Answer no echo request at all. */
export const SW_ICMP_ECHO_IGNORE_ALL = 20;
/** How long a redirect is followed. */
export const SW_REDIRECT_MS = 21;
/** 1: routes by an interface without carrier are withdrawn until it is back; 0: they stay. */
export const SW_ROUTES_FOLLOW_CARRIER = 22;
/** Groups that one socket may join. */
export const SW_IGMP_MAX_MEMBERSHIPS = 23;
/** TCP: 2 MSL (RFC 9293 §3.4.2 and §3.6.1). */
export const SW_TCP_TIME_WAIT_MS = 24;
/** Least retransmission timeout: 1,000 as RFC 6298 §2.4 has it; Linux has 200. */
export const SW_TCP_RTO_MIN_MS = 25;
/** R2: how long a segment is retransmitted before the connection is given up, and a SYN (RFC 9293 §3.8.3). */
export const SW_TCP_R2_MS = 26;
export const SW_TCP_SYN_R2_MS = 27;
/** Longest delay of an ACK: less than 500 (RFC 9293 §3.8.6.3). */
export const SW_TCP_ACK_DELAY_MS = 28;
/** FIN-WAIT-2 of a connection whose application is gone. */
export const SW_TCP_FIN_WAIT_2_MS = 29;
/** Connections whose application is gone; one more is reset. */
export const SW_TCP_ORPHANS = 30;
/** Challenge ACKs, and answers to unacceptable segments without data, per second and connection (RFC 5961 §7). */
export const SW_TCP_CHALLENGES = 31;
/** Buffers of new TCP sockets, bytes. */
export const SW_TCP_SEND_BUFFER = 32;
export const SW_TCP_RECEIVE_BUFFER = 33;
/** Offer and accept, 1 or 0: selective acknowledgement (RFC 2018), timestamps and window scaling (RFC 7323). */
export const SW_TCP_SACK = 34;
export const SW_TCP_TIMESTAMPS = 35;
export const SW_TCP_WINDOW_SCALING = 36;
/** OPT_TCP_CONGESTION of new sockets. */
export const SW_TCP_CONGESTION = 37;
/** Explicit congestion notification (RFC 3168): 0 never, 1 asked for and accepted, 2 accepted. */
export const SW_TCP_ECN = 38;
/** SYN cookies (RFC 4987): 0 never, 1 when a listener is under pressure, 2 always. */
export const SW_TCP_SYN_COOKIES = 39;
/** 1: segments are spread over the round trip; 0: as windows allow. */
export const SW_TCP_PACING = 40;
/** 1: rings whose size the application has not asked for may grow. */
export const SW_TCP_AUTOTUNING = 41;
/** Packetization-layer path MTU discovery (RFC 4821): 0 never, 1 once a black hole is suspected, 2 always. */
export const SW_TCP_MTU_PROBING = 42;
export const SWITCHES = 43;
