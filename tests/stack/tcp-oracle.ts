/**
 * What RFC 9293 §3.10.7 says of a segment that arrives, with RFC 5961 (which it takes in), RFC 1337 and RFC 6191: a small
 * oracle written from the texts, for one connection without text of ours that waits to be sent. Nothing of it is the
 * product's.
 */
import type { DropName } from "../../src/index.js";
import { ACK, FIN, RST, SYN } from "./tcp-wire.js";

/** A connection's variables, relative to each ISS. */
export interface Before {
  state: string;
  /** SYN-RECEIVED: whether a listener made it. */
  passive: boolean;
  una: number;
  /** SND.NXT, our FIN counted if it is sent. */
  nxt: number;
  finSent: boolean;
  maxWnd: number;
  rcvNxt: number;
  /** Right edge of our window. */
  edge: number;
}

/** A segment, relative: SEG.SEQ, SEG.ACK, flags, bytes of text. */
export interface Segment {
  seq: number;
  ack: number;
  flags: number;
  len: number;
}

/** The reply, relative to each ISS; `isnew`: of a new connection, with an ISS of its own. */
export type Reply =
  | { kind: "none" }
  | { kind: "ack"; ack: number }
  | { kind: "syn-ack"; ack: number; isNew: boolean }
  /** Its sequence number; an `ack` only if it has the ACK bit. */
  | { kind: "rst"; seq: number; ack?: number };

export interface After {
  state: string;
  reply: Reply;
  /** Why it is dropped; null if it is not. */
  drop: DropName | null;
}

const has = (segment: Segment, flag: number) => (segment.flags & flag) !== 0;
const NONE: Reply = { kind: "none" };
/** SEG.LEN: SYN and FIN count. */
const span = (s: Segment) => s.len + (has(s, SYN) ? 1 : 0) + (has(s, FIN) ? 1 : 0);

/** RFC 9293 §3.10.7, by state. */
export function segmentArrives(b: Before, s: Segment): After {
  switch (b.state) {
    case "CLOSED":
      return { state: "CLOSED", ...answerOfNobody(s) };
    case "LISTEN":
      return listen(s);
    case "SYN-SENT":
      return synSent(b, s);
    case "TIME-WAIT":
      return timeWait(b, s);
    default:
      return otherStates(b, s);
  }
}

/** §3.10.7.1. */
function answerOfNobody(s: Segment): Pick<After, "reply" | "drop"> {
  if (has(s, RST)) return { reply: NONE, drop: "TCP_RST_UNMATCHED" };
  if (has(s, ACK)) return { reply: { kind: "rst", seq: s.ack }, drop: "TCP_NO_PORT" };
  return { reply: { kind: "rst", seq: 0, ack: s.seq + span(s) }, drop: "TCP_NO_PORT" };
}

/** §3.10.7.2. Text waits (we take it into the ring at once, and acknowledge it); a FIN comes again. */
function listen(s: Segment): After {
  if (has(s, RST)) return { state: "CLOSED", reply: NONE, drop: "TCP_RST_UNMATCHED" };
  if (has(s, ACK)) return { state: "CLOSED", reply: { kind: "rst", seq: s.ack }, drop: "TCP_NO_PORT" };
  if (!has(s, SYN)) return { state: "CLOSED", reply: NONE, drop: "TCP_NO_ACK" };
  return { state: "SYN-RECEIVED", reply: { kind: "syn-ack", ack: s.seq + 1 + s.len, isNew: true }, drop: null };
}

/** §3.10.7.3. */
function synSent(b: Before, s: Segment): After {
  const acks = has(s, ACK);
  if (acks && (s.ack <= 0 || s.ack > b.nxt)) {
    const reply: Reply = has(s, RST) ? NONE : { kind: "rst", seq: s.ack };
    return { state: "SYN-SENT", reply, drop: "TCP_SYN_SENT_ACK" };
  }
  if (has(s, RST)) {
    if (acks) return { state: "CLOSED", reply: NONE, drop: null };
    return { state: "SYN-SENT", reply: NONE, drop: "TCP_SYN_SENT_RST" };
  }
  if (!has(s, SYN)) return { state: "SYN-SENT", reply: NONE, drop: "TCP_SEQUENCE" };
  if (!acks) {
    return { state: "SYN-RECEIVED", reply: { kind: "syn-ack", ack: s.seq + 1 + s.len, isNew: false }, drop: null };
  }
  const ack = s.seq + span(s);
  return { state: has(s, FIN) ? "CLOSE-WAIT" : "ESTABLISHED", reply: { kind: "ack", ack }, drop: null };
}

/** The four rows of §3.10.7.4's table, for a window that is open. */
function isAcceptable(b: Before, s: Segment): boolean {
  const inWindow = (seq: number) => seq >= b.rcvNxt && seq < b.edge;
  if (span(s) === 0) return inWindow(s.seq) || isAtEdge(b, s);
  return inWindow(s.seq) || inWindow(s.seq + span(s) - 1);
}

/**
 * A deviation from the table, on purpose: a segment without text whose sequence number is the window's right edge is
 * heard, unless it is a reset. A peer that has used up our window stands there, and its ACKs would not count.
 */
function isAtEdge(b: Before, s: Segment): boolean {
  return s.seq === b.edge && !has(s, RST);
}

