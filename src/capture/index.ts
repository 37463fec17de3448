/**
 * Captures: what crosses interfaces as pcapng, and captures read: `ringstack/capture`.
 */
export {
  type Capture,
  type CapturedPacket,
  CaptureError,
  type CaptureInterface,
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
} from "./capture.js";
export { readCapture } from "./pcap-reader.js";
export { PcapngWriter } from "./pcapng-writer.js";
export { type CaptureOptions, capture } from "./tee.js";
