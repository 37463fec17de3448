/**
 * TCP against a model: two ends do whatever comes, and a queue of bytes for each direction says what they may see of each
 * other. What fails shrinks to a short script.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { CALL_PTR } from "../../assembly/abi/call.js";
import { E_AGAIN, E_CONNRESET, E_NOTCONN, E_PIPE, E_TIMEDOUT } from "../../assembly/abi/errno.js";
import {
  OPT_TCP_KEEP_COUNT,
  OPT_TCP_KEEP_IDLE_MS,
  OPT_TCP_KEEP_INTERVAL_MS,
  OPT_TCP_KEEPALIVE,
  OPT_TCP_NODELAY,
  OPT_TCP_RECEIVE_BUFFER,
  OPT_TCP_SEND_BUFFER,
  SEND_MORE,
  SHUT_WR,
} from "../../assembly/abi/socket.js";
import { ipv4 } from "../../src/address.js";
import { SimLink, Stack, VirtualClock } from "../../src/index.js";
import { checkBlocks, checkBooks, checkPools, drain, module } from "./harness.js";
import { openTcp, streamByte } from "./tcp-end.js";

type Op =
  | { readonly do: "write" | "more" | "read"; readonly end: 0 | 1; readonly bytes: number }
  | { readonly do: "shutdown" | "close" | "abort"; readonly end: 0 | 1 }
  | { readonly do: "set"; readonly end: 0 | 1; readonly option: number; readonly value: number }
  | { readonly do: "advance"; readonly us: number }
  | { readonly do: "link"; readonly loss: number; readonly delayUs: number }
  | { readonly do: "cut"; readonly us: number };

const end = fc.constantFrom(0, 1) as fc.Arbitrary<0 | 1>;
const bytes = fc.oneof(
  { withCrossShrink: true },
  fc.integer({ min: 1, max: 50 }),
  fc.integer({ min: 51, max: 20_000 }),
);

const OP: fc.Arbitrary<Op> = fc.oneof(
  { weight: 24, arbitrary: fc.record({ do: fc.constantFrom("write", "more"), end, bytes }) as fc.Arbitrary<Op> },
  { weight: 24, arbitrary: fc.record({ do: fc.constant("read"), end, bytes }) as fc.Arbitrary<Op> },
  { weight: 36, arbitrary: fc.record({ do: fc.constant("advance"), us: fc.nat(3_000_000) }) as fc.Arbitrary<Op> },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("shutdown", "close"), end }) as fc.Arbitrary<Op> },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("abort"), end }) as fc.Arbitrary<Op> },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("set"),
      end,
      option: fc.constantFrom(OPT_TCP_NODELAY, OPT_TCP_KEEPALIVE),
      value: fc.constantFrom(0, 1),
    }) as fc.Arbitrary<Op>,
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("link"),
      loss: fc.constantFrom(0, 0.05, 0.2),
      delayUs: fc.constantFrom(0, 1000, 100_000),
    }) as fc.Arbitrary<Op>,
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("cut"), us: fc.nat(5_000_000) }) as fc.Arbitrary<Op> },
);

const KEEPALIVE = [
  [OPT_TCP_KEEP_IDLE_MS, 20_000],
  [OPT_TCP_KEEP_INTERVAL_MS, 2000],
  [OPT_TCP_KEEP_COUNT, 2],
  [OPT_TCP_KEEPALIVE, 1],
] as const;

/** One end, and what the model knows of it. */
class End {
  written = 0;
  read = 0;
  /** Nothing more is written. */
  shut = false;
  /** The handle has been given up. */
  gone = false;
  /** It has read to the end. */
  ended = false;
  /** errno that a call has answered: there is no connection any more. */
  failed = 0;

  constructor(
    readonly stack: Stack,
    readonly handle: number,
    readonly key: number,
    /** Bytes that the model counts beyond what it writes: a fault, to be found. */
    readonly miscounts: number,
  ) {}

