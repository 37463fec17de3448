// Sockets at the boundary. A handle is a 15-bit generation << 16 | index: never negative, and stale after close.

export const HANDLE_INDEX = 0xffff;

/** sock_open: a raw socket of the protocol in the low byte, 1 to 255. */
export const SOCK_RAW = 0x100;

/** sock_send: send to CALL_ADDR and CALL_PORT rather than to the connected peer. */
export const SEND_TO = 1;

// Options of sock_set and sock_get.
/** Send to broadcast addresses: 0 or 1. */
export const OPT_BROADCAST = 0;
/** TTL of unicast datagrams, 1 to 255; 0 = the stack's default. */
export const OPT_TTL = 1;
export const OPT_TOS = 2;
/** Path MTU discovery: PMTUDISC_… below. */
export const OPT_MTU_DISCOVER = 3;
/** TTL of multicast datagrams, 0 to 255; 1 at first (RFC 1112 §6.1). */
export const OPT_MULTICAST_TTL = 4;
/** Datagrams that may wait unread. */
export const OPT_QUEUE = 5;
/** Interface that the socket speaks and listens by; 0 = any. */
export const OPT_INTERFACE = 6;
/** Hear own multicast datagrams, where a member: 0 or 1. */
export const OPT_MULTICAST_LOOP = 7;
/** Interface by which multicast datagrams leave; 0 = as routes say. */
export const OPT_MULTICAST_INTERFACE = 8;
/** Share address and port with others that say so, too: each then hears what is sent to a group. */
export const OPT_REUSE = 9;
/** Raw: what is sent begins with the IP header. */
export const OPT_HEADER_INCLUDED = 10;
export const OPTIONS = 11;

// Options of TCP sockets (beside OPT_TTL, OPT_TOS, OPT_INTERFACE and OPT_REUSE). What a listener has, its connections
// begin with.
export const OPT_TCP = 16;
/** Send small segments at once: 0 or 1 (RFC 9293 §3.7.4, Nagle off). */
export const OPT_TCP_NODELAY = 16;
/** Probe an idle connection: 0 or 1; after how long, how often, how many without an answer (RFC 9293 §3.8.4). */
export const OPT_TCP_KEEPALIVE = 17;
export const OPT_TCP_KEEP_IDLE_MS = 18;
export const OPT_TCP_KEEP_INTERVAL_MS = 19;
export const OPT_TCP_KEEP_COUNT = 20;
/** How long data, or a SYN, may stay unacknowledged (RFC 9293 §3.9.1.1, RFC 5482), ms; 0 = SW_TCP_R2_MS, SW_TCP_SYN_R2_MS. */
export const OPT_TCP_USER_TIMEOUT_MS = 21;
/** Buffers, bytes: the smallest ring that holds so much. Before connect or listen. */
export const OPT_TCP_SEND_BUFFER = 22;
export const OPT_TCP_RECEIVE_BUFFER = 23;
/** Largest segment to offer and to send, 0 = as the MTU has it. */
export const OPT_TCP_MSS = 24;
/** TCP_CONGESTION_… of abi/tcp.ts. */
export const OPT_TCP_CONGESTION = 25;
/** Bytes of payload a second at the most; 0 = as many as may go. */
export const OPT_TCP_PACING_RATE = 26;
export const OPT_TCP_END = 27;

/** Only to be read, while connected: the path MTU, bytes. */
export const OPT_MTU = 0x100;

// OPT_MTU_DISCOVER: Linux's IP_PMTUDISC_… (include/uapi/linux/in.h).
/** DF off; fragmented as need be. */
export const PMTUDISC_DONT = 0;
/** DF on, unless the path MTU is known to be less: then fragmented. */
export const PMTUDISC_WANT = 1;
/** DF on; longer than the known path MTU is refused. */
export const PMTUDISC_DO = 2;
/** DF on, whatever the known path MTU. */
export const PMTUDISC_PROBE = 3;

/** Longest IP options of a socket (sock_options), bytes. */
export const IP_OPTIONS_MOST = 40;

// sock_group: what to do with the group at CALL_ADDR (interface CALL_IFINDEX, source CALL_ADDR2).
export const GROUP_JOIN = 0;
export const GROUP_LEAVE = 1;
/** Source filters (RFC 3376 §3): do not hear, hear again; hear only this source, no more. */
export const GROUP_BLOCK = 2;
export const GROUP_UNBLOCK = 3;
export const GROUP_JOIN_SOURCE = 4;
export const GROUP_LEAVE_SOURCE = 5;

// tcp_send: what goes with the bytes.
/** More follows at once: a last small segment may wait for it. */
export const SEND_MORE = 2;
/** The last of the bytes is urgent (RFC 9293 §3.8.5). */
export const SEND_URGENT = 4;

// sock_shutdown: what ends.
export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

// The socket record, as the host reads it (sock_record).
export const PCB_LOCAL = 0;
export const PCB_REMOTE = 16;
/** u32 each; an ICMP echo socket's local port is its identifier. */
export const PCB_LOCAL_PORT = 32;
export const PCB_REMOTE_PORT = 36;
/** 0 = the slot is free. */
export const PCB_PROTO = 40;
export const PCB_HANDLE = 44;
export const PCB_RX_COUNT = 64;
/** TCP: address of the socket's Tcb (abi/tcp.ts). */
export const PCB_TCB = 252;
export const PCB_BYTES = 256;
