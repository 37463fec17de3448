// Small segments: when one goes, when one waits for another, and when one is acknowledged; and the smallest, which ask
// whether the peer is there. The peer is played.
import { expect, test } from "vitest";
import type { TcpSocket } from "../../src/index.js";
import { Host } from "./recording-driver.js";
import { ACK, PSH, readTcp, SYN, tcp } from "./tcp-wire.js";
import type { ReadIpv4 } from "./wire.js";

const ISS = 1000;
const MSS = 1460;

/** A connection of the peer's, from port 40000; `heard` are bytes of ours that it acknowledges, from 0. */
class Dialogue {
  #said = ISS + 1;

  private constructor(
    readonly host: Host,
    readonly socket: TcpSocket,
    readonly iss: number,
  ) {}

  static async begin(): Promise<Dialogue> {
    const host = await Host.create();
    const server = await host.stack.tcp.listen({ port: 80 });
    host.rxIp({ proto: 6 }, tcp({ seq: ISS, flags: SYN, options: [{ kind: "mss", mss: MSS }] }));
    const { seq } = readTcp(host.take().at(-1)?.ip as ReadIpv4);
    host.rxIp({ proto: 6 }, tcp({ seq: ISS + 1, ack: seq + 1 }));
    return new Dialogue(host, await server.accept(), seq + 1);
  }

  says(bytes: number, heard = 0): void {
    this.host.rxIp(
      { proto: 6 },
      tcp({ seq: this.#said, ack: this.iss + heard, flags: ACK | PSH }, Array(bytes).fill(7)),
    );
    this.#said += bytes;
  }

  /** What has come since: bytes of payload and bytes acknowledged. */
  hears(us = 0): { bytes: number; acked: number }[] {
    this.host.run(us);
    const segments = this.host.take().map(({ ip }) => readTcp(ip as ReadIpv4));
    return segments.map(({ data, ack }) => ({ bytes: data.length, acked: ack - ISS - 1 }));
  }
}

test("the end of a message follows its full segments at once; a second small segment waits until all is acknowledged (RFC 9293 3.7.4, A.3)", async () => {
  const d = await Dialogue.begin();
  await d.socket.write(new Uint8Array(2 * MSS + 1));
  expect(d.hears().map(({ bytes }) => bytes)).toEqual([MSS, MSS, 1]);
  await d.socket.write(new Uint8Array(5));
  expect(d.hears(), "one small segment is on its way").toEqual([]);
  await d.socket.write(new Uint8Array(MSS));
  expect(
    d.hears().map(({ bytes }) => bytes),
    "a full one goes",
  ).toEqual([MSS]);
  d.says(0, 2 * MSS);
  expect(d.hears(), "the small one is still on its way").toEqual([]);
  d.says(0, 3 * MSS + 1);
  expect(d.hears().map(({ bytes }) => bytes)).toEqual([5]);
  d.socket.setNoDelay();
  await d.socket.write(new Uint8Array(3));
  expect(
    d.hears().map(({ bytes }) => bytes),
    "without Nagle",
  ).toEqual([3]);
});

test("more than a full segment is acknowledged at once, what is less within the ACK's delay (RFC 9293 3.8.6.3)", async () => {
  const d = await Dialogue.begin();
  d.says(MSS);
  expect(d.hears(39_000), "one full segment waits for a second").toEqual([]);
  expect(d.hears(1000)).toEqual([{ bytes: 0, acked: MSS }]);
  d.says(MSS);
  d.says(MSS);
  expect(d.hears()).toEqual([{ bytes: 0, acked: 3 * MSS }]);
  d.says(MSS);
  d.says(1);
  expect(d.hears(), "the end of a message").toEqual([{ bytes: 0, acked: 4 * MSS + 1 }]);
  d.says(1);
  expect(d.hears(39_000)).toEqual([]);
  expect(d.hears(1000)).toEqual([{ bytes: 0, acked: 4 * MSS + 2 }]);
});

test("keepalive begins when it is asked for, though nothing else happens (RFC 9293 3.8.4)", async () => {
  const d = await Dialogue.begin();
  d.hears();
  d.socket.setKeepAlive(true, { idleMs: 500 });
  expect(d.hears(499_000)).toEqual([]);
  expect(d.hears(2000)).toEqual([{ bytes: 0, acked: 0 }]);
});

test("a probe that is answered does not count, however far apart the probes are (RFC 9293 3.8.4)", async () => {
  const d = await Dialogue.begin();
  d.hears();
  d.socket.setKeepAlive(true, { idleMs: 500, intervalMs: 1000, count: 3 });
  d.hears(501_000);
  for (let i = 0; i < 10; i++) {
    d.says(0);
    expect(d.hears(1_001_000), `probe ${i}`).toEqual([{ bytes: 0, acked: 0 }]);
  }
  expect(d.hears(2_002_000), "three without an answer").toHaveLength(2);
  d.hears(1_001_000);
  await expect(d.socket.closed).rejects.toMatchObject({ code: "ETIMEDOUT" });
});
