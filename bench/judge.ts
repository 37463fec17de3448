// From the rounds of a row to its line in the table: medians, the ratio to the best peer, the scaled target.
import type { Row, Scale } from "./harness.js";

/** What one round measured; peers in the row's order. */
export interface Round {
  /** Effective GHz by the multiply chain. */
  ghz: number;
  /** GB/s of memory.copy. */
  copy: number;
  ours: number;
  peers: number[];
}

/** One contender over all rounds. */
export interface Figures {
  name: string;
  median: number;
  rounds: number[];
}

/** A row judged. */
export interface Verdict {
  row: Row;
  ours: Figures;
  peers: Figures[];
  best?: Figures;
  /** How many times better ours is than the best peer: the median of the ratios within each round. */
  ratio?: number;
  /** The target as this machine could reach it in these rounds: the median over the rounds. */
  target?: number;
  /** Ours over the scaled target (or under it, where less is better): 1 = just met. */
  attained?: number;
  state?: "met" | "close" | "missed";
  ghz: number;
  copy: number;
}

/** The machine on which the targets were taken. */
const TARGET_GHZ = 3.0;
const TARGET_COPY = 133;
/** Within 10 % of the target. */
const CLOSE = 0.9;

/** Middle of the values; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** How fast this machine was in a round, against the one of the targets. */
function speed(round: Round, scale: Scale): number {
  if (scale === "none") return 1;
  return scale === "cpu" ? round.ghz / TARGET_GHZ : round.copy / TARGET_COPY;
}

/** Judges a row over its recorded rounds. */
export function judge(row: Row, rounds: readonly Round[]): Verdict {
  const moreIsBetter = row.better === "more";
  /** How many times better a is than b. */
  const times = (a: number, b: number) => (moreIsBetter ? a / b : b / a);
  const figures = (name: string, values: number[]): Figures => ({ name, median: median(values), rounds: values });
  const ours = figures(
    row.ours.name,
    rounds.map((round) => round.ours),
  );
  const peers = row.peers.map((peer, i) =>
    figures(
      peer.name,
      rounds.map((round) => round.peers[i] ?? Number.NaN),
    ),
  );
  const best = peers.reduce<Figures | undefined>(
    (found, peer) => (!found || times(peer.median, found.median) > 1 ? peer : found),
    undefined,
  );
  const verdict: Verdict = {
    row,
    ours,
    peers,
    ghz: median(rounds.map((round) => round.ghz)),
    copy: median(rounds.map((round) => round.copy)),
  };
  if (best) {
    verdict.best = best;
    verdict.ratio = median(rounds.map((round, i) => times(round.ours, best.rounds[i] ?? Number.NaN)));
  }
  const { target } = row;
  if (!target) return verdict;
  const scaled = rounds.map((round) => {
    const factor = speed(round, target.scale);
    return moreIsBetter ? target.value * factor : target.value / factor;
  });
  verdict.target = median(scaled);
  const attained = median(rounds.map((round, i) => times(round.ours, scaled[i] ?? Number.NaN)));
  verdict.attained = attained;
  verdict.state = attained >= 1 ? "met" : attained >= CLOSE ? "close" : "missed";
  return verdict;
}
