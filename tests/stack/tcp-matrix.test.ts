/**
 * The state-event matrix of RFC 9293 §3.10.7: in every state, segments with every combination of SYN, ACK, FIN, RST and
 * text, at every place before, in and beyond the window, with every kind of ACK. What is to come of each is computed by
 * an oracle written from the RFCs (tcp-oracle.ts) and compared with reply, state and drop reason.
 */
import { describe, expect, test } from "vitest";
import { DROP_END } from "../../assembly/abi/drop.js";
import { REGION_COUNTERS } from "../../assembly/abi/stack.js";
import type { Stack } from "../../src/index.js";
import { DROPS } from "../../src/text/drops.js";
import { type After, type Before, type Reply, type Segment, segmentArrives } from "./tcp-oracle.js";
import { type Beginning, Player } from "./tcp-script.js";
import { readScript } from "./tcp-script-lines.js";
import { ACK, FIN, flagText, type ReadTcp, RST, readTcp, SYN, tcp } from "./tcp-wire.js";
import { data } from "./wire.js";

/** A small stack, since a state is its memory, copied for each segment. */
const BOOT = "boot profile tiny\n";
const LISTENER = `${BOOT}socket\nbind 80\nlisten 5\n`;
const RECEIVED = `${LISTENER}1 < S 0:0(0) win 1000 <mss 1460>\n> S. 0:0(0) ack 1 <*>\n`;
/** 20 bytes of ours are on their way. */
const ESTABLISHED = `${RECEIVED}< . 1:1(0) ack 1 win 1000\naccept\nwrite 20\n> P. 1:21(20) ack 1\n`;
const CLOSE_WAIT = `${ESTABLISHED}< F. 1:1(0) ack 1 win 1000\n> . 21:21(0) ack 2\n`;
const FIN_WAIT_1 = `${ESTABLISHED}shutdown wr\n> F. 21:21(0) ack 1\n`;
const SENT = `${BOOT}socket\nbind 80\nconnect\n> S 0:0(0) <*>\n`;

/** How to come into each state, and the variables there; windows are 2048 (ours) and 1000 (the peer's). */
const STATES: [name: string, script: string, before: Partial<Before>][] = [
  ["CLOSED", `${BOOT}nothing`, {}],
  ["LISTEN", LISTENER, {}],
  ["SYN-SENT", SENT, { una: 0, nxt: 1 }],
  ["SYN-RECEIVED", RECEIVED, { una: 0, nxt: 1, passive: true }],
  ["SYN-RECEIVED", `${SENT}< S 0:0(0) win 1000\n> S. 0:0(0) ack 1 <*>`, { una: 0, nxt: 1 }],
  ["ESTABLISHED", ESTABLISHED, { una: 1, nxt: 21 }],
  ["FIN-WAIT-1", FIN_WAIT_1, { una: 1, nxt: 22, finSent: true }],
  ["FIN-WAIT-2", `${FIN_WAIT_1}< . 1:1(0) ack 22 win 1000`, { una: 22, nxt: 22, finSent: true }],
  ["CLOSE-WAIT", CLOSE_WAIT, { una: 1, nxt: 21, rcvNxt: 2 }],
  [
    "CLOSING",
    `${FIN_WAIT_1}< F. 1:1(0) ack 1 win 1000\n> . 22:22(0) ack 2`,
    { una: 1, nxt: 22, rcvNxt: 2, finSent: true },
  ],
  ["LAST-ACK", `${CLOSE_WAIT}shutdown wr\n> F. 21:21(0) ack 2`, { una: 1, nxt: 22, rcvNxt: 2, finSent: true }],
  [
    "TIME-WAIT",
    `${FIN_WAIT_1}< F. 1:1(0) ack 22 win 1000\n> . 22:22(0) ack 2\nclose`,
    { una: 22, nxt: 22, rcvNxt: 2, finSent: true },
  ],
];

const START: Before = {
  state: "",
  passive: false,
  una: 0,
  nxt: 0,
  finSent: false,
  maxWnd: 1000,
  rcvNxt: 1,
  edge: 2049,
};
const LENGTHS = [0, 10];
const FLAGS = Array.from({ length: 16 }, (_, i) =>
  [SYN, ACK, FIN, RST].reduce((all, flag, bit) => all | ((i >> bit) & 1 ? flag : 0), 0),
);

