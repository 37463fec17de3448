// The boundary as a whole: its version, the static regions whose addresses stack_region() gives, what poll answers.

/** Changes when a record, a number or an export does. */
export const VERSION = 3;

export const REGION_CONFIG = 0;
export const REGION_CALL = 1;
export const REGION_COUNTERS = 2;
export const REGION_EVENTS = 3;
/** The route record of abi/route.ts that route calls read and fill. */
export const REGION_ROUTE = 4;
/** Buffers held now and at most: u32 by class and owner (abi/pbuf.ts). */
export const REGION_HELD = 5;
export const REGION_LIMITS = 6;
/** Byte rings of TCP: u32 bytes, how many, how many free; a row for each class. */
export const REGION_BYTE_RINGS = 7;

/** stack_poll: work is left; later than can be said; idle until input. */
export const POLL_NOW = 0;
export const POLL_FAR = 0xfffffffe;
export const POLL_IDLE = 0xffffffff;
