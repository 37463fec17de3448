// What TCP of ours looks like on a clean line, to tshark's eyes: nothing sent twice, nothing small without need.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { capture } from "../../src/capture/index.js";
import { interop } from "./need.js";
import { besidePeer, bytesOf, connected, type Ends, hear, heardOf } from "./tcp-peer.js";
import { tshark } from "./world.js";

interface Segment {
  readonly ours: boolean;
  readonly seconds: number;
  readonly bytes: number;
  /** What tshark has to say of it: "retransmission", "duplicate_ack" … */
  readonly flags: readonly string[];
}

/** What there is none of on a clean line. */
const TWICE = [
  "retransmission",
  "fast_retransmission",
  "spurious_retransmission",
  "out_of_order",
  "lost_segment",
  "ack_lost_segment",
  "duplicate_ack",
];
const ANALYSES = [...TWICE, "window_update"];
const FIELDS = ["ip.src", "frame.time_relative", "tcp.len"];

/** The segments of what is done, as tshark sees them. */
async function traced({ ours }: Ends, body: () => Promise<void>): Promise<Segment[]> {
  const chunks: Uint8Array[] = [];
  const end = capture([ours.stack.interface("tap0")], (chunk) => chunks.push(chunk.slice()));
  await body();
  end();
  const folder = mkdtempSync(join(tmpdir(), "ringstack-trace-"));
  try {
    const file = join(folder, "a.pcapng");
    writeFileSync(file, Buffer.concat(chunks));
    const fields = [...FIELDS, ...ANALYSES.map((name) => `tcp.analysis.${name}`)].flatMap((name) => ["-e", name]);
    const lines = await tshark("-r", file, "-Y", "tcp", "-T", "fields", ...fields);
    return lines.map((line) => {
      const [source, seconds, bytes, ...found] = line.split("\t");
      const flags = ANALYSES.filter((_, i) => (found[i] ?? "") !== "");
      return { ours: source === "10.9.1.2", seconds: Number(seconds), bytes: Number(bytes), flags };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const withData = (segments: readonly Segment[]) => segments.filter(({ bytes }) => bytes > 0);
const empty = (segments: readonly Segment[]) => segments.filter(({ bytes }) => bytes === 0);
const flagged = (segments: readonly Segment[], flag: string) => segments.filter(({ flags }) => flags.includes(flag));
/** Pauses that a delayed ACK, or a timer, would make; a busy machine makes some, too. */
const pauses = (segments: readonly Segment[]) =>
  segments.filter(({ seconds }, i) => seconds - (segments[i - 1]?.seconds ?? 0) > 0.03).length;

/** Nothing was sent twice, nor asked for twice, by either end. */
function expectClean({ ours }: Ends, segments: readonly Segment[]): void {
  // But our probes of a tail: this machine gave a process no turn in time.
  const { TCP_LOSS_PROBES } = ours.stack.statistics().counters;
  for (const flag of TWICE) expect(flagged(segments, flag).length, flag).toBeLessThanOrEqual(TCP_LOSS_PROBES);
}

const SIZE = 4 << 20;
const FULL = 1448;
// A kernel's probe for a lost tail (RFC 8985 §7) says that this process had no turn in time, and nothing of our TCP; the
// device's queue is shorter than what a turn of ours may bring back.
const QUIET = "echo 0 > /proc/sys/net/ipv4/tcp_early_retrans; ip link set tap0 txqueuelen 10000";

interop(
  "bulk on a clean line: nothing goes twice, two segments for an ACK, full ones but few",
  ["python3", "tshark"],
  () =>
    besidePeer(async (ends) => {
      await ends.kernel.do(QUIET);
      const [theirs, socket] = await connected(ends);
      const up = await traced(ends, async () => {
        const [heard] = await Promise.all([theirs.receive(SIZE), socket.write(bytesOf(SIZE, "ours"))]);
        expect(heard).toEqual(heardOf(SIZE, "ours"));
      });
      expectClean(ends, up);
      const sent = withData(up);
      expect(sent.every(({ ours }) => ours)).toBe(true);
      expect(
        up.findIndex(({ ours }) => !ours),
        "the initial window is ten segments (RFC 6928)",
      ).toBe(10);
      expect(sent.filter(({ bytes }) => bytes < FULL).length, "less than full").toBeLessThan(sent.length / 20);
      expect(empty(up).filter(({ ours }) => ours)).toEqual([]);
      expect(pauses(up)).toBeLessThan(5);
      const down = await traced(ends, async () => {
        const [got] = await Promise.all([hear(socket, SIZE), theirs.send(SIZE, "theirs")]);
        expect(got).toEqual(heardOf(SIZE, "theirs"));
      });
      expectClean(ends, down);
      const acks = empty(down).filter(({ ours }) => ours);
      expect(acks.length, "ACKs").toBeLessThan(0.7 * withData(down).length);
      expect(flagged(acks, "window_update").length, "window updates").toBeLessThan(SIZE / 16384);
      expect(pauses(down)).toBeLessThan(5);
      const { TCP_DELAYED_ACKS, TCP_TIMEOUTS } = ends.ours.stack.statistics().counters;
      expect(TCP_TIMEOUTS).toBe(0);
      expect(TCP_DELAYED_ACKS).toBeLessThan(5);
    }),
);

interop("question and answer on a clean line: the answer carries the ACK", ["python3", "tshark"], () =>
  besidePeer(async (ends) => {
    await ends.kernel.do(QUIET);
    const [theirs, socket] = await connected(ends);
    socket.ondata = (data) => void socket.write(data.slice());
    for (const size of [1, FULL + 1]) {
      const segments = await traced(ends, async () => void (await theirs.ask(size, 100)));
      expectClean(ends, segments);
      const ours = segments.filter((segment) => segment.ours);
      expect(empty(ours).length, `ACKs of ours without an answer, ${size} bytes`).toBeLessThan(110);
      if (size === 1) expect(ours.length, "one for each question").toBeLessThan(110);
      expect(pauses(segments)).toBeLessThan(5);
    }
  }),
);
