/**
 * The worst that a peer can send out of order: every second byte of the window, so that each leaves a hole of its own.
 * What is kept lies in the receive ring, and of ranges there are as many as the boot record says: no more is held, what
 * goes beyond is counted and dropped, and filling holes works all the same.
 */
import { expect, test } from "vitest";
import { HANDLE_INDEX, PCB_TCB } from "../../assembly/abi/socket.js";
import { TCB_RANGES } from "../../assembly/abi/tcp.js";
import { Host } from "./recording-driver.js";
import { ACK, readTcp, SYN, type TcpFields, type TcpOption, tcp } from "./tcp-wire.js";
import type { ReadIpv4 } from "./wire.js";

const PEER_ISS = 1000;
const RANGES = 4;
const BYTES = 200;
const SACK_OK: TcpOption = { kind: "sackOK" };
const byteAt = (offset: number) => (offset * 7 + 3) & 0xff;

/** Offsets 0 to BYTES - 1, the odd ones first, in the order that the name says. */
const ORDERS: Record<string, (odd: number[]) => number[]> = {
  "from the left": (odd) => odd,
  "from the right": (odd) => odd.toReversed(),
  "from the middle to both sides": (odd) =>
    odd.toSorted((a, b) => Math.abs(a - BYTES / 2) - Math.abs(b - BYTES / 2) || a - b),
};

for (const [name, order] of Object.entries(ORDERS)) {
  test(`every second byte of the window, ${name}: ranges are bounded, and all arrives once the holes are filled`, async () => {
    const host = await Host.create({ tcpRanges: RANGES });
    const server = await host.stack.tcp.listen({ port: 80 });
    const rx = (fields: TcpFields, payload: number[] = []) =>
      host.rxIp({ proto: 6 }, tcp({ srcPort: 40000, dstPort: 80, ...fields }, payload));
    const answers = () => host.take().map((frame) => readTcp(frame.ip as ReadIpv4));
    rx({ seq: PEER_ISS, flags: SYN, options: [SACK_OK] });
    const ack = ((answers().at(-1)?.seq ?? 0) + 1) >>> 0;
    rx({ seq: PEER_ISS + 1, ack, flags: ACK });
    const socket = await server.accept();
    host.take();
    const byte = (offset: number) => rx({ seq: PEER_ISS + 1 + offset, ack, flags: ACK }, [byteAt(offset)]);
    const record = host.stack.core.exports.sock_record(socket.handle & HANDLE_INDEX);
    const tcb = host.stack.core.u32[(record + PCB_TCB) >> 2] as number;
    const held = () => host.stack.core.u8[tcb + TCB_RANGES] as number;

    const odd = Array.from({ length: BYTES / 2 }, (_, i) => 2 * i + 1);
    for (const offset of order(odd)) {
      byte(offset);
      expect(held(), "ranges").toBeLessThanOrEqual(RANGES);
      const answer = answers().at(-1);
      // RFC 5681 §4.2: each is answered at once, kept or not; by SACK with what is kept, at most four of it.
      expect(answer?.ack).toBe(PEER_ISS + 1);
      const sack = answer?.options.find((option) => option.kind === "sack");
      expect(sack?.kind === "sack" && sack.blocks.length).toBe(Math.min(held(), 4));
    }
    expect(held()).toBe(RANGES);
    expect(host.stack.statistics().drops.TCP_HOLES).toBe(BYTES / 2 - RANGES);
    expect(host.stack.statistics().counters.TCP_IN_OUT_OF_ORDER).toBe(BYTES / 2);
    // The peer sends what is not acknowledged, in order, as after a timeout.
    for (let offset = 0; offset < BYTES; offset++) byte(offset);
    expect(held()).toBe(0);
    expect(await socket.read()).toEqual(Uint8Array.from({ length: BYTES }, (_, i) => byteAt(i)));
    socket.abort();
    server.close();
  });
}