/** RFC 1337 (no reset is heard), RFC 6191 and §3.6.1 (a SYN beyond is a new connection), §3.10.7.4. */
function timeWait(b: Before, s: Segment): After {
  const drop = "TCP_TIME_WAIT";
  if (has(s, RST)) return { state: "TIME-WAIT", reply: NONE, drop };
  if (has(s, SYN) && !has(s, ACK) && s.seq > b.rcvNxt) {
    return { state: "SYN-RECEIVED", reply: { kind: "syn-ack", ack: s.seq + 1 + s.len, isNew: true }, drop: null };
  }
  const quiet = span(s) === 0 && isAcceptable(b, s);
  return { state: "TIME-WAIT", reply: quiet ? NONE : { kind: "ack", ack: b.rcvNxt }, drop };
}

/** §3.10.7.4: the checks in their order. */
function otherStates(b: Before, s: Segment): After {
  const same = (reply: Reply, drop: DropName): After => ({ state: b.state, reply, drop });
  const stand: Reply = { kind: "ack", ack: b.rcvNxt };
  // §3.5 figure 8, line 6: in a simultaneous open the peer's SYN-ACK establishes, though its SYN has come before.
  if (isSynAckOfBoth(b, s)) {
    const after = otherStates(b, { ...s, seq: s.seq + 1, flags: s.flags & ~SYN });
    return after.reply.kind === "none" ? { ...after, reply: { kind: "ack", ack: b.rcvNxt + s.len } } : after;
  }
  // First: the sequence number.
  if (!isAcceptable(b, s)) {
    if (has(s, RST)) return same(NONE, "TCP_SEQUENCE");
    return same(isFirstSyn(b, s) ? { kind: "syn-ack", ack: b.rcvNxt, isNew: false } : stand, "TCP_SEQUENCE");
  }
  // Second: RST; RFC 5961 §3.2: SEG.SEQ itself must be in the window, and at its left edge to be believed.
  if (has(s, RST)) {
    if (s.seq < b.rcvNxt || s.seq >= b.edge) return same(NONE, "TCP_SEQUENCE");
    if (s.seq !== b.rcvNxt) return same(stand, "TCP_RST_SEQUENCE");
    return { state: "CLOSED", reply: NONE, drop: null };
  }
  // Fourth: SYN.
  if (has(s, SYN)) {
    if (b.state === "SYN-RECEIVED" && b.passive) return { state: "CLOSED", reply: NONE, drop: "TCP_SYN" };
    return same(stand, "TCP_SYN");
  }
  // Fifth: ACK.
  if (!has(s, ACK)) return same(NONE, "TCP_NO_ACK");
  if (b.state === "SYN-RECEIVED") {
    if (s.ack <= b.una || s.ack > b.nxt) return same({ kind: "rst", seq: s.ack }, "TCP_ACK");
    return textAndFin({ ...b, state: "ESTABLISHED" }, s);
  }
  // RFC 5961 §5.2.
  if (s.ack > b.nxt || s.ack < b.una - b.maxWnd) return same(stand, "TCP_ACK");
  const finAcked = b.finSent && s.ack === b.nxt;
  if (b.state === "FIN-WAIT-1" && finAcked) return textAndFin({ ...b, state: "FIN-WAIT-2" }, s);
  if (b.state === "CLOSING" && finAcked) return { state: "TIME-WAIT", reply: NONE, drop: null };
  if (b.state === "LAST-ACK" && finAcked) return { state: "CLOSED", reply: NONE, drop: null };
  return textAndFin(b, s);
}

function isSynAckOfBoth(b: Before, s: Segment): boolean {
  const synAck = has(s, SYN) && has(s, ACK) && !has(s, RST);
  return b.state === "SYN-RECEIVED" && !b.passive && synAck && s.seq === b.rcvNxt - 1;
}

/** A peer that is in SYN-SENT hears no mere ACK: its SYN is answered as it was the first time. */
function isFirstSyn(b: Before, s: Segment): boolean {
  return b.state === "SYN-RECEIVED" && b.passive && has(s, SYN) && !has(s, ACK) && s.seq === b.rcvNxt - 1;
}

/** Seventh and eighth. The peer's FIN has come in CLOSE-WAIT, CLOSING and LAST-ACK: text and FIN are ignored there. */
function textAndFin(b: Before, s: Segment): After {
  const hears = b.state === "ESTABLISHED" || b.state === "FIN-WAIT-1" || b.state === "FIN-WAIT-2";
  const start = Math.max(s.seq, b.rcvNxt);
  const textEnd = s.seq + s.len;
  const end = Math.min(textEnd, b.edge);
  const text = Math.max(end - start, 0);
  // A FIN beyond the right edge is not in the window.
  const fin = has(s, FIN) && textEnd < b.edge && textEnd >= b.rcvNxt;
  const cut = s.seq < b.rcvNxt || (has(s, FIN) ? textEnd >= b.edge : textEnd > b.edge);
  const reply = (rcvNxt: number): Reply => ({ kind: "ack", ack: rcvNxt });
  // What had to be cut off, old or beyond, is answered in any case.
  if (!hears) return { state: b.state, reply: cut ? reply(b.rcvNxt) : NONE, drop: null };
  // RFC 5681 §4.2: out of order, at once.
  if (start > b.rcvNxt) return { state: b.state, reply: text > 0 || has(s, FIN) ? reply(b.rcvNxt) : NONE, drop: null };
  if (!fin) return { state: b.state, reply: cut ? reply(b.rcvNxt + text) : NONE, drop: null };
  const after: Record<string, string> = {
    ESTABLISHED: "CLOSE-WAIT",
    "FIN-WAIT-1": "CLOSING",
    "FIN-WAIT-2": "TIME-WAIT",
  };
  return { state: after[b.state] as string, reply: reply(textEnd + 1), drop: null };
}
