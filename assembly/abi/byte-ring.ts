// Byte rings: the memory in which TCP keeps what is to be sent and what waits to be read. A pool in four sizes, powers of
// two; REGION_BYTE_RINGS has a row for each, the smallest first. All fields u32, offsets in bytes.

export const BYTE_RING_CLASSES = 4;
/** Bytes of a ring of this size. */
export const BYTE_RING_BYTES = 0;
export const BYTE_RING_TOTAL = 4;
export const BYTE_RING_FREE = 8;
/** Bytes of a row. */
export const BYTE_RING_ROW = 24;
