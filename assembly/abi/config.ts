// The boot record: what the host asks for before stack_init(). All fields u32, offsets in bytes. CONFIG_ERROR
// names, by its offset, the option that stack_size() or stack_init() refused.

export const CONFIG_SMALL_BUFFERS = 0;
export const CONFIG_LARGE_BUFFERS = 4;
export const CONFIG_INTERFACES = 8;
export const CONFIG_RING_SLOTS = 12;
export const CONFIG_ADDRESSES = 16;
export const CONFIG_NEIGHBOURS = 20;
export const CONFIG_ROUTES4 = 24;
export const CONFIG_ROUTES6 = 28;
export const CONFIG_NEXT_HOPS = 32;
export const CONFIG_FIB_DIRECT_BITS = 36;
export const CONFIG_SOCKETS = 40;
export const CONFIG_SOCKET_ERRORS = 44;
/** Milliseconds of the UT day at time 0, or CLOCK_UNKNOWN. */
export const CONFIG_DAY_MS = 48;
/** 128 bits from a good source of randomness; all zero is refused. */
export const CONFIG_SEED = 52;
export const CONFIG_ERROR = 68;
/** The range in which it would have been accepted. */
export const CONFIG_LEAST = 72;
export const CONFIG_MOST = 76;
/** Pages of 64 KiB that the capacities need, when that is more than there can be, or more than there are. */
export const CONFIG_PAGES = 80;
/** Memberships of sockets in groups. */
export const CONFIG_MEMBERSHIPS = 84;
/** Datagrams that may be under reassembly at a time. */
export const CONFIG_REASSEMBLIES = 88;
/** Destinations of which something is known beside the table: a redirect, a path MTU. */
export const CONFIG_DESTINATIONS = 92;
/** TCP sockets, listening ones counted. */
export const CONFIG_TCP_BLOCKS = 96;
/** Connections in TIME-WAIT. */
export const CONFIG_TIME_WAITS = 100;
/** Byte rings of TCP by size: 2 KiB, 16 KiB, 64 KiB, 1 MiB. A connection has two. */
export const CONFIG_RINGS_2K = 104;
export const CONFIG_RINGS_16K = 108;
export const CONFIG_RINGS_64K = 112;
export const CONFIG_RINGS_1M = 116;
/** Ranges of bytes that a connection keeps out of order, and of what its peer has so. */
export const CONFIG_TCP_RANGES = 120;
export const CONFIG_BYTES = 128;

export const CLOCK_UNKNOWN = 0xffffffff;

/** A host: about 10 MiB, most of which nobody touches before it is needed. */
export const PROFILE_HOST = 0;
/** The smallest useful host: one page of 64 KiB, static data counted. */
export const PROFILE_TINY = 1;
/** A router that holds a million routes. */
export const PROFILE_ROUTER = 2;
export const PROFILES = 3;
