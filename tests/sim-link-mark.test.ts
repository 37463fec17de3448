/** Congestion marks of a simulated queue: RFC 3168 §5. */
import { describe, expect, it } from "vitest";
import { expectAllAccountedFor, world } from "./drivers/sim-world.js";
import { data, ether, ipv4, readIpv4 } from "./stack/wire.js";

const NONE = 0;
const ECT1 = 1;
const ECT0 = 2;
const CE = 3;
/** 1 ms a frame of a thousand bytes. */
const SLOW = { bitRate: 8_000_000 };

const datagram = (ecn: number, id = 1) => ipv4({ tos: 0x28 | ecn, id }, data(966));
const frame = (ecn: number, id = 1) => ether({}, datagram(ecn, id));

describe("SimLink: marks", () => {
  it("marks the datagrams that find so many frames waiting, and mends their checksums", () => {
    const { clock, a, b, nicA } = world({ ...SLOW, markFrames: 2 });
    const sent = Array.from({ length: 6 }, (_, i) => frame(i === 4 ? ECT1 : ECT0, 0xffff - i));
    const before = sent.map((one) => [...one]);
    for (const one of sent) a.send(one);
    clock.advanceSync(10_000);
    const heads = b.received.map((one) => readIpv4(one.slice(14)));
    expect(heads.map(({ tos }) => tos & 3)).toEqual([ECT0, ECT0, ECT0, CE, CE, CE]);
    expect(heads.every(({ good, tos, payload }) => good && tos >> 2 === 10 && payload.length === 966)).toBe(true);
    expect(
      sent.map((one) => [...one]),
      "the sender's own bytes are not touched",
    ).toEqual(before);
    expect(nicA.counters).toMatchObject({ marked: 3, dropped: 0 });
    expectAllAccountedFor([nicA]);
  });

  it("mends every checksum there is", () => {
    const { clock, a, b } = world({ ...SLOW, markFrames: 0, queueFrames: 10_000 });
    for (let id = 0; id < 2000; id++) a.send(ether({}, ipv4({ tos: ECT0, id: (id * 33) & 0xffff })));
    clock.advanceSync(1e9);
    const heads = b.received.map((one) => readIpv4(one.slice(14)));
    expect(heads.filter(({ good, tos }) => good && tos === CE)).toHaveLength(1999);
  });

  it("touches nothing else: no ECN, CE already, other frames, short ones", () => {
    const { clock, a, b, nicA } = world({ ...SLOW, markFrames: 0 });
    const arp = ether({ type: 0x0806 }, datagram(ECT0));
    const six = ether({}, Uint8Array.from([0x60, ECT0, ...data(60)]));
    const others = [frame(NONE), frame(CE), arp, six, frame(ECT0).slice(0, 33), frame(ECT0).slice(0, 13)];
    for (const one of [frame(NONE), ...others]) a.send(one);
    clock.advanceSync(100_000);
    expect(b.received.slice(1)).toEqual(others);
    expect(nicA.counters.marked).toBe(0);
  });

  it("finds the datagram behind an 802.1Q tag, and on a link without Ethernet", () => {
    const tagged = world({ ...SLOW, markFrames: 0 });
    for (let i = 0; i < 2; i++) tagged.a.send(ether({ tag: 7 }, datagram(ECT0)));
    tagged.clock.advanceSync(10_000);
    expect(readIpv4((tagged.b.received[1] as Uint8Array<ArrayBuffer>).slice(18))).toMatchObject({
      tos: 0x2b,
      good: true,
    });
    const bare = world({ ...SLOW, markFrames: 0, medium: "ip" });
    for (let i = 0; i < 2; i++) bare.a.send(datagram(ECT0));
    bare.clock.advanceSync(10_000);
    expect(readIpv4(bare.b.received[1] as Uint8Array<ArrayBuffer>)).toMatchObject({ tos: 0x2b, good: true });
  });

  it("drops at the end of the queue all the same; a link without a bit rate has no queue, and marks nothing", () => {
    const { clock, a, nicA } = world({ ...SLOW, markFrames: 2, queueFrames: 3 });
    for (let i = 0; i < 6; i++) a.send(frame(ECT0));
    clock.advanceSync(10_000);
    expect(nicA.counters).toMatchObject({ marked: 1, dropped: 2 });
    const fast = world({ markFrames: 0 });
    for (let i = 0; i < 6; i++) fast.a.send(frame(ECT0));
    expect(fast.nicA.counters.marked).toBe(0);
  });
});
