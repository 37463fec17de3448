/**
 * What the checker knows of a side's connection from its last look at it: more than the stack itself keeps, once it is
 * over. The invariants that span both ends, and those of time, are about this.
 */
import {
  TCB_F_DEAF,
  TCB_F_FIN_QUEUED,
  TCB_F_FIN_RECEIVED,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT_1,
  TCP_FIN_WAIT_2,
  TCP_LAST_ACK,
  TCP_SYN_RECEIVED,
  TCP_SYN_SENT,
} from "../../assembly/abi/tcp.js";
import type { App } from "./app.js";
import type { Hash } from "./hash.js";
import type { Connection, Host } from "./host.js";
import { distance, NAMES, other, patternBreak, type Side } from "./pattern.js";
import type { Range } from "./tcb.js";
import { must } from "./violation.js";

/** Flat, so that a copy is one spread. */
export interface Observed {
  /** There has been a connection; there is one. */
  isKnown: boolean;
  isLive: boolean;
  state: number;
  iss: number;
  irs: number;
  tsOffset: number;
  sndUna: number;
  sndMax: number;
  rcvNxt: number;
  rcvAdv: number;
  /** Right edge that was last announced on the wire. */
  edge: number;
  /** It has sent a reset. */
  hasReset: boolean;
}

export const NOTHING_OBSERVED: Observed = {
  isKnown: false,
  isLive: false,
  state: 0,
  iss: 0,
  irs: 0,
  tsOffset: 0,
  sndUna: 0,
  sndMax: 0,
  rcvNxt: 0,
  rcvAdv: 0,
  edge: 0,
  hasReset: false,
};

const SENT_FIN: readonly number[] = [TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSING, TCP_LAST_ACK];
const GOT_FIN: readonly number[] = [TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK];

/** a <= b <= … in sequence space. */
function inOrder(...numbers: number[]): boolean {
  return numbers.every((number, i) => i === 0 || distance(numbers[i - 1], number) >= 0);
}

/** Takes note of the host's connection, and checks all that can be said of one side alone. */
export function observe(host: Host, app: App, before: Observed): Observed {
  const who = NAMES[host.side];
  const all = host.connections();
  const main = all.find(({ handle }) => handle === app.state.handle) ?? all[0];
  for (const connection of all) checkConnection(who, host.side, connection, app);
  if (main === undefined) return over(host, before);
  const { tcb } = main;
  const isSame = before.isKnown && before.iss === tcb.get("iss");
  const now: Observed = {
    isKnown: true,
    isLive: true,
    state: tcb.get("state"),
    iss: tcb.get("iss"),
    irs: tcb.get("irs"),
    tsOffset: tcb.get("tsOffset"),
    sndUna: tcb.get("sndUna"),
    sndMax: tcb.get("sndMax"),
    rcvNxt: tcb.get("rcvNxt"),
    rcvAdv: tcb.get("rcvAdv"),
    edge: isSame && before.irs === tcb.get("irs") ? before.edge : tcb.get("irs"),
    hasReset: before.hasReset,
  };
  if (!isSame) return now;
  must(inOrder(before.sndUna, now.sndUna), `${who}: SND.UNA goes back`);
  must(inOrder(before.sndMax, now.sndMax), `${who}: what has been sent becomes less`);
  if (before.irs !== now.irs) return now;
  must(inOrder(before.rcvNxt, now.rcvNxt), `${who}: RCV.NXT goes back`);
  must(inOrder(before.rcvAdv, now.rcvAdv), `${who}: the window's right edge goes back (RFC 9293 §3.8.6)`);
  return now;
}

/** The connection is over, or waits in TIME-WAIT: what it stood at remains. */
function over(host: Host, before: Observed): Observed {
  const edges = host.timeWaitEdges();
  const [sndUna, rcvNxt] = edges ?? [before.sndUna, before.rcvNxt];
  return { ...before, isLive: false, sndUna, rcvNxt };
}

function checkConnection(who: string, side: Side, { tcb, handle }: Connection, app: App): void {
  const state = tcb.get("state");
  const flags = tcb.get("flags");
  const una = tcb.get("sndUna");
  const max = tcb.get("sndMax");
  const end = tcb.get("sndEnd");
  const finQueued = Number((flags & TCB_F_FIN_QUEUED) !== 0);
  must(inOrder(una, max, end + finQueued), () => {
    const places = [una, max, end].map((seq) => distance(tcb.get("iss"), seq));
    return `${who}: UNA, MAX, END stand at ${places}`;
  });
  const isMain = handle === app.state.handle;
  // A connection that waits to be accepted has nothing to say yet, and one without application says no more.
  const written = isMain || app.state.handle < 0 ? app.state.written : 0;
  must(distance(tcb.get("iss") + 1, end) === written, `${who}: SND.END is not where the application has written to`);
  checkTimers(who, tcb, una, max, end + finQueued);
  const first = inOrder(tcb.get("iss") + 1, una) ? una : tcb.get("iss") + 1;
  const unsent = distance(first, end);
  must(unsent <= 0 || unsent <= tcb.get("sndMask") + 1, `${who}: more waits to be sent than the ring holds`);
  if (unsent > 0) {
    const bad = patternBreak(side, distance(tcb.get("iss") + 1, first), tcb.ring("snd", first, unsent));
    must(bad < 0, `${who}: the send ring holds a wrong byte`);
  }
  if (state >= TCP_ESTABLISHED) {
    must(
      SENT_FIN.includes(state) === (finQueued === 1),
      `${who}: state ${state} and FIN ${finQueued ? "" : "not "}queued`,
    );
    must(
      GOT_FIN.includes(state) === ((flags & TCB_F_FIN_RECEIVED) !== 0),
      `${who}: state ${state}, FIN received or not`,
    );
  }
  if (state >= TCP_SYN_RECEIVED) checkReceiver(who, side, { tcb, handle }, isMain, app);
}

