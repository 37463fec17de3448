/**
 * TCP between two stacks over links of every kind: what is read is what was written, byte for byte, in bounded time, and
 * all pools are full afterwards. What each transfer took is held in snapshots/tcp-link.txt (`vitest -u` writes it anew),
 * so that a change of behaviour shows as a change of a table.
 */
import { describe, expect, test } from "vitest";
import { type Transfer, transfer } from "./tcp-transfer.js";

const WAN = { delayUs: 20_000, bitRate: 10_000_000, queueFrames: 100 };

const CASES: readonly Transfer[] = [
  { name: "clean", link: WAN, there: 1_000_000, back: 0, withinS: 2 },
  { name: "clean, both ways", link: WAN, there: 500_000, back: 500_000, withinS: 2 },
  { name: "loss 1 %", link: { ...WAN, loss: 0.01 }, there: 500_000, back: 0, withinS: 20 },
  { name: "loss 5 %", link: { ...WAN, loss: 0.05 }, there: 200_000, back: 0, withinS: 60 },
  { name: "loss 10 %", link: { ...WAN, loss: 0.1 }, there: 100_000, back: 0, withinS: 120 },
  { name: "loss 20 %", link: { ...WAN, loss: 0.2 }, there: 50_000, back: 0, withinS: 400 },
  { name: "loss 5 %, both ways", link: { ...WAN, loss: 0.05 }, there: 100_000, back: 100_000, withinS: 90 },
  { name: "loss 20 %, both ways", link: { ...WAN, loss: 0.2 }, there: 20_000, back: 20_000, withinS: 400 },
  { name: "reordering", link: { ...WAN, reorder: 0.1, reorderUs: 5000 }, there: 300_000, back: 0, withinS: 10 },
  { name: "long reordering", link: { ...WAN, reorder: 0.1, reorderUs: 60_000 }, there: 300_000, back: 0, withinS: 20 },
  { name: "duplication", link: { ...WAN, duplicate: 0.2 }, there: 300_000, back: 100_000, withinS: 5 },
  { name: "corruption", link: { ...WAN, corrupt: 0.05 }, there: 200_000, back: 50_000, withinS: 60 },
  {
    name: "everything",
    link: { ...WAN, jitterUs: 8000, loss: 0.03, duplicate: 0.03, reorder: 0.05, reorderUs: 30_000, corrupt: 0.03 },
    there: 150_000,
    back: 150_000,
    withinS: 120,
  },
  { name: "MTU 576", link: { ...WAN, loss: 0.02 }, mtu: 576, there: 100_000, back: 20_000, withinS: 40 },
  { name: "MTU 296", link: { ...WAN, loss: 0.02 }, mtu: 296, there: 50_000, back: 20_000, withinS: 40 },
  { name: "MTU 68", link: { ...WAN, loss: 0.02 }, mtu: 68, there: 5000, back: 2000, withinS: 40 },
  { name: "tiny buffers", link: { ...WAN, loss: 0.02 }, buffer: 2048, there: 50_000, back: 50_000, withinS: 60 },
  { name: "huge buffers", link: { ...WAN, loss: 0.005 }, buffer: 1 << 20, there: 2_000_000, back: 0, withinS: 20 },
  { name: "a queue of ten", link: { ...WAN, queueFrames: 10 }, there: 500_000, back: 0, withinS: 10 },
  {
    name: "a long way",
    link: { delayUs: 300_000, bitRate: 50_000_000 },
    buffer: 1 << 20,
    there: 3_000_000,
    back: 0,
    withinS: 20,
  },
  { name: "no delay", link: { bitRate: 1_000_000_000 }, there: 2_000_000, back: 2_000_000, withinS: 1 },
  {
    name: "loss 5 %, no link addresses",
    link: { ...WAN, loss: 0.05 },
    medium: "ip",
    there: 50_000,
    back: 50_000,
    withinS: 60,
  },
];

async function line(one: Transfer, seed: number): Promise<string> {
  const { tookUs, ends } = await transfer(one, seed);
  return [
    one.name.padEnd(28),
    String(seed).padStart(4),
    (tookUs / 1e6).toFixed(3).padStart(9),
    ...ends.flatMap((end) => [String(end.segsOut).padStart(6), String(end.retransmits).padStart(5)]),
  ].join(" ");
}

const HEAD = ["case".padEnd(28), "seed", "seconds".padStart(9), "segs a", "retx", "segs b", "retx"].join(" ");

describe("two stacks over a link", () => {
  test("every byte arrives, in the time and with the segments that the table says", async () => {
    const lines = [HEAD];
    for (const one of CASES) for (const seed of [1, 2]) lines.push(await line(one, seed));
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("snapshots/tcp-link.txt");
  });
});
