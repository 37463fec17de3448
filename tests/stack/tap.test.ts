/** Taps: the frames of an interface as captures have them, and why one was dropped. */
import { describe, expect, test } from "vitest";
import { capture, readCapture } from "../../src/capture/index.js";
import type { TapInfo } from "../../src/index.js";
import { boot } from "./harness.js";
import { Host, OUR_MAC, PEER } from "./recording-driver.js";
import { ether, ipv4, udp } from "./wire.js";

/** Taps the interface: what was shown, the frames as their last two bytes of text. */
function tapped(nif: Host["nif"]) {
  const shown: (TapInfo & { readonly length: number })[] = [];
  const stop = nif.tap((frame, info) => shown.push({ ...info, length: frame.length }));
  return { shown, stop };
}

describe("a tap", () => {
  test("shows what comes in and what leaves, in order, with the clock's time", async () => {
    const host = await Host.create();
    const { shown } = tapped(host.nif);
    host.rxIcmp({ type: 8 }, [1, 2, 3]);
    const arp = 42;
    // The peer is not a neighbour yet: the reply waits for one.
    expect(shown.map(({ direction, drop }) => [direction, drop])).toEqual([
      ["in", undefined],
      ["out", undefined],
    ]);
    expect(shown[1]?.length).toBeGreaterThanOrEqual(arp);
    expect(shown.every(({ timeUs }) => timeUs === host.stack.clock.now())).toBe(true);
  });

  test("names the reason of the frame that was dropped, among frames that were not", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 5000 });
    const { shown } = tapped(host.nif);
    const good = ether({ dst: OUR_MAC }, ipv4({}, udp({ dstPort: 5000 })));
    const frames = [
      good,
      ether({ dst: OUR_MAC }, ipv4({ checksum: 1 }, udp({ dstPort: 5000 }))),
      good,
      ether({ dst: "02:00:00:00:01:77" }, ipv4({}, udp({}))),
      good,
    ];
    for (const frame of frames) host.rx(frame);
    host.run();
    const received = shown.filter(({ direction }) => direction === "in").map(({ drop }) => drop);
    expect(received).toEqual([undefined, "IP_CHECKSUM", undefined, "ETHER_NOT_FOR_US", undefined]);
    socket.close();
  });

  test("does not blame a frame for what its buffer carries later", async () => {
    const host = await Host.create();
    const socket = await host.stack.udp.bind({ port: 5000 });
    const { shown } = tapped(host.nif);
    host.rxUdp({ dstPort: 5000 });
    socket.close();
    host.rxUdp({ dstPort: 5000 });
    host.run();
    const received = shown.filter(({ direction }) => direction === "in").map(({ drop }) => drop);
    expect(received).toEqual([undefined, "UDP_NO_PORT"]);
  });

  test("on lo shows each packet once, coming in", async () => {
    const stack = await boot();
    const lo = stack.interface("lo");
    const { shown, stop } = tapped(lo);
    const reply = stack.ping("127.0.0.1");
    await (stack.clock as import("../../src/index.js").VirtualClock).advance(1000);
    await reply;
    expect(shown.map(({ direction, length }) => [direction, length])).toEqual([
      ["in", 84],
      ["in", 84],
    ]);
    stop();
    const again = stack.ping("127.0.0.1");
    await (stack.clock as import("../../src/index.js").VirtualClock).advance(1000);
    await again;
    expect(shown).toHaveLength(2);
  });
});

describe("a capture of interfaces", () => {
  test("is a pcapng file with directions, and drop reasons as comments", async () => {
    const host = await Host.create();
    const chunks: Uint8Array[] = [];
    const stop = capture(host.stack.interfaces, (chunk) => chunks.push(chunk), { epochMs: 1000.25 });
    host.rxUdp({ dstPort: 9, checksum: 1 });
    try {
      (await host.stack.udp.bind()).trySend("x", { address: PEER, port: 9 });
    } finally {
      host.run();
      stop();
    }
    const { interfaces, packets } = readCapture(Uint8Array.from(chunks.flatMap((chunk) => [...chunk])));
    expect(interfaces.map(({ name, linkType }) => [name, linkType])).toEqual([
      ["lo", 101],
      ["eth0", 1],
    ]);
    expect(packets.map(({ interface: nif, direction, comment }) => [nif, direction, comment])).toEqual([
      [1, "in", "dropped: UDP datagrams with a bad checksum (UDP_CHECKSUM)"],
      [1, "out", undefined],
    ]);
    expect(packets[0]?.timeNs).toBeGreaterThanOrEqual(1_000_000_000n);
  });
});
