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
/** One past the last of these. */
export const CTR_END = 26;
