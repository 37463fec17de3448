// The packet in hand: who speaks to whom, as 16-byte addresses for both families. ipv4Input() fills it, the
// transports above read it; it holds until the next packet.

const SOURCE: usize = memory.data(16, 8);
const DESTINATION: usize = memory.data(16, 8);

/** Address of the packet's source, 16 bytes. */
export function flowSource(): usize {
  return SOURCE;
}

/** Address of the packet's destination, 16 bytes. */
export function flowDestination(): usize {
  return DESTINATION;
}
