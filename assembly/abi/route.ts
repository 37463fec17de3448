// The routing table as the host sees it: flags, origins, and the record that an enumeration fills.

// Flags of a route: Linux's RTF_… (include/uapi/linux/route.h); `route` prints them as U G H D M !.
export const RTF_UP = 0x1;
export const RTF_GATEWAY = 0x2;
export const RTF_HOST = 0x4;
export const RTF_DYNAMIC = 0x10;
export const RTF_MODIFIED = 0x20;
export const RTF_REJECT = 0x200;
/** Ours: the host route of an own address. */
export const RTF_LOCAL = 0x10000;

// Who made a route: Linux's RTPROT_… (include/uapi/linux/rtnetlink.h).
export const ROUTE_ORIGIN_UNSPEC = 0;
export const ROUTE_ORIGIN_REDIRECT = 1;
export const ROUTE_ORIGIN_KERNEL = 2;
export const ROUTE_ORIGIN_BOOT = 3;
export const ROUTE_ORIGIN_STATIC = 4;
export const ROUTE_ORIGIN_RA = 9;
export const ROUTE_ORIGIN_DHCP = 16;

/** As a metric to delete by: whichever metric the route has. No route may have it. */
export const ROUTE_METRIC_ANY = 0xffffffff;
/** Most next hops a boot may ask for: FIB leaves from 0xff00 up name child nodes. */
export const ROUTE_MAX_NEXTHOPS = 0xfeff;
/** Widest direct table, in bits. */
export const ROUTE_MAX_DIRECT_BITS = 18;

//  0       1       2       3       4               8               12
// +-------+-------+-------+-------+---------------+---------------+---------------+
// |family |plen   |origin |   0   | metric        | flags         | ifindex       |
// +-------+-------+-------+-------+---------------+---------------+---------------+
// 16 destination, 32 gateway, 48 preferred source: 16 bytes each in network order, IPv4 as ::ffff:a.b.c.d,
//    gateway and source all zero where there is none
// 64 order among equals of one metric (with the rest, the cursor of an enumeration)   68 next hop index
export const ROUTE_FAMILY = 0;
export const ROUTE_PLEN = 1;
export const ROUTE_ORIGIN = 2;
export const ROUTE_METRIC = 4;
export const ROUTE_FLAGS = 8;
export const ROUTE_IFINDEX = 12;
export const ROUTE_DST = 16;
export const ROUTE_GATEWAY = 32;
export const ROUTE_SOURCE = 48;
export const ROUTE_SEQ = 64;
export const ROUTE_NEXTHOP = 68;
export const ROUTE_BYTES = 72;

/** Ours, beside RTF_REJECT, which alone means "host unreachable": dropped in silence; administratively prohibited. */
export const RTF_BLACKHOLE = 0x20000;
export const RTF_PROHIBIT = 0x40000;
/** Ours: a set of next hops of equal cost. */
export const RTF_MULTIPATH = 0x80000;

// The destination record (dest_record): what is known of a destination beside the table. Offsets in bytes; addresses
// 16 bytes; u64 times in microseconds of the stack's clock, after which the entry means nothing.
export const DEST_IP = 0;
/** First hop named by a redirect, all zero without one; and the router which that was in place of. */
export const DEST_GATEWAY = 16;
export const DEST_ROUTER = 32;
export const DEST_REDIRECT_UNTIL = 48;
export const DEST_MTU_UNTIL = 56;
/** Path MTU, bytes; 0 = not known. */
export const DEST_MTU = 64;
export const DEST_IFINDEX = 68;
/** u32: 1 in use; RTF_DYNAMIC or RTF_MODIFIED for a redirect. */
export const DEST_FLAGS = 72;
export const DEST_BYTES = 96;
