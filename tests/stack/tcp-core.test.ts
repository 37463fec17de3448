/**
 * TCP by the module's own calls, over loopback: a connection from end to end, bytes both ways, closing from either end.
 */
import { expect, test } from "vitest";
import * as CALL from "../../assembly/abi/call.js";
import { E_AGAIN, E_BADF } from "../../assembly/abi/errno.js";
import { HANDLE_INDEX, PCB_TCB } from "../../assembly/abi/socket.js";
import * as TCP from "../../assembly/abi/tcp.js";
import type { Stack, VirtualClock } from "../../src/index.js";
import { boot } from "./harness.js";

function stateOf(stack: Stack, handle: number): number {
  const record = stack.core.exports.sock_record(handle & HANDLE_INDEX);
  const tcb = stack.core.u32[(record + PCB_TCB) >> 2] as number;
  return stack.core.u32[(tcb + TCP.TCB_STATE) >> 2] as number;
}

function run(stack: Stack, us = 0): void {
  stack.core.exports.stack_poll(stack.clock.now(), 0, 1000);
  (stack.clock as VirtualClock).advanceSync(us);
}

async function pair(): Promise<{ stack: Stack; client: number; server: number; listener: number }> {
  const stack = await boot();
  const { exports } = stack.core;
  const listener = exports.sock_open(6);
  stack.core.putPeer(0x7f000001, 65432);
  expect(exports.sock_bind(listener)).toBe(0);
  expect(exports.sock_listen(listener, 5)).toBe(0);
  const client = exports.sock_open(6);
  stack.core.putPeer(0x7f000001, 65432);
  expect(exports.sock_connect(client)).toBe(0);
  kick(stack);
  expect(stateOf(stack, client)).toBe(TCP.TCP_ESTABLISHED);
  const server = exports.sock_accept(listener);
  expect(server).toBeGreaterThan(0);
  return { stack, client, server, listener };
}

/** The host polls when one of its own calls made work; these tests call the module directly. */
function kick(stack: Stack, us = 0): void {
  for (let i = 0; i < 8; i++) {
    (stack as unknown as { work?(): void }).work?.();
    run(stack, us);
  }
}

function write(stack: Stack, handle: number, bytes: Uint8Array): number {
  const { exports } = stack.core;
  let done = 0;
  while (done < bytes.length) {
    const room = exports.tcp_send_window(handle);
    if (room === -E_AGAIN) break;
    expect(room).toBeGreaterThan(0);
    const n = Math.min(room, bytes.length - done);
    stack.core.u8.set(bytes.subarray(done, done + n), stack.core.get(CALL.CALL_PTR));
    expect(exports.tcp_send(handle, n, 0)).toBe(0);
    done += n;
  }
  return done;
}

function read(stack: Stack, handle: number): Uint8Array | null {
  const { exports } = stack.core;
  const parts: number[] = [];
  for (;;) {
    const n = exports.tcp_receive_window(handle);
    if (n === -E_AGAIN) return Uint8Array.from(parts);
    if (n === 0) return parts.length > 0 ? Uint8Array.from(parts) : null;
    expect(n).toBeGreaterThan(0);
    const at = stack.core.get(CALL.CALL_PTR);
    parts.push(...stack.core.u8.subarray(at, at + n));
    expect(exports.tcp_receive(handle, n)).toBe(0);
  }
}

test("bytes go both ways over loopback, and both ends close", async () => {
  const { stack, client, server, listener } = await pair();
  const { exports } = stack.core;
  const text = new TextEncoder().encode("hello, TCP");
  expect(write(stack, client, text)).toBe(text.length);
  kick(stack);
  expect(read(stack, server)).toEqual(text);
  expect(write(stack, server, text)).toBe(text.length);
  kick(stack);
  expect(read(stack, client)).toEqual(text);
  const big = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) ^ (i >> 8));
  const got: number[] = [];
  let sent = 0;
  for (let round = 0; round < 1000 && got.length < big.length; round++) {
    sent += write(stack, client, big.subarray(sent));
    kick(stack, 1000);
    got.push(...(read(stack, server) ?? []));
  }
  expect(got.length).toBe(big.length);
  expect(Uint8Array.from(got)).toEqual(big);
  expect(exports.sock_shutdown(client, 1)).toBe(0);
  kick(stack);
  expect(read(stack, server)).toBeNull();
  expect(stateOf(stack, client)).toBe(TCP.TCP_FIN_WAIT_2);
  expect(stateOf(stack, server)).toBe(TCP.TCP_CLOSE_WAIT);
  expect(exports.sock_close(server)).toBe(0);
  kick(stack);
  expect(read(stack, client)).toBeNull();
  expect(stateOf(stack, client)).toBe(TCP.TCP_CLOSED);
  exports.sock_close(client);
  exports.sock_close(listener);
});

test("a connection that waits to be accepted has no handle that anybody could guess", async () => {
  const { stack, client, server, listener } = await pair();
  const { exports } = stack.core;
  const second = exports.sock_open(6);
  stack.core.putPeer(0x7f000001, 65432);
  expect(exports.sock_connect(second)).toBe(0);
  kick(stack);
  // Fresh records are handed out in order.
  const guess = second + 1;
  expect(exports.sock_ready(guess), "before it is accepted").toBe(-E_BADF);
  expect(exports.sock_accept(listener)).toBe(guess);
  expect(exports.sock_ready(guess)).toBeGreaterThan(0);
  for (const handle of [client, server, second, guess, listener]) expect(exports.sock_close(handle)).toBe(0);
});
