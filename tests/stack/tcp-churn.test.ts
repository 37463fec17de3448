/**
 * Many connections: a hundred thousand one after the other, thousands at once, more than a listener takes. Nothing of them
 * is left, whatever pool is the smallest.
 */
import { expect, test } from "vitest";
import { CALL_ADDR, CALL_PORT, CALL_PTR } from "../../assembly/abi/call.js";
import { E_AGAIN } from "../../assembly/abi/errno.js";
import { OPT_TCP_RECEIVE_BUFFER, OPT_TCP_SEND_BUFFER } from "../../assembly/abi/socket.js";
import { TCP_ESTABLISHED, TCP_SYN_SENT } from "../../assembly/abi/tcp.js";
import { readIpv4 } from "../../src/address.js";
import { type Stack, VirtualClock } from "../../src/index.js";
import { Rings } from "../../src/wasm/rings.js";
import { boot, build, timeWaits } from "./harness.js";
import { heldConnections, listen } from "./tcp-stateless.js";

const TCP = 6;
const PORT = 7000;
const LOOPBACK = 0x7f000001;
/** The debug module checks every step that it takes. */
const CHURN = build === "debug" ? 10_000 : 100_000;

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
    do wait = exports.stack_poll(this.us >>> 0, Math.floor(this.us / 2 ** 32), 1000);
    while (this.#lo.handOver() > 0 || wait === 0);
  }

  /** Lets the time pass that an ACK may be late, for which a second small segment waits. */
  pass(): void {
    this.us += 50_000;
    this.settle();
  }

  /** A connection to the listener: its handle. */
  connect(): number {
    const { core } = this.stack;
    const handle = core.exports.sock_open(TCP);
    core.putPeer(LOOPBACK, PORT);
    const begun = core.exports.sock_connect(handle);
    if (handle < 0 || begun < 0) throw new Error(`sock_open answers ${handle}, sock_connect ${begun}`);
    return handle;
  }
}

/** Connects, accepts and closes, `CHURN` times, a millisecond each; the side that connected closes first or second. */
async function churn(options: { timeWaits: number; timeWaitMs?: number }): Promise<Stack> {
  const stack = await boot({
    sockets: 16,
    tcpBlocks: 8,
    timeWaits: options.timeWaits,
    rings2K: 8,
    rings16K: 0,
    rings64K: 0,
    rings1M: 0,
  });
  if (options.timeWaitMs !== undefined) stack.switches.set("TCP_TIME_WAIT_MS", options.timeWaitMs);
  const { exports } = stack.core;
  const bare = new Bare(stack);
  const listener = listen(stack, PORT, 4);
  for (let i = 0; i < CHURN; i++) {
    const client = bare.connect();
    bare.settle();
    const server = exports.sock_accept(listener);
    const [first, second] = i % 3 === 0 ? [server, client] : [client, server];
    exports.sock_close(first);
    bare.settle();
    exports.sock_close(second);
    bare.settle();
    if (server < 0) throw new Error(`connection ${i}: sock_accept answers ${server}`);
    bare.us += 1000;
  }
  const { counters } = stack.statistics();
  expect(counters.TCP_PASSIVE_OPENS).toBe(CHURN);
  expect(counters.TCP_TIME_WAITS).toBe(CHURN);
  expect([counters.TCP_ESTAB_RESETS, counters.TCP_ATTEMPT_FAILS, counters.TCP_RETRANS_SEGS]).toEqual([0, 0, 0]);
  expect(stack.memory().byteRings.map(({ free }) => free)).toEqual([8, 0, 0, 0]);
  exports.sock_close(listener);
  return stack;
}

test(`${CHURN} connections one after the other, none of which waits in TIME-WAIT`, async () => {
  const stack = await churn({ timeWaits: 8, timeWaitMs: 0 });
  expect(stack.statistics().counters.TCP_TIME_WAIT_RECYCLED).toBe(0);
  expect(timeWaits(stack)).toBeLessThan(2);
});