/** Whatever is not acknowledged, or waits for a window, has a timer that sees to it. */
function checkTimers(who: string, tcb: Connection["tcb"], una: number, max: number, last: number): void {
  const state = tcb.get("state");
  const isWaiting = state >= TCP_SYN_SENT && (una !== max || (state >= TCP_ESTABLISHED && max !== last));
  must(!isWaiting || tcb.isArmed("rexmt"), () => `${who}: something waits for an ACK or a window, and no timer runs`);
}

function checkReceiver(who: string, side: Side, { tcb }: Connection, isMain: boolean, app: App): void {
  const flags = tcb.get("flags");
  const irs = tcb.get("irs");
  const read = tcb.get("rcvRead");
  const nxt = tcb.get("rcvNxt");
  const adv = tcb.get("rcvAdv");
  const fin = Number((flags & TCB_F_FIN_RECEIVED) !== 0);
  must(inOrder(nxt, adv + fin), () => `${who}: RCV.NXT stands ${distance(adv, nxt)} beyond what was advertised`);
  const waiting = tcb.waiting;
  for (const [i, [left, right]] of waiting.entries()) {
    must(
      distance(nxt, left) > 0 && distance(left, right) > 0 && inOrder(right, adv + 1),
      `${who}: a range out of order`,
    );
    must(
      waiting.every(([l, r], k) => k === i || inOrder(right, l) || inOrder(r, left)),
      `${who}: ranges overlap`,
    );
  }
  if (flags & TCB_F_DEAF) return;
  must(inOrder(read, nxt), `${who}: more has been read than has come`);
  must(distance(read, adv) <= tcb.get("rcvMask") + 2, `${who}: more is advertised than the ring holds`);
  if (isMain)
    must(distance(irs + 1, read) === app.state.read, `${who}: RCV.READ is not where the application has read to`);
  const check = ([left, right]: Range) => {
    const bad = patternBreak(other(side), distance(irs + 1, left), tcb.ring("rcv", left, distance(left, right)));
    must(bad < 0, () => `${who}: byte ${distance(irs + 1, left) + bad} in the receive ring is wrong`);
  };
  check([read, nxt - fin]);
  const finAt = tcb.get("rcvFin");
  for (const [left, right] of waiting) check([left, right - Number(right - 1 === finAt)]);
}

/** What holds between the two ends of one connection. */
export function checkPair(hosts: readonly Host[], seen: readonly Observed[]): void {
  for (const side of [0, 1] as const) {
    const mine = seen[side];
    const its = seen[other(side)];
    const who = NAMES[side];
    if (!mine.isKnown || !its.isKnown || its.irs !== mine.iss || its.irs === 0) {
      const isAlone = mine.isLive && mine.state >= TCP_ESTABLISHED;
      must(!isAlone, `${who} is in a synchronized state, and the other end never was in the connection`);
      continue;
    }
    must(inOrder(mine.sndUna, its.rcvNxt), `${who}: more is acknowledged than the other end has received`);
    must(inOrder(its.rcvNxt, mine.sndMax), `${who}: the other end has received more than was sent`);
    // One byte or a FIN beyond a window of none is a probe (RFC 9293 §3.8.6.1).
    must(inOrder(mine.sndMax, its.edge + 1), `${who} has sent beyond the window that the other end has advertised`);
    if (!mine.isLive || !its.isLive) continue;
    if (its.hasReset || mine.hasReset) continue;
    const isAcked = mine.state === TCP_FIN_WAIT_2;
    must(!isAcked || GOT_FIN.includes(its.state), `${who} is in FIN-WAIT-2, the other end in state ${its.state}`);
    const hasGot = GOT_FIN.includes(mine.state);
    must(!hasGot || SENT_FIN.includes(its.state), `${who} is in state ${mine.state}, the other end in ${its.state}`);
    checkSacked(who, hosts, side, its);
  }
}

/** What one end believes that the other has out of order, it has: nothing is given up again (RFC 2018 §8 would allow it). */
function checkSacked(who: string, hosts: readonly Host[], side: Side, its: Observed): void {
  const sender = hosts[side].connections().find(({ tcb }) => tcb.get("iss") === its.irs);
  const receiver = hosts[other(side)].connections().find(({ tcb }) => tcb.get("iss") === its.iss);
  if (sender === undefined || receiver === undefined) return;
  const waiting = receiver.tcb.waiting;
  for (const [left, right] of sender.tcb.sacked) {
    must(
      inOrder(sender.tcb.get("sndUna"), left, right, sender.tcb.get("sndMax")),
      `${who}: a SACK range is not in flight`,
    );
    const isThere = inOrder(right, its.rcvNxt) || waiting.some(([l, r]) => inOrder(l, left) && inOrder(right, r));
    const isPartly = inOrder(left, its.rcvNxt) && waiting.some(([l, r]) => inOrder(l, its.rcvNxt) && inOrder(right, r));
    must(isThere || isPartly, `${who} believes a range received that the other end does not have`);
  }
}

export function hashObserved(hash: Hash, seen: Observed): void {
  const { iss, irs } = seen;
  hash.add(Number(seen.isKnown) | (Number(seen.isLive) << 1) | (Number(seen.hasReset) << 2) | (seen.state << 3));
  hash.add(seen.sndUna - iss);
  hash.add(seen.sndMax - iss);
  hash.add(seen.rcvNxt - irs);
  hash.add(seen.rcvAdv - irs);
  hash.add(seen.rcvAdv - seen.edge);
}
