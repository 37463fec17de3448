/**
 * Ten thousand connections at once between two hosts that were booted for them: each says something and hears something,
 * and what one costs does not grow with how many there are. Then connections that come and go while others stay.
 */
import { expect, test } from "vitest";
import { CALL_PTR } from "../../assembly/abi/call.js";
import { OPT_TCP_RECEIVE_BUFFER, OPT_TCP_SEND_BUFFER, SEND_MORE } from "../../assembly/abi/socket.js";
import type { Stack } from "../../src/index.js";
import { Rings } from "../../src/wasm/rings.js";
import { boot, build, timeWaits } from "./harness.js";
import { listen } from "./tcp-stateless.js";

const TCP = 6;
const PORT = 7000;
const LOOPBACK = 0x7f000001;
/** The debug module checks every step that it takes. */
const MANY = build === "debug" ? 2000 : 10_000;
/** Connections that stay, as many that come and go; minutes of virtual time. */
const SOAK = Number(process.env.RINGSTACK_SOAK_MINUTES ?? 0);
const MINUTES = SOAK > 0 ? SOAK : 3;

/** The module alone, polled by hand: loopback runs empty, at the time `us`. */
class Bare {
  readonly #lo: Rings;
  us = 1_000_000;

  constructor(readonly stack: Stack) {
    this.#lo = new Rings(stack.core, stack.core.exports.netif_record(1));
    this.settle();
  }

  settle(): void {
    const { exports } = this.stack.core;
    let wait = 0;
    do wait = exports.stack_poll(this.us >>> 0, Math.floor(this.us / 2 ** 32), 4096);
    while (this.#lo.handOver() > 0 || wait === 0);
  }

  pass(us: number): void {
    this.us += us;
    this.settle();
  }

  connect(): number {
    const { core } = this.stack;
    const handle = core.exports.sock_open(TCP);
    core.putPeer(LOOPBACK, PORT);
    const begun = core.exports.sock_connect(handle);
    if (handle < 0 || begun < 0) throw new Error(`sock_open answers ${handle}, sock_connect ${begun}`);
    return handle;
  }

  /** Writes four bytes that name a number; a ring may end within. */
  say(handle: number, number: number): void {
    const { core } = this.stack;
    for (let i = 0; i < 4; i++) {
      const room = core.exports.tcp_send_window(handle);
      if (room < 1) throw new Error(`tcp_send_window answers ${room}`);
      core.u8[core.get(CALL_PTR)] = (number >>> (8 * i)) & 255;
      core.exports.tcp_send(handle, 1, i < 3 ? SEND_MORE : 0);
    }
  }

  /** The number that has come; or the answer of the call that found none. */
  hear(handle: number): number {
    const { core } = this.stack;
    let number = 0;
    for (let i = 0; i < 4; i++) {
      const length = core.exports.tcp_receive_window(handle);
      if (length < 1) return length;
      number += (core.u8[core.get(CALL_PTR)] as number) * 2 ** (8 * i);
      core.exports.tcp_receive(handle, 1);
    }
    return number;
  }
}

async function crowd(connections: number, timeWaitRecords: number) {
  const stack = await boot({
    sockets: 2 * connections + 8,
    tcpBlocks: 2 * connections + 8,
    timeWaits: timeWaitRecords,
    tcpRanges: 4,
    rings2K: 4 * connections + 16,
    rings16K: 0,
    rings64K: 0,
    rings1M: 0,
  });
  const { exports } = stack.core;
  stack.switches.set("TCP_ORPHANS", 2 * connections);
  const listener = listen(stack, PORT, 4096);
  for (const option of [OPT_TCP_SEND_BUFFER, OPT_TCP_RECEIVE_BUFFER]) exports.sock_set(listener, option, 2048);
  return { stack, exports, listener, bare: new Bare(stack) };
}

/** Does something so many times in ten batches: how long the fastest took for one, microseconds. Whatever else the machine
 * is busy with, one of the ten is hardly touched by it. */
function microseconds(times: number, act: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < 10; batch++) {
    const start = performance.now();
    for (let i = 0; i < times / 10; i++) act();
    least = Math.min(least, ((performance.now() - start) * 1000) / (times / 10));
  }
  return least;
}

/** One among all may cost so many times what one of the last few does: what walks over them all costs more. */
const MORE = 6;

