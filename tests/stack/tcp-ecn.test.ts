/** Two stacks with ECN (RFC 3168) over a bottleneck that marks: nothing is lost, the queue stays short, the line full. */
import { describe, expect, test } from "vitest";
import type { LinkConditions, Stack } from "../../src/index.js";
import { checkPools, drain } from "./harness.js";
import { all, Pair, pattern } from "./tcp-pair.js";

const ASKS = 1;
const ACCEPTS = 2;

/** 10 Mbit/s and 20 ms: 25,000 bytes, or 17 full segments, are on their way. */
const BOTTLENECK: Partial<LinkConditions> = { delayUs: 10_000, bitRate: 10_000_000, queueFrames: 200 };
const BYTES = 4_000_000;

interface Transfer {
  readonly pair: Pair;
  /** Of the line's capacity, headers counted. */
  readonly share: number;
  readonly counters: Readonly<Record<string, number>>;
  /** Most frames that waited or were on their way. */
  readonly most: number;
}

async function transfer(conditions: Partial<LinkConditions>, ecn: readonly [number, number]): Promise<Transfer> {
  const pair = await Pair.linked({ ...BOTTLENECK, ...conditions }, { rings1M: 4 });
  for (const [i, stack] of [pair.a, pair.b].entries()) stack.switches.set("TCP_ECN", ecn[i] as number);
  const { client, peer, server } = await pair.connect({ sendBuffer: 262_144 }, { receiveBuffer: 262_144 });
  const beginUs = pair.clock.now();
  const nic = pair.link?.nics[0];
  let most = 0;
  if (pair.link !== undefined) pair.link.onFrame = () => (most = Math.max(most, nic?.counters.inFlight ?? 0));
  const got = all(peer);
  const sent = client.write(pattern(BYTES)).then(() => client.end());
  const bytes = await pair.within(got);
  const tookUs = pair.clock.now() - beginUs;
  await pair.within(sent);
  expect(Buffer.compare(bytes, pattern(BYTES))).toBe(0);
  await pair.within(Promise.all([client.close(), peer.close()]));
  server.close();
  const { counters } = pair.a.statistics();
  const share = (BYTES * 8 * (1514 / 1448)) / 10 / tookUs;
  return { pair, share, counters, most };
}

async function end({ pair }: Transfer): Promise<void> {
  await pair.run(200e6);
  for (const stack of [pair.a, pair.b] as Stack[]) {
    drain(stack);
    checkPools(stack);
  }
}

describe("ECN over a bottleneck", () => {
  test("that marks: no loss at all, the line full, the queue short (RFC 3168)", async () => {
    const one = await transfer({ markFrames: 20 }, [ASKS, ACCEPTS]);
    const link = one.pair.link?.nics[0]?.counters;
    expect(link?.dropped).toBe(0);
    expect(link?.marked).toBeGreaterThan(5);
    expect(one.counters).toMatchObject({ TCP_RETRANS_SEGS: 0, TCP_TIMEOUTS: 0, TCP_FAST_RECOVERIES: 0 });
    expect(one.counters.TCP_ECN_REDUCTIONS).toBeGreaterThan(1);
    expect(one.pair.b.statistics().counters.TCP_IN_CE).toBe(link?.marked);
    expect(one.share).toBeGreaterThan(0.93);
    // 17 on their way, 20 that may wait unmarked, and what slow start adds in the round trip before it hears of that.
    expect(one.most).toBeLessThan(120);
    await end(one);
  });

  test("that marks every frame that waits: one or two segments in flight, and none is lost", async () => {
    const one = await transfer({ markFrames: 0 }, [ASKS, ACCEPTS]);
    expect(one.pair.link?.nics[0]?.counters.dropped).toBe(0);
    expect(one.counters).toMatchObject({ TCP_RETRANS_SEGS: 0 });
    expect(one.share).toBeGreaterThan(0.05);
    await end(one);
  });

  test.each<[string, readonly [number, number]]>([
    ["the one who connects only accepts", [ACCEPTS, ACCEPTS]],
    ["the one who listens will not", [ASKS, 0]],
  ])("without ECN, as %s, nothing is marked, and what is too much is dropped", async (_, ecn) => {
    const one = await transfer({ markFrames: 20, queueFrames: 30 }, ecn);
    const link = one.pair.link?.nics[0]?.counters;
    expect(link?.marked).toBe(0);
    expect(link?.dropped).toBeGreaterThan(0);
    expect(one.counters.TCP_ECN_REDUCTIONS).toBe(0);
    await end(one);
  });

  test("with loss besides: each window is reduced for the one or the other, and every byte arrives", async () => {
    const one = await transfer({ markFrames: 20, loss: 0.005 }, [ASKS, ACCEPTS]);
    expect(one.counters.TCP_RETRANS_SEGS).toBeGreaterThan(5);
    expect(one.counters.TCP_ECN_REDUCTIONS).toBeGreaterThan(0);
    await end(one);
  });
});
