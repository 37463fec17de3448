/**
 * What crosses an interface, into a capture file: a packet block for each frame, with its time, its direction and, where
 * the stack dropped it, the reason as a comment.
 */
import type { Interface } from "../control/interfaces.js";
import { DROP_TEXTS, type DropName } from "../text/drops.js";
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from "./capture.js";
import { PcapngWriter } from "./pcapng-writer.js";

export interface CaptureOptions {
  /** Milliseconds since 1970 at the clock's time 0; 0 unless given, so that a virtual clock's captures are the same
   * each time. */
  readonly epochMs?: number;
}

/** What a capture says of a frame that the stack dropped. */
export function dropComment(drop: DropName): string {
  return `dropped: ${DROP_TEXTS[drop]} (${drop})`;
}

/**
 * Captures on the interfaces until the answered function is called.
 * @param sink  is given the pcapng file piece by piece
 */
export function capture(
  interfaces: readonly Interface[],
  sink: (chunk: Uint8Array) => void,
  { epochMs = 0 }: CaptureOptions = {},
): () => void {
  const writer = new PcapngWriter(sink);
  // A clock may have begun between two milliseconds.
  const epochNs = BigInt(Math.round(epochMs * 1000)) * 1000n;
  const ends = interfaces.map((nif) => {
    const linkType = nif.medium === "ethernet" ? LINKTYPE_ETHERNET : LINKTYPE_RAW;
    const index = writer.addInterface({ linkType, name: nif.name });
    return nif.tap((data, { direction, timeUs, drop }) => {
      const timeNs = epochNs + BigInt(Math.round(timeUs * 1000));
      const comment = drop === undefined ? {} : { comment: dropComment(drop) };
      writer.write({ interface: index, timeNs, data, direction, ...comment });
    });
  });
  return () => {
    for (const end of ends) end();
  };
}
