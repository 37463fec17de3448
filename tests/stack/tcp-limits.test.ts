/**
 * TCP where numbers reach their ends: a ring that is full, options that leave no room for text, places more than half of
 * the sequence space apart; and sockets that are nobody's yet.
 */
import { expect, test } from "vitest";
import { CALL_OPTIONS } from "../../assembly/abi/call.js";
import { E_BADF, E_OPNOTSUPP } from "../../assembly/abi/errno.js";
import { EVENT_READABLE, EVENT_URGENT } from "../../assembly/abi/event.js";
import {
  GROUP_JOIN,
  HANDLE_INDEX,
  OPT_TCP_MSS,
  OPT_TCP_RECEIVE_BUFFER,
  OPT_TCP_SEND_BUFFER,
  PCB_TCB,
  SEND_URGENT,
  SHUT_WR,
} from "../../assembly/abi/socket.js";
import { TCB_RCV_NXT, TCB_RCV_UP, TCB_SND_MSS } from "../../assembly/abi/tcp.js";
import { ipv4 } from "../../src/address.js";
import { SimLink, type Stack, VirtualClock } from "../../src/index.js";
import type { StackOptions } from "../../src/stack.js";
import { boot } from "./harness.js";
import { openTcp, TcpEnd, type TcpOptions } from "./tcp-end.js";

const PORT = 7;
const KEY = 1;
const SILENT = { key: 2, bytes: 0 };

/** Two stacks on a link. */
async function two(mtu = 1500, options: StackOptions = {}): Promise<{ clock: VirtualClock; a: Stack; b: Stack }> {
  const clock = new VirtualClock();
  const link = new SimLink({ clock, seed: 1, delayUs: 1000 });
  const join = async (name: string, number: number) => {
    const stack = await boot({ clock, name, ...options });
    stack.addInterface(link.nic({ mtu }), { address: `10.0.0.${number}/24` });
    return stack;
  };
  return { clock, a: await join("a", 1), b: await join("b", 2) };
}

function listen(stack: Stack, options: TcpOptions = {}): number {
  const handle = openTcp(stack, options);
  stack.core.putPeer(0, PORT);
  expect(stack.core.exports.sock_bind(handle)).toBe(0);
  expect(stack.core.exports.sock_listen(handle, 8)).toBe(0);
  return handle;
}

function tcb(stack: Stack, handle: number): number {
  return stack.core.u32[(stack.core.exports.sock_record(handle & HANDLE_INDEX) + PCB_TCB) >> 2] as number;
}

test("of a ring of a mebibyte that nobody reads no byte is written twice, however odd the segments are", async () => {
  // Segments of 1445 bytes: none ends at a multiple of 16, which a window with a shift of 4 can say.
  const { clock, a, b } = await two(1497, { rings1M: 4 });
  const bytes = 1_200_000;
  const listener = listen(b, { [OPT_TCP_RECEIVE_BUFFER]: 1 << 20 });
  const plan = { writes: { key: KEY, bytes }, reads: SILENT };
  const client = TcpEnd.connect(a, "10.0.0.2", PORT, plan, { [OPT_TCP_SEND_BUFFER]: 1 << 20 });
  clock.advanceSync(30_000_000);
  const { exports } = b.core;
  const server = new TcpEnd(b, exports.sock_accept(listener), { writes: SILENT, reads: { key: KEY } });
  expect(server.read).toBeGreaterThan((1 << 20) - 2048);
  expect(server.read).toBeLessThanOrEqual(1 << 20);
  clock.advanceSync(30_000_000);
  expect(server.read).toBe(bytes);
  for (const end of [client, server]) end.close();
  exports.sock_close(listener);
});

