/**
 * The rows of docs/TCP-LINKS.md: a mechanism, a link, what is measured, what is to be expected of it, and how far off the
 * measured may be. Rows without the mechanism have an expectation of their own: they show that the others are its doing.
 */
import { cubicRate, lineRate, MSS, renoRate, renoWithTimeouts, windowRate } from "./tcp-expected.js";
import type { Outcome, Transfer } from "./tcp-transfer.js";

export interface Row extends Omit<Transfer, "name"> {
  /** The link, and with what: the first two cells. */
  readonly where: string;
  readonly with: string;
  /** What is measured, of all seeds; kB/s until the last byte unless given. */
  readonly unit?: Unit;
  readonly expected: number;
  /** Least and most of what is expected. */
  readonly within: readonly [number, number];
  /** Least and most of the segments that go again, for each seed. */
  readonly again?: readonly [number, number];
  /** Timeouts of all seeds; any, unless given. */
  readonly timeouts?: readonly [number, number];
  /** What else must hold, by counter of the sender: least and most of all seeds. */
  readonly counts?: Readonly<Record<string, readonly [number, number]>>;
  readonly seeds?: number;
}

export interface Unit {
  readonly name: string;
  readonly digits: number;
  of(outcomes: readonly Outcome[]): number;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

/** All bytes by all the time. */
export const WHOLE: Unit = {
  name: "kB/s",
  digits: 0,
  of: (all) => (sum(all.map((one) => one.read)) / sum(all.map((one) => one.tookUs))) * 1000,
};
/** Of what came after `skip`. */
const STEADY: Unit = { name: "kB/s", digits: 0, of: (all) => mean(all.map((one) => one.steady)) / 1000 };
const LOST: Unit = { name: "segments lost", digits: 0, of: (all) => mean(all.map((one) => one.lost)) };
const TIME: Unit = { name: "ms", digits: 0, of: (all) => mean(all.map((one) => one.tookUs)) / 1000 };

/** 40 ms there and back: 33 frames are on their way, 100 wait at the most. */
const LINE = { delayUs: 20_000, bitRate: 10_000_000, queueFrames: 100 };
const LINE_RATE = lineRate(LINE.bitRate) / 1000;
/** Where chance alone is the limit. */
const WIDE = { bitRate: 1_000_000_000, queueFrames: 10_000 };
const MOST = 1 << 20;
const NO_SACK = { TCP_SACK: 0 };
const PLAIN = { TCP_SACK: 0, TCP_TIMESTAMPS: 0 };
const ANY = Infinity;
/** How full a ring is that is the limit: its writer hears of room when a quarter is free. */
const FULL = 7 / 8;

/** Chance is the only limit: how fast in the long run, with these losses among the segments, one way? */
function byChance(
  kind: "reno" | "cubic",
  rttMs: number,
  p: number,
  there: number,
  within: readonly [number, number],
): Row {
  const of = kind === "reno" ? renoRate : cubicRate;
  return {
    where: `${rttMs} ms, one in ${1 / p} lost`,
    with: kind === "reno" ? "Reno" : "CUBIC",
    link: { ...WIDE, delayUs: rttMs * 500 },
    ahead: { loss: p },
    buffer: MOST,
    reno: kind === "reno",
    there,
    back: 0,
    // The first slow start ends far above what chance allows for: it is not looked at.
    skip: there / 2,
    withinS: 2000,
    unit: STEADY,
    seeds: 4,
    expected: of(rttMs / 1000, p) / 1000,
    within,
  };
}

/** Many segments are lost, or ACKs as well. */
function heavyLoss(percent: number, sack: boolean, acksToo: boolean, within: readonly [number, number]): Row {
  const loss = { loss: percent / 100 };
  return {
    where: `40 ms, ${percent} % lost${acksToo ? ", ACKs too" : ""}`,
    with: sack ? "CUBIC, RACK, loss probes" : "Reno without SACK",
    link: { ...LINE, ...(acksToo ? loss : {}) },
    ahead: loss,
    switches: sack ? {} : NO_SACK,
    reno: !sack,
    there: 300_000,
    back: 0,
    withinS: 3000,
    seeds: 8,
    expected: renoWithTimeouts(0.04, percent / 100, 1) / 1000,
    within,
  };
}

/** One frame in ten is late by so much. */
function reordering(
  ms: number,
  sack: boolean,
  within: readonly [number, number],
  again: readonly [number, number],
): Row {
  return {
    where: `one frame in ten late by ${ms} ms`,
    with: sack ? "RACK" : "without SACK and timestamps",
    link: LINE,
    ahead: { reorder: 0.1, reorderUs: ms * 1000 },
    switches: sack ? {} : PLAIN,
    there: 1_500_000,
    back: 0,
    withinS: 600,
    seeds: 4,
    expected: LINE_RATE,
    within,
    again,
  };
}

/** Frames of full segments that are swallowed, by number. */
const swallows = (numbers: readonly number[]) => (_: number, number: number) => numbers.includes(number);
const range = (from: number, count: number, step = 1) => Array.from({ length: count }, (_, i) => from + i * step);

/** A queue beyond the 34 segments that are on their way: without HyStart++ the window doubles once more when all is full,
 * and as many segments are lost. */
function slowStart(queueFrames: number, within: readonly [number, number]): Row {
  return {
    where: `40 ms, ${queueFrames} frames fit`,
    with: "HyStart++",
    link: { ...LINE, queueFrames },
    there: queueFrames * 7000,
    back: 0,
    buffer: MOST,
    withinS: 60,
    unit: LOST,
    expected: queueFrames + 34,
    within,
    timeouts: [0, 0],
  };
}

/** Round trips in which so many segments go again: one, two, four (RFC 9937 §6, SSRB). */
const repairs = (segments: number) => Math.ceil(Math.log2(segments + 1));

/** The last of ten segments, which go at once, are lost. */
function tailLoss(count: number, sack: boolean, within: readonly [number, number]): Row {
  return {
    where: `the last ${count} of ten segments lost`,
    with: sack ? "loss probe" : "without SACK",
    link: LINE,
    switches: sack ? {} : NO_SACK,
    swallows: swallows(range(11 - count, count)),
    there: 10 * MSS,
    back: 0,
    withinS: 60,
    unit: TIME,
    expected: sack ? 40 * (5 + repairs(count - 1)) : 2 * 40 + 1000,
    within,
    timeouts: sack ? [0, 0] : [1, 1],
  };
}

/** IP packets longer than that. */
const beyond = (most: number) => (length: number) => length - 14 > most;
/** From the second second on, what is sent arrives 1.5 s late, and what follows right behind it. */
const STALL = [
  [2, { delayUs: 1_520_000 }],
  [2.1, { delayUs: 20_000 }],
] as const;
const STALLED_MS = 4_000_000 / LINE_RATE + 1500;

export interface Part {
  /** The heading on the page. */
  readonly title: string;
  readonly rows: readonly Row[];
}

export const PARTS: readonly Part[] = [
  {
    title: "A clear line",
    rows: [
      {
        where: "40 ms, 10 Mbit/s",
        with: "all as it is",
        link: LINE,
        there: 4_000_000,
        back: 0,
        withinS: 60,
        expected: LINE_RATE,
        within: [0.95, 1],
      },
    ],
  },
  {
    title: "Reno and CUBIC: losses by chance",
    rows: [
      byChance("reno", 40, 0.01, 8_000_000, [0.85, 1.25]),
      byChance("reno", 100, 0.001, 32_000_000, [0.85, 1.25]),
      byChance("reno", 400, 0.001, 32_000_000, [0.85, 1.25]),
      byChance("cubic", 40, 0.01, 8_000_000, [0.85, 1.25]),
      byChance("cubic", 100, 0.001, 32_000_000, [0.85, 1.5]),
      byChance("cubic", 400, 0.001, 32_000_000, [0.85, 1.5]),
    ],
  },
  {
    title: "Heavy loss",
    rows: [
      heavyLoss(5, true, false, [1, 4]),
      heavyLoss(10, true, false, [2, 6]),
      heavyLoss(10, true, true, [1, 6]),
      heavyLoss(10, false, false, [0.5, 2]),
      heavyLoss(20, true, false, [2, 10]),
    ],
  },
  {
    title: "RACK: reordering",
    rows: [
      reordering(2, true, [0.9, 1], [0, 1]),
      reordering(8, true, [0.88, 1], [0, 4]),
      reordering(8, false, [0, 0.6], [40, ANY]),
    ],
  },
  {
    title: "Proportional rate reduction: bursts of loss",
    rows: [
      {
        where: "every other one of 40 lost",
        with: "PRR, SACK",
        link: LINE,
        swallows: swallows(range(400, 20, 2)),
        there: 3_000_000,
        back: 0,
        withinS: 60,
        expected: LINE_RATE,
        within: [0.9, 1],
        again: [20, 20],
        timeouts: [0, 0],
      },
      {
        where: "every other one of 40 lost",
        with: "without SACK",
        link: LINE,
        switches: NO_SACK,
        swallows: swallows(range(400, 20, 2)),
        there: 3_000_000,
        back: 0,
        withinS: 60,
        expected: LINE_RATE,
        within: [0.3, 0.85],
      },
      {
        where: "30 in a row lost",
        with: "PRR, SACK",
        link: LINE,
        swallows: swallows(range(400, 30)),
        there: 3_000_000,
        back: 0,
        withinS: 60,
        expected: LINE_RATE,
        within: [0.9, 1],
        again: [30, 30],
        timeouts: [0, 0],
      },
    ],
  },
  {
    title: "Tail loss probes: the end of a flight",
    rows: [
      tailLoss(1, true, [0.95, 1.3]),
      tailLoss(3, true, [0.95, 1.3]),
      tailLoss(9, true, [0.95, 1.3]),
      tailLoss(3, false, [0.95, 1.3]),
    ],
  },
  {
    title: "D-SACK: duplicates",
    rows: [
      {
        where: "one frame in five comes twice",
        with: "D-SACK",
        link: { ...LINE, duplicate: 0.2 },
        there: 3_000_000,
        back: 0,
        withinS: 60,
        expected: LINE_RATE,
        within: [0.93, 1],
        again: [0, 0],
        seeds: 4,
      },
    ],
  },
  {
    title: "ECN: a queue that marks",
    rows: [
      {
        where: "marks at 20 frames, 100 fit",
        with: "ECN",
        link: { ...LINE, markFrames: 20 },
        switches: { TCP_ECN: 1 },
        there: 4_000_000,
        back: 0,
        buffer: 262_144,
        withinS: 60,
        expected: LINE_RATE,
        within: [0.93, 1],
        again: [0, 0],
      },
      {
        where: "20 fit",
        with: "without ECN",
        link: { ...LINE, queueFrames: 20 },
        switches: { TCP_ECN: 0 },
        there: 4_000_000,
        back: 0,
        buffer: 262_144,
        withinS: 60,
        expected: LINE_RATE,
        within: [0.85, 1],
        again: [10, ANY],
      },
    ],
  },
  {
    title: "Pacing: a short queue",
    rows: [
      {
        where: "10 segments, 3 fit",
        with: "paced",
        link: { ...LINE, queueFrames: 3 },
        switches: { TCP_PACING: 1 },
        there: 10 * MSS,
        back: 0,
        withinS: 60,
        unit: TIME,
        expected: 2.5 * 40,
        within: [1, 1.15],
        again: [0, 0],
      },
      {
        where: "10 segments, 3 fit",
        with: "at once",
        link: { ...LINE, queueFrames: 3 },
        there: 10 * MSS,
        back: 0,
        withinS: 60,
        unit: TIME,
        expected: 40 * (5 + repairs(6 - 1)),
        within: [0.95, 1.5],
        again: [6, 7],
      },
      {
        where: "10 frames fit",
        with: "paced",
        link: { ...LINE, queueFrames: 10 },
        switches: { TCP_PACING: 1 },
        there: 4_000_000,
        back: 0,
        buffer: 262_144,
        withinS: 60,
        expected: LINE_RATE,
        within: [0.85, 1],
      },
      {
        where: "10 frames fit",
        with: "as windows allow",
        link: { ...LINE, queueFrames: 10 },
        there: 4_000_000,
        back: 0,
        buffer: 262_144,
        withinS: 60,
        expected: LINE_RATE,
        within: [0.7, 1],
      },
    ],
  },
  {
    title: "Autotuning: a long fat line",
    rows: [
      {
        where: "200 ms, 100 Mbit/s",
        with: "rings grow to 1 MiB",
        link: { delayUs: 100_000, bitRate: 100_000_000 },
        there: 30_000_000,
        back: 0,
        skip: 10_000_000,
        withinS: 60,
        unit: STEADY,
        expected: windowRate(FULL * MOST, 0.2) / 1000,
        within: [0.8, 1],
      },
      {
        where: "200 ms, 100 Mbit/s",
        with: "64 KiB stay",
        link: { delayUs: 100_000, bitRate: 100_000_000 },
        switches: { TCP_AUTOTUNING: 0 },
        there: 6_000_000,
        back: 0,
        skip: 1_000_000,
        withinS: 60,
        unit: STEADY,
        expected: windowRate(FULL * 65_536, 0.2) / 1000,
        within: [0.9, 1.02],
      },
    ],
  },
  {
    title: "F-RTO and Eifel detection: timeouts for nothing",
    rows: [
      {
        where: "all is 1.5 s late, once",
        with: "F-RTO, Eifel detection",
        link: LINE,
        changes: STALL,
        there: 4_000_000,
        back: 0,
        withinS: 60,
        unit: TIME,
        expected: STALLED_MS,
        within: [0.95, 1.1],
        again: [1, 2],
        timeouts: [1, 1],
        counts: { TCP_SPURIOUS_TIMEOUTS: [1, 1] },
      },
      {
        where: "all is 1.5 s late, once",
        with: "F-RTO, without SACK and timestamps",
        link: LINE,
        changes: STALL,
        switches: PLAIN,
        there: 4_000_000,
        back: 0,
        withinS: 60,
        unit: TIME,
        expected: STALLED_MS,
        within: [0.95, 1.1],
        again: [1, 2],
        timeouts: [1, 1],
        counts: { TCP_SPURIOUS_TIMEOUTS: [1, 1] },
      },
    ],
  },
  {
    title: "Undo: recoveries for nothing",
    rows: [
      {
        where: "one frame in 100 late by 30 ms",
        with: "undo by D-SACK, Eifel detection",
        link: LINE,
        ahead: { reorder: 0.01, reorderUs: 30_000 },
        there: 4_000_000,
        back: 0,
        withinS: 60,
        seeds: 4,
        expected: LINE_RATE,
        within: [0.9, 1],
      },
      {
        where: "one frame in 100 late by 30 ms",
        with: "without SACK and timestamps",
        link: LINE,
        switches: PLAIN,
        ahead: { reorder: 0.01, reorderUs: 30_000 },
        there: 4_000_000,
        back: 0,
        withinS: 60,
        seeds: 4,
        expected: LINE_RATE,
        within: [0, 1],
      },
    ],
  },
  {
    title: "HyStart++: the first slow start",
    rows: [slowStart(100, [0, 0.5]), slowStart(400, [0, 0.15])],
  },
  {
    title: "Black holes: long segments vanish",
    rows: [
      {
        where: "nothing beyond 1,300 bytes passes",
        with: "probing once suspected, from the 4th second on",
        link: LINE,
        swallows: beyond(1300),
        there: 6_000_000,
        back: 0,
        skip: 1_000_000,
        withinS: 60,
        unit: STEADY,
        expected: lineRate(LINE.bitRate, 1300 - 52) / 1000,
        within: [0.9, 1],
      },
      {
        where: "nothing beyond 1,300 bytes passes",
        with: "probing once suspected: the first 100 kB",
        link: LINE,
        swallows: beyond(1300),
        there: 100_000,
        back: 0,
        withinS: 60,
        unit: TIME,
        expected: 3000,
        within: [0.9, 2],
        counts: { TCP_MTU_BLACK_HOLES: [1, 1] },
      },
      {
        where: "nothing beyond 1,300 bytes passes",
        with: "never probing: within a minute",
        link: LINE,
        switches: { TCP_MTU_PROBING: 0 },
        swallows: beyond(1300),
        there: 100_000,
        back: 0,
        withinS: 60,
        stalls: true,
        expected: 0,
        within: [0, 0],
      },
    ],
  },
];
