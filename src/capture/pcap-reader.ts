/**
 * Reads captures: classic pcap (micro- and nanoseconds) and pcapng, in either byte order. Total on any bytes: what is
 * wrong is a CaptureError with its place, and nothing is allocated by a length that the file does not bear out.
 */

import { typeError } from "../errors.js";
import { type Capture, type CapturedPacket, CaptureError, type CaptureInterface } from "./capture.js";
import * as NG from "./pcapng-blocks.js";

const PCAP_MICRO = 0xa1b2c3d4;
const PCAP_NANO = 0xa1b23c4d;

/** @throws CaptureError for what is no capture; TypeError for what is no array of bytes */
export function readCapture(bytes: Uint8Array): Capture {
  if (!(bytes instanceof Uint8Array)) throw typeError("readCapture: a Uint8Array is needed");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) throw new CaptureError("no capture file: fewer than 4 bytes", 0);
  for (const little of [true, false]) {
    const magic = view.getUint32(0, little);
    if (magic === PCAP_MICRO) return readPcap(view, little, 1000n);
    if (magic === PCAP_NANO) return readPcap(view, little, 1n);
  }
  if (view.getUint32(0) === NG.BLOCK_SECTION) return new PcapngReader(view).read();
  throw new CaptureError("no capture file: neither pcap nor pcapng begins so", 0);
}

/** Header of 24 bytes, then each packet behind 16: seconds, fraction, bytes kept, bytes there were. */
function readPcap(view: DataView, little: boolean, unitNs: bigint): Capture {
  if (view.byteLength < 24) throw new CaptureError("the file header is cut off", view.byteLength);
  // The upper bits of the link type may tell of an FCS; the type itself has 16.
  const nif = { linkType: view.getUint32(20, little) & 0xffff, snapLength: view.getUint32(16, little) };
  const packets: CapturedPacket[] = [];
  for (let at = 24; at < view.byteLength; ) {
    if (view.byteLength - at < 16) throw new CaptureError("a packet header is cut off", at);
    const length = view.getUint32(at + 8, little);
    if (length > view.byteLength - at - 16) throw new CaptureError(`a packet of ${length} bytes is cut off`, at);
    const timeNs =
      BigInt(view.getUint32(at, little)) * 1_000_000_000n + BigInt(view.getUint32(at + 4, little)) * unitNs;
    const originalLength = view.getUint32(at + 12, little);
    packets.push({ interface: 0, timeNs, data: piece(view, at + 16, length), originalLength });
    at += 16 + length;
  }
  return { interfaces: [nif], packets };
}

function piece(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}

/** How an interface's times are read: ticks * numerator / denominator + offset, ns. */
interface TimeScale {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly offsetNs: bigint;
}

class PcapngReader {
  readonly #view: DataView;
  readonly #interfaces: CaptureInterface[] = [];
  readonly #scales: TimeScale[] = [];
  readonly #packets: CapturedPacket[] = [];
  /** Index of the section's first interface: each section counts its own from 0. */
  #first = 0;
  #little = true;

  constructor(view: DataView) {
    this.#view = view;
  }

  read(): Capture {
    for (let at = 0; at < this.#view.byteLength; ) at = this.#block(at);
    return { interfaces: this.#interfaces, packets: this.#packets };
  }

  /** Reads the block at `at`; where the next one begins. */
  #block(at: number): number {
    const left = this.#view.byteLength - at;
    if (left < 12) throw new CaptureError("a block is cut off", at);
    const section = this.#view.getUint32(at) === NG.BLOCK_SECTION;
    if (section) this.#section(at, left);
    const length = this.#view.getUint32(at + 4, this.#little);
    if (length < 12 || (length & 3) !== 0) throw new CaptureError(`a block cannot be ${length} bytes long`, at);
    if (length > left) throw new CaptureError(`a block of ${length} bytes is cut off`, at);
    if (this.#view.getUint32(at + length - 4, this.#little) !== length) {
      throw new CaptureError("a block ends with another length than it begins with", at);
    }
    const end = at + length - 4;
    switch (section ? NG.BLOCK_SECTION : this.#view.getUint32(at, this.#little)) {
      case NG.BLOCK_INTERFACE:
        this.#interface(at + 8, end);
        break;
      case NG.BLOCK_PACKET:
        this.#packet(at + 8, end);
        break;
      case NG.BLOCK_SIMPLE_PACKET:
        this.#simplePacket(at + 8, end);
        break;
    }
    return at + length;
  }

  #section(at: number, left: number): void {
    if (left < 28) throw new CaptureError("a section header is cut off", at);
    this.#little = this.#view.getUint32(at + 8, true) === NG.BYTE_ORDER_MAGIC;
    if (!this.#little && this.#view.getUint32(at + 8) !== NG.BYTE_ORDER_MAGIC) {
      throw new CaptureError("a section of no byte order", at + 8);
    }
    const major = this.#view.getUint16(at + 12, this.#little);
    if (major !== NG.VERSION_MAJOR) throw new CaptureError(`pcapng of version ${major}`, at + 12);
    this.#first = this.#interfaces.length;
  }

