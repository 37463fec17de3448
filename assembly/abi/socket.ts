// Sockets at the boundary. A handle is a 15-bit generation << 16 | index: never negative, and stale after close.

export const HANDLE_INDEX = 0xffff;

/** sock_send: send to CALL_ADDR and CALL_PORT rather than to the connected peer. */
export const SEND_TO = 1;

// Options of sock_set and sock_get.
/** Send to broadcast addresses: 0 or 1. */
export const OPT_BROADCAST = 0;
/** TTL of unicast datagrams, 1 to 255; 0 = the stack's default. */
export const OPT_TTL = 1;
export const OPT_TOS = 2;
/** Don't Fragment: 0 or 1. */
export const OPT_DF = 3;
/** TTL of multicast datagrams, 0 to 255; 1 at first (RFC 1112 §6.1). */
export const OPT_MULTICAST_TTL = 4;
/** Datagrams that may wait unread. */
export const OPT_QUEUE = 5;
/** Interface that the socket speaks and listens by; 0 = any. */
export const OPT_INTERFACE = 6;
export const OPTIONS = 7;

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
export const PCB_BYTES = 192;
