// The counter table: u64 each. Below DROP_FIRST what was done, under the SNMP groups' names (RFC 4293, RFC 5097's
// predecessors as Linux prints them); from DROP_FIRST up why packets were dropped (abi/drop.ts).

export const CTR_IP_IN_RECEIVES = 0;
export const CTR_IP_IN_DELIVERS = 1;
export const CTR_IP_OUT_REQUESTS = 2;
export const CTR_IP_LOOP_COPIES = 3;
export const CTR_ICMP_IN_MSGS = 4;
export const CTR_ICMP_IN_DEST_UNREACHS = 5;
export const CTR_ICMP_IN_TIME_EXCDS = 6;
export const CTR_ICMP_IN_PARM_PROBS = 7;
export const CTR_ICMP_IN_ECHOS = 8;
export const CTR_ICMP_IN_ECHO_REPS = 9;
export const CTR_ICMP_IN_ERRORS_MATCHED = 10;
export const CTR_ICMP_OUT_MSGS = 11;
export const CTR_ICMP_OUT_DEST_UNREACHS = 12;
export const CTR_ICMP_OUT_ECHOS = 13;
export const CTR_ICMP_OUT_ECHO_REPS = 14;
export const CTR_UDP_IN_DATAGRAMS = 15;
export const CTR_UDP_OUT_DATAGRAMS = 16;
export const CTR_ARP_IN_REQUESTS = 17;
export const CTR_ARP_IN_REPLIES = 18;
export const CTR_ARP_OUT_REQUESTS = 19;
export const CTR_ARP_OUT_REPLIES = 20;
export const CTR_ARP_OUT_ANNOUNCES = 21;
export const CTR_NEIGH_RESOLVED = 22;
export const CTR_NEIGH_FAILED = 23;
export const CTR_POLLS = 24;
export const CTR_TIMERS_FIRED = 25;
export const CTR_IP_FORW_DATAGRAMS = 26;
export const CTR_IP_SOURCE_ROUTED = 27;
export const CTR_IP_REASM_REQDS = 28;
export const CTR_IP_REASM_OKS = 29;
export const CTR_IP_REASM_FAILS = 30;
export const CTR_IP_REASM_TIMEOUTS = 31;
export const CTR_IP_FRAG_OKS = 32;
export const CTR_IP_FRAG_FAILS = 33;
export const CTR_IP_FRAG_CREATES = 34;
export const CTR_IP_PMTU_LEARNED = 35;
export const CTR_ICMP_IN_REDIRECTS = 36;
export const CTR_ICMP_IN_SRC_QUENCHS = 37;
export const CTR_ICMP_IN_TIMESTAMPS = 38;
export const CTR_ICMP_IN_TIMESTAMP_REPS = 39;
export const CTR_ICMP_OUT_TIME_EXCDS = 40;
export const CTR_ICMP_OUT_PARM_PROBS = 41;
export const CTR_ICMP_OUT_REDIRECTS = 42;
export const CTR_ICMP_OUT_TIMESTAMP_REPS = 43;
export const CTR_ICMP_REDIRECTS_ACCEPTED = 44;
export const CTR_IGMP_IN_QUERIES = 45;
export const CTR_IGMP_IN_REPORTS = 46;
export const CTR_IGMP_OUT_REPORTS = 47;
export const CTR_IGMP_OUT_LEAVES = 48;
export const CTR_ARP_OUT_PROBES = 49;
export const CTR_ARP_OUT_PROXIES = 50;
export const CTR_ARP_IN_CONFLICTS = 51;
export const CTR_RAW_IN_DATAGRAMS = 52;
export const CTR_RAW_OUT_DATAGRAMS = 53;
export const CTR_TCP_ACTIVE_OPENS = 54;
export const CTR_TCP_PASSIVE_OPENS = 55;
export const CTR_TCP_ATTEMPT_FAILS = 56;
export const CTR_TCP_ESTAB_RESETS = 57;
export const CTR_TCP_IN_SEGS = 58;
export const CTR_TCP_OUT_SEGS = 59;
export const CTR_TCP_RETRANS_SEGS = 60;
export const CTR_TCP_OUT_RSTS = 61;
export const CTR_TCP_TIMEOUTS = 62;
export const CTR_TCP_FAST_RECOVERIES = 63;
export const CTR_TCP_SACK_RECOVERIES = 64;
export const CTR_TCP_LIMITED_TRANSMITS = 65;
export const CTR_TCP_DELAYED_ACKS = 66;
export const CTR_TCP_CHALLENGE_ACKS = 67;
export const CTR_TCP_IN_OUT_OF_ORDER = 68;
export const CTR_TCP_IN_DUPLICATE_ACKS = 69;
export const CTR_TCP_OUT_WINDOW_PROBES = 70;
export const CTR_TCP_OUT_KEEPALIVES = 71;
export const CTR_TCP_TIME_WAITS = 72;
export const CTR_TCP_TIME_WAIT_RECYCLED = 73;
export const CTR_TCP_GIVEN_UP = 74;
export const CTR_TCP_ORPHANS_RESET = 75;
/** Tail loss probes sent, and losses repaired by one alone (RFC 8985 §7.3, §7.4). */
export const CTR_TCP_LOSS_PROBES = 76;
export const CTR_TCP_LOSS_PROBE_RECOVERIES = 77;
/** Fast recoveries, and timeouts, that turned out to be for nothing and were undone. */
export const CTR_TCP_RECOVERIES_UNDONE = 78;
export const CTR_TCP_SPURIOUS_TIMEOUTS = 79;
/** Duplicates reported by and to us (RFC 2883). */
export const CTR_TCP_OUT_DSACKS = 80;
export const CTR_TCP_IN_DSACKS = 81;
/** ACKs that showed for the first time that a connection's path reorders. */
export const CTR_TCP_REORDERINGS = 82;
/** Slow starts that HyStart++ ended (RFC 9406). */
export const CTR_TCP_SLOW_START_EXITS = 83;
/** Segments that came with CE (RFC 3168), and reductions because the peer said so. */
export const CTR_TCP_IN_CE = 84;
export const CTR_TCP_ECN_REDUCTIONS = 85;
/** SYNs answered by a cookie, and connections that began with one (RFC 4987). */
export const CTR_TCP_OUT_COOKIES = 86;
export const CTR_TCP_IN_COOKIES = 87;
/** Segments that waited for their time (pacing). */
export const CTR_TCP_PACED = 88;
/** Rings that were moved to a larger class. */
export const CTR_TCP_RINGS_MOVED = 89;
/** Path MTU: probes sent, and black holes found (RFC 4821). */
export const CTR_TCP_MTU_PROBES = 90;
export const CTR_TCP_MTU_BLACK_HOLES = 91;
/** One past the last of these. */
export const CTR_END = 92;
