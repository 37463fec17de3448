// Why a packet was dropped: one reason each, counted under its own number. The number is also the index of its
// counter in the counter table (abi/counter.ts has the indices below DROP_FIRST). Texts: src/text/drops.ts.

export const DROP_FIRST = 64;

// link: what came back over a ring
export const DROP_RX_BAD_DESCRIPTOR = 64;
export const DROP_RX_TOO_LONG = 65;
export const DROP_RX_IF_DOWN = 66;
export const DROP_LO_NOT_HANDED_OVER = 67;

// Ethernet
export const DROP_ETHER_SHORT = 68;
export const DROP_ETHER_NOT_FOR_US = 69;
export const DROP_ETHER_SOURCE_GROUP = 70;
export const DROP_ETHER_8023_LENGTH = 71;
export const DROP_ETHER_VLAN = 72;
export const DROP_ETHER_TYPE = 73;

// ARP
export const DROP_ARP_SHORT = 74;
export const DROP_ARP_FORMAT = 75;
export const DROP_ARP_OPERATION = 76;
export const DROP_ARP_SOURCE = 77;
export const DROP_ARP_NOT_FOR_US = 78;

// neighbour resolution
export const DROP_NEIGH_QUEUE_FULL = 79;
export const DROP_NEIGH_FAILED = 80;
export const DROP_NEIGH_TABLE_FULL = 81;
export const DROP_NEIGH_FLUSHED = 82;

// IPv4 input
export const DROP_IP_SHORT = 83;
export const DROP_IP_VERSION = 84;
export const DROP_IP_HEADER_LENGTH = 85;
export const DROP_IP_TOTAL_LENGTH = 86;
export const DROP_IP_CHECKSUM = 87;
export const DROP_IP_SOURCE = 88;
export const DROP_IP_SOURCE_LOOPBACK = 89;
export const DROP_IP_DEST_LOOPBACK = 90;
export const DROP_IP_DEST = 91;
export const DROP_IP_LINK_BROADCAST = 92;
export const DROP_IP_NOT_FORWARDING = 93;
export const DROP_IP_OPTIONS = 94;
export const DROP_IP_PROTOCOL = 96;
export const DROP_IP_OWN_SOURCE = 97;
export const DROP_IP_GROUP = 98;

// output
export const DROP_OUT_NO_ROUTE = 99;
export const DROP_OUT_IF_DOWN = 100;
export const DROP_OUT_NO_CARRIER = 101;
export const DROP_OUT_RING_FULL = 102;
export const DROP_OUT_NO_BUFFER = 103;
export const DROP_OUT_TOO_LONG = 104;
export const DROP_OUT_LOOP_COPY = 105;
export const DROP_OUT_SOURCE_LOOPBACK = 106;

// ICMP
export const DROP_ICMP_SHORT = 107;
export const DROP_ICMP_CHECKSUM = 108;
export const DROP_ICMP_TYPE = 109;
export const DROP_ICMP_ECHO_GROUP = 110;
export const DROP_ICMP_REPLY_UNWANTED = 111;
export const DROP_ICMP_QUOTE_SHORT = 112;
export const DROP_ICMP_QUOTE_FOREIGN = 113;
export const DROP_ICMP_ERROR_UNMATCHED = 114;
export const DROP_ICMP_ERROR_FORBIDDEN = 115;
export const DROP_ICMP_ERROR_RATE = 116;

// UDP
export const DROP_UDP_SHORT = 117;
export const DROP_UDP_LENGTH = 118;
export const DROP_UDP_CHECKSUM = 119;
export const DROP_UDP_PORT_ZERO = 120;
export const DROP_UDP_NO_PORT = 121;
export const DROP_UDP_GROUP_NO_PORT = 122;

// sockets
export const DROP_SOCK_QUEUE_FULL = 123;
export const DROP_SOCK_QUOTA = 124;
export const DROP_SOCK_CLOSED = 125;

// IPv4 input, more of it
export const DROP_IP_RP_FILTER = 126;
export const DROP_IP_SOURCE_ROUTE = 127;
export const DROP_IP_SOURCE_ROUTE_FAILED = 128;
export const DROP_IP_DIRECTED_BROADCAST = 129;

// forwarding
export const DROP_FWD_TTL = 130;
export const DROP_FWD_NO_ROUTE = 131;
export const DROP_FWD_UNREACHABLE = 132;
export const DROP_FWD_PROHIBITED = 133;
export const DROP_FWD_BLACKHOLE = 134;
export const DROP_FWD_NEED_FRAGMENT = 135;
export const DROP_FWD_DEST = 136;

// fragments and their reassembly
export const DROP_FRAG_LENGTH = 137;
export const DROP_FRAG_TOO_LONG = 138;
export const DROP_FRAG_DUPLICATE = 139;
export const DROP_FRAG_OVERLAP = 140;
export const DROP_FRAG_TIMEOUT = 141;
export const DROP_FRAG_EVICTED = 142;
export const DROP_FRAG_SOURCE_LIMIT = 143;
export const DROP_FRAG_NO_BUFFER = 144;

// ICMP, more of it
export const DROP_ICMP_ERROR_HOST_RATE = 145;
export const DROP_ICMP_DEPRECATED = 146;
export const DROP_ICMP_REDIRECT_OFF = 147;
export const DROP_ICMP_REDIRECT_GATEWAY = 148;
export const DROP_ICMP_REDIRECT_SENDER = 149;
export const DROP_ICMP_PMTU = 150;

// ARP, more of it
export const DROP_ARP_CONFLICT = 151;
export const DROP_ARP_IGNORED = 152;

// IGMP
export const DROP_IGMP_SHORT = 153;
export const DROP_IGMP_CHECKSUM = 154;
export const DROP_IGMP_TYPE = 155;
export const DROP_IGMP_SOURCE = 156;
export const DROP_IGMP_NOT_MEMBER = 157;

// groups and raw sockets
export const DROP_SOCK_FILTERED = 158;
export const DROP_SOCK_COPY = 159;

/** One past the last reason. */
export const DROP_END = 160;
