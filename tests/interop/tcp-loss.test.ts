// Our stack and the kernel's over a line that loses, reorders, doubles, spoils and delays, by a seed: all arrives.
import { expect } from "vitest";
import type { LinkConditions } from "../../src/index.js";
import { overLine } from "./line.js";
import { interop } from "./need.js";
import { bytesOf, connected, hear, heardOf } from "./tcp-peer.js";

const LINES: readonly (readonly [string, number, Partial<LinkConditions>])[] = [
  ["1 % lost", 2 << 20, { loss: 0.01, delayUs: 1000 }],
  [
    "3 % lost, 1 % doubled, 1 % spoilt, 2 % late",
    1 << 20,
    { loss: 0.03, duplicate: 0.01, corrupt: 0.01, reorder: 0.02, reorderUs: 5000, delayUs: 1000, jitterUs: 1000 },
  ],
  ["5 % lost, a path of 20 ms", 1 << 19, { loss: 0.05, delayUs: 10_000, jitterUs: 2000 }],
];

for (const [name, size, conditions] of LINES) {
  interop(`${name}: all arrives, both ways at once, with SACK and without`, ["python3", "tshark"], () =>
    overLine(conditions, async (ends) => {
      const { switches } = ends.ours.stack;
      const counters = () => ends.ours.stack.statistics().counters;
      switches.set("TCP_RTO_MIN_MS", 200);
      const transfer = async () => {
        const [theirs, socket] = await connected(ends);
        const [heard, got] = await Promise.all([
          theirs.receive(),
          hear(socket),
          socket.end(bytesOf(size, "ours")),
          theirs.send(size, "theirs").then(() => theirs.shutdown()),
        ]);
        expect([heard, got]).toEqual([heardOf(size, "ours"), heardOf(size, "theirs")]);
      };
      await transfer();
      const { TCP_SACK_RECOVERIES } = counters();
      expect(TCP_SACK_RECOVERIES).toBeGreaterThan(0);
      switches.set("TCP_SACK", 0);
      await transfer();
      expect(counters().TCP_SACK_RECOVERIES).toBe(TCP_SACK_RECOVERIES);
      expect(counters().TCP_FAST_RECOVERIES).toBeGreaterThan(TCP_SACK_RECOVERIES);
      expect(counters().TCP_IN_OUT_OF_ORDER).toBeGreaterThan(0);
    }),
  );
}
