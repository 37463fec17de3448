// Our stack and gVisor's, in both roles, on a clean path and over a rough line.
import { afterAll, beforeAll, expect } from "vitest";
import { ROUGH } from "./line.js";
import { interop, misses } from "./need.js";
import { asks, besideProgram, built, exchanged, gvisor } from "./program.js";
import { NOTHING_LOST } from "./tcp-peer.js";

const NEEDS = ["go", "file /usr/share/gocode/src/gvisor.dev/gvisor", "tshark"];
const MB = 1 << 20;
const CLEAN = gvisor("reno", "rack");
const ROLES = ["we accept", "we connect"] as const;

let program: ReturnType<typeof built>;
beforeAll(() => {
  if (misses(...NEEDS) === undefined) program = built(CLEAN);
}, 60_000);
afterAll(() => program?.remove());

interop("gVisor: bulk on a clean path, each way and both at once; questions and answers", NEEDS, () =>
  besideProgram(CLEAN, program.folder, undefined, async (far) => {
    await far.program.serves("exchange", 5002);
    for (const role of ROLES) {
      await exchanged(far, role, [4 * MB, 0]);
      await exchanged(far, role, [0, 4 * MB]);
      await exchanged(far, role, [2 * MB, 2 * MB]);
    }
    await asks(far, 200);
    expect(far.ours.stack.statistics().counters).toMatchObject({
      ...NOTHING_LOST,
      TCP_IN_OUT_OF_ORDER: 0,
      TCP_ESTAB_RESETS: 0,
    });
  }),
);

// With RACK it goes silent for good in one transfer of a hundred over this line: all that it has sent is acknowledged, our
// window is open, and no timer of its own sends the rest.
for (const congestion of ["reno", "cubic"] as const) {
  interop(`gVisor with ${congestion} over a rough line: all arrives, each way and both at once`, NEEDS, () =>
    besideProgram(gvisor(congestion, "sack"), program.folder, ROUGH, async (far) => {
      far.ours.stack.switches.set("TCP_RTO_MIN_MS", 200);
      await far.program.serves("exchange", 5002);
      for (const role of ROLES) {
        await exchanged(far, role, [MB / 4, 0]);
        await exchanged(far, role, [0, MB / 4]);
        await exchanged(far, role, [MB / 2, MB / 2]);
      }
      expect(far.ours.stack.statistics().counters.TCP_SACK_RECOVERIES).toBeGreaterThan(0);
    }),
  );
}