  #interface(at: number, end: number): void {
    this.#need(at, 8, end, "an interface description");
    const nif: { -readonly [K in keyof CaptureInterface]: CaptureInterface[K] } = {
      linkType: this.#view.getUint16(at, this.#little),
      snapLength: this.#view.getUint32(at + 4, this.#little),
    };
    let resolution = 6;
    let offsetNs = 0n;
    for (const { code, value } of this.#options(at + 8, end)) {
      if (code === NG.IF_NAME) nif.name = text(value);
      else if (code === NG.IF_DESCRIPTION) nif.description = text(value);
      else if (code === NG.IF_TSRESOL && value.length >= 1) resolution = value[0] as number;
      else if (code === NG.IF_TSOFFSET && value.length >= 8) {
        const view = new DataView(value.buffer, value.byteOffset, 8);
        offsetNs = view.getBigInt64(0, this.#little) * 1_000_000_000n;
      }
    }
    this.#interfaces.push(nif);
    // The top bit tells powers of two from powers of ten.
    const base = resolution & 0x80 ? 2n : 10n;
    this.#scales.push({ numerator: 1_000_000_000n, denominator: base ** BigInt(resolution & 0x7f), offsetNs });
  }

  #packet(at: number, end: number): void {
    this.#need(at, 20, end, "a packet block");
    const index = this.#first + this.#view.getUint32(at, this.#little);
    const scale = this.#scales[index];
    if (scale === undefined) throw new CaptureError("a packet of an interface that was not described", at);
    const high = BigInt(this.#view.getUint32(at + 4, this.#little));
    const ticks = (high << 32n) | BigInt(this.#view.getUint32(at + 8, this.#little));
    const length = this.#view.getUint32(at + 12, this.#little);
    this.#need(at + 20, length, end, "a packet");
    const packet: { -readonly [K in keyof CapturedPacket]: CapturedPacket[K] } = {
      interface: index,
      timeNs: (ticks * scale.numerator) / scale.denominator + scale.offsetNs,
      data: piece(this.#view, at + 20, length),
      originalLength: this.#view.getUint32(at + 16, this.#little),
    };
    for (const { code, value } of this.#options(at + 20 + NG.padded(length), end)) {
      if (code === NG.OPT_COMMENT) packet.comment = text(value);
      if (code !== NG.EPB_FLAGS || value.length < 4) continue;
      const flags = new DataView(value.buffer, value.byteOffset, 4).getUint32(0, this.#little) & 3;
      if (flags === NG.INBOUND) packet.direction = "in";
      else if (flags === NG.OUTBOUND) packet.direction = "out";
    }
    this.#packets.push(packet);
  }

  /** Without a time, and of the section's first interface. */
  #simplePacket(at: number, end: number): void {
    this.#need(at, 4, end, "a packet block");
    const nif = this.#interfaces[this.#first];
    if (nif === undefined) throw new CaptureError("a packet of an interface that was not described", at);
    const originalLength = this.#view.getUint32(at, this.#little);
    const length = Math.min(originalLength, nif.snapLength || Infinity, end - at - 4);
    this.#packets.push({
      interface: this.#first,
      timeNs: 0n,
      data: piece(this.#view, at + 4, length),
      originalLength,
    });
  }

  #need(at: number, length: number, end: number, what: string): void {
    if (length > end - at) throw new CaptureError(`${what} is cut off`, at);
  }

  *#options(from: number, end: number): Generator<{ code: number; value: Uint8Array }> {
    let at = from;
    while (end - at >= 4) {
      const code = this.#view.getUint16(at, this.#little);
      const length = this.#view.getUint16(at + 2, this.#little);
      if (code === NG.OPT_END) return;
      this.#need(at + 4, length, end, "an option");
      yield { code, value: piece(this.#view, at + 4, length) };
      at += 4 + NG.padded(length);
    }
  }
}

const decoder = new TextDecoder();

function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