test(`${CHURN} connections while TIME-WAIT lasts its minute: the oldest give way (RFC 9293 §3.6.1)`, async () => {
  const stack = await churn({ timeWaits: 100 });
  // A port that comes again takes the server's old record with it (RFC 6191).
  expect(stack.statistics().counters.TCP_TIME_WAIT_RECYCLED).toBeGreaterThan(0.98 * CHURN);
  expect(timeWaits(stack)).toBe(100);
});

test("two thousand connections at once, accepted in the order in which they came; each has its own bytes", async () => {
  const many = 2000;
  const stack = await boot({
    sockets: 2 * many + 2,
    tcpBlocks: 2 * many + 1,
    timeWaits: many,
    rings2K: 4 * many,
    rings16K: 0,
    rings64K: 0,
    rings1M: 0,
  });
  const { core } = stack;
  const { exports, u8 } = core;
  const bare = new Bare(stack);
  const listener = listen(stack, PORT, many);
  for (const option of [OPT_TCP_SEND_BUFFER, OPT_TCP_RECEIVE_BUFFER]) exports.sock_set(listener, option, 2048);
  const clients: number[] = [];
  for (let i = 0; i < many; i++) {
    clients.push(bare.connect());
    bare.settle();
  }
  // A ring may end within.
  const send = (handle: number, text: string) => {
    for (let bytes = new TextEncoder().encode(text); bytes.length > 0; ) {
      const some = bytes.subarray(0, exports.tcp_send_window(handle));
      u8.set(some, core.get(CALL_PTR));
      exports.tcp_send(handle, some.length, 0);
      bytes = bytes.subarray(some.length);
    }
    bare.settle();
  };
  const receive = (handle: number) => {
    let text = "";
    for (let length = exports.tcp_receive_window(handle); length > 0; length = exports.tcp_receive_window(handle)) {
      const at = core.get(CALL_PTR);
      text += new TextDecoder().decode(u8.subarray(at, at + length));
      exports.tcp_receive(handle, length);
    }
    return text;
  };
  for (const [i, handle] of clients.entries()) send(handle, `I am number ${i}`);
  bare.pass();
  const servers: number[] = [];
  for (let handle = exports.sock_accept(listener); handle > 0; handle = exports.sock_accept(listener)) {
    expect([readIpv4(u8, core.call + CALL_ADDR), core.get(CALL_PORT) > 0]).toEqual([LOOPBACK, true]);
    servers.push(handle);
  }
  expect(servers.map(receive)).toEqual(clients.map((_, i) => `I am number ${i}`));
  for (const [i, handle] of servers.entries()) send(handle, `you are number ${i}`);
  bare.pass();
  expect(clients.map(receive)).toEqual(clients.map((_, i) => `you are number ${i}`));
  // One after the other, since no more than TCP_ORPHANS may go on without an application.
  for (const handle of [...clients.flatMap((client, i) => [client, servers[i] as number]), listener]) {
    exports.sock_close(handle);
    bare.settle();
  }
  expect(timeWaits(stack)).toBe(many);
  expect(stack.memory().byteRings[0]).toMatchObject({ free: 4 * many });
});

test("whom the backlog has no place for is heard when there is one: the SYN comes again", async () => {
  const clock = new VirtualClock();
  const stack = await boot({ clock, tcpBlocks: 64, sockets: 64 });
  const { exports } = stack.core;
  const listener = listen(stack, PORT, 5);
  const clients = Array.from({ length: 20 }, () => new Bare(stack).connect());
  const inState = (state: number) => heldConnections(stack, 32).filter((t) => t.get("state") === state).length;
  stack.work();
  clock.advanceSync(1000);
  expect([inState(TCP_ESTABLISHED), inState(TCP_SYN_SENT)]).toEqual([5, 15]);
  expect(stack.statistics().drops.TCP_BACKLOG).toBe(15);
  let accepted = 0;
  for (let seconds = 0; seconds < 120; seconds++) {
    while (exports.sock_accept(listener) > 0) accepted++;
    clock.advanceSync(1e6);
  }
  expect([accepted, exports.sock_accept(listener)]).toEqual([20, -E_AGAIN]);
  expect(inState(TCP_ESTABLISHED)).toBe(40);
  for (const t of heldConnections(stack, 32)) exports.sock_abort(t.handle);
  exports.sock_close(listener);
  expect(clients).toHaveLength(20);
});