  /** Writes up to `count` bytes, as many as there is room for. */
  write(count: number, flags: number): void {
    if (this.gone || this.failed !== 0) return;
    const { core } = this.stack;
    this.stack.tick();
    for (let left = count; left > 0; ) {
      const room = core.exports.tcp_send_window(this.handle);
      if (room === -E_AGAIN) break;
      if (this.shut && room === -E_PIPE) break;
      if (room < 0) {
        this.failed = -room;
        return;
      }
      expect(this.shut, "room to write after a shutdown").toBe(false);
      const chunk = Math.min(room, left);
      const at = core.get(CALL_PTR);
      for (let i = 0; i < chunk; i++) core.u8[at + i] = streamByte(this.key, this.written + i);
      expect(core.exports.tcp_send(this.handle, chunk, flags)).toBe(0);
      this.written += chunk + this.miscounts;
      left -= chunk;
    }
    this.stack.work();
  }

  /** Reads up to `count` bytes, as many as have come. */
  readSome(count: number, other: End): void {
    if (this.gone || this.failed !== 0) return;
    const { core } = this.stack;
    this.stack.tick();
    for (let left = count; left > 0; ) {
      const there = core.exports.tcp_receive_window(this.handle);
      if (there === -E_AGAIN) break;
      if (there < 0) {
        this.failed = -there;
        return;
      }
      if (there === 0) {
        expect(other.shut && this.read === other.written, "the end of the stream, and not before").toBe(true);
        this.ended = true;
        break;
      }
      expect(this.ended, "bytes after the end of the stream").toBe(false);
      const chunk = Math.min(there, left);
      const at = core.get(CALL_PTR);
      let wrong = -1;
      for (let i = 0; i < chunk; i++) if (core.u8[at + i] !== streamByte(other.key, this.read + i)) wrong = i;
      expect(wrong, "a byte that is not the one written").toBe(-1);
      expect(core.exports.tcp_receive(this.handle, chunk)).toBe(0);
      this.read += chunk;
      expect(this.read).toBeLessThanOrEqual(other.written);
      left -= chunk;
    }
    this.stack.work();
  }

  shutdown(): void {
    if (this.gone) return;
    this.stack.tick();
    const result = this.stack.core.exports.sock_shutdown(this.handle, SHUT_WR);
    if (result !== -E_NOTCONN) {
      expect(result).toBe(0);
      this.shut = true;
    }
    this.stack.work();
  }

  /** A reset may have been lost: whoever waits finds out. */
  keepAlive(): void {
    if (this.gone) return;
    const { exports } = this.stack.core;
    for (const [option, value] of KEEPALIVE) expect(exports.sock_set(this.handle, option, value)).toBe(0);
    this.stack.work();
  }

  giveUp(how: "close" | "abort"): void {
    if (this.gone) return;
    this.stack.tick();
    const { exports } = this.stack.core;
    expect(how === "close" ? exports.sock_close(this.handle) : exports.sock_abort(this.handle)).toBe(0);
    this.gone = true;
    this.shut = true;
    this.stack.work();
  }
}

/** Two connected ends, on stacks that end with their script (finish), also where a shorter one is looked for: small buffers on the one side, larger ones on the other. */
async function world(seed: number, miscounts: number) {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed, medium: "ip", delayUs: 1000, bitRate: 10_000_000 });
  const join = async (number: number): Promise<Stack> => {
    const stack = await Stack.create({
      clock,
      module,
      name: `h${number}`,
      seed: [seed, number, 1, 1],
      profile: "tiny",
      smallBuffers: 64,
      ringSlots: 16,
      rings2K: 4,
      rings16K: 4,
    });
    stack.addInterface(link.nic(), { address: `10.0.0.${number}/24` });
    return stack;
  };
  const a = await join(1);
  const b = await join(2);
  const listener = openTcp(b, { [OPT_TCP_SEND_BUFFER]: 16_384, [OPT_TCP_RECEIVE_BUFFER]: 2048 });
  b.core.putPeer(0, 7);
  expect(b.core.exports.sock_bind(listener)).toBe(0);
  expect(b.core.exports.sock_listen(listener, 1)).toBe(0);
  const client = openTcp(a, { [OPT_TCP_SEND_BUFFER]: 2048, [OPT_TCP_RECEIVE_BUFFER]: 16_384 });
  a.core.putPeer(ipv4("10.0.0.2"), 7);
  expect(a.core.exports.sock_connect(client)).toBe(0);
  a.work();
  clock.advanceSync(10_000);
  const server = b.core.exports.sock_accept(listener);
  expect(server).toBeGreaterThan(0);
  expect(b.core.exports.sock_close(listener)).toBe(0);
  return { clock, link, ends: [new End(a, client, 1, miscounts), new End(b, server, 2, 0)] as const };
}

