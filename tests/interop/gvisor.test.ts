// Our stack and gVisor's, in both roles.
import { afterAll, beforeAll, expect } from "vitest";
import { interop, misses } from "./need.js";
import { asks, besideProgram, built, exchanged, gvisor } from "./program.js";

const NEEDS = ["go", "file /usr/share/gocode/src/gvisor.dev/gvisor", "tshark"];
const MB = 1 << 20;
const ROLES = ["we accept", "we connect"] as const;

let program: ReturnType<typeof built>;
beforeAll(() => {
  if (misses(...NEEDS) === undefined) program = built(gvisor("reno"));
}, 60_000);
afterAll(() => program?.remove());

interop("gVisor: bulk on a clean path, each way and both at once; questions and answers", NEEDS, () =>
  besideProgram(gvisor("reno"), program.folder, undefined, async (far) => {
    await far.program.serves("exchange", 5002);
    for (const role of ROLES) {
      await exchanged(far, role, [4 * MB, 0]);
      await exchanged(far, role, [0, 4 * MB]);
      await exchanged(far, role, [2 * MB, 2 * MB]);
    }
    await asks(far, 200);
    expect(far.ours.stack.statistics().counters).toMatchObject({
      TCP_RETRANS_SEGS: 0,
      TCP_IN_OUT_OF_ORDER: 0,
      TCP_ESTAB_RESETS: 0,
    });
  }),
);
