// Our stack and lwIP's as the server, which knows neither SACK nor timestamps, by an MTU of 576 bytes.
import { afterAll, beforeAll, expect } from "vitest";
import { ROUGH } from "./line.js";
import { interop, misses } from "./need.js";
import { asks, besideProgram, built, exchanged, lwip } from "./program.js";
import { NOTHING_LOST } from "./tcp-peer.js";

const NEEDS = ["gcc", "file /usr/include/lwip/netif/tapif.h", "tshark"];
const MB = 1 << 20;

let program: ReturnType<typeof built>;
beforeAll(() => {
  if (misses(...NEEDS) === undefined) program = built(lwip);
}, 60_000);
afterAll(() => program?.remove());

interop("lwIP: bulk on a clean path, each way and both at once; questions and answers", NEEDS, () =>
  besideProgram(lwip, program.folder, undefined, async (far) => {
    await far.program.serves("exchange", 5002);
    await exchanged(far, "we connect", [MB, 0]);
    await exchanged(far, "we connect", [0, MB]);
    // Its mailbox holds 128 frames, and loses what comes beyond: a window of ours and its own together are more.
    await exchanged(far, "we connect", [MB, MB], { sendBuffer: 16384 });
    await asks(far, 200);
    expect(far.ours.stack.statistics().counters).toMatchObject({
      ...NOTHING_LOST,
      TCP_IN_OUT_OF_ORDER: 0,
      TCP_ESTAB_RESETS: 0,
    });
  }),
);

interop("lwIP over a rough line: all arrives, each way and both at once", NEEDS, () =>
  besideProgram(lwip, program.folder, ROUGH, async (far) => {
    far.ours.stack.switches.set("TCP_RTO_MIN_MS", 200);
    await far.program.serves("exchange", 5002);
    await exchanged(far, "we connect", [MB / 8, 0]);
    await exchanged(far, "we connect", [0, MB / 8]);
    await exchanged(far, "we connect", [MB / 8, MB / 8]);
    const { TCP_FAST_RECOVERIES, TCP_SACK_RECOVERIES } = far.ours.stack.statistics().counters;
    expect(TCP_FAST_RECOVERIES).toBeGreaterThan(0);
    expect(TCP_SACK_RECOVERIES).toBe(0);
  }),
);