/** Every segment worth trying: before, across and at the left edge, within, across and at the right edge, beyond. */
function* segments(b: Before): Generator<Segment> {
  const { rcvNxt, edge, una, nxt, maxWnd } = b;
  const seqs = [rcvNxt - 1000, rcvNxt - 20, rcvNxt - 10, rcvNxt - 5, rcvNxt - 1, rcvNxt, rcvNxt + 1, rcvNxt + 100];
  seqs.push(edge - 11, edge - 10, edge - 1, edge, edge + 1, edge + 50);
  const acks = [una - maxWnd - 1, una - maxWnd, una - 1, una, una + 1, una + 10, nxt - 1, nxt, nxt + 1, nxt + 70000];
  for (const flags of FLAGS) {
    for (const len of LENGTHS) {
      for (const seq of new Set(seqs)) {
        for (const ack of (flags & ACK) !== 0 ? new Set(acks) : [0]) yield { seq, ack, flags, len };
      }
    }
  }
}

const BEGINNINGS: [name: string, beginning: Beginning][] = [
  ["", { peer: { seq: 0x10000, ts: 1000 }, startUs: 0 }],
  [", the peer's numbers about to wrap", { peer: { seq: 0xfffffffe, ts: 1000 }, startUs: 0 }],
];

describe.each(BEGINNINGS)("a segment arrives%s", (_name, beginning) => {
  test.each(STATES)("in %s", { timeout: 120_000 }, async (state, script, variables) => {
    const player = await Player.play(
      readScript(state, script, () => ""),
      beginning,
    );
    const before: Before = { ...START, state, ...variables };
    const { stack } = player.host;
    const memory = stack.core.u8.slice();
    const wrong: string[] = [];
    let tried = 0;
    for (const segment of segments(before)) {
      stack.core.u8.set(memory);
      const difference = compare(player, before, segment);
      if (difference !== undefined) wrong.push(difference);
      tried++;
    }
    stack.core.u8.set(memory);
    expect(wrong.slice(0, 20), `${wrong.length} of ${tried} differ`).toEqual([]);
    expect(tried).toBeGreaterThan(1500);
  });
});

/** Has the segment arrive; says what came of it if that is not what the oracle says. */
function compare(player: Player, before: Before, segment: Segment): string | undefined {
  const { host, beginning } = player;
  const connection = player.connection();
  const ours = connection.iss ?? 0;
  const dropsBefore = drops(host.stack);
  const fields = {
    srcPort: connection.peerPort,
    dstPort: connection.localPort ?? 80,
    seq: (segment.seq + beginning.peer.seq) >>> 0,
    ack: (segment.flags & ACK) === 0 ? 0 : (segment.ack + ours) >>> 0,
    flags: segment.flags,
    win: 1000,
  };
  host.rxIp({ proto: 6 }, tcp(fields, data(segment.len)));
  const replies = host.take().map(({ ip }) => readTcp(ip as NonNullable<typeof ip>));
  const dropsAfter = drops(host.stack);
  const names = [...DROPS].filter(([, at]) => dropsAfter[at] !== dropsBefore[at]).map(([name]) => name);

  const after = segmentArrives(before, segment);
  // A listener itself stays what it is; the oracle speaks of the connection.
  const state = player.state();
  const good =
    state === after.state &&
    sameReply(after, before, replies, ours, beginning.peer.seq) &&
    names.join() === (after.drop ?? "");
  if (good) return undefined;
  const text = `${flagText(segment.flags)} ${segment.seq}(${segment.len}) ack ${segment.ack}`;
  const got = replies.map((r) => `${flagText(r.flags)} ${(r.seq - ours) | 0} ack ${(r.ack - beginning.peer.seq) | 0}`);
  return `${text}: expected ${after.state} ${JSON.stringify(after.reply)} ${after.drop}; got ${state} [${got}] ${names}`;
}

/** Low words of the counters, by number. */
function drops({ core }: Stack): Uint32Array {
  const at = core.exports.stack_region(REGION_COUNTERS) >> 2;
  return core.u32.slice(at, at + DROP_END * 2).filter((_, i) => i % 2 === 0);
}

function sameReply(after: After, before: Before, replies: ReadTcp[], ours: number, peer: number): boolean {
  const expected: Reply = after.reply;
  if (expected.kind === "none") return replies.length === 0;
  const [reply] = replies;
  if (reply === undefined || replies.length > 1 || reply.faults.length > 0 || reply.data.length > 0) return false;
  const seq = (reply.seq - ours) | 0;
  const ack = (reply.ack - peer) | 0;
  switch (expected.kind) {
    case "ack":
      return reply.flags === ACK && seq === before.nxt && ack === expected.ack;
    case "syn-ack":
      return reply.flags === (SYN | ACK) && (expected.isNew || seq === 0) && ack === expected.ack;
    case "rst":
      if (expected.ack === undefined) return reply.flags === RST && seq === expected.seq;
      return reply.flags === (RST | ACK) && reply.seq === 0 && ack === expected.ack;
  }
}
