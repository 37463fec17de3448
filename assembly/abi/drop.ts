// Why a packet was dropped: one reason each, counted under its own number. The number is also the index of its
// counter in the counter table (abi/counter.ts has the indices below DROP_FIRST). Texts: src/text/drops.ts.

export const DROP_FIRST = 104;

// link: what came back over a ring
export const DROP_RX_BAD_DESCRIPTOR = 104;
export const DROP_RX_TOO_LONG = 105;
export const DROP_RX_IF_DOWN = 106;
export const DROP_LO_NOT_HANDED_OVER = 107;

// Ethernet
export const DROP_ETHER_SHORT = 108;
export const DROP_ETHER_NOT_FOR_US = 109;
export const DROP_ETHER_SOURCE_GROUP = 110;
export const DROP_ETHER_8023_LENGTH = 111;
export const DROP_ETHER_VLAN = 112;
export const DROP_ETHER_TYPE = 113;

// ARP
export const DROP_ARP_SHORT = 114;
export const DROP_ARP_FORMAT = 115;
export const DROP_ARP_OPERATION = 116;
export const DROP_ARP_SOURCE = 117;
export const DROP_ARP_NOT_FOR_US = 118;

// neighbour resolution
export const DROP_NEIGH_QUEUE_FULL = 119;
export const DROP_NEIGH_FAILED = 120;
export const DROP_NEIGH_TABLE_FULL = 121;
export const DROP_NEIGH_FLUSHED = 122;

// IPv4 input
export const DROP_IP_SHORT = 123;
export const DROP_IP_VERSION = 124;
export const DROP_IP_HEADER_LENGTH = 125;
export const DROP_IP_TOTAL_LENGTH = 126;
export const DROP_IP_CHECKSUM = 127;
export const DROP_IP_SOURCE = 128;
export const DROP_IP_SOURCE_LOOPBACK = 129;
export const DROP_IP_DEST_LOOPBACK = 130;
export const DROP_IP_DEST = 131;
export const DROP_IP_LINK_BROADCAST = 132;
export const DROP_IP_NOT_FORWARDING = 133;
export const DROP_IP_OPTIONS = 134;
export const DROP_IP_PROTOCOL = 136;
export const DROP_IP_OWN_SOURCE = 137;
export const DROP_IP_GROUP = 138;

// output
export const DROP_OUT_NO_ROUTE = 139;
export const DROP_OUT_IF_DOWN = 140;
export const DROP_OUT_NO_CARRIER = 141;
export const DROP_OUT_RING_FULL = 142;
export const DROP_OUT_NO_BUFFER = 143;
export const DROP_OUT_TOO_LONG = 144;
export const DROP_OUT_LOOP_COPY = 145;
export const DROP_OUT_SOURCE_LOOPBACK = 146;

// ICMP
export const DROP_ICMP_SHORT = 147;
export const DROP_ICMP_CHECKSUM = 148;
export const DROP_ICMP_TYPE = 149;
export const DROP_ICMP_ECHO_GROUP = 150;
export const DROP_ICMP_REPLY_UNWANTED = 151;
export const DROP_ICMP_QUOTE_SHORT = 152;
export const DROP_ICMP_QUOTE_FOREIGN = 153;
export const DROP_ICMP_ERROR_UNMATCHED = 154;
export const DROP_ICMP_ERROR_FORBIDDEN = 155;
export const DROP_ICMP_ERROR_RATE = 156;

// UDP
export const DROP_UDP_SHORT = 157;
export const DROP_UDP_LENGTH = 158;
export const DROP_UDP_CHECKSUM = 159;
export const DROP_UDP_PORT_ZERO = 160;
export const DROP_UDP_NO_PORT = 161;
export const DROP_UDP_GROUP_NO_PORT = 162;

// sockets
export const DROP_SOCK_QUEUE_FULL = 163;
export const DROP_SOCK_QUOTA = 164;
export const DROP_SOCK_CLOSED = 165;

// IPv4 input, more of it
export const DROP_IP_RP_FILTER = 166;
export const DROP_IP_SOURCE_ROUTE = 167;
export const DROP_IP_SOURCE_ROUTE_FAILED = 168;
export const DROP_IP_DIRECTED_BROADCAST = 169;

// forwarding
export const DROP_FWD_TTL = 170;
export const DROP_FWD_NO_ROUTE = 171;
export const DROP_FWD_UNREACHABLE = 172;
export const DROP_FWD_PROHIBITED = 173;
export const DROP_FWD_BLACKHOLE = 174;
export const DROP_FWD_NEED_FRAGMENT = 175;
export const DROP_FWD_DEST = 176;

// fragments and their reassembly
export const DROP_FRAG_LENGTH = 177;
export const DROP_FRAG_TOO_LONG = 178;
export const DROP_FRAG_DUPLICATE = 179;
export const DROP_FRAG_OVERLAP = 180;
export const DROP_FRAG_TIMEOUT = 181;
export const DROP_FRAG_EVICTED = 182;
export const DROP_FRAG_SOURCE_LIMIT = 183;
export const DROP_FRAG_NO_BUFFER = 184;

// ICMP, more of it
export const DROP_ICMP_ERROR_HOST_RATE = 185;
export const DROP_ICMP_DEPRECATED = 186;
export const DROP_ICMP_REDIRECT_OFF = 187;
export const DROP_ICMP_REDIRECT_GATEWAY = 188;
export const DROP_ICMP_REDIRECT_SENDER = 189;
export const DROP_ICMP_PMTU = 190;

// ARP, more of it
export const DROP_ARP_CONFLICT = 191;
export const DROP_ARP_IGNORED = 192;

// IGMP
export const DROP_IGMP_SHORT = 193;
export const DROP_IGMP_CHECKSUM = 194;
export const DROP_IGMP_TYPE = 195;
export const DROP_IGMP_SOURCE = 196;
export const DROP_IGMP_NOT_MEMBER = 197;

// groups and raw sockets
export const DROP_SOCK_FILTERED = 198;
export const DROP_SOCK_COPY = 199;

// TCP
export const DROP_TCP_SHORT = 200;
export const DROP_TCP_CHECKSUM = 201;
export const DROP_TCP_GROUP = 202;
export const DROP_TCP_PORT = 203;
export const DROP_TCP_NO_PORT = 204;
export const DROP_TCP_RST_UNMATCHED = 205;
export const DROP_TCP_TIME_WAIT = 206;
export const DROP_TCP_BACKLOG = 207;
export const DROP_TCP_NO_BLOCK = 208;
export const DROP_TCP_SYN_SENT_ACK = 209;
export const DROP_TCP_SYN_SENT_RST = 210;
export const DROP_TCP_SEQUENCE = 211;
export const DROP_TCP_PAWS = 212;
export const DROP_TCP_NO_TIMESTAMP = 213;
export const DROP_TCP_RST_SEQUENCE = 214;
export const DROP_TCP_SYN = 215;
export const DROP_TCP_ACK = 216;
export const DROP_TCP_NO_ACK = 217;
export const DROP_TCP_CLOSED = 218;
export const DROP_TCP_HOLES = 219;
export const DROP_TCP_ICMP_SEQUENCE = 220;

// fragments, more of it
export const DROP_FRAG_ECN = 221;

// TCP, more of it
export const DROP_TCP_COOKIE = 222;

/** One past the last reason. */
export const DROP_END = 223;
