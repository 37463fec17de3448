// Events: what the host should look at after a poll. Objects are numbered: sockets first, then interfaces. An
// object stands in the ring at most once; further events OR into its pending word until the host drains it:
//   while (tail != head) { object = ring[tail & (slots - 1)]; bits = pending[object]; pending[object] = 0; tail++ }
// The ring has a slot for every object, so it cannot overflow.

export const EVENTS_HEAD = 0;
export const EVENTS_TAIL = 64;
export const EVENTS_MASK = 68;
/** Addresses of the ring of u32 object numbers and of the pending words. */
export const EVENTS_RING = 72;
export const EVENTS_PENDING = 76;
/** Object number of the first interface. */
export const EVENTS_FIRST_NETIF = 80;
export const EVENTS_BYTES = 128;

// Sockets
export const EVENT_READABLE = 1;
export const EVENT_WRITABLE = 2;
export const EVENT_ERROR = 4;
/** TCP: urgent data is announced, up to TCB_RCV_UP (RFC 9293 §3.8.5). */
export const EVENT_URGENT = 32;
/** TCP: the connection is over: closed by both ends, reset, or given up. */
export const EVENT_CLOSED = 64;
// Interfaces
export const EVENT_CHANGED = 8;
/** The state of one of its addresses has changed: usable now, or in conflict. */
export const EVENT_ADDRESS = 16;
