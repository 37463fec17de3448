/**
 * A real frame: a TFTP read request as it was captured, decoded in words and given to a stack.
 */
import { VirtualClock } from "../../clock.js";
import type { Driver, DriverPort } from "../../drivers/driver.js";
import { decode, decodeFrame } from "../../tools/decode.js";
import { demand, during, type Step } from "./session.js";

/** 97 bytes: Ethernet, IPv4, UDP 1492 -> 69, a read request for "c:\qwerq.qwe" with three options. */
const CAPTURED = `
  00055d67d0b1 00055d6158a8 0800
  4500 0053 9325 0000 8011 25ec c0a80037 c0a80001
  05d4 0045 003f ac40
  0001 633a5c71776572712e71776500 6e6574617363696900
  626c6b73697a6500 35313200 74696d656f757400 313000 7473697a6500 3000`;
/** Ethernet, IPv4 and UDP headers. */
const HEADERS = 42;

function captured(): Uint8Array {
  const digits = CAPTURED.replace(/\s/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** The NIC of the station that the frame was sent to; what it sends is not looked at. */
class Station implements Driver {
  readonly medium = "ethernet";
  readonly mtu = 1500;
  readonly mac: Uint8Array;
  port: DriverPort | undefined;

  constructor(mac: Uint8Array) {
    this.mac = mac;
  }

  attach(port: DriverPort): void {
    this.port = port;
  }

  transmit(): boolean {
    return true;
  }
}

export const frame: Step = {
  name: "frame",
  title: "A captured frame, decoded and received",
  async run(session) {
    const bytes = captured();
    const layers = decodeFrame(bytes);
    session.line(decode(bytes));
    for (const name of ["IPv4", "UDP"]) {
      const layer = layers.find((one) => one.name === name);
      demand(layer?.checksum?.correct === true, `the checksum of ${name} does not verify`);
    }
    const clock = new VirtualClock();
    const stack = await session.boot({ name: "station", clock });
    const station = new Station(bytes.slice(0, 6));
    stack.addInterface(station, { address: "192.168.0.1/24" });
    const socket = await stack.udp.bind({ port: 69 });
    demand(station.port?.receive(bytes) === true, "the stack did not take the frame");
    const { address, port, size, ttl } = await during(clock, socket.receive());
    socket.close();
    session.line(`received  by the stack's socket on port 69: ${size} bytes from ${address}:${port}, TTL ${ttl}`);
    session.line();
    demand(size === bytes.length - HEADERS, `${size} bytes of payload arrived, of ${bytes.length - HEADERS}`);
    return { bytes: bytes.length, layers, received: { address, port, size, ttl } };
  },
};
