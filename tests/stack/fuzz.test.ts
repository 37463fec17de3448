/**
 * A seeded fuzzer: frames right and wrong, calls right and wrong, drivers right and wrong, in virtual time.
 *
 *   RINGSTACK_FUZZ_SECONDS  how long, rather than the cases that are run everywhere
 *   RINGSTACK_FUZZ_SEED     which series of cases (1 unless given)
 *   RINGSTACK_FUZZ_CASE     one case of the series only, as a failure names it
 *
 * A case is one stack and some hundred steps, all drawn from seed and case number: it runs the same wherever it runs.
 *
 * What must hold is said in fuzz-run.ts.
 */
import { expect, test } from "vitest";
import { TCB_FAST, TCB_LOSS, TCB_OPEN, TCP_CLOSED, TCP_CLOSING } from "../../assembly/abi/tcp.js";
import { Prng } from "../../src/index.js";
import { ADDRESSES } from "./fuzz-control.js";
import { mutant } from "./fuzz-frames.js";
import { PORTS, Run } from "./fuzz-run.js";
import { build } from "./harness.js";

const SECONDS = Number(process.env.RINGSTACK_FUZZ_SECONDS ?? 0);
const SEED = Number(process.env.RINGSTACK_FUZZ_SEED ?? 1);
const CASE = process.env.RINGSTACK_FUZZ_CASE;
/** Cases unless a time is given: the same work on a slow machine as on a fast one. */
const CASES = 64;
/** So many at the most, while there is something that they have not reached. */
const CASES_MOST = 4 * CASES;
const STEPS = 300;

/** What so few cases may well not reach, and why. Each has its scenario in drops.test.ts, or its tests in frames/. */
const SELDOM: Record<string, string> = {
  DROP_OUT_SOURCE_LOOPBACK: "an own address without its host route, and a socket at it that speaks to 127.0.0.1",
  DROP_OUT_TOO_LONG: "a fragment beyond 65,535 that must be cut; or a learned path MTU, and a longer datagram with DF",
  DROP_OUT_IF_DOWN: "routes go with their interface: only what is bound to one that is down meets it",
  DROP_OUT_NO_CARRIER: "the same of an interface without carrier",
  DROP_SOCK_FILTERED: "a socket that hears a group's other sources, and the port, and no socket besides",
  DROP_OUT_LOOP_COPY: "a broadcast with the last buffer of those that may wait to be sent",
  CTR_TCP_TIME_WAIT_RECYCLED:
    "two connections in TIME-WAIT, where the pool has one record; tcp-churn.test.ts has more of them",
  DROP_TCP_CLOSED: "an orphan in FIN-WAIT whose peer goes on to send, in order",
  DROP_SOCK_COPY: "several raw sockets and the last buffer of those that sockets may have",
  CTR_TCP_LOSS_PROBE_RECOVERIES:
    "a probe of the last segment, its ACK, and more sent and acknowledged, all without a loss",
  CTR_TCP_RECOVERIES_UNDONE: "a recovery, and then an older timestamp, or D-SACKs of just what was sent again",
  CTR_TCP_SLOW_START_EXITS: "a transfer of many windows whose round trips grow; tcp-fairness.test.ts has it",
  CTR_TCP_MTU_PROBES: "segments that are kept small, an idle path, and four of them and a larger one written at once",
  CTR_TCP_RINGS_MOVED: "most of a ring read within one round trip, while a larger one is free",
};

/** TCP's states (TIME-WAIT has a pool and counters of its own) and kinds of recovery: the names in tcp-invariants.ts. */
const TCP_PLACES = [
  ...Array.from({ length: TCP_CLOSING }, (_, i) => `state ${TCP_CLOSED + i}`),
  ...[TCB_OPEN, TCB_FAST, TCB_LOSS].map((recovery) => `recovery ${recovery}`),
];

/** Runs a case, with this behind each frame in its buffer. */
async function runOnce(number: number, behind: number): Promise<Run> {
  const run = new Run(SEED, number, behind);
  let step = 0;
  try {
    await run.boot();
    for (; step < STEPS; step++) run.step();
    run.end();
  } catch (error) {
    throw new Error(`step ${step}: ${error}\n${run.log.join("\n")}\n${replay(number)}`, { cause: error });
  }
  return run;
}

function replay(number: number): string {
  const variables = `RINGSTACK_FUZZ_SEED=${SEED} RINGSTACK_FUZZ_CASE=${number}`;
  return `again: ${variables} npx vitest run --project ${build} tests/stack/fuzz.test.ts`;
}

/** Runs a case twice, and adds to `seen` what it reached. */
async function runCase(number: number, seen: Map<string, number>): Promise<void> {
  const run = await runOnce(number, 0);
  const again = await runOnce(number, 0xff);
  const { counters, drops } = run.stack.statistics();
  expect(again.stack.statistics(), `something behind a frame was read; ${replay(number)}`).toEqual({ counters, drops });
  expect(again.digestOfAll, `something behind a frame was sent or received; ${replay(number)}`).toBe(run.digestOfAll);
  const add = (name: string, count: number) => seen.set(name, (seen.get(name) ?? 0) + count);
  for (const [name, count] of Object.entries(counters)) add(`CTR_${name}`, count);
  for (const [name, count] of Object.entries(drops)) add(`DROP_${name}`, count);
  for (const [name, count] of run.tcp.met) add(name, count);
  add("sent", run.sent);
}

test(
  "frames, calls and drivers, right and wrong: nothing traps, leaks or goes unexplained",
  async () => {
    const seen = new Map(TCP_PLACES.map((name) => [name, 0]));
    if (CASE !== undefined) return runCase(Number(CASE), seen);
    const end = performance.now() + SECONDS * 1000;
    let cases = 0;
    const unreached = () => [...seen].filter(([name, n]) => n === 0 && !(name in SELDOM)).map(([name]) => name);
    const isEnough = () => cases >= CASES && (cases >= CASES_MOST || unreached().length === 0);
    while (!isEnough() || performance.now() < end) await runCase(cases++, seen);
    console.log(`fuzz: seed ${SEED}, ${cases} cases of ${STEPS} steps, ${seen.get("CTR_IP_IN_RECEIVES")} datagrams in`);
    expect(unreached(), "what the cases do not reach").toEqual([]);
  },
  SECONDS * 1000 + 180_000,
);

test("the same seed and case run the same", () => {
  const draw = () => {
    const prng = new Prng(SEED, 5);
    const scene = { addresses: ADDRESSES, ports: PORTS, quotable: [] };
    return Array.from({ length: 20 }, (_, i) =>
      mutant(prng, scene, i % 2 === 0 ? undefined : "02:00:00:00:01:01").join(),
    );
  };
  expect(draw()).toEqual(draw());
});
