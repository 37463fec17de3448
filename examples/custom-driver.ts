/**
 * A driver of one's own: Ethernet through a MessagePort, to another thread, a worker or a frame of the page. The other
 * side may be a stack with the same driver, or anything that posts and takes whole frames as Uint8Array.
 */
import type { Driver, DriverPort } from "../src/drivers/driver.js";

export class MessagePortDriver implements Driver {
  readonly medium = "ethernet";
  readonly mtu = 1500;

  constructor(
    readonly mac: Uint8Array,
    private readonly channel: MessagePort,
  ) {}

  attach(port: DriverPort): void {
    this.channel.onmessage = ({ data }) => {
      if (data instanceof Uint8Array) port.receive(data);
      else port.carrier(data === "up");
    };
    this.channel.postMessage("up");
  }

  transmit(frame: Uint8Array): boolean {
    const copy = frame.slice(); // the view is valid during this call only
    this.channel.postMessage(copy, [copy.buffer]);
    return true;
  }

  detach(): void {
    this.channel.postMessage("down");
    this.channel.onmessage = null;
    this.channel.close();
  }
}
