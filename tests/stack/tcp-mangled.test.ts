/**
 * Two stacks, and somebody between them who loses, doubles, holds back, cuts and forges what they say, checksums right.
 * While he does, records, rings and bytes must be sound (tcp-invariants.ts); once he is gone, every connection ends in
 * bounded time, and nothing is left. In every second case he forges nothing: then each byte that was written is read.
 *
 *   RINGSTACK_FUZZ_SECONDS, RINGSTACK_FUZZ_SEED  as for fuzz.test.ts
 */
import { expect, test } from "vitest";
import { SHUT_WR } from "../../assembly/abi/socket.js";
import { TCP_LISTEN } from "../../assembly/abi/tcp.js";
import { Prng, Stack, VirtualClock } from "../../src/index.js";
import { pick } from "./fuzz-datagrams.js";
import { repair } from "./fuzz-frames.js";
import { build, checkBlocks, checkBooks, checkEvents, checkPools, drain, module } from "./harness.js";
import { RecordingDriver } from "./recording-driver.js";
import { TcpInvariants } from "./tcp-invariants.js";
import { connect, heldConnections, listen, read, write } from "./tcp-stateless.js";
import type { Bytes } from "./wire.js";

const SECONDS = Number(process.env.RINGSTACK_FUZZ_SECONDS ?? 0);
const SEED = Number(process.env.RINGSTACK_FUZZ_SEED ?? 1);
const CASES = 16;
const STEPS = 200;
const PORT = 7000;
const RANGES = 4;
const ADDRESSES = [0x0a000001, 0x0a000002] as const;
/** R2 and what comes before and after it, microseconds. */
const END_US = 1200e6;

class Side {
  readonly driver = new RecordingDriver({ medium: "ip" });
  tcp!: TcpInvariants;
  listener = 0;
  /** Bytes written and read, of all connections together. */
  written = 0;
  read = 0;

  private constructor(readonly stack: Stack) {}

  static async create(clock: VirtualClock, prng: Prng, number: 0 | 1): Promise<Side> {
    const stack = await Stack.create({
      clock,
      module,
      name: number === 0 ? "a" : "b",
      seed: [prng.uint32(), prng.uint32(), 3, 4],
      smallBuffers: 96,
      largeBuffers: 0,
      sockets: 16,
      tcpBlocks: 12,
      tcpRanges: RANGES,
      timeWaits: pick(prng, [0, 1, 8]),
      rings2K: 12,
      rings16K: 12,
      rings64K: 2,
      rings1M: 0,
    });
    const side = new Side(stack);
    stack.addInterface(side.driver, { address: `10.0.0.${number + 1}/24` });
    side.tcp = new TcpInvariants(stack, RANGES);
    side.listener = listen(stack, PORT, 3);
    return side;
  }

  /** What its application does with each connection: more or less of everything. */
  act(prng: Prng): void {
    const { stack } = this;
    const { exports } = stack.core;
    exports.sock_accept(this.listener);
    for (const t of heldConnections(stack, RANGES)) {
      if (prng.chance(0.4)) this.written += write(stack, t, pick(prng, [1, 100, 1460, 20_000]));
      if (prng.chance(0.4)) this.read += read(stack, t, pick(prng, [1, 1000, 70_000]), !this.tcp.isSpoiled(t)) ?? 0;
    }
    stack.work();
  }

  /** Reads what is there, says that nothing more comes, and closes what is over, or all if it waits no longer: true if it
   * has no connection left. */
  finish(waits: boolean): boolean {
    const { stack } = this;
    const { exports } = stack.core;
    while (exports.sock_accept(this.listener) > 0);
    for (const t of heldConnections(stack, RANGES)) {
      exports.sock_shutdown(t.handle, SHUT_WR);
      let more: number | undefined = 1;
      while (more !== undefined && more > 0) {
        more = read(stack, t, 70_000, !this.tcp.isSpoiled(t));
        this.read += more ?? 0;
      }
      if (more === undefined || !waits) exports.sock_close(t.handle);
    }
    stack.work();
    return this.tcp.records().every((t) => t.get("state") === TCP_LISTEN);
  }

  close(): void {
    const { stack } = this;
    stack.core.exports.sock_close(this.listener);
    checkBooks(stack);
    checkEvents(stack);
    stack.close();
    drain(stack);
    checkPools(stack);
    checkBlocks(stack);
  }
}

/** Whoever stands between the two. */
class Mangler {
  readonly #prng: Prng;
  readonly #sides: readonly [Side, Side];
  readonly #forges: boolean;
  /** Held back; for whom. */
  readonly #held: { to: Side; bytes: Bytes }[] = [];

  constructor(prng: Prng, sides: readonly [Side, Side], forges: boolean) {
    this.#prng = prng;
    this.#sides = sides;
    this.#forges = forges;
  }