test("segments have room for text where headers take all that the peer's MSS allows", async () => {
  for (const options of [{}, { largeBuffers: 0 }]) {
    const { clock, a, b } = await two(1500, options);
    const listener = listen(b, { [OPT_TCP_MSS]: 48 });
    // Forty bytes of IP options and twelve of timestamps: record route, for nine routers.
    const handle = openTcp(a);
    a.core.u8.set([7, 39, 4], a.core.call + CALL_OPTIONS);
    expect(a.core.exports.sock_options(handle, 39)).toBe(0);
    a.core.putPeer(ipv4("10.0.0.2"), PORT);
    expect(a.core.exports.sock_connect(handle)).toBe(0);
    a.work();
    clock.advanceSync(10_000);
    const mss = a.core.u32[(tcb(a, handle) + TCB_SND_MSS) >> 2] as number;
    expect(mss).toBeGreaterThan(0);
    expect(mss).toBeLessThanOrEqual(48);
    const client = new TcpEnd(a, handle, { writes: { key: KEY, bytes: 5000 }, reads: SILENT });
    clock.advanceSync(10_000_000);
    const server = new TcpEnd(b, b.core.exports.sock_accept(listener), { writes: SILENT, reads: { key: KEY } });
    clock.advanceSync(60_000_000);
    expect(server.read).toBe(5000);
    for (const end of [client, server]) end.close();
    b.core.exports.sock_close(listener);
  }
});

test("urgent data is announced, too, when none was for more than half of the sequence space", async () => {
  const { clock, a, b } = await two();
  const listener = listen(b);
  const client = TcpEnd.connect(a, "10.0.0.2", PORT, { writes: SILENT, reads: SILENT });
  clock.advanceSync(10_000);
  const { exports, u32 } = b.core;
  const server = exports.sock_accept(listener);
  // So it stands after 2^31 bytes and some.
  const record = tcb(b, server);
  u32[(record + TCB_RCV_UP) >> 2] = (u32[(record + TCB_RCV_NXT) >> 2] as number) - 0x80001000;
  a.tick();
  expect(a.core.exports.tcp_send_window(client.handle)).toBeGreaterThan(0);
  expect(a.core.exports.tcp_send(client.handle, 1, SEND_URGENT)).toBe(0);
  a.work();
  clock.advanceSync(10_000);
  expect(exports.sock_ready(server) & EVENT_URGENT).toBe(EVENT_URGENT);
  exports.sock_abort(server);
  client.close();
  exports.sock_close(listener);
});

test("a connection is nobody's before it is accepted, and its accepter is told of all that has come", async () => {
  const { clock, a, b } = await two();
  const listener = listen(b);
  const client = TcpEnd.connect(a, "10.0.0.2", PORT, { writes: SILENT, reads: SILENT });
  clock.advanceSync(10_000);
  const { exports } = b.core;
  // Its handle can be guessed: the first of the next slot.
  const guess = (1 << 16) | ((listener & HANDLE_INDEX) + 1);
  expect(exports.sock_close(guess)).toBe(-E_BADF);
  expect(exports.sock_abort(guess)).toBe(-E_BADF);
  a.tick();
  expect(a.core.exports.sock_shutdown(client.handle, SHUT_WR)).toBe(0);
  a.work();
  clock.advanceSync(10_000);
  const seen: number[] = [];
  expect(exports.sock_accept(listener)).toBe(guess);
  b.register({ handle: guess, event: (bits) => seen.push(bits), abandon() {} });
  b.work();
  clock.advanceSync(10_000);
  expect((seen[0] as number) & EVENT_READABLE).toBe(EVENT_READABLE);
  expect(exports.tcp_receive_window(guess)).toBe(0);
  b.unregister({ handle: guess, event() {}, abandon() {} });
  expect(exports.sock_close(guess)).toBe(0);
  client.close();
  exports.sock_close(listener);
});

test("a TCP socket joins no groups", async () => {
  const { b: stack } = await two();
  const handle = openTcp(stack);
  stack.core.putPeer(ipv4("239.1.2.3"), 0);
  expect(stack.core.exports.sock_group(handle, GROUP_JOIN)).toBe(-E_OPNOTSUPP);
  expect(stack.core.exports.sock_close(handle)).toBe(0);
});