type World = Awaited<ReturnType<typeof world>>;

function perform({ clock, link, ends }: World, op: Op): void {
  if (op.do === "advance") clock.advanceSync(op.us);
  else if (op.do === "link") for (const nic of link.nics) nic.configure({ loss: op.loss, delayUs: op.delayUs });
  else if (op.do === "cut") {
    link.down();
    clock.advanceSync(op.us);
    link.up();
  } else {
    const mine = ends[op.end];
    const its = ends[1 - op.end];
    if (op.do === "write" || op.do === "more") mine.write(op.bytes, op.do === "more" ? SEND_MORE : 0);
    else if (op.do === "read") mine.readSome(op.bytes, its);
    else if (op.do === "shutdown") mine.shutdown();
    else if (op.do === "set") {
      if (!mine.gone) expect(mine.stack.core.exports.sock_set(mine.handle, op.option, op.value)).toBe(0);
    } else mine.giveUp(op.do);
  }
  for (const { stack } of ends) checkBooks(stack);
}

/** Longer than any timer that is backed off, and than all the bytes need. */
const ROUNDS = 400;

/** The link is well again, and who has not given up reads to the end. */
function finish({ clock, link, ends }: World): void {
  for (const nic of link.nics) nic.configure({ loss: 0, delayUs: 1000 });
  // The last small segment may wait for more that never comes: until something else is written, or the end is said.
  for (const one of ends) {
    one.shutdown();
    one.keepAlive();
  }
  const isDone = (one: End) => one.gone || one.ended || one.failed !== 0;
  for (let round = 0; round < ROUNDS && !ends.every(isDone); round++) {
    clock.advanceSync(1_000_000);
    for (const [i, one] of ends.entries()) one.readSome(Infinity, ends[1 - i]);
  }
  for (const [i, mine] of ends.entries()) {
    const its = ends[1 - i];
    // Nothing but the other end's giving up ends a connection badly.
    expect(mine.failed === 0 || its.gone, `end ${i} fails with ${mine.failed}`).toBe(true);
    expect([0, E_CONNRESET, E_PIPE, E_NOTCONN, E_TIMEDOUT]).toContain(mine.failed);
    if (mine.gone || mine.failed !== 0) continue;
    expect(mine.ended, `end ${i} has read to the end`).toBe(true);
    expect(mine.read, `end ${i} has read what was written`).toBe(its.written);
  }
  for (const one of ends) one.giveUp("close");
  clock.advanceSync(200_000_000);
  for (const { stack } of ends) {
    drain(stack);
    checkPools(stack);
    checkBlocks(stack);
    stack.close();
  }
}

/** Any script, on any seed of the link. */
function anything(miscounts: number) {
  return fc.asyncProperty(fc.nat(1000), fc.array(OP, { maxLength: 60, size: "max" }), async (seed, ops) => {
    const both = await world(seed, miscounts);
    for (const op of ops) perform(both, op);
    finish(both);
  });
}

test("whatever two ends do, each reads what the other has written, and nothing is left in the end", async () => {
  await fc.assert(anything(0), { seed: 20, numRuns: Number(process.env.RINGSTACK_MODEL_RUNS ?? 150) });
});

test("a byte too few shrinks to one write of one byte", async () => {
  const { failed, counterexample } = await fc.check(anything(1), { seed: 20, numRuns: 50 });
  expect(failed).toBe(true);
  expect(counterexample?.[1]).toEqual([{ do: "write", end: 0, bytes: 1 }]);
});