  /** Does as he likes with what has been sent. */
  mangle(): void {
    const prng = this.#prng;
    for (const [i, side] of this.#sides.entries()) {
      const to = this.#sides[1 - i] as Side;
      side.driver.sentAtUs.length = 0;
      for (const bytes of side.driver.sent.splice(0)) {
        const fate = prng.below(100);
        if (fate < 15) continue;
        if (fate < 30) this.#held.push({ to, bytes });
        else this.#deliver(to, bytes);
        if (fate >= 85) this.#deliver(to, bytes);
        if (this.#forges && prng.chance(0.08)) this.#deliver(prng.chance(0.9) ? to : side, this.#forgery(bytes));
      }
    }
    while (this.#held.length > 0 && prng.chance(0.5)) {
      const [one] = this.#held.splice(prng.below(this.#held.length), 1);
      if (one !== undefined) this.#deliver(one.to, one.bytes);
    }
  }

  /** Passes on all there is, as it was. */
  pass(): void {
    for (const { to, bytes } of this.#held.splice(0)) this.#deliver(to, bytes);
    for (const [i, side] of this.#sides.entries()) {
      side.driver.sentAtUs.length = 0;
      for (const bytes of side.driver.sent.splice(0)) this.#deliver(this.#sides[1 - i] as Side, bytes);
    }
  }

  #deliver(to: Side, bytes: Bytes): void {
    to.tcp.received(bytes);
    to.driver.port.receive(bytes);
  }

  /** A segment like this one, but cut, turned or with other fields; its sums are right. */
  #forgery(like: Bytes): Bytes {
    const prng = this.#prng;
    const kind = prng.below(4);
    const bytes = like.slice(0, kind === 0 ? 40 + prng.below(like.length - 39) : like.length);
    const put32 = (at: number, value: number) => new DataView(bytes.buffer).setUint32(at, value >>> 0);
    const get32 = (at: number) => new DataView(bytes.buffer).getUint32(at);
    if (kind === 0) bytes.set([bytes.length >>> 8, bytes.length & 255], 2);
    else if (kind === 1) {
      const at = 20 + prng.below(bytes.length - 20);
      bytes[at] = (bytes[at] as number) ^ (1 << prng.below(8));
    } else if (kind === 2) {
      const at = pick(prng, [24, 28]);
      put32(at, get32(at) + pick(prng, [-1, 1, 10, 1000, -1000, 5000, 70_000]));
    } else bytes[33] = pick(prng, [1, 2, 4, 16, 17, 18, 20, 24, 48, prng.below(256)]);
    repair(bytes, 0);
    return bytes;
  }
}

async function runCase(number: number): Promise<void> {
  const prng = new Prng(SEED, `mangled ${number}`);
  const clock = new VirtualClock();
  const sides = [await Side.create(clock, prng, 0), await Side.create(clock, prng, 1)] as const;
  const forges = number % 2 === 1;
  const mangler = new Mangler(prng, sides, forges);
  const check = () => {
    for (const side of sides) side.tcp.check();
  };
  for (let step = 0; step < STEPS; step++) {
    const caller = prng.below(2);
    if (prng.chance(step === 0 ? 1 : 0.02))
      connect((sides[caller] as Side).stack, ADDRESSES[1 - caller] as number, PORT);
    for (const side of sides) side.act(prng);
    clock.advanceSync(0);
    mangler.mangle();
    clock.advanceSync(prng.below(pick(prng, [1, 1000, 50_000, 300_000])));
    check();
  }
  const until = clock.now() + END_US;
  for (let isOver = false; !isOver; ) {
    mangler.pass();
    clock.advanceSync(clock.now() < until - END_US + 5e6 ? 10_000 : 500_000);
    // One whose peer knows nothing of it any more stays half-closed as long as its application likes.
    const over = sides.map((side) => side.finish(clock.now() < until - END_US / 2));
    isOver = over.every(Boolean);
    check();
    if (clock.now() > until) {
      const left = sides.flatMap((side) => side.tcp.records().map((t) => `${t.name} in state ${t.get("state")}`));
      throw new Error(`connections do not end: ${left.join("; ")}`);
    }
  }
  if (!forges) {
    expect([sides[0].read, sides[1].read], "bytes read").toEqual([sides[1].written, sides[0].written]);
    expect(sides[0].written + sides[1].written, "bytes written").toBeGreaterThan(1000);
  }
  for (const side of sides) side.close();
}

test(
  "whoever stands between two stacks can end their connections, but not break, leak or hang them",
  async () => {
    const end = performance.now() + SECONDS * 1000;
    for (let number = 0; number < CASES || performance.now() < end; number++) {
      try {
        await runCase(number);
      } catch (error) {
        const again = `RINGSTACK_FUZZ_SEED=${SEED}, --project ${build}`;
        throw new Error(`case ${number}, ${again}: ${(error as Error).message}`, { cause: error });
      }
    }
  },
  SECONDS * 1000 + 60_000,
);
