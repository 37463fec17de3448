/** Numbers of pcapng (draft-ietf-opsawg-pcapng §4). */

export const BLOCK_SECTION = 0x0a0d0d0a;
export const BLOCK_INTERFACE = 1;
export const BLOCK_SIMPLE_PACKET = 3;
export const BLOCK_PACKET = 6;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
export const VERSION_MAJOR = 1;
export const VERSION_MINOR = 0;

export const OPT_END = 0;
export const OPT_COMMENT = 1;
export const SHB_USERAPPL = 4;
export const IF_NAME = 2;
export const IF_DESCRIPTION = 3;
export const IF_TSRESOL = 9;
export const IF_TSOFFSET = 14;
export const EPB_FLAGS = 2;
/** Low two bits of EPB_FLAGS. */
export const INBOUND = 1;
export const OUTBOUND = 2;

/** Blocks, packets and options end on 32 bits. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}
