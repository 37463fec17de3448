/** Paths that swallow long segments without a word, in virtual time: RFC 4821, against black holes of RFC 2923 §2.1. */
import { describe, expect, test } from "vitest";
import { type LinkConditions, SimLink, type Stack, VirtualClock } from "../../src/index.js";
import { boot, checkPools, drain } from "./harness.js";
import { pattern, within } from "./tcp-pair.js";

const WAN: Partial<LinkConditions> = { delayUs: 10_000, bitRate: 10_000_000, queueFrames: 200 };
const ETHER_HDR_LEN = 14;

/** Two stacks, and between them a link that drops IP packets longer than `hole.most`. */
async function world(conditions: Partial<LinkConditions> = {}, seed = 1) {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed, ...WAN, ...conditions });
  const hole = { most: Infinity, swallowed: 0 };
  const stacks: Stack[] = [];
  for (const number of [1, 2]) {
    const nic = link.nic();
    const transmit = nic.transmit.bind(nic);
    nic.transmit = (frame, ...rest) => {
      if (frame.length - ETHER_HDR_LEN <= hole.most) return transmit(frame, ...rest);
      hole.swallowed++;
      return true;
    };
    const stack = await boot({ clock, seed: [seed, number, 1, 1], rings1M: 4 });
    stack.addInterface(nic, { address: `10.0.0.${number}/24` });
    stacks.push(stack);
  }
  const [a, b] = stacks as [Stack, Stack];
  const server = await b.tcp.listen({ port: 7000, receiveBuffer: 65_536 });
  const [client, peer] = await within(
    clock,
    Promise.all([a.tcp.connect({ address: "10.0.0.2", port: 7000, sendBuffer: 65_536 }), server.accept()]),
  );
  /** Sends so many bytes; ends when all have been read. */
  const transfer = async (bytes: number): Promise<void> => {
    const wanted = pattern(bytes);
    const read = async () => {
      for (let at = 0; at < bytes; ) {
        const chunk = await peer.read();
        if (chunk === null) throw new Error("the end too soon");
        expect(Buffer.compare(chunk, wanted.subarray(at, at + chunk.length))).toBe(0);
        at += chunk.length;
      }
    };
    await Promise.all([client.write(wanted), read()]);
  };
  /** The same: how long it takes, seconds. */
  const send = async (bytes: number): Promise<number> => {
    const beginUs = clock.now();
    await within(clock, transfer(bytes));
    return (clock.now() - beginUs) / 1e6;
  };
  const counters = () => a.statistics().counters;
  const end = async () => {
    await within(clock, Promise.all([client.close(), peer.close()]));
    server.close();
    await clock.advance(200e6);
    for (const stack of stacks) {
      drain(stack);
      checkPools(stack);
    }
  };
  return { clock, hole, a, client, transfer, send, counters, end };
}

describe("black holes (RFC 4821)", () => {
  test.each([1000, 1300, 1480])("of what is longer than %d: all arrives, in segments nearly as long", async (most) => {
    const { hole, client, send, counters, end } = await world();
    hole.most = most;
    const tookS = await send(1_000_000);
    // Two timeouts, or three, and a few lost probes, are what it costs.
    expect(tookS).toBeLessThan(20);
    expect(counters()).toMatchObject({ TCP_MTU_BLACK_HOLES: 1 });
    const mtu = client.info().mss + 52;
    expect(mtu).toBeLessThanOrEqual(most);
    expect(mtu).toBeGreaterThan(most - 32);
    // And now it is as fast as such a path can be; of that only what is lost by its length is sent again.
    const before = counters().TCP_TIMEOUTS as number;
    expect(await send(1_000_000)).toBeLessThan(1.35);
    expect(counters().TCP_TIMEOUTS).toBe(before);
    await end();
  });

  test("which opens while the connection lasts, and closes: ten minutes later segments are long again", async () => {
    const { clock, hole, client, send, counters, end } = await world();
    await send(300_000);
    const whole = client.info().mss;
    expect(counters()).toMatchObject({ TCP_MTU_PROBES: 0, TCP_MTU_BLACK_HOLES: 0 });
    hole.most = 1000;
    await send(1_000_000);
    expect(client.info().mss).toBeLessThan(1000);
    hole.most = Infinity;
    await send(300_000);
    expect(client.info().mss).toBeLessThan(1000);
    await clock.advance(600e6);
    await send(300_000);
    expect(client.info().mss).toBe(whole);
    expect(counters()).toMatchObject({ TCP_MTU_BLACK_HOLES: 1 });
    await end();
  });

  test("a line that is dead for ten seconds is none: segments are long again at once", async () => {
    const { clock, hole, client, transfer, send, counters, end } = await world();
    await send(300_000);
    const whole = client.info().mss;
    hole.most = 0;
    const sending = transfer(1_000_000);
    await clock.advance(10e6);
    expect(client.info().mss).toBeLessThan(600);
    hole.most = Infinity;
    await within(clock, sending);
    expect(client.info().mss).toBe(whole);
    expect((counters().TCP_MTU_PROBES as number) < 4).toBe(true);
    await end();
  });

  test.each([1, 2, 3, 4])("loss by chance, one in a hundred, never makes one suspected (seed %d)", async (seed) => {
    const { send, counters, end } = await world({ loss: 0.01 }, seed);
    await send(2_000_000);
    expect(counters()).toMatchObject({ TCP_MTU_PROBES: 0, TCP_MTU_BLACK_HOLES: 0 });
    expect(counters().TCP_RETRANS_SEGS).toBeGreaterThan(5);
    await end();
  });

  test("probes that are lost by chance alone are repeated: the whole MTU is found again", async () => {
    const { hole, clock, client, transfer, send, end } = await world({ loss: 0.05 }, 3);
    await send(100_000);
    const whole = client.info().mss;
    hole.most = 0;
    const sending = transfer(600_000);
    await clock.advance(5e6);
    hole.most = Infinity;
    await within(clock, sending);
    expect(client.info().mss).toBe(whole);
    await end();
  });
});

describe("the switch TCP_MTU_PROBING", () => {
  test("0: never, not in a black hole either", async () => {
    const { clock, hole, a, client, transfer, counters, end } = await world();
    a.switches.set("TCP_MTU_PROBING", 0);
    hole.most = 1000;
    const sending = transfer(100_000);
    await clock.advance(60e6);
    expect(client.info().bytesAcked).toBe(0);
    expect(counters()).toMatchObject({ TCP_MTU_PROBES: 0, TCP_MTU_BLACK_HOLES: 0 });
    hole.most = Infinity;
    await within(clock, sending);
    await end();
  });
});
