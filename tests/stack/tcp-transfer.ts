/**
 * One transfer between two stacks over a simulated link: what is read is what was written, byte for byte, in bounded time,
 * and all pools are full afterwards. What it took is the outcome.
 */
import { expect } from "vitest";
import { OPT_TCP_CONGESTION, OPT_TCP_RECEIVE_BUFFER, OPT_TCP_SEND_BUFFER } from "../../assembly/abi/socket.js";
import { TCP_CONGESTION_RENO } from "../../assembly/abi/tcp.js";
import type { LinkConditions } from "../../src/drivers/sim-conditions.js";
import { SimLink, type SimNic, type Stack, VirtualClock } from "../../src/index.js";
import { boot, checkBooks, checkPools, drain } from "./harness.js";
import { TcpEnd, TcpListener } from "./tcp-end.js";

export interface Transfer {
  readonly name: string;
  readonly link: Partial<LinkConditions>;
  /** What is different in the direction of the one that connects. */
  readonly ahead?: Partial<LinkConditions>;
  readonly mtu?: number;
  /** Buffers of both ends, bytes. */
  readonly buffer?: number;
  readonly reno?: boolean;
  /** TCP_…: of both stacks. */
  readonly switches?: Readonly<Record<string, number>>;
  /** Bytes from the one that connects, and back. */
  readonly there: number;
  readonly back: number;
  /** More virtual time than this is too much; or, where it `stalls`, what is looked at. */
  readonly withinS: number;
  readonly stalls?: boolean;
  readonly medium?: "ethernet" | "ip";
  /** Is the frame swallowed? By its length and, of those with 150 bytes or more that the first end has sent, its number. */
  readonly swallows?: (length: number, number: number) => boolean;
  /** From this time, seconds, the link has these conditions. In order. */
  readonly changes?: readonly (readonly [number, Partial<LinkConditions>])[];
  /** Bytes that have been read when `steady` begins. */
  readonly skip?: number;
}

export interface Outcome {
  readonly tookUs: number;
  /** Bytes that the second end has read. */
  readonly read: number;
  /** Bytes a second after `skip`. */
  readonly steady: number;
  /** Who has connected, and who has accepted. */
  readonly ends: readonly TcpEnd[];
  readonly counters: readonly Readonly<Record<string, number>>[];
  /** Frames of the first end that the link's queue or chance has dropped. */
  readonly lost: number;
}

const KEYS = { there: 1, back: 2 };
const STEP_US = 100_000;

/** The nic, with frames disappearing before it. */
function withHole(nic: SimNic, swallows: (length: number, number: number) => boolean): SimNic {
  const transmit = nic.transmit.bind(nic);
  let number = 0;
  nic.transmit = (frame) => {
    if (frame.length >= 150) number++;
    return swallows(frame.length, number) || transmit(frame);
  };
  return nic;
}

export async function transfer(one: Transfer, seed: number): Promise<Outcome> {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed, medium: one.medium ?? "ethernet", ...one.link });
  const mtu = one.mtu === undefined ? {} : { mtu: one.mtu };
  const join = async (name: string, number: number, conditions: Partial<LinkConditions> = {}): Promise<Stack> => {
    const stack = await boot({ clock, name, seed: [seed, number, 1, 1], rings1M: 4 });
    for (const [name, value] of Object.entries(one.switches ?? {})) stack.switches.set(name as "TCP_ECN", value);
    const nic = link.nic({ ...mtu, ...conditions });
    if (number === 1 && one.swallows) withHole(nic, one.swallows);
    stack.addInterface(nic, { address: `10.0.0.${number}/24` });
    return stack;
  };
  const stacks = [await join("a", 1, one.ahead), await join("b", 2)] as const;
  const options: Record<number, number> = {};
  if (one.buffer) for (const option of [OPT_TCP_SEND_BUFFER, OPT_TCP_RECEIVE_BUFFER]) options[option] = one.buffer;
  if (one.reno) options[OPT_TCP_CONGESTION] = TCP_CONGESTION_RENO;
  const there = { key: KEYS.there, bytes: one.there };
  const back = { key: KEYS.back, bytes: one.back };
  const listener = new TcpListener(stacks[1], 7, { writes: back, reads: there, shuts: true }, options);
  const client = TcpEnd.connect(stacks[0], "10.0.0.2", 7, { writes: there, reads: back, shuts: true }, options);
  const server = () => listener.ends[0];
  const changes = [...(one.changes ?? [])];
  let from: { read: number; us: number } | undefined;
  while (clock.now() < one.withinS * 1e6 && (client.doneUs === undefined || server()?.doneUs === undefined)) {
    const [next] = changes;
    if (next !== undefined && next[0] * 1e6 <= clock.now()) link.configure((changes.shift() as typeof next)[1]);
    clock.advanceSync(STEP_US);
    for (const stack of stacks) checkBooks(stack);
    const { read = 0 } = server() ?? {};
    if (from === undefined && read >= (one.skip ?? 0)) from = { read, us: clock.now() };
  }
  const ends = [client, ...listener.ends];
  const read = server()?.read ?? 0;
  if (one.stalls !== true) {
    expect([client.failed, server()?.failed], `${one.name}: errors`).toEqual([0, 0]);
    expect([read, client.read], `${one.name}: bytes within ${one.withinS} s`).toEqual([one.there, one.back]);
    expect([client.ended, server()?.ended], `${one.name}: both ends have ended`).toEqual([true, true]);
  }
  const tookUs = one.stalls === true ? clock.now() : Math.max(...ends.map((end) => end.doneUs as number));
  for (const end of ends) {
    end.look();
    end.close();
  }
  listener.close();
  const counters = stacks.map((stack) => ({ ...stack.statistics().counters }));
  const { lost, dropped } = (link.nics[0] as SimNic).counters;
  // Both FINs are acknowledged, and TIME-WAIT is over.
  clock.advanceSync(200_000_000);
  for (const stack of stacks) {
    drain(stack);
    checkPools(stack);
  }
  const steady = from === undefined ? 0 : ((read - from.read) * 1e6) / Math.max(tookUs - from.us, 1);
  return { tookUs, read, steady, ends, counters, lost: lost + dropped };
}