test(`${MANY} connections at once: each has its bytes, and one costs the same among all as among few`, async () => {
  const { stack, exports, listener, bare } = await crowd(MANY, MANY);
  const clients: number[] = [];
  const servers: number[] = [];
  const open = () => {
    clients.push(bare.connect());
    bare.settle();
    servers.push(exports.sock_accept(listener));
  };
  const step = MANY / 10;
  while (clients.length < MANY - step) open();
  const opening = microseconds(step, open);
  expect(Math.min(...servers)).toBeGreaterThan(0);
  const talk = () => {
    for (const [i, client] of clients.entries()) bare.say(client, i);
    bare.pass(50_000);
    const heard = servers.map((server) => bare.hear(server));
    for (const [i, number] of heard.entries()) bare.say(servers[i] as number, number * 3);
    bare.pass(50_000);
    return clients.map((client) => bare.hear(client));
  };
  const expected = clients.map((_, i) => 3 * i);
  expect(talk()).toEqual(expected);
  expect(talk()).toEqual(expected);
  const { free, total } = stack.memory().byteRings[0] as { free: number; total: number };
  expect(total - free).toBe(4 * MANY);
  // A port that somebody names is looked for among them all.
  const stranger = exports.sock_open(TCP);
  stack.core.putPeer(0, PORT + 1);
  expect(exports.sock_bind(stranger)).toBe(0);
  exports.sock_close(stranger);
  let gone = 0;
  const close = () => {
    exports.sock_close(clients[gone] as number);
    bare.settle();
    exports.sock_close(servers[gone++] as number);
    bare.settle();
  };
  const closing = microseconds(step, close);
  while (gone < MANY - step) close();
  const closed = microseconds(step, close);
  expect(stack.memory().byteRings[0]?.free).toBe(total);
  expect(timeWaits(stack)).toBe(MANY);
  const opened = microseconds(step, open);
  while (gone < clients.length) close();
  const [all, few, allGone, fewGone] = [opening, opened, closing, closed].map((us) => us.toFixed(1));
  console.log(
    `tcp: ${MANY} connections, ${build}: one is opened in ${all} us among all, ${few} among few; closed in ${allGone} and ${fewGone}`,
  );
  expect(opening, `${few} us among few`).toBeLessThan(MORE * opened);
  expect(closing, `${fewGone} us among few`).toBeLessThan(MORE * closed);
  const { counters } = stack.statistics();
  expect([counters.TCP_ESTAB_RESETS, counters.TCP_ATTEMPT_FAILS, counters.TCP_RETRANS_SEGS]).toEqual([0, 0, 0]);
  exports.sock_close(listener);
});

test("all at once and in any order: what waits in the accept queue, and what ends there, costs no walk", async () => {
  const many = MANY / 5;
  const { stack, exports, listener, bare } = await crowd(many, 16);
  const clients = Array.from({ length: many }, () => {
    const client = bare.connect();
    bare.settle();
    return client;
  });
  // Every second one ends before it is accepted, the last ones first.
  for (let i = many - 1; i >= 0; i -= 2) {
    exports.sock_abort(clients[i] as number);
    bare.settle();
  }
  let accepted = 0;
  for (let handle = exports.sock_accept(listener); handle > 0; handle = exports.sock_accept(listener)) {
    accepted++;
    exports.sock_abort(handle);
    bare.settle();
  }
  expect(accepted).toBe(many / 2);
  expect(stack.statistics().counters.TCP_ESTAB_RESETS).toBeGreaterThanOrEqual(many / 2);
  for (let i = 0; i < many; i += 2) exports.sock_close(clients[i] as number);
  exports.sock_close(listener);
});

test(`connections come and go for ${MINUTES} minutes among five hundred that stay: nothing of them is left`, async () => {
  const stay = 500;
  const { stack, exports, listener, bare } = await crowd(stay + 50, 256);
  const pairs = Array.from({ length: stay }, () => {
    const client = bare.connect();
    bare.settle();
    return [client, exports.sock_accept(listener)] as const;
  });
  const free = () => stack.memory().byteRings[0]?.free;
  const rest = free();
  const before = stack.statistics().counters.TCP_PASSIVE_OPENS;
  let rounds = 0;
  const end = bare.us + MINUTES * 60e6;
  for (; bare.us < end; rounds++) {
    const client = bare.connect();
    bare.settle();
    const server = exports.sock_accept(listener);
    bare.say(client, rounds);
    bare.settle();
    expect(bare.hear(server)).toBe(rounds);
    // In four ways: either side first, both at once, by a reset.
    const way = rounds % 4;
    if (way === 3) exports.sock_abort(client);
    else exports.sock_close(way === 1 ? server : client);
    if (way !== 2) bare.settle();
    exports.sock_close(way === 1 ? client : server);
    bare.settle();
    if (rounds % 100 === 0) {
      const [one, other] = pairs[(rounds / 100) % stay] as readonly [number, number];
      bare.say(one, rounds);
      bare.settle();
      expect(bare.hear(other)).toBe(rounds);
    }
    bare.pass(20_000);
  }
  expect(free()).toBe(rest);
  expect(stack.statistics().counters.TCP_PASSIVE_OPENS - before).toBe(rounds);
  bare.pass(120e6);
  expect(timeWaits(stack)).toBe(0);
  for (const handle of pairs.flat()) {
    exports.sock_abort(handle);
    bare.settle();
  }
  exports.sock_close(listener);
});
