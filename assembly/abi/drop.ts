// Why a packet was dropped: one reason each, counted under its own number. The number is also the index of its
// counter in the counter table (abi/counter.ts has the indices below DROP_FIRST). Texts: src/text/drops.ts.

export const DROP_FIRST = 88;

// link: what came back over a ring
export const DROP_RX_BAD_DESCRIPTOR = 88;
export const DROP_RX_TOO_LONG = 89;
export const DROP_RX_IF_DOWN = 90;
export const DROP_LO_NOT_HANDED_OVER = 91;

// Ethernet
export const DROP_ETHER_SHORT = 92;
export const DROP_ETHER_NOT_FOR_US = 93;
export const DROP_ETHER_SOURCE_GROUP = 94;
export const DROP_ETHER_8023_LENGTH = 95;
export const DROP_ETHER_VLAN = 96;
export const DROP_ETHER_TYPE = 97;

// ARP
export const DROP_ARP_SHORT = 98;
export const DROP_ARP_FORMAT = 99;
export const DROP_ARP_OPERATION = 100;
export const DROP_ARP_SOURCE = 101;
export const DROP_ARP_NOT_FOR_US = 102;

// neighbour resolution
export const DROP_NEIGH_QUEUE_FULL = 103;
export const DROP_NEIGH_FAILED = 104;
export const DROP_NEIGH_TABLE_FULL = 105;
export const DROP_NEIGH_FLUSHED = 106;

// IPv4 input
export const DROP_IP_SHORT = 107;
export const DROP_IP_VERSION = 108;
export const DROP_IP_HEADER_LENGTH = 109;
export const DROP_IP_TOTAL_LENGTH = 110;
export const DROP_IP_CHECKSUM = 111;
export const DROP_IP_SOURCE = 112;
export const DROP_IP_SOURCE_LOOPBACK = 113;
export const DROP_IP_DEST_LOOPBACK = 114;
export const DROP_IP_DEST = 115;
export const DROP_IP_LINK_BROADCAST = 116;
export const DROP_IP_NOT_FORWARDING = 117;
export const DROP_IP_OPTIONS = 118;
export const DROP_IP_PROTOCOL = 120;
export const DROP_IP_OWN_SOURCE = 121;
export const DROP_IP_GROUP = 122;

// output
export const DROP_OUT_NO_ROUTE = 123;
export const DROP_OUT_IF_DOWN = 124;
export const DROP_OUT_NO_CARRIER = 125;
export const DROP_OUT_RING_FULL = 126;
export const DROP_OUT_NO_BUFFER = 127;
export const DROP_OUT_TOO_LONG = 128;
export const DROP_OUT_LOOP_COPY = 129;
export const DROP_OUT_SOURCE_LOOPBACK = 130;

// ICMP
export const DROP_ICMP_SHORT = 131;
export const DROP_ICMP_CHECKSUM = 132;
export const DROP_ICMP_TYPE = 133;
export const DROP_ICMP_ECHO_GROUP = 134;
export const DROP_ICMP_REPLY_UNWANTED = 135;
export const DROP_ICMP_QUOTE_SHORT = 136;
export const DROP_ICMP_QUOTE_FOREIGN = 137;
export const DROP_ICMP_ERROR_UNMATCHED = 138;
export const DROP_ICMP_ERROR_FORBIDDEN = 139;
export const DROP_ICMP_ERROR_RATE = 140;

// UDP
export const DROP_UDP_SHORT = 141;
export const DROP_UDP_LENGTH = 142;
export const DROP_UDP_CHECKSUM = 143;
export const DROP_UDP_PORT_ZERO = 144;
export const DROP_UDP_NO_PORT = 145;
export const DROP_UDP_GROUP_NO_PORT = 146;

// sockets
export const DROP_SOCK_QUEUE_FULL = 147;
export const DROP_SOCK_QUOTA = 148;
export const DROP_SOCK_CLOSED = 149;

// IPv4 input, more of it
export const DROP_IP_RP_FILTER = 150;
export const DROP_IP_SOURCE_ROUTE = 151;
export const DROP_IP_SOURCE_ROUTE_FAILED = 152;
export const DROP_IP_DIRECTED_BROADCAST = 153;

// forwarding
export const DROP_FWD_TTL = 154;
export const DROP_FWD_NO_ROUTE = 155;
export const DROP_FWD_UNREACHABLE = 156;
export const DROP_FWD_PROHIBITED = 157;
export const DROP_FWD_BLACKHOLE = 158;
export const DROP_FWD_NEED_FRAGMENT = 159;
export const DROP_FWD_DEST = 160;

// fragments and their reassembly
export const DROP_FRAG_LENGTH = 161;
export const DROP_FRAG_TOO_LONG = 162;
export const DROP_FRAG_DUPLICATE = 163;
export const DROP_FRAG_OVERLAP = 164;
export const DROP_FRAG_TIMEOUT = 165;
export const DROP_FRAG_EVICTED = 166;
export const DROP_FRAG_SOURCE_LIMIT = 167;
export const DROP_FRAG_NO_BUFFER = 168;

// ICMP, more of it
export const DROP_ICMP_ERROR_HOST_RATE = 169;
export const DROP_ICMP_DEPRECATED = 170;
export const DROP_ICMP_REDIRECT_OFF = 171;
export const DROP_ICMP_REDIRECT_GATEWAY = 172;
export const DROP_ICMP_REDIRECT_SENDER = 173;
export const DROP_ICMP_PMTU = 174;

// ARP, more of it
export const DROP_ARP_CONFLICT = 175;
export const DROP_ARP_IGNORED = 176;

// IGMP
export const DROP_IGMP_SHORT = 177;
export const DROP_IGMP_CHECKSUM = 178;
export const DROP_IGMP_TYPE = 179;
export const DROP_IGMP_SOURCE = 180;
export const DROP_IGMP_NOT_MEMBER = 181;

// groups and raw sockets
export const DROP_SOCK_FILTERED = 182;
export const DROP_SOCK_COPY = 183;

// TCP
export const DROP_TCP_SHORT = 184;
export const DROP_TCP_CHECKSUM = 185;
export const DROP_TCP_GROUP = 186;
export const DROP_TCP_PORT = 187;
export const DROP_TCP_NO_PORT = 188;
export const DROP_TCP_RST_UNMATCHED = 189;
export const DROP_TCP_TIME_WAIT = 190;
export const DROP_TCP_BACKLOG = 191;
export const DROP_TCP_NO_BLOCK = 192;
export const DROP_TCP_SYN_SENT_ACK = 193;
export const DROP_TCP_SYN_SENT_RST = 194;
export const DROP_TCP_SEQUENCE = 195;
export const DROP_TCP_PAWS = 196;
export const DROP_TCP_NO_TIMESTAMP = 197;
export const DROP_TCP_RST_SEQUENCE = 198;
export const DROP_TCP_SYN = 199;
export const DROP_TCP_ACK = 200;
export const DROP_TCP_NO_ACK = 201;
export const DROP_TCP_CLOSED = 202;
export const DROP_TCP_HOLES = 203;
export const DROP_TCP_ICMP_SEQUENCE = 204;

/** One past the last reason. */
export const DROP_END = 205;
