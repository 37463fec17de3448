/**
 * Captures: packets with their times and interfaces, as files hold them.
 */

/** Link types of the registry at tcpdump.org: what a packet begins with. */
export const LINKTYPE_ETHERNET = 1;
/** An IPv4 or IPv6 header. */
export const LINKTYPE_RAW = 101;

/** An interface on which packets were captured. */
export interface CaptureInterface {
  /** LINKTYPE_… */
  readonly linkType: number;
  readonly name?: string;
  readonly description?: string;
  /** The most bytes kept of a packet; 0 = all. */
  readonly snapLength?: number;
}

export interface CapturedPacket {
  /** Index of its interface. */
  readonly interface: number;
  /** Nanoseconds since the epoch of the capture's clock. */
  readonly timeNs: bigint;
  readonly data: Uint8Array;
  /** Bytes that it had on the wire, when fewer were kept. */
  readonly originalLength?: number;
  /** As seen from the interface. */
  readonly direction?: "in" | "out";
  readonly comment?: string;
}

export interface Capture {
  readonly interfaces: readonly CaptureInterface[];
  readonly packets: readonly CapturedPacket[];
}

/** The file is not a capture, or ends where none may. */
export class CaptureError extends Error {
  readonly code = "ERR_CAPTURE";
  /** Where in the file, bytes. */
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(`capture: ${what} at byte ${offset}`);
    this.name = "CaptureError";
    this.offset = offset;
  }
}
