// Rings between the stack and a driver. Each interface has two: RX and TX.
//
//   0      host cursor   u32  RX: frames filled     TX: frames completed      (only the host writes it)
//   64     stack cursor  u32  RX: slots offered     TX: frames queued         (only the stack writes it)
//   128    descriptors   16 bytes each, a power of two of them
//
// Cursors run freely: slot = cursor & (slots - 1). The host may fill RX slots while host cursor != stack cursor,
// and must send the TX slots from host cursor up to stack cursor. Private to the stack, behind the descriptors:
// one u32 a slot, the buffer it holds.
//
// Descriptor:
//   0   ptr    u32  address of the first byte        RX: where to write the frame
//   4   len    u32  bytes                            RX: offered: room; filled: bytes of the frame
//   8   pbuf   u32  index of the buffer
//   12  flags  u32  TX: 0   RX: written by the stack when it drops the frame at once: DROP_… (the host sets it to 0 first)
//
// Loopback's RX ring is in hand-over mode: its offered slots are empty, and the driver copies the whole
// descriptor from TX to RX; the buffer changes hands with it, and completing that TX slot frees nothing.

export const RING_HOST = 0;
export const RING_STACK = 64;
export const RING_DESC = 128;
export const DESC_SHIFT = 4;
export const DESC_BYTES = 16;
export const DESC_PTR = 0;
export const DESC_LEN = 4;
export const DESC_PBUF = 8;
export const DESC_FLAGS = 12;
