/**
 * Writes pcapng (draft-ietf-opsawg-pcapng): a section, an interface description for each interface, then a packet block
 * for each packet, with its time in nanoseconds, its direction and, where there is something to say, a comment.
 *
 *    0               4               8                                       total - 4
 *   +---------------+---------------+------------------------------- … ----+---------------+
 *   | block type    | total length  | body, options, padded to 32 bits     | total length  |
 *   +---------------+---------------+------------------------------- … ----+---------------+
 */
import { rangeError } from "../errors.js";
import type { CapturedPacket, CaptureInterface } from "./capture.js";
import * as NG from "./pcapng-blocks.js";

export class PcapngWriter {
  readonly #sink: (chunk: Uint8Array) => void;
  #interfaces = 0;

  /**
   * @param sink  is given the file piece by piece, each its own to keep
   * @param application  named in the file as what wrote it
   */
  constructor(sink: (chunk: Uint8Array) => void, application = "ringstack") {
    this.#sink = sink;
    const body = new Uint8Array(16);
    const view = new DataView(body.buffer);
    view.setUint32(0, NG.BYTE_ORDER_MAGIC, true);
    view.setUint16(4, NG.VERSION_MAJOR, true);
    view.setUint16(6, NG.VERSION_MINOR, true);
    // The section's length is not known as long as it is written: all ones.
    view.setBigInt64(8, -1n, true);
    this.#block(NG.BLOCK_SECTION, body, [option(NG.SHB_USERAPPL, utf8(application))]);
  }

  /** Describes an interface; its index, for write(). */
  addInterface(nif: CaptureInterface): number {
    const body = new Uint8Array(8);
    const view = new DataView(body.buffer);
    view.setUint16(0, nif.linkType, true);
    view.setUint32(4, nif.snapLength ?? 0, true);
    const options: Uint8Array[] = [];
    if (nif.name !== undefined) options.push(option(NG.IF_NAME, utf8(nif.name)));
    if (nif.description !== undefined) options.push(option(NG.IF_DESCRIPTION, utf8(nif.description)));
    options.push(option(NG.IF_TSRESOL, Uint8Array.of(9)));
    this.#block(NG.BLOCK_INTERFACE, body, options);
    return this.#interfaces++;
  }

  /** @throws RangeError for an interface that was not described, or a time before the epoch */
  write(packet: CapturedPacket): void {
    const { timeNs, data } = packet;
    if (!(packet.interface >= 0 && packet.interface < this.#interfaces)) {
      throw rangeError(`interface: ${packet.interface} was not described`);
    }
    if (timeNs < 0n) throw rangeError(`timeNs: ${timeNs} is before the epoch`);
    const body = new Uint8Array(20 + NG.padded(data.length));
    const view = new DataView(body.buffer);
    view.setUint32(0, packet.interface, true);
    view.setUint32(4, Number((timeNs >> 32n) & 0xffffffffn), true);
    view.setUint32(8, Number(timeNs & 0xffffffffn), true);
    view.setUint32(12, data.length, true);
    view.setUint32(16, packet.originalLength ?? data.length, true);
    body.set(data, 20);
    const options: Uint8Array[] = [];
    if (packet.comment !== undefined) options.push(option(NG.OPT_COMMENT, utf8(packet.comment)));
    if (packet.direction !== undefined) {
      options.push(option(NG.EPB_FLAGS, Uint8Array.of(packet.direction === "in" ? NG.INBOUND : NG.OUTBOUND, 0, 0, 0)));
    }
    this.#block(NG.BLOCK_PACKET, body, options);
  }

  #block(type: number, body: Uint8Array, options: readonly Uint8Array[]): void {
    const optionBytes = options.reduce((sum, { length }) => sum + length, 0);
    // Options end with one of no length, if there are any.
    const total = 12 + body.length + (optionBytes === 0 ? 0 : optionBytes + 4);
    const block = new Uint8Array(total);
    const view = new DataView(block.buffer);
    view.setUint32(0, type, true);
    view.setUint32(4, total, true);
    block.set(body, 8);
    let at = 8 + body.length;
    for (const bytes of options) {
      block.set(bytes, at);
      at += bytes.length;
    }
    view.setUint32(total - 4, total, true);
    this.#sink(block);
  }
}

const encoder = new TextEncoder();

/** What an option can hold of the text. */
function utf8(text: string): Uint8Array {
  return encoder.encode(text).subarray(0, 0xffff);
}

/** Code and length, u16 each, then the value, padded. */
function option(code: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + NG.padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, 4);
  return bytes;
}
