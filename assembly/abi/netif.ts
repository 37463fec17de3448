// The interface record, as the host reads it (stack_netif). Offsets in bytes; u32 unless said; counters u64.

/** Interface number from 0; its ifindex is one more. */
export const NETIF_INDEX = 0;
export const NETIF_MEDIUM = 4;
export const NETIF_FLAGS = 8;
/** Largest IP datagram, bytes. */
export const NETIF_MTU = 12;
/** 6 bytes, zero where the medium has no addresses. */
export const NETIF_MAC = 16;
/** 16 bytes, ended by NUL. */
export const NETIF_NAME = 24;
export const NETIF_RX_RING = 40;
export const NETIF_TX_RING = 44;
/** Slots of each ring, less one. */
export const NETIF_MASK = 48;
/** RX slots that the stack has taken so far: a cursor, as the ring's two. */
export const NETIF_RX_TAKEN = 52;
export const NETIF_RX_PACKETS = 64;
export const NETIF_TX_PACKETS = 72;
export const NETIF_RX_BYTES = 80;
export const NETIF_TX_BYTES = 88;
export const NETIF_RX_ERRORS = 96;
export const NETIF_TX_ERRORS = 104;
export const NETIF_RX_DROPPED = 112;
export const NETIF_TX_DROPPED = 120;
/** Written by the host's driver: frames that found no offered slot, and frames too long for one. */
export const NETIF_RX_OVERRUNS = 128;
export const NETIF_RX_FRAME = 136;
export const NETIF_TX_CARRIER = 144;
export const NETIF_RX_MULTICAST = 152;
/** Switches of this interface, u8 each: IFSW_… */
export const NETIF_SWITCHES = 160;
export const NETIF_BYTES = 192;

// Switches of an interface (netif_set, netif_get). Interface 0 stands for all: those there are and those to come.
/** Forward what it receives for others. */
export const IFSW_FORWARDING = 0;
/** Reverse-path filter (RFC 3704): 0 off, 1 strict, 2 loose. */
export const IFSW_RP_FILTER = 1;
/** Take part in source routing (RFC 7126 §4.3: no, unless asked to). */
export const IFSW_ACCEPT_SOURCE_ROUTE = 2;
export const IFSW_SEND_REDIRECTS = 3;
/** Follow redirects; never while it forwards (RFC 1812 §5.2.7.2). */
export const IFSW_ACCEPT_REDIRECTS = 4;
/** Answer ARP for what is reached by another interface (RFC 1027). */
export const IFSW_PROXY_ARP = 5;
/** Forward directed broadcasts (RFC 2644). */
export const IFSW_BC_FORWARDING = 6;
/** Accept datagrams whose source is an own address. */
export const IFSW_ACCEPT_LOCAL = 7;
/** Its own addresses have host routes through lo; without, they leave by the interface and may come back. */
export const IFSW_LOCAL_ROUTE = 8;
/** 1: answer ARP only for this interface's own addresses; 0: for any own address. */
export const IFSW_ARP_IGNORE = 9;
/** IGMP version spoken: 2 or 3; 0: as the querier does, 3 at first. */
export const IFSW_IGMP_VERSION = 10;
export const IF_SWITCHES = 11;

export const MEDIUM_LOOPBACK = 0;
export const MEDIUM_ETHERNET = 1;
/** Raw IP, point-to-point. */
export const MEDIUM_IP = 2;
export const MEDIA = 3;

// Linux's interface flags (include/uapi/linux/if.h).
export const IFF_UP = 0x1;
export const IFF_BROADCAST = 0x2;
export const IFF_LOOPBACK = 0x8;
export const IFF_POINTOPOINT = 0x10;
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;
export const IFF_MULTICAST = 0x1000;

export const NETIF_NAME_LEN = 16;
export const LOOPBACK_MTU = 65536;

// The address record (stack_addr).
/** 16 bytes in network order; IPv4 as ::ffff:a.b.c.d. */
export const ADDR_IP = 0;
/** Prefix length in the family's own bits. */
export const ADDR_PLEN = 16;
export const ADDR_NETIF = 20;
/** 0 = the record is free. */
export const ADDR_FAMILY = 24;
/** Order of assignment: an interface's lowest is its primary address. */
export const ADDR_ORDER = 28;
export const ADDR_STATE = 32;
/** Far end of a point-to-point address, 16 bytes; all zero: none is named. */
export const ADDR_PEER = 72;
/** Hardware address of the station that used or wanted it last, 6 bytes. */
export const ADDR_RIVAL = 88;
/** How often that was seen. */
export const ADDR_CONFLICTS = 96;
export const ADDR_BYTES = 104;

// Flags of addr_add.
/** Use it only when nobody else has it, and defend it then (RFC 5227). */
export const ADDRF_PROBE = 1;
/** CALL_ADDR2 is the far end: the interface leads to it. */
export const ADDRF_PEER = 2;
export const ADDRF_ALL = 3;

// States of an address: an assigned one is in use at once, unless it is to be probed first (RFC 5227).
export const ADDR_USABLE = 0;
export const ADDR_PROBING = 1;
/** Another station has it: it is not used. */
export const ADDR_CONFLICT = 2;

export const FAMILY_IPV4 = 4;
export const FAMILY_IPV6 = 6;

// The neighbour record (stack_neigh).
export const NEIGH_IP = 0;
export const NEIGH_HASH_NEXT = 16;
export const NEIGH_NETIF = 20;
/** 14 bytes: the Ethernet header to it, its hardware address first. */
export const NEIGH_ETHER = 24;
/** u8 */
export const NEIGH_STATE = 38;
export const NEIGH_BYTES = 96;

// States: RFC 4861 §7.3.2, as Linux has them for ARP too.
export const NEIGH_NONE = 0;
export const NEIGH_INCOMPLETE = 1;
export const NEIGH_REACHABLE = 2;
export const NEIGH_STALE = 3;
export const NEIGH_DELAY = 4;
export const NEIGH_PROBE = 5;
export const NEIGH_FAILED = 6;
export const NEIGH_PERMANENT = 7;
