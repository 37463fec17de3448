// Protocol numbers as assigned by IANA; lengths in bytes.

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;
/** Type/length values below this are IEEE 802.3 lengths (RFC 1122 §2.3.3). */
export const ETHERTYPE_MIN = 0x0600;

export const ETHER_HDR_LEN = 14;
export const VLAN_TAG_LEN = 4;
/** Shortest frame without its FCS: transmitted frames are padded to it. */
export const ETHER_MIN_LEN = 60;
export const MAC_LEN = 6;

export const ARP_HRD_ETHERNET = 1;
export const ARP_LEN = 28;
export const ARP_OP_REQUEST = 1;
export const ARP_OP_REPLY = 2;

export const IPPROTO_ICMP = 1;
export const IPPROTO_IGMP = 2;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

/** Where the addresses stand in the header. */
export const IPV4_SRC = 12;
export const IPV4_DST = 16;
export const IPV4_HDR_LEN = 20;
export const IPV4_MAX_LEN = 65535;
export const IPV4_MIN_MTU = 68;
/** Of no meaning (RFC 791); passed on as it is (RFC 1812 §5.2.5). */
/** The low bits of the TOS (RFC 3168 §5): 0 = its transport has no ECN. */
export const IPV4_ECN_ECT0 = 2;
/** Congestion was met; also the mask of both bits. */
export const IPV4_ECN_CE = 3;
export const IPV4_FLAG_RESERVED = 0x8000;
export const IPV4_FLAG_DF = 0x4000;
export const IPV4_FLAG_MF = 0x2000;
export const IPV4_OFFSET_MASK = 0x1fff;
export const IPV6_HDR_LEN = 40;

export const UDP_HDR_LEN = 8;
export const TCP_HDR_LEN = 20;
export const ICMP_HDR_LEN = 8;

export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETER_PROBLEM = 12;
export const ICMP_TIMESTAMP = 13;
export const ICMP_TIMESTAMP_REPLY = 14;
export const ICMP_INFO_REQUEST = 15;
export const ICMP_INFO_REPLY = 16;
export const ICMP_MASK_REQUEST = 17;
export const ICMP_MASK_REPLY = 18;
/** Identifier, sequence number, three times of day. */
export const ICMP_TIMESTAMP_LEN = 20;

export const ICMP_UNREACH_NET = 0;
export const ICMP_UNREACH_HOST = 1;
export const ICMP_UNREACH_PROTOCOL = 2;
export const ICMP_UNREACH_PORT = 3;
export const ICMP_UNREACH_NEEDFRAG = 4;
export const ICMP_UNREACH_SRCFAIL = 5;
export const ICMP_UNREACH_NET_UNKNOWN = 6;
export const ICMP_UNREACH_HOST_UNKNOWN = 7;
export const ICMP_UNREACH_ISOLATED = 8;
export const ICMP_UNREACH_NET_PROHIBITED = 9;
export const ICMP_UNREACH_NET_TOS = 11;
/** Communication administratively prohibited (RFC 1812 §5.2.7.1). */
export const ICMP_UNREACH_PROHIBITED = 13;
export const ICMP_TIME_EXCEEDED_TRANSIT = 0;
export const ICMP_TIME_EXCEEDED_REASSEMBLY = 1;
export const ICMP_REDIRECT_NET = 0;
export const ICMP_REDIRECT_HOST = 1;
export const ICMP_REDIRECT_TOS_NET = 2;
export const ICMP_REDIRECT_TOS_HOST = 3;

// IP options (RFC 791 §3.1, RFC 1108, RFC 2113): the type byte, copied flag included.
export const IPOPT_END = 0;
export const IPOPT_NOP = 1;
export const IPOPT_RECORD_ROUTE = 7;
export const IPOPT_TIMESTAMP = 68;
export const IPOPT_SECURITY = 130;
export const IPOPT_LSRR = 131;
export const IPOPT_SSRR = 137;
export const IPOPT_ROUTER_ALERT = 148;
/** In the type byte: this option goes into every fragment. */
export const IPOPT_COPIED = 0x80;
export const IPOPT_MAX_LEN = 40;
/** Flags of the timestamp option. */
export const IPOPT_TS_ONLY = 0;
export const IPOPT_TS_ADDRESS = 1;
export const IPOPT_TS_PRESPECIFIED = 3;

export const IGMP_QUERY = 0x11;
export const IGMP_V1_REPORT = 0x12;
export const IGMP_V2_REPORT = 0x16;
export const IGMP_V2_LEAVE = 0x17;
export const IGMP_V3_REPORT = 0x22;
export const IGMP_HDR_LEN = 8;

export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;
export const TCP_ECE = 0x40;
export const TCP_CWR = 0x80;

export const TCPOPT_END = 0;
export const TCPOPT_NOP = 1;
export const TCPOPT_MSS = 2;
export const TCPOPT_WSCALE = 3;
export const TCPOPT_SACK_PERMITTED = 4;
export const TCPOPT_SACK = 5;
export const TCPOPT_TIMESTAMP = 8;
