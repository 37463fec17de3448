// Packet buffers: classes, owners, headroom (bytes). The host sees a buffer only through a descriptor or a window.

/** Capacity of a small buffer. */
export const PBUF_SMALL_BYTES = 2048;
/** Space kept in front of a packet built here: link, network and transport headers with options. */
export const PBUF_HEADROOM = 128;
/** Where a received frame is written: an Ethernet frame's network header then stands on a cache line. */
export const PBUF_RX_HEADROOM = 50;
/** Capacity of a large buffer: the loopback's MTU of 65,536 and the headroom. */
export const PBUF_LARGE_BYTES = 65664;

export const PBUF_CLASSES = 2;
export const PBUF_SMALL = 0;
export const PBUF_LARGE = 1;

// Who holds a buffer: exactly one.
export const OWNER_FREE = 0;
export const OWNER_STACK = 1;
export const OWNER_RX = 2;
export const OWNER_TX = 3;
export const OWNER_SOCKET = 4;
export const OWNER_NEIGH = 5;
export const OWNER_REASSEMBLY = 6;
export const OWNERS = 7;
